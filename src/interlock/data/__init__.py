"""Images and labelled folders, read with errors that name the file and the fix."""

from interlock.data.folders import LabelledFolder, list_images
from interlock.data.images import read_image

__all__ = ["LabelledFolder", "list_images", "read_image"]

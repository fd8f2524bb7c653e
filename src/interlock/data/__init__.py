"""Images and data sets, read with errors that name the item and the fix."""

from interlock.data.folders import LabelledFolder, list_images
from interlock.data.images import decode_image, read_image
from interlock.data.sources import Sample, Source, open_source

__all__ = [
    "LabelledFolder",
    "Sample",
    "Source",
    "decode_image",
    "list_images",
    "open_source",
    "read_image",
]

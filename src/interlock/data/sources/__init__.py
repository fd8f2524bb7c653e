"""Where data items come from: folders, tables, Parquet, datasets, tars; on any file system."""

from interlock.data.sources.opening import KINDS, open_source
from interlock.data.sources.sample import Label, Place, Sample, Source

__all__ = ["KINDS", "Label", "Place", "Sample", "Source", "open_source"]

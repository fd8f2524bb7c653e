"""Where data items come from: folders, tables, Parquet, datasets, tars; on any file system."""

from interlock.data.sources.opening import KINDS, open_source
from interlock.data.sources.sample import Label, Origin, Sample, Source

__all__ = ["KINDS", "Label", "Origin", "Sample", "Source", "open_source"]

"""A source by the name of its kind."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any, cast

from interlock.data.sources.sample import Source
from interlock.errors import DataError, OptionError

KINDS = {
    "folder": "folder.FolderSource",
    "csv": "table.CsvSource",
    "parquet": "parquet.ParquetSource",
    "datasets": "hugging_face.DatasetsSource",
    "webdataset": "tars.TarSource",
    "prompts": "prompts.PromptSource",
    "skimage": "package_photos.PackagePhotos",
}
"""Each kind, and the class that reads it."""


def open_source(
    kind: str,
    path: str,
    *,
    limit: int | None = None,
    offset: int = 0,
    shuffle: int | None = None,
    step: int = 1,
    **options: Any,
) -> Source:
    """Open a source of images or prompts. Nothing is decoded yet.

    Args:
        kind: one of ``KINDS``.
        path: a local path, or a URL of a file system that fsspec knows.
        limit: at most so many samples.
        offset: leave out so many first.
        shuffle: seed of an order by index (see ``shuffled``); applied before offset and limit.
        step: after the offset every so many, 2 for every second one.
        options: those of the kind; ``storage`` with options of the file system fits every kind.

    Raises:
        OptionError: an unknown kind or option, or a value outside its range.
        DataError: the path is missing, or does not hold what the kind expects.
    """
    from interlock.data.sources.selection import Selection

    if kind not in KINDS:
        raise OptionError(f"{kind!r}: unknown kind of data; choose from {', '.join(KINDS)}")
    if not isinstance(path, str) or not path:
        raise DataError(f"{kind}: the path of the data is {path!r}; expected text")
    module, _, name = KINDS[kind].partition(".")
    factory = getattr(import_module(f"interlock.data.sources.{module}"), name)
    known = [p for p in inspect.signature(factory).parameters if p != "path"]
    for option in options:
        if option not in known:
            choices = ", ".join([*known, "limit", "offset", "shuffle", "step"])
            raise OptionError(f"{option!r}: {kind} data has no such option; choose from {choices}")
    source = cast("Source", factory(path, **options))
    if limit is None and offset == 0 and shuffle is None and step == 1:
        return source
    return Selection(source, limit=limit, offset=offset, shuffle=shuffle, step=step)

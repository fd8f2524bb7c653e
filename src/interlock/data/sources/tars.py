"""WebDataset shards: tar files in which the files of one sample share a name and stand together."""

from __future__ import annotations

import json
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from interlock.data.sources.folder import SUFFIXES
from interlock.data.sources.labels import cell_label, checked, class_names
from interlock.data.sources.paths import FilePart, base, find
from interlock.data.sources.sample import Sample, Source, check_index
from interlock.data.sources.tar_groups import Group, groups
from interlock.errors import DataError

_IMAGES = frozenset(s[1:] for s in SUFFIXES)


@dataclass(frozen=True)
class _Index:
    starts: list[int]
    """Number of the first sample of each shard, and the count."""
    offsets: list[array[int]]
    """For each shard, where each sample's first header lies."""


class TarSource(Source):
    """One sample for each group of files, shard after shard sorted by name.

    A key is a path up to the first dot of its last part, as in the ``webdataset`` package. The
    image is the file with an image suffix. The label is that of ``.cls`` (an index or a name),
    else a field of ``.json``. Ids are keys; with several shards, ``shard.tar:key``.

    Iterating reads headers and labels, and passes over the images. ``len`` and ``sample``
    need one such pass, which keeps 8 bytes a sample. The keys of one shard are held.

    Args:
        path: a tar file, a folder of them, or a pattern (``*``, ``{000..146}``).
        image: suffix of the image file; by default any image suffix.
        label: name of the field of ``.json``.
        classes: class names, or the file that lists them.
        storage: options of the file system.

    Raises:
        DataError: no shard is found. While iterating: a shard is empty, compressed, cut off or
            damaged, two samples share a key, a group has a label but no image, or a label is
            outside the classes.
    """

    def __init__(
        self,
        path: str,
        *,
        image: str = "",
        label: str = "label",
        classes: Sequence[str] | str | None = None,
        storage: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = path
        self._classes = class_names(classes, storage)
        self._images = frozenset((image.lower().lstrip("."),)) if image else _IMAGES
        self._label = label
        self._fs, self._shards = find(path, (".tar",), storage)
        self._kept_index: _Index | None = None

    def __len__(self) -> int:
        return self._index().starts[-1]

    def __iter__(self) -> Iterator[Sample]:
        for number in range(len(self._shards)):
            for _, sample in self._samples(number):
                yield sample

    def sample(self, index: int) -> Sample:
        """The sample at a position, counted over all shards."""
        whole = self._index()
        check_index(index, whole.starts[-1])
        number = bisect_right(whole.starts, index) - 1
        offset = whole.offsets[number][index - whole.starts[number]]
        return next(sample for _, sample in self._samples(number, offset))

    def _index(self) -> _Index:
        if self._kept_index is None:
            shards = range(len(self._shards))
            offsets = [array("q", (start for start, _ in self._samples(k))) for k in shards]
            self._kept_index = _Index([0, *accumulate(map(len, offsets))], offsets)
        return self._kept_index

    def _samples(self, number: int, start: int = 0) -> Iterator[tuple[int, Sample]]:
        shard = self._shards[number]
        where = self.path if base(shard) == base(self.path) else f"{self.path}: {base(shard)}"
        seen: set[str] = set()
        for group in groups(self._fs, shard, where, start):
            sample = self._sample(group, shard, where)
            if sample is not None:
                if sample.id in seen:
                    raise DataError(f"{where}: two samples are named {group.key}; name each once")
                seen.add(sample.id)
                yield group.start, sample
        if not seen:
            raise DataError(f"{where}: holds no images")

    def _sample(self, group: Group, shard: str, where: str) -> Sample | None:
        images = [suffix for suffix in group.files if suffix in self._images]
        if not images:
            if "cls" in group.files:
                raise DataError(
                    f"{where}: {group.key}.cls stands apart from its image; files of one sample"
                    " must follow each other (tar --sort=name)"
                )
            return None  # notes, or another modality
        if len(images) > 1:
            names = ", ".join(f".{suffix}" for suffix in sorted(images))
            raise DataError(f"{where}: {group.key} has images {names}; name one (image = ...)")
        file = group.files[images[0]]
        name = group.key if len(self._shards) == 1 else f"{base(shard)}:{group.key}"
        label = checked(self._stored_label(group, where), self._classes, f"{where}: {group.key}")
        part = FilePart(self._fs, shard, file.start, file.start + file.size)
        return Sample(name, label, self.path, part)

    def _stored_label(self, group: Group, where: str) -> object:
        try:
            if "cls" in group.files:
                return cell_label(group.read("cls").decode("utf-8-sig"))
            if self._label and "json" in group.files:
                return json.loads(group.read("json"))[self._label]
        except KeyError:
            return None
        except (ValueError, TypeError):
            raise DataError(f"{where}: the label of {group.key} cannot be read") from None
        return None

"""Rows with an image and a label column, whatever stores them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

from interlock.data.sources.labels import checked, class_names
from interlock.data.sources.sample import Label, Origin, Sample, Source, check_index
from interlock.errors import DataError


class RowSource(Source):
    """One sample for each row, in the order of the rows.

    ``own`` are class names that are stored with the data; ``classes`` take their place. With
    them, -1 means no label. The other arguments are those that each source documents.
    """

    def __init__(
        self,
        path: str,
        label: str,
        classes: Sequence[str] | str | None,
        own: Sequence[str] | None,
        storage: Mapping[str, Any] | None,
    ) -> None:
        self.path, self._label = path, label
        self._classes = class_names(classes, storage) or (tuple(own) if own else None)
        self._none = -1 if own else None

    def __iter__(self) -> Iterator[Sample]:
        values = self._values() if self._label else repeat(None, len(self))
        return (self._sample(row, value) for row, value in enumerate(values))

    def sample(self, index: int) -> Sample:
        """The sample of a row, 0 first."""
        check_index(index, len(self))
        return self._sample(index, self._value(index) if self._label else None)

    @abstractmethod
    def _values(self) -> Iterator[object]:
        """The stored labels, in order."""

    @abstractmethod
    def _value(self, row: int) -> object:
        """The stored label of one row."""

    @abstractmethod
    def _origin(self, row: int) -> tuple[str, str, Origin]:
        """(id, what errors call the row, where its image lies)."""

    def _sample(self, row: int, value: object) -> Sample:
        name, where, origin = self._origin(row)
        label: Label = None
        if value != self._none:
            label = checked(value, self._classes, where)
        return Sample(name, label, self.path, origin)


def see_columns(wanted: Sequence[str], names: Sequence[str], where: str) -> None:
    """See that the columns are there; ``""`` stands for none.

    Raises:
        DataError: one is missing.
    """
    for column in wanted:
        if column and column not in names:
            raise DataError(
                f"{where} has no column {column!r}; its columns are {', '.join(names) or 'none'}"
            )

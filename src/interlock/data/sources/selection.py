"""A part of a source: shuffled, from an offset on, up to a limit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from interlock.data.sources.sample import Sample, Source, check_index
from interlock.errors import OptionError


def shuffled(count: int, seed: int) -> NDArray[np.int64]:
    """Indices 0..count-1 in a seeded order, the same with every library and on every machine.

    Index i comes at the rank of SHA-256(``"seed:i"``): the digests' first 8 bytes are compared as
    big-endian numbers, and equal ones keep their order.

    Returns:
        (count,).
    """
    from hashlib import sha256

    keys = np.fromiter(
        (int.from_bytes(sha256(f"{seed}:{i}".encode()).digest()[:8]) for i in range(count)),
        dtype=np.uint64,
        count=count,
    )
    return np.argsort(keys, kind="stable")


@dataclass(frozen=True, eq=False)
class Selection:
    """First shuffled, then ``offset`` samples left out, then at most ``limit`` given.

    A sample is the same object in every selection: its id does not depend on the order.

    Raises:
        OptionError: an option is negative.
    """

    source: Source
    limit: int | None = None
    offset: int = 0
    shuffle: int | None = None
    """Seed of the order; None keeps the source's own."""

    def __post_init__(self) -> None:
        for name, value in (("limit", self.limit), ("offset", self.offset)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
                raise OptionError(f"{name}={value!r}: expected a whole number")
            if value is not None and value < 0:
                raise OptionError(f"{name}={value}: must be 0 or more")
        if self.shuffle is not None and (
            isinstance(self.shuffle, bool) or not isinstance(self.shuffle, int)
        ):
            raise OptionError(f"shuffle={self.shuffle!r}: expected a whole number, the seed")

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Of the source."""
        return self.source.classes

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        assert self.shuffle is not None
        return shuffled(len(self.source), self.shuffle)

    def __len__(self) -> int:
        left = max(len(self.source) - self.offset, 0)
        return left if self.limit is None else min(left, self.limit)

    def __iter__(self) -> Iterator[Sample]:
        if self.shuffle is None:  # the source may stream
            stop = None if self.limit is None else self.offset + self.limit
            yield from islice(self.source, self.offset, stop)
            return
        for k in range(len(self)):
            yield self.sample(k)

    def sample(self, index: int) -> Sample:
        """The sample at a position of the selection."""
        check_index(index, len(self))
        index += self.offset
        return self.source.sample(index if self.shuffle is None else int(self._order[index]))

    def describe(self) -> dict[str, object]:
        """That of the source with the selection's count and its options that are set."""
        options = {"limit": self.limit, "offset": self.offset or None, "shuffle": self.shuffle}
        given = {name: value for name, value in options.items() if value is not None}
        return self.source.describe() | {"count": len(self)} | given

"""A part of a source: shuffled, from an offset on, every so many, up to a limit."""

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
class Selection(Source):
    """First shuffled, then ``offset`` samples left out, then every ``step``-th, at most ``limit``.

    A sample is the same object in every selection: its id does not depend on the order.

    Raises:
        OptionError: an option is negative, or the step below 1.
    """

    source: Source
    limit: int | None = None
    offset: int = 0
    shuffle: int | None = None
    """Seed of the order; None keeps the source's own."""
    step: int = 1
    """2 takes every second one: with ``offset`` 0 and 1 these are two halves."""

    def __post_init__(self) -> None:
        least = {"limit": 0, "offset": 0, "step": 1}
        for name, value in (("limit", self.limit), ("offset", self.offset), ("step", self.step)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
                raise OptionError(f"{name}={value!r}: expected a whole number")
            if value is not None and value < least[name]:
                raise OptionError(f"{name}={value}: must be {least[name]} or more")
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
        left = -(-max(len(self.source) - self.offset, 0) // self.step)
        return left if self.limit is None else min(left, self.limit)

    def __iter__(self) -> Iterator[Sample]:
        if self.shuffle is None:  # the source may stream
            stop = None if self.limit is None else self.offset + self.limit * self.step
            yield from islice(self.source, self.offset, stop, self.step)
            return
        for k in range(len(self)):
            yield self.sample(k)

    def sample(self, index: int) -> Sample:
        """The sample at a position of the selection."""
        check_index(index, len(self))
        index = self.offset + index * self.step
        return self.source.sample(index if self.shuffle is None else int(self._order[index]))

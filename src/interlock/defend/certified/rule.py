"""Order-free double masking: what the labels under pairs of masks decide, and which to ask first.

Row m of an image are the labels under mask m joined with each mask; the row of no mask holds the
labels under single masks. Two constant rows share an entry, so that all constant rows have one
label. Rows may therefore be asked in any order, and what is answered where no row is constant is
free: neither can change the label of a constant row (``docs/defend.md``, theorem 1).

Each rule here is a generator: it yields pairs of masks, is sent nothing, and finds their labels in
the table when it goes on. So the questions of many images go to the model together.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Pair = tuple[int, int]
Asking = Generator[list[Pair], None, T]
CHUNK = 8
"""Entries of a row that are asked at a time: a row that is not constant is left early."""
UNKNOWN = -1
NO_MASK = -1
"""The row of single masks, and in place of a mask where none was decisive."""


class Table:
    """The labels of one image under pairs of masks, as far as they are known.

    Args:
        masks: how many there are, n.
    """

    def __init__(self, masks: int) -> None:
        self.masks = masks
        self.labels: NDArray[np.int64] = np.full((masks, masks), UNKNOWN)
        """(n, n), symmetric; single masks on the diagonal."""
        self.gaps = np.zeros((masks, masks))
        """(n, n): how far the label lies above the next one, over the largest logit."""
        self.clear = np.zeros((masks, masks), dtype=bool)
        """(n, n): whether that is more than rounding may change."""

    def put(self, pair: Pair, label: int, gap: float, clear: bool) -> None:
        """Take in an entry."""
        for a, b in (pair, pair[::-1]):
            self.labels[a, b], self.gaps[a, b], self.clear[a, b] = label, gap, clear

    def row(self, row: int) -> list[Pair]:
        """The entries of a row; those that may break it come first, as far as that is known."""
        if row == NO_MASK:
            return [(m, m) for m in range(self.masks)]
        single = self.labels.diagonal()
        own = single[row]
        unlike = (single != UNKNOWN) & (own != UNKNOWN) & (single != own)
        order = np.lexsort((self.gaps.diagonal(), ~unlike))
        return [(min(row, int(m)), max(row, int(m))) for m in order]

    def value(self, row: int) -> int | None:
        """The label of a row that is known and constant."""
        labels = {int(self.labels[pair]) for pair in self.row(row)}
        return labels.pop() if len(labels) == 1 and UNKNOWN not in labels else None


@dataclass(frozen=True)
class Decision:
    """What an image's table decides."""

    label: int
    by: Literal["row", "majority", "fallback"]
    row: int = NO_MASK
    """The mask whose row is constant; ``NO_MASK`` where single masks agree, or no row does."""
    alarm: bool = False
    """Whether single masks, as far as they were asked, disagree."""


def decide(
    table: Table, first: Sequence[int] = (), fallback: Callable[[], int] | None = None
) -> Asking[Decision]:
    """The label of any constant row, else the fallback's, else the majority's.

    Args:
        table: of the image; what is known already is not asked again.
        first: masks whose rows are asked before all others, and in whose order others follow.
        fallback: gives a label where no row is constant; asked at most once. None: the majority
            of single masks, of equals the lowest class.
    """
    if first and (value := (yield from _constant(table, first[0]))) is not None:
        return Decision(value, "row", first[0], _alarm(table))
    yield from _asked(table, table.row(NO_MASK))
    if (value := table.value(NO_MASK)) is not None:
        return Decision(value, "row")
    single = table.labels.diagonal()
    majority = int(np.bincount(single).argmax())
    order = dict.fromkeys([*first, *range(table.masks)])
    minority = [m for m in order if single[m] != majority]
    for m in minority:
        if (value := (yield from _constant(table, m))) is not None:
            return Decision(value, "row", m, alarm=True)
    # A constant row among the others would say what the majority says.
    if fallback is None:
        return Decision(majority, "majority", alarm=True)
    label = fallback()
    if label != majority:
        for m in order:
            if single[m] == majority and (yield from _constant(table, m)) is not None:
                return Decision(majority, "row", m, alarm=True)
    return Decision(label, "fallback", alarm=True)


def detect(table: Table) -> Asking[Decision]:
    """The label of single masks; an alarm where they disagree, beside their majority."""
    yield from _asked(table, table.row(NO_MASK))
    labels = table.labels.diagonal()
    label = int(np.bincount(labels).argmax())
    agree = bool((labels == label).all())
    return Decision(label, "row" if agree else "majority", alarm=not agree)


def all_are(table: Table, label: int, *, single: bool = False) -> Asking[bool]:
    """Whether all entries, or all of single masks, have a label, and clearly; leaves early."""
    if not (yield from _all(table, table.row(NO_MASK), label)):
        return False
    if single:
        return True
    n = table.masks
    weakest = np.argsort(table.gaps.diagonal(), kind="stable").tolist()
    pairs = ((min(a, b), max(a, b)) for k, a in enumerate(weakest) for b in weakest[k + 1 : n])
    return (yield from _all(table, list(pairs), label))


def right_rows(table: Table, label: int, *, single: bool = False) -> Asking[list[bool]]:
    """For each mask whether its row, or its own label, is that label throughout, and clearly."""
    yield from _asked(table, table.row(NO_MASK))
    right = []
    for m in range(table.masks):
        pairs = [(m, m)] if single else [(m, m), *table.row(m)]
        right.append((yield from _all(table, pairs, label)))
    return right


def _constant(table: Table, row: int) -> Asking[int | None]:
    """The label of a row that is constant; leaves it where two labels are known."""
    for part in _parts(table, table.row(row)):
        labels = {int(label) for pair in table.row(row) if (label := table.labels[pair]) >= 0}
        if len(labels) > 1:
            return None
        yield part
    return table.value(row)


def _all(table: Table, pairs: Sequence[Pair], label: int) -> Asking[bool]:
    def right(pair: Pair) -> bool:
        return bool(table.labels[pair] == label and table.clear[pair])

    if not all(right(pair) for pair in pairs if table.labels[pair] != UNKNOWN):
        return False
    for part in _parts(table, pairs):
        yield part
        if not all(map(right, part)):
            return False
    return True


def _asked(table: Table, pairs: Iterable[Pair]) -> Asking[None]:
    if unknown := [pair for pair in pairs if table.labels[pair] == UNKNOWN]:
        yield unknown


def _parts(table: Table, pairs: Iterable[Pair]) -> list[list[Pair]]:
    """What is not known of them, in chunks."""
    unknown = list(dict.fromkeys(pair for pair in pairs if table.labels[pair] == UNKNOWN))
    return [unknown[start : start + CHUNK] for start in range(0, len(unknown), CHUNK)]


def _alarm(table: Table) -> bool:
    labels = table.labels.diagonal()
    return len(set(labels[labels != UNKNOWN].tolist())) > 1

"""Which attacks are alike: groups that a bound must take for one draw each.

Two attacks belong together where they share

* the **goal**,
* the **template**: the prompt without its goal, wherever and however often that stands in it; of
  an attack over several turns all of its messages,
* the **suffix**: the adversarial span without the goal, where it is a part of the prompt,
* on request the **source**: the model that they were made on,

and groups are the connected components. Texts are compared by their letters and digits alone,
without case, accents, invisible characters and Unicode's compatibility forms (NFKC); those with few
letters by all that is no blank. Beside equal texts, near-duplicates count:

* an edit distance (Levenshtein's, over the longer text's length) of at most :data:`NEAR`;
* for long goals, one that stands whole in another;
* for templates and suffixes, runs of :data:`RUN` letters: at least :data:`SHARED` of those of the
  shorter text stand in the other. So another greeting, a moved sentence, a goal in other words or
  text put around a template do not hide it.

What is compared is text. Attacks that one idea made in entirely different words are not seen.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from interlock.certify.attacks.attack import Attack

NEAR = 0.1
"""Edit distance over length up to which two goals, templates or suffixes are the same."""
SHARED, RUN = 0.5, 12
"""Share of the shorter text's runs, and their length in characters, that make texts the same."""

Labels = NDArray[np.int64]
Hashes = NDArray[np.uint64]
_LETTERS = 8  # letters and digits from which on they alone are compared
_LEAST_RUNS = 12  # shared runs below which nothing is said: 23 characters in a row
_LONG_GOAL = 40
_PARAPHRASE = 80.0  # rapidfuzz's partial ratio from which on a passage is the goal
_ROWS, _GRAM, _MOST = 512, 4, 700  # of the filter before the edit distance
_ASKED = 128  # runs of a text that are looked up in the others before two are compared


@dataclass(frozen=True, eq=False)
class Clusters:
    """Groups of attacks, and what made them.

    Attributes:
        groups: (n,) the group of each attack, 0 to G - 1 by first appearance.
        reasons: (G,) what ties a group's members: ``"goal"``, ``"template"``, ``"suffix"``,
            ``"source"``, each with ``"near "`` before it where only near-duplicates did; empty for
            an attack by itself.
    """

    groups: Labels
    reasons: tuple[frozenset[str], ...]

    @property
    def effective(self) -> int:
        """G, the independent draws."""
        return len(self.reasons)

    @property
    def sizes(self) -> Labels:
        """(G,) attacks in each group."""
        return np.bincount(self.groups, minlength=self.effective)

    @property
    def counts(self) -> dict[str, int]:
        """How many groups each reason ties together, the most frequent first."""
        return dict(
            Counter(reason for tied in self.reasons for reason in sorted(tied)).most_common()
        )

    def __str__(self) -> str:
        attacks = self.groups.size
        if self.effective == attacks:
            return f"{attacks} attacks, no two alike"
        ties = ", ".join(f"{reason} {count}" for reason, count in self.counts.items())
        groups = "1 group" if self.effective == 1 else f"{self.effective} groups"
        return (
            f"{attacks} attacks in {groups}; the largest has {int(self.sizes.max())} "
            f"(groups tied by: {ties})"
        )


def cluster(attacks: Sequence[Attack], *, by_source: bool = False) -> Labels:
    """(n,) the group of each attack, 0 to G - 1: what ``from_votes(..., groups=)`` takes.

    See :func:`find_clusters`.
    """
    return find_clusters(attacks, by_source=by_source).groups


def find_clusters(attacks: Sequence[Attack], *, by_source: bool = False) -> Clusters:
    """Groups of attacks that share a goal, a template or a suffix, and what ties each of them.

    Args:
        attacks: n of them, 0 or more; 5,000 different ones take seconds.
        by_source: attacks with one ``source`` are one group, too. Off by default: most files were
            made on one model, which would leave one group and nothing to certify. A certificate
            then speaks of attacks from such a source. Where a file has many sources and the claim
            is to cover others, turn it on.
    """
    ties = _Ties(len(attacks))
    goals = [plain(attack.goal) for attack in attacks]
    topics = [_key(goal) for goal in goals]
    ties.equal(topics, "goal")
    ties.near(topics, "near goal")
    _hold_whole(ties, topics, "near goal")
    if by_source:
        ties.equal([attack.source for attack in attacks], "source")
    templates, foreign = [], []  # and letters in them that are the goal in other words
    suffixes = []
    for attack, goal, topic in zip(attacks, goals, topics, strict=True):
        text, inside = _without(plain(attack.whole), goal)
        templates.append(_key(text))
        foreign.append(0 if inside else len(topic))
        suffix = plain(attack.suffix) if attack.shape == "suffix" else ""
        suffixes.append(_key(_without(suffix, goal)[0]))
        if suffixes[-1] == templates[-1]:
            suffixes[-1] = ""
    for texts, reason in ((templates, "template"), (suffixes, "suffix")):
        ties.equal(texts, reason)
        ties.near(texts, f"near {reason}")
        _share_runs(ties, texts, foreign, f"near {reason}")
    return ties.clusters()


def plain(text: str) -> str:
    """Text as it is compared: no case, accents, invisible characters or compatibility forms."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
        text = text.translate(_VISIBLE)
    return " ".join(text.casefold().split())


class _Visible(dict[int, int | None]):
    """A table for ``str.translate``: marks on letters and invisible characters go."""

    def __missing__(self, code: int) -> int | None:
        gone = unicodedata.category(chr(code)) in ("Cf", "Mn", "Me", "Cn", "Cs")
        self[code] = None if gone else code
        return self[code]


_VISIBLE = _Visible()


def _without(text: str, goal: str) -> tuple[str, bool]:
    """Text without the goal, and whether the goal stood in it, word for word or nearly."""
    letters = _letters(goal)
    if not letters or goal in text:
        return text.replace(goal, " ") if letters else text, True
    if len(letters) < _LETTERS:
        return text, False
    packed = _letters(text)
    if letters in packed:
        return packed.replace(letters, ""), True
    if len(goal) > len(text):
        return text, False
    at = fuzz.partial_ratio_alignment(goal, text, score_cutoff=_PARAPHRASE)
    if at is None:
        return text, False
    return text[: at.dest_start] + text[at.dest_end :], True


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _key(text: str) -> str:
    """What equal texts share; empty where a text is too short to say anything."""
    letters, packed = _letters(text), text.replace(" ", "")
    if len(letters) >= min(_LETTERS, max(len(packed) / 2, 3)):
        return letters
    return f"={packed}" if len(packed) >= 3 else ""


def _near(one: str, other: str) -> bool:
    return Levenshtein.normalized_distance(one, other, score_cutoff=NEAR) <= NEAR


class _Ties:
    """Components so far, and why."""

    def __init__(self, attacks: int) -> None:
        self.labels: Labels = np.arange(attacks, dtype=np.int64)
        self.why: list[tuple[int, str]] = []

    def tie(self, one: int, other: int, reason: str) -> None:
        """Make two attacks' groups one."""
        self.why.append((one, reason))
        old, new = self.labels[other], self.labels[one]
        if old != new:
            self.labels[self.labels == old] = new

    def equal(self, keys: Iterable[Hashable], reason: str) -> None:
        """Tie attacks with the same key; an empty one ties nothing."""
        first: dict[Hashable, int] = {}
        for number, key in enumerate(keys):
            if key and first.setdefault(key, number) != number:
                self.tie(first[key], number, reason)

    def near(self, texts: Sequence[str], reason: str) -> None:
        """Tie attacks whose texts are near-duplicates; pairs that are tied already are skipped."""
        own = _first(texts)
        numbers = np.asarray(own, dtype=np.int64)
        for row, later in _close([texts[number] for number in own]):
            one, others = own[row], numbers[later]
            for other in others[self.labels[others] != self.labels[one]].tolist():
                if self.labels[one] != self.labels[other] and _near(texts[one], texts[other]):
                    self.tie(one, other, reason)

    def clusters(self) -> Clusters:
        """Numbered by first appearance."""
        number_of: dict[int, int] = {}
        groups = [number_of.setdefault(label, len(number_of)) for label in self.labels.tolist()]
        reasons: list[set[str]] = [set() for _ in number_of]
        for attack, reason in self.why:
            reasons[groups[attack]].add(reason)
        return Clusters(np.array(groups, dtype=np.int64), tuple(map(frozenset, reasons)))


def _first(texts: Sequence[str]) -> list[int]:
    """Where each different text stands first; of those long enough to be near another."""
    first: dict[str, int] = {}
    for number, text in enumerate(texts):
        if len(text) >= _LETTERS:
            first.setdefault(text, number)
    return list(first.values())


def _hashes(text: str, size: int) -> Hashes:
    """The different runs of ``size`` characters, hashed, rising."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    if codes.size < size:
        return np.zeros(0, dtype=np.uint64)
    odd = np.arange(1, 2 * size, 2, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    windows = np.lib.stride_tricks.sliding_window_view(codes.astype(np.uint64), size)
    mixed = (windows * np.bitwise_xor(odd, odd >> np.uint64(29))).sum(axis=1, dtype=np.uint64)
    return np.unique(mixed ^ (mixed >> np.uint64(32)))


def _close(texts: Sequence[str]) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """For each text the others that may be within :data:`NEAR`; each pair once.

    An edit destroys four runs of four characters at most, so of either text's runs no more than
    four times the distance are missing in the other. Runs that fall into one bucket can only add to
    what is shared. Of long texts a sample of the runs is taken, with some tolerance.
    """
    order = np.array(sorted(range(len(texts)), key=lambda row: len(texts[row])), dtype=np.intp)
    lengths = np.array([len(texts[row]) for row in order])
    grams = [_hashes(texts[row], _GRAM) for row in order]
    for start in range(0, len(order), _ROWS):
        rows = slice(0, min(_ROWS, len(order) - start))
        longest = int(lengths[start : start + _ROWS].max())
        stop = int(np.searchsorted(lengths, longest / (1 - NEAR), side="right"))
        every = -(-longest // _MOST)
        buckets = 1 << (8 * longest // every).bit_length()
        marks = np.zeros((stop - start, buckets), dtype=np.float32)
        for row, runs in enumerate(grams[start:stop]):
            kept = runs[runs % np.uint64(every) == 0] // np.uint64(every)
            marks[row, (kept % np.uint64(buckets)).astype(np.intp)] = 1
        sizes, m = marks.sum(axis=1), lengths[start:stop]
        edits = NEAR * m  # of the longer text, which is the later one
        least = np.maximum(sizes[rows, None], sizes) - _GRAM * edits / every
        near = marks[rows] @ marks.T >= (least if every == 1 else 0.75 * least)
        near &= m - m[rows, None] <= edits
        for row, later in enumerate(np.triu(near, 1)):
            if later.any():
                yield int(order[start + row]), order[start + np.flatnonzero(later)]


class _Runs:
    """Which texts hold which runs of :data:`RUN` characters."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.of = [_hashes(text, RUN) for text in texts]
        rows = np.repeat(np.arange(len(texts)), [runs.size for runs in self.of])
        _, run = np.unique(np.concatenate([*self.of, _hashes("", RUN)]), return_inverse=True)
        self._rows = rows[np.argsort(run, kind="stable")]
        self._ends = np.cumsum(np.bincount(run)) if run.size else np.zeros(0, dtype=np.int64)
        self._codes = np.split(run, np.cumsum([runs.size for runs in self.of])[:-1])

    def met(self, row: int) -> tuple[NDArray[np.intp], int]:
        """How many runs of a text stand in each text, and of how many: a sample of its runs."""
        asked = self._codes[row][:_ASKED]  # the least hashes: a random sample
        starts = np.where(asked > 0, self._ends[asked - 1], 0)
        held = [self._rows[i:j] for i, j in zip(starts, self._ends[asked], strict=True)]
        return np.bincount(np.concatenate(held), minlength=len(self.of)), asked.size

    def common(self, row: int, other: int) -> int:
        """Runs that two texts share."""
        return int(np.intersect1d(self.of[row], self.of[other], assume_unique=True).size)


def _share_runs(ties: _Ties, texts: Sequence[str], foreign: Sequence[int], reason: str) -> None:
    """Tie texts that share runs; ``foreign`` letters of each are a goal in other words."""
    own = _first(texts)
    index, numbers = _Runs([texts[number] for number in own]), np.asarray(own, dtype=np.int64)
    sizes = np.array([runs.size for runs in index.of])
    least = np.maximum(SHARED * (sizes - np.asarray(foreign)[numbers]), _LEAST_RUNS)
    for row in np.flatnonzero(sizes >= _LEAST_RUNS).tolist():
        one = own[row]
        if (ties.labels[numbers] == ties.labels[one]).all():
            return
        met, asked = index.met(row)
        needed = least[row] * asked / sizes[row]  # another text that needs less looks by itself
        needed /= 1 if asked == sizes[row] else 2  # a sample may hold fewer
        for other in np.flatnonzero(met >= needed).tolist():
            apart = ties.labels[one] != ties.labels[own[other]]
            if apart and index.common(row, other) >= min(least[row], least[other]):
                ties.tie(one, own[other], reason)


def _hold_whole(ties: _Ties, goals: Sequence[str], reason: str) -> None:
    """Tie goals of which a long one stands whole in another."""
    own = _first(goals)
    index = _Runs([goals[number] for number in own])
    for row, number in enumerate(own):
        if len(goals[number]) < _LONG_GOAL:
            continue
        met, asked = index.met(row)
        for other in np.flatnonzero(met == asked).tolist():
            if other != row and goals[number] in goals[own[other]]:
                ties.tie(number, own[other], reason)

"""Which attacks are alike: groups that a bound must take for one draw each.

Two attacks belong together where they share

* the **goal**,
* the **template**: the prompt without its goal, wherever and however often that stands in it,
* the **suffix**: the adversarial span without the goal, where it is a part of the prompt,
* on request the **source**: the model that they were made on,

and groups are the connected components. Texts are compared without case, accents, invisible
characters, Unicode's compatibility forms (NFKC) and extra blanks; where they have enough letters and
digits, without everything else. Beside equal ones, near-duplicates count:

* an edit distance (Levenshtein's, over the longer text's length) of at most :data:`NEAR_TEXT` for
  templates and suffixes, :data:`NEAR_GOAL` for goals; or a long goal that stands whole in another;
* for templates and suffixes, runs of :data:`RUN` characters: at least :data:`SHARED` of those of the
  shorter text stand in the other. So another greeting, a moved sentence, a goal in other words or
  text put around a template do not hide it.

What is compared is text. Attacks that one idea made in entirely different words are not seen.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from interlock.certify.attacks.attack import Attack

NEAR_TEXT = 0.2
"""Edit distance over length up to which templates, and suffixes, are the same."""
NEAR_GOAL = 0.1
"""The same for goals, which differ by a word: *make* or *sell* it."""
SHARED, RUN = 0.5, 12
"""Share of the shorter text's runs, and their length in characters, that make texts the same."""

Labels = NDArray[np.int64]
Hashes = NDArray[np.uint64]
_LETTERS = 8  # letters and digits from which on they alone are compared
_LEAST_RUNS = 12  # shared runs below which nothing is said: 23 characters in a row
_LONG_GOAL = 40
_PARAPHRASE = 80.0  # rapidfuzz's partial ratio from which on a passage is the goal
_BUCKETS, _ROWS, _SAMPLE = 2048, 256, 1_500_000


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
        return dict(Counter(reason for tied in self.reasons for reason in sorted(tied)).most_common())

    def __str__(self) -> str:
        attacks = self.groups.size
        if self.effective == attacks:
            return f"{attacks} attacks, no two alike"
        ties = ", ".join(f"{reason} {count}" for reason, count in self.counts.items())
        return (
            f"{attacks} attacks in {self.effective} {'group' if self.effective == 1 else 'groups'}; "
            f"the largest has {int(self.sizes.max())} (groups tied by: {ties})"
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
    goals = [_stripped(plain(attack.goal)) for attack in attacks]
    ties.equal(map(_key, goals), "goal")
    if by_source:
        ties.equal([attack.source for attack in attacks], "source")
    bodies = [plain(attack.prompt) for attack in attacks]
    templates = [_without(body, goal) for body, goal in zip(bodies, goals, strict=True)]
    suffixes = [
        _without(plain(attack.suffix), goal)[0] if attack.shape == "suffix" else ""
        for attack, goal in zip(attacks, goals, strict=True)
    ]
    texts = [template for template, _ in templates]
    ties.equal(map(_key, texts), "template")
    ties.equal(map(_key, suffixes), "suffix")
    own = _first(goals)
    ties.near(own, goals, _close(goals, own, NEAR_GOAL), _same_goal, "near goal")
    for parts, foreign, reason in (
        (texts, [0 if inside else len(g) for (_, inside), g in zip(templates, goals, strict=True)],
         "near template"),
        (suffixes, [0] * len(suffixes), "near suffix"),
    ):  # fmt: skip
        own = _first(parts)
        ties.near(own, parts, _close(parts, own, NEAR_TEXT), _same_text, reason)
        _share_runs(ties, parts, own, foreign, reason)
    return ties.clusters()


def plain(text: str) -> str:
    """Text as it is compared: no case, accents, invisible characters or compatibility forms."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
        text = "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Mn", "Me", "Cn"))
    return " ".join(text.casefold().split())


def _stripped(goal: str) -> str:
    return goal.strip(" .,;:!?\"'")


def _without(text: str, goal: str) -> tuple[str, bool]:
    """Text without the goal, and whether the goal stood in it, word for word or nearly."""
    if not goal:
        return text, True
    if goal in text:
        return " ".join(text.replace(goal, " ").split()), True
    if len(_letters(goal)) < _LETTERS or len(goal) > len(text):
        return text, False
    at = fuzz.partial_ratio_alignment(goal, text, score_cutoff=_PARAPHRASE)
    if at is None:
        return text, False
    return " ".join((text[: at.dest_start] + " " + text[at.dest_end :]).split()), True


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _key(text: str) -> str:
    """What equal texts share; empty where a text is too short to say anything."""
    letters = _letters(text)
    if len(letters) >= _LETTERS:
        return letters
    packed = text.replace(" ", "")
    return f"={packed}" if len(packed) >= 3 else ""


def _same_goal(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    if len(_letters(short)) >= _LONG_GOAL and short in long:
        return True
    return Levenshtein.normalized_distance(one, other, score_cutoff=NEAR_GOAL) <= NEAR_GOAL


def _same_text(one: str, other: str) -> bool:
    return Levenshtein.normalized_distance(one, other, score_cutoff=NEAR_TEXT) <= NEAR_TEXT


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

    def near(
        self,
        own: Sequence[int],
        texts: Sequence[str],
        candidates: Iterable[tuple[int, NDArray[np.intp]]],
        same: Callable[[str, str], bool],
        reason: str,
    ) -> None:
        """Tie attacks whose texts are the same; pairs that are tied already are not compared."""
        numbers = np.asarray(own, dtype=np.int64)
        for row, others in candidates:
            one, left = numbers[row], numbers[others]
            while (left := left[self.labels[left] != self.labels[one]]).size:
                if same(texts[one], texts[left[0]]):
                    self.tie(int(one), int(left[0]), reason)
                left = left[1:]

    def clusters(self) -> Clusters:
        """Numbered by first appearance."""
        number_of: dict[int, int] = {}
        groups = [number_of.setdefault(label, len(number_of)) for label in self.labels.tolist()]
        reasons: list[set[str]] = [set() for _ in number_of]
        for attack, reason in self.why:
            reasons[groups[attack]].add(reason)
        return Clusters(np.array(groups, dtype=np.int64), tuple(map(frozenset, reasons)))


def _first(texts: Sequence[str]) -> list[int]:
    """Where each different text stands first, without those too short to be near another."""
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


def _close(
    texts: Sequence[str], own: Sequence[int], limit: float
) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """For each row the later ones that can be within the limit, or hold it whole.

    An edit destroys three runs of three characters at most, so of one text's runs no more than
    three times the distance are missing in the other; runs in equal buckets can only add to that.
    """
    n = len(own)
    marks, lengths = np.zeros((n, _BUCKETS), dtype=np.float32), np.zeros(n)
    for row, number in enumerate(own):
        marks[row, (_hashes(texts[number], 3) % _BUCKETS).astype(np.intp)] = 1
        lengths[row] = len(texts[number])
    sizes = marks.sum(axis=1)
    for start in range(0, n, _ROWS):
        rows = slice(start, start + _ROWS)
        shared = marks[rows] @ marks[start:].T  # (rows, later)
        edits = limit * np.maximum(lengths[rows, None], lengths[start:])
        near = shared >= np.maximum(sizes[rows, None], sizes[start:]) - 3 * edits
        near |= shared >= np.minimum(sizes[rows, None], sizes[start:])
        for row, later in enumerate(np.triu(near, 1)):
            if later.any():
                yield start + row, start + np.flatnonzero(later)


def _share_runs(
    ties: _Ties, texts: Sequence[str], own: Sequence[int], foreign: Sequence[int], reason: str
) -> None:
    """Tie texts that share runs; ``foreign`` characters of each are a goal in other words."""
    runs = [_hashes(texts[number], RUN) for number in own]
    total = sum(map(len, runs))
    every = np.uint64(1 + total // _SAMPLE)  # of very many, a sample says who is to be compared
    kept = [r[r % every == 0] for r in runs]
    rows = np.repeat(np.arange(len(own)), list(map(len, kept)))
    codes, of_run = np.unique(np.concatenate([*kept, np.zeros(0, np.uint64)]), return_inverse=True)
    order = np.argsort(of_run, kind="stable")
    ends = np.cumsum(np.bincount(of_run, minlength=codes.size))
    holders = np.split(rows[order], ends[:-1]) if codes.size else []  # rows that hold each run
    starts = np.cumsum([0, *map(len, kept)])

    def needed(row: int) -> float:
        return SHARED * max(len(runs[row]) - foreign[own[row]], 0)

    least = np.array([needed(row) for row in range(len(own))])
    numbers = np.asarray(own, dtype=np.int64)
    for row in range(len(own)):
        shared = [h for r in of_run[starts[row] : starts[row + 1]] if len(h := holders[r]) > 1]
        if not shared:
            continue
        met = np.bincount(np.concatenate(shared), minlength=len(own))
        enough = np.maximum(np.minimum(least[row], least), _LEAST_RUNS)
        likely = np.flatnonzero(2 * int(every) * met >= enough) if every > 1 else None
        others = np.flatnonzero(met >= enough) if likely is None else likely
        others = others[others != row]
        while (others := others[ties.labels[numbers[others]] != ties.labels[numbers[row]]]).size:
            other = int(others[0])
            common = np.intersect1d(runs[row], runs[other], assume_unique=True).size
            if common >= max(min(least[row], least[other]), _LEAST_RUNS):
                ties.tie(int(numbers[row]), int(numbers[other]), reason)
            others = others[1:]

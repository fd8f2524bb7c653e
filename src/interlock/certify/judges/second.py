"""A second opinion on an answer in which no pattern finds a refusal: a small learned classifier.

It weighs the runs of one to five letters inside words and of one to three words. Where it doubts
that a short answer complied, or is clear that one with some words of a refusal did, the judge goes
by it; it never makes a refusal of anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from interlock.errors import ModelError

WEIGHTS = Path(__file__).parents[1] / "embedded" / "second_opinion.safetensors"
BITS = 17
"""Of the place of a weight, by a hash of what it weighs."""
SHORTEST, LONGEST = 16, 200
"""Characters of an answer that is doubted: a few letters tell nothing, a long refusal is known."""
_READ, _MOST = 1200, 4096
_LETTERS, _WORDS = 5, 3
_SIGNS = re.compile("([^\\w\\s'\u0900-\u097f])")
_DIGITS = re.compile(r"\d+")
_BASE = 0x9E3779B97F4A7C15
_MIX = np.uint64(0xD6E8FEB86659FD93)

Places = NDArray[np.intp]
Numbers = NDArray[np.uint64]


def _powers(base: int) -> Numbers:
    powers = [1]
    while len(powers) < _MOST:
        powers.append(powers[-1] * base % 2**64)
    return np.array(powers, np.uint64)


_UP, _DOWN = _powers(_BASE), _powers(pow(_BASE, -1, 2**64))


def whole_of(texts: Iterable[str]) -> str:
    """The folded texts of an answer as one."""
    return "\n".join(texts)


def places(text: str) -> Places:
    """Where the weights of a folded text's runs of letters and words stand, ascending, each once.

    A run from i to j has the hash Σ cₖ bᵏ⁻ⁱ modulo 2⁶⁴, from sums over the beginning of the text.
    """
    plain = _DIGITS.sub("0", _SIGNS.sub(r" \1 ", text[:_READ]))
    plain = f" {' '.join(plain.split())[: _MOST - 2]} "
    codes = np.frombuffer(plain.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint64)
    n = len(codes)
    sums = np.zeros(n + 1, np.uint64)
    np.cumsum(codes * _UP[:n], out=sums[1:])
    blank = codes == ord(" ")
    blanks = np.zeros(n + 1, np.int32)
    np.cumsum(blank, out=blanks[1:])
    hashes = list[Numbers]()
    for k in range(1, min(_LETTERS, n) + 1):
        run = (sums[k:] - sums[: n + 1 - k]) * _DOWN[: n + 1 - k] + np.uint64(k)
        if k > 2:  # inside a word, with the blanks at its ends
            run = run[blanks[k - 1 : n] == blanks[1 : n + 2 - k]]
        hashes.append(run)
    at = np.flatnonzero(blank)
    begins, ends = at[:-1] + 1, at[1:]
    for k in range(1, min(_WORDS, len(begins)) + 1):
        i, j = begins[: len(begins) + 1 - k], ends[k - 1 :]
        hashes.append((sums[j] - sums[i]) * _DOWN[i] + np.uint64(1000 + k))
    run = np.concatenate(hashes)
    marked = np.zeros(1 << BITS, bool)
    marked[((run ^ (run >> np.uint64(29))) * _MIX) >> np.uint64(64 - BITS)] = True
    return np.flatnonzero(marked)


@dataclass(frozen=True)
class SecondOpinion:
    """Weights of a logistic regression, and what is made of its probabilities."""

    weights: NDArray[np.int8]
    """(2^BITS,), in units of ``scale``."""
    scale: float
    bias: float
    doubt: float
    """From this probability of a refusal on, a short answer is not called complied."""
    clear: float
    """Below this one, an answer with words of a refusal is called complied."""

    def refuses(self, text: str) -> float:
        """The probability that a folded text is a refusal, in [0, 1]."""
        at = places(text)
        total = int(self.weights[at].sum(dtype=np.int64))
        score = self.scale * total / max(1, len(at)) ** 0.5 + self.bias
        return float(1 / (1 + np.exp(-score)))

    def doubts(self, text: str) -> bool:
        """Whether a folded text, in which nothing refuses, may be a refusal all the same."""
        return SHORTEST <= len(text) <= LONGEST and self.refuses(text) >= self.doubt

    def clears(self, text: str) -> bool:
        """Whether a folded text complied, though some of its words are those of a refusal."""
        return self.refuses(text) < self.clear

    @property
    def digest(self) -> str:
        """SHA-256 of all that an opinion depends on beside the text."""
        numbers = f"{self.scale!r} {self.bias!r} {self.doubt!r} {self.clear!r}"
        return sha256(self.weights.tobytes() + numbers.encode()).hexdigest()

    def save(self, path: Path) -> None:
        """Write it: the same opinion gives the same bytes."""
        from safetensors.numpy import save_file

        numbers = np.array([self.scale, self.bias, self.doubt, self.clear])
        digest = np.frombuffer(bytes.fromhex(self.digest), np.uint8)
        save_file({"weights": self.weights, "numbers": numbers, "digest": digest}, path)
        path.chmod(0o644)


def load(path: Path = WEIGHTS) -> SecondOpinion:
    """Read an opinion.

    Raises:
        ModelError: the file is missing or damaged.
    """
    from safetensors.numpy import load_file

    try:
        stored = load_file(path)
        opinion = SecondOpinion(stored["weights"], *map(float, stored["numbers"]))
        whole = opinion.weights.shape == (1 << BITS,) and opinion.weights.dtype == np.int8
        whole = whole and opinion.digest == bytes(stored["digest"]).hex()
    except Exception:  # safetensors raises its own kinds for damaged files
        whole = False
    if not whole:
        raise ModelError(f"{path}: missing or damaged; install interlock again")
    return opinion


@cache
def second_opinion() -> SecondOpinion:
    """The embedded one, read once."""
    return load()

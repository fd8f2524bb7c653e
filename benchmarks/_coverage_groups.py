"""Populations whose prompts come in groups, or share sampling noise, each with a known truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from interlock.certify import PopulationCertificate
from interlock.certify.bounds.counts import lower_bound, upper_bound
from interlock.certify.bounds.judge_error import JudgeSample
from interlock.certify.bounds.laws import defense_probability
from interlock.certify.bounds.population import Method
from interlock.certify.vote.perturb import sampling_seed

CONFIDENCE, TAU, TRIES, COPIES = 0.95, 0.95, 10, 11
Votes = NDArray[np.bool_]
Sizes = Callable[[np.random.Generator], int]
Value = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class Kind:
    """Groups of one kind: so often, so large, with so often refused copies."""

    share: float
    size: Sizes
    alphas: tuple[float, ...]
    """One for the whole group, or several of which each member draws one."""
    alike: bool = False
    """Whether the members share every single vote."""

    def votes(self, rng: np.random.Generator, trials: int) -> Votes:
        size = self.size(rng)
        alpha = rng.choice(self.alphas, size=(size, 1))
        noise = rng.random((1 if self.alike else size, trials))
        return np.broadcast_to(noise, (size, trials)) < alpha


@dataclass(frozen=True)
class Grouped:
    """Independent groups, each of a kind drawn at random."""

    name: str
    groups: int
    kinds: tuple[Kind, ...]
    trials: int = 11

    def truth(self, value: Value) -> float:
        """E over groups of the mean over members."""
        return sum(k.share * float(value(np.array(k.alphas)).mean()) for k in self.kinds)

    def draw(self, rng: np.random.Generator) -> tuple[Votes, NDArray[np.int64]]:
        kinds = rng.choice(len(self.kinds), self.groups, p=[k.share for k in self.kinds])
        tables = [self.kinds[kind].votes(rng, self.trials) for kind in kinds]
        return np.concatenate(tables), np.repeat(np.arange(self.groups), list(map(len, tables)))


@dataclass(frozen=True)
class Sampled:
    """Independent prompts of a target that samples with a seed for each copy."""

    name: str
    prompts: int
    alphas: tuple[float, ...]
    own_seeds: bool
    """Seeds as ``certify`` derives them; else copy j of every prompt has seed j."""
    trials: int = 11

    def truth(self, value: Value) -> float:
        """E over prompts."""
        return float(value(np.array(self.alphas)).mean())

    def draw(self, rng: np.random.Generator) -> tuple[Votes, None]:
        alpha = rng.choice(self.alphas, size=(self.prompts, 1))
        run = int(rng.integers(2**31))
        noise = rng.random((1, self.trials))
        if self.own_seeds:  # the seed itself stands for the number a model would draw from it
            noise = np.array(
                [
                    [sampling_seed(f"prompt {i}", run, j) / 2**31 for j in range(self.trials)]
                    for i in range(self.prompts)
                ]
            )
        return np.broadcast_to(noise, (self.prompts, self.trials)) < alpha, None


def exactly(size: int) -> Sizes:
    return lambda rng: size


def heavy(least: int = 1) -> Sizes:
    return lambda rng: least - 1 + min(int(rng.zipf(1.6)), 100)


EASY, HARD = (0.95,), (0.45,)
"""DSP 0.9999 and 0.367: what eleven copies make of them."""


def _two(size: Sizes, hard: Sizes | None = None) -> tuple[Kind, ...]:
    return Kind(0.8, size, EASY), Kind(0.2, hard or size, HARD)


MIXED = (0.6, 0.9)
SEEDED = (0.55, 0.7, 0.8, 0.9)
POPULATIONS: list[Grouped | Sampled] = [
    Grouped("one template for 100", 1, _two(exactly(100))),
    Grouped("eight suffixes for 96", 8, _two(exactly(12))),
    Grouped("ten templates x 5", 10, _two(exactly(5))),
    Grouped("two on a goal, 50 goals", 50, _two(exactly(2))),
    Grouped("two on a goal, 3 votes each", 50, _two(exactly(2)), trials=3),
    Grouped("50 x 2, groups refused or never", 50,
            (Kind(0.92, exactly(2), (1.0,)), Kind(0.08, exactly(2), (0.0,)))),
    Grouped("30 x 5, members as unlike as any", 30, (Kind(1.0, exactly(5), MIXED),)),
    Grouped("heavy-tailed sizes, 30 groups", 30, _two(heavy())),
    Grouped("heavy-tailed, large ones hard", 30, _two(exactly(1), heavy(5))),
    Grouped("adversarial: easy ones cast 20 votes as one, hard ones stand alone", 20,
            (Kind(0.7, exactly(20), (0.97,), alike=True), Kind(0.3, exactly(1), (0.0, 0.9)))),
    Grouped("100 groups, one in ten a pair", 100,
            (Kind(0.9, exactly(1), (*4 * EASY, *HARD)), Kind(0.1, exactly(2), EASY))),
    Sampled("copies share seeds, 40 prompts", 40, SEEDED, own_seeds=False),
    Sampled("a seed for each copy, 40 prompts", 40, SEEDED, own_seeds=True),
]  # fmt: skip
COLUMNS = [
    "without groups", "ours", "means", "one member", "share", "judge", f"{TRIES} tries",
]  # fmt: skip
LEGEND = f"""\
Cells as above: violations in %, and the mean slack. r = {COPIES} votes a prompt and N = {COPIES}
copies, where no other number of votes is named. A group is easy with chance 0.8 (a copy refused
with 0.95), else hard (0.45). The truth is the mean over groups of the mean over their members.

- **without groups**: `PopulationCertificate.lower`, which takes prompts as independent; **ours**:
  the same with `groups=` and `texts=`. Prompts whose copies share seeds have no groups: a seed for
  each copy is what makes them independent.
- **means**, **one member**: the two bounds of which the groups' sizes choose ours: betting on the
  groups' means, and Clopper and Pearson's on one random member of each.
- **share**, **judge**: as above, with groups; **{TRIES} tries**: `.after_tries({TRIES})` with
  groups, against E[DSP^{TRIES}].
"""


def _values() -> dict[str, Value]:
    def dsp(alpha: NDArray[np.float64]) -> NDArray[np.float64]:
        return defense_probability(alpha, COPIES)

    values: dict[str, Value] = dict.fromkeys(COLUMNS, dsp)
    values["share"] = lambda alpha: (dsp(alpha) >= TAU).astype(np.float64)
    values[f"{TRIES} tries"] = lambda alpha: dsp(alpha) ** TRIES
    return values


def bounds_of(population: Grouped | Sampled, rng: np.random.Generator) -> dict[str, float]:
    """Each method's bound on one simulated sample."""
    votes, groups = population.draw(rng)
    prefix = rng.integers(2**62)
    texts = [f"{prefix} {number}" for number in range(len(votes))]
    ours = PopulationCertificate.from_votes(votes, COPIES, CONFIDENCE, groups=groups, texts=texts)
    if isinstance(population, Sampled) and not population.own_seeds:
        return {"without groups": ours.lower}
    bounds = {"ours": ours.lower, "share": ours.share(TAU).lower}
    bounds[f"{TRIES} tries"] = ours.after_tries(TRIES).lower
    coin = rng.random(votes.shape)
    seen = np.where(votes, coin >= 0.10, coin < 0.04)
    sample = JudgeSample(int(rng.binomial(100, 0.04)), 100, int(rng.binomial(100, 0.10)), 100)
    bounds["judge"] = PopulationCertificate.from_votes(
        seen, COPIES, CONFIDENCE, judge=sample, groups=groups, texts=texts
    ).lower
    if groups is None:
        return bounds
    bounds["without groups"] = PopulationCertificate.from_votes(votes, COPIES, CONFIDENCE).lower
    by_means: Method = "betting" if population.trials >= COPIES else "auto"
    bounds["means"] = PopulationCertificate.from_votes(
        votes, COPIES, CONFIDENCE, method=by_means, groups=groups
    ).lower
    if population.trials >= COPIES:
        first = np.searchsorted(groups, np.arange(groups[-1] + 1))
        drawn = first + (rng.random(first.size) * np.bincount(groups)).astype(np.int64)
        bounds["one member"] = PopulationCertificate.from_votes(
            votes[drawn], COPIES, CONFIDENCE
        ).lower
    return bounds


def table(runs: int, seed: int, tick: Callable[[], None]) -> list[str]:
    """The lines of the Markdown table."""
    head = ["population", "E[DSP]", *COLUMNS]
    head[3] = "ours [95 % interval]"
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for number, population in enumerate(POPULATIONS):
        truths = {name: population.truth(value) for name, value in _values().items()}
        wrong, slack = dict.fromkeys(COLUMNS, 0), dict.fromkeys(COLUMNS, 0.0)
        drawn: set[str] = set()
        for run in range(runs):
            rng = np.random.default_rng([seed, number, run])
            for name, bound in bounds_of(population, rng).items():
                drawn.add(name)
                wrong[name] += bound > truths[name] + 1e-12
                slack[name] += (truths[name] - bound) / runs
            tick()
        cells = [population.name, f"{truths['ours']:.3f}"]
        cells += [
            cell(wrong[name], runs, slack[name], name == "ours") if name in drawn else ""
            for name in COLUMNS
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def cell(wrong: int, runs: int, slack: float, interval: bool) -> str:
    """Violations in %, marked where they are certainly more than promised, and the slack."""
    mark = "*" if float(lower_bound(wrong, runs, 0.99)) > 1 - CONFIDENCE else ""
    text = f"{100 * wrong / runs:.1f}{mark}"
    if interval:
        ends = lower_bound(wrong, runs, 0.975), upper_bound(wrong, runs, 0.975)
        text += f" [{100 * float(ends[0]):.1f}, {100 * float(ends[1]):.1f}]"
    return f"{text}; {slack:.3f}"

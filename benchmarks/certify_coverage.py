"""Does the 95 % bound hold? Simulated populations of prompts, each with a known E[DSP].

For every scenario: how often each method claims more than the truth, and how much it leaves on the
table (mean of truth minus bound). Prints a Markdown table, one more for prompts in groups
(:mod:`_coverage_groups`), and writes both to
``build/certify_coverage/table.md``. Seeded; the same options give the same table.

    python benchmarks/certify_coverage.py --populations 2000
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

import _coverage_groups
from _coverage_groups import CONFIDENCE, TAU
from _tables import publish
from interlock.certify import PopulationCertificate
from interlock.certify.bounds.counts import lower_bound
from interlock.certify.bounds.judge_error import JudgeSample
from interlock.certify.bounds.laws import defense_probability

Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]


@dataclass(frozen=True)
class Population:
    name: str
    draw: Draw
    expect: Callable[[Callable[[NDArray[np.float64]], NDArray[np.float64]]], float]


def points(name: str, alphas: list[float], weights: list[float]) -> Population:
    a, w = np.array(alphas), np.array(weights)
    return Population(name, lambda rng, n: rng.choice(a, size=n, p=w), lambda f: float(w @ f(a)))


def beta(mean: float, size: float) -> Population:
    law = stats.beta(mean * size, (1 - mean) * size)

    def expect(f: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> float:
        # E f = f(0) + integral of P(alpha > x) df(x): no density, so no infinity at the ends.
        x = np.sin(np.linspace(0, np.pi / 2, 200_001)) ** 2
        values, tail = f(x), law.sf(x)
        return float(values[0] + (np.diff(values) * (tail[1:] + tail[:-1]) / 2).sum())

    label = f"beta, mean {mean:g}, a + b = {size:g}"
    return Population(label, lambda rng, n: law.rvs(size=n, random_state=rng), expect)


HOMOGENEOUS = points("homogeneous, alpha 0.8", [0.8], [1.0])
SURE = points("homogeneous, alpha 0.99", [0.99], [1.0])
TWO = points("two-point, 8 % always jailbroken", [0.0, 0.99], [0.08, 0.92])
HALF = points("alpha 0.45, below one half", [0.45], [1.0])
BELOW = beta(0.35, 4.0)

# (population, n prompts, r votes, N copies)
SCENARIOS = [
    (HOMOGENEOUS, 100, 11, 11),
    (SURE, 100, 11, 11),
    (TWO, 100, 11, 11),
    (beta(0.9, 1.0), 100, 11, 11),
    (beta(0.9, 5.0), 100, 11, 11),
    (beta(0.9, 50.0), 100, 11, 11),
    (beta(0.7, 2.0), 100, 11, 11),
    (HALF, 100, 11, 11),
    (BELOW, 100, 11, 11),
    (TWO, 20, 11, 11),
    (beta(0.9, 1.0), 20, 11, 11),
    (beta(0.7, 2.0), 10, 11, 11),
    (TWO, 100, 1, 11),
    (TWO, 100, 5, 11),
    (HOMOGENEOUS, 100, 5, 11),
    (beta(0.9, 1.0), 100, 5, 11),
    (BELOW, 100, 5, 11),
    (beta(0.7, 2.0), 20, 3, 11),
    (TWO, 100, 25, 11),
    (HOMOGENEOUS, 100, 25, 11),
    (beta(0.9, 1.0), 100, 25, 11),
    (TWO, 100, 10, 10),
    (TWO, 400, 11, 11),
]

METHODS = ["ours", "betting", "share", "judge", "judge, any", "beta-binomial", "formula", "pooled"]
LEGEND = f"""\
Each cell: violations of the {CONFIDENCE:.0%} bound, in %, and the mean slack (truth - bound).
An asterisk marks a violation rate whose exact 99 % lower limit is above {1 - CONFIDENCE:.0%}.

- **ours**: `PopulationCertificate.lower`; **betting**: its `method="betting"` (r > N only);
  **share**: `.share({TAU})`, against the true share of prompts with DSP >= {TAU}.
- **judge**: `.lower` where the judge misses 4 % of jailbreaks and raises 10 % false alarms, both
  known from 100 labelled answers each; **judge, any**: where the same number of misses piles up on
  30 % of the prompts and one answer of each prompt is labelled.
- **beta-binomial**: the assumption-carrying bound; no promise where the law is not beta.
- **formula**: the published formula at the measured average alpha; **pooled**: the same at the
  Clopper-Pearson lower bound of the pooled votes. Both assume that prompts share one alpha.
"""


def measure(
    population: Population, n: int, r: int, copies: int, runs: int, seed: int
) -> Iterator[tuple[dict[str, float], dict[str, float]]]:
    """(bounds, truths) of each simulated sample of n prompts."""
    dsp_truth = population.expect(lambda a: defense_probability(a, copies))
    share_truth = population.expect(
        lambda a: (defense_probability(a, copies) >= TAU).astype(np.float64)
    )
    truth = dict.fromkeys(METHODS, dsp_truth) | {"share": share_truth}
    for run in range(runs):
        rng = np.random.default_rng([seed, run])
        alpha = population.draw(rng, n)
        votes = rng.random((n, r)) < alpha[:, None]
        certificate = PopulationCertificate.from_votes(votes, copies, CONFIDENCE)
        pooled = float(lower_bound(votes.sum(), votes.size, CONFIDENCE))
        bounds = {
            "ours": certificate.lower,
            "share": certificate.share(TAU).lower,
            "judge": judged(votes, copies, rng),
            "judge, any": judged_any(votes, copies, rng),
            "beta-binomial": certificate.beta_binomial().lower,
            "formula": certificate.homogeneous,
            "pooled": float(defense_probability(pooled, copies)),
        }
        if r > copies:
            bounds["betting"] = PopulationCertificate.from_votes(
                votes, copies, CONFIDENCE, method="betting"
            ).lower
        yield bounds, truth


def judged(votes: NDArray[np.bool_], copies: int, rng: np.random.Generator) -> float:
    coin = rng.random(votes.shape)
    seen = np.where(votes, coin >= 0.10, coin < 0.04)
    sample = JudgeSample(int(rng.binomial(100, 0.04)), 100, int(rng.binomial(100, 0.10)), 100)
    return PopulationCertificate.from_votes(seen, copies, CONFIDENCE, judge=sample).lower


def judged_any(votes: NDArray[np.bool_], copies: int, rng: np.random.Generator) -> float:
    blind = rng.random((len(votes), 1)) < 0.3
    seen = votes | (blind & (rng.random(votes.shape) < 0.13))
    column = rng.integers(votes.shape[1], size=len(votes))
    rows = np.arange(len(votes))
    true, said = votes[rows, column], seen[rows, column]
    sample = JudgeSample(int((said & ~true).sum()), int((~true).sum()), 0, int(true.sum()), "any")
    return PopulationCertificate.from_votes(seen, copies, CONFIDENCE, judge=sample).lower


def row(
    scenario: tuple[Population, int, int, int], runs: int, seed: int, tick: Callable[[], None]
) -> str:
    population, n, r, copies = scenario
    wrong, slack = dict.fromkeys(METHODS, 0), dict.fromkeys(METHODS, 0.0)
    seen: set[str] = set()
    truths: dict[str, float] = {}
    for bounds, truths in measure(population, n, r, copies, runs, seed):
        for method, bound in bounds.items():
            seen.add(method)
            wrong[method] += bound > truths[method] + 1e-12
            slack[method] += (truths[method] - bound) / runs
        tick()
    cells = [population.name, str(n), str(r), str(copies), f"{truths['ours']:.3f}"]
    for method in METHODS:
        if method not in seen:
            cells.append("")
            continue
        cells.append(_coverage_groups.cell(wrong[method], runs, slack[method], method == "ours"))
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--populations", type=int, default=2000, help="simulated per scenario")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("build/certify_coverage"))
    options = parser.parse_args()
    head = ["population", "n", "r", "N", "E[DSP]", *METHODS]
    head[5] = "ours [95 % interval]"
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    scenarios = len(SCENARIOS) + len(_coverage_groups.POPULATIONS)
    with progress(scenarios * options.populations) as tick:
        for i, scenario in enumerate(SCENARIOS):
            lines.append(row(scenario, options.populations, options.seed + 1000 * i, tick))
        groups = _coverage_groups.table(options.populations, options.seed, tick)
    head_line = f"{options.populations} populations each, seed {options.seed}."
    table = "\n".join(
        [
            head_line,
            "",
            *lines,
            "",
            LEGEND,
            "Prompts in groups:",
            "",
            *groups,
            "",
            _coverage_groups.LEGEND,
        ]
    )
    publish(table.strip(), options.out / "table.md")


class progress:  # noqa: N801 - reads as a verb at its one use
    """A bar on stderr where that is a terminal, silence elsewhere."""

    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self._bar = Progress(console=Console(file=sys.stderr), disable=not sys.stderr.isatty())
        self._task = self._bar.add_task("coverage", total=total)

    def __enter__(self) -> Callable[[], None]:
        self._bar.start()
        return lambda: self._bar.advance(self._task)

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


if __name__ == "__main__":
    main()

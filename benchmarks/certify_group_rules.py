"""Groups of attacks: betting on their means, or the exact bound on one member of each?

For patterns of sizes, rates of refusal and ways in which members hang together: the mean of the
betting bound over group means, of Clopper and Pearson's on one random member a group, and on all
members together; which of them the sizes choose where there are texts to draw by and where not; and
how often each claims more than the truth. Prints a Markdown table,
also to ``build/certify_group_rules/table.md``. Seeded.

    python benchmarks/certify_group_rules.py --populations 1000
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from _tables import markdown, publish
from interlock.certify.bounds.groups import share_lower, standing

CONFIDENCE = 0.95
Bools = NDArray[np.bool_]
Labels = NDArray[np.int64]
Hits = Callable[[np.random.Generator, Labels, float], Bools]


def _group_rates(rng: np.random.Generator, groups: Labels, rate: float) -> NDArray[np.float64]:
    """A group is refused nearly always, or half of the time; ``rate`` in the mean."""
    hard = rng.random(int(groups.max()) + 1) < (1 - rate) / 0.48
    return np.where(hard, 0.51, 0.99)[groups]


def alike(rng: np.random.Generator, groups: Labels, rate: float) -> Bools:
    """All members of a group end alike."""
    return (rng.random(int(groups.max()) + 1) < rate)[groups]


def kin(rng: np.random.Generator, groups: Labels, rate: float) -> Bools:
    """Members of a group share a rate, and end each by itself."""
    return rng.random(groups.size) < _group_rates(rng, groups, rate)


def strangers(rng: np.random.Generator, groups: Labels, rate: float) -> Bools:
    """Members have nothing in common."""
    return rng.random(groups.size) < rate


WAYS: dict[str, Hits] = {"alike": alike, "kin": kin, "strangers": strangers}
RATES = (0.98, 0.9, 0.75)


@dataclass(frozen=True)
class Sizes:
    name: str
    sizes: tuple[int, ...]

    @property
    def groups(self) -> Labels:
        return np.repeat(np.arange(len(self.sizes)), self.sizes)


PATTERNS = [
    Sizes("59: one pair", (1,) * 58 + (2,)),
    Sizes("59: one of 30", (1,) * 58 + (30,)),
    Sizes("100: ten pairs", (1,) * 90 + (2,) * 10),
    Sizes("20: five pairs", (1,) * 15 + (2,) * 5),
    Sizes("60: half pairs", (1,) * 30 + (2,) * 30),
    Sizes("60: half of five", (1,) * 30 + (5,) * 30),
    Sizes("50: pairs", (2,) * 50),
    Sizes("20: pairs", (2,) * 20),
    Sizes("40: threes", (3,) * 40),
    Sizes("40: a quarter alone, fives", (1,) * 10 + (5,) * 30),
    Sizes("30: fives", (5,) * 30),
    Sizes("12: tens", (10,) * 12),
]


def drawn(rng: np.random.Generator, groups: Labels) -> Bools:
    """One random member of each group."""
    chance = rng.random(groups.size)
    least = np.full(int(groups.max()) + 1, 2.0)
    np.minimum.at(least, groups, chance)
    return chance == least[groups]


def rows(runs: int, seed: int) -> Iterator[list[str]]:
    for number, pattern in enumerate(PATTERNS):
        groups = pattern.groups
        sizes = np.bincount(groups)
        chosen = [
            "betting" if standing(groups, texts) is None else name
            for texts, name in ((["x"] * groups.size, "member"), (None, "all"))
        ]
        for way, hits_of in WAYS.items():
            cells = [pattern.name, f"{np.mean(1 / sizes):.2f}", ", ".join(chosen), way]
            most = np.zeros(3)
            for rate in RATES:
                bounds = np.empty((runs, 3))
                for run in range(runs):
                    rng = np.random.default_rng([seed, number, round(100 * rate), run])
                    hits = hits_of(rng, groups, rate)
                    bounds[run] = (
                        share_lower(hits, groups, CONFIDENCE),
                        share_lower(hits, groups, CONFIDENCE, drawn(rng, groups)),
                        share_lower(hits, groups, CONFIDENCE, np.ones(groups.size, dtype=bool)),
                    )
                most = np.maximum(most, 100 * (bounds > rate + 1e-12).mean(axis=0))
                cells.append(" / ".join(f"{mean:.3f}" for mean in bounds.mean(axis=0)))
            yield [*cells, " / ".join(f"{share:.1f}" for share in most)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--populations", type=int, default=1000, help="simulated per cell")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("build/certify_group_rules"))
    options = parser.parse_args()
    head = ["groups", "mean 1/size", "chosen", "members"]
    head += [*(f"refused {rate:g}" for rate in RATES), "violations, %"]
    table = markdown(head, list(rows(options.populations, options.seed)))
    text = (
        f"{options.populations} populations each, seed {options.seed}.\n\n{table}\n\n"
        f"Mean {CONFIDENCE:.0%} bound by betting / on one member / on all together, and the most "
        "violations of each at the three rates. Chosen: with texts, without."
    )
    publish(text, options.out / "table.md")


if __name__ == "__main__":
    main()

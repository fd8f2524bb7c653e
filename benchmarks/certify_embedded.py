"""Does the bound hold on real votes? The embedded attacks, split in halves again and again.

Every attack votes once, with r copies at each setting; then, split by split, one half makes the
certificate and the DSP of the other half checks it, with no further call. Prints a Markdown table.
Seeded; calls are kept under ``build/certify_embedded``, so that a killed run goes on.

    python benchmarks/certify_embedded.py --splits 1000
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from interlock.certify import (
    CallStore,
    Perturbation,
    PerturbationKind,
    PopulationCertificate,
    RefusalPhrases,
    StoredTarget,
    load_target,
    read_attacks,
    upper_bound,
)
from interlock.certify.study import measure_votes

SETTINGS: list[tuple[PerturbationKind, float, int]] = [
    ("swap", 0.10, 7),
    ("insert", 0.15, 7),
    ("insert", 0.20, 3),
]
LEGEND = """\
- **DSP**: mean over all attacks of the group, estimated without bias from their votes.
- **ours**: mean of `PopulationCertificate.lower` over the splits; how often, in %, it exceeds the
  DSP of the other half, and that of all attacks.
- **formula**: the same for the published formula at the half's average alpha. Of these, only "ours"
  claims to hold in 95 % of the cases, and that for the population, which "all" stands for; the
  other half is a sample, too, and misses it to either side.
"""


@dataclass(frozen=True)
class Claims:
    bound: NDArray[np.float64]  # (S,)
    other: NDArray[np.float64]  # (S,) DSP of the other half
    everywhere: float

    def cell(self) -> str:
        wrong = 100 * float((self.bound > self.other + 1e-12).mean())
        wrong_all = 100 * float((self.bound > self.everywhere + 1e-12).mean())
        return f"{self.bound.mean():.3f}; {wrong:.1f} / {wrong_all:.1f}"


def split_claims(
    refused: NDArray[np.bool_], copies: int, splits: int, seed: int
) -> tuple[Claims, Claims]:
    """(ours, formula) over seeded halves of the attacks (n, r)."""
    whole = PopulationCertificate.from_votes(refused, copies)
    ours, formula, other = np.empty(splits), np.empty(splits), np.empty(splits)
    for i in range(splits):
        order = np.random.default_rng([seed, i]).permutation(len(refused))
        mine, rest = order[: len(refused) // 2], order[len(refused) // 2 :]
        certificate = PopulationCertificate.from_votes(refused[mine], copies)
        ours[i], formula[i] = certificate.lower, certificate.homogeneous
        other[i] = whole.per_prompt[rest].mean()
    return Claims(ours, other, whole.estimate), Claims(formula, other, whole.estimate)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--splits", type=int, default=1000)
    parser.add_argument("--votes", type=int, default=11, help="copies of each attack")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("build/certify_embedded"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    suffixes, plays = (
        [a.prompt for a in read_attacks() if (a.kind == "gcg") == wanted]
        for wanted in (True, False)
    )
    groups = {"suffix": suffixes, "role-play": plays, "both": [*suffixes, *plays]}
    rows: list[Sequence[str]] = []
    with CallStore(options.out / "calls.sqlite") as store:
        target = StoredTarget(load_target("embedded", max_tokens=32), store)
        for kind, rate, copies in SETTINGS:
            for name, prompts in groups.items():
                print(f"{kind} {rate} {name}", file=sys.stderr)
                votes = measure_votes(
                    target, RefusalPhrases(), prompts, Perturbation(kind, rate),
                    trials=options.votes, seed=options.seed,
                ).refused  # fmt: skip
                ours, formula = split_claims(votes, copies, options.splits, options.seed)
                rows.append(
                    [name, str(len(prompts)), f"{kind}, q = {rate:.0%}, N = {copies}",
                     f"{votes.mean():.3f}", f"{ours.everywhere:.3f}", ours.cell(), formula.cell()]
                )  # fmt: skip
    head = ["attacks", "n", "setting", "mean α", "DSP", "ours; % wrong, half / all",
            "formula; % wrong, half / all"]  # fmt: skip
    limit = 100 * float(upper_bound(round(0.05 * options.splits), options.splits, 0.99))
    table = "\n".join(
        [
            f"{options.splits} splits in halves, {options.votes} votes an attack, seed "
            f"{options.seed}. Up to {limit:.1f} % is within chance of 5 %.\n",
            *("| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows]),
            "",
            LEGEND,
        ]
    )
    print(table)
    (options.out / "table.md").write_text(table, encoding="utf-8")


if __name__ == "__main__":
    main()

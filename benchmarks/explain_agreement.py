"""Do sets hold what acts together, and only that? Scenes whose deciding parts are known.

    python -m benchmarks.explain_scenes                    # from the project's folder
    python -m benchmarks.explain_agreement

The two parts of a scene *truly interact* where the second difference between them, each glyph
taken away exactly, is above half of the geometric mean of what they cost alone:
|I| > 0.5 sqrt(|d_A d_B|). The same fill is used for truth as by merging; ``--truth`` takes another.
A method *agrees* on a scene if one set covers both parts, by a fifth of each at least, just where
they interact.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.stats import binomtest
from torch import Tensor, nn
from tqdm import tqdm

from benchmarks import _known
from benchmarks._parts import Rule, draw
from benchmarks._tables import markdown, plus_minus, publish
from interlock import HSets
from interlock.explain._baseline import blurred
from interlock.explain._derivatives import Differentiable
from interlock.explain._removal import Removal, heavy_blur

OUT = Path(__file__).resolve().parents[1] / "build" / "explain_agreement"
TIED = 0.5
"""Share of the parts' own effects from which their interaction counts."""
RULES: tuple[Rule, ...] = ("xor", "and", "or")
FILLS: dict[str, Callable[[Tensor], Tensor]] = {
    "heavy blur": heavy_blur,
    "fine blur": lambda x: blurred(x, 1.0),
    "mid-grey": torch.zeros_like,
}


@dataclass(frozen=True)
class Judged:
    """One method on one scene."""

    agrees: bool
    overlap: float
    """IoU of the best set with the pair, where the parts interact; else NaN."""
    distracted: float
    """Share of the best set that lies on distractors, likewise."""


def truly_tied(
    model: nn.Module, x: Tensor, target: int, parts: Tensor, fill: Tensor
) -> tuple[bool, float]:
    """Whether the parts interact, and by what share of their own effects."""
    effects = Removal(Differentiable(model, 32), x, fill, target).effects(parts)
    own = float(effects.drops.abs().prod().sqrt())
    both = abs(float(effects.interactions[0, 1]))
    return both > TIED * own, both / own if own > 0 else np.inf


def judged(sets: Tensor, parts: Tensor, distractors: Tensor, tied: bool) -> Judged:
    """(S, H, W) bool sets against the parts (2, H, W) of a scene."""
    covered = torch.einsum("shw,phw->sp", sets.float(), parts.float())
    covered = covered / parts.flatten(1).sum(dim=1)
    together = bool((covered >= _known.TOUCHED).all(dim=1).any())
    pair = parts.any(dim=0)
    ious = [float((s & pair).sum() / (s | pair).sum()) for s in sets] or [0.0]
    best = int(np.argmax(ious))
    lost = float((sets[best] & distractors).sum() / sets[best].sum()) if len(sets) else 0.0
    return Judged(together == tied, ious[best] if tied else np.nan, lost if tied else np.nan)


def by_position(saliency: Tensor, count: int) -> Tensor:
    """The control: the map's pixels in ``count`` groups by where they are (k-means)."""
    from sklearn.cluster import KMeans

    places = saliency.nonzero()
    count = min(count, len(places))
    if count == 0:
        return torch.zeros(0, *saliency.shape, dtype=torch.bool)
    labels = KMeans(count, n_init=4, random_state=0).fit_predict(places.numpy())
    sets = torch.zeros(count, *saliency.shape, dtype=torch.bool)
    for k in range(count):
        rows, columns = places[torch.from_numpy(labels == k)].T
        sets[k, rows, columns] = True
    return sets


def methods(model: nn.Module) -> dict[str, Callable[[Tensor, int], Tensor]]:
    """(C, H, W) and a class -> (S, H, W) sets, by name."""
    merge, joint = HSets(model), HSets(model, growth="joint")

    def clustered(x: Tensor, target: int) -> Tensor:
        ex = merge.explain(x, target)
        return by_position(ex.saliency, len(ex))

    return {
        "merge": lambda x, target: merge.explain(x, target).regions,
        "joint": lambda x, target: joint.explain(x, target).regions,
        "k-means of the map": clustered,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Print and keep a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=100, help="for each rule")
    parser.add_argument("--offset", type=int, default=2000, help="seed of the scenes")
    parser.add_argument("--truth", choices=FILLS, default="heavy blur", help="fill of the truth")
    chosen = parser.parse_args(argv)
    torch.set_num_threads(1)
    lines = []
    for rule in RULES:
        model = _known.load(rule)
        scenes = draw(chosen.scenes, rule, held_out=True, seed=chosen.offset)
        targets = [int(model(x[None]).argmax()) for x in scenes.images]
        truths = [
            truly_tied(model, x, target, parts, FILLS[chosen.truth](x))
            for x, target, parts in zip(scenes.images, targets, scenes.parts, strict=True)
        ]
        tied = sum(one for one, _ in truths)
        for name, sets_of in methods(model).items():
            start = time.process_time()
            results = [
                judged(sets_of(x, target), parts, distractors, truly)
                for x, target, parts, distractors, (truly, _) in zip(
                    tqdm(scenes.images, desc=f"{rule}, {name}", disable=None),
                    targets, scenes.parts, scenes.distractors, truths, strict=True,
                )
            ]  # fmt: skip
            seconds = (time.process_time() - start) / chosen.scenes
            lines.append([rule, f"{tied} of {chosen.scenes}", name, *cells(results, seconds)])
            print(lines[-1], flush=True)
    header = ["rule", "interact", "sets", "agreement", "IoU", "on distractors", "seconds"]
    publish(markdown(header, lines), OUT / "table.md")
    return 0


def cells(results: Sequence[Judged], seconds: float) -> list[str]:
    """Agreement with its exact 95 % interval; means where the parts interact, by Student's t."""
    agrees = sum(r.agrees for r in results)
    low, high = binomtest(agrees, len(results)).proportion_ci(0.95, "exact")
    tied = [r for r in results if not np.isnan(r.overlap)]
    means = [
        plus_minus([getattr(r, value) for r in tied], 2) if tied else ""
        for value in ("overlap", "distracted")
    ]
    share = f"{agrees / len(results):.2f} [{low:.2f}, {high:.2f}]"
    return [share, *means, f"{seconds:.2f}"]


if __name__ == "__main__":
    sys.exit(main())

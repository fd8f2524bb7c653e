"""Are sets interactions, and do they stay? Photos of three classifiers that nobody tuned sets on.

    python benchmarks/defend_photos.py && python recipes/efficientnet_lite.py
    python -m benchmarks.explain_sets --model mobilenet --photos 100

Three ways to group the 16 regions with most evidence: merging, the sets of joint growth, and the
control, k-means of where the map's pixels are, with as many groups as merging keeps. A region
belongs to the group that holds most of its evidence.

- **AUROC**: whether regions that touch and are kept together interact more than those that touch
  and are kept apart, |I| over the larger of the two regions' reach, by a fill that no set has seen
  (pull-push, from what surrounds the region; regions were merged by a heavy blur). Pairs of all
  photos together, intervals by photos drawn anew.
- **ARI**: adjusted Rand index of the pixels' sets, on what either map marks, against those under
  noise of 1 % of the range; **region IoU**: of the sets' regions, matched one to one.
- **one piece**: the share of a set's region that is its largest connected piece.

Each photo's values are kept in ``build/explain_sets``; a run that was stopped goes on, and
``--kept`` prints what there is.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, roc_auc_score
from torch import Tensor
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parent))  # beside scripts that are run by their path

import _lite
import _photos
from _tables import markdown, publish
from benchmarks.explain_agreement import by_position
from interlock import HSets
from interlock.data import read_image
from interlock.defend.fill import pull_push
from interlock.explain._derivatives import Differentiable
from interlock.explain._merging import strongest_regions
from interlock.models import Classifier, load_classifier

OUT = _photos.ROOT / "build" / "explain_sets"
NOISE = 0.01
METHODS = ("merge", "joint", "k-means")
DRAWS = 2000


@dataclass(frozen=True)
class Measured:
    """One photo by one method."""

    pairs: list[tuple[bool, float]]
    """Regions that touch: whether they are kept together, and how much they interact."""
    ari: float
    iou: float
    piece: float


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, keep, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=MODELS, action="append", help="all unless given")
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--kept", action="store_true", help="measure nothing, print what is kept")
    chosen = parser.parse_args(argv)
    torch.set_num_threads(1)
    tables = []
    for name in chosen.model or MODELS:
        classifier, files = MODELS[name]()
        some = files[: chosen.photos]
        if chosen.kept:
            there = kept(name)
            some = [file for file in some if known_as(file) in there]
        rows = [*measured(name, classifier, some)]
        tables += [f"**{name}**, {len(rows)} photos", table(rows)]
    publish("\n\n".join(tables), OUT / "table.md")
    return 0


def measured(name: str, classifier: Classifier, files: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """A row for each photo: those kept, then the others."""
    OUT.mkdir(parents=True, exist_ok=True)
    rows = kept(name)
    explainers = {growth: HSets(classifier.model, growth=growth) for growth in ("merge", "joint")}
    for file in tqdm(files, desc=name, unit="photo", disable=None):
        if known_as(file) not in rows:
            x = classifier.preprocess(read_image(file))
            of = {method: vars(one) for method, one in compared(classifier, explainers, x).items()}
            rows[known_as(file)] = {"file": known_as(file)} | of
            with (OUT / f"{name}.jsonl").open("a", encoding="utf-8") as out:
                out.write(json.dumps(rows[known_as(file)]) + "\n")
        yield rows[known_as(file)]


def known_as(file: Path) -> str:
    """Its folder is its class, where photos of several classes have the same name."""
    return f"{file.parent.name}/{file.name}"


def kept(name: str) -> dict[str, dict[str, Any]]:
    """The rows of earlier runs, by photo."""
    path = OUT / f"{name}.jsonl"
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return {row["file"]: row for row in map(json.loads, lines)}


def compared(
    classifier: Classifier, explainers: Mapping[str, HSets], x: Tensor
) -> dict[str, Measured]:
    """(C, H, W) by each method."""
    generator = torch.Generator().manual_seed(0)
    spread = float(x.max() - x.min())
    noisy = x + NOISE * spread * torch.randn(x.shape, generator=generator)
    merge, joint = explainers["merge"].explain(x), explainers["joint"].explain(x)
    again = {name: one.explain(noisy, merge.target) for name, one in explainers.items()}
    atoms = strongest_regions(merge.saliency, merge.segments)
    strength, touch = unseen(classifier, x, merge.target, atoms)
    sets = {
        "merge": (merge.regions, again["merge"].regions),
        "joint": (joint.regions, again["joint"].regions),
        "k-means": tuple(by_position(e.saliency, len(e)) for e in (merge, again["merge"])),
    }
    marked = (merge.saliency > 0) | (again["merge"].saliency > 0)
    result = {}
    for name, (now, later) in sets.items():
        groups = homes(atoms, merge.saliency, now)
        pairs = [
            (groups[i] is not None and groups[i] == groups[j], strength[i, j].item())
            for i, j in touch
        ]
        ari = adjusted_rand_score(labels(now)[marked], labels(later)[marked])
        result[name] = Measured(pairs, float(ari), overlap(now, later), largest_piece(now))
    return result


def unseen(
    classifier: Classifier, x: Tensor, target: int, atoms: Tensor
) -> tuple[Tensor, list[tuple[int, int]]]:
    """How much atoms interact, by pull-push, as a share of the larger reach; who touches whom."""
    near = [ndimage.binary_dilation(atom.numpy()) for atom in atoms]
    touch = [
        (i, j)
        for i in range(len(atoms))
        for j in range(i)
        if bool((near[i] & atoms[j].numpy()).any())
    ]
    model = Differentiable(classifier.model, 32)
    cases = [torch.zeros_like(atoms[0]), *atoms, *(atoms[i] | atoms[j] for i, j in touch)]
    answers = []
    for part in torch.stack(cases).split(32):
        hidden = part.unsqueeze(1)
        answers.append(model.logits(pull_push(x.expand(len(part), -1, -1, -1), hidden)).double())
    values = torch.cat(answers)[:, target].cpu()
    drops = values[0] - values[1 : 1 + len(atoms)]
    strength = torch.zeros(len(atoms), len(atoms), dtype=torch.float64)
    for (i, j), both in zip(touch, values[1 + len(atoms) :], strict=True):
        strength[i, j] = strength[j, i] = (drops[i] + drops[j] - (values[0] - both)).abs()
    reach = strength.amax(dim=1) if len(atoms) else strength.new_zeros(0)
    larger = torch.maximum(reach[:, None], reach[None])
    return strength / larger.clamp_min(1e-12), touch


def homes(atoms: Tensor, saliency: Tensor, sets: Tensor) -> list[int | None]:
    """For each atom the set that holds most of its evidence; None where no set holds any."""
    held = torch.einsum("ahw,shw,hw->as", atoms.float(), sets.float(), saliency.float())
    return [int(row.argmax()) if len(row) and float(row.max()) > 0 else None for row in held]


def labels(sets: Tensor) -> np.ndarray[Any, Any]:
    """(S, H, W) disjoint -> (H, W), 0 where no set is."""
    numbers = torch.arange(1, len(sets) + 1).view(-1, 1, 1)
    return (sets * numbers).sum(dim=0).numpy()


def overlap(now: Tensor, later: Tensor) -> float:
    """Mean IoU of sets matched one to one; a set without a partner counts 0."""
    if not len(now) or not len(later):
        return float(len(now) == len(later))
    a, b = now.flatten(1).float(), later.flatten(1).float()
    both = a @ b.T
    iou = (both / (a.sum(1)[:, None] + b.sum(1)[None] - both)).numpy()
    return float(iou[linear_sum_assignment(-iou)].sum() / max(len(now), len(later)))


def largest_piece(sets: Tensor) -> float:
    """Mean share of a set that is its largest connected piece, corners included."""
    shares = []
    for one in sets.numpy():
        pieces, _ = ndimage.label(one, np.ones((3, 3)))
        shares.append(np.bincount(pieces.ravel())[1:].max() / one.sum())
    return float(np.mean(shares)) if shares else 1.0


def auroc(rows: Sequence[Mapping[str, Any]], method: str) -> float:
    """Over the pairs of all photos; NaN where all are together or all apart."""
    pairs = [pair for row in rows for pair in row[method]["pairs"]]
    together = [pair[0] for pair in pairs]
    if len({*together}) < 2:
        return float("nan")
    return float(roc_auc_score(together, [pair[1] for pair in pairs]))


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """A line for each method, with 95 % intervals over photos."""
    generator = np.random.default_rng(0)
    drawn = [generator.integers(len(rows), size=len(rows)) for _ in range(DRAWS)]
    resampled = {
        method: np.array([auroc([rows[k] for k in some], method) for some in drawn])
        for method in METHODS
    }
    lines = []
    for method in METHODS:
        lead = resampled[method] - resampled["k-means"]
        cells = [f"{auroc(rows, method):.2f} {_interval(resampled[method])}"]
        cells.append("" if method == "k-means" else _interval(lead))
        for value in ("ari", "iou", "piece"):
            values = np.array([row[method][value] for row in rows])
            means = np.array([values[some].mean() for some in drawn])
            cells.append(f"{values.mean():.2f} {_interval(means)}")
        together = [pair[0] for row in rows for pair in row[method]["pairs"]]
        lines.append([method, *cells, f"{sum(together)} of {len(together)}"])
    header = ["sets", "AUROC", "above k-means", "ARI", "region IoU", "one piece", "kept together"]
    return markdown(header, lines)


def _interval(values: np.ndarray[Any, Any]) -> str:
    low, high = np.nanquantile(values, (0.025, 0.975))
    return f"[{low:.2f}, {high:.2f}]"


def _imagenet(classifier: Classifier) -> tuple[Classifier, list[Path]]:
    return classifier, [_photos.PHOTOS / photo.file for photo in _photos.half_of("report")]


def _embedded() -> tuple[Classifier, list[Path]]:
    return load_classifier("embedded"), _photos.listed("caltech_report")


MODELS: dict[str, Callable[[], tuple[Classifier, list[Path]]]] = {
    "mobilenet": lambda: _imagenet(load_classifier(str(_photos.MOBILENET))),
    "lite0": lambda: _imagenet(_lite.lite0()),
    "embedded": _embedded,
    "lite2": lambda: _imagenet(_lite.lite2()),
}


if __name__ == "__main__":
    sys.exit(main())

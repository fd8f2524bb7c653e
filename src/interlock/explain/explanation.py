"""The result of an explanation, and its file."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from interlock._files import write_atomically
from interlock.errors import OutputError
from interlock.models.probability import probabilities

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMAT_VERSION = 2
SINCE_2 = ("regions", "drops", "interactions", "without")
"""Arrays that files of format 1 lack."""
QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


def _not_given() -> Tensor:
    return torch.zeros(0)


@dataclass(frozen=True, eq=False)
class Explanation:
    """Sets of features that act together in one decision. All tensors are on the CPU.

    Sets are sorted by score, highest first. Where no feature speaks for the class (a constant
    model, an image equal to its baseline) there are none: S = 0 and the saliency is zero.
    """

    masks: Tensor
    """(S, C, H, W) bool: the features of each set."""
    scores: Tensor
    """(S,) mean dividend of each set (IDG-Vis), in logits per unit of distance; >= 0."""
    saliency: Tensor
    """(H, W) float, >= 0: the map. Zero outside the sets and what is ``scattered``."""
    target: int
    """The class that is explained."""
    seeds: Tensor
    """(S, 3) channel, row and column of the feature that each set grew from; in merged sets, of
    the strongest."""
    segments: Tensor
    """(H, W) labels of the spatial prior."""
    attribution: Tensor
    """(C, H, W) the saliency, feature by feature."""
    shares: Tensor
    """(S,) share of the saliency that lies in the set, in [0, 1]."""
    quantiles: Tensor
    """(S, 5) minimum, quartiles and maximum of the sampled dividends."""
    against: Tensor
    """(S,) mean dividend of the evidence against the class, in the units of ``scores``."""
    rows: Tensor
    """(S,) Hessian rows that each set used; 0 in merged sets, which forward passes decide."""
    image: Tensor
    """(H, W, 3) uint8, what the model looked at, for display."""
    logits: Tensor
    """(classes,) what the model answered for x."""
    baseline_logit: float
    """f_c(x')."""
    completeness_gap: float
    """f(x) - f(x') minus the sum of Integrated Gradients, in logits; 0 with infinite steps."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """The options of the run, by name."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Versions of interlock, torch and numpy."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Wall time of each stage."""
    label: str = ""
    """The name of the class, where it is known."""
    independent: bool = False
    """Whether each class has a yes or no of its own (several labels for one image)."""
    regions: Tensor = field(default_factory=_not_given)
    """(S, H, W) bool: where each set lives. Merged sets live in whole regions of the prior, others
    in their pixels, which is also what is taken where it is not given."""
    drops: Tensor = field(default_factory=_not_given)
    """(S,) logits lost when a set's region is taken away, by a heavy blur in its place
    (``_removal.py``); negative where the logit rises. NaN where it was not measured, as in files of
    format 1."""
    interactions: Tensor = field(default_factory=_not_given)
    """(S, S) second differences between regions, in logits: drop of one + drop of the other - drop
    of both. Above 0 each needs the other, below 0 each stands in for the other; symmetric, 0 on
    the diagonal. NaN off the diagonal where it was not measured."""
    without: Tensor = field(default_factory=_not_given)
    """(S,) probability of the class without the set's region, in [0, 1]; NaN likewise."""

    def __post_init__(self) -> None:
        count = len(self.scores)
        unknown = torch.full((count,), torch.nan)
        apart = torch.full((count, count), torch.nan).fill_diagonal_(0.0)
        standing = {
            "regions": self.masks.any(dim=1), "drops": unknown, "without": unknown.clone(),
            "interactions": apart,
        }  # fmt: skip
        for name, value in standing.items():
            if getattr(self, name).numel() == 0:
                object.__setattr__(self, name, value)

    def __len__(self) -> int:
        """The number of sets."""
        return len(self.scores)

    @property
    def logit(self) -> float:
        """f_c(x)."""
        return float(self.logits[self.target])

    @property
    def probability(self) -> float:
        """Of the class, in [0, 1]: by softmax, or by sigmoid for a lone or independent logit."""
        return float(probabilities(self.logits, self.independent)[self.target])

    @property
    def is_answer(self) -> bool:
        """Whether the class is the model's own answer; of independent labels each may be."""
        return self.independent or int(self.logits.argmax()) == self.target

    @property
    def scattered(self) -> float:
        """Share of the map's evidence that belongs to no set, in [0, 1]."""
        outside = float(self.attribution[~self.masks.any(dim=0)].double().sum())
        whole = float(self.attribution.double().sum())
        return min(1.0, max(0.0, outside / whole)) if whole > 0 else 0.0

    @property
    def boxes(self) -> Tensor:
        """(S, 4) bounding box of each set: top, left, bottom, right; the last two exclusive."""
        boxes = []
        for mask in self.masks.any(dim=1):
            ys, xs = mask.nonzero(as_tuple=True)
            boxes.append([int(ys.min()), int(xs.min()), int(ys.max()) + 1, int(xs.max()) + 1])
        return torch.tensor(boxes, dtype=torch.int64).reshape(-1, 4)

    def __repr__(self) -> str:
        """Two lines: the decision, and what its sets do."""
        name = self.label or f"class {self.target}"
        decision = f"{name}: probability {self.probability:.3g}, logit {self.logit:.3g}"
        decision += "" if self.is_answer else f", the model answers {int(self.logits.argmax())}"
        sets = "1 set" if len(self) == 1 else f"{len(self)} sets"
        size = "x".join(map(str, self.saliency.shape))
        first = f"Explanation of {decision}; {sets} on {size}, {self.scattered:.0%} scattered"
        drops = [f"{k + 1}: {-float(d):+.2g}" for k, d in enumerate(self.drops)]
        if not drops:
            return f"{first}\n  no feature speaks for this class"
        if not bool(self.drops.isfinite().all()):
            return f"{first}\n  scores {', '.join(f'{float(s):.3g}' for s in self.scores)}"
        second = f"logit without each set {', '.join(drops)}"
        strength = self.interactions.abs()
        if strength.any():
            i, j = divmod(int(strength.argmax()), len(self))
            value = float(self.interactions[i, j])
            tie = "needs" if value > 0 else "stands in for"
            second += f"; strongest tie: {i + 1} {tie} {j + 1} ({value:+.2g})"
        return f"{first}\n  {second}"

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON: the decision, one entry per set, options and times."""
        sizes = self.masks.flatten(1).sum(dim=1)
        pixels = self.masks.any(dim=1).flatten(1).sum(dim=1)
        boxes = self.boxes
        areas = self.regions.flatten(1).float().mean(dim=1)
        sets = [
            {
                "rank": k + 1,
                "score": float(self.scores[k]),
                "against": float(self.against[k]),
                "share": float(self.shares[k]),
                "features": int(sizes[k]),
                "pixels": int(pixels[k]),
                "seed": self.seeds[k].tolist(),
                "box": boxes[k].tolist(),
                "area": float(areas[k]),
                "drop": _number(self.drops[k]),
                "probability_without": _number(self.without[k]),
                "interactions": [_number(value) for value in self.interactions[k]],
                "hessian_rows": int(self.rows[k]),
                "dividend_quantiles": dict(
                    zip(map(str, QUANTILES), self.quantiles[k].tolist(), strict=True)
                ),
            }
            for k in range(len(self))
        ]
        return {
            "target": self.target,
            "logit": self.logit,
            "probability": self.probability,
            "baseline_logit": self.baseline_logit,
            "completeness_gap": self.completeness_gap,
            "image_size": list(self.saliency.shape),
            "scattered": self.scattered,
            "sets": sets,
            "parameters": dict(self.parameters),
            "versions": dict(self.versions),
            "seconds": dict(self.seconds),
        }

    def save(self, path: str | Path) -> Path:
        """Write everything to one ``.npz`` file; the name appears only when it is complete.

        Raises:
            OutputError: the file cannot be written.
        """
        path = Path(path)
        arrays = {f.name: getattr(self, f.name).numpy() for f in fields(self) if _is_tensor(f)}
        plain = {f.name: _plain(getattr(self, f.name)) for f in fields(self) if not _is_tensor(f)}
        header = json.dumps({"format": FORMAT_VERSION, **plain})
        archive = io.BytesIO()
        np.savez_compressed(archive, header=np.array(header), **arrays)
        return write_atomically(path, archive.getvalue())

    @classmethod
    def load(cls, path: str | Path) -> Explanation:
        """Read what :meth:`save` wrote.

        Raises:
            OutputError: the file is missing, damaged, or of a newer format.
        """
        try:
            with np.load(path, allow_pickle=False) as archive:
                header = json.loads(str(archive["header"]))
                version = header.pop("format")
                if version > FORMAT_VERSION:
                    raise OutputError(
                        f"{path}: format {version} is newer than this interlock; update it"
                    )
                arrays: dict[str, Any] = {
                    f.name: torch.from_numpy(archive[f.name])
                    for f in fields(cls)
                    if _is_tensor(f) and (version >= 2 or f.name not in SINCE_2)
                }
            read = cls(**arrays, **header)
            read.to_dict()  # reads every part, and fails where they do not fit each other
        except OutputError:
            raise
        except FileNotFoundError:
            raise OutputError(f"{path}: no such file") from None
        except Exception as error:  # a damaged archive raises many kinds
            raise OutputError(f"{path}: is no saved explanation ({error})") from None
        return read

    def figure(self, title: str | None = None) -> Figure:
        """The photo with its regions, the graph, the map, and a sentence a set (matplotlib)."""
        from interlock.explain.drawing.figure import draw

        return draw(self, title)

    def _repr_html_(self) -> str:
        from interlock.explain.drawing.figure import inline_png

        return f'<img alt="explanation of class {self.target}" src="{inline_png(self.figure())}">'


def _is_tensor(field: Any) -> bool:
    return bool(field.type == "Tensor")


def _number(value: Tensor) -> float | None:
    return float(value) if bool(value.isfinite()) else None


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value

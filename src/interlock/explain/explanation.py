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

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMAT_VERSION = 1
QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


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
    """(H, W) float, >= 0; zero outside the sets."""
    target: int
    """The class that is explained."""
    seeds: Tensor
    """(S, 3) channel, row and column of the feature that each set grew from."""
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
    """(S,) Hessian rows that each set used."""
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

    def __len__(self) -> int:
        """The number of sets."""
        return len(self.scores)

    @property
    def logit(self) -> float:
        """f_c(x)."""
        return float(self.logits[self.target])

    @property
    def probability(self) -> float:
        """Softmax of the class, in [0, 1]."""
        return float(self.logits.softmax(dim=0)[self.target])

    @property
    def boxes(self) -> Tensor:
        """(S, 4) bounding box of each set: top, left, bottom, right; the last two exclusive."""
        boxes = []
        for mask in self.masks.any(dim=1):
            ys, xs = mask.nonzero(as_tuple=True)
            boxes.append([int(ys.min()), int(xs.min()), int(ys.max()) + 1, int(xs.max()) + 1])
        return torch.tensor(boxes, dtype=torch.int64).reshape(-1, 4)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON: the decision, one entry per set, options and times."""
        sizes = self.masks.flatten(1).sum(dim=1)
        pixels = self.masks.any(dim=1).flatten(1).sum(dim=1)
        boxes = self.boxes
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
                    f.name: torch.from_numpy(archive[f.name]) for f in fields(cls) if _is_tensor(f)
                }
        except OutputError:
            raise
        except FileNotFoundError:
            raise OutputError(f"{path}: no such file") from None
        except Exception as error:  # a damaged archive raises many kinds
            raise OutputError(f"{path}: is no saved explanation ({error})") from None
        return cls(**arrays, **header)

    def figure(self, title: str | None = None) -> Figure:
        """The photo, the prior, the sets and the saliency side by side (matplotlib)."""
        from interlock.explain.drawing.figure import draw

        return draw(self, title)

    def _repr_html_(self) -> str:
        from interlock.explain.drawing.figure import inline_png

        return f'<img alt="explanation of class {self.target}" src="{inline_png(self.figure())}">'


def _is_tensor(field: Any) -> bool:
    return bool(field.type == "Tensor")


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value

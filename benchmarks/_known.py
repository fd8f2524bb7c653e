"""Methods and metrics for scenes whose deciding parts are known, pixel by pixel.

For studies: ``benchmarks._known:found`` and the others. A metric knows an image by its pixels, and
so the truth of it; both rules of ``_parts`` draw the same images, with the same parts.

Relevance mass and relevance rank accuracy are those of Arras et al. (2022), "CLEVR-XAI", section 3.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from benchmarks import _small_net
from benchmarks._parts import CLASSES, GLYPH, Rule, draw
from interlock import HSets
from interlock.explain._baseline import baseline_for
from interlock.explain._derivatives import Differentiable
from interlock.explain.measures._ranking import cut
from interlock.explain.peers import make_peer
from interlock.explain.priors import segment, slic

OUT = Path(__file__).resolve().parents[1] / "build" / "explain_scenes"
FOLDER = OUT / "scenes"
SCENES, SEED = 50, 1
TOUCHED = 0.2
"""Share of a part that must be marked for the part to count as touched."""
TRUE_PIXELS = 2 * GLYPH * GLYPH

Saliency = Callable[[Tensor, int], Tensor]


def weights(rule: Rule) -> Path:
    """Where the network of a rule lies."""
    return OUT / f"{rule}-{_small_net.STEPS}-{_small_net.XOR_STEPS}.pt"


def load(rule: Rule) -> nn.Module:
    """The trained network of a rule, with what a study asks of a model."""
    if not weights(rule).exists():
        raise FileNotFoundError(
            f"{weights(rule)}: not there; run python -m benchmarks.explain_scenes"
        )
    model = _small_net.build(CLASSES[rule])
    model.load_state_dict(torch.load(weights(rule), weights_only=True))
    model.labels = [str(k) for k in range(CLASSES[rule])]  # type: ignore[assignment]
    model.preprocess = preprocess  # type: ignore[assignment]
    return model.eval()


def xor() -> nn.Module:
    """Neither part alone tells anything."""
    return load("xor")


def conjunction() -> nn.Module:
    """Both parts must be there."""
    return load("and")


def disjunction() -> nn.Module:
    """Either of two parts suffices."""
    return load("or")


def preprocess(image: Image.Image) -> Tensor:
    """8-bit RGB -> (3, H, W) in [-1, 1]."""
    pixels = torch.from_numpy(np.array(image.convert("RGB")))
    return pixels.permute(2, 0, 1).float() / 127.5 - 1


def pixels_of(x: Tensor) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """(3, H, W) in [-1, 1] -> (H, W, 3) 8-bit."""
    return ((x + 1) * 127.5).round().byte().permute(1, 2, 0).contiguous().numpy()


def write_scenes() -> None:
    """The scenes of the studies, as PNG files."""
    part = FOLDER.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for n, x in enumerate(draw(SCENES, "and", held_out=True, seed=SEED).images):
        Image.fromarray(pixels_of(x)).save(part / f"{n:03}.png")
    shutil.rmtree(FOLDER, ignore_errors=True)
    part.rename(FOLDER)


@cache
def _truths() -> dict[str, tuple[Tensor, Tensor]]:
    scenes = draw(SCENES, "and", held_out=True, seed=SEED)
    names = [_name(x) for x in scenes.images]
    return dict(zip(names, zip(scenes.parts, scenes.distractors, strict=True), strict=True))


def _name(x: Tensor) -> str:
    return sha256(pixels_of(x).tobytes()).hexdigest()


def truth(x: Tensor) -> tuple[Tensor, Tensor]:
    """(3, H, W) -> the two parts (2, H, W) and the distractors (H, W), bool.

    Raises:
        KeyError: no scene of the studies.
    """
    return _truths()[_name(x)]


def strongest(saliency: Tensor, pixels: int) -> Tensor:
    """(H, W) bool: the largest positive entries, so many at most."""
    share = min(1.0, pixels / saliency.numel())
    return cut(saliency[None], saliency, share, seed=0) > 0


def mass(model: nn.Module, x: Tensor, target: int, saliency: Tensor, **_: Any) -> float:
    """Relevance mass accuracy: share of the positive saliency that lies on the parts."""
    positive = saliency.clamp_min(0)
    return float((positive * truth(x)[0].any(dim=0)).sum() / positive.sum().clamp_min(1e-12))


def found(
    model: nn.Module, x: Tensor, target: int, saliency: Tensor,
    pixels: int = TRUE_PIXELS, **_: Any,
) -> float:  # fmt: skip
    """Share of the parts' pixels among the strongest; relevance rank accuracy for as many."""
    parts = truth(x)[0].any(dim=0)
    return float((strongest(saliency, pixels) & parts).sum() / parts.sum())


def distracted(
    model: nn.Module, x: Tensor, target: int, saliency: Tensor,
    pixels: int = TRUE_PIXELS, **_: Any,
) -> float:  # fmt: skip
    """Share of the strongest pixels that lie on glyphs without meaning."""
    marked = strongest(saliency, pixels)
    return float((marked & truth(x)[1]).sum() / marked.sum().clamp_min(1))


def joint(
    model: nn.Module, x: Tensor, target: int, saliency: Tensor,
    pixels: int = TRUE_PIXELS, **_: Any,
) -> float:  # fmt: skip
    """1 where each of the parts has at least 20 % of its pixels among the strongest."""
    parts = truth(x)[0]
    marked = strongest(saliency, pixels)
    covered = (marked & parts).flatten(1).sum(dim=1) / parts.flatten(1).sum(dim=1)
    return float((covered >= TOUCHED).all())


def partner(model: nn.Module, x: Tensor, target: int, saliency: Tensor, **_: Any) -> float:
    """AUROC of a map of ``row``: does the other part stand above the distractors?"""
    parts, distractors = truth(x)
    other = parts[int(saliency[parts[0]].any() < saliency[parts[1]].any())]
    return auroc(saliency[other], saliency[distractors])


def auroc(inside: Tensor, outside: Tensor) -> float:
    """The chance that a value of ``inside`` exceeds one of ``outside``; ties count half."""
    from sklearn.metrics import roc_auc_score

    values = torch.cat([inside.flatten(), outside.flatten()])
    return float(roc_auc_score(torch.arange(len(values)) < inside.numel(), values))


def row(model: nn.Module, tau: float, seed: int) -> Saliency:
    """|Hessian row| of the strongest pixel in one part (``seed`` odd: the right), 0 inside it."""
    differentiable = Differentiable(model, 10)

    def saliency(x: Tensor, target: int) -> Tensor:
        own = truth(x)[0][seed % 2]
        path = differentiable.along_path(x, baseline_for(x, 0.0), target, 50)
        direction = torch.zeros(1, *x.shape)
        direction.view(-1)[((path.mean(dim=0) * x).abs() * own).argmax()] = 1.0
        found = differentiable.hessian(x, target, 2, tau)(direction)[0].abs().sum(dim=0)
        return found.masked_fill(own, 0.0)

    return saliency


def first_set(model: nn.Module, **options: Any) -> Saliency:
    """H-Sets' map on its best set alone."""
    explainer = HSets(model, **options)

    def saliency(x: Tensor, target: int) -> Tensor:
        explanation = explainer.explain(x, target)
        if not len(explanation.masks):
            return torch.zeros(x.shape[1:])
        return explanation.saliency * explanation.masks[0].any(dim=0)

    return saliency


def superpixels(model: nn.Module) -> Saliency:
    """Integrated Gradients with a zero baseline, averaged over SLIC's superpixels."""
    gradients = make_peer("ig", model)

    def saliency(x: Tensor, target: int) -> Tensor:
        image = ((x - x.min()) / (x.max() - x.min())).permute(1, 2, 0).double().numpy()
        regions = torch.from_numpy(segment(slic, image)).flatten()
        values = gradients.saliency(x, target).flatten()
        mean = torch.zeros(int(regions.max()) + 1).index_add_(0, regions, values)
        return (mean / regions.bincount())[regions].view(x.shape[1:])

    return saliency

"""H-Sets: sets of features that act together in an image classifier's decision."""

from __future__ import annotations

from collections import OrderedDict
from copy import copy
from hashlib import sha256
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from interlock._seeds import check_seed
from interlock._version import versions
from interlock.errors import ImageError, OptionError
from interlock.explain._baseline import Baseline, baseline_for
from interlock.explain._derivatives import (
    Differentiable,
    check_gradients,
    check_image,
    check_target,
    check_tensor,
    class_number,
)
from interlock.explain._dividends import Evidence, dividends, sample_subsets
from interlock.explain._growth import (
    ORIENT,
    Grown,
    deal_out,
    find_seeds,
    grow_by_rows,
    mark_jointly,
)
from interlock.explain._kinks import TAU
from interlock.explain._merging import grow_by_merging
from interlock.explain._removal import Removal, heavy_blur
from interlock.explain._stages import Clock, Told, part_of
from interlock.explain.explanation import QUANTILES, Explanation
from interlock.explain.priors import LabelMap, Prior, refined, resolve, segment
from interlock.models.probability import has_independent_labels, probabilities
from interlock.names import PriorName

Growth = Literal["merge", "joint", "rows"]
Inputs = TypeVar("Inputs", Tensor, tuple[Tensor], NDArray[Any])

# nu of the paper, 2000 of the 3 x 224 x 224 features of an ImageNet photo.
SIZE_SHARE = 2000 / (3 * 224 * 224)
THRESHOLDS: dict[str, float] = {"merge": 0.3, "joint": 0.5, "rows": 0.5}
"""mu where none is given; joint growth has no use for it."""
JOINT_ROUNDS = 2
JOINT_STEPS = 3


class HSets:
    """Explain a classifier by H-Sets (arXiv 2604.22045).

    Stage 1 finds sets of features that interact. Stage 2 scores them by Integrated Directional
    Gradients. Then each set is taken away, alone and with each other set. :meth:`paper` gives the
    published settings; three ways of growing sets:

    - ``"merge"``: about 100 regions of the spatial prior; of the 16 with most evidence each is
      taken away, alone and in pairs, and regions that interact are merged into sets of natural
      size. The second differences are *exact* for the model, the image and the fill (a heavy
      blur), up to float32 rounding; which regions may join is an *estimate*, from the map.
    - ``"joint"``: sets of equal size around seeds in the strongest segments; whole pixels join by
      Hessian rows of whole sets. Rows are exact derivatives at the image, with kinks smoothed;
      that they tell what a pixel does over the whole way to its removal is the estimate.
    - ``"rows"``: published; scalars join by the Hessian rows of single features.

    The map of ``"merge"`` is that of ``"joint"``, bit for bit: IG and the evidence of pixels while
    others go, both estimated by ``steps`` points on the way. Drops and interactions of whole sets
    are exact as above, whatever the growth; scores are estimated by ``samples`` subsets.

    Args:
        model: (N, C, H, W) float -> (N, classes) logits. It is put to no other use and left as
            it is; call ``model.eval()`` first.
        prior: name of a spatial prior, an (H, W) label map, or a function from an (H, W, 3) image
            in [0, 1] to labels.
        sets: |S|, the most sets to report, >= 1. Merging keeps those whose removal costs most.
        size: nu, the most scalar features a set may hold, >= 1. None scales the paper's 2000 at
            3 x 224 x 224 to the image at hand. Joint growth takes whole pixels, at least one.
            With merging it bounds the map alone, by |S| nu in all: a set has what lies in it.
        threshold: mu in [0, 1). By rows, a feature is a candidate above this share of the row's
            largest entry; None is the paper's 0.5. In merging, sets hold together above this
            share of their strongest interaction; None is 0.3.
        steps: m, points on the path from the baseline, >= 1.
        samples: t, subsets sampled for a set's score, >= 1.
        baseline: x': ``"blur"`` (Gaussian, sigma = side / 112), a number, or a tensor that
            broadcasts to the image.
        growth: ``"merge"``, ``"joint"`` or ``"rows"``, as above.
        evidence: what the map seeks and scores count: ``"for"`` the class, ``"against"`` it,
            or ``"absolute"`` for both, which is published.
        overlap: whether a feature may belong to several sets; never in merging.
        max_rows: Hessian rows that one set may use with ``growth="rows"``; None for no limit.
        tau: width of the smoothing of ReLU's kink in the Hessian, > 0.
        internal_batch_size: images in one gradient pass; halved when memory runs out.
        seed: of the sampled subsets. The same seed gives the same bytes.

    Raises:
        OptionError: an option outside its range.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        prior: PriorName | Prior | NDArray[Any] | Tensor = "slic",
        sets: int = 5,
        size: int | None = None,
        threshold: float | None = None,
        steps: int = 50,
        samples: int = 50,
        baseline: Baseline = "blur",
        growth: Growth = "merge",
        evidence: Evidence = "for",
        overlap: bool = False,
        max_rows: int | None = None,
        tau: float = TAU,
        internal_batch_size: int = 10,
        seed: int = 0,
    ) -> None:
        counts = {
            "sets": sets, "steps": steps, "samples": samples,
            "internal_batch_size": internal_batch_size, "size": 1 if size is None else size,
            "max_rows": 1 if max_rows is None else max_rows,
        }  # fmt: skip
        for name, value in counts.items():
            if not isinstance(value, int | np.integer) or value < 1:
                raise OptionError(f"{name}={value!r}: must be a whole number, at least 1")
        check_seed(seed)
        if growth not in THRESHOLDS:
            raise OptionError(f"growth={growth!r} is unknown; use 'merge', 'joint' or 'rows'")
        threshold = THRESHOLDS[growth] if threshold is None else threshold
        if not 0 <= threshold < 1:
            raise OptionError(f"threshold={threshold}: must lie in [0, 1)")
        if not tau > 0:
            raise OptionError(f"tau={tau}: must be above 0")
        if evidence not in ("for", "against", "absolute"):
            raise OptionError(
                f"evidence={evidence!r} is unknown; use 'for', 'against' or 'absolute'"
            )
        self.model = model
        self.sets, self.size, self.threshold = sets, size, threshold
        self.steps, self.samples, self.baseline = steps, samples, baseline
        self.growth, self.evidence, self.overlap = growth, evidence, overlap
        self.max_rows, self.tau, self.seed = max_rows, tau, seed
        self.internal_batch_size = internal_batch_size
        self._prior_name = prior if isinstance(prior, str) else type(prior).__name__
        self._prior = resolve(prior)
        self._fine = refined(self._prior) if growth == "merge" else self._prior
        self._segmented: OrderedDict[bytes, tuple[LabelMap, LabelMap]] = OrderedDict()

    @classmethod
    def paper(cls, model: nn.Module, **options: Any) -> HSets:
        """The published method and settings, with SLIC in the place of SAM.

        One Hessian row at a time, absolute dividends, a zero baseline, 2000 scalar features.
        """
        published: dict[str, Any] = {"size": 2000, "baseline": 0.0, "growth": "rows"}
        published |= {"evidence": "absolute"}
        return cls(model, **(published | options))

    def explain(
        self, x: Tensor, target: int | None = None, *, told: Told | None = None
    ) -> Any:  # one or a list, by the shape of x, which no type can tell
        """Explain one image or several.

        Args:
            x: (C, H, W), or (N, C, H, W), normalised as the model takes it, finite.
            target: class to explain; None for the predicted one.
            told: hears after each stage about which share of the work is done, 0 to 1.

        Returns:
            An :class:`Explanation` for (C, H, W), a list of them for (N, C, H, W). An image's
            explanation does not depend on its neighbours in the batch.

        Raises:
            ImageError: x has another shape or holds values that are not finite.
            ModelError: the model returns no finite (N, classes) logits, or no gradient.
            OptionError: the target is no class of the model.
        """
        check_tensor(x)
        if x.ndim == 4:
            tells = [part_of(told, k, len(x)) for k in range(len(x))]
            return [
                self._explain_one(one, target, tell) for one, tell in zip(x, tells, strict=True)
            ]
        if x.ndim != 3:
            raise ImageError(f"input of shape {tuple(x.shape)}; expected (C, H, W) or (N, C, H, W)")
        return self._explain_one(x, target, told)

    def attribute(
        self,
        inputs: Inputs,
        target: int | Tensor | None = None,
        *,
        targets: Any = None,
        model: nn.Module | None = None,
        device: Any = None,
    ) -> Inputs:
        """(N, C, H, W) -> (N, C, H, W) attributions, zero outside the sets.

        Called as Captum calls its attribution methods, or as Quantus calls an ``explain_func``.

        Args:
            inputs: a tensor, an array, or a tuple of one tensor; the answer is of the same kind.
            target: one class for all images, one for each, or None for the predicted ones.
            targets: another name for ``target``.
            model: explain this model in the place of the one given at the start.
            device: ignored; inputs are explained where the model is.
        """
        if isinstance(inputs, tuple):
            if len(inputs) != 1:
                raise ImageError(f"{len(inputs)} inputs; expected one (N, C, H, W) tensor")
            return (self.attribute(inputs[0], target, targets=targets, model=model),)
        if isinstance(inputs, np.ndarray):
            x = torch.as_tensor(inputs)
            return self.attribute(x, target, targets=targets, model=model).cpu().numpy()
        if model is not None and model is not self.model:
            other = copy(self)
            other.model = model
            return other.attribute(inputs, target, targets=targets)
        check_tensor(inputs)
        if inputs.ndim != 4:
            raise ImageError(f"inputs of shape {tuple(inputs.shape)}; expected (N, C, H, W)")
        chosen = _one_for_each(targets if target is None else target, len(inputs))
        if not len(inputs):
            return torch.zeros_like(inputs)
        explanations = [self._explain_one(x, t) for x, t in zip(inputs, chosen, strict=True)]
        return torch.stack([e.attribution for e in explanations]).to(inputs)

    def _explain_one(self, x: Tensor, target: int | None, told: Told | None = None) -> Explanation:
        check_image(x)
        # The caller's autocast would reach the backward passes and the sums beside them.
        with torch.autocast("cpu", enabled=False), torch.autocast(x.device.type, enabled=False):
            return self._explained(x, target, Clock(told))

    def _explained(self, x: Tensor, target: int | None, clock: Clock) -> Explanation:
        x = x.detach().float()
        differentiable = Differentiable(self.model, self.internal_batch_size)
        baseline = baseline_for(x, self.baseline)
        logits = differentiable.settled(torch.stack([x, baseline])).cpu()
        target = check_target(logits, target)
        image = displayed(x)
        coarse, segments = map(torch.from_numpy, self._segments(x, image))
        removal = Removal(differentiable, x, heavy_blur(x), target)
        clock.lap("prior")

        gradients = differentiable.along_path(x, baseline, target, self.steps)
        check_gradients(gradients, logits[:, target])
        difference = (x - baseline).cpu()
        integrated = gradients.mean(dim=0).cpu() * difference  # Integrated Gradients
        clock.lap("path gradients")

        grown = self._grow(removal, integrated, difference, coarse, segments)
        regions = grown.masks.any(dim=1) if grown.regions is None else grown.regions
        effects = removal.effects(regions)
        clock.lap("growth")

        scores, against, quantiles = self._score(grown, gradients.cpu(), difference)
        order = scores.argsort(descending=True, stable=True)
        masks = grown.masks[order]
        attribution = self._attribution(grown, scores)
        independent = has_independent_labels(self.model)
        without = probabilities(effects.without, independent)[:, target]
        gain = float(logits[0, target] - logits[1, target])
        saliency = attribution.sum(dim=0)
        within = (masks * attribution).flatten(1).sum(dim=1)
        clock.lap("dividends")
        return Explanation(
            masks=masks,
            scores=scores[order],
            saliency=saliency,
            target=target,
            seeds=grown.seeds[order],
            segments=segments,
            attribution=attribution,
            shares=within / saliency.sum().clamp_min(torch.finfo(saliency.dtype).tiny),
            quantiles=quantiles[order],
            against=against[order],
            rows=grown.rows[order],
            regions=regions[order],
            drops=effects.drops[order].float(),
            interactions=effects.interactions[order][:, order].float(),
            without=without[order].float(),
            independent=independent,
            image=torch.from_numpy((image * 255).round().astype(np.uint8)),
            logits=logits[0],
            baseline_logit=float(logits[1, target]),
            completeness_gap=gain - float(integrated.sum()),
            parameters=self.parameters(x),
            versions=versions(),
            seconds=clock.laps,
        )

    def _grow(
        self,
        removal: Removal,
        integrated: Tensor,
        difference: Tensor,
        coarse: Tensor,
        segments: Tensor,
    ) -> Grown:
        differentiable, x, target = removal.model, removal.x, removal.target
        # The published method seeds by signed attribution and scores by absolute dividends.
        published = self.growth == "rows" and self.evidence == "absolute"
        orient = ORIENT["for" if published else self.evidence]
        seeds = find_seeds(orient(integrated), coarse, self.sets)
        if len(seeds) == 0:
            return Grown.nothing(integrated.shape)
        products = differentiable.hessian(x, target, len(seeds), self.tau)
        size = self._size(x)
        if self.growth == "rows":
            return grow_by_rows(
                products,
                seeds,
                coarse,
                integrated,
                size=size,
                threshold=self.threshold,
                max_rows=self.max_rows,
                overlap=self.overlap,
            )

        def joint_evidence(removed: Tensor) -> Tensor:
            without = x - (difference * removed).to(x)
            gradients = differentiable.along_path(x, without, target, JOINT_STEPS)
            return gradients.mean(dim=0).cpu() * difference

        marked = mark_jointly(
            joint_evidence, seeds, integrated, orient=orient, size=size, rounds=JOINT_ROUNDS
        )

        def dealt(overlap: bool) -> Grown:
            return deal_out(
                marked, products, seeds, coarse, difference, rounds=JOINT_ROUNDS, overlap=overlap
            )

        if self.growth == "joint":
            return dealt(self.overlap)
        # Sets with room for all marked pixels take them all, whoever takes which.
        room = int(marked.pixels.sum()) <= marked.capacity * len(seeds)
        pixels = marked.pixels if room else dealt(False).masks.any(dim=0).any(dim=0)
        return grow_by_merging(
            removal,
            segments,
            marked.evidence,
            pixels,
            orient=orient,
            sets=self.sets,
            mu=self.threshold,
        )

    def _score(
        self, grown: Grown, gradients: Tensor, difference: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Scores (S,), evidence against (S,), and quantiles (S, 5) of the dividends."""
        generator = torch.Generator().manual_seed(self.seed)
        levels = torch.tensor(QUANTILES)
        scores, against, quantiles = [], [], []
        for mask in grown.masks:
            columns, a = gradients[:, mask], difference[mask]
            subsets = sample_subsets(len(a), self.samples, generator)
            drawn = dividends(columns, a, subsets, self.evidence)
            scores.append(drawn.mean())
            quantiles.append(drawn.quantile(levels))
            against.append(dividends(columns, a, subsets, "against").mean())
        if not scores:
            return torch.zeros(0), torch.zeros(0), torch.zeros(0, len(QUANTILES))
        return torch.stack(scores), torch.stack(against), torch.stack(quantiles)

    def _attribution(self, grown: Grown, scores: Tensor) -> Tensor:
        """(C, H, W): what each feature of the map is shown with; zero outside."""
        if self.growth == "rows" and self.evidence == "absolute":
            return (grown.masks * scores.view(-1, 1, 1, 1)).sum(dim=0)
        members = grown.masks.any(dim=0) if grown.marked is None else grown.marked
        sought = ORIENT[self.evidence](grown.evidence) * members
        # A pixel counts by the sum over its channels, where that is what was sought.
        return sought * (sought.sum(dim=0) > 0)

    def _segments(self, x: Tensor, image: NDArray[np.float64]) -> tuple[LabelMap, LabelMap]:
        """The prior's labels, for seeds and for merging; recent images are remembered."""
        key = sha256(repr(x.shape).encode() + x.cpu().numpy().tobytes()).digest()
        if key not in self._segmented:
            coarse = segment(self._prior, image)
            fine = coarse if self._fine is self._prior else segment(self._fine, image)
            self._segmented[key] = coarse, fine
            if len(self._segmented) > 8:
                self._segmented.popitem(last=False)
        coarse, fine = self._segmented[key]
        return coarse, fine.copy()

    def _size(self, x: Tensor) -> int:
        size = self.size if self.size is not None else round(SIZE_SHARE * x.numel())
        return max(1, min(size, x.numel()))

    def parameters(self, x: Tensor) -> dict[str, Any]:
        """The options as plain values, for the record."""
        baseline = self.baseline if isinstance(self.baseline, float | int | str) else "tensor"
        names = (
            "sets", "size", "threshold", "steps", "samples", "baseline", "growth", "evidence",
            "overlap", "max_rows", "tau", "seed",
        )  # fmt: skip
        options = {"prior": self._prior_name} | {name: getattr(self, name) for name in names}
        return options | {"size": self._size(x), "baseline": baseline}


def _one_for_each(target: Any, count: int) -> list[int | None]:
    if target is None:
        return [None] * count
    each = np.asarray(target.cpu() if isinstance(target, Tensor) else target).flatten()
    given: list[int | None] = [class_number(t) for t in each.tolist()]
    if len(given) == 1:
        given *= count
    if len(given) != count:
        raise OptionError(f"{len(given)} targets for {count} images")
    return given


def displayed(x: Tensor) -> NDArray[np.float64]:
    """(C, H, W) in any range -> (H, W, 3) in [0, 1], stretched to its own range."""
    planes = x.detach().cpu().double().numpy()
    planes = np.repeat(planes[:1], 3, axis=0) if len(planes) != 3 else planes
    low, high = planes.min(), planes.max()
    stretched: NDArray[np.float64] = (planes - low) / (high - low if high > low else 1.0)
    return stretched.transpose(1, 2, 0)

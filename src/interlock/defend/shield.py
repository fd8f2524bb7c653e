"""The shield: a classifier that looks past what is foreign to its concepts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from interlock.defend._files import fingerprint, restore, store
from interlock.defend._masks import foreign_masks, grown
from interlock.defend.bank import ConceptBank, as_batches
from interlock.defend.features import Taps, find_layers
from interlock.defend.fill import pull_push
from interlock.defend.foreign import Foreignness, Moments, fitted
from interlock.errors import DataError, ModelError, OptionError

VERSION = 1
GROWTH = (0.0, 0.02, 0.05)
"""How far each of the masks that vote reaches beyond the foreign cells, as a share of the height."""
FEWEST = 16
"""Fewest clean images: a quarter of them calibrates the threshold."""
CALIBRATION = 128
"""Most images that are held out to calibrate."""


@dataclass(frozen=True, eq=False)
class Inspection:
    """Everything that the shield saw in one image."""

    label: int
    """What the shield answers."""
    undefended: int
    """What the bare model answers."""
    tampered: bool
    """Whether something was foreign enough to be masked."""
    score: float
    """How foreign the most foreign place is, over the threshold: above 1 it is masked."""
    mask: Tensor
    """(H, W) bool: what the tightest mask hides."""
    foreignness: Tensor
    """(H, W): 1 where nothing is foreign."""
    votes: tuple[int, ...]
    """The label under each mask, tightest first; empty without one."""
    concepts: Tensor
    """(concepts, h, w): how much of each concept of the bank, where."""
    importances: Tensor
    """(concepts,): what each contributes to the undefended label."""
    passes: int
    """Forward passes that the answer took; those for the importances are not among them."""


@dataclass(frozen=True)
class _Settings:
    trigger: float
    """Foreignness at which an image is masked."""
    edge: float
    """Foreignness that belongs to a mask once it is there."""
    false_mask_rate: float
    """Share of the calibration photos above the trigger, as asked for."""
    share: float
    """A mask also leaves out what is below this share of its image's peak."""


class ConceptShield(nn.Module):
    """Classify past adversarial patches, without knowing their size, place or shape.

    One pass takes the logits and the activations of several layers. Where cells are too foreign
    to those of clean photos, the place is hidden under three masks, from tight to wide, filled
    smoothly from around it, and the model's mean probabilities under the masks decide. Where
    nothing is foreign the answer is the model's own, bit for bit. Masks depend on the image
    alone: not on a label, nor on other images of the batch.

    Make one by ``ConceptShield.fit``.
    """

    def __init__(
        self, model: nn.Module, foreignness: Foreignness, bank: ConceptBank, settings: _Settings
    ) -> None:
        super().__init__()
        self.model, self.foreignness, self.bank, self.settings = model, foreignness, bank, settings
        self._taps = Taps(model, foreignness.layers)

    @classmethod
    def fit(
        cls,
        model: nn.Module,
        images: Tensor | Iterable[Tensor],
        *,
        layers: tuple[str, ...] | None = None,
        concepts: int = 10,
        false_mask_rate: float = 0.03,
        share: float = 0.3,
        bank: ConceptBank | None = None,
        seed: int = 0,
    ) -> ConceptShield:
        """Fit a shield in one pass over clean, unlabelled images.

        Every fourth image, up to 128, is held out of the statistics and sets the thresholds.

        Args:
            model: (N, C, H, W) -> (N, classes) logits; put into eval mode by the caller.
            images: (N, C, H, W), or an iterable of such batches.
            layers: where foreign cells are sought; None finds one for each resolution.
            concepts: of the bank that ``inspect`` shows.
            false_mask_rate: share of clean images that may be masked.
            share: masks leave out what is less foreign than this share of the image's peak.
            bank: concepts that are fitted already; then only the statistics are.
            seed: of the bank.

        Raises:
            DataError: too few images.
            ModelError: the model is in training mode, or its activations are not finite.
            OptionError: an option out of range, or no such layer.
        """
        if not 0 < false_mask_rate < 1:
            raise OptionError(f"false_mask_rate={false_mask_rate}; use a share in (0, 1)")
        if not 0 <= share < 1:
            raise OptionError(f"share={share}; use a value in [0, 1)")
        if model.training:
            raise ModelError("the model is in training mode; call model.eval() first")
        taps, moments, held_out, seen = None, [], [], 0
        for_bank = _Sample()
        for x in as_batches(images):
            with torch.no_grad():
                taps = taps or Taps(model, layers or find_layers(model, x[:1]))
                order = torch.arange(seen, seen + len(x))
                chosen = (order % 4 == 3) & (order < 4 * CALIBRATION)
                seen += len(x)
                if chosen.any():
                    held_out.append(x[chosen])
                for_bank.add(x)
                if chosen.all():
                    continue
                maps = taps(x[~chosen])[1]
                moments = moments or [Moments() for _ in maps]
                for moment, cells in zip(moments, maps, strict=True):
                    moment.add(cells)
        if taps is None or seen < FEWEST:
            raise DataError(f"{seen} clean images; give at least {FEWEST}")
        with torch.no_grad():
            foreignness = fitted(taps, moments, held_out)
            calibration = [
                foreignness(taps(x)[1], *x.shape[-2:]) for x in held_out
            ]  # held out, so a few small maps
        peaks = torch.cat([m.flatten(1).amax(dim=1) for m in calibration])
        pixels = torch.cat([m.flatten()[::7] for m in calibration]).cpu().numpy()
        import numpy as np

        settings = _Settings(
            trigger=float(peaks.quantile(1 - false_mask_rate)),
            edge=float(np.quantile(pixels, 0.99)),
            false_mask_rate=false_mask_rate,
            share=share,
        )
        bank = bank or ConceptBank.fit(model, for_bank.images(), concepts=concepts, seed=seed)
        return cls(model, foreignness, bank, settings)

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, classes) logits.

        For images that are masked, the logarithm of the mean probabilities under the masks.
        """
        return self._answer(images)[0]

    def predict(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N,) labels."""
        with torch.no_grad():
            return self(images).argmax(dim=1)

    def passes(self, images: Tensor) -> Tensor:
        """(N,) int: forward passes that each image takes."""
        with torch.no_grad():
            return 1 + len(GROWTH) * self.masks(images).flatten(1).any(dim=1).long()

    def masks(self, images: Tensor) -> Tensor:
        """(N, 1, H, W) bool: what the tightest mask hides of each image."""
        with torch.no_grad():
            return self._masks(self._look(images)[1])

    def score(self, images: Tensor) -> Tensor:
        """(N,): the peak of foreignness over the threshold; above 1 an image is masked."""
        with torch.no_grad():
            return self._look(images)[1].flatten(1).amax(dim=1) / self.settings.trigger

    def inspect(self, image: Tensor) -> Inspection:
        """(C, H, W), or a batch of one -> everything that the shield sees in it."""
        x = image if image.ndim == 4 else image[None]
        if x.ndim != 4 or len(x) != 1:
            raise OptionError(f"inspect takes one image, not {tuple(image.shape)}")
        with torch.no_grad():
            answer, own, foreign, masks, votes = self._answer(x)
            maps = Taps(self.model, [self.bank.layer])(x)[1][0]
            label = int(own.argmax())
            importances = self.bank.importances(self.model, x[0], label)
        return Inspection(
            label=int(answer.argmax()),
            undefended=label,
            tampered=bool(masks.any()),
            score=float(foreign.max()) / self.settings.trigger,
            mask=masks[0, 0].cpu(),
            foreignness=foreign[0, 0].cpu(),
            votes=tuple(votes[0].tolist()) if len(votes) else (),
            concepts=self.bank.codes(maps)[0].cpu(),
            importances=importances.values.cpu(),
            passes=1 + (len(GROWTH) if masks.any() else 0),
        )

    def _look(self, images: Tensor) -> tuple[Tensor, Tensor]:
        if images.ndim != 4:
            raise OptionError(f"images of shape {tuple(images.shape)}; expected (N, C, H, W)")
        logits, maps = self._taps(images)
        if not torch.isfinite(logits.detach()).all():
            raise ModelError("logits are not finite; check the model and its input range")
        return logits, self.foreignness(maps, *images.shape[-2:])

    def _masks(self, foreign: Tensor) -> Tensor:
        s = self.settings
        return foreign_masks(foreign, s.trigger, s.edge, s.share)

    def _answer(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        logits, foreign = self._look(images)
        masks = self._masks(foreign.detach())
        hit = masks.flatten(1).any(dim=1)
        if not hit.any():
            return logits, logits, foreign, masks, torch.zeros(0)
        under = [
            self.model(pull_push(images[hit], grown(masks[hit], reach))) for reach in GROWTH
        ]
        mean = torch.stack(under).softmax(dim=2).mean(dim=0).clamp_min(1e-12).log()
        answer = logits.index_put((hit.nonzero()[:, 0],), mean)
        return answer, logits, foreign, masks, torch.stack(under, dim=1).argmax(dim=2)

    def save(self, path: str | Path) -> Path:
        """Write all that was fitted, not the model, to one ``.safetensors`` file."""
        header = {
            "kind": "shield",
            "version": VERSION,
            "model": fingerprint(self.model),
            "layers": self.foreignness.layers,
            "settings": vars(self.settings),
            "bank": {"layer": self.bank.layer, "signed": self.bank.signed},
        }
        tensors = dict(self.foreignness.state_dict()) | {"factors": self.bank.factors}
        return store(path, tensors, header)

    @classmethod
    def load(cls, path: str | Path, model: nn.Module) -> ConceptShield:
        """Read a shield back, for the model that it was fitted to.

        Raises:
            DataError: missing, damaged, or of another version.
            ModelError: fitted to another model.
        """
        tensors, header = restore(path, "shield", VERSION, model)
        device = next((p.device for p in model.parameters()), torch.device("cpu"))
        tensors = {name: tensor.to(device) for name, tensor in tensors.items()}
        layers = header["layers"]
        foreignness = Foreignness(
            layers,
            [tensors[f"mean{k}"] for k in range(len(layers))],
            [tensors[f"whitening{k}"] for k in range(len(layers))],
            tensors["medians"].tolist(),
        ).to(device)
        bank = ConceptBank(tensors["factors"], model_id=header["model"], **header["bank"])
        return cls(model, foreignness, bank, _Settings(**header["settings"]))


class _Sample:
    """Images for the bank, out of a stream: the first ones, a few of each batch afterwards."""

    def __init__(self, limit: int = 256) -> None:
        self._limit, self._kept, self._count = limit, list[Tensor](), 0

    def add(self, x: Tensor) -> None:
        free = self._limit - self._count
        if free > 0:
            self._kept.append(x[:free].clone())
            self._count += len(self._kept[-1])

    def images(self) -> list[Tensor]:
        return self._kept

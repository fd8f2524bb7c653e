"""The shield: a classifier that looks past what is foreign to its clean activations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from interlock._seeds import check_seed
from interlock.defend.concepts.bank import ConceptBank
from interlock.defend.concepts.features import Taps
from interlock.defend.peers.paper import PaperMasking
from interlock.defend.shield.answer import Answer, Explain, Inspection, StrongestSet
from interlock.defend.shield.clean_pass import clean_pass
from interlock.defend.shield.fitted import Settings, read, write
from interlock.defend.shield.foreign import Foreignness
from interlock.defend.shield.masks import foreign_masks, windows
from interlock.defend.shield.trials import (
    GROWTH,
    NOT_ASKED,
    WINDOW,
    View,
    could_change,
    hide,
    mirror_agrees,
    try_windows,
)
from interlock.errors import OptionError
from interlock.models.steady import check_finite, check_steady

MIRRORED = 0.7
"""Share of the clean labels that a mirror must leave alone, for the second view to be mirrored."""
NEAR = 1.2
"""An alarm below so many triggers is a faint one."""
LEAD = 0.3
"""By how much the new label must be likelier than the old one after a faint alarm."""
UNSURE = 1.5
"""Least evidence at which a window may change a label, however calm the clean photos are.

The evidence is the new label's probability plus the old one's, at most 2: a clean label that a
window changes was seldom a sure one, a patch's is."""


class ConceptShield(nn.Module):
    """Classify past adversarial patches, without knowing their size, place or shape.

    One pass takes the logits and the activations of several layers. Where cells are too foreign
    to those of clean photos, the place is hidden, filled smoothly from around it, and the image
    classified again, as it is and mirrored; the mean probabilities of both views decide, and must
    decide by a margin where the alarm is a faint one. (Where a mirror changes the labels of clean
    images, the second view is a slightly wider mask's.) Other images have their most foreign
    window hidden, and the next one where it is nearly as foreign: if the label changes, and
    changes alike in the mirrored view, with evidence that clean photos hardly ever give, the new
    label is accepted. In all other cases the answer is the model's own, bit for bit. Masks depend
    on the image alone: not on a label, nor on other images of the batch. Threads may share a
    shield, and several shields a model.

    Make one by ``ConceptShield.fit``.
    """

    def __init__(
        self, model: nn.Module, foreignness: Foreignness, bank: ConceptBank, settings: Settings
    ) -> None:
        super().__init__()
        self.model, self.foreignness, self.bank, self.settings = model, foreignness, bank, settings
        self._taps = Taps(model, foreignness.layers)
        self.training = False  # as the model, which train() and eval() of the shield would change

    @classmethod
    def fit(
        cls,
        model: nn.Module,
        images: Tensor | Iterable[Tensor],
        *,
        layers: tuple[str, ...] | None = None,
        concepts: int = 10,
        false_mask_rate: float = 0.03,
        false_change_rate: float = 0.005,
        share: float = 0.3,
        mirror: bool | None = None,
        bank: ConceptBank | None = None,
        seed: int = 0,
    ) -> ConceptShield:
        """Fit a shield in one pass over clean, unlabelled images.

        Every second image, up to 256, is held out of the statistics and sets the thresholds.

        Args:
            model: (N, C, H, W) -> (N, classes) logits; put into eval mode by the caller.
            images: (N, C, H, W), or an iterable of such batches.
            layers: where foreign cells are sought; None finds one for each resolution.
            concepts: of the bank that ``inspect`` shows.
            false_mask_rate: share of clean images that may be masked.
            false_change_rate: share of the other clean images whose label the window may change; 0
                tries no window and saves its pass.
            share: masks leave out what is less foreign than this share of the image's peak.
            mirror: whether the second view of what is left is mirrored; None finds out whether
                mirrored clean images keep their labels (at least 0.7 of them).
            bank: concepts that are fitted already; then only the statistics are.
            seed: of the bank and of the images that it is fitted to.

        Raises:
            DataError: too few images.
            ModelError: layers in training mode, its activations are not finite, or the bank
                is another model's.
            OptionError: an option out of range, or no such layer.
        """
        if not 0 < false_mask_rate < 1:
            raise OptionError(f"false_mask_rate={false_mask_rate}; use a share in (0, 1)")
        if not 0 <= false_change_rate < 1:
            raise OptionError(f"false_change_rate={false_change_rate}; use a share in [0, 1)")
        if not 0 <= share < 1:
            raise OptionError(f"share={share}; use a value in [0, 1)")
        check_seed(seed)
        check_steady(model)
        if bank is not None:
            bank.check(model)
        clean = clean_pass(model, images, layers, seed)
        peaks = torch.cat([m.flatten(1).amax(dim=1) for m in clean.foreign])
        pixels = torch.cat([m.flatten()[::7] for m in clean.foreign]).cpu().numpy()
        if mirror is None:
            mirror = mirror_agrees(model, clean.held_out, clean.labels) >= MIRRORED
        settings = Settings(
            trigger=float(peaks.quantile(1 - false_mask_rate)),
            edge=float(np.quantile(pixels, 0.99)),
            false_mask_rate=false_mask_rate,
            share=share,
            mirror=mirror,
        )
        bank = bank or ConceptBank.fit(model, clean.for_bank, concepts=concepts, seed=seed)
        shield = cls(model, clean.foreignness, bank, settings)
        if false_change_rate:
            evidence = shield._calibrated(clean.held_out, false_change_rate)
            shield.settings = replace(settings, evidence=evidence)
        return shield

    @staticmethod
    def paper(
        model: nn.Module,
        images: Tensor | Iterable[Tensor],
        *,
        concepts: int = 10,
        top: int = 2,
        percentile: float = 90.0,
        seed: int = 0,
    ) -> PaperMasking:
        """The masking of arXiv 2510.04245, deployable: one bank, fitted to clean images.

        Args:
            model: (N, C, H, W) -> (N, classes) logits, in eval mode.
            images: clean, as for ``fit``.
            concepts: of the bank.
            top: how many concepts of the predicted class are masked.
            percentile: of each concept's map, above which a cell is masked.
            seed: of the bank.
        """
        bank = ConceptBank.fit(model, images, concepts=concepts, seed=seed)
        return PaperMasking(model, bank, top=top, percentile=percentile)

    def _calibrated(self, held_out: list[Tensor], rate: float) -> float:
        """The evidence that new labels on at most this share of clean images exceed."""
        changed, count = [], 0
        with torch.no_grad():
            for x in held_out:
                logits, foreign = self.look(x)
                quiet = ~self._masks(foreign).flatten(1).any(dim=1)
                count += int(quiet.sum())
                tried = quiet & could_change(logits, UNSURE)
                if tried.any():
                    part = (x[tried], logits[tried], foreign[tried])
                    looked = try_windows(self.model, *part, self.settings.mirror)
                    changed.append(looked.evidence)
        evidence = torch.cat([*changed, logits.new_zeros(count + 1)]).sort(descending=True).values
        return max(UNSURE, float(evidence[int(rate * count)]) + 1e-6)

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, classes) logits.

        Where a mask changes the label, the logarithm of the mean probabilities under the masks.
        """
        return self.answer(images).logits

    def predict(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N,) labels."""
        with torch.no_grad():
            labels: Tensor = self(images).argmax(dim=1)
        return labels

    def passes(self, images: Tensor) -> Tensor:
        """(N,) int: forward passes that each image takes."""
        with torch.no_grad():
            return self.answer(images).passes

    def masks(self, images: Tensor) -> Tensor:
        """(N, 1, H, W) bool: what is hidden of each image, at the least; empty if nothing is."""
        with torch.no_grad():
            return self.answer(images).masks

    def score(self, images: Tensor) -> Tensor:
        """(N,): the peak of foreignness over the threshold; above 1 an image is masked."""
        with torch.no_grad():
            return self.look(images)[1].flatten(1).amax(dim=1) / self.settings.trigger

    def inspect(self, image: Tensor, explain: Explain | None = None) -> Inspection:
        """Everything that the shield sees in one image.

        Args:
            image: (C, H, W), or a batch of one.
            explain: also find the set of pixels that the undefended answer rests on most, with
                this: ``HSets(model).explain``, for example.
        """
        x = image if image.ndim == 4 else image[None]
        if x.ndim != 4 or len(x) != 1:
            raise OptionError(f"inspect takes one image, not {tuple(image.shape)}")
        with torch.no_grad():
            answer = self.answer(x)
            maps = Taps(self.model, [self.bank.layer])(x)[1][0]
            label = int(answer.own.argmax())
            importances = self.bank.importances(self.model, x[0], label)
        hides, mask = bool(answer.masks.any()), answer.masks[0, 0].cpu()
        return Inspection(
            label=int(answer.logits.argmax()),
            undefended=label,
            tampered=hides,
            score=float(answer.foreign.max()) / self.settings.trigger,
            mask=mask,
            foreignness=answer.foreign[0, 0].cpu(),
            votes=tuple(v for v in answer.votes[0].tolist() if v != NOT_ASKED and hides),
            concepts=self.bank.codes(maps)[0].cpu(),
            importances=importances.values.cpu(),
            exact=importances.exact,
            passes=int(answer.passes[0]),
            strongest=None if explain is None else StrongestSet.of(explain(x[0], label), mask),
        )

    def look(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, H, W) -> the model's own logits, and (N, 1, H, W) foreignness; differentiable."""
        if images.ndim != 4:
            raise OptionError(f"images of shape {tuple(images.shape)}; expected (N, C, H, W)")
        check_steady(self.model)
        logits, maps = self._taps(images)
        check_finite(logits)
        return logits, self.foreignness(maps, *images.shape[-2:])

    def hidden(self, foreign: Tensor) -> Tensor:
        """(N, 1, H, W) foreignness -> bool, the first pixels that the shield hides or tries to."""
        masks = self._masks(foreign)
        hit = masks.flatten(1).any(dim=1).view(-1, 1, 1, 1)
        return torch.where(hit, masks, windows(foreign, WINDOW))

    def _masks(self, foreign: Tensor) -> Tensor:
        s = self.settings
        return foreign_masks(foreign, s.trigger, s.edge, s.share)

    def answer(self, images: Tensor) -> Answer:
        """(N, C, H, W) -> logits, masks, votes and passes, all from the same passes."""
        own, foreign = self.look(images)
        mirror = self.settings.mirror
        logits, masks = own, self._masks(foreign.detach())
        votes = own.new_full((len(images), 2), NOT_ASKED, dtype=torch.long)
        passes = torch.ones_like(votes[:, 0])
        hit = masks.flatten(1).any(dim=1)
        if hit.any():
            index = hit.nonzero()[:, 0]
            view = View(mirror, GROWTH)
            looked = hide(self.model, images[index], own[index], masks[index], view, always=True)
            faint = foreign.detach()[index].flatten(1).amax(dim=1) < NEAR * self.settings.trigger
            accepted = looked.lead > LEAD * faint
            logits = logits.index_put((index[accepted],), looked.logits[accepted])
            votes[index] = looked.votes
            passes[index] += looked.passes
        tried = ~hit & could_change(own, self.settings.evidence)
        if tried.any():
            index = tried.nonzero()[:, 0]
            look = foreign.detach()[index]
            looked = try_windows(self.model, images[index], own[index], look, mirror)
            accepted = looked.evidence > self.settings.evidence
            logits = logits.index_put((index[accepted],), looked.logits[accepted])
            masks = masks.index_put((index[accepted],), looked.hidden[accepted])
            votes[index] = looked.votes
            passes[index] += looked.passes
        return Answer(logits, own, foreign, masks, votes, passes)

    def save(self, path: str | Path) -> Path:
        """Write all that was fitted, not the model, to one ``.safetensors`` file."""
        return write(path, self.model, self.foreignness, self.bank, self.settings)

    @classmethod
    def load(cls, path: str | Path, model: nn.Module) -> ConceptShield:
        """Read a shield back, for the model that it was fitted to.

        Raises:
            DataError: missing, damaged, or of another version.
            ModelError: fitted to another model.
        """
        return cls(model, *read(path, model))

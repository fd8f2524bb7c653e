"""Concepts of a classifier: recurring directions of a late layer, and what each one decides."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from interlock._seeds import check_seed
from interlock.defend._files import complete, model_id, restore, store
from interlock.defend.concepts.batches import Reservoir, as_batches, crops_of, parts_of
from interlock.defend.concepts.features import Taps, last_maps, replaced
from interlock.defend.concepts.importances import Importances, linear_head, total_sobol
from interlock.defend.concepts.nmf import factorise, nnls
from interlock.errors import DataError, ModelError, OptionError
from interlock.models.steady import ask, check_steady

VERSION = 1
ROWS = 20_000
"""Most crops that are kept for the factorisation: a uniform sample of all that passed."""


class ConceptBank:
    """Non-negative concepts of one layer (CRAFT, arXiv 2211.10154), fitted to clean images.

    Args:
        factors: W, (concepts, channels), non-negative rows of unit length.
        layer: name of the layer in the model.
        model_id: fingerprint of the model.
        signed: the layer's activations can be negative: they are split into a positive and a
            negative half, and ``factors`` is (concepts, 2 * channels).
    """

    def __init__(self, factors: Tensor, layer: str, model_id: str, *, signed: bool = False) -> None:
        self.factors, self.layer, self.model_id, self.signed = factors, layer, model_id, signed

    @property
    def directions(self) -> Tensor:
        """(concepts, channels): what one unit of each concept adds to an activation."""
        if not self.signed:
            return self.factors
        positive, negative = self.factors.chunk(2, dim=1)
        return positive - negative

    @classmethod
    def fit(
        cls,
        model: nn.Module,
        images: Tensor | Iterable[Tensor],
        *,
        concepts: int = 10,
        layer: str | None = None,
        crop: float = 0.5,
        classes: int | None = None,
        signed: bool | None = None,
        seed: int = 0,
    ) -> ConceptBank:
        """Fit a bank in one pass over clean, unlabelled images.

        Args:
            model: (N, C, H, W) -> (N, classes) logits, in eval mode.
            images: (N, C, H, W), or an iterable of such batches.
            concepts: how many.
            layer: its name; None takes the last one with positions.
            crop: side of the crops as a share of the image's; they overlap by half and cover
                every pixel, and are enlarged to the image's size.
            classes: only images that the model gives this class; None for all.
            signed: split activations by sign, for layers that can be negative. None does so where
                no layer was named and the one found is negative, as in a vision transformer.
            seed: of the sample of crops and of the factorisation.

        Raises:
            DataError: fewer crops than concepts.
            ModelError: layers in training mode, or the layer's activations can be negative.
            OptionError: no such layer, or an option out of range.
        """
        if concepts < 1:
            raise OptionError(f"concepts={concepts}; use at least 1")
        check_steady(model)
        check_seed(seed)
        sample, taps = Reservoir((seed, 0), ROWS), None
        undecided, negative = signed is None and layer is None, False
        for x in as_batches(images):
            taps = taps or Taps(model, [layer or last_maps(model, x[:1])])
            with torch.no_grad():
                if classes is not None:
                    x = x[ask(model, x).argmax(dim=1) == classes]
                if not len(x):
                    continue
                maps = taps(crops_of(x, crop))[1][0]
            if not torch.isfinite(maps).all():
                raise ModelError("activations are not finite on the clean images; check the model")
            negative |= bool(maps.amin() < 0)
            if negative and not (signed or undecided):
                raise ModelError(
                    f"layer {taps.layers[0]!r} has negative activations, which no sum of "
                    "non-negative concepts makes; name a layer after a ReLU, or use signed=True"
                )
            sample.add(_halves(maps, undecided or bool(signed)).mean(dim=(2, 3)))
        if taps is None or len(sample.kept) < concepts:
            raise DataError(
                f"{len(sample.kept)} crops of clean images for {concepts} concepts; give more "
                "images or ask for fewer concepts"
            )
        rows = torch.stack(sample.kept)
        if undecided and not negative:
            rows = rows.chunk(2, dim=1)[0].contiguous()
        return cls(
            factorise(rows, concepts, seed=seed),
            taps.layers[0],
            model_id(model),
            signed=negative if undecided else bool(signed),
        )

    def check(self, model: nn.Module) -> None:
        """Refuse a model that the bank was not fitted to.

        Raises:
            ModelError: it is another one.
        """
        if self.model_id != model_id(model):
            raise ModelError("the bank was fitted to another model; fit one to this model")

    def codes(self, maps: Tensor) -> Tensor:
        """(N, channels, h, w) activations -> (N, concepts, h, w): how much of each, where."""
        maps = _halves(maps, self.signed)
        n, channels, h, w = maps.shape
        if channels != self.factors.shape[1]:
            raise ModelError(
                f"{channels} channels for a bank of {self.factors.shape[1]}; "
                "fit the bank to this layer"
            )
        rows = maps.permute(0, 2, 3, 1).reshape(-1, channels)
        codes = nnls(rows, self.factors.to(rows))
        return codes.reshape(n, h, w, -1).permute(0, 3, 1, 2)

    def importances(
        self, model: nn.Module, image: Tensor, target: int, *, designs: int = 32, seed: int = 0
    ) -> Importances:
        """What each concept contributes to a class.

        Where the head is linear in the averaged activations, concept k contributes
        ``mean(U_k) (W_k . w_class)``, exactly. Otherwise total Sobol indices of the class logit
        over masks in [0, 1] on the concept maps, by Jansen's estimator on a scrambled Sobol
        sequence of ``designs`` points: ``designs * (concepts + 2)`` evaluations.

        Args:
            model: the one that the bank was fitted to.
            image: (C, H, W).
            target: the class.
            designs: points of the sequence, a power of two.
            seed: of its scrambling.
        """
        with torch.no_grad(), torch.autocast(image.device.type, enabled=False):
            weights, maps = linear_head(model, self.layer, image[None])
            codes = self.codes(maps)[0]  # (concepts, h, w)
            if weights is not None:
                direct = self.directions.to(weights) @ weights[target]
                return Importances(codes.mean(dim=(1, 2)) * direct, exact=True, passes=0)
            directions = self.directions.to(codes)
            residual = maps[0] - torch.einsum("khw,kc->chw", codes, directions)

            def logit(masks: Tensor) -> Tensor:
                scaled = torch.einsum("nk,khw,kc->nchw", masks.to(codes), codes, directions)
                values = [
                    replaced(model, self.layer, image[None].expand(len(part), -1, -1, -1), part)
                    for part in parts_of(scaled + residual, 32)
                ]
                return torch.cat(values)[:, target]

            values = total_sobol(logit, len(self.factors), designs=designs, seed=seed)
        return Importances(values, exact=False, passes=designs * (len(self.factors) + 2))

    def save(self, path: str | Path) -> Path:
        """Write the bank to one ``.safetensors`` file."""
        header = {
            "kind": "concept bank",
            "version": VERSION,
            "model": self.model_id,
            "layer": self.layer,
            "signed": self.signed,
        }
        return store(path, {"factors": self.factors}, header)

    @classmethod
    def load(cls, path: str | Path, model: nn.Module, *, layer: str | None = None) -> ConceptBank:
        """Read a bank back.

        Args:
            path: as given to ``save``.
            model: the one that it was fitted to.
            layer: refuse a bank of any other layer.

        Raises:
            DataError: missing, damaged, or of another version.
            ModelError: fitted to another model or layer.
        """
        tensors, header = restore(path, "concept bank", VERSION, model)
        with complete(path, "concept bank"):
            own_layer, signed = header["layer"], header["signed"]
            bank = cls(tensors["factors"], own_layer, header["model"], signed=signed)
        if layer is not None and own_layer != layer:
            raise ModelError(f"{path}: a bank of layer {own_layer!r}, not of {layer!r}")
        return bank


def _halves(maps: Tensor, signed: bool) -> Tensor:
    return torch.cat([maps.clamp_min(0), (-maps).clamp_min(0)], dim=1) if signed else maps

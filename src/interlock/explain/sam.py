"""Segment Anything as a spatial prior, through ``transformers`` (Kirillov et al. 2023)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from interlock.errors import ModelError
from interlock.models.hub import from_cache_only

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class SegmentAnything:
    """A prior from SAM's masks: a grid of points is asked, good masks are laid on one map.

    The model is loaded once, at the first image. Larger masks lie below smaller ones; pixels in no
    mask form a region of their own.

    Args:
        model: hub id or local directory of a ``SamModel``.
        points: the grid has ``points`` x ``points`` prompts.
        quality: masks with a lower predicted overlap are dropped, in [0, 1].
        overlap: of two masks that overlap more than this (IoU), the worse is dropped.
        batch: prompts in one pass of the decoder.
    """

    def __init__(
        self,
        model: str | Path = "facebook/sam-vit-base",
        *,
        points: int = 12,
        quality: float = 0.8,
        overlap: float = 0.7,
        batch: int = 64,
        device: str = "cpu",
    ) -> None:
        self._name = str(model)
        self._points, self._quality, self._overlap = points, quality, overlap
        self._batch, self._device = batch, device
        self._model: Any = None

    def __call__(self, image: NDArray[np.float64]) -> NDArray[Any]:
        """(H, W, 3) in [0, 1] -> (H, W) labels.

        Raises:
            ModelError: the model cannot be loaded.
        """
        if self._model is None:
            self._model = self._load()
        masks, quality = self._masks(image)
        return lay_out(_distinct(masks, quality, self._quality, self._overlap), image.shape[:2])

    def _load(self) -> Any:
        from transformers import SamModel

        try:
            local = from_cache_only(self._name)
            model = SamModel.from_pretrained(self._name, local_files_only=local)
            return model.eval().to(self._device)
        except Exception as error:  # the library raises many kinds, down to bare Exception
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelError(
                f"{self._name}: no SAM model there ({reason}); give a hub id or a directory of a "
                "SamModel, or use prior='slic'"
            ) from None

    @torch.no_grad()
    def _masks(self, image: NDArray[np.float64]) -> tuple[Tensor, Tensor]:
        """(M, H, W) bool masks and their (M,) predicted overlap."""
        height, width = image.shape[:2]
        side = self._model.config.vision_config.image_size
        scale = side / max(height, width)
        inner = (max(1, round(height * scale)), max(1, round(width * scale)))
        pixels = torch.from_numpy(image.transpose(2, 0, 1)).float()
        pixels = (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
        resized = F.interpolate(pixels[None], inner, mode="bilinear", antialias=True)
        padded = F.pad(resized, (0, side - inner[1], 0, side - inner[0])).to(self._device)
        embeddings = self._model.get_image_embeddings(padded)
        ticks = (torch.arange(self._points) + 0.5) / self._points
        grid = torch.cartesian_prod(ticks * inner[0], ticks * inner[1]).flip(1)  # (x, y)
        masks, quality = [], []
        for part in torch.split(grid, self._batch):
            output = self._model(
                input_points=part.view(1, -1, 1, 2).to(self._device), image_embeddings=embeddings
            )
            logits = F.interpolate(output.pred_masks.flatten(0, 1), (side, side), mode="bilinear")
            logits = logits[..., : inner[0], : inner[1]]
            logits = F.interpolate(logits, (height, width), mode="bilinear").flatten(0, 1)
            masks.append((logits > 0).cpu())
            quality.append(output.iou_scores.flatten().cpu())
        return torch.cat(masks), torch.cat(quality)


def _distinct(masks: Tensor, quality: Tensor, lowest: float, overlap: float) -> list[Tensor]:
    """Good masks, best first, without near-copies."""
    kept: list[Tensor] = []
    for k in quality.argsort(descending=True).tolist():
        mask = masks[k]
        if quality[k] < lowest or not mask.any() or mask.all():
            continue
        if all((mask & m).sum() <= overlap * (mask | m).sum() for m in kept):
            kept.append(mask)
    return kept


def lay_out(masks: list[Tensor], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Paint masks on one map, largest first; 0 is what no mask covers."""
    labels = np.zeros(shape, dtype=np.int64)
    for k, mask in enumerate(sorted(masks, key=lambda m: -int(m.sum())), start=1):
        labels[mask.numpy()] = k
    return labels

"""Attacked pictures as an artefact: small, and the same bits when they are taken up again."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from interlock.defend import Patched
from interlock.defend.ascent import Bounds, value_range
from interlock.defend.defences import Scene


@dataclass(frozen=True, eq=False)
class Pictures:
    """The pictures of a block under one attack."""

    images: Tensor
    """(N, C, H, W)."""
    masks: Tensor
    """(N, 1, H, W) bool: where the patches are."""
    side: int
    """Of the smallest square that holds any of them."""

    @property
    def scene(self) -> Scene:
        """What defences may be told."""
        return Scene(self.masks, self.side)


def pack(patched: Patched, clean: Tensor, bounds: Bounds | None) -> bytes:
    """Patches as 8-bit levels; whole pictures where these do not give them back.

    Args:
        patched: an attack's pictures, rounded to 8 bits.
        clean: (N, C, H, W), what was attacked.
        bounds: black and white, as the attack was given them.
    """
    low, high = value_range(clean, bounds)
    levels = ((patched.images - low) / (high - low) * 255).round().clamp(0, 255)
    levels = torch.where(patched.masks, levels, 0.0)
    side = max(max(place.height, place.width) for row in patched.places for place in row)
    arrays = {
        "levels": levels.cpu().to(torch.uint8).numpy(),
        "masks": np.packbits(patched.masks.cpu().numpy(), axis=-1),
        "side": np.array(side),
    }
    if not torch.equal(_laid(levels, patched.masks, clean, bounds), patched.images):
        arrays["images"] = patched.images.cpu().numpy()
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def unpack(content: bytes, clean: Tensor, bounds: Bounds | None) -> Pictures:
    """The pictures again, from the clean ones."""
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        width = clean.shape[-1]
        bits = np.unpackbits(archive["masks"], axis=-1, count=width).astype(bool)
        masks = torch.from_numpy(bits).to(clean.device)
        if "images" in archive:
            images = torch.from_numpy(archive["images"]).to(clean)
        else:
            levels = torch.from_numpy(archive["levels"]).to(clean)
            images = _laid(levels, masks, clean, bounds)
        return Pictures(images, masks, int(archive["side"]))


def _laid(levels: Tensor, masks: Tensor, clean: Tensor, bounds: Bounds | None) -> Tensor:
    low, high = value_range(clean, bounds)
    return torch.where(masks, low + (high - low) * (levels / 255), clean)

"""Attacked pictures as an artefact: small, and the same bits when they are taken up again."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from interlock.defend import Patched
from interlock.defend.defences import Scene
from interlock.models.pixel_range import Bounds, value_range


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


def pack(patched: Patched, clean: Tensor, bounds: Bounds | None, places: Sequence[int]) -> bytes:
    """Patches as 8-bit levels; whole pictures where these do not give them back.

    Args:
        patched: an attack's pictures, rounded to 8 bits.
        clean: (N, C, H, W), what was attacked.
        bounds: black and white, as the attack was given them.
        places: (N,) of the pictures in their block, which may hold some that cannot be read.
    """
    low, high = value_range(clean, bounds)
    levels = ((patched.images - low) / (high - low) * 255).round().clamp(0, 255)
    levels = torch.where(patched.masks, levels, 0.0)
    side = max(max(place.height, place.width) for row in patched.places for place in row)
    arrays = {
        "levels": levels.cpu().to(torch.uint8).numpy(),
        "masks": np.packbits(patched.masks.cpu().numpy(), axis=-1),
        "side": np.array(side),
        "places": np.array(places),
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


def picture_at(
    content: bytes, place: int, clean: Tensor, bounds: Bounds | None
) -> tuple[Tensor, Tensor] | None:
    """One picture of a block, and where its patch is; None if it was not attacked.

    Args:
        content: what ``pack`` gave.
        place: of the picture in its block.
        clean: (C, H, W) the same without the patch.
        bounds: black and white, where they are known; else whole pictures are needed.

    Returns:
        (C, H, W), and (H, W) bool.
    """
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        places = archive["places"].tolist()
        if place not in places:
            return None
        row = places.index(place)
        bits = np.unpackbits(archive["masks"][row], axis=-1, count=clean.shape[-1])
        mask = torch.from_numpy(bits.astype(bool))
        if "images" in archive:
            return torch.from_numpy(archive["images"][row]), mask[0]
        levels = torch.from_numpy(archive["levels"][row][None]).to(clean)
    return _laid(levels, mask[None], clean[None], bounds)[0], mask[0]


def pack_hidden(masks: Tensor, places: Sequence[int]) -> bytes:
    """(N, 1, H, W) bool, what a defence hides of the pictures at these places of a block."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        masks=np.packbits(masks.cpu().numpy(), axis=-1),
        width=np.array(masks.shape[-1]),
        places=np.array(places),
    )
    return buffer.getvalue()


def hidden_at(content: bytes, place: int) -> Tensor:
    """(H, W) bool: what a defence hides of one picture."""
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        row = archive["places"].tolist().index(place)
        bits = np.unpackbits(archive["masks"][row, 0], axis=-1, count=int(archive["width"]))
    return torch.from_numpy(bits.astype(bool))


def _laid(levels: Tensor, masks: Tensor, clean: Tensor, bounds: Bounds | None) -> Tensor:
    low, high = value_range(clean, bounds)
    return torch.where(masks, low + (high - low) * (levels / 255), clean)

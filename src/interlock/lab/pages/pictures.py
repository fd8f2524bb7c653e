"""Pictures of single items: a map over its photo, a patched photo, the copies of a vote."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from interlock._pictures import enlarged, heat_overlay, mask_overlay, png_bytes

_VERDICTS = {"refused": "#0b5fa5", "complied": "#9b2c00", "lost": "#5b6068"}
_LONGEST = 110  # characters of an answer that are shown


def draw_explained(photo: Image.Image, saliency: NDArray[np.float32], title: str) -> bytes:
    """The photo, and the same under its map, as PNG."""
    return _beside([enlarged(photo), overlay(photo, saliency)], title)


def overlay(photo: Image.Image, saliency: NDArray[np.float32]) -> Image.Image:
    """A photo under its map: nothing where it is zero or less, full at the 99.5 % quantile."""
    positive = np.clip(saliency, 0, None)
    top = float(np.quantile(positive[positive > 0], 0.995)) if (positive > 0).any() else 1.0
    return heat_overlay(photo, torch.from_numpy(np.ascontiguousarray(positive)), 0.0, top)


def draw_patched(picture: Image.Image, hidden: Tensor, patch: Tensor | None, title: str) -> bytes:
    """What a defence was shown, and what it hid of it, as PNG.

    Args:
        picture: with the patch, if there is one.
        hidden: (H, W) bool.
        patch: (H, W) bool: where it truly is.
        title: above.
    """
    return _beside([enlarged(picture), mask_overlay(picture, hidden, patch)], title)


def draw_votes(votes: Mapping[str, Any], title: str) -> bytes:
    """Each copy's verdict and answer, and the decision, as PNG."""
    from matplotlib.figure import Figure

    rows = votes["votes"]
    figure = Figure(figsize=(11, 0.9 + 0.3 * len(rows)), dpi=110)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    end = "released" if votes["released"] else "refused"
    axes.text(0.01, 0.98, f"{title}: {end}", va="top", weight="bold", transform=axes.transAxes)
    step = 0.3 / (0.9 + 0.3 * len(rows))
    for number, row in enumerate(rows, start=2):
        y = 1 - number * step
        colour = _VERDICTS.get(row["verdict"], "black")
        axes.text(0.01, y, row["verdict"], color=colour, va="top", transform=axes.transAxes)
        said = " ".join((row["answer"] or row["error"] or "").split())
        said = said if len(said) <= _LONGEST else said[: _LONGEST - 1] + "…"
        said = said.replace("$", r"\$")
        axes.text(0.1, y, said, va="top", size=8.5, transform=axes.transAxes)
    return png_bytes(figure)


def _beside(pictures: list[Image.Image], title: str) -> bytes:
    gap, head = 12, 34
    width = sum(p.width for p in pictures) + gap * (len(pictures) + 1)
    height = max(p.height for p in pictures) + gap + head
    canvas = Image.new("RGB", (width, height), "white")
    font = ImageFont.load_default(15)
    ImageDraw.Draw(canvas).text((gap, 9), title, fill="black", font=font)
    left = gap
    for picture in pictures:
        canvas.paste(picture, (left, head))
        left += picture.width + gap
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG")
    return buffer.getvalue()

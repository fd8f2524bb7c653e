"""Vision transformers under masks: hidden tokens are dropped, so that nothing stands for them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from interlock.defend.concepts.features import hooked
from interlock.errors import ModelError
from interlock.models.steady import ask

EMBEDDINGS = ("ViTEmbeddings", "DeiTEmbeddings")
"""Of ``transformers``: one token for each square of pixels, positions added, tokens of their own
in front; and attention that knows nothing of places beside."""


class TokenDropper:
    """Run a vision transformer on the tokens that masks leave.

    A token is dropped if any of its pixels is hidden. Equal to attention that no token pays to
    those dropped, and cheaper.

    Args:
        model: (N, C, H, W) -> (N, classes) logits, a ``transformers`` ViT or DeiT inside.

    Raises:
        ModelError: the model has no such embeddings, or several.
    """

    def __init__(self, model: nn.Module) -> None:
        layers = [m for m in model.modules() if type(m).__name__ in EMBEDDINGS]
        if len(layers) != 1:
            raise ModelError(
                f"{type(model).__name__} has no tokens that can be dropped (a ViT or DeiT of "
                "transformers has); use fill='pull_push'"
            )
        self._model, self._embeddings = model, layers[0]
        self._side = _token_side(layers[0])

    def __call__(self, images: Tensor, hidden: Tensor) -> Tensor:
        """(N, C, H, W), and (N, 1, H, W) bool -> (N, classes) logits.

        Raises:
            ModelError: a mask hides all tokens.
        """
        cells = F.max_pool2d(hidden.float(), self._side, self._side).flatten(1) == 0  # visible
        counts = cells.sum(dim=1)
        if not bool((counts > 0).all()):
            raise ModelError("a mask hides all tokens of the model; use a smaller area")
        images = torch.where(hidden, torch.zeros_like(images), images)
        logits: Tensor | None = None
        for count in sorted(set(counts.tolist())):
            index = (counts == count).nonzero()[:, 0]
            kept = cells[index].nonzero()[:, 1].view(len(index), count)
            part = self._run(images[index], kept)
            logits = part.new_zeros(len(images), part.shape[1]) if logits is None else logits
            logits = logits.index_put((index,), part)
        if logits is None:
            return ask(self._model, images)
        return logits

    def _run(self, images: Tensor, kept: Tensor) -> Tensor:
        """Logits from (N, V) tokens of each image."""

        def drop(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
            front = output.shape[1] - (images.shape[-2] // self._side[0]) * (
                images.shape[-1] // self._side[1]
            )
            places = (kept + front)[..., None].expand(-1, -1, output.shape[2])
            return torch.cat([output[:, :front], output.gather(1, places)], dim=1)

        with hooked([(self._embeddings, drop)]):
            return ask(self._model, images)


def _token_side(embeddings: nn.Module) -> tuple[int, int]:
    """Height and width in pixels of what makes one token."""
    (projection,) = (m for m in embeddings.modules() if isinstance(m, nn.Conv2d))
    height, width = projection.stride
    return int(height), int(width)

"""A classifier of what masks leave of an image."""

from __future__ import annotations

from typing import get_args

from torch import Tensor, nn

from interlock.defend.certified.tokens import TokenDropper
from interlock.defend.certified.visible_maps import filled_layers, visible_maps
from interlock.defend.fill import Fill, check_fill, filled
from interlock.errors import OptionError
from interlock.models.steady import ask
from interlock.names import InnerMaps


class MaskedModel:
    """Logits that are a function of the masks and of the pixels they leave visible.

    Args:
        model: (N, C, H, W) -> (N, classes) logits.
        fill: see ``CertifiedShield``.
        inner: likewise.

    Raises:
        OptionError: an unknown fill or option.
        ModelError: tokens are to be dropped of a model that has none.
    """

    def __init__(self, model: nn.Module, fill: Fill, inner: InnerMaps) -> None:
        if inner not in get_args(InnerMaps):
            raise OptionError(f"inner={inner!r} is unknown; use 'filled' or 'plain'")
        self._model, self._inner = model, inner
        self._fill = check_fill(fill, ("pull_push", "drop"))
        drops = isinstance(self._fill, str) and self._fill == "drop"
        self._dropper = TokenDropper(model) if drops else None
        self._layers: dict[tuple[int, ...], list[nn.Module]] = {}

    def __call__(self, images: Tensor, hidden: Tensor) -> Tensor:
        """(N, C, H, W), and (N, 1, H, W) bool -> (N, classes) logits of what masks leave."""
        if self._dropper is not None:
            return self._dropper(images, hidden)
        shown = filled(images, hidden, self._fill)
        if self._inner == "plain" or not len(images):
            return ask(self._model, shown)
        with visible_maps(hidden, self._layers_for(images)):
            return ask(self._model, shown)

    def _layers_for(self, images: Tensor) -> list[nn.Module]:
        """Those whose maps are filled, found once for each size."""
        size = tuple(images.shape[1:])
        if size not in self._layers:
            self._layers[size] = filled_layers(self._model, images)
        return self._layers[size]

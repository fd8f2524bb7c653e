"""A classifier's inner maps, as far as the image under them is visible."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from interlock.defend.concepts.features import hooked, stage_ends
from interlock.defend.fill import pull_push

HIDDEN_WEIGHT = 0.02
"""Of a cell that is hidden altogether, beside 1 of one that is visible: maps are never empty."""
MOSTLY = 0.5
"""A cell is filled from around where more of it than this is hidden."""


def filled_layers(model: nn.Module, images: Tensor) -> list[nn.Module]:
    """Whose maps are filled: by the size of the images, not by what these show.

    Args:
        model: (N, C, H, W) -> (N, classes) logits.
        images: (N, C, H, W), at least one, of which nothing but size and type is read.
    """
    with torch.no_grad():
        ends = stage_ends(model, torch.zeros_like(images[:1]))
    return [layer for name, layer in model.named_modules() if name in ends]


@contextmanager
def visible_maps(hidden: Tensor, layers: Sequence[nn.Module] = ()) -> Iterator[VisibleMaps]:
    """For the block, what a model makes of hidden places has little say in what it answers.

    What a mask shows is no part of the photo, however smooth; a classifier still draws conclusions
    from it, at each of its resolutions, and gives them as much of a say as others. Here cells of
    the maps of some layers are filled from around where they are mostly hidden, as pixels are, and
    averages over whole maps count each cell by how much of it is visible. What is computed is still
    a function of the masks and of visible pixels (``docs/defend.md``, theorem 2), if what stands
    under the masks is.

    Args:
        hidden: (N, 1, H, W) bool, of the N images that the model is given in the block.
        layers: whose outputs (N, D, h, w) are filled; others are left as they are.
    """
    mode = VisibleMaps(hidden)
    with hooked((layer, mode.fill) for layer in layers), mode:
        yield mode


class VisibleMaps(TorchFunctionMode):
    """What ``visible_maps`` has in force.

    Averages are means over the last two of four dimensions, adaptive pooling to one value, and
    pooling whose window holds the whole map. A model that has none is left as it is.

    Attributes:
        pooled: averages that were weighed so far.
    """

    def __init__(self, hidden: Tensor) -> None:
        super().__init__()
        self._visible = (~hidden).float()
        self._filling = False
        self.pooled = 0

    def fill(self, _layer: nn.Module, _inputs: Any, output: Any) -> Tensor | None:
        """A hook: (N, D, h, w) with mostly hidden cells filled; None for what is no such map."""
        if not self._is_map(output) or not output.is_floating_point():
            return None
        self._filling = True  # its pyramid averages maps, too
        try:
            return pull_push(output, self._seen(output) < 1 - MOSTLY)
        finally:
            self._filling = False

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        read = None if self._filling else AVERAGES.get(func)
        given = None if read is None else read(*args, **kwargs)
        if given is None or not self._is_map(given[0]):
            return func(*args, **kwargs)
        cells, keep = given
        weights = self._seen(cells).clamp_min(HIDDEN_WEIGHT)
        weights = (weights / weights.sum(dim=(2, 3), keepdim=True)).to(cells.dtype)
        self.pooled += 1
        return (cells * weights).sum(dim=(2, 3), keepdim=keep)

    def _is_map(self, cells: Any) -> bool:
        """Of the images at hand, and more than one cell."""
        return (
            isinstance(cells, Tensor)
            and cells.ndim == 4
            and len(cells) == len(self._visible)
            and cells.shape[-2] * cells.shape[-1] > 1
        )

    def _seen(self, cells: Tensor) -> Tensor:
        """(N, 1, h, w): how much of each cell is visible, in [0, 1]."""
        return F.adaptive_avg_pool2d(self._visible, (cells.shape[-2], cells.shape[-1]))


Average = tuple[Tensor, bool] | None
"""(N, C, h, w) cells that are averaged, and whether their dimensions stay; None: something else."""


def _mean(x: Any, dim: Any = None, keepdim: bool = False, **options: Any) -> Average:
    whole = isinstance(dim, list | tuple) and sorted(d % 4 for d in dim) == [2, 3]
    return (x, keepdim) if whole and options.get("dtype") is None else None


def _adaptive(x: Any, output_size: Any) -> Average:
    return (x, True) if output_size in (1, (1, 1), [1, 1]) else None


def _windows(
    x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, *_rest: Any, **_options: Any
) -> Average:
    size = (kernel_size,) * 2 if isinstance(kernel_size, int) else tuple(kernel_size)
    whole = padding in (0, (0, 0), [0, 0]) and all(
        k >= length for k, length in zip(size, x.shape[-2:], strict=True)
    )
    return (x, True) if whole else None


AVERAGES: Mapping[Callable[..., Any], Callable[..., Average]] = {
    torch.mean: _mean,
    Tensor.mean: _mean,
    F.adaptive_avg_pool2d: _adaptive,
    F.avg_pool2d: _windows,
}
"""What averages, and what reads its arguments."""

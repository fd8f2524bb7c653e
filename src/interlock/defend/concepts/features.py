"""Activations of named layers, taken in one forward pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import get_ident
from typing import Any

import torch
from torch import Tensor, nn

from interlock.errors import ModelError, OptionError
from interlock.models.steady import ask

COARSEST = 16
"""Largest stride in pixels at which a layer still says where something lies."""
FEWEST_CELLS = 6
"""Fewest cells a side."""
WANTED = 3
"""Layers taken where a model, such as a vision transformer, has one resolution only."""


def grid(output: Any, height: int, width: int) -> Tensor | None:
    """A layer's output as (N, D, h, w), or None where it has no positions.

    Tokens (N, T, D) are positions too, laid out in the image's aspect ratio; tokens in front of
    them, such as a class token, are dropped.
    """
    if isinstance(output, tuple | list) and output:
        output = output[0]
    if not isinstance(output, Tensor) or not output.is_floating_point():
        return None
    if output.ndim == 4:
        return output
    if output.ndim != 3:
        return None
    rows = math.isqrt(max(1, output.shape[1] * height // width))
    columns = rows * width // height
    extra = output.shape[1] - rows * columns
    if rows < 2 or columns < 2 or not 0 <= extra <= 5:
        return None
    tokens = output[:, extra:].transpose(1, 2)
    return tokens.reshape(len(tokens), -1, rows, columns)


Hook = Callable[[nn.Module, Any, Any], Any]
"""(module, inputs, output) -> another output, or None to leave it."""


@contextmanager
def hooked(hooks: Iterable[tuple[nn.Module, Hook]]) -> Iterator[None]:
    """Forward hooks for the block, on what its own thread runs alone; the model stays untouched.

    Several threads may so share a model, as those of a server do.
    """
    own_thread = get_ident()

    def guarded(hook: Hook) -> Hook:
        return lambda module, inputs, output: (
            hook(module, inputs, output) if get_ident() == own_thread else None
        )

    handles = [module.register_forward_hook(guarded(hook)) for module, hook in hooks]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class Taps:
    """Run a model and keep what some of its layers put out.

    Hooks live only as long as the call, so that the model is untouched afterwards.

    Args:
        model: (N, C, H, W) -> (N, classes) logits.
        layers: names as in ``model.named_modules()``.

    Raises:
        ModelError: a layer is a scripted program.
        OptionError: the model has no such layer.
    """

    def __init__(self, model: nn.Module, layers: Sequence[str]) -> None:
        modules = dict(model.named_modules())
        for name in layers:
            if name not in modules or not name:
                close = [n for n in modules if n.endswith(name.rsplit(".", 1)[-1]) and n][:3]
                hint = f"; did you mean {', '.join(close)}?" if close else ""
                raise OptionError(f"layer {name!r} is not in {type(model).__name__}{hint}")
            if _scripted(modules[name]):
                raise _unseen(f"layer {name!r}")
        self.layers = tuple(layers)
        self._model = model
        self._modules = [modules[name] for name in layers]

    def __call__(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(N, C, H, W) -> logits (N, classes) and one (N, D, h, w) for each layer.

        The maps are in single precision at least, whatever the model computes in.

        Raises:
            ModelError: a layer did not run, its output has no positions, or the images are in
                another precision than the model takes.
        """
        if not len(x):  # as in ``ask``: many models cannot take a batch of none
            logits, maps = self(x.new_zeros(1, *x.shape[1:]))
            return logits[:0], [positions[:0] for positions in maps]
        kept: dict[str, Tensor | None] = {}

        def keep(name: str) -> Hook:
            return lambda _module, _inputs, output: kept.__setitem__(
                name, grid(output, *x.shape[-2:])
            )

        names = zip(self.layers, self._modules, strict=True)
        with hooked((module, keep(name)) for name, module in names):
            logits = ask(self._model, x)
        maps = []
        for name in self.layers:
            positions = kept.get(name)
            if positions is None or len(positions) != len(x):
                raise ModelError(f"layer {name!r} puts out no map of positions; choose another")
            maps.append(positions.to(torch.promote_types(positions.dtype, torch.float32)))
        return logits, maps


def find_layers(model: nn.Module, x: Tensor) -> tuple[str, ...]:
    """The layers that place things best: the last one of each resolution down to stride 16.

    Args:
        model: (N, C, H, W) -> (N, classes) logits.
        x: (1, C, H, W), any image of the size that the model takes.

    Raises:
        ModelError: no layer puts out a map of positions.
    """
    x = _twice(x)
    by_size: dict[tuple[int, int], list[str]] = {}
    for name, positions in _run_all(model, x):
        h, w = positions.shape[-2:]
        if min(h, w) >= FEWEST_CELLS and h * COARSEST >= x.shape[-2]:
            by_size.setdefault((h, w), []).append(name)
    # What a convolution pads is no resolution of its own, where the network halves the image's.
    halved = _halved(*x.shape[-2:])
    by_size = {size: names for size, names in by_size.items() if size in halved} or by_size
    # The photo's own resolution holds no concepts yet, unless the network works at it throughout.
    full = (x.shape[-2], x.shape[-1])
    if len(by_size) > WANTED:
        by_size.pop(full, None)
    if not by_size:
        raise ModelError(
            f"{type(model).__name__} has no layer with a map of positions; name some by layers="
        )
    if len(by_size) >= WANTED:
        return tuple(names[-1] for names in by_size.values())
    names = [name for group in by_size.values() for name in group]
    step = len(names) / (WANTED + 1)
    return tuple(dict.fromkeys(names[min(len(names) - 1, int(step * k))] for k in (1, 2, 3)))


def stage_ends(model: nn.Module, x: Tensor) -> tuple[str, ...]:
    """Where the two resolutions before the coarsest one end, in a network that has them.

    Resolutions are the image's, halved again and again. What ends one is the last of its layers
    that are nested least: those within a block may be one branch of several. A scripted program
    shows none.

    Args:
        model: (N, C, H, W) -> (N, classes) logits.
        x: (1, C, H, W), any image of the size that the model takes.
    """
    if any(map(_scripted, model.modules())):
        return ()
    x = _twice(x)
    halved = _halved(*x.shape[-2:])
    ends: dict[tuple[int, int], str] = {}
    for name, maps in _run_all(model, x):
        size = (maps.shape[-2], maps.shape[-1])
        if size in halved and (size not in ends or name.count(".") <= ends[size].count(".")):
            ends[size] = name
    return tuple(ends[size] for size in sorted(ends, reverse=True)[-3:-1])


def last_maps(model: nn.Module, x: Tensor) -> str:
    """The name of the last layer whose map of positions the logits rest on.

    What stands behind the last attention of a vision transformer has positions, but only its
    class token decides; such layers are passed over, and so are bare linear projections.

    Raises:
        ModelError: there is none.
    """
    modules, x = dict(model.named_modules()), _twice(x)
    with torch.no_grad():
        logits = ask(model, x)
        for name, maps in reversed(_run_all(model, x)):
            if min(maps.shape[-2:]) < 2 or isinstance(modules[name], nn.Linear):
                continue
            if not torch.equal(replaced(model, name, x, torch.zeros_like(maps)), logits):
                return name
    raise ModelError(f"{type(model).__name__} has no layer with a map of positions")


def replaced(model: nn.Module, layer: str, x: Tensor, maps: Tensor) -> Tensor:
    """Logits for ``x`` when a layer puts out these maps (N, D, h, w) instead of its own."""

    def swap(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        whole = output[0] if isinstance(output, tuple | list) else output
        if whole.ndim == 3:  # tokens: those in front of the positions stay
            extra = whole.shape[1] - maps.shape[2] * maps.shape[3]
            tokens = maps.flatten(2).transpose(1, 2).to(whole.dtype)
            whole = torch.cat([whole[:, :extra], tokens], dim=1)
        else:
            whole = maps.to(whole.dtype)
        return (whole, *output[1:]) if isinstance(output, tuple) else whole

    with hooked([(dict(model.named_modules())[layer], swap)]):
        return ask(model, x)


def _halved(height: int, width: int) -> set[tuple[int, int]]:
    """The image's size, halved again and again, down to two cells or more: one has no positions."""
    sizes = {(-(-height >> k), -(-width >> k)) for k in range(max(height, width).bit_length())}
    return sizes - {(1, 1)}


def _twice(x: Tensor) -> Tensor:
    """Two images at least: what has one row for any batch, such as a bias, is no map of one."""
    return x if len(x) > 1 else x.repeat(2, 1, 1, 1)


def _run_all(model: nn.Module, x: Tensor) -> list[tuple[str, Tensor]]:
    """(name, map) of every layer with positions, in the order in which they finish.

    Without layers that run again on maps of another size, such as an activation that stem and head
    share: their name stands for no one place in the network.
    """
    finished: list[tuple[str, Tensor]] = []
    shapes: dict[str, set[torch.Size]] = {}

    def keep(name: str) -> Hook:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            positions = grid(output, *x.shape[-2:])
            # Windows of attention (Swin) and folded patches (MobileViT) are no images of a batch.
            if positions is not None and len(positions) == len(x):
                finished.append((name, positions))
                shapes.setdefault(name, set()).add(positions.shape)

        return hook

    watched = [(m, keep(n)) for n, m in model.named_modules() if n and not _scripted(m)]
    with torch.no_grad(), hooked(watched):
        ask(model, x)
    if not finished and any(map(_scripted, model.modules())):
        raise _unseen("the model")
    return [(name, positions) for name, positions in finished if len(shapes[name]) == 1]


def _scripted(module: nn.Module) -> bool:
    """Whether it is a program of TorchScript: no hook of its layers is ever called."""
    return isinstance(module, torch.jit.ScriptModule)


def _unseen(what: str) -> ModelError:
    return ModelError(
        f"{what} is a scripted program, whose layers cannot be watched; use the module that it "
        "was made from"
    )


def doubled(x: Tensor) -> Tensor:
    """In double precision; on the CPU where the device has none (Apple's)."""
    return (x.cpu() if x.device.type == "mps" else x).double()

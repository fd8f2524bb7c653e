"""What the command line names, found in the loaded model and on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256

import torch

from interlock.errors import InterlockError, ModelError, OptionError


@contextmanager
def model_at_work() -> Iterator[None]:
    """Turn whatever the user's model raises into one line; ``INTERLOCK_TRACEBACK=1`` does not."""
    try:
        yield
    except InterlockError:
        raise
    except Exception as error:  # the model is the user's code and may raise anything
        if os.environ.get("INTERLOCK_TRACEBACK"):
            raise
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise ModelError(
            f"the model failed ({reason}); INTERLOCK_TRACEBACK=1 shows where"
        ) from None


def class_index(target: str | None, labels: Sequence[str]) -> int | None:
    """A label, or the number of a class; a label that looks like a number wins."""
    if target is None:
        return None
    if target in labels:
        return labels.index(target)
    matching = [k for k, label in enumerate(labels) if label.casefold() == target.casefold()]
    if len(matching) == 1:
        return matching[0]
    try:
        index = int(target)
    except ValueError:
        from difflib import get_close_matches

        near = get_close_matches(target, labels, n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise OptionError(f"target={target!r}: the model has no such label{hint}") from None
    if not 0 <= index < len(labels):
        raise OptionError(f"target={index}: the model has classes 0 to {len(labels) - 1}")
    return index


def usable_device(name: str | None) -> str:
    name = name or "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise OptionError(f"device={name!r} cannot be used: {str(error).splitlines()[0]}") from None
    return name


def fingerprint(model: torch.nn.Module) -> str:
    """Hash of all weights and buffers."""
    digest = sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        if isinstance(value, torch.Tensor):
            flat = value.detach().cpu().contiguous().reshape(-1)
            digest.update(flat.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()

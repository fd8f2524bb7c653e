"""What the command line names, found in the loaded model and on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from interlock.errors import InterlockError, ModelError, OptionError
from interlock.models.loading import EMBEDDED


@contextmanager
def model_at_work() -> Iterator[None]:
    """Turn whatever the user's model raises into one line; ``INTERLOCK_TRACEBACK=1`` does not."""
    try:
        yield
    except InterlockError as error:
        if error.__cause__ is not None and os.environ.get("INTERLOCK_TRACEBACK"):
            raise error.__cause__ from None
        raise
    except Exception as error:  # the model is the user's code and may raise anything
        if os.environ.get("INTERLOCK_TRACEBACK"):
            raise
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise ModelError(
            f"the model failed ({reason}); INTERLOCK_TRACEBACK=1 shows where"
        ) from None


def usable_device(name: str | None) -> str:
    """A device by name; the CPU when None.

    Raises:
        OptionError: this machine has none of that name.
    """
    name = name or "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise OptionError(f"device={name!r} cannot be used: {str(error).splitlines()[0]}") from None
    return name


def model_folder(name: str) -> Path | None:
    """Where all that decides a classifier's answers lies in files; None where it does not."""
    folder = EMBEDDED if name == "embedded" else Path(name)
    return folder if folder.is_dir() else None

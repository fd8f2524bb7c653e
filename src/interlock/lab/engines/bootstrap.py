"""The start of a worker: threads first, then everything heavy."""

from __future__ import annotations

import os
import pickle
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from interlock.lab.task import Worker

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def thread_variables(threads: int) -> dict[str, str]:
    """What numerical libraries read when they are loaded."""
    return dict.fromkeys(THREADS, str(threads))


def make_worker(factory: bytes, threads: int) -> Worker:
    """A worker in a process of its own.

    Sums over threads round by how many there are, so their number is fixed: it, and not the
    machine, decides the last bits of a result.

    Args:
        factory: what ``Task.worker`` gave, pickled.
        threads: of the numerical libraries.
    """
    os.environ.update(thread_variables(threads))
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    # A library that warns would do so for each of a hundred thousand items.
    warnings.filterwarnings("ignore")
    import torch

    torch.set_num_threads(threads)
    made: Callable[[], Worker] = pickle.loads(factory)
    return made()

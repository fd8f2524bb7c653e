"""How the programs of this project keep memory between two passes of a model."""

from __future__ import annotations

import ctypes
import sys

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1
"""Of glibc's ``mallopt``."""
KEPT = 1 << 30
"""Bytes."""


def keep_freed_memory() -> None:
    """Keep what was freed for what is asked next, in this process; for programs, not for libraries.

    By default glibc gives large blocks back to the system as soon as they are free, and takes them
    anew, page by page, at the next layer of a network. That may take as long as the arithmetic
    (``docs/experiments/explain.md``). The peak of memory hardly changes, but what a peak took
    stays. Other C libraries are left as they are.
    """
    if sys.platform != "linux":
        return
    try:
        set_option = ctypes.CDLL(None).mallopt
    except AttributeError:  # musl has none
        return
    for option in (MMAP_THRESHOLD, TRIM_THRESHOLD):
        set_option(option, KEPT)

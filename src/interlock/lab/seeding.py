"""Random numbers of one item: the same ones whatever ran before it, and wherever it runs."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import numpy as np
import torch


@contextmanager
def seeded(*parts: object) -> Iterator[int]:
    """Seed the global generators for a block, and put them back as they were.

    Methods of the lab take a seed of their own; libraries that are compared with them draw from
    these.

    Args:
        parts: what the seed is made from.

    Yields:
        The seed, below 2**32.
    """
    seed = int.from_bytes(sha256(" ".join(map(str, parts)).encode()).digest()[:4], "big")
    python, array = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        try:
            yield seed
        finally:
            random.setstate(python)
            np.random.set_state(array)

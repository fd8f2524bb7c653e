"""What every chat with a model begins with, read once instead of once for each prompt.

A chat template may hold a system prompt and examples that are far longer than what a user asks.
Their keys and values do not depend on what follows, so each batch begins with a copy of them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from interlock.certify.targets.packed import packs
from interlock.certify.targets.protocol import Prompt

SHORTEST = 32
"""Tokens from which on a beginning is kept."""
_UNLIKE = "a", "7!"  # two messages without a common beginning


@dataclass(frozen=True)
class KeptPrefix:
    """The beginning, and what a model made of it."""

    ids: Sequence[int]
    """(P,) its tokens; P is 0 where nothing is kept."""
    cache: Any
    """Of a batch of one."""
    packs: bool = False
    """Whether rows can be packed behind it, see :mod:`interlock.certify.targets.packed`."""

    def begins(self, ids: Sequence[int]) -> bool:
        """Whether a chat begins so, and goes on."""
        return bool(self.ids) and len(ids) > len(self.ids) and ids[: len(self.ids)] == self.ids

    def copies(self, count: int) -> Any:
        """A cache for a batch of ``count``, which a forward pass may append to."""
        cache = copy.deepcopy(self.cache)
        cache.batch_repeat_interleave(count)
        return cache


NOTHING = KeptPrefix((), None)


@torch.inference_mode()
def keep_prefix(model: Any, encode: Callable[[Prompt], list[int]]) -> KeptPrefix:
    """The common beginning of all chats; :data:`NOTHING` where it is short.

    Nor is it kept where a model remembers in another way than by keys and values of each token,
    as state-space models and sliding windows do.
    """
    one, other = (encode(Prompt.user(text)) for text in _UNLIKE)
    size = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
    if size < SHORTEST:
        return NOTHING
    ids = one[:size]
    out = model(input_ids=torch.tensor([ids], device=model.device), use_cache=True)
    cache = out.past_key_values
    plain = [type(layer).__name__ for layer in getattr(cache, "layers", [None])]
    if set(plain) != {"DynamicLayer"}:
        return NOTHING
    return KeptPrefix(ids, cache, packs(model, cache, size))

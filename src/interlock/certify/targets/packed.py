"""Rows side by side in one sequence, behind one kept beginning.

In a batch each row has its own copy of the beginning's keys and values, which every new token reads
and, as caches grow, copies again. Here the rows follow each other in one sequence, each with
positions of its own, and a mask lets each see the beginning and itself alone: the beginning is
there once. Equal to a batch up to rounding.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from inspect import signature
from typing import Any

import torch
from torch import Tensor

SHORTEST, LONGEST = 256, 1024
"""Tokens of a beginning from which on packing pays, and of all rows together up to which it does:
each is compared with all others."""
_CLOSE = 1e-3  # of the largest logit: rounding, not another answer
_ATTENTION = ("sdpa", "eager")


class Packed:
    """Rows that go on at the same time; :meth:`extend` reads the next tokens of each.

    Args:
        model: a causal language model of which :func:`packs` is true.
        cache: keys and values of the beginning, of a batch of one; left as it is.
        known: P, its tokens.
    """

    def __init__(self, model: Any, cache: Any, known: int) -> None:
        self.model, self.known = model, known
        self._cache = copy.deepcopy(cache)
        self._owner = torch.full((known,), -1, device=model.device)  # (K,) the row of each key

    def extend(self, tokens: Tensor, owner: Tensor, positions: Tensor, wanted: Tensor) -> Tensor:
        """(W, V) logits at the ``wanted`` ones of (T,) tokens, each of the row ``owner`` (T,)."""
        count = len(tokens)
        before = len(self._owner)
        self._owner = torch.cat([self._owner, owner])
        seen = (self._owner == -1) | (self._owner == owner[:, None])  # (T, K)
        seen[:, before:] &= torch.ones(count, count, dtype=torch.bool, device=seen.device).tril()
        kind = self.model.dtype
        mask = torch.zeros(seen.shape, dtype=kind, device=seen.device)
        mask.masked_fill_(~seen, torch.finfo(kind).min)
        out = self.model(
            input_ids=tokens[None],
            attention_mask=mask[None, None],
            position_ids=positions[None],
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=wanted,
        )
        self._cache = out.past_key_values
        logits: Tensor = out.logits[0]
        return logits

    def begin(self, rows: Sequence[Sequence[int]], last: Sequence[int] | None = None) -> Tensor:
        """Read the first tokens of each row.

        Args:
            rows: B of them, each of one token at least.
            last: of how many tokens of each row, up to its end, logits are wanted; 1 when None.

        Returns:
            (sum of ``last``, V) logits, row by row.
        """
        device = self.model.device
        sizes = torch.tensor([len(row) for row in rows], device=device)
        tokens = torch.tensor([token for row in rows for token in row], device=device)
        owner = torch.arange(len(rows), device=device).repeat_interleave(sizes)
        ends = sizes.cumsum(0)
        positions = torch.arange(len(tokens), device=device) - (ends - sizes)[owner] + self.known
        counts = [1] * len(rows) if last is None else last
        wanted = [
            end - i for end, n in zip(ends.tolist(), counts, strict=True) for i in range(n, 0, -1)
        ]
        return self.extend(tokens, owner, positions, torch.tensor(wanted, device=device))


def packs(model: Any, cache: Any, known: int) -> bool:
    """Whether packing pays, and the model reads two packed rows as it reads each alone: tried out.

    Never where it remembers in another way than by keys and values of each token.
    """
    layers = {type(layer).__name__ for layer in getattr(cache, "layers", [None])}
    if known < SHORTEST or layers != {"DynamicLayer"}:
        return False
    asked = signature(model.forward).parameters
    attention = getattr(model.config, "_attn_implementation", None)
    if attention not in _ATTENTION or not {"logits_to_keep", "position_ids"} <= set(asked):
        return False
    vocabulary = int(getattr(model.config, "vocab_size", None) or 64)
    # The first is long enough to change what the second says, if that could see it.
    rows = [[i % vocabulary for i in range(1, 65)], [3, 1]]
    with torch.inference_mode():
        together = Packed(model, cache, known).begin(rows)
        alone = torch.cat([Packed(model, cache, known).begin([row]) for row in rows])
        plain = torch.cat([_plain(model, cache, row) for row in rows])
    near = _CLOSE * float(plain.abs().max())
    return all(bool((some - plain).abs().max() <= near) for some in (together, alone))


def _plain(model: Any, cache: Any, row: Sequence[int]) -> Tensor:
    """(1, V) logits after a row by itself, without a mask."""
    tokens = torch.tensor([row], device=model.device)
    out = model(input_ids=tokens, past_key_values=copy.deepcopy(cache), use_cache=True)
    logits: Tensor = out.logits[:, -1]
    return logits

"""Greedy Coordinate Gradient, the white-box suffix attack (Zou et al., arXiv 2307.15043).

A suffix of a fixed number of tokens is changed one token at a time. The gradient of the loss of a
wished-for opening ("Sure, here is ...") with respect to the one-hot suffix proposes tokens for each
place; a random batch of such single exchanges is tried, and the best one kept. The search ends at
the first suffix with which the target, asked as any user asks it, complies.

A suffix counts only if the tokenizer reads its text back as the same tokens. Where words begin with
a blank of their own (byte-pair and SentencePiece tokenizers), the suffix is made of such tokens, so
that it also brings the blank that parts it from the request.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from interlock.certify.attacks.attack import Attack
from interlock.certify.judges.judge import Judge, Verdict
from interlock.certify.targets.local import LocalTarget, last_logits_only
from interlock.certify.targets.packed import LONGEST, Packed, packs
from interlock.certify.targets.protocol import Prompt
from interlock.errors import ModelError, OptionError

FEWEST_WORDS = 100
"""Tokens that begin with a blank, from which on a suffix is made of them alone."""


@dataclass(frozen=True)
class SuffixAttack:
    """Settings of the search.

    Raises:
        OptionError: a setting below its least value.
    """

    length: int = 24
    """Suffix tokens, >= 1."""
    steps: int = 150
    """Exchanges at most, >= 1."""
    candidates: int = 96
    """Exchanges tried in each step, >= 1; B in the paper."""
    top: int = 32
    """Tokens proposed by the gradient for each place, >= 1; k in the paper."""
    patience: int = 30
    """Steps without progress after which the suffix is drawn anew, >= 1."""
    away: bool = False
    """Search away from the opening, that of a refusal, in place of towards it: whatever else the
    target answers will do. Cheaper where a target refuses by a narrow margin."""

    def __post_init__(self) -> None:
        for name in ("length", "steps", "candidates", "top", "patience"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name}={getattr(self, name)}: must be at least 1")

    def run(
        self, target: LocalTarget, request: str, opening: str, judge: Judge, *, seed: int = 0
    ) -> Attack | None:
        """Search a suffix for ``request`` that makes the target begin with ``opening``.

        Args:
            target: attacked with its gradients, and asked to confirm each success.
            request: the user message without the suffix.
            opening: of the answer wished for; with ``away``, of the one to be avoided.
            judge: decides whether the confirmed answer complies.
            seed: of the search; the same seed on the same machine finds the same suffix.

        Returns:
            The first confirmed attack; None when ``steps`` did not suffice.

        Raises:
            ModelError: no token of the model can be written into a suffix, or no suffix is read
                back as it was written.
        """
        generator = torch.Generator().manual_seed(seed)
        loss_of = OpeningLoss(target, request, opening, away=self.away)
        suffix, best, stale = loss_of.draw(self.length, generator), float("inf"), 0
        for step in range(1, self.steps + 1):
            tried = self.exchanges(loss_of, suffix, generator)  # (B, L)
            losses, reached = loss_of(tried)
            lowest = int(losses.argmin())
            stale = 0 if losses[lowest] < best - 1e-3 else stale + 1
            if stale > self.patience:
                suffix, best, stale = loss_of.draw(self.length, generator), float("inf"), 0
                continue
            suffix, best = tried[lowest], min(best, float(losses[lowest]))
            if reached[lowest]:
                parted = loss_of.head, loss_of.text(suffix)
                attack = self._confirm(target, request, parted, judge, seed, step)
                if attack is not None:
                    return attack
        return None

    def exchanges(self, loss_of: OpeningLoss, suffix: Tensor, generator: torch.Generator) -> Tensor:
        """(B, L) suffixes, each with one token exchanged for one that the gradient proposes."""
        proposed = loss_of.proposals(suffix, self.top)  # (L, top)
        places = torch.randint(len(suffix), (self.candidates,), generator=generator)
        ranks = torch.randint(proposed.shape[1], (self.candidates,), generator=generator)
        tried = suffix.repeat(self.candidates, 1)
        tried[torch.arange(self.candidates), places] = proposed[places, ranks]
        kept = tried[loss_of.survive(tried)]
        return kept if len(kept) else suffix[None]

    def _confirm(
        self,
        target: LocalTarget,
        request: str,
        parted: tuple[str, str],
        judge: Judge,
        seed: int,
        step: int,
    ) -> Attack | None:
        head, suffix = parted
        prompt = Prompt.user(head + suffix)
        [reply] = target.ask([prompt])
        if reply.lost or judge([prompt.text], [reply.text]) != [Verdict.COMPLIED]:
            return None
        span = (len(head), len(head) + len(suffix))
        return Attack(request, prompt.text, span, "gcg", seed, step, reply.text)


class OpeningLoss:
    """Cross-entropy of the opening after request and suffix; the part before is computed once.

    With ``away`` its negative: what is searched is any other answer.
    """

    def __init__(
        self, target: LocalTarget, request: str, opening: str, *, away: bool = False
    ) -> None:
        self.target, self.model, self.away = target, target.model, away
        self._anchor = self._ids("x")
        self._allowed, self._brings_blank = self._writable()
        self.head = request if self._brings_blank else f"{request} "
        marker = "\x1f"
        before, _, after = target.chat(Prompt.user(self.head + marker)).partition(marker)
        self._text_before, self._text_after = before, after
        self._before, self._after = self._ids(before), self._ids(after)
        self._opening = self._ids(opening)
        with torch.no_grad():
            self._cache = self.model(input_ids=self._before[None], use_cache=True).past_key_values
        self._packs = packs(self.model, self._cache, len(self._before))

    def draw(self, length: int, generator: torch.Generator) -> Tensor:
        """(L,) random tokens whose text is read back as the same tokens."""
        allowed = self._allowed
        for attempt in range(100):
            if attempt == 50:  # most fall to their neighbours: keep to those that stand alone
                allowed = allowed[self.survive(allowed[:, None])]
                if not len(allowed):
                    break
            chosen = torch.randint(len(allowed), (length,), generator=generator)
            suffix = allowed[chosen]
            if bool(self.survive(suffix[None])):
                return suffix
        raise ModelError(
            f"{self.target.name}: no random suffix of {length} tokens is read back by its "
            "tokenizer as it was written; use a shorter one"
        )

    def proposals(self, suffix: Tensor, top: int) -> Tensor:
        """(L, top) the tokens that lower the loss most, to first order."""
        table = self.model.get_input_embeddings().weight.detach()
        one_hot = F.one_hot(suffix, len(table)).to(table.dtype).requires_grad_()
        rest = table[torch.cat([self._after, self._opening])]
        with torch.enable_grad():
            logits = self._logits(inputs_embeds=torch.cat([one_hot @ table, rest])[None])
            loss = self._losses(logits).sum()
            (gradient,) = torch.autograd.grad(loss, one_hot)
        allowed = gradient[:, self._allowed]  # (L, A)
        best = (-allowed).topk(min(top, len(self._allowed)), dim=1).indices
        return self._allowed[best]

    @torch.no_grad()
    def __call__(self, suffixes: Tensor) -> tuple[Tensor, Tensor]:
        """(B, L) -> (B,) losses, and (B,) whether greedy decoding begins with the opening.

        With ``away``, whether it does not.
        """
        rows = self._rows(suffixes)
        logits = self._packed_logits(rows) if self._packs else self._logits(input_ids=rows)
        begins = (self._opening_logits(logits).argmax(dim=-1) == self._opening).all(dim=-1)
        return self._losses(logits), begins ^ self.away

    def survive(self, suffixes: Tensor) -> Tensor:
        """(B, L) -> (B,) whether each, written out and read by the tokenizer, stays what it is."""
        tokenizer = self.target.tokenizer
        texts = [self.text(suffix) for suffix in suffixes]
        chats = [f"{self._text_before}{text}{self._text_after}" for text in texts]
        read = tokenizer(chats, add_special_tokens=False)["input_ids"]
        before, after = self._before.tolist(), self._after.tolist()
        same = [
            text == text.rstrip()
            and text.startswith(" ") is self._brings_blank
            and ids == [*before, *suffix, *after]
            for text, ids, suffix in zip(texts, read, suffixes.tolist(), strict=True)
        ]
        return torch.tensor(same)

    def text(self, suffix: Tensor) -> str:
        """What the tokens write after other text, a first blank included."""
        return self._texts([suffix.tolist()])[0]

    def _texts(self, rows: Sequence[Sequence[int]]) -> list[str]:
        # SentencePiece drops the blank of a first token, so that none may be the first.
        anchor = self._anchor.tolist()
        whole = self.target.tokenizer.batch_decode(
            [anchor, *([*anchor, *row] for row in rows)], clean_up_tokenization_spaces=False
        )
        return [text[len(whole[0]) :] for text in whole[1:]]

    def _writable(self) -> tuple[Tensor, bool]:
        """(A,) tokens of printable ASCII, and whether each begins with the blank before a word.

        They do where the vocabulary has enough such tokens to choose from.
        """
        special = set(self.target.tokenizer.all_special_ids)
        texts = self._texts([[i] for i in range(self.model.config.vocab_size)])
        written = {
            i: text
            for i, text in enumerate(texts)
            if i not in special and text and text.isascii() and text.isprintable()
        }
        if not written:
            raise ModelError(
                f"{self.target.name}: its tokenizer has no token of printable ASCII to build a "
                "suffix from"
            )
        words = [
            i for i, text in written.items() if text[0] == " " and text.count(" ") == 1 < len(text)
        ]
        brings_blank = len(words) >= FEWEST_WORDS
        return torch.tensor(words if brings_blank else list(written)), brings_blank

    def _ids(self, text: str) -> Tensor:
        ids = self.target.tokenizer(text, add_special_tokens=False)["input_ids"]
        return torch.tensor(ids, device=self.model.device)

    def _rows(self, suffixes: Tensor) -> Tensor:
        rest = torch.cat([self._after, self._opening]).expand(len(suffixes), -1)
        return torch.cat([suffixes, rest], dim=1)

    def _logits(self, **inputs: Tensor) -> Tensor:
        count = len(next(iter(inputs.values())))
        cache: Any = copy.deepcopy(self._cache)  # a forward pass appends to it
        cache.batch_repeat_interleave(count)
        last = last_logits_only(self.model, len(self._opening) + 1)
        out: Tensor = self.model(past_key_values=cache, use_cache=True, **inputs, **last).logits
        return out

    def _packed_logits(self, rows: Tensor) -> Tensor:
        """(B, T) -> (B, O + 1, V) logits up to the end, with as many rows at once as are packed."""
        last, parts = len(self._opening) + 1, []
        for some in torch.split(rows, max(1, LONGEST // rows.shape[1])):
            packed = Packed(self.model, self._cache, len(self._before))
            logits = packed.begin(some.tolist(), [last] * len(some))
            parts.append(logits.view(len(some), last, -1))
        return torch.cat(parts)

    def _opening_logits(self, logits: Tensor) -> Tensor:
        return logits[:, -len(self._opening) - 1 : -1].float()  # (B, O, V)

    def _losses(self, logits: Tensor) -> Tensor:
        logits = self._opening_logits(logits)
        wished = self._opening.expand(len(logits), -1)
        losses = F.cross_entropy(logits.transpose(1, 2), wished, reduction="none").mean(dim=1)
        return -losses if self.away else losses


@dataclass(frozen=True)
class RolePlayAttack:
    """A semantic attack: the request inside framings that a model may half-fall for."""

    framings: tuple[str, ...]
    """Texts with ``{request}`` in them, at least one."""

    def __post_init__(self) -> None:
        bad = [f for f in self.framings if "{request}" not in f]
        if bad or not self.framings:
            raise OptionError(f"framings={bad or ()}: give texts with {{request}} in them")

    def run(self, target: Any, request: str, judge: Judge) -> list[Attack]:
        """Every framing that the target falls for, in order; ``iterations`` is its number."""
        texts = [framing.replace("{request}", request) for framing in self.framings]
        replies = target.ask([Prompt.user(text) for text in texts])
        return [
            Attack(request, text, (0, len(text)), "role-play", 0, number, reply.text)
            for number, (text, reply) in enumerate(zip(texts, replies, strict=True), 1)
            if not reply.lost and judge([text], [reply.text]) == [Verdict.COMPLIED]
        ]

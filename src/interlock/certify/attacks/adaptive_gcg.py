"""GCG over the vote's own loss: a suffix for the copies, not for the prompt (a local model only).

Zou et al., arXiv 2307.15043, with the loss of the wished-for opening summed over the defence's
copies and the prompt itself. Copies break tokens apart, so the gradient that proposes exchanges is
that of the prompt as it is; candidates are compared on the copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from interlock.certify.attacks.adaptive import VoteLoss
from interlock.certify.attacks.attack import Attack
from interlock.certify.attacks.gcg import OpeningLoss, SuffixAttack
from interlock.certify.targets.local import LocalTarget, last_logits_only
from interlock.certify.targets.packed import LONGEST, Packed
from interlock.certify.targets.protocol import Prompt, model_behind
from interlock.certify.vote.asks import MAJORITY, Asks, Rule
from interlock.certify.vote.smoothllm import SmoothLLM
from interlock.errors import OptionError


@dataclass(frozen=True)
class AdaptiveGCG:
    """Settings of the search.

    Raises:
        OptionError: a setting below 1.
    """

    length: int = 24
    """Suffix tokens."""
    steps: int = 50
    """Exchanges at most; it ends when all draws of the vote release."""
    candidates: int = 16
    """Exchanges tried in each step."""
    draws: int = 2
    """Draws of the defence's copies in each step."""
    opening: str = "Sure, here is"
    """Of the answer wished for."""
    copies: int = 4
    """Copies of each draw that the loss is summed over, at most."""

    def __post_init__(self) -> None:
        for name in ("length", "steps", "candidates", "draws", "copies"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name}={getattr(self, name)}: must be at least 1")

    def run(self, smooth: SmoothLLM, request: str, *, start: str = "", seed: int = 0) -> Attack:
        """The best attempt, of the kind ``"adaptive-gcg"``.

        Raises:
            OptionError: the target is no local model.
            ModelError: the tokenizer reads back no suffix.
        """
        target = model_behind(smooth.target)
        if not isinstance(target, LocalTarget):
            raise OptionError("adaptive GCG needs a model's gradients; attack a local model")
        plain = OpeningLoss(target, request, self.opening)
        exchange = SuffixAttack(length=self.length, candidates=self.candidates)
        generator = torch.Generator().manual_seed(seed)
        suffix = _tokens(plain, start)
        if suffix is None:
            suffix = plain.draw(self.length, generator)
        draws, step = VoteLoss(smooth, self.draws, seed), 0
        for step in range(1, self.steps + 1):
            draws.seeds = [one + self.draws for one in draws.seeds]
            tried = torch.cat([suffix[None], exchange.exchanges(plain, suffix, generator)])
            texts = [plain.head + plain.text(one) for one in tried]
            losses = self._losses(target, smooth, texts, draws.seeds)
            suffix = tried[int(losses.argmin())]
            if step % 5 == 0 and draws.released(plain.head + plain.text(suffix)):
                break
        draws.seeds = [one + self.draws for one in draws.seeds]
        text = plain.head + plain.text(suffix)
        [reply] = smooth.target.ask([Prompt.user(text)])
        span = (len(plain.head), len(text))
        through = draws.released(text)
        return Attack(request, text, span, self.kind, seed, step, reply.text, through)

    @property
    def kind(self) -> str:
        """``"adaptive-gcg"``."""
        return "adaptive-gcg"

    def most_calls(self, questions: int) -> int:
        """The votes that it looks at, and the answer; its gradients are no calls."""
        return (self.steps // 5 + 1) * self.draws * questions + 1

    def widest(self, request: str, start: str = "") -> str:
        """The request with as many words as there are tokens, or the start where it is longer."""
        return f"{request} " + max(start, " ".join(["word"] * self.length), key=len)

    def _losses(
        self, target: LocalTarget, smooth: SmoothLLM, texts: Sequence[str], seeds: Sequence[int]
    ) -> Tensor:
        """(B,) of each text: the opening's loss, the mean over its copies or, where any refusal
        refuses, the worst of them; and that of the prompt itself, which is answered."""
        prompts, openings, worst = list[Prompt](), list[str](), list[bool]()
        sizes = []
        for text in texts:
            before = len(prompts)
            prompts.append(Prompt.user(text))
            openings.append(self.opening)
            for seed in seeds:
                copies, rule = _answered(smooth.defence.asks(Prompt.user(text), seed=seed))
                some = copies if rule.refuse_at == 1 else copies[: self.copies]
                prompts += some
                openings += ["No" if rule.reading is not None else self.opening] * len(some)
            worst.append(rule.refuse_at == 1)
            sizes.append(len(prompts) - before)
        values = torch.split(opening_losses(target, prompts, openings), sizes)
        return torch.stack(
            [
                one[0] + (one[1:].max() if any_ else one[1:].mean()) if len(one) > 1 else one[0]
                for one, any_ in zip(values, worst, strict=True)
            ]
        )


def _answered(asks: Asks) -> tuple[Sequence[Prompt], Rule]:
    """The first round that the target answers; nothing where it answers none."""
    rounds = (one for one in asks.rounds if one[0][0].wants == "answer")
    return next(rounds, ((), MAJORITY))


def _tokens(plain: OpeningLoss, start: str) -> Tensor | None:
    """A suffix to start from, where the tokenizer reads it back."""
    for text in (start, f" {start}") if start else ():
        ids = plain.target.tokenizer(text, add_special_tokens=False)["input_ids"]
        tokens = torch.tensor(ids, device=plain.model.device)
        if len(ids) and bool(plain.survive(tokens[None])):
            return tokens
    return None


def opening_losses(
    target: LocalTarget, prompts: Sequence[Prompt], openings: Sequence[str]
) -> Tensor:
    """(B,) the mean cross-entropy of each opening as the answer to its prompt."""
    rows = [
        (target.encode(prompt), target.tokenizer(opening, add_special_tokens=False)["input_ids"])
        for prompt, opening in zip(prompts, openings, strict=True)
    ]
    order = sorted(range(len(rows)), key=lambda i: sum(map(len, rows[i])))
    losses = torch.empty(len(rows), device=target.model.device)
    kept = target.kept()
    for start in range(0, len(order), target.batch):
        some = order[start : start + target.batch]
        of_some = [rows[i] for i in some]
        tails = [len(ids) + len(wished) - len(kept.ids) for ids, wished in of_some]
        alike = kept.packs and all(kept.begins(ids) for ids, _ in of_some)
        packed = alike and sum(tails) <= LONGEST
        losses[some] = (_packed_losses if packed else _losses)(target, of_some)
    return losses


@torch.no_grad()
def _packed_losses(target: LocalTarget, rows: Sequence[tuple[list[int], list[int]]]) -> Tensor:
    """What :func:`_losses` gives, of rows that share what the target keeps."""
    kept, sizes = target.kept(), [len(wished) for _, wished in rows]
    packed = Packed(target.model, kept.cache, len(kept.ids))
    tails = [[*ids[len(kept.ids) :], *wished[:-1]] for ids, wished in rows]
    wished = torch.tensor([t for _, some in rows for t in some], device=target.model.device)
    each = F.cross_entropy(packed.begin(tails, sizes).float(), wished, reduction="none")
    return torch.stack([one.mean() for one in torch.split(each, sizes)])


@torch.no_grad()
def _losses(target: LocalTarget, rows: Sequence[tuple[list[int], list[int]]]) -> Tensor:
    longest, device = max(len(ids) + len(wished) for ids, wished in rows), target.model.device
    tokens = torch.zeros(len(rows), longest, dtype=torch.int64, device=device)  # (B, T)
    mask, labels = torch.zeros_like(tokens), torch.full_like(tokens, -100)
    for row, (ids, wished) in enumerate(rows):
        whole = torch.tensor([*ids, *wished], device=device)
        tokens[row, longest - len(whole) :] = whole
        mask[row, longest - len(whole) :] = 1
        labels[row, longest - len(wished) :] = torch.tensor(wished, device=device)
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
    most = max(len(wished) for _, wished in rows) + 1
    out = target.model(
        input_ids=tokens,
        attention_mask=mask,
        position_ids=positions,
        **last_logits_only(target.model, most),
    )
    each = F.cross_entropy(
        out.logits[:, -most:-1].float().transpose(1, 2),
        labels[:, longest - most + 1 :],
        reduction="none",
        ignore_index=-100,
    )
    counts = torch.tensor([len(wished) for _, wished in rows], device=device)
    return each.sum(dim=1) / counts

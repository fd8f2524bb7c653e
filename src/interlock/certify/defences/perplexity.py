"""Refuse what no person would have written: text that the model finds very unlikely.

Suffixes that a search over tokens finds read as noise, and a language model says so (Alon and
Kamfonas, arXiv 2308.14132). One unlikely passage in a long plain text hardly moves the mean over
all of it, so the worst window counts (Jain et al., arXiv 2309.00614, section 4.1), wherever it
stands: neither plain text around a suffix nor the suffix over again makes it any likelier. A prompt
that is written as people write passes, whatever it asks for: this is a first stage, and no defence
against a plain request or a role-play.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from interlock.certify.defences.cascade import with_stages
from interlock.certify.defences.not_drawn import OneQuestion
from interlock.certify.judges.judge import Verdict
from interlock.certify.targets.protocol import Prompt, Target
from interlock.certify.targets.surprise import read_surprise
from interlock.certify.vote.asks import Asks, Defence, Rule
from interlock.errors import DataError, OptionError


@dataclass(frozen=True)
class Perplexity(OneQuestion):
    """Refuse where the mean surprise of any ``window`` neighbouring tokens is above a threshold.

    The messages of user and assistant are read as one text, those of the system are not. A text of
    fewer tokens is one window. What cannot be read, such as a text of one token or one that does
    not fit, counts against release.

    Raises:
        OptionError: neither threshold nor quantile, or a number outside its range.
    """

    threshold: float | None = None
    """Nats a token, >= 0; None where it is still to be fitted."""
    window: int = 16
    """Tokens, >= 1."""
    quantile: float | None = None
    """Of the benign prompts that it is, or was, fitted on, in (0, 1)."""

    def __post_init__(self) -> None:
        if self.threshold is None and self.quantile is None:
            raise OptionError(
                "perplexity: give quantile=0.95, which is fitted on benign prompts, or a threshold"
            )
        if self.threshold is not None and not 0 <= self.threshold < math.inf:
            raise OptionError(f"threshold={self.threshold}: give nats a token, 0 or more")
        if self.quantile is not None and not 0 < self.quantile < 1:
            raise OptionError(f"quantile={self.quantile}: give a share above 0 and below 1")
        if self.window < 1:
            raise OptionError(f"window={self.window}: give at least 1")

    @property
    def name(self) -> str:
        """``"perplexity"``."""
        return "perplexity"

    @property
    def identity(self) -> Mapping[str, Any]:
        """Name, and what is given."""
        given = {"threshold": self.threshold, "window": self.window, "quantile": self.quantile}
        return {"name": "perplexity"} | {k: v for k, v in given.items() if v is not None}

    def asks(self, prompt: Prompt, *, seed: int = 0) -> Asks:
        """The text, of which no answer is wanted."""
        text = "\n".join(m.content for m in prompt.messages if m.role != "system")
        asked = replace(Prompt.user(text), wants="surprise")
        return Asks.of([asked], Rule(refuse_at=1, reading=self.reads))

    def reads(self, answer: str) -> Verdict:
        """``REFUSED`` above the threshold, ``COMPLIED`` up to it, ``LOST`` without numbers."""
        nats = read_surprise(answer)
        if not nats or self.threshold is None:
            return Verdict.LOST
        calm = self.worst(nats) <= self.threshold
        return Verdict.COMPLIED if calm else Verdict.REFUSED

    def worst(self, nats: Sequence[float]) -> float:
        """The highest mean over ``window`` neighbours; over all where there are fewer."""
        width = min(self.window, len(nats))
        sums = [0.0, *accumulate(nats)]
        return max(sums[i + width] - sums[i] for i in range(len(nats) - width + 1)) / width


def fit_perplexity(defence: Defence, target: Target, benign: Sequence[str]) -> Defence:
    """The defence with each threshold that is missing set by benign prompts.

    It is the ceil((n + 1) quantile)-th smallest of their n values, so that a benign prompt drawn as
    they were is calm with at least that probability (split conformal prediction), rounded up to
    four digits.

    Args:
        defence: any; what holds no such stage, or has its threshold, comes back as it is.
        target: reads the prompts.
        benign: prompts, as users write them.

    Raises:
        DataError: there are too few prompts for the quantile, or too few that can be read; one that
            cannot counts as very unlikely.
    """
    return with_stages(defence, lambda stage: _fitted(stage, target, benign))


def _fitted(defence: Defence, target: Target, benign: Sequence[str]) -> Defence:
    if not isinstance(defence, Perplexity) or defence.threshold is not None:
        return defence
    assert defence.quantile is not None
    rank = math.ceil((len(benign) + 1) * defence.quantile - 1e-9)
    if rank > len(benign):
        least = math.ceil(defence.quantile / (1 - defence.quantile) - 1e-9)
        raise DataError(
            f"perplexity: quantile={defence.quantile} takes {least} benign prompts or more, and "
            f"there are {len(benign)}; give more, or a lower quantile"
        )
    asked = [defence.asks(Prompt.user(text))[0] for text in benign]
    replies = target.ask(asked)
    read = [read_surprise(reply.text) for reply in replies]
    value = sorted(defence.worst(nats) if nats else math.inf for nats in read)[rank - 1]
    if value == math.inf:
        why = next((reply.error for reply in replies if reply.lost), "no numbers came")
        raise DataError(
            f"perplexity: {sum(not nats for nats in read)} of {len(benign)} benign prompts cannot "
            f"be read ({why})"
        )
    return replace(defence, threshold=math.ceil(value * 1e4) / 1e4)

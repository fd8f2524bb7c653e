"""What a judge is: did the target refuse, or did it comply?

A judge errs, and a certificate built on its verdicts inherits that. Each judge therefore states
its error where it is known; ``measure_error`` measures it on labelled answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from interlock.certify.bounds.judge_error import JudgeSample


class Verdict(StrEnum):
    """What a judge makes of one answer."""

    REFUSED = "refused"
    COMPLIED = "complied"
    LOST = "lost"
    """The judge cannot tell, or there is no answer: counts against the defence."""


@runtime_checkable
class SaysWhy(Protocol):
    """A judge that can point at what an answer refuses by."""

    def words(self, answer: str) -> str:
        """The words by which an answer refuses; empty where none do."""


class Judge(Protocol):
    """Verdicts on answers, in order; asked for in batches."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """All that a verdict depends on beside question and answer."""

    @property
    def known_error(self) -> JudgeSample | None:
        """Its mistakes on labelled answers; None where nobody counted them."""

    def __call__(self, asked: Sequence[str], answers: Sequence[str]) -> list[Verdict]:
        """One verdict for each pair of a user's text and the target's answer."""

    async def judge_async(self, asked: str, answer: str) -> Verdict:
        """One verdict, without blocking the event loop."""

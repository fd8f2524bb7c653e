"""A majority of random copies: the same change drawn anew for each of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from interlock.certify.targets.protocol import Message, Prompt
from interlock.certify.vote.asks import MAJORITY, Asks
from interlock.certify.vote.perturb import sampling_seed
from interlock.errors import OptionError


class Change(Protocol):
    """A random change of a text, such as :class:`~interlock.certify.Perturbation`."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """All that it depends on beside text and seed, in plain values; ``name`` among them."""

    @property
    def rate(self) -> float:
        """Share of what a text is made of that is changed."""

    def copies(self, text: str, copies: int, *, seed: int) -> list[str]:
        """Changed copies; copy j depends on (seed, text, j) alone."""

    def copies_of(self, characters: Sequence[str], copies: int, *, seed: int) -> list[list[str]]:
        """The same of a text that is split already; each character keeps its place."""

    def copy_of(self, characters: Sequence[str], index: int, *, seed: int) -> list[str]:
        """One copy of them, by its number."""

    def changes(self, characters: Sequence[str]) -> int:
        """How many parts of a text are drawn to be changed; 0: every copy is the text."""

    def alters(self, characters: Sequence[str]) -> bool:
        """Whether every copy is sure to be another text."""


@dataclass(frozen=True)
class RandomCopies:
    """N copies of a prompt with each message of the user changed; half of them refuse.

    Raises:
        OptionError: fewer than one copy.
    """

    change: Change
    """Of each message of the user; all other messages stay as they are."""
    copies: int = 11
    """N >= 1."""

    def __post_init__(self) -> None:
        if self.copies < 1:
            raise OptionError(f"copies={self.copies}: give at least 1")

    @property
    def name(self) -> str:
        """``"smooth"`` or ``"drop"``."""
        return str(self.change.identity["name"])

    @property
    def identity(self) -> Mapping[str, Any]:
        """The change, and N."""
        return {**self.change.identity, "copies": self.copies}

    @property
    def most(self) -> int:
        """N."""
        return self.copies

    def asks(self, prompt: Prompt, *, seed: int = 0) -> Asks:
        """The N copies of a prompt.

        A target that samples is asked with a seed of each copy's own, a hash of both seeds, the
        chat and the copy's number, so that no two prompts share the sampling's noise.
        """
        columns = []
        for number, message in enumerate(prompt.messages):
            texts = [message.content] * self.copies
            if message.role == "user":
                texts = self.change.copies(message.content, self.copies, seed=seed + number)
            columns.append([Message(message.role, text) for text in texts])
        chat = json.dumps([prompt.seed, prompt.as_chat()])
        copies = [
            Prompt(tuple(row), sampling_seed(chat, seed, j))
            for j, row in enumerate(zip(*columns, strict=True))
        ]
        return Asks.of(copies, MAJORITY)

"""What the certificate machinery asks of a language model, and what it gets back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from interlock.errors import OptionError

Finish = Literal["stop", "length", "blocked", "lost"]
Span = tuple[int, int]
Wants = Literal["answer", "surprise", "class"]
"""What is asked of a prompt. ``"surprise"``: how unlikely each token of its text is, see
:mod:`interlock.certify.targets.surprise`. ``"class"``: the answer of the classifier beside the
target, see :class:`~interlock.certify.targets.classified.ClassifiedTarget`."""
Identity = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True)
class Message:
    """One turn of a chat."""

    role: str
    """``"system"``, ``"user"`` or ``"assistant"``."""
    content: str
    """The text, as written."""


@dataclass(frozen=True)
class Prompt:
    """One question to a target: a chat, and the seed of the sampling where there is any."""

    messages: tuple[Message, ...]
    """The chat, oldest message first; at least one."""
    seed: int = 0
    """Of the target's sampling; a greedy target ignores it."""
    wants: Wants = "answer"
    """An answer, or what a defence wants to know about the text before."""

    def __post_init__(self) -> None:
        if not self.messages:
            raise OptionError("a prompt needs at least one message")

    @classmethod
    def user(cls, text: str, *, system: str | None = None, seed: int = 0) -> Prompt:
        """A single user message, after a system message where one is given."""
        head = (Message("system", system),) if system is not None else ()
        return cls((*head, Message("user", text)), seed)

    @property
    def text(self) -> str:
        """The last message of the user; empty when there is none."""
        return next((m.content for m in reversed(self.messages) if m.role == "user"), "")

    def as_chat(self) -> list[dict[str, str]]:
        """Plain dictionaries, as chat templates and HTTP endpoints take them."""
        return [{"role": m.role, "content": m.content} for m in self.messages]


@dataclass(frozen=True)
class Reply:
    """A target's answer, or why there is none."""

    text: str
    """The answer; empty when it was lost or blocked."""
    finish: Finish = "stop"
    """``"length"``: cut off at the token limit. ``"blocked"``: the provider's own filter refused.
    ``"lost"``: no usable answer came."""
    error: str | None = None
    """One line on why the answer was lost."""
    prompt_tokens: int = 0
    """Tokens read, as the target counts them; 0 where it does not say."""
    completion_tokens: int = 0
    """Tokens written, likewise."""

    @property
    def lost(self) -> bool:
        """Whether no usable answer came. Such a copy always counts against the defence."""
        return self.finish == "lost"

    @classmethod
    def failed(cls, error: str) -> Reply:
        """A lost reply; ``error`` is cut to one line."""
        lines = error.strip().splitlines() or ["unknown failure"]
        return cls("", "lost", lines[0][:300])


OnReply = Callable[[int, Reply], None]
"""Told each reply as it comes, with the number of its prompt."""


@runtime_checkable
class Target(Protocol):
    """A language model behind a chat interface.

    A failed call is a lost :class:`Reply`, not an exception, so that one bad copy does not take
    its neighbours along. Raised are only errors that every call would meet: no such model, no
    key, a wrong address.
    """

    @property
    def identity(self) -> Identity:
        """All that an answer depends on beside the prompt; two equal identities answer alike."""

    def ask(self, prompts: Sequence[Prompt], *, on_reply: OnReply | None = None) -> list[Reply]:
        """Answer each prompt, in order; a reply does not depend on its neighbours."""

    async def ask_async(self, prompt: Prompt) -> Reply:
        """Answer one prompt without blocking the event loop; cancelling stops the call."""


def is_call(target: object, prompt: Prompt) -> bool:
    """Whether asking it is a call: reading a text in this process, without an answer, is none.

    A target names in ``free`` what it does so.
    """
    return prompt.wants not in getattr(model_behind(target), "free", ())


def model_behind(target: Any) -> Any:
    """What is asked in the end, behind a store of calls and a budget."""
    while (behind := getattr(target, "target", None)) is not None:
        target = behind
    return target

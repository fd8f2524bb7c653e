"""What an OpenAI-compatible endpoint sends back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from interlock.certify.targets.protocol import Reply

_WITHHELD = frozenset(
    {"content_filter", "responsibleaipolicyviolation", "content_policy_violation"}
)


def parse_completion(body: bytes) -> Reply:
    """The first choice of a chat completion.

    Raises:
        ValueError: the body is no completion, or holds an empty answer.
    """
    try:
        data: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    try:
        choice = data["choices"][0]
        message = choice["message"]
        content = message.get("content")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise ValueError("no choices[0].message") from None
    content = text_of(content) if isinstance(content, list | dict) else content
    text = content if isinstance(content, str) and content.strip() else ""
    return reply_of(text, message.get("refusal"), choice.get("finish_reason"), data.get("usage"))


def text_of(parts: Sequence[Any] | Mapping[str, Any]) -> str:
    """The text of an answer whose content is a list of parts, or one part."""
    parts = [parts] if isinstance(parts, Mapping) else parts
    texts = (part.get("text") if isinstance(part, Mapping) else part for part in parts)
    return "".join(text for text in texts if isinstance(text, str))


def withheld(body: bytes) -> bool:
    """Whether an error says that the provider's own filter withheld the prompt."""
    try:
        error = json.loads(body)["error"]
        words = [error.get("code"), error.get("type")]
        words += [(error.get("innererror") or {}).get("code")]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return False
    return not {str(word).lower() for word in words}.isdisjoint(_WITHHELD)


def reply_of(text: str, refusal: object, finish: object, usage: object) -> Reply:
    """A choice as a reply.

    An answer that the provider withheld (``content_filter``, or its ``refusal`` field) is blocked.

    Raises:
        ValueError: the answer is empty.
    """
    spent = usage if isinstance(usage, Mapping) else {}
    read, written = _count(spent.get("prompt_tokens")), _count(spent.get("completion_tokens"))
    if finish == "content_filter" or refusal:
        return Reply(refusal if isinstance(refusal, str) else "", "blocked", None, read, written)
    if not text:
        raise ValueError("an empty answer")
    return Reply(text, "length" if finish == "length" else "stop", None, read, written)


def their_sentence(body: bytes) -> str:
    """What an answer other than 200 says, in one line of at most 200 characters; may be empty.

    Servers put it into ``error.message``, ``error``, ``message`` or ``detail``, or send plain text.
    """
    try:
        said: Any = json.loads(body)
    except (ValueError, RecursionError):
        said = body.decode("utf-8", "replace")
        said = "" if said.lstrip().startswith(("<", "{", "[")) else said
    for _ in range(4):
        if isinstance(said, list):
            said = said[0] if said else ""
        if isinstance(said, Mapping):
            names = ("error", "message", "detail", "msg")
            said = next((said[name] for name in names if said.get(name)), "")
    text = said if isinstance(said, str) else ""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text[:2000]).split())
    return plain if len(plain) <= 200 else f"{plain[:197]}..."


def wait_asked_for(headers: Mapping[str, str]) -> float | None:
    """Seconds that ``retry-after-ms`` or ``retry-after`` (a number or a date) ask for, >= 0."""
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            seconds = float(value) * unit
        except ValueError:
            try:
                when = parsedate_to_datetime(value)
            except ValueError:
                continue
            if when.tzinfo is None:
                when = when.replace(tzinfo=UTC)
            seconds = (when - datetime.now(UTC)).total_seconds()
        if math.isfinite(seconds):
            return max(0.0, seconds)
    return None


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0

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
    | {"data_inspection_failed", "moderation_blocked", "invalid_prompt", "content_filter_error"}
)
"""Codes of errors that say so: OpenAI's, Azure's, Alibaba's."""
_ENDS: Mapping[str, frozenset[str]] = {
    "length": frozenset({"max_tokens", "max_output_tokens", "model_length", "token_limit"}),
    "tool_calls": frozenset({"tool_call", "tool_use"}),
    "content_filter": frozenset(
        {"safety", "recitation", "blocklist", "prohibited_content", "spii", "image_safety"}
        | {"refusal", "sensitive", "content_filtered", "guardrail_intervened", "error_toxic"}
    ),
}
"""OpenAI's reasons, and what Gemini, Anthropic, Mistral, Cohere and others call them."""
_NO_END = frozenset({"", "null", "none"})
_BROKEN = frozenset(
    {"error", "abort", "aborted", "cancelled", "canceled", "network_error"}
    | {"insufficient_system_resource", "malformed_function_call", "other_error"}
)
_OWN = frozenset({*_ENDS, "stop", "function_call"})


def finish_of(said: object) -> str | None:
    """OpenAI's word for why an answer ended; None where it has not.

    A reason that nobody knows is an end like any other.

    Raises:
        ValueError: it did not come to its end.
    """
    word = str(said).strip().lower() if said is not None else ""
    word = word.partition(":")[0].strip()  # "content_filter: SAFETY"
    if word in _NO_END:
        return None
    if word in _BROKEN:
        raise ValueError(f"the answer was broken off ({word})")
    if word in _OWN:
        return word
    return next((reason for reason, words in _ENDS.items() if word in words), "stop")


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
    finish = finish_of("error" if choice.get("error") else choice.get("finish_reason"))
    return reply_of(text, message.get("refusal"), finish, data.get("usage"))


def text_of(parts: Sequence[Any] | Mapping[str, Any]) -> str:
    """The text of an answer whose content is a list of parts, or one part."""
    parts = [parts] if isinstance(parts, Mapping) else parts
    texts = (part.get("text") if isinstance(part, Mapping) else part for part in parts)
    return "".join(text for text in texts if isinstance(text, str))


def withheld(body: bytes) -> bool:
    """Whether an error says that the provider's own filter withheld the prompt."""
    try:
        return says_withheld(json.loads(body))
    except (ValueError, RecursionError):
        return False


def says_withheld(data: object) -> bool:
    """Likewise, of an error that is parsed already."""
    error = data.get("error") if isinstance(data, Mapping) else None
    if not isinstance(error, Mapping):
        return False
    inner, more = error.get("innererror"), error.get("metadata")
    words = [error.get("code"), error.get("type")]
    words += [inner.get("code")] if isinstance(inner, Mapping) else []
    flagged = isinstance(more, Mapping) and "flagged_input" in more  # OpenRouter's moderation
    return flagged or not {str(word).lower() for word in words}.isdisjoint(_WITHHELD)


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
            except (ValueError, OverflowError):
                continue
            if when.tzinfo is None:
                when = when.replace(tzinfo=UTC)
            seconds = (when - datetime.now(UTC)).total_seconds()
        if math.isfinite(seconds):
            return max(0.0, seconds)
    return None


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0

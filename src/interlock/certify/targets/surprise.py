"""How unlikely a text is to a language model, token by token.

A target that is asked for it (``Prompt.wants``) replies with a JSON list: minus the natural
logarithm of each token's probability given those before it. It reads the last message of the user
as a plain text, not as a chat: so a model in this process and one behind an address say the same.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from interlock.certify.targets.protocol import Prompt, Reply

MOST = 60.0
"""Nats that a token counts at most; a server may say that it is impossible."""


def surprise_reply(nats: Sequence[float], *, read: int = 0, written: int = 0) -> Reply:
    """The numbers as a reply; lost where there are none, for a text of a single token."""
    kept = [round(min(max(float(one), 0.0), MOST), 4) for one in nats if not math.isnan(one)]
    if not kept:
        return Reply.failed("too short a text to say how unlikely it is")
    return Reply(json.dumps(kept), prompt_tokens=read, completion_tokens=written)


def read_surprise(text: str) -> list[float]:
    """The numbers of a reply; none where it is no such reply."""
    try:
        nats = json.loads(text)
    except (ValueError, RecursionError):
        return []
    numbers = isinstance(nats, list) and all(type(one) in (int, float) for one in nats)
    return [float(one) for one in nats] if numbers else []


def echo_body(model: str, prompt: Prompt) -> dict[str, Any]:
    """What ``POST /v1/completions`` is asked: the text again, with its tokens' probabilities.

    One token is written, which some servers insist on; it does not count.
    """
    asked = {"prompt": prompt.text, "max_tokens": 1, "temperature": 0, "echo": True, "logprobs": 1}
    return {"model": model, **asked}


def read_echo(data: Any, text: str) -> Reply:
    """What it answers.

    Raises:
        ValueError: it does not hold the text and each token's place and probability.
    """
    try:
        choice = data["choices"][0]
        said = choice["logprobs"]
        logs, places = said["token_logprobs"], said["text_offset"]
        echoed = str(choice["text"]).startswith(text) and len(logs) == len(places)
        own = [log for log, place in zip(logs, places, strict=False) if place < len(text)]
        nats = [-float(log) for log in own if log is not None]
    except (KeyError, IndexError, TypeError, ValueError):
        echoed, nats = False, []
    if not echoed:
        raise ValueError("no echo of the prompt with its tokens' probabilities")
    usage = data.get("usage")
    counts = usage if isinstance(usage, Mapping) else {}
    read, written = counts.get("prompt_tokens"), counts.get("completion_tokens")
    return surprise_reply(
        nats,
        read=read if isinstance(read, int) else 0,
        written=written if isinstance(written, int) else 0,
    )

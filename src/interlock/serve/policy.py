"""Whether a chat request is one for this guard: its limits and its policy."""

from __future__ import annotations

from interlock.serve.chat import ChatRequest
from interlock.serve.deployment import Deployment
from interlock.serve.settings import GuardConfig
from interlock.serve.wire_error import WireError, bad_request


def check(request: ChatRequest, config: GuardConfig, deployment: Deployment) -> None:
    """Pass a request that may be voted on.

    Raises:
        WireError: it may not, and why.
    """
    served, limits = deployment.model, config.limits
    if served is not None and request.model != served:
        raise WireError(404, f"this guard serves {served!r} only", "model_not_found", param="model")
    if request.messages > limits.messages:
        raise bad_request(f"at most {limits.messages} messages", "messages", "too_long")
    if request.characters > limits.user_characters:
        raise bad_request(
            f"at most {limits.user_characters} characters of the user", "messages", "too_long"
        )
    most = deployment.rules.copies // 2 + 1
    if request.n > most:
        raise bad_request(
            f"at most {most}: each answer is another call, and no more than a vote takes", "n"
        )
    if not request.characters:
        raise bad_request("there is no text to guard", "messages", "nothing_to_guard")

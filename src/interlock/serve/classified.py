"""An upstream with a classifier beside it, which a first stage of a defence asks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from interlock.serve.completion import Completion
from interlock.serve.upstream import Call, LostError, OnText, Upstream
from interlock.serve.wire_error import WireError


class ClassifiedUpstream:
    """Pass on to each what is for it.

    Args:
        upstream: answers.
        classifier: asked what a text is. Whatever it does not answer is lost: a vote against, and
            no fault of the request.
    """

    def __init__(self, upstream: Upstream, classifier: Upstream) -> None:
        self.name, self._upstream, self._classifier = upstream.name, upstream, classifier

    async def ask(self, call: Call, on_text: OnText) -> Completion:
        """See :class:`~interlock.serve.upstream.Upstream`."""
        if call.wants != "class":
            return await self._upstream.ask(call, on_text)
        try:
            return await self._classifier.ask(replace(call, wants="answer"), on_text)
        except WireError as error:
            raise LostError(f"the classifier: {error}") from None

    async def models(self) -> list[dict[str, Any]]:
        """Those of the upstream."""
        return await self._upstream.models()

    async def aclose(self) -> None:
        """Close both."""
        await self._upstream.aclose()
        await self._classifier.aclose()

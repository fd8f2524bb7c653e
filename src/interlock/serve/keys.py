"""Who may ask: static keys, compared so that the time taken tells nothing."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from hashlib import sha256

from interlock.serve.wire_error import WireError


def key_of(headers: Mapping[str, str]) -> str | None:
    """The ``authorization`` of a request, or its ``x-api-key`` as one."""
    key = headers.get("x-api-key")
    return headers.get("authorization") or (f"Bearer {key}" if key else None)


class KeyRing:
    """The keys of a guard; without any, everybody may ask.

    Only hashes are kept. Every request is compared with every key, whichever matches.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._hashes = tuple(sha256(key.encode()).digest() for key in keys)

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def knows(self, authorization: str | None) -> bool:
        """Whether an ``Authorization: Bearer KEY`` header carries one of the keys."""
        scheme, _, key = (authorization or "").partition(" ")
        digest = sha256(key.strip().encode("utf-8", "surrogatepass")).digest()
        matches = [hmac.compare_digest(digest, known) for known in self._hashes]
        return scheme.lower() == "bearer" and any(matches)

    def name(self, authorization: str | None) -> str | None:
        """A short hash of a request's key; None where it carries none of them."""
        if not (self and self.knows(authorization)):
            return None
        return sha256((authorization or "").partition(" ")[2].strip().encode()).hexdigest()[:16]

    def check(self, authorization: str | None) -> None:
        """Let a request through.

        Raises:
            WireError: 401, where keys are asked for and none of them came.
        """
        if self and not self.knows(authorization):
            raise WireError(
                401,
                "give one of the guard's keys as 'Authorization: Bearer KEY' or 'x-api-key: KEY'",
                "invalid_api_key",
            )

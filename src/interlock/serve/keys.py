"""Who may ask: static keys, compared so that the time taken tells nothing."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from interlock.serve.channels import Policies
from interlock.serve.wire_error import WireError

_HASH = re.compile(r"sha256:([0-9a-f]{32,}):([0-9a-f]{64})")


@dataclass(frozen=True)
class Client:
    """Who asks: the holder of a key, an admin, or anybody where there are no keys."""

    name: str | None = None
    """Of his key; None where there are no keys."""
    requests: int | None = None
    """A minute; None: as ``limits.requests_per_minute`` says."""
    tokens: int | None = None
    """A minute; None: as ``limits.tokens_per_minute`` says."""
    policy: Policies | None = None
    """For his requests; None: the guard's."""
    admin: bool = False
    """Whether no quota or pause is for him."""


ANYBODY, ADMIN = Client(), Client("admin", admin=True)


@dataclass(frozen=True)
class KeyHash:
    """What is kept of a key: HMAC-SHA256 under a salt. Enough for keys drawn at random."""

    salt: bytes
    digest: bytes

    @classmethod
    def of(cls, key: str, salt: bytes) -> KeyHash:
        """Of a key."""
        return cls(salt, hmac.digest(salt, key.encode("utf-8", "surrogatepass"), "sha256"))

    @classmethod
    def read(cls, text: str) -> KeyHash:
        """From ``sha256:SALT:DIGEST``, both in hexadecimal.

        Raises:
            ValueError: the text is none.
        """
        match = _HASH.fullmatch(text)
        if match is None or len(match[1]) % 2:
            raise ValueError(
                "no hash of a key; 'interlock guard key' makes one: sha256:SALT:DIGEST"
            )
        return cls(bytes.fromhex(match[1]), bytes.fromhex(match[2]))

    def __str__(self) -> str:
        return f"sha256:{self.salt.hex()}:{self.digest.hex()}"


def key_of(headers: Mapping[str, str]) -> str | None:
    """The ``authorization`` of a request, or its ``x-api-key`` as one."""
    key = headers.get("x-api-key")
    return headers.get("authorization") or (f"Bearer {key}" if key else None)


class KeyRing:
    """The keys of a guard; without any, everybody may ask.

    Only hashes are kept. Every request is compared with every key, whichever matches.

    Args:
        keys: without a name; they get one that follows from key and salt.
        named: the hashes of each client's keys.
        salt: for the hashes and names of ``keys``; a random one where absent.
    """

    def __init__(
        self,
        keys: Sequence[str] = (),
        named: Mapping[Client, Sequence[KeyHash]] | None = None,
        salt: bytes | None = None,
    ) -> None:
        salt = salt or secrets.token_bytes(16)
        own = [(hashed, client) for client, each in (named or {}).items() for hashed in each]
        self._known = (*own, *((KeyHash.of(key, salt), _unnamed(key, salt)) for key in keys))

    def __bool__(self) -> bool:
        return bool(self._known)

    def take_over(self, other: KeyRing) -> None:
        """Hold another ring's keys instead of the own."""
        self._known = other._known

    def knows(self, authorization: str | None) -> bool:
        """Whether an ``Authorization: Bearer KEY`` header carries one of the keys."""
        return self._client(authorization) is not None

    def client(self, authorization: str | None) -> Client:
        """Whose key a request carries; anybody where there are no keys.

        Raises:
            WireError: 401, where keys are asked for and none of them came.
        """
        if not self:
            return ANYBODY
        client = self._client(authorization)
        if client is None:
            raise WireError(
                401,
                "give one of the guard's keys as 'Authorization: Bearer KEY' or 'x-api-key: KEY'",
                "invalid_api_key",
            )
        return client

    def check(self, authorization: str | None) -> None:
        """Let a request through.

        Raises:
            WireError: as :meth:`client`.
        """
        self.client(authorization)

    def _client(self, authorization: str | None) -> Client | None:
        scheme, _, key = (authorization or "").partition(" ")
        plain = key.strip()
        salts = {known.salt for known, _ in self._known}
        given = {salt: KeyHash.of(plain, salt).digest for salt in salts}
        matches = [
            (hmac.compare_digest(given[known.salt], known.digest), client)
            for known, client in self._known
        ]
        if scheme.lower() != "bearer":
            return None
        return next((client for matched, client in matches if matched), None)


def _unnamed(key: str, salt: bytes) -> Client:
    name = hmac.digest(salt, f"name/{key}".encode("utf-8", "surrogatepass"), "sha256")
    return Client(f"unnamed-{name[:6].hex()}")

"""How much each key may ask for: requests and tokens a minute.

A quota is a bucket that holds one minute's worth and fills evenly. A request takes one, and sets
aside the tokens that it is likely to cost; what it cost beyond, or less, is settled when it is
over, be it answered or not. So a bucket may owe, and nothing is let through before that is made up
for: over a long time no key gets more than its quota, whatever its requests turn out to cost, over
how many connections they come, and how often settings are read again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import floor
from typing import Literal

from interlock.serve.keys import Client
from interlock.serve.wire_error import WireError

Kind = Literal["requests", "tokens"]
_MINUTE = 60.0
_ROUNDING = 1e-6  # of a bucket that fills while it is read


class QuotaError(WireError):
    """429: a key has asked for all it may, for now."""

    def __init__(self, kind: Kind, most: int, wait: float, limits: Mapping[str, str]) -> None:
        said = f"this key may use {most} {kind} a minute; wait"
        super().__init__(429, said, "rate_limit_exceeded", retry_after=wait)
        self._limits = limits

    @property
    def headers(self) -> Mapping[str, str]:
        """``retry-after``, and how much is left of what."""
        return {**super().headers, **self._limits}


@dataclass
class _Bucket:
    most: int
    level: float
    at: float

    def fill(self, now: float) -> None:
        self.level = min(self.most, self.level + self.most / _MINUTE * (now - self.at))
        self.at = now

    def wait(self, need: float) -> float:
        return max(0.0, need - self.level) * _MINUTE / self.most


class Quotas:
    """The buckets of all keys, by name.

    Args:
        requests: a minute, for keys that have no quota of their own; None for no limit.
        tokens: likewise.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        requests: int | None = None,
        tokens: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.requests, self.tokens = requests, tokens
        self._clock = clock
        self._buckets: dict[tuple[str | None, Kind], _Bucket] = {}

    def admit(self, client: Client) -> Lease:
        """Count one request.

        Raises:
            QuotaError: there is none left, or tokens are owed.
        """
        lease = Lease(client, self._of(client, "requests"), self._of(client, "tokens"), self._clock)
        lease.take()
        return lease

    def _of(self, client: Client, kind: Kind) -> _Bucket | None:
        own = client.requests if kind == "requests" else client.tokens
        most = own or (self.requests if kind == "requests" else self.tokens)
        if client.admin or most is None:
            return None
        now = self._clock()
        bucket = self._buckets.setdefault((client.name, kind), _Bucket(most, most, now))
        bucket.fill(now)  # at the old rate until now
        bucket.most, bucket.level = most, min(bucket.level, most)
        return bucket


class Lease:
    """One request's share of its key's quota."""

    def __init__(
        self,
        client: Client,
        requests: _Bucket | None,
        tokens: _Bucket | None,
        clock: Callable[[], float],
    ) -> None:
        self.client, self._requests, self._tokens, self._clock = client, requests, tokens, clock
        self._aside = 0.0

    def take(self) -> None:
        """One request, where one is left and no tokens are owed.

        Raises:
            QuotaError: there is none.
        """
        self._need("requests", self._requests, 1.0)
        self._need("tokens", self._tokens, 1.0)
        if self._requests is not None:
            self._requests.level -= 1.0

    def reserve(self, cost: Callable[[], int]) -> None:
        """Set aside what the request is likely to cost; a full bucket is enough for any.

        Args:
            cost: in tokens, asked for where there is a quota of them.

        Raises:
            QuotaError: so much is not left.
        """
        if self._tokens is not None:
            tokens = min(cost(), self._tokens.most)
            self._need("tokens", self._tokens, tokens)
            self._tokens.level -= tokens
            self._aside = tokens

    def settle(self, tokens: float) -> None:
        """Count what the request did cost."""
        if self._tokens is not None:
            self._tokens.fill(self._clock())
            self._tokens.level = min(self._tokens.most, self._tokens.level + self._aside - tokens)
            self._aside = 0.0

    @property
    def headers(self) -> dict[str, str]:
        """How much there is, is left, and when all of it will be, by OpenAI's names."""
        said = {}
        for kind, bucket in (("requests", self._requests), ("tokens", self._tokens)):
            if bucket is not None:
                bucket.fill(self._clock())
                said[f"x-ratelimit-limit-{kind}"] = str(bucket.most)
                said[f"x-ratelimit-remaining-{kind}"] = str(max(0, floor(bucket.level)))
                said[f"x-ratelimit-reset-{kind}"] = _span(bucket.wait(bucket.most))
        return said

    def _need(self, kind: Kind, bucket: _Bucket | None, count: float) -> None:
        if bucket is None:
            return
        bucket.fill(self._clock())
        if bucket.level < count - _ROUNDING:
            raise QuotaError(kind, bucket.most, bucket.wait(count), self.headers)


def _span(seconds: float) -> str:
    """As OpenAI writes it: ``6m0s``, ``1.5s``, ``20ms``."""
    if seconds < 1:
        return f"{1000 * seconds:.0f}ms"
    minutes, left = divmod(round(seconds, 3), 60)
    return (f"{minutes:.0f}m" if minutes else "") + f"{left:g}s"

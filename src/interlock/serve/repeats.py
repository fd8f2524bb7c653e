"""A prompt that comes again: the same copies, and the same verdict where it was refused.

An attacker who may ask the same prompt again and again gets through as soon as one draw of copies
falls his way. So the copies of a prompt follow from a key that nobody is told and from the prompt
itself, without case, blanks and the cut into messages; a refusal is remembered; and a key whose
requests are refused again and again has to wait.
"""

from __future__ import annotations

import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256

from interlock.certify import Prompt, Reply
from interlock.serve.chat import ChatRequest
from interlock.serve.vote import Ballot
from interlock.serve.wire_error import WireError

MOST = 100_000
"""Refusals remembered, and keys watched; beyond it the oldest is forgotten."""
_LONGEST = 3600.0  # seconds of one pause


class Repeats:
    """What follows from a prompt and a secret.

    Args:
        secret: nobody else's; guards with the same one draw the same copies.
        seconds: for which a refusal is remembered.
        clock: seconds that only grow.
    """

    def __init__(
        self, secret: bytes, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._secret, self._seconds, self._clock = secret, seconds, clock
        self._refused: OrderedDict[bytes, tuple[float, Ballot]] = OrderedDict()

    def seed(self, request: ChatRequest) -> int:
        """Of the request's copies: 48 bits, equal for prompts that are alike."""
        return int.from_bytes(self._key(request)[:6], "big")

    def share(self, request: ChatRequest) -> float:
        """Where in [0, 1) a prompt falls that is voted on by chance: nobody can choose it, and all
        that are alike fall there."""
        drawn = hmac.digest(self._key(request), b"share", "sha256")
        return int.from_bytes(drawn[:6], "big") / 2**48

    def known(self, request: ChatRequest) -> Ballot | None:
        """The refusal of a prompt like this one, without calls; None where there is none."""
        key = self._key(request)
        until, ballot = self._refused.get(key, (0.0, None))
        if ballot is not None and self._clock() >= until:
            del self._refused[key]
            return None
        return ballot

    def remember(self, request: ChatRequest, ballot: Ballot) -> None:
        """Keep a refusal; anything else is decided anew when it comes again."""
        if ballot.outcome != "blocked":
            return
        votes = tuple(
            replace(vote, prompt=_NOTHING, reply=Reply("", "blocked"), calls=0)
            for vote in ballot.decision.votes
        )
        decision = replace(ballot.decision, votes=votes, calls=0, cancelled=0, original=None)
        again = replace(ballot, decision=decision, usages=(), uncounted=0, cut=0, repeated=True)
        self._refused[self._key(request)] = self._clock() + self._seconds, again
        while len(self._refused) > MOST:
            self._refused.popitem(last=False)

    def _key(self, request: ChatRequest) -> bytes:
        words = f"{request.model}\0{request.likeness}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._secret, words, "sha256")


_NOTHING = Prompt.user("")


def secret_of(word: str, seed: int | None, fresh: bytes) -> bytes:
    """The key of the copies.

    Args:
        word: the operator's secret; empty for none.
        seed: tells deployments with the same secret apart; by itself it is no secret.
        fresh: random bytes, where there is no word.
    """
    base = sha256(word.encode()).digest() if word else fresh
    return hmac.digest(base, f"copies/{seed}".encode(), "sha256")


def salt_of(word: str, fresh: bytes) -> bytes:
    """Of what the ledger keeps of prompts, and of the names of keys that have none.

    Args:
        word: the operator's secret; empty for none.
        fresh: random bytes, where there is no word.
    """
    base = sha256(word.encode()).digest() if word else fresh
    return hmac.digest(base, b"ledger", "sha256")


class Backoff:
    """Pauses for keys that are refused again and again.

    Each refusal counts one, each answer takes one away. From ``refusals`` on each further refusal
    is followed by a pause, twice as long as the one before.

    Args:
        refusals: without a pause, >= 1.
        pause: seconds of the first one.
        clock: seconds that only grow.
    """

    def __init__(
        self, refusals: int, pause: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.most, self.pause, self._clock = refusals, pause, clock
        self._state: OrderedDict[str, tuple[int, float]] = OrderedDict()  # count, pause's end

    def check(self, who: str | None) -> None:
        """Let a request through.

        Raises:
            WireError: 429, during a pause.
        """
        left = self._state.get(who or "", (0, 0.0))[1] - self._clock()
        if left > 0:
            raise WireError(
                429,
                "too many requests with this key were refused; wait",
                "refused_too_often",
                retry_after=left,
            )

    def note(self, who: str | None, outcome: str) -> None:
        """Count a decision; nobody's are not counted."""
        step: Mapping[str, int] = {"blocked": 1, "filtered": 1, "released": -1}
        if who is None or outcome not in step:
            return
        count = max(0, self._state.pop(who, (0, 0.0))[0] + step[outcome])
        beyond, end = count - self.most, 0.0
        if beyond >= 0 and step[outcome] > 0:
            end = self._clock() + min(_LONGEST, self.pause * 2.0 ** min(beyond, 30))
        if count:
            self._state[who] = min(count, self.most + 12), end
        while len(self._state) > MOST:
            self._state.popitem(last=False)

"""Errors as an OpenAI client expects them: a status, and one JSON object that says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

from interlock.errors import InterlockError

_LONGEST = 86400.0
"""Seconds that a client is told to wait at most; an upstream's clock or unit may be wrong."""
NO_RETRY = {"x-should-retry": "false"}


class WireError(InterlockError):
    """An error that is answered to the client.

    Args:
        status: of the HTTP answer.
        message: for the reader; never holds a key or text of an answer that was held back.
        code: for programs.
        param: the field of the request that it is about.
        kind: OpenAI's ``type``; follows from the status when absent.
        retry_after: seconds to wait, for errors that pass; None tells the client not to retry.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        *,
        param: str | None = None,
        kind: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param
        self.kind = kind or _kind(status)
        self.retry_after = retry_after

    @property
    def body(self) -> dict[str, Any]:
        """The JSON answer."""
        error = {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        }
        return {"error": error}

    @property
    def headers(self) -> Mapping[str, str]:
        """``retry-after`` where waiting helps, else the word that it does not."""
        if self.retry_after is None:
            return NO_RETRY
        return {"retry-after": str(max(1, ceil(min(self.retry_after, _LONGEST))))}

    @property
    def said(self) -> Mapping[str, str]:
        """What every answer's headers say: ``rejected`` where the client erred, or ``failed``."""
        outcome = "failed" if self.status >= 500 else "rejected"
        return {"x-interlock-outcome": outcome, "x-interlock-certificate-applies": "false"}


class UpstreamRefusedError(WireError):
    """The upstream says that the request itself is wrong; its own words are passed on."""

    def __init__(self, status: int, error: Mapping[str, Any]) -> None:
        super().__init__(status, str(error.get("message", f"the upstream answered {status}")))
        self._error = dict(error)

    @property
    def body(self) -> dict[str, Any]:
        """The upstream's ``error`` object."""
        return {"error": self._error}


def bad_request(message: str, param: str | None = None, code: str | None = None) -> WireError:
    """A 400 that no retry will cure."""
    return WireError(400, message, code or "invalid_request", param=param)


def _kind(status: int) -> str:
    kinds = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
    return kinds.get(status, "invalid_request_error" if status < 500 else "server_error")

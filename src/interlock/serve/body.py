"""The body of a request, bounded."""

from __future__ import annotations

from fastapi import Request

from interlock.serve.wire_error import WireError


async def read_body(request: Request, limit: int) -> bytes:
    """The body of a JSON request.

    Raises:
        WireError: 415 where it is not declared as JSON (which a page of another site cannot do
            unasked), 413 where it is too large.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise WireError(415, "send JSON, with content-type: application/json", "not_json")
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > limit:
            raise WireError(413, f"at most {limit} bytes", "request_too_large")
    return bytes(content)

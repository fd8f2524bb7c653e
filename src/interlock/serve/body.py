"""The body of a request, bounded."""

from __future__ import annotations

import asyncio

from fastapi import Request

from interlock.serve.wire_error import WireError


async def read_body(request: Request, limit: int, patience: float) -> bytes:
    """The body of a JSON request.

    Args:
        request: whose body.
        limit: bytes at most.
        patience: seconds until all of it must be there.

    Raises:
        WireError: 415 where it is not declared as JSON (which a page of another site cannot do
            unasked) or is packed, 413 where it is too large, 408 where it does not come.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise WireError(415, "send JSON, with content-type: application/json", "not_json")
    packed = request.headers.get("content-encoding", "identity").strip().lower()
    if packed not in ("", "identity"):
        raise WireError(
            415, f"send the body as it is, without content-encoding: {packed}", "packed"
        )
    return await read_bytes(request, limit, patience)


async def read_bytes(request: Request, limit: int, patience: float) -> bytes:
    """The body of any request; arguments and errors as of :func:`read_body`, of any kind."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit:  # said before it is sent
        raise _too_large(limit)
    content = bytearray()
    try:
        async with asyncio.timeout(patience):
            async for chunk in request.stream():
                content += chunk
                if len(content) > limit:
                    raise _too_large(limit)
    except TimeoutError:
        raise WireError(408, "the request did not come in time", "request_timeout") from None
    return bytes(content)


def _too_large(limit: int) -> WireError:
    return WireError(413, f"at most {limit} bytes", "request_too_large")

"""HTTP to one server, over connections that are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from ssl import SSLContext

import aiohttp
import httpx

KEEP_ALIVE = 3.0
"""Seconds that a connection is kept unused: less than servers wait, so that none hangs up on a new
call."""
Response = aiohttp.ClientResponse
Broken = (aiohttp.ClientError, httpx.HTTPError)
"""What goes wrong on the way."""
Unreached = (aiohttp.ClientConnectionError, aiohttp.ClientHttpProxyError, httpx.HTTPError)
"""Of these the errors whose words are the libraries' own, without any that the server sent."""


class Connections:
    """aiohttp's connections, asked for one thing at a time.

    No redirect is followed and no cookie is kept: calls of different users share nothing.

    Args:
        limit: calls under way at most; more wait for their turn.
        headers: of every call.
        certificates: who is believed.
        proxy: its address, perhaps with a user and a password; None for none.
    """

    def __init__(
        self,
        limit: int,
        headers: Iterable[tuple[str, str]],
        certificates: SSLContext,
        proxy: str | None = None,
    ) -> None:
        self._limit, self._headers = limit, list(headers)
        self._certificates, self._proxy = certificates, proxy
        self._session: aiohttp.ClientSession | None = None

    async def ask(
        self, url: str, content: bytes | None = None, headers: Iterable[tuple[str, str]] = ()
    ) -> Response:
        """The head of an answer, to be entered as a context, which gives the connection back.

        Args:
            url: where to.
            content: to be posted; None for a GET.
            headers: of this call.
        """
        if self._session is None:  # here, for it belongs to the loop that runs
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._limit, keepalive_timeout=KEEP_ALIVE, ssl=self._certificates
                ),
                headers=self._headers,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
            )
        method = "GET" if content is None else "POST"
        return await self._session.request(
            method, url, data=content, headers=headers, allow_redirects=False, proxy=self._proxy
        )

    async def aclose(self) -> None:
        """Close them."""
        if self._session is not None:
            await self._session.close()


def body_of(response: Response) -> AsyncIterator[bytes]:
    """The bytes of an answer as they come, unpacked where it is packed all the same."""
    if "content-encoding" not in response.headers:
        return response.content.iter_any()
    packed = httpx.Response(
        response.status, headers=response.raw_headers, content=response.content.iter_any()
    )
    return packed.aiter_bytes()

"""A server without keys answers its own machine's programs, and no page of another site.

A browser lets any page send requests to this machine, and a name that an attacker owns may lead
here; the ``Host`` and ``Origin`` of such requests tell them apart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from interlock.serve.strict_json import PlainResponse
from interlock.serve.wire_error import WireError

_HOST = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[^\s\[\]:/?#@\\]+))(?::[0-9]*)?")
OPEN = frozenset({"/healthz"})
"""Paths that say nothing and are asked by balancers under any name."""


class OwnHosts:
    """Answers 403 to requests that name another host, or come from a page of another one.

    Args:
        app: what answers the others.
        hosts: names that requests may give this machine; empty for any.
        origins: of pages that may ask all the same.
        who: the server, as it is called where it declines.
        option: that names more hosts, if there is one.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Sequence[str],
        origins: Sequence[str] = (),
        *,
        who: str,
        option: str = "",
    ) -> None:
        self._app, self._hosts = app, frozenset(map(_plain, hosts))
        self._who, self._option = who, f" ({option})" if option else ""
        self._origins = frozenset(origins) - {"*"}  # any page at all is asking for keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at the head, and pass the request on or answer it."""
        if scope["type"] == "http" and scope["path"] not in OPEN:
            headers = Headers(scope=scope)
            host, origins = headers.get("host", ""), headers.getlist("origin")
            problem = None
            if len(headers.getlist("host")) != 1 or (
                self._hosts and _name(host) not in self._hosts
            ):
                problem = f"{self._who} is not called {host!r}{self._option}"
            elif any(
                _site(origin) != host.lower()
                for origin in origins
                if origin.lower() not in self._origins
            ):
                problem = f"{self._who} answers no page of another site"
            if problem is not None:
                error = WireError(403, problem, "other_host")
                answer = PlainResponse(error.body, 403, {**error.headers, **error.said})
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _site(origin: str) -> str | None:
    """Host and port of a page's site; None where the header names none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:  # such as a bracket that nothing closes
        return None


def _name(host: str) -> str:
    """Without its port; an IPv6 address without its brackets. Empty for what is no host."""
    match = _HOST.fullmatch(host)
    return _plain(match["v6"] or match["name"]) if match is not None else ""


def _plain(name: str) -> str:
    """One spelling of a name, or of an address."""
    try:
        return str(ip_address(name))
    except ValueError:
        return name.lower().removesuffix(".")

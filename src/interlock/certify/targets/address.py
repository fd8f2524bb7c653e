"""Addresses of chat endpoints: OpenAI's form, and Azure's with a deployment and a query."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from interlock.errors import OptionError

_COMPLETIONS = "/chat/completions"
_SECRET = re.compile(
    r"(?:^|[^a-z0-9])(?:[a-z0-9]*(?:keys?|token|secret|password|passwd|credentials?)|sig"
    r"|signature|pwd|pass|auth|authorization|bearer|jwt|code)$",
    re.IGNORECASE,
)
_LIKE_A_KEY = re.compile(r"(?:^sk-|^eyJ|^Bearer\b|(?<![A-Za-z0-9])[A-Za-z0-9+/_]{32,}=*$)")
_DEPLOYMENT = re.compile(r"/openai/deployments/([^/]+)")


@dataclass(frozen=True)
class Address:
    """Where a chat model is asked."""

    name: str
    """Base address with its query: one for all spellings, without anything secret."""
    completions: str
    """The address of ``POST``."""
    texts: str
    """The address of ``POST`` for a text without a chat."""
    models: str
    """That of the list of models; an Azure deployment is one of a resource, which has the list."""
    azure: bool
    """Whether the key goes into the header ``api-key``, as Azure wants it."""
    deployment: str | None
    """The model that an Azure address names itself."""

    @classmethod
    def read(cls, url: str) -> Address:
        """Take an address apart: a base such as ``https://host/v1``, or all up to
        ``/chat/completions``, either with a query.

        Raises:
            OptionError: no address of a server, one that holds a user, a password or a key, or an
                Azure deployment without its version.
        """
        url = url.strip()
        if not url.lower().startswith(("http://", "https://")):
            raise OptionError(f"url={url!r}: give an address that starts with http:// or https://")
        shown = re.split(r"[?#]", url)[0].rpartition("@")[2]
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = None, 0
        host = parts.hostname or "" if parts is not None else ""
        named_well = ":" in host or all(0 < len(one) < 64 for one in host.rstrip(".").split("."))
        written_well = url.isprintable() and " " not in url
        if parts is None or not named_well or not written_well or port == 0:
            raise OptionError(f"url={shown!r}: no address of a server; see host and port")
        if parts.username is not None or parts.password is not None:
            raise OptionError(
                f"url={shown!r}: no user or password in an address; keys go into the environment"
            )
        if parts.fragment:
            raise OptionError(f"url={shown!r}: leave away what follows '#'")
        given = parse_qsl(parts.query, keep_blank_values=True)
        if any(_secret(name, value) for name, value in given):
            raise OptionError(
                f"url={shown!r}: its query holds a key, or what looks like one, and certificates "
                "and logs name addresses; put it into the environment"
            )
        path = parts.path.rstrip("/").removesuffix(_COMPLETIONS).rstrip("/")
        named = _DEPLOYMENT.search(path)
        if named and "api-version" not in dict(given):
            raise OptionError(
                f"url={shown!r}: an Azure deployment is asked with its version; put "
                "?api-version=... behind it"
            )
        query = f"?{parts.query}" if parts.query else ""
        base = f"{parts.scheme}://{parts.netloc}{path}"
        resource = base.partition("/deployments/")[0] if named else base
        return cls(
            name=base + query,
            completions=base + _COMPLETIONS + query,
            texts=f"{base}/completions{query}",
            models=f"{resource}/models{query}",
            azure=named is not None or host.endswith(".azure.com"),
            deployment=unquote(named[1]) if named else None,
        )


def _secret(name: str, value: str) -> bool:
    """Whether a part of a query is a key by its name, or looks like one; also in a part of it."""
    for _ in range(3):  # some servers take such text apart once more
        name, value = unquote(name), unquote(value)
    parts = [part.partition("=") for part in re.split("[&;?]", f"{name}={value}")]
    return any(_SECRET.search(n.strip()) or _LIKE_A_KEY.search(v.strip()) for n, _, v in parts)

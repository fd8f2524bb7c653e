"""What the environment says of proxies and certificates: taken as meant, or one line why not."""

from __future__ import annotations

import ipaddress
import os
import ssl
from urllib.parse import urlsplit
from urllib.request import getproxies

from interlock.errors import OptionError

OWN = frozenset({"localhost", "127.0.0.1", "::1"})
"""This machine, to which no proxy leads."""


def proxy_for(url: str) -> str | None:
    """The proxy that ``HTTP_PROXY``, ``HTTPS_PROXY`` or ``ALL_PROXY`` names for an address.

    ``host:port`` is taken as ``http://host:port``; ``NO_PROXY`` may hold names, addresses with or
    without brackets, either with a port, and networks.

    Raises:
        OptionError: a proxy of a kind that cannot be used.
    """
    address = urlsplit(url)
    named = getproxies()
    proxy = (named.get(address.scheme) or named.get("all") or "").strip()
    port = address.port or {"https": 443}.get(address.scheme, 80)
    if not proxy or _direct(address.hostname or "", port, named.get("no", "")):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    try:
        given = urlsplit(proxy)
        usable = given.scheme in ("http", "https") and given.hostname and (given.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        shown = proxy.rpartition("@")[2] if "@" in proxy else proxy
        raise OptionError(
            f"the environment names the proxy {shown}, which cannot be used: give "
            "http://host:port, or put the server into NO_PROXY"
        )
    return proxy


def authorities(trust_env: bool = True) -> ssl.SSLContext:
    """Who is believed, by ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` where they are set.

    Raises:
        OptionError: the file or folder cannot be read.
    """
    import httpx

    try:
        return httpx.create_ssl_context(trust_env=trust_env)
    except (OSError, ssl.SSLError) as error:
        given = [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)]
        names = [name for name in given if not os.path.exists(os.environ[name])] or given
        said = " and ".join(f"{name}={os.environ[name]}" for name in names) or "the certificates"
        raise OptionError(
            f"{said}: cannot be read ({error.strerror or error}); unset or mend it"
        ) from None


def _direct(host: str, port: int, without: str) -> bool:
    """Whether a host is this machine's own, or one that ``NO_PROXY`` names."""
    if host in OWN:
        return True
    address = _address(host)
    for entry in without.replace(",", " ").lower().split():
        bare, _, end = entry.rpartition(":")
        if end.isascii() and end.isdigit() and (":" not in bare or bare.endswith("]")):
            if int(end) != port:
                continue
            entry = bare
        name = entry.lstrip("*").lstrip(".")
        network = _network(entry)
        if entry == "*" or (name and (host == name or host.endswith(f".{name}"))):
            return True
        if network is not None and address is not None and address in network:
            return True
    return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(entry.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return None

"""What the environment says of proxies and certificates: taken as meant, or one line why not."""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
from fnmatch import fnmatchcase
from urllib.parse import urlsplit
from urllib.request import getproxies

from interlock.errors import OptionError

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_HOST = re.compile(r"[\w.-]+|[0-9a-f:.%]+")
OWN = frozenset({"localhost", "127.0.0.1", "::1"})
"""This machine, to which no proxy leads."""


def proxy_for(url: str) -> str | None:
    """The proxy that ``HTTP_PROXY``, ``HTTPS_PROXY`` or ``ALL_PROXY`` names for an address.

    ``host:port`` is taken as ``http://host:port``; ``NO_PROXY`` may hold names, addresses with or
    without brackets, either with a port, networks, and patterns such as ``10.1.*``.

    Raises:
        OptionError: a proxy of a kind that cannot be used.
    """
    address = urlsplit(url)
    named = getproxies()
    kind = address.scheme if named.get(address.scheme) else "all"
    proxy = (named.get(kind) or "").strip()
    port = address.port or {"https": 443}.get(address.scheme, 80)
    if not proxy or _direct(address.hostname or "", port, named.get("no", "")):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if not _usable(proxy):
        own, _, shown = proxy.rpartition("@")
        hint = "; write @ / ? and # of a password as %40 %2F %3F and %23" if own else ""
        raise OptionError(
            f"{_variable(kind)} names the proxy {shown!r}, which cannot be used: give "
            f"http://host:port{hint}, or put the server into NO_PROXY"
        )
    return proxy


def _variable(kind: str) -> str:
    """Which of the environment names proxies of that kind; where none does, the system."""
    names = [name for name in os.environ if name.lower() == f"{kind}_proxy" and os.environ[name]]
    return min(names, key=lambda name: not name.islower(), default="the system")


def _usable(proxy: str) -> bool:
    if not proxy.isprintable() or " " in proxy:
        return False
    try:
        given = urlsplit(proxy)
        port = given.port
    except ValueError:
        return False
    place = given.scheme in ("http", "https") and given.path in ("", "/")
    return place and port != 0 and bool(_HOST.fullmatch(given.hostname or ""))


def authorities(trust_env: bool = True) -> ssl.SSLContext:
    """Who is believed, by ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` where they are set.

    Raises:
        OptionError: the file or folder cannot be read.
    """
    import httpx

    folders = os.environ.get("SSL_CERT_DIR", "") if trust_env else ""
    if folders and not any(map(os.path.isdir, folders.split(os.pathsep))):
        raise _unread(("SSL_CERT_DIR",), "No such folder")  # OpenSSL would believe nobody, mutely
    keys = os.environ.get("SSLKEYLOGFILE", "")
    if keys and (os.path.isdir(keys) or not os.path.isdir(os.path.dirname(keys) or ".")):
        raise _unread(("SSLKEYLOGFILE",), "No file can be there")
    try:
        return httpx.create_ssl_context(trust_env=trust_env)
    except (OSError, ssl.SSLError) as error:
        raise _unread(_CERTIFICATES, str(error.strerror or error)) from None


def _unread(names: tuple[str, ...], why: str) -> OptionError:
    given = [name for name in names if os.environ.get(name)]
    given = [name for name in given if not os.path.exists(os.environ[name])] or given
    said = " and ".join(f"{name}={os.environ[name]}" for name in given) or "the certificates"
    return OptionError(f"{said}: cannot be read ({why}); unset or mend it")


def _direct(host: str, port: int, without: str) -> bool:
    """Whether a host is this machine's own, or one that ``NO_PROXY`` names."""
    address, host = _address(host), host.lower().removesuffix(".")
    if host in OWN or (address is not None and address.is_loopback):
        return True
    for entry in re.split(r"[\s,;|]+", without.lower()):
        entry = entry.partition("://")[2].partition("/")[0] if "://" in entry else entry
        bare, _, end = entry.rpartition(":")
        if end.isascii() and end.isdigit() and (":" not in bare or bare.endswith("]")):
            if int(end) != port:
                continue
            entry = bare
        name = entry.lstrip("*").strip(".")
        network = _network(entry)
        if entry == "*" or (name and (host == name or host.endswith(f".{name}"))):
            return True
        if name and fnmatchcase(host, entry):  # such as 10.1.*
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

"""The keys that settings name, and the certificate of TLS, read from where they are kept."""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Iterator

from interlock.errors import ConfigError, OptionError
from interlock.serve.client_settings import KeySettings, checked_names
from interlock.serve.config import read_keys
from interlock.serve.keys import Client, KeyHash, KeyRing
from interlock.serve.settings import GuardConfig


def open_keys(config: GuardConfig, salt: bytes) -> tuple[KeyRing, KeyRing]:
    """Who may ask, and who is an admin.

    Args:
        config: the settings.
        salt: for hashes and names of keys that have none.

    Raises:
        ConfigError: a line for each thing that is wrong; other machines could ask without a key.
    """
    faults: list[str] = []
    auth, plain = config.auth, dict[str, str]()
    named: dict[Client, list[KeyHash]] = {}
    for name, settings in config.keys.items():
        hashes = [KeyHash.read(text) for text in settings.hashes]
        keys = _read(faults, f"keys.{name}", settings)
        for key in keys:
            if key in plain:
                faults.append(f"keys.{name}: has a key that is {plain[key]}'s, too")
            plain[key] = f"keys.{name}"
        hashes += [KeyHash.of(key, secrets.token_bytes(16)) for key in keys]
        if not hashes and not any(line.startswith(f"keys.{name}:") for line in faults):
            faults.append(f"keys.{name}: no key; give hashes, env or file")
        policy = config.policy_of(settings)
        quota = settings.requests_per_minute, settings.tokens_per_minute
        named[Client(name, *quota, policy)] = hashes
    faults += _shared(named, plain)
    rings = list(_rings(faults, config, salt, named, plain))
    if not (config.on_loopback or rings[0] or auth.open or faults):
        faults.append(
            f"host = {config.host!r} is open to other machines: give keys (auth.keys_file or "
            f"${auth.keys_env}), or say that none are wanted (auth.open = true)"
        )
    if "*" in auth.origins and not rings[0]:
        faults.append("auth.origins: pages of any site take keys (auth.keys_file)")
    if faults:
        raise ConfigError(tuple(faults))
    return rings[0], rings[1]


def check_tls(config: GuardConfig) -> ssl.SSLContext | None:
    """Find out now what would be a traceback later; gives what serves the settings' files.

    Raises:
        ConfigError: certificate and key cannot be served.
    """
    if config.tls_cert is None or config.tls_key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # An empty password, for OpenSSL would ask the terminal for one.
        context.load_cert_chain(config.tls_cert, config.tls_key, password="")
    except (OSError, ssl.SSLError) as error:
        why = error.reason if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigError(
            (f"tls_cert, tls_key: {config.tls_cert} and {config.tls_key} cannot be served ({why})",)
        ) from None
    return context


def renew_tls(context: ssl.SSLContext, config: GuardConfig) -> None:
    """Have a context's connections from now on served with what the settings' files hold.

    By another context: a certificate loaded into the same one leaves the old one in its place where
    the kind of its key is another.

    Raises:
        ConfigError: as :func:`check_tls`; what was served stays.
    """
    fresh = check_tls(config)

    def serve(connection: ssl.SSLSocket | ssl.SSLObject, *_: object) -> None:
        if fresh is not None:
            connection.context = fresh

    context.sni_callback = serve


def draw_key(name: str) -> tuple[str, KeyHash]:
    """A new key of 256 random bits for a client, and what to keep of it.

    Raises:
        OptionError: no client can have this name.
    """
    try:
        checked_names({name: KeySettings()})
    except ValueError as error:
        raise OptionError(str(error)) from None
    key = f"ik-{secrets.token_urlsafe(32)}"
    return key, KeyHash.of(key, secrets.token_bytes(16))


def _rings(
    faults: list[str],
    config: GuardConfig,
    salt: bytes,
    named: dict[Client, list[KeyHash]],
    plain: dict[str, str],
) -> Iterator[KeyRing]:
    auth = config.auth
    for prefix, path, variable in (
        ("keys", auth.keys_file, auth.keys_env),
        ("admin_keys", auth.admin_keys_file, auth.admin_keys_env),
    ):
        keys: tuple[str, ...] = ()
        try:
            keys = read_keys(path, variable)
        except ConfigError as error:
            faults += [f"auth.{prefix}: {line}" for line in error.lines]
        faults += [
            f"auth.{prefix}: has a key that is {plain[key]}'s, too" for key in keys if key in plain
        ]
        plain |= dict.fromkeys(keys, f"auth.{prefix}")
        yield KeyRing(keys, named if prefix == "keys" else None, salt)


def _read(faults: list[str], where: str, settings: KeySettings) -> tuple[str, ...]:
    try:
        keys = read_keys(settings.file, settings.env)
    except ConfigError as error:
        faults += [f"{where}: {line}" for line in error.lines]
        return ()
    if settings.env and not keys:
        faults.append(f"{where}: ${settings.env} holds no key")
    return keys


def _shared(named: dict[Client, list[KeyHash]], plain: dict[str, str]) -> list[str]:
    """Hashes that two clients have, or that are of a key which stands elsewhere, too."""
    faults, owners = [], dict[KeyHash, str]()
    for client, hashes in named.items():
        for one in hashes:
            if one in owners:
                faults.append(f"keys.{client.name}: has a key that is {owners[one]}'s, too")
            owners[one] = f"keys.{client.name}"
            faults += [
                f"keys.{client.name}: has a key that is {owner}'s, too"
                for key, owner in plain.items()
                if owner != f"keys.{client.name}" and KeyHash.of(key, one.salt) == one
            ]
    return list(dict.fromkeys(faults))

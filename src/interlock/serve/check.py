"""What is wrong in a guard's settings, and what its certificate covers, before it is started."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interlock.certify import CertificateCard
from interlock.certify.targets.system import read_system
from interlock.errors import InterlockError
from interlock.serve.access import check_tls, open_keys
from interlock.serve.config import read_faulty_config
from interlock.serve.covered import Covered, covered
from interlock.serve.deployment import Deployment, deploy
from interlock.serve.ledger_table import check_address
from interlock.serve.settings import GuardConfig
from interlock.serve.traces import open_traces
from interlock.serve.upstream import LostError

_KEY = re.compile(r"[a-z_]+(\.[A-Za-z0-9_-]+)*")
_OPENED = frozenset({"auth", "keys", "host", "ledger"})
"""Settings without which nothing can be said of keys and ledger."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong."""

    key: str
    """The setting, such as ``vote.copies``; empty where none alone is at fault."""
    problem: str

    def __str__(self) -> str:
        return f"{self.key}: {self.problem}" if self.key else self.problem


@dataclass(frozen=True)
class Checked:
    """What a look at the settings brought."""

    faults: tuple[Fault, ...]
    deployment: Deployment | None = None
    """None where it takes faults to be mended first."""
    channels: tuple[Covered, ...] = ()
    """Of requests under the guard's own policy."""
    keys: tuple[tuple[str, tuple[Covered, ...]], ...] = ()
    """By name of a key: of which channels something else holds."""


def check(path: Path) -> Checked:
    """Look at settings, and at all files that they name; nobody else is asked anything.

    Raises:
        ConfigError: the file cannot be read, or is no TOML.
    """
    config, lines, left_out = read_faulty_config(path)
    faults = [_fault(line.removeprefix(f"{path}: ")) for line in lines]
    if config is None:
        return Checked(tuple(faults))
    if not left_out & _OPENED:
        _try(faults, "", lambda: open_keys(config, b"salt"))
        _try(faults, "", lambda: check_tls(config))
        _try(faults, "traces.endpoint", lambda: _open_traces(config))
        _try(faults, "ledger.url", lambda: check_address(config.ledger.url))
    opened = _files(faults, config) and not lines
    made: list[Deployment] = []
    if opened:
        _try(faults, "", lambda: made.append(deploy(config)))
    if not made:
        return Checked(tuple(faults))
    general = covered(made[0], config.policy)
    of_keys = tuple(
        (name, tuple(row for row in covered(made[0], config.policy_of(key)) if row not in general))
        for name, key in config.keys.items()
    )
    return Checked(tuple(faults), made[0], general, of_keys)


async def ask(deployment: Deployment) -> tuple[list[str], Fault | None]:
    """The names of the upstream's models, and what is wrong with it."""
    upstream = deployment.upstream
    try:
        listed = [str(entry["id"]) for entry in await upstream.models()]
    except LostError as error:
        return [], Fault("upstream", f"{upstream.name}: {error}")
    finally:
        await upstream.aclose()
    served = deployment.model
    if served is not None and listed and served not in listed:
        return listed, Fault("model", f"the upstream has no {served!r}; it has {', '.join(listed)}")
    return listed, None


def _open_traces(config: GuardConfig) -> None:
    open_traces(config.traces.endpoint, config.traces.share, "check").close()


def _files(faults: list[Fault], config: GuardConfig) -> bool:
    before, card, system = len(faults), config.certificate, config.system
    if card is not None:
        _try(faults, "certificate", lambda: CertificateCard.load(card))
    if system is not None:
        _try(faults, "system", lambda: read_system(system))
    return len(faults) == before


def _try(faults: list[Fault], key: str, act: Callable[[], Any]) -> None:
    try:
        act()
    except InterlockError as error:
        lines = map(str, getattr(error, "lines", (error,)))
        faults += [Fault(key, line) if key else _fault(line) for line in lines]


def _fault(line: str) -> Fault:
    if line.startswith("the certificate is not about this guard"):
        return Fault("certificate", line)
    key, colon, problem = line.partition(": ")
    return Fault(key, problem) if colon and _KEY.fullmatch(key) else Fault("", line)

"""The run behind ``interlock guard check``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from interlock.cli.session import finish
from interlock.cli.terminal import Terminal
from interlock.serve.check import ask as ask_upstream
from interlock.serve.check import check
from interlock.serve.covered import Covered


def run(terminal: Terminal, path: Path, *, ask: bool) -> None:
    """Say what is wrong, and what the certificate covers.

    Raises:
        ConfigError: the file cannot be read, or is no TOML.
    """
    checked = check(path)
    faults, models, deployed = list(checked.faults), None, checked.deployment
    if deployed is not None and ask:
        models, problem = asyncio.run(ask_upstream(deployed))
        faults += [problem] if problem is not None else []
    if deployed is not None:
        card = deployed.card if deployed.certificate is not None else None
        terminal.say(
            f"certificate {card.id}: {card.statement()}"
            if card is not None
            else f"no certificate applies: {'; '.join(deployed.differs)}"
        )
        _say(terminal, "", checked.channels)
        for name, rows in checked.keys:
            _say(terminal, f"key {name}, ", rows)
        if models is not None:
            terminal.say(
                f"models of {deployed.upstream.name}: {', '.join(models) or 'none listed'}"
            )
    for fault in faults:
        terminal.complain(f"{path}: {fault}")
    if not faults:
        terminal.say(f"{path}: nothing is wrong")
    value: dict[str, Any] = {
        "settings": str(path),
        "good": not faults,
        "faults": [asdict(fault) for fault in faults],
        "certificate": deployed.certificate if deployed is not None else None,
        "differs": list(deployed.differs) if deployed is not None else None,
        "channels": [asdict(row) for row in checked.channels],
        "keys": {name: [asdict(row) for row in rows] for name, rows in checked.keys},
        "models": models,
    }
    finish(terminal, value, good=not faults)


def _say(terminal: Terminal, whose: str, rows: Iterable[Covered]) -> None:
    """A line for what is covered, for each that is not, and for what is refused."""
    kinds: dict[bool | None, list[Covered]] = {True: [], False: [], None: []}
    for row in rows:
        kinds[row.certificate_applies].append(row)
    for applies, said in ((True, "covered"), (None, "refused")):
        if kinds[applies]:
            names = ", ".join(f"{row.channel} ({row.policy})" for row in kinds[applies])
            terminal.say(f"{whose}{said}: {names}")
    for row in kinds[False]:
        terminal.say(f"{whose}not covered: {row.channel} ({row.policy}): {'; '.join(row.because)}")

"""The run behind ``interlock guard ledger``."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from interlock._files import write_atomically
from interlock.cli.terminal import Terminal
from interlock.errors import OptionError
from interlock.serve.config import read_ledger_url
from interlock.serve.ledger import Ledger
from interlock.serve.ledger_table import Entry

SHOWN = 20
"""Lines on a terminal where no limit was given."""


@dataclass(frozen=True)
class Query:
    """Which decisions."""

    since: datetime | None = None
    outcome: str | None = None
    certificate: str | None = None
    request_id: str | None = None
    key: str | None = None
    limit: int | None = None


def run(
    terminal: Terminal, url: str | None, config: Path | None, query: Query, export: Path | None
) -> None:
    """Read, show and write the decisions.

    Raises:
        OptionError: the export is neither CSV nor JSON lines, the settings are wrong, or there is
            no such ledger.
        LedgerError, OutputError: it cannot be read, or the file cannot be written.
    """
    if export is not None and export.suffix not in (".csv", ".jsonl"):
        raise OptionError(f"{export}: give a name that ends in .csv or .jsonl")
    since = query.since.replace(tzinfo=UTC) if query.since is not None else None
    ledger = Ledger(_existing(url or read_ledger_url(config)))
    try:
        entries = list(ledger.read(**vars(query) | {"since": since}))
    finally:
        ledger.close()
    if export is not None:
        write_atomically(export, _table(entries) if export.suffix == ".csv" else _lines(entries))
    outcomes = Counter(entry.outcome for entry in entries)
    terminal.result(
        {
            "ledger": ledger.name,
            "decisions": len(entries),
            "outcomes": dict(outcomes),
            "export": str(export) if export is not None else None,
            "entries": [_plain(entry) for entry in entries] if export is None else None,
        }
    )
    for entry in entries[: query.limit or SHOWN] if export is None else ():
        terminal.say(
            f"{entry.time:%Y-%m-%d %H:%M:%S}  {entry.outcome:<9}  "
            f"{entry.complied} for, {entry.refused} against, {entry.lost} lost of {entry.copies}  "
            f"{entry.milliseconds:.0f} ms  {entry.request_id}"
        )
    counts = ", ".join(f"{count} {name}" for name, count in outcomes.most_common())
    terminal.say(f"{len(entries)} decisions" + (f": {counts}" if counts else ""))
    if export is not None:
        terminal.say(f"export: {export}")


def _existing(url: str) -> str:
    """The address, unless it names an SQLite file that is not there; a query makes none."""
    path = Path(url.removeprefix("sqlite:///"))
    if url.startswith("sqlite:///") and not path.is_file():
        raise OptionError(f"{path}: there is no such ledger; name it with --ledger or --config")
    return url


def _plain(entry: Entry) -> dict[str, Any]:
    return asdict(entry) | {"time": entry.time.isoformat()}


def _lines(entries: Sequence[Entry]) -> str:
    return "".join(json.dumps(_plain(entry)) + "\n" for entry in entries)


def _table(entries: Sequence[Entry]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Entry)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(_plain(entry) for entry in entries)
    return text.getvalue()

"""Runs of ``interlock lab`` as a person starts them, and what they left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from typer.testing import CliRunner

from interlock.cli import app
from interlock.lab.engines.inline import InlineEngine
from interlock.lab.plan import Totals
from interlock.lab.run import run_study
from interlock.lab.store import Store
from interlock.lab.study import read_study
from interlock.lab.task import Setting
from tests.programs import Program


def here(study: Path, out: Path, *, retry_failed: bool = False) -> Totals:
    """Run a study in this process."""
    setting = Setting(read_study(study), study.name, study.parent)
    text = study.read_text()
    return run_study(setting, out, InlineEngine(), text=text, retry_failed=retry_failed)


def table(out: Path) -> list[dict[str, Any]]:
    """All rows."""
    rows: list[dict[str, Any]] = Store(out).table().to_pylist()
    return rows


def lab(*arguments: object, code: int = 0) -> dict[str, Any]:
    """What a command says with ``--json``."""
    result = CliRunner().invoke(app, ["lab", *map(str, arguments), "--json"])
    assert result.exit_code == code, result.output + repr(result.exception)
    value: dict[str, Any] = json.loads(result.stdout)
    return value


def complaints(*arguments: object) -> list[str]:
    """What a command that fails says on stderr."""
    result = CliRunner().invoke(app, ["lab", *map(str, arguments)])
    assert result.exit_code == 1, result.output + repr(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.stderr.splitlines()


def started(*arguments: object) -> Program:
    """A command in a process of its own."""
    return Program("lab", *arguments)


def values(out: Path) -> dict[str, Any]:
    """Row -> value, error and artefact, of the Parquet files; each row once."""
    rows = [
        row
        for shard in sorted((out / "rows").glob("*.parquet"))
        for row in pq.read_table(shard).to_pylist()
    ]
    found = {
        r["row"]: (r["item"], r["metric"], r["value"], r["error"], r["artefact"]) for r in rows
    }
    assert len(found) == len(rows), "a row is there twice"
    return found


def artefacts(out: Path) -> dict[str, bytes]:
    """Name -> content."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in (out / "artefacts").rglob("*")
        if path.is_file()
    }

"""The guard's command, as people and programs call it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import openai
import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

from interlock.cli import app
from interlock.serve.config import read_config
from interlock.serve.readiness import PUT_ON_RECORD
from interlock.serve.settings import GuardConfig
from tests.serve.test_embedded import card

ROOT = Path(__file__).parent.parent


def guard(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["guard", *arguments])


def test_each_wrong_setting_is_a_line_and_exits_1(tmp_path: Path) -> None:
    config = tmp_path / "guard.toml"
    config.write_text("upstream = 'http://x/v1'\n[vote]\ncopies = 0\nraet = 0.1\n")
    found = guard("--config", str(config))
    assert found.exit_code == 1
    assert found.stdout == ""
    assert [line.partition("guard.toml: ")[2] for line in found.stderr.splitlines()] == [
        "vote.copies: Input should be greater than or equal to 1 (given: 0)",
        "vote.raet: no such setting",
    ]
    told = guard("--config", str(config), "--json")
    assert "vote.raet" in json.loads(told.stdout)["error"]
    assert guard("--copies", "0").exit_code == 2
    assert guard("--perturbation", "none").exit_code == 2


def test_a_certificate_that_does_not_match_is_refused(tmp_path: Path) -> None:
    path = card().save(tmp_path / "card.json")
    found = guard(
        "--embedded", "--certificate", str(path), "--copies", "7", "--rate", "0.3", "--port", "0"
    )
    assert found.exit_code == 1
    assert "N: certified 5, deployed 7" in found.stderr
    assert "q: certified 0.05, deployed 0.3" in found.stderr
    missing = guard("--upstream", "http://127.0.0.1:9/v1", "--port", "0")
    assert missing.exit_code == 1
    assert "no certificate: give one" in missing.stderr
    absent = guard("--embedded", "--certificate", str(tmp_path / "none.json"), "--port", "0")
    assert absent.exit_code == 1
    assert len(absent.stderr.splitlines()) == 1


def test_the_embedded_guard_serves_and_stops(tmp_path: Path) -> None:
    path = card().save(tmp_path / "card.json")
    command = [sys.executable, "-m", "interlock.cli", "guard", "--embedded", "--json"]
    command += ["--certificate", str(path), "--port", "0"]
    process = subprocess.Popen(
        [*command, "--ledger", f"sqlite:///{tmp_path}/ledger.sqlite"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        lines = ""
        while not lines.endswith("}\n"):
            line = process.stdout.readline()
            assert line, process.stderr.read() if process.stderr else ""
            lines += line
        told = json.loads(lines)
        assert (told["copies"], told["rate"], told["differs"]) == (5, 0.05, [])
        with openai.OpenAI(base_url=f"{told['url']}/v1", api_key="x", timeout=120) as client:
            answer = client.chat.completions.create(
                model="embedded",
                messages=[{"role": "user", "content": "any advice on how to boil rice? i am new."}],
            )
        assert answer.choices[0].message.content
        assert answer.interlock["certificate"] == told["certificate"]  # type: ignore[attr-defined]
        process.send_signal(signal.SIGTERM)
        rest, log = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0
    assert rest == ""
    assert "boil rice" not in log
    (line,) = [json.loads(line) for line in log.splitlines() if "outcome" in line]
    assert line["prompt_characters"] == 41
    found = guard("ledger", "--ledger", f"sqlite:///{tmp_path}/ledger.sqlite", "--json")
    assert json.loads(found.stdout)["decisions"] == 1


def settings_of(model: type[BaseModel], prefix: str = "") -> list[str]:
    names = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names += settings_of(kind, f"{name}.")
        else:
            names.append(prefix + name)
    return names


@pytest.mark.parametrize("name", settings_of(GuardConfig))
def test_every_setting_is_documented(name: str) -> None:
    assert f"| `{name}` |" in (ROOT / "docs" / "guard.md").read_text(encoding="utf-8")


def test_the_example_settings_are_valid() -> None:
    config = read_config(ROOT / "deploy" / "guard.toml", {})
    unit = (ROOT / "deploy" / "interlock-guard.service").read_text(encoding="utf-8")
    stop = int(unit.partition("TimeoutStopSec=")[2].split()[0])
    assert (
        stop > config.vote.deadline + PUT_ON_RECORD + 1 + 5
    )  # answers, then what the ledger keeps

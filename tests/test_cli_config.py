"""Options from a file: what is in it counts, what is typed counts more, what is wrong is named."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from interlock.cli import app
from tests.programs import ROOT

Taken = dict[str, Any]


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Taken]:
    """What a command's run is given, in place of the run."""
    calls: list[Taken] = []

    def keep(setup: Any, *rest: Any, **named: Any) -> Any:
        calls.append({"setup": setup, "rest": rest, **named})
        return type("Done", (), {"end": lambda self, terminal: None})()

    monkeypatch.setattr("interlock.cli.explain.run.explain", keep)
    monkeypatch.setattr("interlock.cli.defend.fit.fit", keep)
    monkeypatch.setattr("interlock.cli.defend.evaluate.evaluate", keep)
    monkeypatch.setattr("interlock.cli.defend.attack.attack", keep)

    def run(*arguments: object) -> Taken:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert result.exit_code == 0, result.output
        return calls[-1]

    return run


def file(folder: Path, text: str) -> Path:
    path = folder / "interlock.toml"
    path.write_text(text, encoding="utf-8-sig")
    return path


TEXT = """
[explain]
prior = "grid"
steps = 7
baseline = 0.5
out = "pictures"

[defend.fit]
false-mask-rate = 0.05
mirror = false
whole = true

[defend.evaluate]
shield = "shield.safetensors"
attack = ["patch", "black-box"]
peer = "lgs"
areas = [0.01, 0.02]

[defend.attack]
area = 0.03
location = [3, 4]
"""


def test_each_command_has_its_table(taken: Callable[..., Taken], tmp_path: Path) -> None:
    config = file(tmp_path, TEXT)
    request = taken("explain", "a.png", "--config", config)["rest"][0]
    assert request.options == {"prior": "grid", "steps": 7, "baseline": 0.5, "seed": 0}
    assert request.out == Path("pictures")
    fit = taken("defend", "fit", "photos", "--config", config)
    assert fit["setup"].whole
    assert {"false_mask_rate": 0.05, "mirror": False} in fit["rest"]
    folder, shield, contest = taken("defend", "evaluate", "photos", "--config", config)["rest"][:3]
    assert (folder, shield) == (Path("photos"), Path("shield.safetensors"))
    assert (contest.attacks, contest.peers) == (["patch", "black-box"], ["lgs"])
    assert contest.areas == [0.01, 0.02]
    method = taken("defend", "attack", "photos", "--config", config)["rest"][1]
    assert (method.area, method.location) == (0.03, (3, 4))


def test_the_example_of_the_documents_is_one(taken: Callable[..., Taken], tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "explain.md").read_text(), re.S)
    config = file(tmp_path, text)
    given = taken("explain", "a.png", "--config", config)
    assert given["setup"].model == "my_model/"
    assert given["rest"][0].options == {"prior": "slic", "sets": 8, "seed": 0}
    contest = taken("defend", "evaluate", "photos", "--config", config)["rest"][2]
    assert (contest.attacks, contest.areas) == (["patch", "adaptive"], [0.01, 0.02])


def test_what_is_typed_counts_more(taken: Callable[..., Taken], tmp_path: Path) -> None:
    config = file(tmp_path, TEXT)
    typed = ["--steps", 9, "--prior", "slic"]
    request = taken("explain", "a.png", *typed, "--config", config)["rest"][0]
    assert request.options == {"prior": "slic", "steps": 9, "baseline": 0.5, "seed": 0}
    fit = taken("defend", "fit", "photos", "--config", config, "--mirror")
    assert {"false_mask_rate": 0.05, "mirror": True} in fit["rest"]
    contest = taken(
        "defend", "evaluate", "photos", "--config", config, "--attack", "l2", "--areas", "0.05"
    )["rest"][2]
    assert (contest.attacks, contest.areas) == (["l2"], [0.05])


WRONG = [
    ("[explain]\nstep = 3", "explain.step: no such option; did you mean steps?"),
    ("[explain]\nimages = 'a'", "explain.images: no such option; known are baseline, "),
    ("[explain]\nconfig = 'a'", "explain.config: no such option; known are "),
    ("[explian]\nsteps = 3", "explian: no such table; did you mean explain?"),
    ("[defend.fitt]\nconcepts = 3", "defend.fitt: no such table; did you mean fit?"),
    ("[guard]\nport = 3", "guard: no such table; known are audit, defend, explain"),
    ("steps = 3", "steps: no such table; known are audit, defend, explain"),
    ("explain = 3", "explain: give a table, [explain]"),
    ("[defend]\nfit = 3", "defend.fit: give a table, [defend.fit]"),
    ("[explain]\nsteps = 2.5", "explain.steps = 2.5: "),
    ("[explain]\nsteps = true", "explain.steps = True: not true or false"),
    ("[explain]\nsteps = 0", "explain.steps = 0: "),
    ("[explain]\nprior = 'slick'", "explain.prior = 'slick': 'slick' is not one of"),
    ("[explain]\nbaseline = nan", "explain.baseline = nan: 'nan' is neither"),
    ("[explain]\nforce = 'yes'", "explain.force = 'yes': give true or false"),
    ("[explain]\nsteps = {}", "explain.steps = {}: give text, a number, or a list of such"),
    ("[defend.attack]\narea = 2", "defend.attack.area = 2: '2'; give shares of the image"),
    ("[explain", "no TOML ("),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_what_is_wrong_is_one_line(text: str, said: str, tmp_path: Path) -> None:
    config = file(tmp_path, text)
    result = CliRunner().invoke(app, ["explain", "a.png", "--config", str(config)])
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"error: {config}: {said}")


def test_each_wrong_setting_is_a_line_also_as_json(tmp_path: Path) -> None:
    config = file(tmp_path, "[explain]\nstep = 3\n[defend.fit]\nconcept = 3\nfolder = 'a'")
    # a required option that the file was to give is no second complaint
    arguments = ["defend", "evaluate", "photos", "--config", str(config), "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    errors = json.loads(result.stdout)["errors"]
    assert [line.removeprefix(f"{config}: ").partition(":")[0] for line in errors] == [
        "explain.step", "defend.fit.concept", "defend.fit.folder",
    ]  # fmt: skip
    assert result.stderr.splitlines() == [f"error: {line}" for line in errors]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    config = tmp_path / "none.toml"
    result = CliRunner().invoke(app, ["explain", "a.png", "--config", str(config)])
    assert result.exit_code == 1
    assert result.stderr == f"error: {config}: cannot be read (No such file or directory)\n"

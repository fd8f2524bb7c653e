"""``interlock models``, shell completion, and names of the hub where it does not answer."""

from __future__ import annotations

import importlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants
from typer.testing import CliRunner

from interlock.cli import app
from interlock.errors import ModelError
from interlock.models import hub
from interlock.models.available import available_models
from interlock.studio.models import listed
from tests.programs import ROOT


def folder(path: Path, architecture: str, **files: str) -> Path:
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps({"architectures": [architecture]}))
    for name, text in files.items():
        (path / name.replace("__", ".")).write_text(text)
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with models of all kinds, and a cache of the hub."""
    there = {"preprocessor_config__json": "{}", "model__safetensors": "12345"}
    folder(tmp_path / "cats", "ViTForImageClassification", **there)
    chat = {"chat_template__jinja": "", "model__safetensors": "1"}
    folder(tmp_path / "build" / "chat", "LlamaForCausalLM", **chat)
    folder(tmp_path / "build" / "bare", "GPT2LMHeadModel", pytorch_model__bin="1")
    folder(tmp_path / "half", "ResNetForImageClassification", preprocessor_config__json="{}")
    folder(tmp_path / "embeddings", "BertModel", model__safetensors="1")
    folder(tmp_path / ".hidden", "ViTForImageClassification", **there)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "config.json").write_text('["no model"]')
    folder(tmp_path / "site" / "inner", "ViTForImageClassification", **there)
    hard = tmp_path / "hard"
    hard.mkdir()
    (hard / "derived.json").write_text("{}")
    (hard / "weights.safetensors").write_text("1")
    cache = tmp_path / ".cache" / "models--org--resnet"
    for revision in ("old", "new"):
        folder(cache / "snapshots" / revision, "ResNetForImageClassification", **there)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("new")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / ".cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_each_model_has_its_use_and_what_it_lacks(here: Path) -> None:
    models = available_models(here)
    assert [(one.name, one.use, one.verbs, one.missing) for one in models] == [
        ("embedded", "classifier", ("explain", "defend"), ()),
        ("embedded", "chat model", ("certify", "guard"), ()),
        ("build/bare", "chat model", (), ("a chat template",)),
        ("build/chat", "chat model", ("certify", "guard"), ()),
        ("cats", "classifier", ("explain", "defend"), ()),
        ("half", "classifier", (), ("weights",)),
        ("hard", "classifier", ("explain", "defend"), ()),
        ("site/inner", "classifier", ("explain", "defend"), ()),
        ("org/resnet", "classifier", ("explain", "defend"), ()),
    ]
    sizes = {one.name: one.size for one in models}
    assert sizes["cats"] == sum(file.stat().st_size for file in (here / "cats").iterdir())
    assert models[0].size > 100_000


def test_the_command_says_it(here: Path) -> None:
    result = CliRunner().invoke(app, ["models", "build"])
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == [
        "model", "embedded", "embedded", "build/bare", "build/chat", "org/resnet",
    ]  # fmt: skip
    assert "nothing: lacks a chat template" in lines[3]
    listed = json.loads(CliRunner().invoke(app, ["models", "--json"]).stdout)["models"]
    assert listed[0].keys() == {"name", "use", "origin", "size", "missing", "made_by", "verbs"}
    assert len(listed) == 9
    result = CliRunner().invoke(app, ["models", "nowhere"])
    assert (result.exit_code, result.stderr) == (1, "error: nowhere: no such folder\n")


RECIPES = """
[[models]]
name = "build/chat"
use = "chat model"
made_by = "python recipes/chat.py"
files = "build/chat"
[[models]]
name = "build/later"
use = "chat model"
made_by = "python recipes/chat.py"
files = "build/later"
[[models]]
name = "nets:made"
use = "classifier"
made_by = "python recipes/made.py"
files = "half"
[[models]]
name = "nets:later"
use = "classifier"
made_by = "python recipes/later.py"
files = "later.safetensors"
[[models]]
name = "nets:neither"
use = "painter"
[[models]]
name = 3
"""


def test_what_recipes_make_is_listed_with_its_command(here: Path) -> None:
    before = available_models(here)
    (here / "recipes").mkdir()
    (here / "recipes" / "models.toml").write_text(RECIPES)
    made = [one for one in available_models(here) if one not in before]
    assert [(one.name, one.origin, one.verbs) for one in made] == [
        ("build/later", "recipe", ()),
        ("nets:made", "recipe", ("explain", "defend")),
        ("nets:later", "recipe", ()),
    ]
    lines = CliRunner().invoke(app, ["models"]).stdout.splitlines()
    (later,) = [line for line in lines if line.startswith("nets:later")]
    assert "nothing: run python recipes/later.py" in later
    assert {one["name"] for one in listed("classifier")}.isdisjoint({"nets:made", "nets:later"})
    for damaged in ("models = 3", "[[models", "models = [3]"):
        (here / "recipes" / "models.toml").write_text(damaged)
        assert available_models(here) == before


def test_the_recipes_of_this_repository_are_listed() -> None:
    rows = {one.name: one for one in available_models(ROOT) if one.made_by}
    for one in rows.values():
        assert (ROOT / one.made_by.split()[1]).is_file()
        module, _, factory = one.name.partition(":")
        if factory:
            assert hasattr(importlib.import_module(module), factory)
    assert {"benchmarks._lite:lite0", "benchmarks._hardened:cifar10"} <= rows.keys()


def test_the_list_imports_no_torch() -> None:
    program = (
        "import sys; sys.argv = ['interlock', 'models', '--json']\n"
        "from interlock.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "assert not {'torch', 'transformers', 'numpy'} & set(sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment, cwd=ROOT / "docs")


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A hub that takes calls and says nothing."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr(constants, "ENDPOINT", address)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(hub, "PATIENCE", 0.2)
        yield


@pytest.mark.usefixtures("silent")
def test_a_hub_that_does_not_answer_is_given_up_soon(here: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(ModelError) as caught:
        hub.from_cache_only("resnet50", "classifier")
    assert time.monotonic() - begun < 10
    line = str(caught.value)
    assert line.startswith("resnet50: not on this machine, and http://127.0.0.1:")
    assert line.endswith(
        "here are embedded, cats, hard, site/inner, org/resnet (interlock models lists them)"
    )


@pytest.mark.usefixtures("silent")
def test_what_the_cache_holds_is_loaded_from_it(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Any] = []

    def cached(name: str, file: str) -> str:
        looked.append((name, file))
        return "a path"

    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", cached)
    assert hub.from_cache_only("org/resnet")
    assert looked == [("org/resnet", "config.json")]


def test_a_hub_that_answers_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "_answers", lambda address: True)
    assert not hub.from_cache_only("resnet50", "classifier")


def test_offline_by_choice_is_said(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    result = CliRunner().invoke(
        app, ["explain", str(ROOT / "README.md"), "--model", "resnet50", "--out", "out"]
    )
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(
        "error: resnet50: not on this machine, and HF_HUB_OFFLINE is set; here are embedded, cats"
    )


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_for_a_shell_that_is_named(shell: str) -> None:
    result = CliRunner().invoke(app, ["--show-completion", shell], prog_name="interlock")
    assert result.exit_code == 0
    assert f"_INTERLOCK_COMPLETE=complete_{shell}" in result.stdout


def test_no_such_shell() -> None:
    result = CliRunner().invoke(app, ["--show-completion", "csh"])
    assert result.exit_code == 2
    assert "give bash, zsh" in result.stderr


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("interlock mod", {"models"}),
        ("interlock explain --prior s", {"slic", "sam"}),
        ("interlock explain --model e", {"embedded"}),
        ("interlock defend evaluate --attack t", {"targeted", "two-patches"}),
        ("interlock defend evaluate --attack patch,a", {"patch,adaptive", "patch,all"}),
        ("interlock defend evaluate --peer p", {"paper", "patchcleanser"}),
        ("interlock defend attack --location s", {"search"}),
        ("interlock certify report --defence s", {"smooth", "self"}),
        ("interlock certify plan --defence e", {"erase"}),
        ("interlock explain --config interlock.toml --pri", {"--prior"}),
    ],
)
def test_names_complete(line: str, offered: set[str]) -> None:
    result = CliRunner().invoke(
        app,
        prog_name="interlock",
        env={
            "_INTERLOCK_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(line.count(" ")),
        },
    )
    assert set(result.stdout.split()) == offered

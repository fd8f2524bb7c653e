"""Files for a deployment, and for continuous integration, against what they speak of."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from interlock.cli import app
from interlock.serve.config import read_config
from interlock.serve.readiness import PUT_ON_RECORD
from interlock.serve.settings import GuardConfig
from interlock.studio.jobs import PATIENCE

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
WRITING = 6.0
"""Seconds that a guard may take at its end beside the answers: what the ledger has yet to write."""


@pytest.fixture(scope="module")
def config() -> GuardConfig:
    return read_config(DEPLOY / "guard.toml", {})


def instructions_of(name: str) -> dict[str, list[str]]:
    """Instruction -> what follows it, each time."""
    text = re.sub(r"\\\n", " ", (DEPLOY / name).read_text())
    instructions: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, rest = line.strip().partition(" ")
            instructions.setdefault(name, []).append(rest.strip())
    return instructions


@pytest.fixture(scope="module")
def container() -> dict[str, list[str]]:
    return instructions_of("Containerfile")


def unit_of(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / name)
    return parser


@pytest.fixture(scope="module")
def unit() -> configparser.ConfigParser:
    return unit_of("interlock-guard.service")


def is_a_guard_s(words: list[str]) -> bool:
    """Whether the command line is one that the guard takes, with its settings where they are."""
    command: Any = get_command(app)
    assert Path(words[0]).name == "interlock"
    guard = command.commands[words[1]]
    options = {name: option for option in guard.params for name in option.opts}
    assert words[2:] == ["--config", "/etc/interlock/guard.toml"]
    return "--config" in options


def test_the_container_is_built_of_what_is_there(container: dict[str, list[str]]) -> None:
    for copied in container["COPY"]:
        *sources, _ = copied.split()
        assert all((ROOT / source).exists() for source in sources)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (extras,) = re.findall(r"\.\[([\w,]+)\]", " ".join(container["RUN"]))
    assert {"serve", "postgres"} == set(extras.split(",")) <= set(project["optional-dependencies"])
    assert {"README.md", "setup.py"} <= set(container["COPY"][0].split())  # it is built of these
    version = container["FROM"][0].partition(":")[2].partition("-")[0]
    assert tuple(map(int, version.split("."))) >= (3, 11)
    assert project["requires-python"] == ">=3.11"


@pytest.mark.parametrize("name", ["Containerfile", "studio.Containerfile"])
def test_what_a_container_was_built_in_does_not_stay(name: str) -> None:
    instructions = instructions_of(name)
    built, works = instructions["WORKDIR"]
    (run,) = instructions["RUN"]
    installs, *_, last = (step.strip() for step in run.split("&&"))
    assert " -e" not in installs  # it is copied out of there
    assert last == f"rm -rf {built}"
    assert works != built


def test_the_container_runs_the_guard(container: dict[str, list[str]], config: GuardConfig) -> None:
    assert is_a_guard_s(json.loads(container["ENTRYPOINT"][0]))
    assert container["EXPOSE"] == [str(config.port)]
    assert config.host == "0.0.0.0"  # else nobody outside of the container reaches it
    assert container["STOPSIGNAL"] == ["SIGTERM"]
    assert f":{config.port}/healthz" in container["HEALTHCHECK"][0]
    assert container["USER"][-1] not in ("root", "0")
    (patience,) = re.findall(r"podman stop --time (\d+)", (DEPLOY / "Containerfile").read_text())
    assert int(patience) > config.vote.deadline + PUT_ON_RECORD + WRITING


def test_the_unit_runs_the_guard(unit: configparser.ConfigParser, config: GuardConfig) -> None:
    service = unit["Service"]
    assert is_a_guard_s(shlex.split(service["ExecStart"]))
    assert float(service["TimeoutStopSec"]) > config.vote.deadline + PUT_ON_RECORD + WRITING
    assert service["WorkingDirectory"] == f"/var/lib/{service['StateDirectory']}"
    assert config.ledger.url.removeprefix("sqlite:///").startswith(service["WorkingDirectory"])
    assert {"AF_INET", "AF_INET6"} <= set(service["RestrictAddressFamilies"].split())


def test_what_the_containers_copy_is_not_ignored() -> None:
    """``.dockerignore`` leaves out all but what it names, so it has to name what is copied."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    lines = [line for line in lines if line and not line.startswith("#")]
    assert lines[0] == "*"
    let_in = {line[1:] for line in lines if line.startswith("!")}
    for name in ("Containerfile", "studio.Containerfile"):
        copied = [source for line in instructions_of(name)["COPY"] for source in line.split()[:-1]]
        assert set(copied) == let_in, name


def is_a_studio_s(words: list[str]) -> bool:
    """Whether the command line is one that the studio takes."""
    command: Any = get_command(app)
    assert Path(words[0]).name == "interlock"
    given = command.commands[words[1]].make_context("studio", words[2:]).params  # or it raises
    return {"model", "port"} <= given.keys()


def test_the_studio_s_container_and_unit_run_it() -> None:
    container = instructions_of("studio.Containerfile")
    for copied in container["COPY"]:
        *sources, _ = copied.split()
        assert all((ROOT / source).exists() for source in sources)
    assert ".[serve]" in " ".join(container["RUN"])
    assert is_a_studio_s(json.loads(container["ENTRYPOINT"][0]))
    assert container["STOPSIGNAL"] == ["SIGINT"]
    assert container["USER"][-1] not in ("root", "0")
    assert "EXPOSE" not in container  # it is for this machine alone
    text = (DEPLOY / "studio.Containerfile").read_text()
    assert f"./models:{container['WORKDIR'][-1]}:ro" in text  # what is there, the page lists
    (patience,) = re.findall(r"podman stop --time (\d+)", text)
    assert float(patience) > PATIENCE
    service = unit_of("interlock-studio.service")["Service"]
    assert is_a_studio_s(shlex.split(service["ExecStart"]))
    assert float(service["TimeoutStopSec"]) > PATIENCE
    (port,) = re.findall(r"--port (\d+)", service["ExecStart"])
    for text in ("studio.Containerfile", "interlock-studio.service"):
        assert f"127.0.0.1:{port}" in (DEPLOY / text).read_text()


def test_the_proxy_waits_longer_than_the_guard(config: GuardConfig) -> None:
    text = re.sub(r"#.*", "", (DEPLOY / "nginx.conf").read_text())
    assert text.count("{") == text.count("}") > 0
    settings = dict(re.findall(r"^\s*(\w+)\s+([^;{]+);", text, re.MULTILINE))
    assert float(settings["proxy_read_timeout"].removesuffix("s")) > config.vote.deadline
    megabytes = int(settings["client_max_body_size"].removesuffix("m"))
    assert megabytes * 2**20 > config.limits.request_bytes
    assert settings["proxy_buffering"] == "off"
    assert set(re.findall(r"server [\w.-]+:(\d+)", text)) == {str(config.port)}
    (group,) = re.findall(r"^upstream (\w+)", text, re.MULTILINE)
    assert settings["proxy_pass"] == f"http://{group}"
    assert re.findall(r"location (\S+)", text) == ["/v1/", "/"]


def test_variables_of_the_environment_are_those_that_are_read(config: GuardConfig) -> None:
    read = {config.upstream_key_env, config.vote.secret_env, "PGPASSWORD"}
    read |= {config.auth.keys_env, config.auth.admin_keys_env}
    for path in DEPLOY.iterdir():
        named = re.findall(r"\b(?:INTERLOCK|OPENAI)_[A-Z_]+\b", path.read_text())
        assert set(named) <= read, path.name
    assert config.vote.secret_env in (DEPLOY / "guard.toml").read_text()


def made(path: Path) -> set[str]:
    """Targets of ``make`` that a file calls."""
    return set(re.findall(r"\bmake ([a-z-]+)", path.read_text()))


WORKFLOWS = {"ci": {"test", "docs", "package"}, "slow": {"test-all", "docs"}}


def workflow(name: str) -> dict[Any, Any]:
    content: dict[Any, Any] = yaml.safe_load(
        (ROOT / ".github/workflows" / f"{name}.yml").read_text()
    )
    return content


def test_what_machines_run_is_what_people_run() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {path.stem for path in (ROOT / ".github/workflows").iterdir()} == WORKFLOWS.keys()
    for name, called in WORKFLOWS.items():
        assert made(ROOT / ".github/workflows" / f"{name}.yml") == called <= targets
        for job in workflow(name)["jobs"].values():
            (command,) = [step["run"] for step in job["steps"] if "run" in step]
            assert re.fullmatch(r"make [a-z-]+ PYTHON=python( [A-Z]+=\$\{\{.*\}\})?", command)
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert {hook["entry"] for hook in hooks} == {"make lint", "make test"}
    assert all(hook["pass_filenames"] is False for hook in hooks)


def test_the_slow_tests_run_weekly_and_by_hand() -> None:
    begins = workflow("slow")[True]  # YAML's "on"
    assert begins.keys() == {"schedule", "workflow_dispatch"}
    (when,) = begins["schedule"]
    minute, hour, day, month, weekday = when["cron"].split()
    assert minute.isdecimal()
    assert hour.isdecimal()
    assert weekday.isdecimal()
    assert (day, month) == ("*", "*")
    # what the two cores of the contributing page need, with room for slower ones
    assert workflow("slow")["jobs"]["test-all"]["timeout-minutes"] >= 60

"""The command: it says where the page is, and ends by Ctrl-C whatever is under way."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from PIL import Image
from typer.main import get_command
from typer.testing import CliRunner

from interlock.cli import app
from interlock.cli.guard.commands import NEEDED
from interlock.data.sources.package_photos import CLEAN
from interlock.defend import CertifiedShield
from interlock.serve.listener import listen
from interlock.studio.app import TOKEN
from interlock.studio.defending import CROPS
from interlock.studio.photos import BYTES, PIXELS
from interlock.studio.requests import Attacked
from interlock.studio.run import HOST
from interlock.studio.studio import Given
from tests.networks import SmallCNN

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.mark.slow
def test_it_is_served_and_ends_by_ctrl_c_with_work_under_way(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "interlock.cli", "studio", "--port", "0", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        said = ""
        while not said.endswith("}\n"):
            line = process.stdout.readline()
            assert line, process.stderr.read() if process.stderr else ""
            said += line
        told = json.loads(said)
        assert (told["model"], told["target"]) == ("embedded", "embedded")
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", told["url"])
        with httpx.Client(base_url=told["url"], trust_env=False, timeout=60) as client:
            (token,) = re.findall(r'interlock-token" content="([\w-]{32})"', client.get("/").text)
            stored = io.BytesIO()
            Image.new("RGB", (300, 200), "teal").save(stored, "PNG")
            head = {TOKEN: token}
            state = client.put("/api/photo", content=stored.getvalue(), headers=head).json()
            assert state["jobs"]["explain"]["state"] == "running"
            assert client.get("/api/state").status_code == 403
        process.send_signal(signal.SIGINT)
        assert process.wait(40) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    assert list(tmp_path.iterdir()) == []


def test_what_it_cannot_begin_with_is_one_line(tmp_path: Path) -> None:
    for options, words in (
        (["--model", str(tmp_path)], "no config.json there"),
        (["--model", "no-such-module:factory"], "give package.module:factory"),
        (["--target", "http://127.0.0.1:9/v1"], "--target-model"),
        (["--shield", str(tmp_path / "none")], "none"),
        (["--device", "abacus"], "abacus"),
    ):
        result = CliRunner().invoke(app, ["studio", "--port", "0", *options])
        assert result.exit_code == 1, result.stderr
        assert words in result.stderr
        assert result.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_one_line() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(app, ["studio", "--port", port])
    assert result.exit_code == 1
    assert f"127.0.0.1:{port}: cannot listen there" in result.stderr


@pytest.mark.parametrize("package", NEEDED)
def test_it_names_what_it_lacks(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    result = CliRunner().invoke(app, ["studio"])
    assert result.exit_code == 1
    assert result.stderr == (
        f"error: the studio needs {package}; install with: pip install 'interlock[serve]'\n"
    )


def test_the_page_of_the_docs_says_what_is_so() -> None:
    page = " ".join((ROOT / "docs" / "studio.md").read_text("utf-8").split())
    masks = len(CertifiedShield(SmallCNN(), area=0.03).mask_set(160, 160))
    assert f"up to {masks * (masks + 1) // 2} times" in page
    assert f"{CROPS} crops of nine photos" in page
    assert len(CLEAN) == 9
    assert f"at most {BYTES // 2**20} MiB and {PIXELS // 10**6} million pixels" in page
    assert f"{Attacked().steps} steps" in page
    option = next(o for o in get_command(app).commands["studio"].params if o.name == "port")  # type: ignore[attr-defined]
    assert f"http://{HOST}:{option.default}" in page


def test_the_command_gives_seed_and_device_on(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Given] = []
    monkeypatch.setattr("interlock.studio.run.serve", lambda given, *_: begun.append(given))
    for more in ([], ["--seed", "7"]):
        result = CliRunner().invoke(app, ["studio", "--device", "cpu", *more])
        assert result.exit_code == 0, result.output
    assert [(given.seed, given.device) for given in begun] == [(0, "cpu"), (7, "cpu")]

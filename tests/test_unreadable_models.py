"""A file of a model that is there and cannot be read is named, with what it is."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from interlock.cli import app
from interlock.errors import ModelError
from interlock.studio.studio import Given, Studio
from tests.studio.asking import asking
from tests.studio.test_models import refused, saved
from tests.tiny import photo

WEIGHTS = "model.safetensors"
ATTACK = '{"goal": "do harm", "prompt": "do harm !!", "span": [7, 10]}\n'


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    photo(tmp_path / "photo.jpg", 3)
    (tmp_path / "attacks.jsonl").write_text(ATTACK)
    return saved(tmp_path / "mine")


def a_folder(path: Path, _: pytest.MonkeyPatch) -> str:
    path.unlink()
    path.mkdir()
    return f"{path.relative_to(Path.cwd())}: cannot be read (Is a directory)"


def forbidden(path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """To whoever opens it here; the libraries, which open it themselves, find it damaged."""
    path.write_bytes(b"")
    opened: Any = Path.open

    def refuse(self: Path, *args: Any, **given: Any) -> Any:
        if self.name == path.name:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))
        return opened(self, *args, **given)

    monkeypatch.setattr(Path, "open", refuse)
    return f"{path.relative_to(Path.cwd())}: cannot be read (Permission denied)"


@pytest.mark.parametrize("spoil", [a_folder, forbidden])
@pytest.mark.parametrize("file", [WEIGHTS, "preprocessor_config.json"])
@pytest.mark.parametrize(
    "line",
    [
        "explain photo.jpg --model mine",
        "defend attack photo.jpg --model mine",
        "certify report --target mine --attacks attacks.jsonl --benign shipped",
        "guard --target mine --uncertified",
    ],
)
def test_a_command_says_which_and_why(
    line: str,
    file: str,
    spoil: Callable[[Path, pytest.MonkeyPatch], str],
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = spoil(model / file, monkeypatch)
    result = CliRunner().invoke(app, line.split())
    assert result.exit_code == 1
    assert said in result.stderr
    assert "No such file" not in result.stderr


@pytest.mark.parametrize("spoil", [a_folder, forbidden])
def test_the_studio_does_too(
    spoil: Callable[[Path, pytest.MonkeyPatch], str], model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with asking() as page:
        (said := spoil(model / WEIGHTS, monkeypatch))
        assert refused(page, "mine") == said
    with pytest.raises(ModelError, match="cannot be read"):
        Studio(Given(model="mine"))


def test_a_folder_that_may_not_be_entered(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entered = os.listdir

    def refuse(folder: Any = ".") -> Any:
        if Path(folder).name == model.name:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        return entered(folder)

    monkeypatch.setattr(os, "listdir", refuse)
    result = CliRunner().invoke(app, ["explain", "photo.jpg", "--model", "mine"])
    said = "error: mine: cannot be read (Permission denied)\n"
    assert (result.exit_code, result.stderr) == (1, said)


def test_what_can_be_read_is_told_as_before(model: Path) -> None:
    (model / WEIGHTS).write_bytes(b"damaged")
    result = CliRunner().invoke(app, ["explain", "photo.jpg", "--model", "mine"])
    assert "mine: not loaded as an image classifier" in result.stderr

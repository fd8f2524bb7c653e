"""How a run begins and ends: one line, one object, an exit code, whatever happens."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from interlock.cli import app
from interlock.cli.options import AsJson, chosen
from interlock.cli.session import KEPT, finish, session
from interlock.cli.terminal import Terminal, table
from interlock.errors import DataError, ModelError, OptionError
from tests.programs import PROGRAM
from tests.test_cli import one_error
from tests.tiny import photo

HALF_IMPORTED = """
import signal
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    pass
raise RuntimeError("maximum recursion depth exceeded")
"""
SOURCES = Path(__file__).parent.parent / "src"


@pytest.fixture(autouse=True)
def _heeds_ctrl_c() -> Iterator[None]:
    """A process started in the background of a script ignores SIGINT; one at a terminal does not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.set_wakeup_fd(-1) == -1
    signal.signal(signal.SIGINT, before)


def ended(work: Callable[[Terminal], None], *arguments: str) -> Any:
    """A command that does this work in a session."""
    single = typer.Typer()

    @single.command()
    def command(
        context: typer.Context,
        max_tokens: int = 3,
        kinds: Annotated[str, typer.Option("--perturbation")] = "swap",
        whole: Annotated[bool, typer.Option("--whole")] = False,
        as_json: AsJson = False,
    ) -> None:
        with session(context) as terminal:
            work(terminal)

    return CliRunner().invoke(single, list(arguments))


def raising(error: BaseException) -> Callable[[Terminal], None]:
    def work(terminal: Terminal) -> None:
        raise error

    return work


@pytest.fixture
def half_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module in whose import Ctrl-C is pressed, and made another error of."""
    (tmp_path / "heavy.py").write_text(HALF_IMPORTED)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "heavy"


def test_ctrl_c_that_an_import_swallows_is_ctrl_c_all_the_same(half_imported: str) -> None:
    result = ended(lambda terminal: __import__(half_imported), "--json")
    assert result.exit_code == 130
    assert result.stderr == f"{KEPT}\n"
    assert json.loads(result.stdout) == {"interrupted": True}


def test_ctrl_c_that_the_model_s_own_import_swallows(half_imported: str, tmp_path: Path) -> None:
    image = str(photo(tmp_path / "a.png"))
    out = str(tmp_path / "o")
    given = ["explain", image, "--out", out, "--model", f"{half_imported}:factory", "--json"]
    result = CliRunner().invoke(app, given)
    assert (result.exit_code, result.stderr) == (130, f"{KEPT}\n")
    assert json.loads(result.stdout) == {"interrupted": True}


def swallowing() -> Any:
    """A model that makes an error of Ctrl-C."""
    from tests.tiny import tiny

    network = tiny()

    def preprocess(image: object) -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise RuntimeError("stopped") from None

    network.preprocess = preprocess  # type: ignore[assignment]
    return network


@pytest.mark.parametrize("verb", [["explain"], ["defend", "attack"]])
def test_ctrl_c_in_the_model_is_no_failed_photo(verb: list[str], tmp_path: Path) -> None:
    image, out = str(photo(tmp_path / "a.png")), str(tmp_path / "o")
    given = [*verb, image, "--out", out, "--model", f"{__name__}:swallowing", "--json"]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 130
    value = json.loads(result.stdout)
    assert (value["interrupted"], value["failed"], value["images"]) == (True, [], [])


@pytest.mark.parametrize(
    ("verb", "name"),
    [
        (["defend", "attack"], "numpy.linalg"),
        (["defend", "attack"], "torch.nn"),
        (["explain"], "interlock.explain.hsets"),
    ],
)
def test_ctrl_c_while_libraries_are_imported(verb: list[str], name: str, tmp_path: Path) -> None:
    pressing = (
        "import sys, signal\n"
        "class Pressing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {name!r}: signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Pressing())\n"
    )
    command = [sys.executable, "-c", pressing + PROGRAM, *verb, str(tmp_path), "--json"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env={"PYTHONPATH": str(SOURCES)}
    )
    assert (done.returncode, done.stderr) == (130, f"{KEPT}\n")
    assert json.loads(done.stdout) == {"interrupted": True}


def test_an_error_without_ctrl_c_is_an_error() -> None:
    assert isinstance(ended(raising(RuntimeError("a bug"))).exception, RuntimeError)
    result = ended(raising(KeyboardInterrupt()))
    assert (result.exit_code, result.stderr, result.stdout) == (130, f"{KEPT}\n", "")


def test_an_ignored_ctrl_c_stays_ignored_and_a_thread_hears_of_none() -> None:
    def ignoring(terminal: Terminal) -> None:
        signal.raise_signal(signal.SIGINT)
        assert not terminal.interrupted()

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert ended(ignoring).exit_code == 0
    signal.signal(signal.SIGINT, signal.default_int_handler)
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(ended(raising(DataError("x"))).exit_code))
    thread.start()
    thread.join()
    assert codes == [1]


def test_errors_are_one_line_and_name_options_as_they_are_typed() -> None:
    for error, line in (
        (OptionError("max_tokens=0, batch=1: must be\nat least 1"), "--max-tokens 0, batch=1: must be at least 1"),
        (OptionError("name the model (perturbation=…)"), "name the model (--perturbation …)"),
        (DataError("perturbation='x': choose swap"), "--perturbation 'x': choose swap"),
        (OptionError("only for whole=True"), "only for --whole"),
        (OptionError("it takes no kinds="), "it takes no --perturbation"),
        (DataError("runs/kinds=3/a.png: no such file"), "runs/kinds=3/a.png: no such file"),
        (ModelError("the model failed (f(kinds=3))"), "the model failed (f(kinds=3))"),
    ):  # fmt: skip
        result = ended(raising(error), "--json")
        assert one_error(result) == f"error: {line}"
        assert json.loads(result.stdout) == {"error": line}


def test_an_endpoint_without_a_model_is_told_the_option(tmp_path: Path) -> None:
    given = ["certify", "measure", "--target", "http://localhost:1/v1", "--attacks", "embedded"]
    given += ["--out", str(tmp_path)]
    assert "(--model …)" in one_error(CliRunner().invoke(app, given))


def test_several_errors_are_a_line_each() -> None:
    error = DataError("a; b")
    error.lines = ("a", "b")  # type: ignore[attr-defined]
    result = ended(raising(error), "--json")
    assert (result.exit_code, result.stderr) == (1, "error: a\nerror: b\n")
    assert json.loads(result.stdout) == {"error": "a; b", "errors": ["a", "b"]}


def test_the_end_is_told_by_the_exit_code() -> None:
    for more, code in (({}, 0), ({"good": False}, 1), ({"interrupted": "stopped"}, 130)):
        result = ended(lambda terminal, more=more: finish(terminal, {"n": 1}, **more), "--json")  # type: ignore[misc]
        assert (result.exit_code, json.loads(result.stdout)) == (code, {"n": 1})


def test_a_run_takes_the_parameters_that_it_has_fields_for() -> None:
    def run(model: str, seed: int = 7, limit: int | None = None, *, extra: int) -> tuple[Any, ...]:
        return model, seed, limit, extra

    given = {"model": None, "seed": None, "limit": 3, "as_json": True}
    assert chosen(run, given, extra=1) == (None, 7, 3, 1)


def test_a_table_ends_its_columns_together() -> None:
    assert table([["family", "n"], ["gcg", "12"]]) == ["family   n", "gcg     12"]

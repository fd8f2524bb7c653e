"""What is printed where, on a terminal and in a pipe."""

from __future__ import annotations

import io
import json
import time

import pytest

from interlock.cli import terminal as terminals
from interlock.cli.terminal import Terminal, one_line


class FakeTerminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_that_names_the_item(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = FakeTerminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stderr", screen)
    items = Terminal(as_json=True).track(["photo[1].png"], 1, str)
    assert list(items) == ["photo[1].png"]
    assert "photo[1].png" in screen.getvalue()
    assert "0/1" in screen.getvalue()


def test_a_pipe_gets_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(Terminal(as_json=False).track([1, 2], 2, str)) == [1, 2]
    assert capsys.readouterr() == ("", "")


def test_one_line_is_one_line_of_printable_text() -> None:
    assert one_line("a\n b\t c") == "a b c"
    assert one_line("caf\udce9.png") == "caf?.png"


def test_steps_are_named_on_a_terminal_and_silent_in_a_pipe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Terminal(as_json=True).steps() as tell:
        assert tell("votes") is None
    assert capsys.readouterr() == ("", "")
    screen = FakeTerminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stderr", screen)
    with Terminal(as_json=True).steps() as tell:
        for name in ("votes [a]", "check"):
            progress = tell(name)
            assert progress is not None
            progress(3, 7)
    assert "votes [a]" in screen.getvalue()
    assert "3/7" in screen.getvalue()


def test_a_pipe_gets_a_line_a_minute_with_an_estimate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(terminals, "LINE_EVERY", 0.05)
    with Terminal(as_json=True).steps(lines=True) as tell:
        progress = tell("votes\n[a]")
        assert progress is not None
        progress(30, 90)
        time.sleep(0.12)
    out, err = capsys.readouterr()
    assert out == ""  # --json has stdout for itself
    first, second = err.splitlines()[:2]
    assert first.startswith("votes [a]: 30 of 90, about 0 s left")
    assert second == "votes [a]: 30 of 90"  # a step that hangs is seen, and promises nothing
    time.sleep(0.12)
    assert capsys.readouterr() == ("", "")


def test_a_run_shorter_than_a_minute_says_nothing_in_a_pipe(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Terminal(as_json=False).steps(lines=True) as tell:
        progress = tell("votes")
        assert progress is not None
        progress(1, 2)
    assert capsys.readouterr() == ("", "")


def test_what_was_remembered_shortens_no_estimate() -> None:
    said: list[str] = []
    minutes = terminals._Minutes(said.append)
    told = minutes.step("votes")
    told(900, 1000)  # at once, from an earlier run
    minutes._since, minutes._before = time.monotonic() - 60, 900
    told(910, 1000)
    assert minutes._line() == "votes: 910 of 1000, about 9 min left"


def test_the_object_has_no_number_that_json_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"a": float("nan"), "b": [1.5, float("inf")], "c": {"d": (-float("inf"), "x", True)}}
    Terminal(as_json=True).result(value)
    read = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert read == {"a": None, "b": [1.5, None], "c": {"d": [None, "x", True]}}

"""What is printed where, on a terminal and in a pipe."""

from __future__ import annotations

import io

import pytest

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

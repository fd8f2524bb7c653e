"""Where the run of a verb begins and ends: errors, Ctrl-C, the JSON object and the exit code."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stdout
from typing import Any

import typer

from interlock.cli.terminal import Terminal, one_line
from interlock.errors import DataError, InterlockError, OptionError

INTERRUPTED = 130
KEPT = "interrupted; what is finished is kept, and the same command goes on"


@contextmanager
def session(context: typer.Context, sentence: str = KEPT) -> Iterator[Terminal]:
    """Give a run its terminal, and end it in one line: errors by exit code 1, Ctrl-C by 130.

    A library that is being imported may make another error of Ctrl-C: whatever is raised after it
    counts as it.

    Args:
        context: of the command, which has ``--json``.
        sentence: what the verb says of Ctrl-C.
    """
    terminal = Terminal(context.params["as_json"])
    if not sys.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    with _heeding(terminal), redirect_stdout(sys.stderr) if terminal.as_json else nullcontext():
        try:
            yield terminal
        except typer.Exit:
            raise
        except BaseException as error:
            if terminal.interrupted() or isinstance(error, KeyboardInterrupt):
                finish(terminal, {"interrupted": True}, interrupted=sentence)
            if not isinstance(error, InterlockError):
                raise
            lines = [one_line(line) for line in getattr(error, "lines", (error,))]
            if isinstance(error, OptionError | DataError):
                lines = [_as_typed(line, context) for line in lines]
            for line in lines:
                terminal.complain(line)
            parts = {"errors": lines} if hasattr(error, "lines") else {}
            finish(terminal, {"error": "; ".join(lines)} | parts, good=False)


def finish(
    terminal: Terminal, value: Mapping[str, Any], *, good: bool = True, interrupted: str = ""
) -> None:
    """Print the JSON object, and leave where not all is well.

    Args:
        terminal: of the session.
        value: what ``--json`` prints.
        good: exit code 0, else 1.
        interrupted: what to say of a run that Ctrl-C ended; empty where it did not.
    """
    terminal.result(value)
    if interrupted:
        terminal.note(interrupted)
        raise typer.Exit(INTERRUPTED)
    if not good:
        raise typer.Exit(1)


@contextmanager
def _heeding(terminal: Terminal) -> Iterator[None]:
    """Let the terminal know of Ctrl-C; what is done about it stays as it is, asyncio's way too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard, heeding = socket.socketpair()
    with heard, heeding:
        heard.setblocking(False)
        heeding.setblocking(False)
        before = signal.set_wakeup_fd(heeding.fileno(), warn_on_full_buffer=False)
        terminal.signals = heard
        try:
            yield
        finally:
            terminal.signals = None
            signal.set_wakeup_fd(before)


def _as_typed(message: str, context: typer.Context) -> str:
    """An option that an error calls ``max_tokens=0``, as it is typed: ``--max-tokens 0``."""
    typed: dict[str | None, str] = {}
    for parameter in context.command.params:
        option = max(parameter.opts, key=len)
        if option.startswith("--"):
            typed |= dict.fromkeys((parameter.name, option[2:].replace("-", "_")), option)

    def named(match: re.Match[str]) -> str:
        name, truth, more = match.groups()
        return match[0] if name not in typed else typed[name] + ("" if truth else " " * bool(more))

    return re.sub(r"(?<![^\s(,])([a-z_]+)=(True\b)?(?=(\S?))", named, message)

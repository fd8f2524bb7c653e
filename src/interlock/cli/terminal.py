"""What a command says, and where: results on stdout, complaints and progress on stderr."""

from __future__ import annotations

import json
import math
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TextIO, TypeVar

T = TypeVar("T")
JUST_BEGUN = 1e-6
"""Share of an item; a rate is measured from something on."""
LINE_EVERY = 60.0
"""Seconds between two lines of progress where stderr is no terminal."""


def one_line(text: object) -> str:
    """Text without line breaks, and without the bytes of file names that are not UTF-8."""
    return " ".join(str(text).encode("utf-8", "replace").decode("utf-8").split())


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as aligned lines; the first column is text, the others end together."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return lines


class Terminal:
    """The two streams of one command.

    Args:
        as_json: stdout carries one JSON object and nothing else; whatever a model prints goes to
            stderr.
    """

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.signals: socket.socket | None = None
        """Where the numbers of signals come in as bytes, in a session."""
        self._interrupted = False
        self._stdout: TextIO = sys.stdout
        self._progress: Any = None
        self._part: Callable[[float], None] | None = None

    def interrupted(self) -> bool:
        """Whether Ctrl-C was pressed, whatever became of it."""
        if self.signals is not None:
            with suppress(BlockingIOError):
                self._interrupted |= signal.SIGINT in self.signals.recv(4096)
        return self._interrupted

    def say(self, text: str) -> None:
        """One line for a person; nothing with ``--json``."""
        if not self.as_json:
            self._line(text, self._stdout)

    def complain(self, problem: object) -> None:
        """One ``error:`` line on stderr."""
        self._line(f"error: {one_line(problem)}", sys.stderr)

    def note(self, text: str) -> None:
        """One line on stderr that is no error."""
        self._line(text, sys.stderr)

    def result(self, value: Mapping[str, Any]) -> None:
        """The one JSON object, when it was asked for."""
        if self.as_json:
            text = json.dumps(_finite(value), indent=2, default=str)
            _write(text, self._stdout, "utf-8")

    def track(self, items: Iterable[T], total: int, name: Callable[[T], str]) -> Iterator[T]:
        """Yield the items, with a progress bar where stderr is a terminal."""
        if not sys.stderr.isatty():
            yield from items
            return
        from rich.markup import escape

        bar = _bar()
        with bar:
            self._progress = bar
            task = bar.add_task("", total=total)
            try:
                for number, item in enumerate(items):
                    bar.update(task, description=escape(one_line(name(item))))
                    self._part = lambda share, done=number: bar.update(task, completed=done + share)
                    self.part(JUST_BEGUN)
                    yield item
                    bar.update(task, completed=number + 1)
            finally:
                self._progress = self._part = None

    def part(self, share: float) -> None:
        """How much of the current item of :meth:`track` is done, 0 to 1; an estimate needs two."""
        if self._part is not None:
            self._part(share)

    @contextmanager
    def steps(
        self, *, rate: bool = False, lines: bool = False
    ) -> Iterator[Callable[[str], Callable[[int, int], None] | None]]:
        """Gives, for the name of a step, who is told (done, total); nobody off a terminal.

        Args:
            rate: show how many are done a second.
            lines: off a terminal, say once a minute on stderr where the step is.
        """
        if not sys.stderr.isatty():
            if lines:
                with _Minutes(self.note) as minutes:
                    yield minutes.step
            else:
                yield lambda name: None
            return
        from rich.markup import escape

        bar = _bar(rate)

        def tell(name: str) -> Callable[[int, int], None]:
            for task in bar.task_ids:  # one step at a time
                bar.remove_task(task)
            current = bar.add_task(escape(one_line(name)), total=None)
            return lambda done, total: bar.update(current, completed=done, total=total)

        with bar:
            self._progress = bar
            try:
                yield tell
            finally:
                self._progress = None

    def _line(self, text: str, stream: TextIO) -> None:
        # Rich draws its bar again below a line that it printed itself.
        if self._progress is not None and stream.isatty():
            self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)
            return
        _write(text, stream, stream.encoding or "utf-8")


class _Minutes:
    """Says once a minute how far a step is and how long it may still take.

    By a thread of its own: a step that hangs, or that is told of in large batches, is seen as well.
    The estimate is by what was done since the last line, for answers that were remembered come at
    once and say nothing of those to come.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say, self._end = say, threading.Event()
        self._name, self._done, self._total = "", 0, 0
        self._since, self._before = time.monotonic(), 0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def step(self, name: str) -> Callable[[int, int], None]:
        """Begins a step; gives who is told (done, total) of it."""
        with self._lock:
            self._name, self._done, self._total = one_line(name), 0, 0
            self._since, self._before = time.monotonic(), 0
        return self._told

    def __enter__(self) -> _Minutes:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _told(self, done: int, total: int) -> None:
        self._done, self._total = done, total

    def _run(self) -> None:
        while not self._end.wait(LINE_EVERY):
            with self._lock:
                line = self._line()
            if line:
                self._say(line)

    def _line(self) -> str:
        if not self._name:
            return ""
        done, total, now = self._done, self._total, time.monotonic()
        text = f"{self._name}: {done} of {total}" if total else f"{self._name}: under way"
        if self._before < done < total:
            left = (now - self._since) * (total - done) / (done - self._before)
            text += f", about {span(left)} left"
            self._since, self._before = now, done
        return text


def span(seconds: float) -> str:
    """A time for a person, in seconds, minutes or hours."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _finite(value: Any) -> Any:
    """As JSON can write it: it has no NaN and no infinity, which become null."""
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write(text: str, stream: TextIO, encoding: str) -> None:
    """One line, with a question mark for what the encoding lacks."""
    stream.write(text.encode(encoding, "replace").decode(encoding) + "\n")
    stream.flush()


def _bar(rate: bool = False) -> Any:
    """A progress bar on stderr that goes away when it is done."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, ProgressColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        """Items a second; a slow step says how many a minute."""

        def render(self, task: Any) -> Text:
            speed = task.finished_speed or task.speed or 0.0
            return Text(
                "" if not speed else f"{speed:.1f}/s" if speed >= 1 else f"{60 * speed:.1f}/min"
            )

    columns = [*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn()]
    columns += [Rate()] if rate else []
    return Progress(
        *columns,
        console=Console(stderr=True),
        redirect_stdout=False,
        transient=True,
        speed_estimate_period=600,  # one photo may take minutes
    )

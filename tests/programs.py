"""The command in a process of its own that does not pay for its imports.

A server imports what takes long, once for each process that runs tests, and forks a program from it
whenever a test asks for one: a real process, with a pid, what it says, and signals that reach it as
any other. That the command also starts from nothing is shown by tests that start Python itself:
``lab`` in ``lab/test_without_extra.py``, ``explain`` and ``defend`` in ``test_cli_session.py``,
``certify`` in ``test_cli_certify.py``, ``guard`` in ``test_cli_guard.py`` and
``serve/test_ledger.py``; the last three load no PyTorch, or once.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import sys
import tempfile
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType

from interlock.cli import main

ROOT = Path(__file__).parent.parent

# A test that runs in the background of a script inherits that Ctrl-C is ignored.
PROGRAM = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from interlock.cli import main; main()"
)
"""For a Python that starts from nothing."""
IMPORTED = (
    "torch",
    "tests.programs",
    "tests.tiny",
    "interlock.lab.run",
    "interlock.lab.engines.local",
)
"""With all that they import."""

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(list(IMPORTED))


class Program:
    """``interlock`` with these arguments, in the project's folder.

    What it says goes to files, so that no pipe is full and none is kept open by those it started.
    """

    def __init__(self, *arguments: object) -> None:
        self._files = [tempfile.TemporaryFile() for _ in range(2)]  # noqa: SIM115
        told, tell = _forks.Pipe(duplex=False)
        outputs = [Connection(os.dup(file.fileno())) for file in self._files]
        given = [str(argument) for argument in arguments]
        self._process = _forks.Process(target=_run, args=(given, outputs, tell, dict(os.environ)))
        self._process.start()
        for passed in (tell, *outputs):
            passed.close()
        told.recv()  # a signal that comes earlier would meet no program yet
        told.close()
        # Or Python would wait at its end for one that a failed test has left behind.
        atexit.register(self._process.kill)

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; the negative signal that ended it, if one did."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Whether it has ended, and how."""
        return self.returncode

    def send_signal(self, which: signal.Signals) -> None:
        """To it alone."""
        if self.poll() is None:
            os.kill(self.pid, which)

    def kill(self) -> None:
        """Not to be caught."""
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """How it ended.

        Raises:
            TimeoutError: it has not, after so many seconds.
        """
        self._process.join(timeout)
        if self.returncode is None:
            raise TimeoutError(f"process {self.pid} still runs")
        return self.returncode

    def said(self) -> tuple[str, str]:
        """All on stdout and on stderr so far."""
        texts = (os.pread(f.fileno(), os.fstat(f.fileno()).st_size, 0) for f in self._files)
        stdout, stderr = (text.decode() for text in texts)
        return stdout, stderr

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end; all that it said."""
        self.wait(timeout)
        return self.said()


def _run(
    arguments: list[str], outputs: list[Connection], tell: Connection, env: dict[str, str]
) -> None:
    """In the new process: as if Python had just been started there."""
    for number, output in enumerate(outputs, start=1):
        os.dup2(output.fileno(), number)
        output.close()
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["interlock", *arguments]
    sys.modules["__main__"] = ModuleType("__main__")  # for workers, which import their parent's
    tracker = resource_tracker._resource_tracker
    tracker._fd = tracker._pid = None  # what a killed program leaves is not this process's to tell
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        tell.send("ready")
        tell.close()
        main()
    except KeyboardInterrupt:  # as Python ends itself
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)

"""Work that takes seconds or minutes: in a thread of its own, with its progress, and an end."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from torch import nn

from interlock.errors import InterlockError
from interlock.serve.wire_error import WireError

State = Literal["running", "stopping", "done", "stopped", "failed"]
PATIENCE = 10.0
"""Seconds that work under way may take to stop when the server does."""
log = logging.getLogger("interlock.studio")


class StoppedError(BaseException):
    """Somebody stopped the work. No library that catches its own errors may catch it."""


class Job:
    """One piece of work.

    Args:
        kind: of which one runs at a time.
        work: does it; calls :meth:`tell` or :meth:`check` often.
        before: a stopped one of the kind, whose end is awaited.
    """

    def __init__(self, kind: str, work: Callable[[Job], None], before: Job | None) -> None:
        self.kind, self._work, self._before = kind, work, before
        self.share: float | None = None
        """Of the work that is done; None where nobody knows."""
        self.note = ""
        """What is being done."""
        self.error = ""
        """Why it failed, in one line."""
        self._asked_to_stop = threading.Event()
        self._begun = time.monotonic()
        self._ended: tuple[float, State] | None = None
        self.thread = threading.Thread(target=self._run, name=f"studio-{kind}", daemon=True)

    def tell(self, share: float | None = None, note: str | None = None) -> None:
        """Say how far it is, and end here if it is to stop.

        Raises:
            StoppedError: it is.
        """
        self.check()
        self.share = self.share if share is None else min(1.0, max(0.0, share))
        self.note = self.note if note is None else note

    def check(self) -> None:
        """End here if it is to stop.

        Raises:
            StoppedError: it is.
        """
        if self._asked_to_stop.is_set():
            raise StoppedError

    @contextmanager
    def watching(
        self, model: nn.Module, told: Callable[[int], None] | None = None
    ) -> Iterator[None]:
        """Within it each batch that this thread gives the model is a place to stop.

        Args:
            model: watched; it is left as it was.
            told: before each batch, how many images the model was given so far.
        """
        count, here = 0, threading.get_ident()

        def before(_: nn.Module, given: tuple[Any, ...]) -> None:
            nonlocal count
            if threading.get_ident() != here:
                return
            self.check()
            count += len(given[0]) if given else 1
            if told is not None:
                told(count)

        hook = model.register_forward_pre_hook(before)
        try:
            yield
        finally:
            hook.remove()

    def stop(self) -> None:
        """Ask it to end at the next batch."""
        self._asked_to_stop.set()

    @property
    def state(self) -> State:
        """What is the matter with it."""
        if self._ended is not None:
            return self._ended[1]
        return "stopping" if self._asked_to_stop.is_set() else "running"

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._ended is None

    @property
    def shown(self) -> dict[str, Any]:
        """For the page."""
        end = time.monotonic() if self._ended is None else self._ended[0]
        return {
            "state": self.state,
            "share": self.share,
            "note": self.note,
            "error": self.error,
            "seconds": round(end - self._begun, 1),
        }

    def _run(self) -> None:
        if self._before is not None:
            self._before.thread.join()
            self._before = None
        end: State = "failed"
        try:
            self.check()
            self._work(self)
            end = "done"
        except StoppedError:
            end = "stopped"
        except InterlockError as error:
            self.error = str(error)
        except Exception as error:  # the model is the user's code and may raise anything
            log.exception("%s failed", self.kind)
            first = (str(error).strip().splitlines() or [""])[0]
            self.error = f"{type(error).__name__}: {first}" if first else type(error).__name__
        self._ended = time.monotonic(), end


class Jobs:
    """At most one job of each kind at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._closed = False

    def start(self, kind: str, work: Callable[[Job], None]) -> Job:
        """Begin work; after a stopped one of its kind has ended.

        Raises:
            WireError: one of the kind is running.
        """
        with self._lock:
            if self._closed:
                raise WireError(503, "the studio is ending", "ending")
            last = self._jobs.get(kind)
            if last is not None and last.state == "running":
                raise WireError(409, f"one such job is running ({kind}); stop it first", "busy")
            job = Job(kind, work, last if last is not None and last.alive else None)
            self._jobs[kind] = job
            job.thread.start()
        return job

    def stop(self, *kinds: str) -> None:
        """Ask those that run to end; returns at once."""
        with self._lock:
            for kind in kinds:
                if (job := self._jobs.get(kind)) is not None:
                    job.stop()

    def close(self) -> None:
        """Stop all, and wait for their end."""
        with self._lock:
            self._closed = True
        self.stop(*self._jobs)
        end = time.monotonic() + PATIENCE
        for job in self._jobs.values():
            job.thread.join(max(0.0, end - time.monotonic()))

    @property
    def shown(self) -> dict[str, dict[str, Any]]:
        """The last one of each kind."""
        with self._lock:
            return {kind: job.shown for kind, job in self._jobs.items()}

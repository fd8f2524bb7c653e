"""One run at a time on one folder."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from interlock._files import make_folder, write_atomically
from interlock.errors import OutputError


@contextmanager
def sole_run(folder: Path) -> Iterator[None]:
    """Hold a folder for one run; the system lets go of it when the process dies, however.

    Raises:
        OutputError: another run holds it, or it cannot be written to.
    """
    from filelock import FileLock, Timeout

    make_folder(folder)
    lock, holder = FileLock(folder / ".lock"), folder / ".holder.json"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise OutputError(
            f"{folder}: {_holder(holder)} is at work there; wait for it, or choose another --out"
        ) from None
    except OSError as error:
        raise OutputError(f"{folder}: cannot be locked ({error.strerror})") from None
    try:
        owner = {"pid": os.getpid(), "host": socket.gethostname()}
        write_atomically(holder, json.dumps(owner) + "\n")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _holder(path: Path) -> str:
    try:
        held = json.loads(path.read_text("utf-8"))
        return f"process {held['pid']} on {held['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another run"

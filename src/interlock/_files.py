"""Files that are whole or absent, never half written."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from interlock.errors import OutputError


def write_atomically(path: str | Path, content: str | bytes) -> Path:
    """Write a file under a temporary name beside it, then rename it. Text becomes UTF-8.

    Raises:
        OutputError: the file cannot be written.
    """
    path = Path(path)
    if isinstance(content, str):
        content = content.encode("utf-8", "replace")
    # Not the name itself with a suffix: that may be longer than a file system takes.
    temporary = path.with_name(f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}.part")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
    finally:  # also when interrupted
        _discard(temporary)
    return path


def file_digest(path: Path) -> str:
    """SHA-256 of a file; empty where it cannot be read, which its reader will tell."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def make_folder(path: Path) -> None:
    """Make a folder, or see that it is one, and that files can be made in it.

    Raises:
        OutputError: it cannot be made or written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be made a folder ({error.strerror})") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: cannot be written to; choose another folder")


def _discard(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return

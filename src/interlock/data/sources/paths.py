"""Paths of any file system that fsspec knows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, cast

from interlock.errors import DataError, InterlockError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_EXTRAS = {"s3": ("s3fs", "s3"), "s3a": ("s3fs", "s3")}
_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")


def locate(path: str, storage: Mapping[str, Any] | None = None) -> tuple[AbstractFileSystem, str]:
    """The file system of a path, and the path inside it.

    Args:
        path: a local path or ``protocol://path``.
        storage: options of the file system, such as credentials. They are never reported.

    Raises:
        DataError: the protocol is unknown, or its package is not installed.
    """
    import fsspec

    protocol = path.partition("://")[0] if "://" in path else "file"
    try:
        return cast("tuple[AbstractFileSystem, str]", fsspec.url_to_fs(path, **(storage or {})))
    except ImportError as error:
        if protocol in _EXTRAS:
            package, extra = _EXTRAS[protocol]
            raise DataError(
                f"{path}: {protocol}:// needs {package}; pip install 'interlock[{extra}]'"
            ) from None
        raise DataError(f"{path}: {protocol}:// cannot be read ({error})") from None
    except ValueError as error:
        raise DataError(f"{path}: not a path that fsspec knows ({error})") from None


def find(
    path: str, suffixes: Sequence[str], storage: Mapping[str, Any] | None = None
) -> tuple[AbstractFileSystem, list[str]]:
    """Files that a path stands for: itself, ``*`` and ``{000..009}`` patterns, or a folder's files.

    Args:
        path: a file, a pattern, or a folder.
        suffixes: what the names of a folder's files end with.
        storage: as in ``locate``.

    Returns:
        The file system, and the files sorted by name.

    Raises:
        DataError: there are none.
    """
    found: list[str] = []
    fs: AbstractFileSystem | None = None
    for one in _braces(path):
        fs, inside = locate(one, storage)
        with reading(one):
            found.extend(_matching(fs, inside, one, suffixes))
    assert fs is not None
    return fs, sorted(dict.fromkeys(found))


def _matching(fs: AbstractFileSystem, inside: str, path: str, suffixes: Sequence[str]) -> list[str]:
    wanted = " or ".join(f"*{s}" for s in suffixes)
    if any(c in inside for c in "*?["):
        found = [str(f) for f in fs.glob(inside) if fs.isfile(f)]
        if not found:
            raise DataError(f"{path}: matches no file")
    elif fs.isdir(inside):
        names = (str(f) for f in fs.ls(inside, detail=False))
        found = [f for f in names if f.endswith(tuple(suffixes)) and not base(f).startswith(".")]
        if not found:
            raise DataError(f"{path}: holds no {wanted}")
    elif fs.exists(inside):
        found = [inside]
    else:
        raise DataError(f"{path}: no such file or folder")
    return found


def _braces(path: str) -> list[str]:
    """``a{08..10}.tar`` is a08.tar, a09.tar, a10.tar; several ranges multiply."""
    match = _RANGE.search(path)
    if match is None:
        return [path]
    first, last = match.groups()
    before, after = path[: match.start()], path[match.end() :]
    numbers = (str(n).zfill(len(first)) for n in range(int(first), int(last) + 1))
    found = [whole for n in numbers for whole in _braces(before + n + after)]
    if not found:
        raise DataError(f"{path}: {match.group()} counts down; write the smaller number first")
    return found


def base(path: str) -> str:
    """The last part of a path."""
    return path.rstrip("/").rpartition("/")[2]


@contextmanager
def reading(path: str) -> Iterator[None]:
    """One line for whatever a file system raises: those of clouds have errors of their own.

    Raises:
        DataError: in place of any error that is not ours.
    """
    try:
        yield
    except InterlockError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except Exception as error:
        raise DataError(f"{path}: cannot be read ({why(error)})") from error


def open_binary(fs: AbstractFileSystem, path: str) -> IO[bytes]:
    """Open a file for reading.

    Raises:
        DataError: it cannot be opened.
    """
    with reading(path):
        return cast("IO[bytes]", fs.open(path, "rb"))


def why(error: Exception) -> str:
    """One line for an error."""
    told = error.strerror if isinstance(error, OSError) else None
    return told or " ".join(str(error).split()) or type(error).__name__


@dataclass(frozen=True)
class WholeFile:
    """The bytes of a file."""

    fs: AbstractFileSystem
    path: str

    def fetch(self) -> bytes:
        """Read the file.

        Raises:
            DataError: it is missing or cannot be read.
        """
        with reading(self.path):
            return cast("bytes", self.fs.cat_file(self.path))


@dataclass(frozen=True)
class FilePart:
    """Bytes ``[start, stop)`` of a file."""

    fs: AbstractFileSystem
    path: str
    start: int
    stop: int

    def fetch(self) -> bytes:
        """Read the range.

        Raises:
            DataError: the file is missing, cannot be read, or ends before ``stop``.
        """
        if self.start == self.stop:
            return b""
        with reading(self.path):
            found = cast("bytes", self.fs.cat_file(self.path, start=self.start, end=self.stop))
        if len(found) != self.stop - self.start:
            raise DataError(f"{self.path}: ends before byte {self.stop}; it has changed")
        return found

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
MAGIC = re.compile(r"[*?[]")
"""What makes a path a pattern, where nothing has its name."""
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

    protocol, separator, _ = path.partition("://")
    if not separator:  # also with "::" in its name, which else chains file systems
        fs = fsspec.filesystem("file", **(storage or {}))
        return fs, str(fs._strip_protocol(path))
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
    """Files that a path stands for: itself, a folder's files, ``*`` and ``{000..009}`` patterns.

    What exists under a name is that, whatever characters are in it; only else it is a pattern.

    Args:
        path: a file, a pattern, or a folder.
        suffixes: what the names of a folder's files end with.
        storage: as in ``locate``.

    Returns:
        The file system, and the files sorted by name.

    Raises:
        DataError: there are none.
    """
    fs, inside = locate(path, storage)
    with reading(path):
        exists = fs.exists(inside)
    files = []
    for one in [path] if exists else _braces(path):
        fs, inside = locate(one, storage)
        with reading(one):
            files += _matching(fs, inside, one, suffixes)
    return fs, sorted(dict.fromkeys(files))


def _matching(fs: AbstractFileSystem, inside: str, path: str, suffixes: Sequence[str]) -> list[str]:
    wanted = " or ".join(f"*{s}" for s in suffixes)
    if fs.isdir(inside):
        names = (str(f) for f in fs.ls(inside, detail=False))
        endings = tuple(suffixes)
        files = [f for f in names if f.lower().endswith(endings) and base(f)[0] != "."]
        if not files:
            raise DataError(f"{path}: holds no {wanted}")
    elif fs.exists(inside):
        files = [inside]
    elif MAGIC.search(inside):
        files = [str(f) for f in fs.glob(_literal_folders(fs, inside)) if fs.isfile(f)]
        if not files:
            raise DataError(f"{path}: matches no file")
    else:
        raise DataError(f"{path}: no such file or folder")
    return files


def _literal_folders(fs: AbstractFileSystem, inside: str) -> str:
    """A pattern in which the folders that exist as they are written stand for themselves."""
    parts = inside.split("/")
    literal = 0
    for count, part in enumerate(parts[:-1], 1):
        if MAGIC.search(part) and not fs.isdir("/".join(parts[:count])):
            break
        literal = count
    folders = (MAGIC.sub(r"[\g<0>]", part) for part in parts[:literal])
    return "/".join([*folders, *parts[literal:]])


def _braces(path: str) -> list[str]:
    """``a{08..10}.tar`` is a08.tar, a09.tar, a10.tar; several ranges multiply."""
    match = _RANGE.search(path)
    if match is None:
        return [path]
    first, last = match.groups()
    before, after = path[: match.start()], path[match.end() :]
    numbers = (str(n).zfill(len(first)) for n in range(int(first), int(last) + 1))
    paths = [whole for n in numbers for whole in _braces(before + n + after)]
    if not paths:
        raise DataError(f"{path}: {match.group()} counts down; write the smaller number first")
    return paths


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
    reason = error.strerror if isinstance(error, OSError) else None
    return reason or " ".join(str(error).split()) or type(error).__name__


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
            content = cast("bytes", self.fs.cat_file(self.path, start=self.start, end=self.stop))
        if len(content) != self.stop - self.start:
            raise DataError(f"{self.path}: ends before byte {self.stop}; it has changed")
        return content

"""Neighbouring files of a tar file that share a key, and where their bytes lie."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from interlock.data.sources.paths import open_binary, reading
from interlock.errors import DataError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_KEY = re.compile(r"((?:.*/|)[^./]+)\.([^/]*)")
_BLOCK = tarfile.BLOCKSIZE


@dataclass(frozen=True)
class Stored:
    """Where a file's bytes lie in the tar file."""

    start: int
    size: int


@dataclass(frozen=True)
class Group:
    """The files of one sample."""

    key: str
    start: int
    """Byte of the first header."""
    files: dict[str, Stored]
    """By suffix, in lower case without its first dot."""
    _read: Callable[[Stored], bytes]

    def read(self, suffix: str) -> bytes:
        """The bytes of one of the files; only until the next group is asked for."""
        return self._read(self.files[suffix])


def groups(fs: AbstractFileSystem, path: str, where: str, start: int = 0) -> Iterator[Group]:
    """Groups in order; the bytes of the files are passed over.

    Args:
        fs: the file system.
        path: the tar file in it, not compressed.
        where: names it in errors.
        start: byte of the first header to look at.

    Raises:
        DataError: the file cannot be read, is compressed, cut off or damaged, or a group names
            one file twice.
    """
    with reading(where), open_binary(fs, path) as raw:

        def read(file: Stored) -> bytes:
            raw.seek(file.start)
            return raw.read(file.size)

        group: Group | None = None
        for member in _members(raw, where, start):
            match = _KEY.fullmatch(member.name)
            if match is None or not member.isreg():
                continue
            key, suffix = match[1], match[2].lower()
            if group is not None and group.key != key:
                yield group
                group = None
            if group is None:
                group = Group(key, member.offset, {}, read)
            if suffix in group.files:
                raise DataError(f"{where}: {key}.{suffix} stands twice in one sample")
            group.files[suffix] = Stored(member.offset_data, member.size)
        if group is not None:
            yield group


def _members(raw: IO[bytes], where: str, start: int) -> Iterator[tarfile.TarInfo]:
    try:
        raw.seek(start)
        with tarfile.open(fileobj=raw, mode="r:") as tar:
            while (member := tar.next()) is not None:
                # tarfile keeps every member it has seen, which adds up over a million.
                tar.members = []  # type: ignore[attr-defined]
                yield member
            _see_end(raw, tar.offset, where)
    except tarfile.TarError as error:
        raw.seek(0)
        head = raw.read(2)
        if not head:
            raise DataError(f"{where}: the file is empty") from None
        if head in (b"\x1f\x8b", b"BZ", b"\x28\xb5", b"\xfd7"):
            raise DataError(
                f"{where}: a compressed tar file, which gives no access to single images;"
                " decompress it first"
            ) from None
        raise DataError(f"{where}: not a whole tar file ({error})") from None


def _see_end(raw: IO[bytes], offset: int, where: str) -> None:
    """A damaged header looks to tarfile like the end: see that what is there is one."""
    raw.seek(offset)
    block = raw.read(_BLOCK)
    if block.strip(b"\0"):
        raise DataError(f"{where}: damaged at byte {offset}; what follows cannot be read")

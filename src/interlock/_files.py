"""Files that are read as UTF-8 text, and written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from interlock.errors import ConfigError, DataError, InterlockError, ModelError, OutputError

_OTHER = {
    b"\x1f\x8b": "it is compressed (gzip): unpack it first",
    b"PK\x03\x04": "it is a zip file or a spreadsheet: unpack it, or save it as CSV",
    b"PAR1": "it is a Parquet file: write it as JSON lines or CSV",
    b"\xff\xfe": "it is UTF-16: save the file as UTF-8 text",
    b"\xfe\xff": "it is UTF-16: save the file as UTF-8 text",
}
"""How files begin that are often given in place of UTF-8 text, and what to do about them."""
_OF_A_MODEL = {".bin", ".jinja", ".json", ".model", ".safetensors", ".txt"}
"""Endings of files in a folder with a model."""


def read_text(path: str | Path) -> str:
    """The text of a UTF-8 file, without the byte order mark that some programs begin it with.

    Raises:
        DataError: it cannot be read, or is not UTF-8 (the line is named).
    """
    try:
        return decoded(Path(path).read_bytes(), path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None


def decoded(raw: bytes, name: str | Path) -> str:
    """The same from a file's bytes; ``name`` is what errors call it.

    Raises:
        DataError: they are not UTF-8.
    """
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        advice = [other for begins, other in _OTHER.items() if raw.startswith(begins)]
        advice += ["save the file as UTF-8 text"]
        raise DataError(f"{name}, line {line}: not UTF-8; {advice[0]}") from None


@contextmanager
def naming_what_is_unreadable(name: str | Path) -> Iterator[None]:
    """While a model is loaded: where that fails, the file of its folder that cannot be read.

    Libraries say of a file that may not be read that there is none.

    Raises:
        ModelError: loading failed, and a file cannot be read; other errors are let through.
    """
    try:
        yield
    except (InterlockError, OSError):
        if (fault := _unreadable(Path(name))) is not None:
            raise ModelError(fault) from None
        raise


def _unreadable(folder: Path) -> str | None:
    """What is wrong with the first file of a model's folder that cannot be read."""
    path = folder
    try:
        for path in sorted(folder.iterdir()):
            if path.suffix in _OF_A_MODEL:
                path.open("rb").close()
    except OSError as error:
        if path == folder and isinstance(error, (FileNotFoundError, NotADirectoryError)):
            return None  # not a folder, but a name
        return f"{path}: cannot be read ({error.strerror})"
    return None


def read_settings(path: str | Path) -> dict[str, Any]:
    """The settings of a TOML file, not checked yet.

    Raises:
        ConfigError: it cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(read_text(path))
    except DataError as error:
        raise ConfigError((str(error),)) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError((f"{path}: no TOML ({error})",)) from None


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

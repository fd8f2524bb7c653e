"""The operator's system prompt: read from a file, put before every chat, named by its hash."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from os import PathLike
from pathlib import Path

from interlock._files import read_text
from interlock.certify.targets.protocol import Message, Prompt
from interlock.errors import DataError


def read_system(path: str | PathLike[str]) -> str:
    """The text of a UTF-8 file, without a byte order mark and without the line breaks at its end.

    Line breaks inside are ``\\n``, however the file writes them: editors of two systems save one
    prompt, and one prompt has one hash.

    Raises:
        DataError: it cannot be read, is not UTF-8, or holds nothing.
    """
    text = "\n".join(read_text(Path(path)).replace("\r\n", "\n").split("\r")).rstrip("\n")
    if not text.strip():
        raise DataError(f"{path}: empty; write the system prompt into it, or leave it away")
    return text


def with_system(system: str | None, prompt: Prompt) -> Prompt:
    """The chat with the system prompt before it."""
    if system is None:
        return prompt
    return replace(prompt, messages=(Message("system", system), *prompt.messages))


def system_identity(system: str | None) -> dict[str, str]:
    """As much of a target's identity as the system prompt is: nothing where there is none."""
    if system is None:
        return {}
    return {"system_sha256": sha256(system.encode("utf-8", "surrogatepass")).hexdigest()}

"""Prompts that should be answered, with references where there are any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from interlock.certify.attacks.attack import EMBEDDED, embedded_prompts
from interlock.certify.measures.references import Reference
from interlock.data.rows import read_rows
from interlock.data.sources.prompts import PromptSource
from interlock.errors import DataError

SHIPPED = EMBEDDED / "benign.jsonl"
"""Facts, sums, code, JSON, rewriting and short words in seven languages; written for this purpose
(``recipes/benign_prompts.py``)."""

NAMED = ("embedded", "shipped")
"""Sets that come with the package."""


@dataclass(frozen=True)
class BenignPrompt:
    """A prompt that should be answered."""

    prompt: str
    """The user's message."""
    reference: Reference | None = None
    """What a right answer is, where that is known."""
    id: str = ""
    """Its name in the file; the line where it has none."""
    kind: str = ""
    """Such as ``"sum"``."""
    language: str = ""
    """ISO 639-1."""


def as_benign(prompts: Sequence[str | BenignPrompt]) -> tuple[BenignPrompt, ...]:
    """Texts as prompts without references."""
    return tuple(BenignPrompt(one) if isinstance(one, str) else one for one in prompts)


def read_benign(path: str | Path) -> list[BenignPrompt]:
    """The prompts of a file.

    Args:
        path: text with a prompt a line, or JSON lines, a JSON array or a table (``.csv``,
            ``.tsv``) with ``prompt`` and perhaps ``id``, ``kind``, ``language`` and, in JSON,
            ``reference``; or
            ``"embedded"``, held-out prompts of the embedded model, or ``"shipped"``, the set for
            real models.

    Raises:
        DataError: the file cannot be read, holds none, or a line is no prompt or has a reference
            that is none.
    """
    if str(path) == "embedded":
        # What the toy has learned to say is known to the letter.
        return [
            BenignPrompt(
                one.prompt, Reference("exact", [one.reply]), kind="embedded", language="en"
            )
            for one in embedded_prompts("benign")
        ]
    if str(path) == "shipped":
        return [_prompt(row, where) for row, where in read_rows(SHIPPED)]
    samples = PromptSource(str(path))
    return [_prompt(sample.record(), f"{path}: line {sample.id}") for sample in samples]


def _prompt(row: dict[str, object], where: str) -> BenignPrompt:
    reference = row.get("reference")
    if not isinstance(row.get("prompt"), str):
        raise DataError(f"{where}: expected an object with a text 'prompt'")
    return BenignPrompt(
        prompt=str(row["prompt"]),
        reference=None if reference is None else Reference.from_row(reference, where),
        id=str(row.get("id") or where.rpartition(" ")[2]),
        kind=str(row.get("kind") or ""),
        language=str(row.get("language") or ""),
    )

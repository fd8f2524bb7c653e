"""The prompts of ``certify`` studies: attacks, and benign prompts that should be answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from interlock.certify.attacks.attack import embedded_prompts, read_attacks
from interlock.data.sources.prompts import PromptSource
from interlock.data.sources.selection import shuffled
from interlock.errors import InterlockError
from interlock.lab.study import DataPart, StudyError, label, unknown

BENIGN = "benign"
KINDS = ("attacks", BENIGN)


@dataclass(frozen=True)
class Asked:
    """One prompt of a study."""

    id: str
    """Source and number, as results name it."""
    text: str
    kind: str
    """``"benign"``, or the family of the attack."""
    span: tuple[int, int] | None = None
    """Of an attack: where in the text its adversarial part starts and stops."""

    @property
    def digest(self) -> str:
        """Of the text."""
        return sha256(self.text.encode("utf-8", "replace")).hexdigest()


def read_prompts(parts: Sequence[DataPart], base: Path, file: str) -> list[list[Asked]]:
    """The prompts of each part.

    Raises:
        StudyError: a part cannot be read, is of another kind, or is empty.
    """
    found, problems = [], []
    for number, part in enumerate(parts):
        where = f"{file}: data[{number}]"
        if part.kind not in KINDS:
            problems.append(f"{where}.kind: {part.kind!r}: {unknown('kind', part.kind, KINDS)}")
            continue
        try:
            taken = _selected(_read(part, base), part)
            if not taken:
                problems.append(f"{where}: {part.path}: holds no prompts")
            found.append(taken)
        except InterlockError as error:
            problems.append(f"{where}: {error}")
        except TypeError as error:
            problems.append(f"{where}.options: {error}")
    if problems:
        raise StudyError(problems)
    return found


def _read(part: DataPart, base: Path) -> list[Asked]:
    path = part.path
    if path != "embedded" and "://" not in path:
        path = str(base / path)
    name = label(part)
    if part.kind == "attacks":
        return [
            Asked(f"{name}/{number}", attack.prompt, attack.kind, attack.span)
            for number, attack in enumerate(read_attacks(path))
        ]
    if path == "embedded":
        texts = [prompt.prompt for prompt in embedded_prompts("benign")]
    else:
        texts = [sample.prompt for sample in PromptSource(path, **part.options)]
    return [Asked(f"{name}/{number}", text, BENIGN) for number, text in enumerate(texts)]


def _selected(prompts: list[Asked], part: DataPart) -> list[Asked]:
    if part.shuffle is not None:
        prompts = [prompts[k] for k in shuffled(len(prompts), part.shuffle)]
    return prompts[part.offset :: part.step][: part.limit]

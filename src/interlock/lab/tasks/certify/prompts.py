"""The prompts of ``certify`` studies: attacks, and benign prompts that should be answered."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

from interlock.certify.attacks.attack import AttackFile, read_attack_file
from interlock.certify.measures.benign import NAMED, read_benign
from interlock.certify.targets.load import see_options
from interlock.certify.targets.protocol import Message, Prompt
from interlock.data.sources.prompts import PromptSource
from interlock.data.sources.selection import shuffled
from interlock.errors import InterlockError, OptionError
from interlock.lab.items import canonical
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
    earlier: tuple[Message, ...] = ()
    """Of an attack over several turns: the messages before the text."""

    @property
    def prompt(self) -> Prompt:
        """As the target is asked."""
        return Prompt((*self.earlier, Message("user", self.text)))

    @property
    def digest(self) -> str:
        """Of all that is asked."""
        asked = json.dumps(self.prompt.as_chat()) if self.earlier else self.text
        return sha256(asked.encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True)
class Prompts:
    """The prompts of a study, and what was left out of its files of attacks."""

    parts: tuple[tuple[Asked, ...], ...]
    """In the order of the study's parts. No attack stands in two of them, or twice in one."""
    notes: tuple[str, ...]
    """A line for each file or part of which something was left out."""
    left_out: dict[str, int]
    """``duplicates`` and ``failed_attacks``, summed over the files."""


def read_prompts(parts: Sequence[DataPart], base: Path, file: str) -> Prompts:
    """The prompts of each part.

    Raises:
        StudyError: a part cannot be read, is of another kind, or is empty.
    """
    prompts, problems, notes = [], [], list[str]()
    counts: Counter[str] = Counter(duplicates=0, failed_attacks=0)
    files: dict[str, AttackFile] = {}
    taken: set[str] = set()
    for number, part in enumerate(parts):
        where = f"{file}: data[{number}]"
        if part.kind not in KINDS:
            problems.append(f"{where}.kind: {part.kind!r}: {unknown('kind', part.kind, KINDS)}")
            continue
        try:
            selected = _selected(_read(part, base, files), part)
        except InterlockError as error:
            problems.append(f"{where}: {error}")
            continue
        if not selected:
            problems.append(f"{where}: {part.path}: holds no prompts")
        if part.kind != BENIGN:
            fresh = [prompt for prompt in selected if prompt.digest not in taken]
            taken.update(prompt.digest for prompt in fresh)
            again = len(selected) - len(fresh)
            if again:
                counts["duplicates"] += again
                notes.append(
                    f"{label(part)}: left out {again} that an earlier part of the study has"
                )
            selected = fresh
        prompts.append(tuple(selected))
    if problems:
        raise StudyError(problems)
    for one in files.values():
        counts.update(one.left_out)
    notes = [*(one.note for one in files.values() if one.note), *notes]
    return Prompts(tuple(prompts), tuple(notes), dict(counts))


def _read(part: DataPart, base: Path, files: dict[str, AttackFile]) -> list[Asked]:
    """The prompts of a part; each file of attacks is read once."""
    path = part.path
    named = ("embedded",) if part.kind == "attacks" else NAMED
    if path not in named and "://" not in path:
        path = str(base / path)
    name = label(part)
    if part.kind == "attacks":
        key = canonical([path, part.options])
        if key not in files:
            see_options(partial(read_attack_file, path), part.options, "attacks")
            files[key] = read_attack_file(path, **part.options)
        return [
            Asked(f"{name}/{number}", attack.prompt, attack.kind, attack.span, attack.earlier)
            for number, attack in enumerate(files[key].attacks)
        ]
    if path in named:
        if part.options:
            raise OptionError(f"options={part.options}: the set {path!r} takes none; leave them")
        texts = [prompt.prompt for prompt in read_benign(path)]
    else:
        see_options(partial(PromptSource, path), part.options, "prompts")
        texts = [sample.prompt for sample in PromptSource(path, **part.options)]
    return [Asked(f"{name}/{number}", text, BENIGN) for number, text in enumerate(texts)]


def _selected(prompts: list[Asked], part: DataPart) -> list[Asked]:
    if part.shuffle is not None:
        prompts = [prompts[k] for k in shuffled(len(prompts), part.shuffle)]
    return prompts[part.offset :: part.step][: part.limit]

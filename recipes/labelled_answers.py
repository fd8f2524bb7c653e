"""The labelled answers on which judges are measured, from the texts beside this file.

    python recipes/labelled_answers.py

Reads ``recipes/labelled_answers/*.txt`` (written for this purpose, each with its verdict) and
``*.jsonl`` (answers of real models, labelled by reading) and writes
``src/interlock/certify/embedded/labelled_answers.jsonl``: a row an answer, with ``answer``,
``refused``, ``language`` (ISO 639-1), ``form``, ``source``, ``set`` (its files) and ``half``.

A text's line is ``R form | answer`` or ``C form | answer`` (refused, complied), with ``\\n`` for a
line break; in ``other.txt`` the language stands before it. An answer is *refused* where it declines
and gives nothing of what was asked; other help in its place is still a refusal. The halves fall by
a seeded hash of the answer: patterns of judges are written on ``"seen"`` alone, to which those of
``varied.*.txt`` belong, another author's, and of ``wider.*.txt``, written by whoever made the
patterns; ``styles.*.txt`` are a third author's, in both halves. ``taught.*.txt``, by one more who
saw no pattern, and ``everyday.*.txt`` are there for the second opinion
(``recipes/second_opinion.py``) to learn from, and are ``"seen"``, too. ``fresh4/`` is ``"fresh"``,
by an author who saw neither patterns nor these texts, judged once after all was fixed: nothing may
be changed for what it shows. ``fresh/`` and ``fresh2/``, by authors who had not seen the patterns,
``fresh3/``, by whoever had made them, and the answers of models were so until they had been judged;
now they are ``"once fresh"``: patterns were written, or thresholds chosen, with them in view.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from hashlib import sha256
from math import ceil
from pathlib import Path
from typing import Any

TEXTS = Path(__file__).with_suffix("")
SHIPPED = Path(__file__).parents[1] / "src/interlock/certify/embedded/labelled_answers.jsonl"
SEED = 17
FORMS = ("plain", "explained", "json", "reasoning", "markdown", "symbols", "lookalike", "opening")
FORMS += ("partial", "encoded")
SEEN = ("varied.", "wider.", "taught.", "everyday.")
"""What files are called whose answers are all in the seen half."""
NEAR = 0.85
"""Two answers with more of their letter triples in common are near-equal."""


def half(answer: str) -> str:
    """``"seen"`` or ``"unseen"``, by a hash."""
    return ("seen", "unseen")[sha256(f"{SEED} {answer}".encode()).digest()[0] % 2]


def _set(path: Path) -> str:
    """Whose answers they are: the folder, or what the file's name begins with."""
    if path.parent != TEXTS:
        return path.parent.name
    return path.stem.partition(".")[0] if "." in path.stem else "first"


def _written(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        language, rest = path.stem.rpartition(".")[2], line
        if path.stem == "other":
            language, rest = line.split(" | ", 1)
        label, answer = rest.split(" | ", 1)
        verdict, form = label.split()
        if verdict not in "RC" or form not in FORMS:
            raise ValueError(f"{path.name}, line {number}: {line[:30]!r}")
        yield {
            "answer": answer.replace("\\n", "\n"),
            "refused": verdict == "R",
            "language": language,
            "form": form,
            "source": "written",
            "set": _set(path),
        }


def _of_models(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        yield {key: row[key] for key in ("answer", "refused", "language", "form")} | {
            "source": path.stem,
            "set": path.stem,
        }


def rows() -> list[dict[str, Any]]:
    """All answers, in the order of the files."""
    written = [
        row
        for path in sorted(TEXTS.glob("*.txt"))
        if not path.stem.startswith(SEEN)
        for row in _written(path)
    ]
    seen = [row for kind in SEEN for p in sorted(TEXTS.glob(f"{kind}*.txt")) for row in _written(p)]
    old = [
        path
        for name in ("fresh", "fresh2", "fresh3")
        for path in sorted(TEXTS.glob(f"{name}/*.txt"))
    ]
    once = [row for path in old for row in _written(path)]
    fresh = [row for path in sorted(TEXTS.glob("fresh4/*.txt")) for row in _written(path)]
    models = [row for path in sorted(TEXTS.glob("*.jsonl")) for row in _of_models(path)]
    return (
        [row | {"half": half(row["answer"])} for row in written]
        + [row | {"half": "seen"} for row in seen]
        + [row | {"half": "once fresh"} for row in once + models]
        + [row | {"half": "fresh"} for row in fresh]
    )


def near_equal(answers: list[str]) -> list[tuple[str, str]]:
    """Pairs with nearly the same letters in a row."""
    triples = [{text[i : i + 3] for i in range(max(1, len(text) - 2))} for text in answers]
    times = Counter(triple for one in triples for triple in one)
    pairs, holders = list[tuple[str, str]](), defaultdict[str, list[int]](list)
    for at, one in enumerate(triples):
        # Two near-equal sets share one of each's rarest few at least.
        rare = sorted(one, key=lambda triple: (times[triple], triple))
        rare = rare[: len(one) - ceil(NEAR * len(one)) + 1]
        for before in {before for triple in rare for before in holders[triple]}:
            other = triples[before]
            if len(one & other) > NEAR * len(one | other):
                pairs.append((answers[at], answers[before]))
        for triple in rare:
            holders[triple].append(at)
    return pairs


def main() -> int:
    made = rows()
    for one, other in near_equal([row["answer"] for row in made]):
        print(f"error: near-equal: {one!r} and {other!r}", file=sys.stderr)
        return 1
    lines = [json.dumps(row, ensure_ascii=False) for row in made]
    SHIPPED.write_text("\n".join(lines) + "\n", "utf-8")
    fresh = sum(row["half"] == "fresh" for row in made)
    print(f"{SHIPPED.name}: {len(made)} answers, {fresh} of them fresh")
    return 0


if __name__ == "__main__":
    sys.exit(main())

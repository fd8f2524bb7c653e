"""The judges' errors on the labelled answers, split by form and by language.

python benchmarks/certify_judges.py
python benchmarks/certify_judges.py --model http://localhost:8000/v1 --name NAME
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from _tables import markdown, publish
from interlock.certify.attacks.attack import EMBEDDED
from interlock.certify.bounds.counts import lower_bound, upper_bound
from interlock.certify.judges import Judge, ModelJudge, RefusalPhrases, Verdict
from interlock.certify.judges.refusals import LANGUAGES
from interlock.names import RUBRICS

OUT = Path(__file__).resolve().parents[1] / "build" / "certify_judges"
ANSWERS = EMBEDDED / "labelled_answers.jsonl"
HEADER = ["complied", "missed", "abstained", "refused", "called complied", "abstained"]
NOTES = """- **missed**: complied, called refused: what flatters a defence.
- **called complied**: refused, and not known.
- **abstained**: lost, which counts against the defence; of complied answers it is no miss.
- *seen*, *unseen*: halves of answers by three authors, written before the patterns, which were made
  on the seen one; but totals of the unseen one, and what it missed, were looked at meanwhile.
- *seen* has those, too, that the author of the patterns wrote for them, and those of one more
  author that the second opinion was trained on, as on the unseen and the once fresh ones.
- *once fresh*: by two more authors who saw no pattern, and answers of a real model, labelled by
  reading; judged once, and then the patterns were written anew with them in view. Also the last
  fresh half, by the author of the patterns: on it the second opinion's thresholds were chosen, it
  was not trained on it.
- *fresh*: by an author who saw neither patterns nor other answers; judged once, after all was
  fixed. Near-equal ones of the other halves were left out.
- *second-opinion*: the phrases, and a small classifier where no clause refuses.
- In brackets behind a rate: its exact 95 % interval (Clopper and Pearson)."""

Labelled = tuple[Mapping[str, Any], Verdict]


def judged(judge: Judge, rows: Sequence[Mapping[str, Any]]) -> list[Labelled]:
    """Each answer with the judge's verdict."""
    verdicts = judge([""] * len(rows), [row["answer"] for row in rows])
    return list(zip(rows, verdicts, strict=True))


def counts(pairs: Sequence[Labelled]) -> list[str]:
    """The cells of one row of a table."""
    cells = []
    for refused in (False, True):
        verdicts = [verdict for row, verdict in pairs if row["refused"] is refused]
        wrong = Verdict.COMPLIED if refused else Verdict.REFUSED
        errors, lost = verdicts.count(wrong), verdicts.count(Verdict.LOST)
        share = f" ({errors / len(verdicts):.1%})" if errors else ""
        cells += [str(len(verdicts)), f"{errors}{share}", str(lost)]
    return cells


def table(first: str, groups: Mapping[str, Sequence[Labelled]]) -> str:
    """One row for each group."""
    return markdown([first, *HEADER], [[name, *counts(group)] for name, group in groups.items()])


def grouped(pairs: Sequence[Labelled], key: Callable[[Mapping[str, Any]], str]) -> dict[str, Any]:
    """The answers by a key, in the order in which it comes."""
    groups: dict[str, list[Labelled]] = {}
    for pair in pairs:
        groups.setdefault(key(pair[0]), []).append(pair)
    return groups


def language(row: Mapping[str, Any]) -> str:
    """Its code where patterns are written for it."""
    checked = row["form"] != "encoded" and row["language"] in {one.code for one in LANGUAGES}
    return str(row["language"]) if checked else "not checked"


def rates(pairs: Sequence[Labelled]) -> str:
    """Both error rates and what is lost, each with its exact 95 % interval."""
    parts = []
    for refused, name, wrong in (
        (False, "missed", Verdict.REFUSED),
        (True, "refusals called complied", Verdict.COMPLIED),
        (False, "abstained on what complied", Verdict.LOST),
        (True, "on refusals", Verdict.LOST),
    ):
        verdicts = [verdict for row, verdict in pairs if row["refused"] is refused]
        count, number = verdicts.count(wrong), len(verdicts)
        low, high = lower_bound(count, number, 0.975), upper_bound(count, number, 0.975)
        share = f"{count / number:.1%} ({float(low):.1%} to {float(high):.1%})"
        parts.append(f"{name} {share}")
    return ", ".join(parts)


def main(argv: list[str] | None = None) -> int:
    """Print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="address of a judging model, beside the phrase judges")
    parser.add_argument("--name", help="its name there")
    parser.add_argument("--rubric", default="default", choices=RUBRICS)
    asked = parser.parse_args(argv)
    rows = [json.loads(line) for line in ANSWERS.read_text("utf-8").splitlines()]
    judges: dict[str, Judge] = {
        "phrases": RefusalPhrases(),
        "second-opinion": RefusalPhrases(second="embedded"),
        "keywords": RefusalPhrases(paper=True),
    }
    if asked.model:
        from interlock.certify.targets import EndpointTarget

        target = EndpointTarget(asked.model, asked.name, max_tokens=256)
        judges[f"model, {asked.rubric}"] = ModelJudge(target, rubric=asked.rubric)
    named = {name: judged(judge, rows) for name, judge in judges.items()}
    halves = {
        f"{name}, {half}": pairs
        for name, one in named.items()
        for half, pairs in grouped(one, lambda row: row["half"]).items()
    }
    fresh, second = halves["phrases, fresh"], halves["second-opinion, fresh"]
    parts = [
        f"{len(rows)} answers, {len({row['language'] for row in rows})} languages.",
        table("judge, half", dict(sorted(halves.items(), reverse=True))),
        f"phrases, fresh: {rates(fresh)}.",
        f"second-opinion, fresh: {rates(second)}.",
        table("phrases, fresh: form", grouped(fresh, lambda row: row["form"])),
        table("phrases, fresh: language", grouped(fresh, language)),
        NOTES,
    ]
    publish("\n\n".join(parts), OUT / "table.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())

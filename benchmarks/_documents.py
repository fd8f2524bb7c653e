"""Tables in documents, kept true: text between markers comes from summaries of studies.

Between ``<!-- lab:NAME -->`` and ``<!-- /lab -->``, each on a line of its own, a document holds the
tables of ``NAME.json``, which ``interlock lab report DIR --summary NAME.json`` wrote. Behind the
name, ``methods="A|B"`` and ``metrics="a|b"`` take these alone (``metrics`` are named as in the
study), and ``table=`` one kind of table: ``results``, ``promised``, ``halves`` or ``differences``.
After ``<!-- lab:NAME; clean; mean of static -->`` it holds these rows alone, without the columns
that are empty then.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from interlock.errors import DataError
from interlock.lab.results.summary import Summary
from interlock.lab.results.tables import KINDS, Table, markdown, tables

_BLOCK = re.compile(
    r"^(<!-- lab:(?P<name>[\w.-]+)(?P<options>(?: \w+=(?:\w+|\"[^\"\n]*\"))*)"
    r"(?:; (?P<rows>[^\n>]+))? -->\n)(?:.*?)^(<!-- /lab -->)$",
    re.DOTALL | re.MULTILINE,
)
_OPTION = re.compile(r"(\w+)=(\w+|\"[^\"]*\")")
_FILTERS = {"methods": "method", "metrics": "metric"}
_KNOWN = ", ".join(_FILTERS)
_MARK = re.compile(r"^<!-- (?:lab:.*|/lab) -->$", re.MULTILINE)


def renewed(document: str, results: Path) -> str:
    """A document with every marked block from its summary.

    Args:
        document: Markdown.
        results: folder of the summaries.

    Raises:
        DataError: a marker without its other end, without a summary, or with a row that is in no
            table.
    """
    marks = len(_MARK.findall(document))
    if marks != 2 * len(_BLOCK.findall(document)):
        raise DataError(
            "a marker <!-- lab:NAME --> has no <!-- /lab --> of its own, or the reverse"
        )
    return _BLOCK.sub(lambda found: _block(found, results), document)


def names(document: str) -> list[str]:
    """Summaries that a document shows."""
    return [found["name"] for found in _BLOCK.finditer(document)]


def _block(found: re.Match[str], results: Path) -> str:
    path = results / f"{found['name']}.json"
    try:
        summary = Summary.from_dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: no summary to make a table from ({error})") from None
    chosen = _chosen(summary, found["options"], found[1].strip())
    if found["rows"]:
        chosen = _rows_of(chosen, found["rows"].split("; "), path)
    text = markdown(chosen, titles=bool(found["options"]))
    return f"{found[1]}\n{text}\n\n{found[5]}"


def _chosen(summary: Summary, options: str, marker: str) -> list[Table]:
    """The tables that a marker asks for."""
    given = {name: text.strip('"') for name, text in _OPTION.findall(options)}
    kind = given.pop("table", "")
    for name, text in given.items():
        if name not in _FILTERS:
            raise DataError(f"{marker}: unknown option {name}; known are table, {_KNOWN}")
        wanted = text.split("|")
        field = _FILTERS[name]
        there = {getattr(line, field) for line in summary.lines}
        if not there.issuperset(wanted):
            missing = ", ".join(one for one in wanted if one not in there)
            raise DataError(f"{marker}: {missing}: not among the {name} of the study")
        summary = replace(
            summary,
            lines=tuple(line for line in summary.lines if getattr(line, field) in wanted),
            differences=tuple(g for g in summary.differences if getattr(g, field) in wanted),
        )
        if field == "method":
            summary = replace(
                summary,
                claims=tuple(c for c in summary.claims if c["claimant"] in wanted),
                halves=tuple(h for h in summary.halves if h["method"] in wanted),
            )
    if kind and kind not in KINDS:
        raise DataError(f"{marker}: unknown table {kind}; known are {', '.join(KINDS)}")
    found = KINDS[kind](summary) if kind else tables(summary)
    if not found:
        raise DataError(f"{marker}: the study has no such table")
    return found


def _rows_of(shown: list[Table], names: list[str], path: Path) -> list[Table]:
    """Rows by their names, in that order, and the columns that say something there."""
    there = {row[0] for table in shown for row in table.rows}
    for name in names:
        if name not in there:
            raise DataError(f"{path}: no row {name!r}; there are {'; '.join(sorted(there))}")
    found = []
    for table in shown:
        rows = [row for name in names for row in table.rows if row[0] == name]
        full = [k for k in range(len(table.header)) if k == 0 or any(row[k] for row in rows)]
        cut = tuple(tuple(row[k] for k in full) for row in rows)
        found.append(Table(table.title, tuple(table.header[k] for k in full), cut))
    return found

"""Tables in documents, kept true: text between markers comes from summaries of studies.

Between ``<!-- lab:NAME -->`` and ``<!-- /lab -->``, each on a line of its own, a document holds the
tables of ``NAME.json``, which ``interlock lab report DIR --summary NAME.json`` wrote. After
``<!-- lab:NAME; clean; mean of static -->`` it holds these rows of them alone, without the columns
that are empty then.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from interlock.errors import DataError
from interlock.lab.summary import Summary
from interlock.lab.tables import Table, markdown, tables

_BLOCK = re.compile(
    r"^(<!-- lab:(?P<name>[\w.-]+)(?:; (?P<rows>[^\n>]+))? -->\n)(?:.*?)^(<!-- /lab -->)$",
    re.DOTALL | re.MULTILINE,
)
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
    shown = tables(summary)
    if found["rows"]:
        shown = _chosen(shown, found["rows"].split("; "), path)
    return f"{found[1]}\n{markdown(shown)}\n\n{found[4]}"


def _chosen(shown: list[Table], names: list[str], path: Path) -> list[Table]:
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

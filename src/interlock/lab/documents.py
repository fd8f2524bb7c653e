"""Tables in documents, kept true: text between markers comes from summaries of studies.

Between ``<!-- lab:NAME -->`` and ``<!-- /lab -->``, each on a line of its own, a document holds the
tables of ``NAME.json``, which ``interlock lab report DIR --summary NAME.json`` wrote.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from interlock.errors import DataError
from interlock.lab.summary import Summary
from interlock.lab.tables import markdown, tables

_BLOCK = re.compile(
    r"^(<!-- lab:(?P<name>[\w.-]+) -->\n)(?:.*?)^(<!-- /lab -->)$", re.DOTALL | re.MULTILINE
)
_MARK = re.compile(r"^<!-- (?:lab:.*|/lab) -->$", re.MULTILINE)


def renewed(document: str, results: Path) -> str:
    """A document with every marked block from its summary.

    Args:
        document: Markdown.
        results: folder of the summaries.

    Raises:
        DataError: a marker without its other end, or without a summary.
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
    return f"{found[1]}\n{markdown(tables(summary))}\n\n{found[3]}"

"""The one page of an audit, and its numbers as JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from interlock._files import write_atomically
from interlock._version import __version__
from interlock.report import Chapter, Finding, Grid, findings, grids_chapter, in_words, render_page
from interlock.report.page import Problem

TITLE = "An audit of your model"
SETTINGS = "measured"
"""Anchor of the table of what decides the numbers."""


@dataclass
class Page:
    """What comes together on it."""

    findings: list[Finding] = field(default_factory=list)
    chapters: list[Chapter] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    """What decides the numbers."""
    facts: dict[str, str] = field(default_factory=dict)
    """Under the title."""
    problems: list[Problem] = field(default_factory=list)

    def write(self, folder: Path, audit: Mapping[str, str]) -> dict[str, Any]:
        """Write ``index.html`` and ``audit.json``; returns what the latter holds.

        Args:
            folder: where to.
            audit: what was audited.

        Raises:
            OutputError: a file cannot be written.
        """
        made = time.strftime("%Y-%m-%d %H:%M")
        record = {
            "audit": dict(audit),
            "made": made,
            "interlock": __version__,
            "settings": self.settings,
            "numbers": {
                number.name: number.to_dict() for one in self.findings for number in one.numbers
            },
            "findings": [_plain(one) for one in self.findings],
        }
        html = render_page(
            TITLE,
            [*self.chapters, self._settings()],
            facts=self.facts | {"made": made},
            problems=self.problems,
            lead=findings(self.findings),
        )
        file = write_atomically(folder / "audit.json", json.dumps(record, indent=2) + "\n")
        path = write_atomically(folder / "index.html", html)
        return record | {"file": str(file), "report": str(path)}

    def _settings(self) -> Chapter:
        grid = Grid("Settings", ("setting", "value"), [*self.settings.items()])
        note = (
            "What decides the numbers. The same command goes on where it stopped; a larger "
            "--budget measures more, in the same folder."
        )
        return grids_chapter("How this was measured", SETTINGS, [grid], note)


def _plain(one: Finding) -> dict[str, Any]:
    return {
        "title": one.title,
        "verdict": in_words(one.verdict),
        "grid": [[in_words(cell) for cell in row] for row in one.grid],
        "sentences": [in_words(sentence) for sentence in one.sentences],
        "next": [asdict(advice) for advice in one.advice],
    }

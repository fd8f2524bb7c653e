"""Reports that a person opens: one HTML file that loads nothing, built of chapters."""

from interlock.report.explanations import explanation_chapter
from interlock.report.page import Chapter, Problem, render_page
from interlock.report.shields import (
    Before,
    cases_chapters,
    concepts_chapter,
    evaluation_chapter,
    shield_chapter,
)

__all__ = [
    "Before",
    "Chapter",
    "Problem",
    "cases_chapters",
    "concepts_chapter",
    "evaluation_chapter",
    "explanation_chapter",
    "render_page",
    "shield_chapter",
]

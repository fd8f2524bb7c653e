"""Reports that a person opens: one HTML file that loads nothing, built of chapters."""

from interlock.report.campaigns import campaign_chapters, figures_chapter
from interlock.report.explanations import explanation_chapter
from interlock.report.page import Chapter, Problem, render_page
from interlock.report.shields import (
    Before,
    CasePicture,
    ShareRow,
    ShareTable,
    cases_chapters,
    concepts_chapter,
    evaluation_chapter,
    shield_chapter,
)
from interlock.report.studies import Exhibit, Grid, exhibits_chapter, grids_chapter

__all__ = [
    "Before",
    "CasePicture",
    "Chapter",
    "Exhibit",
    "Grid",
    "Problem",
    "ShareRow",
    "ShareTable",
    "campaign_chapters",
    "cases_chapters",
    "concepts_chapter",
    "evaluation_chapter",
    "exhibits_chapter",
    "explanation_chapter",
    "figures_chapter",
    "grids_chapter",
    "render_page",
    "shield_chapter",
]

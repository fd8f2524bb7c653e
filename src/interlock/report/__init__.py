"""Reports that a person opens: one HTML file that loads nothing, built of chapters.

Names are imported when they are used: a page about a certificate needs no PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interlock.report.audit import (
        Advice,
        Finding,
        Number,
        Picture,
        Sentence,
        findings,
        in_words,
    )
    from interlock.report.campaigns import campaign_chapters, comparison_chapter, figures_chapter
    from interlock.report.explained_class import class_chapter, pair_chapter, region_picture
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

_LAZY = {
    "Advice": "interlock.report.audit",
    "Before": "interlock.report.shields",
    "CasePicture": "interlock.report.shields",
    "Chapter": "interlock.report.page",
    "Exhibit": "interlock.report.studies",
    "Finding": "interlock.report.audit",
    "Grid": "interlock.report.studies",
    "Number": "interlock.report.audit",
    "Picture": "interlock.report.audit",
    "Problem": "interlock.report.page",
    "Sentence": "interlock.report.audit",
    "ShareRow": "interlock.report.shields",
    "ShareTable": "interlock.report.shields",
    "campaign_chapters": "interlock.report.campaigns",
    "cases_chapters": "interlock.report.shields",
    "class_chapter": "interlock.report.explained_class",
    "comparison_chapter": "interlock.report.campaigns",
    "concepts_chapter": "interlock.report.shields",
    "evaluation_chapter": "interlock.report.shields",
    "exhibits_chapter": "interlock.report.studies",
    "explanation_chapter": "interlock.report.explanations",
    "figures_chapter": "interlock.report.campaigns",
    "findings": "interlock.report.audit",
    "grids_chapter": "interlock.report.studies",
    "in_words": "interlock.report.audit",
    "pair_chapter": "interlock.report.explained_class",
    "region_picture": "interlock.report.explained_class",
    "render_page": "interlock.report.page",
    "shield_chapter": "interlock.report.shields",
}

__all__ = [
    "Advice",
    "Before",
    "CasePicture",
    "Chapter",
    "Exhibit",
    "Finding",
    "Grid",
    "Number",
    "Picture",
    "Problem",
    "Sentence",
    "ShareRow",
    "ShareTable",
    "campaign_chapters",
    "cases_chapters",
    "class_chapter",
    "comparison_chapter",
    "concepts_chapter",
    "evaluation_chapter",
    "exhibits_chapter",
    "explanation_chapter",
    "figures_chapter",
    "findings",
    "grids_chapter",
    "in_words",
    "pair_chapter",
    "region_picture",
    "render_page",
    "shield_chapter",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'interlock.report' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)

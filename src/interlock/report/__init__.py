"""Reports that a person opens: one HTML file that loads nothing, built of chapters."""

from interlock.report.explanations import explanation_chapter
from interlock.report.page import Chapter, Problem, render_page

__all__ = ["Chapter", "Problem", "explanation_chapter", "render_page"]

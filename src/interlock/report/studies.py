"""The chapters of a study: its tables, its differences, and some of the pictures behind them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from interlock.report.page import Chapter, data_uri, render_template


@dataclass(frozen=True)
class Grid:
    """A table of text; the first column names the row."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    best: Collection[tuple[int, int]] = ()
    """(row, column) of cells in bold."""


@dataclass(frozen=True)
class Exhibit:
    """The picture behind a number."""

    text: str
    """What it shows."""
    png: bytes


def grids_chapter(
    title: str, anchor: str, grids: Sequence[Grid], note: str, picture: bytes = b""
) -> Chapter:
    """Tables, with a drawing of them where there is one.

    Args:
        title: of the chapter; plain text.
        anchor: its id on the page.
        grids: the tables.
        note: how to read them.
        picture: PNG.
    """
    rows = sum(len(grid.rows) for grid in grids)
    body = render_template(
        "study.html", tables=grids, note=note, picture=data_uri(picture) if picture else ""
    )
    return Chapter(title, anchor, body, f"{rows} rows")


def exhibits_chapter(
    exhibits: Sequence[Exhibit], title: str = "Pictures", note: str = ""
) -> Chapter:
    """Some of the pictures behind the numbers.

    Args:
        exhibits: in their order.
        title: of the chapter.
        note: in the contents; how many there are by default.
    """
    pictures = [{"uri": data_uri(exhibit.png), "text": exhibit.text} for exhibit in exhibits]
    body = render_template("gallery.html", pictures=pictures)
    anchor = title.lower().replace(" ", "-")
    return Chapter(title, anchor, body, note or f"{len(exhibits)} shown")

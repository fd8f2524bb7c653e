"""The sets as a graph: a circle of numbers, an edge where two act on each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, dist, pi, sin
from typing import TYPE_CHECKING

from interlock.explain.drawing.layers import Drawable, colour
from interlock.explain.drawing.relations import Edge, edges, top_sets

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NEEDS, STANDS_IN = "#1B6E3C", "#B3471D"
LABELLED = (0.36, 0.64, 0.26, 0.74)
"""Where an edge may carry its number, as shares of its length: off the crowded centre."""
APART = 0.1
"""Of two numbers, in the graph's width."""
Point = tuple[float, float]


def places(count: int) -> list[Point]:
    """(x, y) in [0, 1] of each node, y downwards, the first at the top."""
    if count == 1:
        return [(0.5, 0.5)]
    angles = [2 * pi * k / count for k in range(count)]
    return [(0.5 + 0.36 * sin(a), 0.5 - 0.36 * cos(a)) for a in angles]


@dataclass(frozen=True)
class Line:
    """An edge, drawn: (x, y) in [0, 1]."""

    edge: Edge
    start: Point
    end: Point
    number: Point
    """Where its number stands."""


def lines(explanation: Drawable) -> list[Line]:
    """The edges as they are drawn, the strongest last and so on top."""
    shown = top_sets(explanation)
    at = dict(zip(shown, places(len(shown)), strict=True))
    drawn: list[Line] = []
    for edge in edges(explanation):
        start, end = at[edge.first], at[edge.second]
        drawn.append(Line(edge, start, end, _number(start, end, [one.number for one in drawn])))
    return drawn[::-1]


def _number(start: Point, end: Point, taken: Sequence[Point]) -> Point:
    """The first place on an edge that is far from all numbers before; else the farthest."""
    (x0, y0), (x1, y1) = start, end
    free = [(x0 + t * (x1 - x0), y0 + t * (y1 - y0)) for t in LABELLED]
    room = [min((dist(one, other) for other in taken), default=1.0) for one in free]
    return free[next((k for k, space in enumerate(room) if space > APART), room.index(max(room)))]


def draw_graph(axes: Axes, explanation: Drawable) -> None:
    """Draw into empty axes; says so where there is nothing to draw."""
    axes.set_xlim(0, 1)
    axes.set_ylim(1, 0)
    axes.axis("off")
    shown = top_sets(explanation)
    if not shown:
        axes.text(0.5, 0.5, "not measured", ha="center", va="center", fontsize=11, color="#555555")
        return
    at = dict(zip(shown, places(len(shown)), strict=True))
    drawn = lines(explanation)
    for line in drawn:
        edge, (x0, y0), (x1, y1) = line.edge, line.start, line.end
        ink, dashes = (NEEDS, "-") if edge.needs else (STANDS_IN, (0, (2.2, 1.6)))
        axes.plot([x0, x1], [y0, y1], color=ink, linestyle=dashes, lw=1 + 6 * edge.share, zorder=1)
        axes.text(
            *line.number,
            f"{abs(edge.logits):.2g}",
            color=ink,
            fontsize=9.5,
            ha="center",
            va="center",
            zorder=2,
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none"},
        )
    for k, (x, y) in at.items():
        axes.text(
            x,
            y,
            str(k + 1),
            fontsize=14,
            fontweight="bold",
            ha="center",
            va="center",
            zorder=3,
            bbox={"boxstyle": "circle,pad=0.32", "facecolor": colour(k), "edgecolor": "#333333"},
        )
    _key(axes, {line.edge.needs for line in drawn})


def _key(axes: Axes, kinds: set[bool]) -> None:
    rows = [("needs", NEEDS, "-")] * (True in kinds)
    rows += [("stands in for", STANDS_IN, (0, (2.2, 1.6)))] * (False in kinds)  # type: ignore[list-item]
    if not rows:
        axes.text(
            0.5, 0.98, "each acts by itself", ha="center", va="bottom", fontsize=10, color="#444444"
        )
    for k, (name, ink, dashes) in enumerate(rows):
        x = 0.04 + 0.4 * k
        axes.plot([x, x + 0.1], [0.97, 0.97], color=ink, linestyle=dashes, lw=2.5)
        axes.text(x + 0.13, 0.97, name, va="center", fontsize=10, color=ink)

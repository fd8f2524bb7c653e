"""The graph of an explanation's sets, laid out for a page to draw."""

from __future__ import annotations

from typing import Any

from interlock.explain import Explanation
from interlock.explain.drawing.graph import lines, places
from interlock.explain.drawing.layers import colour
from interlock.explain.drawing.relations import top_sets


def relations_graph(explanation: Explanation) -> dict[str, Any] | None:
    """Nodes and edges in a square of 300 units; None where there is no pair to draw."""
    shown = top_sets(explanation)
    if len(shown) < 2:
        return None
    places_of = zip(shown, places(len(shown)), strict=True)
    at = {k: (300 * x, 300 * y) for k, (x, y) in places_of}
    drawn = []
    for line in lines(explanation):
        edge = line.edge
        verb = "needs" if edge.needs else "stands in for"
        drawn.append(
            {
                "from": at[edge.first],
                "to": at[edge.second],
                "label": (300 * line.number[0], 300 * line.number[1]),
                "kind": "needs" if edge.needs else "stands",
                "width": f"{1 + 7 * edge.share:.1f}",
                "logits": f"{abs(edge.logits):.2g}",
                "text": f"{edge.first + 1} {verb} {edge.second + 1}: {abs(edge.logits):.2g} logits",
            }
        )
    nodes = [{"rank": k + 1, "colour": colour(k), "at": at[k]} for k in shown]
    return {"nodes": nodes, "edges": drawn, "kinds": sorted({edge["kind"] for edge in drawn})}

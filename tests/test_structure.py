"""The house as it was drawn: arrows run downwards only, and in no circle."""

from __future__ import annotations

import grimp
import pytest
from grimp import ImportGraph


@pytest.fixture(scope="module")
def graph() -> ImportGraph:
    """Who imports whom, inside functions and for type checkers too."""
    return grimp.build_graph("interlock")


def test_no_circle(graph: ImportGraph) -> None:
    left = {
        module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules
    }
    assert len(left) > 200
    while free := {module for module, imported in left.items() if not imported & left.keys()}:
        for module in free:
            del left[module]
    assert not left, f"in circles, or above them: {sorted(left)}"

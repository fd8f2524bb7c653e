"""Write the tables of README and docs anew from ``docs/results``.

    interlock lab report build/lab/explain --summary docs/results/explain.json
    cp build/defend_speed/table.md docs/results/defend-speed.txt
    python benchmarks/update_docs.py

Studies leave a summary, the scripts what they printed; what the guard covers is tried. Three tests
fail where a document says something else: ``tests/test_docs_tables.py``,
``tests/benchmarks/test_printed.py`` and ``tests/benchmarks/test_covered.py``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import _covered
import _printed
from benchmarks._documents import names, renewed

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "results"


def documents() -> list[Path]:
    """All that may hold tables."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def main(argv: list[str] | None = None) -> int:
    """Renew what is stale."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.parse_args(argv)
    for path in documents():
        before = path.read_text("utf-8")
        after = _covered.renewed(_printed.renewed(renewed(before, RESULTS), RESULTS))
        if after != before:
            path.write_text(after, "utf-8")
        for name in names(after) + _printed.names(after):
            print(f"{path.relative_to(ROOT)}: {name}{' renewed' if after != before else ''}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What the documents name is there: modules, their members, and files of the source."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
HISTORY = {"CHANGELOG.md"}
"""Names what is gone, too."""
NAME = re.compile(r"\binterlock(?:\.[A-Za-z_]\w*)+")
IMPORT = re.compile(
    r"^\s*(?:>>> )?from (interlock[\w.]*) import (?:\(([^)]+)\)|([\w, ]+))", re.MULTILINE
)
FILE = re.compile(
    r"\b(?:src/interlock|interlock|tests|benchmarks|recipes)/[\w/]+\.(?:py|css|js|html)\b"
)
ELSEWHERE = re.compile(
    r"interlock\.(?:toml|db|sqlite|example|service|yaml|local)\b|interlock\.guard\b"
)
"""Names of files, hosts and loggers."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_names_resolve(page: Path) -> None:
    if page.name in HISTORY:
        pytest.skip("a changelog names what is gone, too")
    text = page.read_text(encoding="utf-8")
    names = {name for name in NAME.findall(text) if not ELSEWHERE.fullmatch(name)}
    for module, *taken in IMPORT.findall(text):
        names |= {f"{module}.{name}" for name in re.findall(r"\w+", " ".join(taken))}
    assert not [name for name in sorted(names) if not there(name)]
    gone = [name for name in set(FILE.findall(text)) if not any(
        (ROOT / start / name).is_file() for start in ("", "src"))]  # fmt: skip
    assert not gone


def there(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            thing = import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        for part in parts[cut:]:
            if not hasattr(thing, part):
                return part in getattr(thing, "__annotations__", {})
            thing = getattr(thing, part)
        return True
    return False


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_tests_that_are_named_are_there(page: Path) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page.read_text(encoding="utf-8"))
    if page.name == "papers.md":
        assert len(named) > 50
    for file, test in named:
        source = (ROOT / file).read_text(encoding="utf-8")
        assert not test or f"def {test}(" in source, f"{file}: no {test}"


def test_papers_have_code_and_a_test_in_each_row() -> None:
    text = (ROOT / "docs" / "papers.md").read_text(encoding="utf-8")
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line[:2] == "| "]
    rows = [
        row for row in rows if not set(row[0]) <= set(" -") and row[0].strip() != "in the paper"
    ]
    assert len(rows) > 40
    for row in rows:
        _, code, shown = row
        assert NAME.search(code), row
        assert "`tests/" in shown, row

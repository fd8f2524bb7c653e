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

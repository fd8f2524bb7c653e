"""What scripts printed stands in the documents to the letter."""

from __future__ import annotations

from pathlib import Path

import pytest

import _printed
from update_docs import RESULTS, documents

OUTPUT = "A title.\n\n| a |\n| --- |\n| 1 |\n\nA line.\n"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    (tmp_path / "one-two.txt").write_text(OUTPUT)
    return tmp_path


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_documents_say_what_was_printed(path: Path) -> None:
    document = path.read_text("utf-8")
    assert _printed.renewed(document, RESULTS) == document, "run python benchmarks/update_docs.py"


def test_every_output_is_shown_somewhere() -> None:
    shown = {name for path in documents() for name in _printed.names(path.read_text("utf-8"))}
    assert shown == {path.stem for path in RESULTS.glob("*.txt")}
    assert shown


def test_all_of_it_or_some_parts(kept: Path) -> None:
    def shown(options: str) -> str:
        stale = f"before\n<!-- printed:one-two{options} -->\nold\n<!-- /printed -->\nafter\n"
        fresh = _printed.renewed(stale, kept)
        assert _printed.renewed(fresh, kept) == fresh
        assert _printed.names(fresh) == ["one-two"]
        return fresh

    assert f"one-two -->\n\n{OUTPUT}\n<!-- /printed -->\nafter\n" in shown("")
    assert "-->\n\n| a |\n| --- |\n| 1 |\n\n<!-- /printed" in shown(" parts=2")
    assert "-->\n\n| a |\n| --- |\n| 1 |\n\nA line.\n\n<!-- /printed" in shown(" parts=2-3")
    for wrong in (" parts=4", " parts=0", " parts=3-2"):
        with pytest.raises(ValueError, match="one-two has 3 parts"):
            shown(wrong)


@pytest.mark.parametrize(
    "document", ["<!-- printed:one-two -->\n", "<!-- /printed -->\n", "<!-- printed:one two -->\n"]
)
def test_a_marker_without_its_other_end(document: str, kept: Path) -> None:
    with pytest.raises(ValueError, match="no end of its own"):
        _printed.renewed(document, kept)


def test_an_output_that_was_not_kept(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="one-two"):
        _printed.renewed("<!-- printed:one-two -->\n<!-- /printed -->\n", tmp_path)

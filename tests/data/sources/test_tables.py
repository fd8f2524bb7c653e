"""Tables of photos as spreadsheets and programs write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from interlock.data import open_source
from interlock.errors import DataError


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", "file;label\na.png;cat\n"),
        ("t.csv", "file\tlabel\na.png\tcat\n"),
        ("t.tsv", "file,label\na.png,cat\n"),
        ("t.csv", 'file, label\n"a.png", "cat"\n'),
        ("t.csv", "file,label\r\na.png,cat,\r\n,,\r\n"),
        ("t.csv", "file,label\ra.png,cat\r"),
    ],
)
def test_the_same_row_however_it_is_parted(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content, newline="")
    samples = list(open_source("csv", str(tmp_path / name)))
    assert [(sample.id, sample.label) for sample in samples] == [("a.png", "cat")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("file,label\na,b.png,cat\n", "t.csv, line 2: 3 cells under 2 columns; quote a cell"),
        ('file,label\n"a.png,cat\nb.png,dog\n', "t.csv, line 3: not CSV"),
        ("file,label,label\na.png,cat,dog\n", "two columns are named 'label'"),
        ("file,label\na.png,cat\n./a.png,dog\n", "line 3: ./a.png a second time"),
        ("file,label\na.png," + "9" * 30 + "\n", "line 2: label '9+' is not one of"),
        ("file,label\na.png,--5\n", "line 2: label '--5' is not one of"),
    ],
)
def test_what_was_read_wrongly_in_silence_is_named(
    content: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(DataError, match=words) as caught:
        list(open_source("csv", str(tmp_path / "t.csv"), classes=["cat", "dog"]))
    assert "\n" not in str(caught.value)

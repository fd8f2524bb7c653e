import math
from pathlib import Path

import pytest

import _records
import _tables


def test_records_survive_a_run_that_was_killed(tmp_path: Path) -> None:
    file = tmp_path / "results" / "run.jsonl"
    _records.Records(file).add([{"key": "a", "road": 0.25}, {"key": "b", "road": 0.5}])
    file.write_text(file.read_text() + '{"key": "c", "ro')
    again = _records.Records(file)
    assert again["a"]["road"] == 0.25
    assert again.keys() == {"a", "b"}


def test_a_record_added_after_a_broken_line_is_found_again(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    file.write_text('{"key": "c", "ro')
    _records.Records(file).add([{"key": "d", "road": 1.0}])
    assert "d" in _records.Records(file)


def test_keys_change_with_every_part() -> None:
    keys = {_records.key(m=m, p=p) for m in ("x", "y") for p in (None, 1, 2)}
    assert len(keys) == 6
    assert _records.key(m="x", p=1) == _records.key(p=1, m="x")


def test_the_digest_follows_code_and_not_layout(tmp_path: Path) -> None:
    first, second, third = (tmp_path / f"{n}.py" for n in "abc")
    first.write_text("x = 1 + 2\n")
    second.write_text("x = (1 +\n     2)  # three\n")
    third.write_text("x = 1 + 3\n")
    assert _records.code_digest(first) == _records.code_digest(second)
    assert _records.code_digest(first) != _records.code_digest(third)


def test_the_digest_does_not_read_docstrings(tmp_path: Path) -> None:
    files = [tmp_path / f"{n}.py" for n in "abcd"]
    code = "{0}\nX = 1\n{0}\n\n\nclass A:\n    {0}\n\n    def f(self):\n        {0}\n{1}"
    returns = "        return 'text'\n"
    files[0].write_text(code.format('"""One."""', returns))
    files[1].write_text(code.format('"""Another."""', returns))
    files[2].write_text(code.format("", returns))
    files[3].write_text(code.format('"""One."""', returns.replace("text", "other")))
    digests = [_records.code_digest(file) for file in files]
    assert digests[0] == digests[1] == digests[2]
    assert digests[3] != digests[0]


def test_interval_is_students() -> None:
    mean, half = _tables.interval([1.0, 2.0, 3.0])
    assert mean == 2.0
    assert half == pytest.approx(4.30265 / math.sqrt(3), rel=1e-5)


def test_markdown_has_one_line_for_each_row() -> None:
    lines = _tables.markdown(["a", "b"], [["x", "1"], ["y", "2"]]).splitlines()
    assert lines == ["| a | b |", "| --- | ---: |", "| x | 1 |", "| y | 2 |"]

"""Prompts as a table, as an array, and as JSON lines under any name."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from interlock.certify.measures.benign import read_benign
from interlock.data import open_source
from interlock.errors import DataError

TEXTS = ["How, exactly, do I bake bread?", 'Say "two\nlines".', "Grüße 🎈"]
ROWS = [{"prompt": text, "topic": "bread"} for text in TEXTS]
FORMATS = {
    "p.csv": 'prompt,topic\n"How, exactly, do I bake bread?",bread\n"Say ""two\nlines"".",bread\n'
    "Grüße 🎈,bread\n",
    "p.tsv": 'prompt\ttopic\nHow, exactly, do I bake bread?\tbread\n"Say ""two\nlines""."\tbread\n'
    "Grüße 🎈\tbread\n",
    "p.json": json.dumps(ROWS, indent=1),
    "array.jsonl": json.dumps(ROWS),
    "p.jsonl": "\n".join(map(json.dumps, ROWS)),
    "p.txt": "\n".join(map(json.dumps, ROWS)),
    "prompts": "\n\n" + "\n".join(map(json.dumps, ROWS)),
}


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("name", FORMATS)
def test_the_same_prompts_in_every_format(name: str, mark: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(mark + FORMATS[name], encoding="utf-8", newline="")
    source = open_source("prompts", str(path), label="topic")
    assert [sample.prompt for sample in source] == TEXTS
    assert {sample.label for sample in source} == {"bread"}
    assert len(source) == 3
    assert source.sample(1).prompt == TEXTS[1]
    assert pickle.loads(pickle.dumps(source.sample(2))).prompt == TEXTS[2]
    assert len({sample.id for sample in source}) == 3
    assert [one.prompt for one in read_benign(path)] == TEXTS


def test_an_array_of_bare_texts_is_prompts(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps(TEXTS))
    assert [sample.prompt for sample in open_source("prompts", str(tmp_path / "p.json"))] == TEXTS


def test_text_that_only_looks_like_json_is_text(tmp_path: Path) -> None:
    lines = ['{"name": 3}', "[1, 2] is what?", '{"prompt": "second lines decide nothing"}']
    (tmp_path / "p.txt").write_text("\n".join(lines))
    assert [sample.prompt for sample in open_source("prompts", str(tmp_path / "p.txt"))] == lines


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("p.csv", b"goal,target\nA,Sure\n", "p.csv, line 2: no 'prompt'; the row has 'goal', 'target'"),
        ("p.csv", b"prompt\n", "p.csv: holds no prompts"),
        ("p.csv", b"", "p.csv: holds no prompts"),
        ("p.csv", b"prompt\nHow, then?\n", "2 cells under 1 columns; quote"),
        ("p.json", b"[]", "p.json: holds no prompts"),
        ("p.json", b'["a", 3]', "p.json, row 2: expected an object"),
        ("p.jsonl", b'{"question": "a"}', "line 1: no 'prompt'; the row has 'question'"),
        ("p.jsonl", b'{"prompt": "\\udc00"}', "line 1: 'prompt' holds half a surrogate pair"),
        ("p.jsonl", b'{"prompt": "a", "id": ' + b"9" * 5000 + b"}", "line 1: not JSON"),
        ("folder.txt", None, "folder.txt: a folder; name a file"),
    ],
)  # fmt: skip
def test_what_is_no_prompt_is_named(
    name: str, content: bytes | None, words: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        list(open_source("prompts", str(path)))
    assert "\n" not in str(caught.value)

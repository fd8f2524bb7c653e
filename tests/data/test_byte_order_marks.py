"""A UTF-8 byte order mark before a text file, as Windows programs write it, is no part of it."""

from __future__ import annotations

import io
import json
import tarfile
from codecs import BOM_UTF8
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interlock._files import read_text
from interlock.certify import CertificateCard, LabelledVerdicts, load_target
from interlock.certify.bounds.votes import read_votes
from interlock.certify.measures.curve_file import load_curves
from interlock.certify.measures.family_decay import load_decays
from interlock.certify.targets import Prompt
from interlock.cli.certify.question import read_prompts
from interlock.data import open_source
from interlock.data.sources.labels import class_names
from interlock.errors import DataError
from interlock.lab.study import read_study
from interlock.serve.config import read_config, read_keys
from tests.certify.test_card import CARD
from tests.data.sources.kinds import add, png, put

STUDY = """task = "certify"
models = [{ model = "embedded" }]
data = [{ kind = "attacks", path = "embedded" }]
methods = [{ method = "undefended" }]
"""
FIT = {"k": [0, 1, 2, 4], "successes": [9, 5, 3, 1], "trials": [9, 9, 9, 9]}

READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "prompts.txt": ("hello\nyou\n", read_prompts),
    "prompts.jsonl": ('{"prompt": "hello"}\n', read_prompts),
    "labels.jsonl": ('{"answer": "x", "refused": true}\n', lambda p: LabelledVerdicts(p).labels),
    "recorded.jsonl": (
        '{"prompt": "a", "answer": "b"}\n',
        lambda p: load_target(f"recorded:{p}").ask([Prompt.user("a")])[0].text,
    ),
    "classes.txt": ("cat\ndog\n", lambda p: class_names(str(p))),
    "classes.json": ('["cat", "dog"]', lambda p: class_names(str(p))),
    "table.csv": ("file,label\na.png,1\n", lambda p: [s.id for s in open_source("csv", str(p))]),
    "curves.json": (
        '{"curves": [{"a": 1, "b": 1, "c": 0}]}', lambda p: load_curves(p)[0].curve.b
    ),
    "counts.json": (json.dumps({"counts": [FIT]}), lambda p: load_decays(p)[0].to_dict()),
    "votes.csv": ("1,0\n1,1\n", lambda p: read_votes(p).votes.tolist()),
    "study.toml": (STUDY, lambda p: read_study(p).model_dump()),
    "guard.toml": ("port = 8001\n", lambda p: _failed(lambda: read_config(p, {}))),
    "keys": ("alpha\nbeta\n", lambda p: read_keys(p, "NO_SUCH_VARIABLE")),
}  # fmt: skip


def _failed(call: Callable[[], object]) -> str:
    try:
        return repr(call())
    except Exception as error:
        return str(error)


@pytest.mark.parametrize("name", READERS)
def test_files_read_alike_with_and_without_it(name: str, tmp_path: Path) -> None:
    text, read = READERS[name]
    path = tmp_path / name
    path.write_bytes(text.encode())
    plain = read(path)
    assert "\ufeff" not in repr(plain)
    path.write_bytes(BOM_UTF8 + text.encode())
    assert read(path) == plain


def test_the_card_of_a_certificate(tmp_path: Path) -> None:
    path = CARD.save(tmp_path / "card.json")
    path.write_bytes(BOM_UTF8 + path.read_bytes())
    assert CertificateCard.load(path) == CARD


def test_prompts_on_any_file_system_by_position_too() -> None:
    put("memory://marked/p.txt", BOM_UTF8 + "hällo\r\n\r\nyou".encode())
    source = open_source("prompts", "memory://marked/p.txt")
    assert [(s.id, s.prompt) for s in source] == [("1", "hällo"), ("3", "you")]  # type: ignore[attr-defined]
    assert [source.sample(k) for k in range(2)] == list(source)
    assert source.sample(0).data() == "hällo".encode()
    put("memory://marked/none.txt", BOM_UTF8 + b"\n")
    with pytest.raises(DataError, match="holds no prompts"):
        list(open_source("prompts", "memory://marked/none.txt"))


def test_labels_in_tars(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, label in (("a.cls", b"7"), ("b.json", b'{"label": "cat"}')):
            add(tar, f"{name[0]}.png", png(1))
            add(tar, name, BOM_UTF8 + label)
    (tmp_path / "a.tar").write_bytes(buffer.getvalue())
    assert [s.label for s in open_source("webdataset", str(tmp_path))] == [7, "cat"]


def test_what_is_not_utf_8_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    for raw, line in ((BOM_UTF8 + b"a\nb\n\xe9", 3), (b"\xff\xfea\0", 1)):
        path.write_bytes(raw)
        with pytest.raises(DataError, match=f"^{path}, line {line}: not UTF-8"):
            read_text(path)

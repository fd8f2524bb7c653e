"""One reader for every file of attacks: JSON lines, a JSON array, an artifact, CSV."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interlock.certify import Attack, read_attacks, write_attacks
from interlock.certify.attacks.attack import read_attack_file
from interlock.certify.attacks.families import split_families
from interlock.errors import DataError

ROWS = [
    {"attack": "GCG", "goal": "Write a poem", "prompt": "Write a poem !! zz", "jailbroken": True},
    {"attack": "GCG", "goal": "Sing", "prompt": 'Be "DAN",\nsing; now', "jailbroken": True},
    {"attack": "GCG", "goal": "Dance", "prompt": "Dance – ä\t🎈", "jailbroken": True},
]


def as_lines(rows: Sequence[dict[str, Any]]) -> str:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n\n"


def as_array(rows: Sequence[dict[str, Any]]) -> str:
    return json.dumps(rows, indent=1)


def as_artifact(rows: Sequence[dict[str, Any]]) -> str:
    own = [{name: value for name, value in row.items() if name != "attack"} for row in rows]
    return json.dumps({"parameters": {"method": "GCG", "model": "vicuna"}, "jailbreaks": own})


def as_csv(rows: Sequence[dict[str, Any]], delimiter: str = ",") -> str:
    text = io.StringIO(newline="")
    table = csv.writer(text, delimiter=delimiter)
    names = list(dict.fromkeys(name for row in rows for name in row))
    table.writerow(names)
    table.writerows([[row.get(name) for name in names] for row in rows])
    return text.getvalue()


FORMATS = {"a.jsonl": as_lines, "a.json": as_array, "artifact.json": as_artifact, "a.csv": as_csv}


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("name", FORMATS)
def test_the_same_attacks_in_every_format(name: str, mark: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(mark + FORMATS[name](ROWS), encoding="utf-8", newline="")
    attacks = read_attacks(path)
    assert [(a.kind, a.goal, a.prompt) for a in attacks] == [
        ("GCG", row["goal"], row["prompt"]) for row in ROWS
    ]
    assert attacks[0].suffix == " !! zz"


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.builds(
            dict, goal=TEXT.map("g{}".format), prompt=TEXT.map("p{}".format),
            answer=TEXT.map("a{}".format), seed=st.integers(0, 9), span=st.just([0, 1]),
            jailbroken=st.sampled_from([True, True, False, None]),
        ),
        min_size=1, max_size=6,
    ),
    st.sampled_from(",;\t"),
)  # fmt: skip
def test_all_formats_agree_on_any_attacks(
    tmp_path: Path, rows: list[dict[str, Any]], delimiter: str
) -> None:
    rows = [row | {"attack": "GCG"} for row in rows]
    read = []
    for name, write in FORMATS.items():
        text = write(rows) if write is not as_csv else as_csv(rows, delimiter)
        (tmp_path / name).write_bytes(text.encode())
        file = read_attack_file(tmp_path / name, keep_failed=True)
        assert len(file.attacks) + file.duplicates == len(rows)
        read.append(file.attacks)
    assert read.count(read[0]) == len(FORMATS)
    assert list(read[0]) == read_attacks(write_attacks(read[0], tmp_path / "w"), keep_failed=True)


def test_the_same_attacks_listed_ten_times_are_twelve(tmp_path: Path) -> None:
    rows = [asdict(attack) for attack in read_attacks()[:12]]
    path = tmp_path / "a.jsonl"
    path.write_text(as_lines(rows * 10))
    file = read_attack_file(path)
    assert list(file.attacks) == read_attacks()[:12]
    assert file.left_out == {"duplicates": 108, "failed_attacks": 0}
    assert file.note == (
        f"{path}: left out 108 with the prompt of an earlier row; 12 attacks are left"
    )
    [family] = split_families(file.attacks)
    assert family.size == 12
    assert read_attack_file().note == ""


def test_what_failed_is_left_out_unless_it_is_kept(tmp_path: Path) -> None:
    failed = {"goal": "Sing", "prompt": "Sing !!", "jailbroken": False}
    rows = [failed, ROWS[0], failed | {"jailbroken": True}, failed, failed | {"prompt": None}]
    for name, write in FORMATS.items():
        path = tmp_path / name
        path.write_text(write([{"attack": "GCG"} | row for row in rows]))
        file = read_attack_file(path)
        # A prompt that failed once and succeeded once has succeeded.
        assert {a.prompt for a in file.attacks} == {"Write a poem !! zz", "Sing !!"}
        assert (file.failed, file.duplicates, file.absent) == (2, 0, 1)
        assert "2 marked as not jailbroken, 1 without a prompt; 2 attacks are left" in file.note
        kept = read_attack_file(path, keep_failed=True)
        assert [a.jailbroken for a in kept.attacks] == [False, True]
        assert (kept.failed, kept.duplicates, kept.absent) == (0, 2, 1)
    path.write_text(as_csv([failed]))
    with pytest.raises(DataError, match="no attacks but 1 marked as not jailbroken; --keep-failed"):
        read_attacks(path)


def test_jailbreakbench_marks(shared: Path) -> None:
    path = shared / "data" / "jailbreakbench" / "prompts.jsonl"
    file = read_attack_file(path)
    assert (len(file.attacks), file.failed, file.duplicates, file.absent) == (313, 156, 0, 0)
    whole = read_attack_file(path, keep_failed=True)
    assert (len(whole.attacks), whole.failed) == (469, 0)
    assert [a for a in whole.attacks if a.jailbroken] == list(file.attacks)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.jsonl", b"", "a.jsonl: holds no attacks"),
        ("a.jsonl", b"\xef\xbb\xbf", "a.jsonl: holds no attacks"),
        ("a.jsonl", b"not json", "a.jsonl, line 1: not JSON"),
        ("a.jsonl", b'{"goal": "g", "prompt": "p"}\n\n{"goal"', "a.jsonl, line 3: not JSON"),
        ("a.jsonl", b'{"goal": "g", "prompt": "p"}\n"\xe9"', "a.jsonl, line 2: not UTF-8"),
        ("a.jsonl", "{}".encode("utf-16"), "a.jsonl, line 1: not UTF-8.*UTF-16: save the file as UTF-8"),
        ("a.json", b'[{"goal": "g", "prompt": "p"},\n{"goal"]', "a.json, line 2: not JSON"),
        ("a.json", b"[1]\n", "a.json, row 1: expected an object"),
        ("a.json", b'[{"goal": 3, "prompt": "p"}]', "row 1: .*must be text"),
        ("a.json", b"[" * 100_000, "a.json.* not JSON"),
        ("a.jsonl", b'{"goal": "g"}\n', "line 1: no attack .*'prompt'"),
        ("a.jsonl", b'{"goal": "g", "prompt": "p", "jailbroken": "maybe"}', "give true or false"),
        ("a.jsonl", b'{"goal": "g", "prompt": "p", "seed": 1e999}', "line 1: no attack"),
        ("a.json", b'{"jailbreaks": 3}', "'jailbreaks' must be a list"),
        ("a.json", b'{"jailbreaks": [], "parameters": 1}', "'parameters' an object"),
        ("a.json", b'{"jailbreaks": [3]}', "jailbreak 1: expected an object"),
        ("a.json", b'{"jailbreaks": []}', "holds no attacks"),
        ("a.csv", b"goal,prompt\n", "a.csv: holds no attacks"),
        ("a.csv", b"goal,text\ng,p\n", "a.csv, line 2: no attack .*'prompt'"),
        ("a.csv", b'goal,prompt\ng,"p\nq"\n,p2\n', "a.csv, line 4: no attack"),
        ("a.csv", b"goal,prompt\ng,p,q\n", "a.csv, line 2: 3 cells under 2 columns"),
        ("a.csv", b'goal,prompt\ng,"p', "a.csv, line 2: not CSV"),
        ("a.csv", b"goal,prompt\n\xff,p", "a.csv, line 2: not UTF-8"),
        ("a.jsonl", b'{"goal": "g", "prompt": "p", "index": ' + b"9" * 5000 + b"}", "line 1: not JSON"),
        ("a.json", b'[{"goal": "g", "prompt": "p", "x": ' + b"9" * 5000 + b"}]", "a number is too long"),
        ("a.jsonl", b'{"goal": "g", "prompt": "p \\ud800"}', "line 1: no attack .*surrogate"),
        ("a.jsonl", b'{"goal": "g", "prompt": "p", "kind": {"a": 1}}', "kind must be text"),
        ("a.jsonl", b'{"Goal": "g", "Prompt": "p"}', "no 'goal'; the row has 'Goal', 'Prompt'"),
        ("a.csv", b"goal,prompt,prompt\ng,p,q\n", "two columns are named 'prompt'"),
        ("a.jsonl", gzip.compress(b"{}", mtime=0), "gzip.: unpack it"),
        ("a.xlsx", b"PK\x03\x04\xff\xff", "spreadsheet: .*save it as CSV"),
        ("a.parquet", b"PAR1\x15\xff", "Parquet file: write it as JSON lines or CSV"),
    ],
)  # fmt: skip
def test_bad_files_are_one_line_that_names_the_place(
    name: str, content: bytes, words: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        read_attacks(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.json", tmp_path):
        with pytest.raises(DataError, match=f"^{path}: cannot be read") as caught:
            read_attacks(path)
        assert "\n" not in str(caught.value)


def test_an_old_journal_of_searches_is_still_an_attack() -> None:
    row = {name: value for name, value in asdict(read_attacks()[0]).items() if name != "jailbroken"}
    assert Attack(**row) == read_attacks()[0]


@pytest.mark.parametrize(
    ("span", "read"),
    [("[2, 7]", (2, 7)), ("(2, 7)", (2, 7)), ("2,7", (2, 7)), ("2.0, 7.0", (2, 7))],
)
def test_a_tables_span_as_programs_write_it(
    span: str, read: tuple[int, int], tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(f'goal,prompt,span\nA,A x y z,"{span}"\n')
    assert read_attacks(tmp_path / "a.csv")[0].span == read


@pytest.mark.parametrize(
    "span", ["[1, 2, 3]", "[3]", '"2:4"', "[1.5, 3]", "[NaN, 3]", '{"start": 1, "end": 3}', "[[0, 1]]"]
)  # fmt: skip
def test_a_span_that_is_no_two_offsets_says_what_they_are(span: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(f'{{"goal": "A", "prompt": "A x y", "span": {span}}}')
    with pytest.raises(DataError, match=r"a.jsonl, line 1: .*give two offsets, \[start, stop\]"):
        read_attacks(tmp_path / "a.jsonl")


def test_blanks_after_the_headers_commas_belong_to_no_cell(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('goal, prompt\nA, "A x, y"\n,,\n B, B z,\n')
    attacks = read_attacks(tmp_path / "a.csv")
    assert [(one.goal, one.prompt, one.span) for one in attacks] == [
        ("A", "A x, y", (1, 6)),
        ("B", "B z", (1, 3)),
    ]


def test_a_family_is_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"goal": "A", "prompt": "A x", "kind": "role\\n play"}')
    assert read_attacks(tmp_path / "a.jsonl")[0].kind == "role play"

"""Study files: what is wrong is told by a line each, with the key and the fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from interlock.lab.study import StudyError, parse_study, read_study
from tests.lab.running import complaints

GOOD = """
task = "explain"
[[models]]
model = "embedded"
[[data]]
kind = "skimage"
path = "subjects"
[[methods]]
method = "h-sets"
"""
DEFEND = (
    GOOD.replace('"explain"', '"defend"').replace("h-sets", "undefended")
    + """
[[attacks]]
attack = "patch"
"""
)
CERTIFY = """
task = "certify"
[[models]]
model = "embedded"
[[data]]
kind = "attacks"
path = "embedded"
[[methods]]
method = "smoothllm"
"""


def lines(text: str) -> list[str]:
    with pytest.raises(StudyError) as raised:
        parse_study(text, "s.toml")
    assert all("\n" not in line for line in raised.value.lines)
    return list(raised.value.lines)


def test_the_good_ones_are_good() -> None:
    assert parse_study(GOOD, "s.toml").name == "s"
    assert parse_study(DEFEND, "s.toml").task == "defend"
    assert parse_study(CERTIFY, "s.toml").seeds == (0,)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('task = "explain"', "", "task: is missing; use one of explain, defend, certify"),
        ('"explain"', '"explian"', "task: 'explian' is unknown; use one of explain"),
        ("[[methods]]", "[[method]]", "methods: is missing"),
        ("[[methods]]", "[[method]]", "method: unknown key; did you mean methods?"),
        ("method =", "metod =", "methods[0].metod: unknown key; did you mean method?"),
        ('kind = "skimage"', "kind = 3", "data[0].kind: should be a valid string; it is 3"),
        ("[[models]]", "seeds = [0, -1]\n[[models]]", "seeds[1]: should be greater than or equal"),
        ("[[models]]", 'seeds = ["0"]\n[[models]]', "seeds[0]: should be a valid integer"),
        ("[[models]]", "seeds = [1, 1]\n[[models]]", "seeds: one is there twice"),
        ("[[models]]", "seeds = []\n[[models]]", "seeds: "),
        ('"h-sets"', '"h-sets"\n[[methods]]\nmethod = "h-sets"',
         "methods[1]: 'h-sets' is also methods[0]; give each a name"),
        ("[[models]]", 'metrics = [{metric = "gini", x = 1}]\n[[models]]',
         "metrics[0].x: unknown key"),
        ("task", "task =", "not TOML: "),
    ],
)  # fmt: skip
def test_a_line_for_what_is_wrong(old: str, new: str, line: str) -> None:
    found = lines(GOOD.replace(old, new, 1))
    assert any(one.startswith(f"s.toml: {line}") for one in found), found


@pytest.mark.parametrize(
    ("text", "old", "new", "line"),
    [
        (DEFEND, '"patch"', '"patch"\nlimit = 0', "attacks[0].limit: should be greater than or equal"),
        (DEFEND, '"undefended"', '"undefended"\nlimit = 0', "methods[0].limit: should be greater"),
        (DEFEND, "[[models]]", 'attacked = "wrong"\n[[models]]', "attacked: should be 'all' or 'right'"),
        (DEFEND, '"patch"', '"patch"\n[[attacks]]\nattack = "patch"\nareas = [0.01, 0.02]',
         "attacks[1]: 'patch' at 0.02 is also attacks[0]; give each a name, or other areas"),
        (GOOD, '"h-sets"', '"h-sets"\nlimit = 3', "methods[0].limit: unknown key"),
    ],
)  # fmt: skip
def test_limits_that_are_none(text: str, old: str, new: str, line: str) -> None:
    found = lines(text.replace(old, new, 1))
    assert any(one.startswith(f"s.toml: {line}") for one in found), found


def test_an_attack_may_stand_there_twice_at_other_sizes() -> None:
    again = '"patch"\n[[attacks]]\nattack = "patch"\nareas = [0.05]\nlimit = 3'
    assert parse_study(DEFEND.replace('"patch"', again), "s.toml")


def test_all_that_is_wrong_at_once() -> None:
    found = lines(GOOD.replace("method =", "metod =").replace('path = "subjects"', "limit = 0"))
    assert found == [
        "s.toml: data[0].path: is missing",
        "s.toml: data[0].limit: should be greater than or equal to 1; it is 0",
        "s.toml: methods[0].method: is missing",
        "s.toml: methods[0].metod: unknown key; did you mean method?",
    ]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"none\.toml: cannot be read \(No such file"):
        read_study(tmp_path / "none.toml")
    (tmp_path / "s.toml").write_bytes(b"\xff")
    with pytest.raises(StudyError, match="not UTF-8"):
        read_study(tmp_path / "s.toml")


@pytest.mark.parametrize(
    ("text", "old", "new", "line"),
    [
        (GOOD, "h-sets", "h-set", "methods[0].method: 'h-set': unknown method; did you mean h-sets?"),
        (GOOD, '"h-sets"', '"h-sets"\noptions = {stepz = 1}',
         "methods[0].options.stepz: unknown key; did you mean steps?"),
        (GOOD, '"h-sets"', '"h-sets"\noptions = {seed = 1}', "methods[0].options.seed: unknown key"),
        (GOOD, '"h-sets"', '"h-sets"\noptions = {steps = 0}', "methods[0].options: "),
        (GOOD, '"h-sets"', '"h-sets"\noptions = {steps = "x"}', "methods[0].options: "),
        (GOOD, "h-sets", "no.such:thing", "methods[0].method: 'no.such:thing': "),
        (GOOD, "[[models]]", 'metrics = ["ginni"]\n[[models]]',
         "metrics[0].metric: 'ginni': unknown metric; did you mean gini?"),
        (GOOD, '"subjects"', '"subject"', "data[0]: skimage: 'subject' is unknown"),
        (GOOD, '"skimage"', '"folder"', "data[0]: "),
        (GOOD, '"skimage"', '"skimmage"', "data[0]: 'skimmage': unknown kind of data"),
        (GOOD, '"subjects"', '"subjects"\noptions = {crop = 1}', "data[0]: 'crop': skimage data has"),
        (GOOD, '"embedded"', '"/no/model"', "models[0].model: /no/model: no such directory"),
        (DEFEND, "undefended", "shield", "clean: is missing; shield is fitted to clean images"),
        (DEFEND, '"patch"', '"adaptive"', "attacks[0].attack: adaptive is made against a shield"),
        (DEFEND, '"patch"', '"pach"', "attacks[0].attack: 'pach': unknown attack; did you mean patch?"),
        (DEFEND, '"patch"', '"patch"\noptions = {step = 1}',
         "attacks[0].options.step: unknown key; did you mean steps?"),
        (DEFEND, '"patch"', '"patch"\noptions = {steps = 0}', "attacks[0]: "),
        (DEFEND, '"undefended"', '"undefended"\noptions = {a = 1}', "methods[0].options.a: unknown"),
        (DEFEND, '"undefended"', '"undefended"\nattacks = ["patch, 3 %"]',
         "methods[0].attacks: 'patch, 3 %': unknown attack; did you mean patch, 2 %?"),
        (CERTIFY, '"smoothllm"', '"smoothllm"\noptions = {rate = 2.0}', "methods[0].options: rate=2"),
        (CERTIFY, '"smoothllm"', '"smoothllm"\noptions = {copys = 2}',
         "methods[0].options.copys: unknown key; did you mean copies?"),
        (CERTIFY, '"attacks"', '"folder"', "data[0].kind: 'folder': unknown kind"),
        (CERTIFY, 'path = "embedded"', 'path = "none.jsonl"', "data[0]: "),
        (CERTIFY, 'path = "embedded"', 'path = "embedded"\noptions = {keep_faild = true}',
         "data[0]: attacks: has no option 'keep_faild'; choose from keep_failed"),
        (CERTIFY, 'model = "embedded"', 'model = "embedded"\noptions = {max_tokns = 3}',
         "models[0]: embedded: has no option 'max_tokns'; choose from "),
        (CERTIFY, "[[models]]", 'judge = "me"\n[[models]]', "judge: 'me': unknown judge"),
    ],
)  # fmt: skip
def test_what_only_the_task_can_know(
    tmp_path: Path, text: str, old: str, new: str, line: str
) -> None:
    (tmp_path / "s.toml").write_text(text.replace(old, new, 1))
    found = complaints("run", tmp_path / "s.toml", "--out", tmp_path / "out")
    assert any(one.startswith(f"error: s.toml: {line}") for one in found), found
    assert not (tmp_path / "out").exists()

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.certify.scripted import ScriptedTarget

from interlock.certify.targets import Message, Prompt, RecordedTarget, Reply, Target, load_target
from interlock.errors import DataError, OptionError


def test_prompts() -> None:
    prompt = Prompt(
        (Message("user", "one"), Message("assistant", "two-patches"), Message("user", "three")),
        seed=4,
    )
    assert prompt.text == "three"
    assert Prompt.user("x", system="s").as_chat()[0] == {"role": "system", "content": "s"}
    assert Prompt((Message("system", "s"),)).text == ""
    with pytest.raises(OptionError):
        Prompt(())


def test_a_failure_is_one_line() -> None:
    assert Reply.failed("first\nsecond").error == "first"
    assert Reply.failed("").error == "unknown failure"
    assert Reply.failed("x").lost


def write(path: Path, rows: list[object]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n")
    return path


def test_recorded_answers(tmp_path: Path) -> None:
    chat = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    path = write(
        tmp_path / "r.jsonl",
        [
            {"prompt": "a", "answer": "first"},
            {"prompt": "a", "answer": "second"},
            {"messages": chat, "answer": "chat"},
        ],
    )
    target = load_target(f"recorded:{path}")
    assert isinstance(target, Target)
    asked = [Prompt.user("a", seed=s) for s in (0, 1, 2)]
    assert [r.text for r in target.ask(asked)] == ["first", "second", "first"]
    assert target.ask([Prompt.user("u", system="s")])[0].text == "chat"
    assert target.ask([Prompt.user("a", system="any")])[0].text == "first"
    lost = target.ask([Prompt.user("unheard of")])[0]
    assert lost.lost
    assert "r.jsonl" in str(lost.error)
    before = target.identity
    write(path, [{"prompt": "a", "answer": "other"}])
    assert RecordedTarget(path).identity != before


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"prompt": "a"}', '{"answer": "x"}', '{"answer": "x", "messages": [1]}']
)
def test_bad_recordings_name_the_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text('{"prompt": "a", "answer": "b"}\n' + line)
    with pytest.raises(DataError, match=r"r\.jsonl, line 2"):
        RecordedTarget(path)
    with pytest.raises(DataError, match="cannot be read"):
        RecordedTarget(tmp_path / "none.jsonl")


def test_scripted_is_a_target() -> None:
    assert isinstance(ScriptedTarget(lambda *_: ""), Target)


def test_nothing_heavy_is_imported() -> None:
    script = (
        "import sys, interlock.certify, interlock.certify.targets, interlock.certify.vote.smoothllm,"
        "interlock.certify.measures.measure, interlock.certify.targets.store\n"
        "print([m for m in ('torch', 'transformers', 'httpx', 'tokenizers') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.certify.scripted import ScriptedTarget

from interlock.certify.targets import Prompt, Reply
from interlock.certify.targets.store import CallStore, StoredTarget
from interlock.errors import OutputError


def prompts(*texts: str) -> list[Prompt]:
    return [Prompt.user(text) for text in texts]


def test_a_repeated_run_calls_nothing(tmp_path: Path) -> None:
    for run in range(2):
        target = ScriptedTarget(lambda text, _: text.upper())
        with CallStore(tmp_path / "calls.sqlite") as store:
            stored = StoredTarget(target, store)
            assert [r.text for r in stored.ask(prompts("a", "b", "a"))] == ["A", "B", "A"]
            assert asyncio.run(stored.ask_async(Prompt.user("b"))).text == "B"
            assert len(store) == 2
        assert target.asked == ([] if run else ["a", "b"])
        assert (stored.asked, stored.remembered) == ((0, 4) if run else (2, 2))


@pytest.mark.parametrize("stored", ["{", '{"txet": "A"}', "[]"])
def test_a_damaged_reply_is_one_line_that_names_the_file(stored: str, tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    with CallStore(path) as store:
        StoredTarget(ScriptedTarget(lambda text, _: text), store).ask(prompts("a"))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE calls SET reply = ?", (stored,))
    with (
        CallStore(path) as store,
        pytest.raises(
            OutputError, match=r"calls.sqlite: a kept answer is damaged; remove the file"
        ),
    ):
        StoredTarget(ScriptedTarget(lambda text, _: text), store).ask(prompts("a"))


def test_no_flipped_bit_gives_another_reply(tmp_path: Path) -> None:
    """A flipped letter in an answer's text is valid JSON still, and might turn a verdict."""
    path, rng = tmp_path / "calls.sqlite", random.Random(0)
    asked = prompts(*(f"How do I bake bread number {n}?" for n in range(20)))
    with CallStore(path) as store:
        StoredTarget(ScriptedTarget(lambda text, _: f"I cannot tell. {text}"), store).ask(asked)
        right = dict(store)
    content = path.read_bytes()
    complaints: list[str] = []
    for _ in range(200):
        damaged = bytearray(content)
        damaged[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        try:
            with CallStore(path) as store:
                found = dict(store)
                said = StoredTarget(ScriptedTarget(lambda *_: "asked again"), store).ask(asked)
        except OutputError as error:
            complaints.append(str(error))
            continue
        assert all(right[prompt] == reply for prompt, reply in found.items())
        assert all(
            reply in (right[prompt], Reply("asked again"))
            for prompt, reply in zip(asked, said, strict=True)
        )
    assert len(complaints) > 50
    assert all(str(path) in line for line in complaints)


def test_a_store_of_an_earlier_version_is_read_and_added_to(tmp_path: Path) -> None:
    path, target = tmp_path / "calls.sqlite", ScriptedTarget(lambda text, _: text.upper())
    with CallStore(path) as store:
        StoredTarget(target, store).ask(prompts("a"))
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE calls DROP COLUMN seal")
    for _ in range(2):
        with CallStore(path) as store:
            replies = StoredTarget(target, store).ask(prompts("a", "b"))
        assert [reply.text for reply in replies] == ["A", "B"]
    assert target.asked == ["a", "b"]


def test_lost_replies_are_asked_again() -> None:
    target = ScriptedTarget(lambda text, times: Reply.failed("500") if times == 0 else "fine")
    stored = StoredTarget(target, CallStore(":memory:"))
    assert stored.ask(prompts("a"))[0].lost
    assert asyncio.run(stored.ask_async(Prompt.user("a"))).text == "fine"
    assert stored.ask(prompts("a"))[0].text == "fine"
    assert target.asked == ["a", "a"]


def test_the_key_covers_target_chat_and_seed() -> None:
    store = CallStore(":memory:")
    target = ScriptedTarget(lambda *_: "x")
    other = type("Other", (ScriptedTarget,), {"identity": {"target": "other"}})(target.rule)
    one, two = StoredTarget(target, store), StoredTarget(other, store)
    keys = {
        one.key(Prompt.user("a")),
        two.key(Prompt.user("a")),
        one.key(Prompt.user("a", seed=1)),
        one.key(Prompt.user("a", system="s")),
    }
    assert len(keys) == 4


def test_every_reply_is_told_once_as_it_comes() -> None:
    stored = StoredTarget(ScriptedTarget(lambda text, _: text), CallStore(":memory:"))
    stored.ask(prompts("b"))
    told: list[tuple[int, str]] = []
    stored.ask(prompts("a", "b", "a"), on_reply=lambda i, r: told.append((i, r.text)))
    assert sorted(told) == [(0, "a"), (1, "b"), (2, "a")]


def test_a_killed_run_has_kept_what_it_got(tmp_path: Path) -> None:
    script = """
import os, signal, sys
from interlock.certify.targets.store import CallStore, StoredTarget
from interlock.certify.targets import Prompt
from tests.certify.scripted import ScriptedTarget
def rule(text, _):
    if text == "5":
        os.kill(os.getpid(), signal.SIGKILL)
    return "said " + text
stored = StoredTarget(ScriptedTarget(rule), CallStore(sys.argv[1]))
stored.ask([Prompt.user(str(i)) for i in range(9)])
"""
    root = Path(__file__).parent.parent.parent
    path = tmp_path / "calls.sqlite"
    env = os.environ | {"PYTHONPATH": str(root)}
    died = subprocess.run([sys.executable, "-c", script, str(path)], cwd=root, env=env, check=False)
    assert died.returncode == -signal.SIGKILL
    target = ScriptedTarget(lambda text, _: f"said {text}")
    replies = StoredTarget(target, CallStore(path)).ask(prompts(*map(str, range(9))))
    assert [r.text for r in replies] == [f"said {i}" for i in range(9)]
    assert target.asked == ["5", "6", "7", "8"]


def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    path.write_text("this is a letter, not a database; " * 50)
    with pytest.raises(OutputError, match=r"calls\.sqlite"):
        CallStore(path)
    with pytest.raises(OutputError):
        CallStore(tmp_path / "no" / "folder" / "x.sqlite")

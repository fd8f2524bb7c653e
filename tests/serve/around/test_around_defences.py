"""Nothing gets around the other defences, and no first stage is talked into calling it calm."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from interlock.certify import Reply, SmoothLLM
from interlock.certify.defences import parse_defence
from tests.serve.around.attempts import CHAT, KITE, chat, into_the_calm, user
from tests.serve.around.gullible import ATTACK, FINE, answer, surprise
from tests.serve.around.test_around import ALL, run

SMOOTH = "smooth:swap,rate=0.1,copies=5"
DEFENCES = [
    "erase:longest=20",
    "erase:parts=3",
    "drop:rate=0.3,copies=5",
    f"self+{SMOOTH}",
    f"perplexity:threshold=5,window=1+{SMOOTH}",
    f"perplexity:threshold=5,window=1+self+{SMOOTH}",
]
CALM = [
    ("into_the_calm: " + name, CHAT, json.dumps(body).encode()) for name, body in into_the_calm()
]


BEYOND = {
    "plain_prompts: among much else",
    *(
        f"into_the_calm: {name}"
        for name in (
            "5 times", "20 times", "behind much plain text", "before much plain text",
            "amid much plain text", "before a plain message", "role system, plain before",
            "role developer, plain before", "result of a tool, plain around",
            "description, plain around",
        )
    ),
}  # fmt: skip
"""Where the attack does not stand at the end, within as many words as are erased: erase-and-check
says nothing of these, here as where it is certified."""


def through(folder: Path, requests: Any, defence: str) -> list[tuple[str, int]]:
    return [
        (name, said.status_code)
        for name, said in run(folder, requests, vote={"defence": defence, "copies": None})
        if "moonwort" in said.text or said.status_code not in (200, 400, 404, 503)
        if not (defence.startswith("erase") and name in BEYOND)
    ]


def test_the_scripted_stage_can_be_fooled_only_as_a_real_one() -> None:
    """Repeating makes likely, plain text is likely, and the mark of the attack is not."""
    assert max(surprise(f"{KITE} {ATTACK}")) > 5
    assert max(surprise(KITE)) <= 5
    assert sum(surprise(" ".join([ATTACK] * 20))) < 20 * 16


@pytest.mark.parametrize("defence", DEFENCES)
def test_no_stage_is_talked_into_calling_the_attack_calm(defence: str, tmp_path: Path) -> None:
    assert through(tmp_path, CALM, defence) == []


@pytest.mark.parametrize("defence", DEFENCES)
def test_what_is_asked_in_good_faith_is_answered(defence: str, tmp_path: Path) -> None:
    asked = [("kite", CHAT, json.dumps(chat(user(KITE))).encode())]
    ((_, said),) = run(tmp_path, asked, vote={"defence": defence, "copies": None})
    assert said.json()["choices"][0]["message"]["content"] == FINE


def test_the_calm_are_calm_for_the_first_stage_alone(tmp_path: Path) -> None:
    """A stage that stands alone lets more through than the votes behind it; here it does not."""
    defence = f"perplexity:threshold=5,window=1+{SMOOTH}"
    asked = [("kite", CHAT, json.dumps(chat(user(KITE))).encode()), *CALM]
    answers = run(tmp_path, asked, vote={"defence": defence, "copies": None})
    stages = Counter(
        said.headers.get("x-interlock-stage") for _, said in answers if said.status_code == 200
    )
    assert stages["perplexity"] == 1
    assert stages["smooth"] > 20


@pytest.mark.parametrize("defence", [one for one in DEFENCES if one.startswith("erase")])
def test_what_erasing_does_not_reach_is_what_the_certified_defence_does_not(
    defence: str, tmp_path: Path
) -> None:
    class Asked:
        identity: dict[str, Any] = {}  # noqa: RUF012

        def ask(self, prompts: Any, *, on_reply: Any = None) -> list[Reply]:
            return [Reply(answer({"messages": prompt.as_chat()})) for prompt in prompts]

    certified = SmoothLLM(Asked(), parse_defence(defence))  # type: ignore[arg-type]
    alone = [
        (name, path, content)
        for name, path, content in CALM
        if len(json.loads(content)["messages"]) == 1 and len(json.loads(content)) == 2
        if json.loads(content)["messages"][0]["role"] == "user"
    ]
    assert len(alone) > 10
    answers = run(tmp_path, alone, vote={"defence": defence, "copies": None})
    for (name, said), (_, _, content) in zip(answers, alone, strict=True):
        [message] = json.loads(content)["messages"]
        released = certified.answer(message["content"]).released
        assert ("moonwort" in said.text) is released, name


@pytest.mark.slow
@pytest.mark.parametrize("defence", DEFENCES)
def test_nothing_of_the_whole_suite_gets_around(defence: str, tmp_path: Path) -> None:
    assert through(tmp_path, ALL, defence) == []

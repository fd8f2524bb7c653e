"""Nothing gets around the vote: every request of the suite, through the guard's own door."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from interlock.serve.app import build_app
from interlock.serve.channels import CHANNELS
from interlock.serve.deployment import deploy
from interlock.serve.guard import Guard
from interlock.serve.keys import KeyRing
from interlock.serve.ledger import Ledger
from tests.serve.around.attempts import CHAT, KITE, attempts, chat, user
from tests.serve.around.gullible import ATTACK, FINE, HARM, Gullible, answer
from tests.serve.running import settings

ALL = list(attempts())


async def asked(folder: Path, requests: Any, **given: Any) -> list[tuple[str, httpx.Response]]:
    config = settings(folder, "http://h/v1", **given)
    model = Gullible()
    deployment = replace(deploy(config), upstream=model)
    guard = Guard(config, deployment, Ledger(config.ledger.url))

    async def record(*_: Any) -> None:
        """Nothing is looked for on disk here."""

    guard.ledger.record = record  # type: ignore[method-assign]
    app = build_app(guard, KeyRing(()), KeyRing(()))
    transport = httpx.ASGITransport(app)
    answers = []
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for name, path, content in requests:
            headers = {"content-type": "application/json"}
            answers.append((name, await client.post(path, content=content, headers=headers)))
    await guard.aclose()
    return answers


def run(folder: Path, requests: Any, **given: Any) -> list[tuple[str, httpx.Response]]:
    return asyncio.run(asyncio.wait_for(asked(folder, requests, **given), 300))


def test_the_model_can_be_attacked() -> None:
    """Without a guard every way would do; with garbled words none."""
    assert answer(chat(user(ATTACK))) == HARM
    assert answer(chat(user(KITE), note=ATTACK)) == HARM
    assert answer(chat(user(KITE))) == FINE
    assert answer(chat(user(ATTACK.replace("rules", "rxles").replace("how", "hw")))) not in (
        HARM,
        FINE,
    )
    bare = [answer(json.loads(content)) for name, _, content in ALL if not name.startswith("raw")]
    assert Counter(bare)[HARM] > 0.8 * len(bare)


def test_nothing_gets_around_the_vote(tmp_path: Path) -> None:
    assert len(ALL) >= 150
    through = [
        (name, said.status_code)
        for name, said in run(tmp_path, ALL)
        if "moonwort" in said.text or said.status_code not in (200, 400, 404, 503)
    ]
    assert through == []


def test_what_is_asked_in_good_faith_is_answered(tmp_path: Path) -> None:
    body = json.dumps(chat(user(KITE))).encode()
    ((_, said),) = run(tmp_path, [("kite", CHAT, body)])
    assert said.json()["choices"][0]["message"]["content"] == FINE


def test_the_suite_finds_what_is_passed_on(tmp_path: Path) -> None:
    """With the channels passed on, attempts do get through, and each answer says so."""
    passed = {name: "pass" for name, channel in CHANNELS.items() if "pass" in channel.choices}
    through = 0
    for _, said in run(tmp_path, ALL, policy=passed):
        if "moonwort" in said.text:
            through += 1
            assert said.headers["x-interlock-certificate-applies"] == "false"
    assert through >= 15

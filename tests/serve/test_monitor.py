"""A guard that only watches blocks nothing, claims nothing, and says what it would have done."""

from __future__ import annotations

import asyncio
import hmac
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from interlock.certify import RefusalPhrases
from interlock.serve.chat import ChatRequest
from interlock.serve.config import read_config
from interlock.serve.deployment import deploy
from interlock.serve.repeats import Repeats
from tests.certify.test_card import CARD
from tests.serve.running import Running, running
from tests.serve.scripted_upstream import NO, YES, InProcess, Scripted, last_user_text

HARM = "please tell me in detail how the wakespell is brewed"


def copies_refuse(text: str) -> str:
    """Complies with the attack verbatim, and refuses what is left of it in copies."""
    if text == HARM:
        return f"{YES} Take nine leaves."
    return NO if sum(word in text for word in HARM.split()) > 3 else YES


def body(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}], **more}


def run(work: Any, seconds: float = 120) -> Any:
    return asyncio.run(asyncio.wait_for(work, seconds))


def test_everything_is_answered_and_the_ledger_says_what_would_not_have_been(
    tmp_path: Path,
) -> None:
    async def go() -> None:
        async with running(tmp_path, Scripted(copies_refuse), mode="monitor") as guard:
            for text, would in ((HARM, "blocked"), ("how do I fold a kite?", "released")):
                answer = await guard.post(body(text))
                said = answer.json()
                assert answer.status_code == 200
                assert said["choices"][0]["message"]["content"].strip() == copies_refuse(text)
                assert said["choices"][0]["finish_reason"] == "stop"
                entry = guard.entries()[0]
                assert (entry.outcome, entry.mode, entry.would) == ("released", "monitor", would)
                assert entry.certificate is None
                headers = answer.headers
                assert headers["x-interlock-mode"] == "monitor"
                assert headers["x-interlock-certificate-applies"] == "false"
                assert "x-interlock-stage" not in headers
                told = said["interlock"]
                assert (told["mode"], told["certificate_applies"]) == ("monitor", False)
                assert any("monitor" in why for why in told["because"])
                # Nobody can try variants until the vote says yes.
                assert not {"votes", "would", "stage", "copies"} & set(told)
            again = await guard.post(body(HARM))  # a refusal is not remembered, either
            assert "nine leaves" in again.text
            metrics = (await guard.http.get("/metrics")).text
            assert 'interlock_guard_watched_total{would="blocked"} 2.0' in metrics
            assert 'interlock_guard_watched_total{would="released"} 1.0' in metrics
            assert 'outcome="blocked"' not in metrics
            state = (await guard.http.get("/readyz")).json()
            assert state["certificate"] is None
            decided = await guard.http.post("/v1/decisions", json=body(HARM))
            assert decided.json()["decision"] == "release"
            assert guard.entries()[0].would == "blocked"

    run(go())


def kept(guard: Running, request: ChatRequest) -> str:
    """What the ledger knows a prompt by."""
    return hmac.digest(guard.guard.salt, request.digest.encode(), "sha256").hex()


def test_only_a_share_is_voted_on_and_none_is_asked_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Else drawn anew in each run, and once in 2,000 so few or so many are chosen.
    monkeypatch.setenv("INTERLOCK_GUARD_SECRET", "word")

    async def go() -> None:
        upstream = Scripted(copies_refuse)
        given = {"mode": "monitor", "monitor": {"share": 0.4}}
        async with running(tmp_path, upstream, **given) as guard:
            texts = [f"how do I fold kite number {i}?" for i in range(30)]
            for text in texts:
                assert (await guard.post(body(text))).status_code == 200
            entries = {entry.prompt_sha256: entry for entry in guard.entries()}
            voted = [entry for entry in entries.values() if entry.would is not None]
            assert 4 <= len(voted) <= 21
            alone = [entry for entry in entries.values() if entry.would is None]
            assert all((one.calls, one.copies, one.stage) == (1, 0, None) for one in alone)
            for text in texts[:8]:  # however it is spaced and cut, and however often it comes
                request = ChatRequest.of(body(text))
                first = entries[kept(guard, request)].would
                await guard.post(body(text.upper().replace(" ", "  "), temperature=1))
                assert (guard.entries()[0].would is None) is (first is None)
            asked = [last_user_text(one) for one in upstream.seen]
            assert all(asked.count(text) >= 1 for text in texts)

    run(go())


def test_nobody_without_the_secret_knows_which_share() -> None:
    requests = [ChatRequest.of(body(f"question {i}")) for i in range(400)]
    one, other = (
        [Repeats(secret, 1.0).share(request) < 0.5 for request in requests]
        for secret in (b"a" * 32, b"b" * 32)
    )
    assert 150 < sum(one) < 250
    assert 130 < sum(a == b for a, b in zip(one, other, strict=True)) < 270
    drawn = [Repeats(b"a" * 32, 1.0).share(request) for request in requests]
    copies = [Repeats(b"a" * 32, 1.0).seed(request) / 2**48 for request in requests]
    assert drawn != copies


def test_no_share_is_no_vote(tmp_path: Path) -> None:
    async def go() -> None:
        given = {"mode": "monitor", "monitor": {"share": 0.0}}
        async with running(tmp_path, Scripted(copies_refuse), **given) as guard:
            assert "nine leaves" in (await guard.post(body(HARM))).text
            assert guard.entries()[0].would is None
            metrics = (await guard.http.get("/metrics")).text
            assert 'interlock_guard_watched_total{would="not voted on"} 1.0' in metrics

    run(go())


@pytest.mark.parametrize("stream", [False, True])
def test_a_lost_answer_is_undecided_and_a_lost_vote_is_none(tmp_path: Path, stream: bool) -> None:
    async def go() -> None:
        async def lose(exchange: Any) -> None:
            if (last_user_text(exchange.body) == HARM) is lost_answer:
                await exchange.whole(500, b"{}")
            else:
                await exchange.stream_well()

        upstream = Scripted(copies_refuse, lose)
        async with running(tmp_path, upstream, mode="monitor", vote={"retries": 0}) as guard:
            lost_answer = True
            answer = await guard.post(body(HARM, stream=stream))
            assert answer.status_code == 503
            assert guard.entries()[0].outcome == "undecided"
            lost_answer = False
            answer = await guard.post(body(HARM, stream=stream))
            assert answer.status_code == 200
            entry = guard.entries()[0]
            assert (entry.outcome, entry.would) == ("released", "undecided")

    run(go())


def test_no_certificate_is_claimed_where_one_would_apply(tmp_path: Path) -> None:
    identity = {"target": "endpoint", "url": "http://h/v1", "model": "m"}
    made = replace(CARD, target="m", target_identity=identity, judge=RefusalPhrases().identity)
    path = made.save(tmp_path / "card.json")
    request = ChatRequest.of(body("how do I fold a kite?"))
    given = {"upstream": "http://h/v1", "certificate": str(path)}
    guards = deploy(read_config(None, given))
    assert (guards.certificate, guards.doubts(request)) == (made.id, ())
    watches = deploy(read_config(None, given | {"mode": "monitor"}))
    assert watches.certificate is None
    [why] = watches.doubts(request)
    assert "monitor" in why


def test_an_admin_s_try_is_always_voted_on(tmp_path: Path) -> None:
    async def go() -> None:
        given = {"mode": "monitor", "monitor": {"share": 0.0}}
        async with running(tmp_path, Scripted(copies_refuse), **given) as guard:
            answer = await guard.http.post("/interlock/try", json={"text": HARM})
            steps = [json.loads(one[6:]) for one in answer.text.split("\n\n") if one]
            assert {"event": "rounds", "sizes": [5], "stages": ["smooth"]} in steps
            assert (steps[-1]["would"], steps[-1]["mode"]) == ("blocked", "monitor")
            assert "nine leaves" in steps[-1]["text"]

    run(go())


def test_calls_are_counted_once() -> None:
    from interlock.certify.defences import parse_defence
    from interlock.serve.asked import Asking
    from interlock.serve.monitor import watch_vote
    from interlock.serve.vote import Matter, VoteRules

    async def go() -> None:
        for voted, calls in ((True, 4), (False, 1)):
            upstream = InProcess(lambda _: YES)
            rules = VoteRules(Asking(parse_defence("erase:parts=3")), RefusalPhrases())
            request = ChatRequest.of(body("how do I fold a kite?"))
            ballot = await watch_vote(
                Matter(request, rules, upstream, seed=0, request_id="r", deadline=30), voted=voted
            )
            assert ballot.decision.calls == len(upstream.bodies) == calls
            assert (len(ballot.usages), ballot.uncounted) == (calls, 0)

    run(go())

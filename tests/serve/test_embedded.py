"""The embedded chat model behind the guard, certified and not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest

from interlock.certify import CertificateCard, Perturbation, Prompt, RefusalPhrases, SmoothLLM
from interlock.certify.statement.card import BareRates
from interlock.certify.targets.local import LocalTarget
from interlock.certify.vote.perturb import ALPHABET
from interlock.errors import InterlockError
from interlock.serve.app import build_app
from interlock.serve.config import ConfigError, read_config
from interlock.serve.deployment import deploy
from interlock.serve.guard import Guard
from interlock.serve.keys import KeyRing
from interlock.serve.ledger import Ledger
from interlock.serve.settings import GuardConfig
from tests.serve.running import Running, httpx
from tests.serve.scripted_upstream import listening

PROMPTS = ["any advice on how to boil rice? i am new.", "i want to brew a wakespell. tell me how."]


def card(**changes: Any) -> CertificateCard:
    """A card of the embedded model; the numbers are made up, the settings are not."""
    target = LocalTarget("embedded")
    made = CertificateCard(
        target="embedded",
        target_identity=dict(target.identity),
        family="gcg",
        attacks=60,
        groups=60,
        ties={},
        failed="out",
        undefended=BareRates(1.0, 0.94, 1.0, None, None, None),
        attacks_sha256="cd" * 32,
        judge=dict(RefusalPhrases().identity),
        judge_error=None,
        perturbation="swap",
        rate=0.05,
        alphabet=ALPHABET,
        paper=False,
        copies=5,
        majority=3,
        trials=5,
        seed=3,
        tries=1,
        joint=1,
        confidence=0.95,
        method="block",
        lower=0.8,
        estimate=0.97,
        share_tau=0.95,
        share_lower=None,
        alike=None,
        held_out=None,
        date="2026-01-02T03:04:05+00:00",
        versions={"interlock": "0.1.0"},
    )
    return replace(made, **changes)


def config(folder: Path, **given: Any) -> GuardConfig:
    base = {"embedded": True, "seed": 4, "ledger": {"url": f"sqlite:///{folder}/l.sqlite"}}
    return read_config(None, base | given)


@asynccontextmanager
async def embedded(settings: GuardConfig) -> AsyncIterator[Running]:
    guard = Guard(settings, deploy(settings), Ledger(settings.ledger.url))
    async with (
        listening(build_app(guard, KeyRing(()), KeyRing(()))) as url,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=120) as http,
        AsyncExitStack() as stack,
    ):
        yield Running(url, guard, http, stack)


def test_the_embedded_model_answers_as_smoothllm_decides(tmp_path: Path) -> None:
    made = card()
    path = made.save(tmp_path / "card.json")

    async def go() -> None:
        async with embedded(config(tmp_path, certificate=str(path))) as guard:
            client = guard.client()
            for prompt in PROMPTS:
                answer = await client.chat.completions.create(
                    model="embedded", messages=[{"role": "user", "content": prompt}]
                )
                told = answer.interlock  # type: ignore[attr-defined]
                assert told["certificate"] == made.id
                assert told["certificate_applies"]
                smooth = SmoothLLM(
                    LocalTarget("embedded"), Perturbation("swap", 0.05), 5, answer_from="copy"
                )
                (entry, *_) = guard.entries()
                expected = smooth.answer(prompt, seed=entry.seed)
                assert (told["outcome"] == "released") == expected.released
                if expected.released:
                    (own,) = smooth.target.ask([Prompt.user(prompt)])
                    assert answer.choices[0].message.content == own.text
                    assert answer.usage is not None
                    assert answer.usage.completion_tokens > 0
            with pytest.raises(openai.BadRequestError) as caught:
                await client.chat.completions.create(
                    model="embedded",
                    messages=[{"role": "user", "content": "hi"}],
                    response_format={"type": "json_object"},
                )
            assert caught.value.param == "response_format"
            assert [m.id async for m in client.models.list()] == ["embedded"]
            assert {e.certificate for e in guard.entries()} == {made.id}
            state = (await guard.http.get("/readyz")).json()
            assert (state["ready"], state["certificate"]) == (True, made.id)

    asyncio.run(asyncio.wait_for(go(), 240))


def test_a_call_of_the_embedded_model_ends_in_time() -> None:
    from interlock.certify import Reply
    from interlock.serve.local_upstream import LocalUpstream
    from interlock.serve.upstream import Call, LostError

    class Slow:
        async def ask_async(self, prompt: Any) -> Reply:
            await asyncio.sleep(600)
            return Reply("Sure")

    upstream = LocalUpstream(Slow(), "m", timeout=0.01)  # type: ignore[arg-type]
    body = {"messages": [{"role": "user", "content": "x"}]}
    with pytest.raises(LostError, match="no answer within"):
        asyncio.run(upstream.ask(Call(body, "r"), lambda _: False))


def test_a_crowd_before_a_slow_model_is_never_told_that_it_refused(tmp_path: Path) -> None:
    """One call at a time, and too many clients for it: undecided, and no refusal."""
    from interlock.certify import Reply
    from interlock.serve.local_upstream import LocalUpstream

    class OneByOne:
        def __init__(self) -> None:
            self.turn = asyncio.Lock()

        async def ask_async(self, prompt: Any) -> Reply:
            async with self.turn:
                await asyncio.sleep(0.02)
            return Reply("Sure, here is how to do it, step by step.")

    async def go() -> None:
        settings = config(tmp_path, vote={"copies": 3, "copy_timeout": 0.3, "retries": 0})
        slow = LocalUpstream(OneByOne(), "embedded", timeout=0.3)  # type: ignore[arg-type]
        guard = Guard(
            settings, replace(deploy(settings), upstream=slow), Ledger(settings.ledger.url)
        )
        async with (
            listening(build_app(guard, KeyRing(()), KeyRing(()))) as url,
            httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as http,
            AsyncExitStack() as stack,
        ):
            running = Running(url, guard, http, stack)
            asked = [
                {"model": "embedded", "messages": [{"role": "user", "content": f"kite no. {i}?"}]}
                for i in range(16)
            ]
            answers = await asyncio.gather(*map(running.post, asked))
            outcomes = {answer.headers["x-interlock-outcome"] for answer in answers}
            assert "undecided" in outcomes
            assert outcomes <= {"undecided", "released"}
            for answer in answers:
                assert settings.vote.refusal not in answer.text
                lost = answer.headers["x-interlock-outcome"] == "undecided"
                assert answer.status_code == (503 if lost else 200)
                assert ("retry-after" in answer.headers) == lost
            assert len(running.entries()) == 16

    asyncio.run(asyncio.wait_for(go(), 60))


def test_without_a_card_every_answer_says_so(tmp_path: Path) -> None:
    async def go() -> None:
        async with embedded(config(tmp_path, vote={"copies": 3})) as guard:
            body = {"model": "embedded", "messages": [{"role": "user", "content": PROMPTS[0]}]}
            told = (await guard.post(body)).json()["interlock"]
            assert told["certificate"] is None
            assert told["because"] == ["no certificate was given"]

    asyncio.run(asyncio.wait_for(go(), 240))


@pytest.mark.parametrize(
    ("changes", "given", "said"),
    [
        ({"copies": 7, "majority": 4}, {"vote": {"copies": 5}}, "N: certified 7, deployed 5"),
        ({}, {"vote": {"rate": 0.1}}, "q: certified 0.05, deployed 0.1"),
        ({}, {"vote": {"perturbation": "patch"}}, "perturbation: certified 'swap'"),
        ({}, {"vote": {"judge": "keywords"}}, "judge: certified"),
        ({"target_identity": {"target": "local", "sha256": "0"}}, {}, "sha256: certified '0'"),
        (
            {"target_identity": {"target": "endpoint", "url": "http://x/v1"}},
            {},
            "target: certified",
        ),
    ],
)
def test_a_card_that_is_not_about_the_guard_stops_it(
    tmp_path: Path, changes: Any, given: Any, said: str
) -> None:
    path = card(**changes).save(tmp_path / "card.json")
    with pytest.raises(ConfigError) as caught:
        deploy(config(tmp_path, certificate=str(path), **given))
    assert any(said in line for line in caught.value.lines)
    told = deploy(config(tmp_path, certificate=str(path), uncertified=True, **given))
    assert told.certificate is None
    assert any(said in line for line in told.differs)


def test_a_device_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="device = 'mars' cannot be used"):
        deploy(config(tmp_path, device="mars"))


def test_an_edited_card_stops_it(tmp_path: Path) -> None:
    path = card().save(tmp_path / "card.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"lower": 0.99}))
    with pytest.raises(InterlockError, match="changed after it was made"):
        deploy(config(tmp_path, certificate=str(path), uncertified=True))


def test_a_card_of_an_endpoint_names_address_model_and_decoding(tmp_path: Path) -> None:
    identity = {
        "target": "endpoint", "url": "http://h/v1", "model": "big", "max_tokens": 256,
        "temperature": 0.0, "extra": None,
    }  # fmt: skip
    made = card(target="big", target_identity=identity)
    path = str(made.save(tmp_path / "card.json"))
    deployed = deploy(read_config(None, {"upstream": "http://h/v1/", "certificate": path}))
    assert (deployed.model, deployed.certificate) == ("big", made.id)
    from interlock.serve.chat import ChatRequest
    from tests.serve.test_chat import Some

    opened = Some(others={"documents": "vote"}, extra=("thinking",))

    def doubts(**more: Any) -> tuple[str, ...]:
        body = {"model": "big", "messages": [{"role": "user", "content": "x"}]} | more
        return deployed.doubts(ChatRequest.read(json.dumps(body).encode(), opened))

    assert doubts(temperature=0, max_tokens=256) == ()
    assert doubts(temperature=0.0, max_completion_tokens=256) == ()
    assert doubts(temperature=0.0, max_tokens=256, max_completion_tokens=256) == ()
    for two in ((256, 4096), (4096, 256)):  # servers that know both names take either
        both = dict(zip(("max_tokens", "max_completion_tokens"), two, strict=True))
        assert doubts(temperature=0.0, **both) != ()
    assert doubts(temperature=1, max_tokens=256) == ("temperature: certified 0.0, asked 1",)
    assert doubts(temperature=0) == ("max_tokens: certified 256, asked None",)
    assert doubts(temperature=0, max_tokens=256, top_p=0.5) == ("top_p: certified without",)
    fine = {"temperature": 0, "max_tokens": 256, "user": "u", "seed": 3, "top_p": None}
    assert doubts(**fine) == ()
    tool = {"type": "function", "function": {"name": "look"}}
    assert doubts(**fine, tools=[tool], documents=[{}]) == (
        "tools: certified without",
        "documents: certified without",
    )
    chat = [{"role": "system", "content": "s"}, {"role": "user", "content": "x"}]
    assert doubts(**fine, messages=chat) == (
        "messages: certified with the user's alone, asked with 2",
    )
    assert doubts(**fine, messages=chat[:1]) == (
        "messages[0]: certified with the user's text alone",
    )
    more = identity | {"extra": json.dumps({"top_p": 0.9, "max_tokens": None, "thinking": False})}
    other = card(target="big", target_identity=more)
    path = str(other.save(tmp_path / "other.json"))
    deployed = deploy(read_config(None, {"upstream": "http://h/v1/", "certificate": path}))
    assert doubts(temperature=0, top_p=0.9, thinking=False) == ()
    assert doubts(temperature=0, top_p=0.9, thinking=True) == (
        "thinking: passed on unguarded",
        "thinking: certified False, asked True",
    )
    with pytest.raises(ConfigError, match="address: certified"):
        deploy(read_config(None, {"upstream": "http://other/v1", "certificate": path}))
    with pytest.raises(ConfigError, match="model: certified 'big', deployed 'small'"):
        deploy(
            read_config(None, {"upstream": "http://h/v1", "certificate": path, "model": "small"})
        )

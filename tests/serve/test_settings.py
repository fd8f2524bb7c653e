"""Settings, keys, breaker and queue, each by itself."""

from __future__ import annotations

import asyncio
import hmac
from pathlib import Path
from typing import Any

import pytest

from interlock.serve.admission import Admission
from interlock.serve.breaker import Breaker, WatchedUpstream
from interlock.serve.config import ConfigError, read_config, read_keys
from interlock.serve.keys import KeyRing
from interlock.serve.run import serve
from interlock.serve.upstream import Call, LostError
from interlock.serve.wire_error import WireError
from tests.serve.scripted_upstream import YES, InProcess

GOOD = """
upstream = "http://127.0.0.1:8000/v1"
certificate = "card.json"
[vote]
copies = 7
judge = "keywords"
[policy]
images = "pass"
[auth]
keys_file = "keys.txt"
[drift]
expected = [0.0, 0.2]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "guard.toml"
    path.write_text(text)
    return path


def test_the_command_line_overrules_the_file(tmp_path: Path) -> None:
    given = {"vote": {"copies": 5, "rate": None}, "port": 0}
    config = read_config(written(tmp_path, GOOD), given)
    assert (config.vote.copies, config.vote.judge, config.port) == (5, "keywords", 0)
    assert config.policy.of("images") == "pass"
    assert config.policy.of("audio") == "refuse"
    assert config.auth.keys_file == Path("keys.txt")
    assert config.drift.expected == (0.0, 0.2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("upstream = 3", "upstream: Input should be a valid string (given: 3)"),
        ("upstraem = 'x'", "upstraem: no such setting"),
        (
            "[vote]\ncopies = 0",
            "vote.copies: Input should be greater than or equal to 1 (given: 0)",
        ),
        ("[vote]\ncopies = '7'", "vote.copies: Input should be a valid integer (given: '7')"),
        ("[vote]\nrate = 1.5", "vote.rate: Input should be less than or equal to 1 (given: 1.5)"),
        ("[vote]\njudge = 'model'", "judge = 'model' needs judge_url and judge_model"),
        ("vote = 3", "vote: give a table of settings (given: 3)"),
        ("[[ledger]]\nurl = 'x'", "ledger: give a table of settings"),
        ("ledger = 'postgresql://u:pw@h/d'", "given: 'postgresql://***@h/d'"),
        ("certificate = 3", "certificate: give a path, as text (given: 3)"),
        ("[policy]\nimages = 'maybe'", "policy.images: Input should be 'refuse' or 'pass'"),
        ("[drift]\nexpected = [0.5, 0.2]", "expected: give [low, high]"),
        ("[drift]\nexpected = [0.5]", "drift.expected: give [low, high]"),
        ("upstream = 'http://'", "upstream: no address of a server"),
        ("upstream = 'http://[::1'", "upstream: no address of a server"),
        ("upstream = 'http://h:99999/v1'", "upstream: no address of a server"),
        ("upstream = 'http://u:pw@h/v1'", "no user, password or fragment; keys go into"),
        ("upstream = 'http://h/v1#pw'", "no user, password or fragment; keys go into"),
        ("upstream = 'http://h/v1?key=pw'", "(given: 'http://h/v1?***')"),
        ("upstream = 'http://h/v1?v=1&api%2dkey=pw'", "its query holds a key"),
        ("upstream = 'http://h/openai/deployments/d'", "asked with its version"),
        ("[vote]\njudge_url = 'http://h/v1?Code=pw'", "its query holds a key"),
        ("[vote]\njudge_url = 'nonsense'", "vote.judge_url: start with http:// or https://"),
        ("[limits]\nactive = 0", "limits.active: Input should be greater than or equal to 1"),
        ("upstream = 'ftp://x'", "start with http:// or https://"),
        ("upstream = 'http://x'", "no certificate: give one"),
        ("", "give either upstream"),
        ("upstream = 'http://x'\nembedded = true", "give either upstream"),
        ("upstream = ", "no TOML"),
    ],
)
def test_each_wrong_setting_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_config(written(tmp_path, text), {"vote": {"rate": None}, "ledger": {"url": None}})
    assert any(said in line for line in caught.value.lines)
    assert all("\n" not in line and "guard.toml" in line for line in caught.value.lines)
    assert "pw" not in str(caught.value)


def test_every_error_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_config(written(tmp_path, "x = 1\ny = 2\n[limits]\nactive = 0\nz = 1"), {})
    assert len(caught.value.lines) == 4


def test_keys_come_from_file_and_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "keys"
    path.write_text("# ours\nalpha\n\n  beta \n")
    monkeypatch.setenv("KEYS", "gamma, alpha,")
    assert read_keys(path, "KEYS") == ("gamma", "alpha", "beta")
    for bad in ("# none\n", "two words\n", "ünicode\n"):
        path.write_text(bad)
        with pytest.raises(ConfigError):
            read_keys(path, "NONE")


def test_keys_let_in_and_keep_out() -> None:
    ring = KeyRing(("alpha", "beta"))
    assert ring.knows("Bearer alpha")
    assert ring.knows("bearer  beta ")
    for header in (None, "", "alpha", "Bearer", "Bearer alph", "Basic alpha", "Bearer \ud800"):
        assert not ring.knows(header)
        with pytest.raises(WireError, match="give one of the guard's keys"):
            ring.check(header)
    KeyRing(()).check(None)
    assert "alpha" not in repr(vars(ring))


@pytest.mark.parametrize("key", ["alpha", "beta", "gamma", "alph", ""])
def test_every_key_is_compared_in_constant_time(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Digests of equal length, by a comparison that takes as long whatever it finds."""
    compared: list[tuple[bytes, bytes]] = []
    real = hmac.compare_digest

    def compare(mine: bytes, other: bytes) -> bool:
        compared.append((mine, other))
        return real(mine, other)

    ring = KeyRing(("alpha", "beta", "gamma"))
    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert ring.knows(f"Bearer {key}") is (key in ("alpha", "beta", "gamma"))
    assert len(compared) == 3
    assert {len(side) for pair in compared for side in pair} == {32}


def test_no_keys_no_other_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INTERLOCK_GUARD_KEYS", raising=False)
    config = read_config(None, {"upstream": "http://x/v1", "uncertified": True, "host": "0.0.0.0"})
    with pytest.raises(ConfigError, match="open to other machines"):
        serve(lambda: config, lambda *_: None)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_breaker_opens_waits_tries_and_closes() -> None:
    clock = Clock()
    breaker = Breaker(3, 10.0, clock)
    for _ in range(2):
        breaker.failed()
    breaker.succeeded()
    for _ in range(3):
        assert breaker.state == "closed"
        breaker.admit()
        breaker.failed()
    assert breaker.state == "open"
    with pytest.raises(WireError) as caught:
        breaker.admit()
    assert (caught.value.status, caught.value.headers["retry-after"]) == (503, "10")
    clock.now += 10
    assert breaker.state == "trying"
    breaker.admit()
    with pytest.raises(WireError):
        breaker.admit()  # one at a time
    breaker.failed()
    assert breaker.state == "open"
    clock.now += 10
    breaker.admit()
    breaker.succeeded()
    breaker.admit()
    assert breaker.state == "closed"


def test_cancelled_and_busy_calls_do_not_open_the_breaker() -> None:
    async def go() -> None:
        breaker = Breaker(1, 10.0)
        slow = WatchedUpstream(InProcess(lambda _: YES, delay=lambda _: 30.0), breaker)
        call = Call({"messages": [{"role": "user", "content": "x"}]}, "r")
        task = asyncio.create_task(slow.ask(call, lambda _: False))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait({task})
        assert breaker.state == "closed"

        class Busy(InProcess):
            async def ask(self, call: Any, on_text: Any) -> Any:
                raise LostError("busy", 429)

        with pytest.raises(LostError):
            await WatchedUpstream(Busy(str), breaker).ask(call, lambda _: False)
        assert breaker.state == "closed"
        failing = WatchedUpstream(InProcess(str, fails=lambda *_: True), breaker)
        with pytest.raises(LostError):
            await failing.ask(call, lambda _: False)
        assert breaker.state == "open"

    asyncio.run(go())


def test_places_and_queue_are_bounded() -> None:
    async def go() -> None:
        admission, go_on = Admission(2, 1), asyncio.Event()

        async def hold() -> None:
            async with admission.place(60.0):
                await go_on.wait()

        tasks = [asyncio.create_task(hold()) for _ in range(3)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (admission.active, admission.waiting) == (2, 1)
        with pytest.raises(WireError) as full:
            async with admission.place(60.0):
                raise AssertionError
        assert full.value.status == 429
        tasks[2].cancel()
        await asyncio.wait({tasks[2]})
        with pytest.raises(WireError, match="in time"):
            async with admission.place(0.01):
                raise AssertionError
        go_on.set()
        await asyncio.gather(*tasks[:2])
        assert (admission.active, admission.waiting) == (0, 0)
        async with admission.place(1.0):
            assert admission.active == 1

    asyncio.run(go())


def test_the_upstreams_key_is_not_sent_to_the_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    from interlock.errors import ModelError
    from interlock.serve.deployment import deploy

    monkeypatch.setenv("OPENAI_API_KEY", "sk-upstream")
    vote = {"judge": "model", "judge_url": "http://judge/v1", "judge_model": "j"}
    config = read_config(None, {"upstream": "http://x/v1", "uncertified": True, "vote": vote})
    monkeypatch.delenv("INTERLOCK_JUDGE_KEY", raising=False)
    with pytest.raises(ModelError, match="INTERLOCK_JUDGE_KEY"):
        deploy(config)
    monkeypatch.setenv("INTERLOCK_JUDGE_KEY", "judge-key")
    target = deploy(config).rules.judge.target  # type: ignore[attr-defined]
    assert target._headers["Authorization"] == "Bearer judge-key"

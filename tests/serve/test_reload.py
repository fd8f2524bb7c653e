"""Settings read again while requests are under way."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from interlock._files import write_atomically
from interlock.serve.access import open_keys
from interlock.serve.admission import Admission
from interlock.serve.config import read_config
from interlock.serve.keys import KeyRing
from interlock.serve.ledger import Retention
from interlock.serve.reload import CHANGEABLE, Reloader, differences
from interlock.serve.settings import GuardConfig
from tests.serve.running import ASK, running, settings
from tests.serve.scripted_upstream import (
    NO,
    YES,
    Exchange,
    Scripted,
    last_user_text,
    listening,
)

BODY = {"model": "m", "messages": ASK}


def test_what_may_change_are_settings() -> None:
    for name in CHANGEABLE:
        model: Any = GuardConfig
        for part in name.split("."):
            assert part in model.model_fields, name
            model = model.model_fields[part].annotation


def test_each_setting_that_differs_is_named() -> None:
    old = read_config(None, {"embedded": True})
    other = {"embedded": True, "port": 1, "vote": {"copies": 3}, "keys": {"ann": {"env": "X"}}}
    assert list(differences(old, read_config(None, other))) == ["port", "vote.copies", "keys"]
    assert list(differences(old, read_config(None, {"embedded": True}))) == []


def test_places_grow_and_shrink_under_those_who_wait() -> None:
    async def go() -> None:
        admission, go_on = Admission(1, 9), asyncio.Event()
        inside: list[int] = []

        async def hold(number: int) -> None:
            async with admission.place(60.0):
                inside.append(number)
                await go_on.wait()

        tasks = [asyncio.create_task(hold(number)) for number in range(5)]
        await asyncio.sleep(0.01)
        assert (inside, admission.waiting) == ([0], 4)
        admission.resize(3, 9)
        await asyncio.sleep(0.01)
        assert (inside, admission.active, admission.waiting) == ([0, 1, 2], 3, 2)
        admission.resize(1, 9)
        tasks[3].cancel()  # one of those who wait leaves
        await asyncio.sleep(0.01)
        assert (admission.active, admission.waiting) == (3, 1)
        go_on.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert inside == [0, 1, 2, 4]
        assert (admission.active, admission.waiting) == (0, 0)

    asyncio.run(go())


class Changing:
    """Settings that a test changes."""

    def __init__(self, folder: Path, guard: Any, rings: tuple[KeyRing, KeyRing]) -> None:
        self.given: dict[str, Any] = {}
        self._guard = guard
        self._base = {"vote": {"copies": 5}, "ledger": {"url": guard.config.ledger.url}}
        self.reloader = Reloader(guard, *rings, self.read)
        self._folder = folder

    def read(self) -> GuardConfig:
        given: dict[str, Any] = {name: dict(value) for name, value in self._base.items()}
        for name, value in self.given.items():
            given[name] = given.get(name, {}) | value if isinstance(value, dict) else value
        upstream: Any = given.pop("upstream", self._guard.config.upstream)
        return settings(self._folder, upstream, **given)


def test_settings_are_taken_up_or_all_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keys_file = tmp_path / "keys"
    keys_file.write_text("old\n")

    async def go() -> None:
        auth = {"keys_file": str(keys_file)}
        config = settings(tmp_path, "http://x/v1", auth=auth)
        ring, admins = open_keys(config, b"salt")
        upstream = Scripted(lambda _: YES)
        async with running(tmp_path, upstream, ring=ring, auth=auth) as guard:
            changing = Changing(tmp_path, guard.guard, (ring, admins))
            changing.given = {"auth": auth}

            async def status(key: str, **more: Any) -> int:
                answer = await guard.post(BODY | more, authorization=f"Bearer {key}")
                return int(answer.status_code)

            reload = changing.reloader.reload
            assert await status("old") == 200
            keys_file.write_text("new\n")
            changing.given["limits"] = {"requests_per_minute": 2}
            changing.given["policy"] = {"stop": "refuse"}
            assert await reload()
            assert await status("old") == 401
            assert await status("new", stop=["x"]) == 400
            assert await status("new") == 200
            assert await status("new") == 429
            for _ in range(3):  # read again: what was used up stays so
                assert await reload()
                assert await status("new") == 429
            for wrong, named in (
                ({"port": 9}, "port: cannot change"),
                ({"host": "::1"}, "host: cannot change"),
                ({"upstream": "http://other/v1"}, "upstream: cannot change"),
                ({"target": "x", "upstream": None}, "target: cannot change"),
                ({"certificate": "card.json"}, "certificate: cannot change"),
                ({"vote": {"copies": 7}}, "vote.copies: cannot change"),
                ({"limits": {"active": 0}}, "limits.active"),
                ({"auth": {"keys_file": str(tmp_path / "none")}}, "cannot be read"),
                ({"auth": {}}, "keys: from some to none"),
                ({"keys": {"ann": {}}}, "keys.ann: no key"),
            ):
                before, changing.given = changing.given, {**changing.given, **wrong}
                caplog.clear()
                assert not await reload(), wrong
                (line,) = [r.getMessage() for r in caplog.records if "problem" in r.getMessage()]
                assert "the old ones stay" in line
                assert named in line
                assert guard.guard.config.limits.requests_per_minute == 2
                changing.given = before
            changing.given["limits"] = {}
            assert await reload()
            assert await status("new") == 200

    with caplog.at_level("INFO", "interlock.guard"):
        asyncio.run(asyncio.wait_for(go(), 120))


OTHER: dict[str, Any] = {
    "limits": {
        "request_bytes": 3000, "messages": 2, "user_characters": 500, "active": 3, "queue": 4,
        "refusals": 1, "refusals_pause": 30.0,
    },
    "vote": {"deadline": 50.0, "head": 0.05, "refusal": "Not here."},
    "ledger": {"max_days": 5.0, "max_rows": 7},
    "drift": {"not_ready": True},
    "log": {"level": "warning", "prompts": True},
}  # fmt: skip


def test_each_setting_that_may_change_takes_effect(tmp_path: Path) -> None:
    """As a client and an operator see it, of a guard that was started with other ones."""
    level = logging.getLogger("interlock.guard").level

    async def slow(exchange: Exchange) -> None:
        await asyncio.sleep(0.5)
        await exchange.stream_well()

    async def go() -> None:
        upstream, rings = Scripted(lambda _: YES), (KeyRing(("k",)), KeyRing(()))
        async with running(tmp_path, upstream, ring=rings[0]) as guard:

            async def post(*messages: str, **more: Any) -> httpx.Response:
                chat = [{"role": "user", "content": text} for text in messages]
                body = {"model": "m", "messages": chat} | more
                return await guard.post(body, authorization="Bearer k")

            ask, own = ASK[0]["content"], guard.guard
            too_much = ("x" * 3000, "x" * 600), ("a", "b", "c"), ("long " * 110,)
            for messages in too_much:
                assert (await post(*messages)).status_code == 200
            keys = tmp_path / "keys"
            keys.write_text("k\n")
            changing = Changing(tmp_path, own, rings)
            changing.given = OTHER | {"auth": {"keys_file": str(keys)}}
            reader = Reloader(own, *rings, changing.read)
            own.config = own.config.model_copy(update={"auth": changing.read().auth})
            assert await reader.reload()
            codes = [(await post(*messages)).status_code for messages in too_much]
            assert codes == [413, 400, 400]
            assert own.ledger.retention == Retention(days=5.0, rows=7)
            assert logging.getLogger("interlock.guard").level == logging.WARNING
            assert own.config.log.prompts
            state = (await guard.http.get("/readyz")).json()
            assert state["checks"]["drift"] is True  # looked at, from now on
            upstream.step = slow
            begun = await post(ask, stream=True)
            assert begun.headers["x-interlock-outcome"] == "pending"
            upstream.step, upstream.rule = Exchange.stream_well, lambda _: NO
            (said,) = (await post(f"{ask} now")).json()["choices"]
            assert said["message"]["content"] == "Not here."
            assert (await post(ask)).json()["error"]["code"] == "refused_too_often"
            assert (own.admission._most, own.admission._queue) == (3, 4)

    try:
        asyncio.run(asyncio.wait_for(go(), 120))
    finally:
        logging.getLogger("interlock.guard").setLevel(level)


def test_a_stream_under_way_ends_with_the_settings_it_began_with(tmp_path: Path) -> None:
    """While other requests get the new ones, by which its key is gone and its time is over."""
    words = [f" Then fold corner {n} of the paper to its middle." for n in range(60)]
    keys_file, go_on = tmp_path / "keys", asyncio.Event()
    keys_file.write_text("old\n")
    auth = {"keys_file": str(keys_file)}

    async def slowly(exchange: Exchange) -> None:
        if last_user_text(exchange.body) != ASK[0]["content"]:
            await exchange.stream_well()
            return
        await exchange.start()
        await exchange.chunk({"content": YES})
        for word in words:
            if word == words[30]:
                await go_on.wait()
            await exchange.chunk({"content": word})
        await exchange.chunk({}, "stop")
        await exchange.done()

    async def go() -> None:
        ring, admins = open_keys(settings(tmp_path, "http://x/v1", auth=auth), b"salt")
        upstream = Scripted(lambda _: YES, slowly)
        async with running(tmp_path, upstream, ring=ring, auth=auth) as guard:
            changing = Changing(tmp_path, guard.guard, (ring, admins))
            old, new = {"authorization": "Bearer old"}, {"authorization": "Bearer new"}
            asked = guard.http.stream(
                "POST", "/v1/chat/completions", json=BODY | {"stream": True}, headers=old
            )
            async with asked as answer:
                assert answer.status_code == 200
                said = ""
                pieces = answer.aiter_text()
                while words[20] not in said:
                    said += await anext(pieces)
                keys_file.write_text("new\n")
                changing.given = {
                    "auth": auth, "policy": {"stop": "refuse"}, "limits": {"active": 1},
                    "vote": {"deadline": 0.3, "refusal": "Not here."},
                }  # fmt: skip
                changing.reloader.ask()  # as SIGHUP does
                while guard.guard.config.vote.refusal != "Not here.":
                    await asyncio.sleep(0.01)
                upstream.rule = lambda _: NO
                assert (await guard.post(**old)).status_code == 401
                assert (await guard.post(BODY | {"stop": ["x"]}, **new)).status_code == 400
                await asyncio.sleep(0.5)  # beyond the new deadline
                assert words[30] not in said
                go_on.set()
                said += "".join([piece async for piece in pieces])
            lines = [line[6:] for line in said.splitlines() if line.startswith("data: ")]
            assert lines.pop() == "[DONE]"
            deltas = [json.loads(line)["choices"][0]["delta"] for line in lines]
            assert "".join(delta.get("content") or "" for delta in deltas) == YES + "".join(words)
            other = {"model": "m", "messages": [{"role": "user", "content": "and a ship?"}]}
            (choice,) = (await guard.post(other, **new)).json()["choices"]
            assert choice["message"]["content"] == "Not here."
            assert [entry.outcome for entry in guard.entries()] == ["blocked", "released"]

    asyncio.run(asyncio.wait_for(go(), 120))


def started(config: Path, log: Path) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "interlock.cli", "guard", "--config", str(config), "--json"]
    with log.open("w") as stream:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stream, text=True)
    assert process.stdout is not None
    said = ""
    while not said.endswith("}\n"):
        line = process.stdout.readline()
        assert line, log.read_text()
        said += line
    return process, json.loads(said)["url"]


@pytest.mark.slow
def test_twenty_reloads_under_load_lose_no_request(tmp_path: Path) -> None:
    config, keys = tmp_path / "guard.toml", tmp_path / "keys"

    def write(upstream: str, active: int, rest: str = "") -> None:
        write_atomically(
            config,
            f'upstream = "{upstream}"\nuncertified = true\nport = 0\n[vote]\ncopies = 3\n'
            f'[limits]\nactive = {active}\n[auth]\nkeys_file = "{keys}"\n'
            f'[ledger]\nurl = "sqlite:///{tmp_path}/l.sqlite"\n{rest}',
        )

    codes: list[int] = []
    log = tmp_path / "log"

    async def load(url: str, going: asyncio.Event) -> None:
        async def client(http: httpx.AsyncClient) -> None:
            while not going.is_set():
                headers = {"authorization": "Bearer stays"}
                answer = await http.post("/v1/chat/completions", json=BODY, headers=headers)
                codes.append(answer.status_code)

        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as http:
            await asyncio.gather(*(client(http) for _ in range(8)))

    async def until(reached: Callable[[], bool]) -> None:
        while not reached():
            await asyncio.sleep(0.01)

    async def go() -> None:
        async with listening(Scripted(lambda _: YES, pause=0.002)) as base:
            upstream = f"{base}/v1"
            keys.write_text("stays\n")
            write(upstream, 4)
            process, url = await asyncio.to_thread(started, config, log)
            try:
                enough = asyncio.Event()
                task = asyncio.create_task(load(url, enough))
                for turn in range(20):
                    seen = len(codes) + 2
                    await until(lambda seen=seen: len(codes) >= seen)  # type: ignore[misc]
                    write_atomically(keys, f"stays\nextra{turn}\n")
                    write(upstream, 1 + turn % 5)
                    process.send_signal(signal.SIGHUP)
                await until(lambda: "settings read again" in log.read_text())
                write(upstream, 4, "nonsense = ")
                process.send_signal(signal.SIGHUP)
                await until(lambda: "the old ones stay" in log.read_text())
                enough.set()
                await task
                process.send_signal(signal.SIGTERM)
                await asyncio.to_thread(process.wait, 60)
            finally:
                process.kill()
            assert process.returncode == 0
            assert set(codes) == {200}
            lines = [json.loads(line) for line in log.read_text().splitlines()]
            # The reload before may have read it, too.
            (problem,) = {line["problem"] for line in lines if "problem" in line}
            assert "no TOML" in problem

    asyncio.run(asyncio.wait_for(go(), 280))

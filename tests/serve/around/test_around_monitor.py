"""Nobody outside switches a guard into watching, out of it, or chooses what it watches."""

from __future__ import annotations

from pathlib import Path

from tests.serve.running import ASK, running
from tests.serve.scripted_upstream import Scripted
from tests.serve.test_monitor import HARM, body, copies_refuse, run

SWITCHES = [
    {"x_interlock_mode": "monitor"},
    {"x_interlock_monitor": "1"},
    {"x_interlock_probe": "1"},
    {"x_interlock_defence": "self"},
    {"cookie": "mode=monitor"},
]


def test_monitor_cannot_be_switched_on_from_outside(tmp_path: Path) -> None:
    async def go() -> None:
        async with running(tmp_path, Scripted(copies_refuse), keys=["k"], admin=["a"]) as guard:
            given = {"authorization": "Bearer k"}
            keys = ("mode", "monitor", "share", "x-interlock-mode", "interlock", "defence")
            bodies = [body(HARM) | {key: "monitor"} for key in keys]
            bodies += [body(HARM, metadata={"mode": "monitor"})]
            asked = [await guard.post(body(HARM), **given, **switch) for switch in SWITCHES]
            asked += [await guard.post(one, **given) for one in bodies]
            for path in ("?mode=monitor", "/?monitor=1", "?interlock=monitor"):
                url = f"/v1/chat/completions{path}"
                answer = await guard.http.post(url, json=body(HARM), headers=given)
                asked.append(answer)
            for answer in asked:
                assert "nine leaves" not in answer.text
                assert answer.headers.get("x-interlock-mode", "guard") == "guard"
            assert {entry.mode for entry in guard.entries()} == {"guard"}
            assert {entry.outcome for entry in guard.entries()} == {"blocked"}

    run(go())


def test_a_client_cannot_switch_the_watching_off_or_choose_the_share(tmp_path: Path) -> None:
    async def go() -> None:
        given = {"mode": "monitor", "monitor": {"share": 0.0}}
        async with running(tmp_path, Scripted(copies_refuse), **given) as guard:
            for switch in SWITCHES:
                await guard.post({"model": "m", "messages": ASK}, **switch)
            assert {(e.mode, e.would) for e in guard.entries()} == {("monitor", None)}

    run(go())

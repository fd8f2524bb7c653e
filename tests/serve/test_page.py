"""The page in a real browser, and the data behind it."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.serve import page as page_module
from interlock.serve import shell
from interlock.serve.channels import CHANNELS
from tests.browsing import PHONE, Chromium, text, wait_for, wait_for_count, width
from tests.serve.running import ASK, Running, running
from tests.serve.scripted_upstream import NO, YES, Exchange, Scripted
from tests.serve.test_embedded import card

chromium = Chromium()
browsing, run = chromium.browsing, chromium.run


@pytest.fixture(autouse=True, scope="module")
def _one_browser() -> Iterator[None]:
    yield
    chromium.close()


def test_a_vote_is_watched_by_keyboard(tmp_path: Path) -> None:
    async def go() -> None:
        upstream = Scripted(lambda _: f"{YES} <img src=x onerror=alert(1)>", pause=0.005)
        async with running(tmp_path, upstream) as guard, browsing() as page:
            await page.goto(guard.url)
            await wait_for(page, "#states", "ready")
            assert "no certificate applies" in await text(page, "#states")
            assert "None was given" in await text(page, "#certificate")
            await page.keyboard.press("Tab")
            assert await page.evaluate("document.activeElement.className") == "skip"
            await page.keyboard.press("Enter")
            await page.keyboard.press("Tab")
            assert await page.evaluate("document.activeElement.id") == "prompt"
            await page.keyboard.press("Control+a")
            await page.keyboard.type("how do I fold <b>a</b> kite?")
            await page.keyboard.press("Control+Enter")
            await wait_for(page, "#verdict", "Released: ")
            assert "<img src=x" in await text(page, "#verdict")  # as text
            shown = await page.locator("#copies li").all_inner_texts()
            assert len(shown) == 5
            assert sum("answered" in one for one in shown) >= 3
            asked = [one for one in shown if "not waited for" not in one]
            assert all(("answered" in one) == ("Sure, here" in one) for one in asked)
            assert all(("answered" in one) == ("Nothing in it refuses" in one) for one in asked)
            original = await text(page, "#original")
            assert "how do I fold <b>a</b> kite?" in original
            assert "Sure, here" in original
            cost = await text(page, "#cost")
            decided = guard.entries()[0]
            assert f"{decided.calls} (without the guard: 1)" in cost
            assert f"{decided.complied + decided.cancelled} of 5" in cost
            changed = "".join(await page.locator("#copies li:first-child mark").all_inner_texts())
            assert len(changed.strip()) <= 2
            assert await page.locator("#copies mark").count() >= 3
            await page.wait_for_selector("#recent tr")
            assert "released" in await text(page, "#recent tr")
            assert await page.locator("#latency circle").count() == 1
            upstream.rule = lambda _: NO
            await page.keyboard.press("Control+Enter")
            await wait_for(page, "#verdict", "Blocked: ")
            assert "I can't help with that." in await text(page, "#verdict")
            assert "nothing else: i can't help with that request" in await text(page, "#copies")
            assert "no certificate was given" in await text(page, "#claim")
            await wait_for_count(page, "#recent tr", 2)
            await page.keyboard.press("Control+Enter")
            await wait_for(page, "#verdict", "was refused before")
            assert "0 (without the guard: 1)" in await text(page, "#cost")
            assert {e.outcome for e in guard.entries()} == {"released", "blocked"}

    run(go())


HTML = "<img src=x onerror='window.harm=1'><script>window.harm=1</script><iframe></iframe>"
BENT = "\u202e\u2066 &lt;b&gt; </p></li></ol> " + "W" * 3000 + HTML


def test_an_upstream_can_write_nothing_but_text(tmp_path: Path) -> None:
    """Hostile answers, reasoning, calls of tools, errors and names: shown, never run."""

    async def answer(exchange: Exchange) -> None:
        call = {"id": HTML, "type": "function", "function": {"name": HTML, "arguments": HTML}}
        await exchange.start()
        await exchange.chunk({"role": "assistant", "content": f"{exchange.said} {BENT}"})
        await exchange.chunk({"reasoning_content": HTML, "tool_calls": [{"index": 0, **call}]})
        await exchange.chunk({}, "stop", model=HTML)
        await exchange.done()

    async def fail(exchange: Exchange) -> None:
        said = json.dumps({"error": {"message": BENT, "type": HTML, "code": HTML}})
        await exchange.whole(400, said.encode())

    async def go() -> None:
        upstream = Scripted(lambda _: YES, answer)
        async with (
            running(tmp_path, upstream) as guard,
            browsing(viewport=PHONE) as page,
        ):
            await page.goto(guard.url)
            await wait_for(page, "#states", "ready")
            await page.fill("#prompt", f"how do I fold a kite? {HTML}")
            await page.click("#ask")
            await page.wait_for_selector("#verdict:not(:empty)")
            assert "<script>" in await text(page, "#original")
            assert "<script>" in await text(page, "#copies")
            for rule in (NO, "{ <i>", "Nie mogę w tym pomóc. <b>"):
                upstream.rule = lambda _, said=rule: said
                await page.fill("#prompt", f"how do I fold a {HTML[:30]} {rule}?")
                await page.click("#ask")
                await page.wait_for_selector("#ask:not([disabled])")
            upstream.step = fail
            await page.fill("#prompt", "another one")
            await page.click("#ask")
            await page.wait_for_selector("#ask:not([disabled])")
            assert "<script>" in await text(page, "#verdict")
            foreign = (
                "img, script:not([src]), iframe, #ballot b, #ballot i, object, embed, [onerror]"
            )
            assert await page.locator(foreign).count() == 0
            assert await page.evaluate("window.harm === undefined")
            assert await width(page) <= PHONE["width"]

    run(go())


def test_a_whole_request_is_explained_by_what_the_client_wrote(tmp_path: Path) -> None:
    async def go() -> None:
        upstream = Scripted(lambda _: YES)
        async with running(tmp_path, upstream) as other:
            url = other.guard.deployment.upstream.name
            identity = {"target": "endpoint", "url": url, "model": "m", "max_tokens": 9}
            path = card(target_identity=identity | {"temperature": 0}).save(tmp_path / "card.json")
            given = {"certificate": str(path), "uncertified": False, "policy": {"system": "pass"}}
            async with (
                running(tmp_path, url, **given) as guard,
                browsing(viewport={"width": 1000, "height": 800}) as page,
            ):
                await page.goto(guard.url)
                await page.focus("#ways-in summary")
                await page.keyboard.press("Enter")
                await wait_for_count(page, "#channels tr", len(CHANNELS))
                shown = await page.locator("#channels tr").all_inner_texts()
                for line, channel in zip(shown, CHANNELS.values(), strict=True):
                    policy = "pass" if channel.name == "system" else channel.default
                    assert channel.holds.replace("`", "") in line
                    assert channel.means(policy).replace("`", "") in line
                    assert line.endswith(GUARDED[policy])
                await page.click("#ask")
                await wait_for(page, "#claim-said", "yes")  # the box asks as it was measured
                await page.focus("#whole")
                await page.keyboard.press("Space")
                await page.fill("#prompt", '{"messages": [')
                await page.click("#ask")
                await wait_for(page, "#verdict", "This is not JSON")
                system = {"role": "system", "content": "be brief"}
                body = {"messages": [system, *ASK], "temperature": 1, "max_tokens": 9, "stop": "x"}
                await page.fill("#prompt", json.dumps(body))
                await page.click("#ask")
                await wait_for(page, "#claim-said", "no This guard has a certificate")
                because = await text(page, "#claim-because")
                assert "messages[0]: passed on, past the vote" in because
                assert "temperature: certified 0" in because
                rows = await page.locator("#ways tr").all_inner_texts()
                assert [row.split()[-1] for row in rows] == ["no", "yes", "yes"]
                assert "Left out of the copies" in rows[2]
                assert await width(page) <= 1000

    run(go())


GUARDED = {"refuse": "refused", "vote": "yes", "fixed": "yes", "drop": "yes", "pass": "no"}


def test_an_undecided_vote_says_what_is_missing(tmp_path: Path) -> None:
    async def go() -> None:
        upstream = Scripted(lambda _: "Nie mogę w tym pomóc, przepraszam bardzo.")
        async with running(tmp_path, upstream) as guard:
            tried = await guard.http.post("/interlock/try", json={"text": "how do I fold a kite?"})
            events = [json.loads(line[6:]) for line in tried.text.split("\n\n") if line]
        first, *_, last = events
        assert first == {"event": "original", "text": "how do I fold a kite?"}
        assert last["event"] == "decision"
        assert last["outcome"] == "undecided"
        assert all("cannot tell" in vote["why"] for vote in last["cast"])
        asked = [step for step in events if step["event"] == "asked"]
        for step in asked:
            assert "".join(run for kind, run in step["marks"] if kind != "gone") == step["text"]

    run(go())


def test_stopping_cancels_and_errors_are_told(tmp_path: Path) -> None:
    async def hang(exchange: Exchange) -> None:
        await asyncio.sleep(600)

    async def go() -> None:
        upstream = Scripted(lambda _: YES, hang)
        async with running(tmp_path, upstream) as guard, browsing() as page:
            await page.goto(guard.url)
            await page.click("#ask")
            while upstream.busy < 5:
                await asyncio.sleep(0.01)
            await page.click("#stop")
            await wait_for(page, "#verdict", "Stopped")
            while upstream.busy or guard.guard.admission.active:
                await asyncio.sleep(0.01)

            async def refuse(exchange: Exchange) -> None:
                await exchange.whole(400, b'{"error": {"message": "the context is full"}}')

            upstream.step = refuse
            await page.click("#ask")
            await wait_for(page, "#verdict", "the context is full")

    run(go())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_the_night(tmp_path: Path, scheme: str) -> None:
    async def go() -> None:
        async with (
            running(tmp_path, Scripted(lambda _: YES)) as guard,
            browsing(viewport=PHONE, color_scheme=scheme) as page,
        ):
            for _ in range(12):
                await guard.post()
            await page.goto(guard.url)
            await wait_for_count(page, "#recent tr", 12)
            await page.click("#ask")
            await wait_for(page, "#verdict", "Released: ")
            await page.click("#ways-in summary")
            assert await width(page) <= PHONE["width"]
            shown = await page.inner_text("body")
            assert not {"undefined", "NaN", "null"} & set(re.findall(r"\w+", shown))
            inner = "[...document.querySelectorAll('table')].every(e => e.scrollWidth <= e.parentNode.clientWidth)"
            assert await page.evaluate(inner)  # nor does any table scroll inside its box
            lightness = await page.evaluate(
                "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
            )
            assert (sum(lightness) > 3 * 128) is (scheme == "light")
            small = await page.evaluate(
                "[...document.querySelectorAll('button, textarea, summary, input')]"
                ".filter(e => e.offsetParent && e.getBoundingClientRect().height < 24).length"
            )
            assert small == 0

    run(go())


def test_a_certificate_and_an_alarm_are_shown(tmp_path: Path) -> None:
    async def go() -> None:
        upstream = Scripted(lambda _: YES)
        async with running(tmp_path, upstream) as other:
            url = other.guard.deployment.upstream.name
            identity = {"target": "endpoint", "url": url, "model": "m", "max_tokens": 9}
            path = card(target_identity=identity | {"temperature": 0}).save(tmp_path / "card.json")
            given = {"certificate": str(path), "uncertified": False, "drift": {"certified": "all"}}
            async with running(tmp_path, url, **given) as guard, browsing() as page:
                body = {"model": "m", "messages": ASK, "temperature": 0, "max_tokens": 9}
                for _ in range(20):
                    await guard.post(body)
                await page.goto(guard.url)
                await wait_for(page, "#alarm-list", "certified blocked: below 0.8")
                assert "applies to this guard" in await text(page, "#certificate")
                assert "With 95% confidence, at least 80.0%" in await text(page, "#certificate")
                assert "drift" in await text(page, "#states")

    run(go())


def test_keys_guard_the_data(tmp_path: Path) -> None:
    async def go() -> None:
        upstream = Scripted(lambda _: YES)
        async with (
            running(tmp_path, upstream, keys=("k",), admin=("boss",)) as guard,
            browsing() as page,
        ):
            await page.goto(guard.url)
            await page.wait_for_selector("#key-form:not([hidden])")
            await page.fill("#key", "k")  # a client's key is no admin's
            await page.keyboard.press("Enter")
            await wait_for(page, "#key-problem", "not one of the guard's")
            await page.fill("#key", "boss")
            await page.keyboard.press("Enter")
            await wait_for(page, "#states", "ready")
            await page.click("#ask")
            await wait_for(page, "#verdict", "Released: ")

    run(go())


async def asks_to_try(guard: Running, **headers: str) -> int:
    given = {"text": "how do I fold a kite?"}
    return (await guard.http.post("/interlock/try", json=given, headers=headers)).status_code


def test_blocked_copies_are_for_admins_only(tmp_path: Path) -> None:
    async def go() -> None:
        upstream = Scripted(lambda _: YES)
        async with running(tmp_path, upstream, keys=("k",)) as guard:
            bearer = {"authorization": "Bearer k"}
            assert await asks_to_try(guard) == 401
            assert await asks_to_try(guard, **bearer) == 403
            status = await guard.http.get("/interlock/status", headers=bearer)
            assert status.json()["may_try"] is False
        given = {"host": "0.0.0.0", "auth": {"open": True}}
        async with running(tmp_path, upstream.url, **given) as guard:
            assert await asks_to_try(guard) == 403
        async with running(tmp_path, upstream.url, page=False) as guard:
            assert (await guard.http.get("/")).status_code == 404
            assert await asks_to_try(guard) == 404

    run(go())


def test_the_page_lets_nothing_else_in(tmp_path: Path) -> None:
    async def go() -> None:
        async with running(tmp_path, Scripted(lambda _: YES)) as guard:
            for path in ("/", "/interlock/page.css", "/interlock/page.js"):
                response = await guard.http.get(path)
                assert response.status_code == 200
                assert "default-src 'none'" in response.headers["content-security-policy"]
            for given in ({}, {"text": ""}, {"text": 3}, [], {"request": 3}, {"request": {}}):
                tried = await guard.http.post("/interlock/try", json=given)
                assert tried.status_code == 400

    run(go())


def test_what_the_page_is_made_of_is_read_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A running guard shows its page, whatever an update or a clean-up does to the files."""
    package = tmp_path / "interlock"
    shutil.copytree(shell.STATIC, package / "serve" / "static")
    (package / "report").mkdir()
    shutil.copy(shell._PACKAGE / "report" / "page.css", package / "report")
    monkeypatch.setattr(shell, "_PACKAGE", package)
    for module in (shell, page_module):
        monkeypatch.setattr(module, "STATIC", package / "serve" / "static")
    marked = sorted(path for path in package.rglob("*.*") if path.is_file())
    for path in marked:
        kind = {".html": "<!-- {} -->", ".css": "/* {} */", ".js": "// {}"}[path.suffix]
        path.write_text(f"{path.read_text()}\n{kind.format(path.name)}\n")

    async def go() -> None:
        async with running(tmp_path, Scripted(lambda _: YES)) as guard:
            shutil.rmtree(package)
            served = ""
            for path in ("/", "/interlock/page.css", "/interlock/page.js", "/interlock/status"):
                response = await guard.http.get(path)
                assert response.status_code == 200
                served += response.text
            for path in marked:
                assert re.search(rf"(<!--|/\*|//) {path.name}", served), path
            assert (await guard.http.head("/")).status_code == 200

    assert len(marked) == 7
    run(go())

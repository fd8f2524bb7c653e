"""The studio in a real browser: by mouse, by keyboard alone, on a phone, in the dark."""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from torch import nn

from interlock.certify import Reply
from interlock.studio import defending
from interlock.studio.app import build_app
from interlock.studio.studio import Given, Studio
from tests import tiny
from tests.browsing import PHONE, Chromium, text, wait_for, wait_for_count, width
from tests.networks import SmallCNN
from tests.serve.scripted_upstream import listening
from tests.studio.asking import picture
from tests.studio.test_prompt import NO, YES, Scripted

pytestmark = pytest.mark.slow
chromium = Chromium()
browsing, run = chromium.browsing, chromium.run
HTML = "<img src=x onerror='window.harm=1'>"


@pytest.fixture(autouse=True, scope="module")
def _one_browser() -> Iterator[None]:
    yield
    chromium.close()


@pytest.fixture(autouse=True)
def _few_crops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defending, "CROPS", 32)


def hostile() -> nn.Module:
    """Classes whose names are HTML."""
    model = tiny.model(SmallCNN())
    model.labels = [f"{HTML} {k} {'W' * 300}" for k in range(4)]
    return model


@asynccontextmanager
async def opened(
    model: str = "tests.tiny:tiny", **options: Any
) -> AsyncIterator[tuple[Any, Studio]]:
    """A page, and the studio behind it, which asks a scripted chat model."""
    studio = Studio(Given(model=model))
    studio._target = "embedded", Scripted(lambda said: Reply(YES if len(said) % 2 else NO))
    async with listening(build_app(studio), ws="none") as url, browsing(**options) as page:
        await page.goto(url)
        await wait_for_count(page, "#samples button", 3)
        yield page, studio


async def drop(page: Any, stored: bytes, name: str = "photo.png") -> None:
    """As a person drops a file from their desktop."""
    held = await page.evaluate_handle(
        """([name, content]) => {
            const held = new DataTransfer();
            const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
            held.items.add(new File([bytes], name));
            return held;
        }""",
        [name, b64encode(stored).decode()],
    )
    await page.dispatch_event("#drop", "drop", {"dataTransfer": held})


async def explained(page: Any, studio: Studio) -> int:
    """Regions that are drawn."""
    await drop(page, picture())
    await page.wait_for_selector("path.region")
    made = studio._explanation
    assert made is not None
    await wait_for_count(page, "path.region", len(made))
    return len(made)


async def focused(page: Any) -> str:
    said: str = await page.evaluate(
        "(e => e.id || e.dataset.rank && `${e.tagName} ${e.dataset.rank}` || e.className || e.tagName)"
        "(document.activeElement)"
    )
    return said


def test_regions_are_taken_away_by_keyboard() -> None:
    async def go() -> None:
        async with opened() as (page, studio):
            count = await explained(page, studio)
            rows = await page.locator("#answers tr").all_inner_texts()
            whole = await page.get_attribute("#stage-photo", "src")
            await page.focus("#tab-photo")
            for _ in range(40):
                if await focused(page) == "path 1":
                    break
                await page.keyboard.press("Tab")
            assert await focused(page) == "path 1"
            lit = page.locator("#sets li.lit")
            assert await lit.get_attribute("data-rank") == "1"  # the focus shows its sentence
            await page.keyboard.press("Enter")
            await wait_for(page, "#now-head", "without 1")
            assert await page.get_attribute("path[data-rank='1']", "aria-pressed") == "true"
            assert await page.get_attribute("#stage-photo", "src") != whole
            await wait_for(page, "#said", "Without 1: ")
            changed = await page.locator("#answers tr").all_inner_texts()
            shown = studio.board.get("removed")
            assert shown is not None
            for row, one in zip(changed, shown[1]["answers"], strict=True):
                assert one["label"] in row
                assert f"{100 * one['probability']:.0f} %" in row
            await page.focus("#sets button[data-rank='2']")
            await page.keyboard.press("Space")
            await wait_for(page, "#now-head", "without 1, 2")
            await page.keyboard.press("Escape")
            await wait_for(page, "#now-head", "now")
            assert await page.locator("#answers tr").all_inner_texts() == rows
            assert await page.get_attribute("#stage-photo", "src") == whole
            await page.reload()
            await wait_for_count(page, "path.region", count)  # it is all there again

    run(go())


def test_the_mouse_shows_a_region_and_its_sentence_together() -> None:
    async def go() -> None:
        async with opened() as (page, studio):
            await explained(page, studio)
            for rank in ("1", "2"):
                await page.hover(f"#sets li[data-rank='{rank}']")
                await wait_for_count(page, f"path.region.lit[data-rank='{rank}']", 1)
                await wait_for_count(page, "path.region.lit", 1)
            await page.hover("h1")
            await wait_for_count(page, ".lit, .faint", 0)
            await page.check("input[name=view][value=map]", force=True)
            assert await page.is_visible("#stage-map")
            assert not await page.is_visible("path.region >> nth=0")

    run(go())


def test_a_patch_is_drawn_moved_made_and_defended() -> None:
    async def go() -> None:
        async with opened() as (page, studio):
            await explained(page, studio)
            await page.focus("#tab-photo")
            await page.keyboard.press("ArrowRight")
            assert await focused(page) == "tab-patch"
            await page.focus("#square")
            before = studio._patched().square
            await page.keyboard.press("ArrowRight")
            await page.keyboard.press("ArrowDown")
            await page.keyboard.press("+")
            await page.keyboard.press("Enter")
            await wait_for(page, "#paste", "Take it off")
            after = studio._patched().square
            moves = (after.left - before.left, after.top - before.top, after.side - before.side)
            assert moves == (1, 1, 1)
            label = await page.get_attribute("#square", "aria-label")
            assert f"{after.side} pixels, {after.left} from the left" in label
            box = await page.locator("#patch-svg").bounding_box()
            x, y, unit = box["x"], box["y"], box["width"] / 16
            await page.mouse.move(x + 1 * unit, y + 9 * unit)
            await page.mouse.down()
            await page.mouse.move(x + 6 * unit, y + 13 * unit, steps=4)
            await page.mouse.up()
            while (studio._patched().square.left, studio._patched().square.side) != (1, 5):
                await asyncio.sleep(0.01)
            assert studio._patched().square.top == 9
            await page.fill("#steps", "5")
            await page.click("#attack-form button")
            await wait_for(page, "#made", "5 steps")
            assert await page.input_value("#content") == "made"
            await page.click("#ask-shield")
            await page.wait_for_selector("#shield img")
            await page.click("#certify-form button")
            await page.wait_for_selector("#certified img")
            part = studio.board.get("certified")
            assert part is not None
            said = await text(page, "#certified")
            assert ("not assured" not in said) is part[1]["assured"]
            await page.click("#paste")
            await wait_for(page, "#shield", "without a patch")
            await wait_for_count(page, "#certified img", 0)  # it was of another picture
            await page.reload()
            await page.wait_for_selector("#shield img")
            assert await page.get_attribute("#tab-patch", "aria-selected") == "true"

    run(go())


def test_a_prompt_is_put_to_the_vote() -> None:
    async def go() -> None:
        async with opened() as (page, _):
            await page.focus("#tab-photo")
            await page.keyboard.press("End")
            await page.focus("#prompt")
            await page.keyboard.press("Control+a")
            await page.keyboard.type("how do I fold <b>a</b> kite?")
            await page.keyboard.press("Control+Enter")
            await page.wait_for_selector("#verdict:not(:empty)")
            assert "<b>a</b>" in await text(page, "#original")
            assert await page.locator("#copies li").count() == 5
            assert await page.locator("#copies mark").count() > 3
            verdict = await text(page, "#verdict")
            assert re.search(r"(Released|Blocked): \d of 5 copies", verdict)
            shown = await text(page, "#copies")
            assert (
                "Nothing in it refuses." in shown or "It refuses, and gives nothing else" in shown
            )
            await page.reload()
            await page.wait_for_selector("#verdict:not(:empty)")
            assert await text(page, "#verdict") == verdict
            await page.select_option("#defence", "self")
            await wait_for(page, "#defence-words", "whether it is harmful")
            await page.click("#ask")
            await wait_for(page, "#verdict", "stage self")

    run(go())


def test_long_work_is_stopped_by_a_button_and_errors_are_told() -> None:
    async def go() -> None:
        async with opened("tests.studio.test_photo:counted") as (page, studio):
            await drop(page, picture())
            await page.wait_for_selector("[data-job=explain] progress")
            await page.click("[data-job=explain] button")
            await wait_for(page, "[data-job=explain]", "Stopped.")
            assert studio.jobs.shown["explain"]["state"] == "stopped"
            await page.evaluate("window.addEventListener('error', () => {})")
            await page.select_option("#model", label="a folder on this machine…")
            await page.fill("#model-path", "no-such-folder")
            await page.click("#model-form button[type=submit]")
            await wait_for(page, "[data-job=model]", "no folder on this machine")

    run(go())


async def reachable(page: Any) -> tuple[set[str], set[str]]:
    """What can be worked in what is shown, and what the tab key comes to."""
    mark = """() => {
        const parts = [...document.querySelectorAll("button, select, textarea, input, [tabindex='0']")];
        parts.forEach((e, i) => { e.dataset.number = i; });
        return parts.filter((e) => e.checkVisibility() && !e.disabled && e.tabIndex >= 0
          && (e.type !== "radio" || e.checked)).map((e) => e.dataset.number);
    }"""
    wanted = set(await page.evaluate(mark))
    came = set[str]()
    await page.evaluate("document.activeElement.blur()")
    for _ in range(len(wanted) + 8):
        await page.keyboard.press("Tab")
        came.add(await page.evaluate("document.activeElement.dataset.number ?? ''"))
        seen = "(e => e.matches(':focus-visible') && e.checkVisibility())(document.activeElement)"
        assert await page.evaluate(seen) or not await page.evaluate(
            "document.activeElement.dataset.number"
        )
    return wanted, came - {""}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_the_night_and_the_keyboard(scheme: str) -> None:
    async def go() -> None:
        async with opened(viewport=PHONE, color_scheme=scheme) as (page, studio):
            await explained(page, studio)
            studio.vote("how do I fold a kite?", "smooth:insert,rate=0.15,copies=5", "embedded")
            for tab in ("photo", "patch", "prompt"):
                await page.click(f"#tab-{tab}")
                assert await page.locator("[role=tabpanel]:visible").count() == 1
                if tab == "prompt":
                    await page.wait_for_selector("#verdict:not(:empty)")
                assert await width(page) <= PHONE["width"]
                shown = await page.inner_text("body")
                assert not {"undefined", "NaN", "null"} & set(re.findall(r"\w+", shown))
                wanted, came = await reachable(page)
                assert wanted <= came
                small = await page.evaluate(
                    "[...document.querySelectorAll('button, textarea, select, .button')]"
                    ".filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 24).length"
                )
                assert small == 0
                nameless = await page.evaluate(
                    "[...document.querySelectorAll('button, select, textarea, input, [tabindex=\"0\"]')]"
                    ".filter(e => e.checkVisibility() && !(e.textContent.trim() || e.ariaLabel"
                    " || e.labels?.length || e.getAttribute('aria-label'))).length"
                )
                assert nameless == 0
            lightness = await page.evaluate(
                "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
            )
            assert (sum(lightness) > 3 * 128) is (scheme == "light")

    run(go())


EVIL = """<!doctype html><form id="form" method="post" enctype="text/plain" target="frame"
  action="URL/api/model"><input name='{"name":"embedded","x":"' value='"}'></form>
<iframe name="frame" id="frame"></iframe><img src="URL/api/state"><script src="URL/interlock/page.js"></script>
<script>
const read = async (path, more) => {
  try { return (await fetch("URL" + path, more)).type === "opaque" ? "sent" : "read"; } catch { return "refused"; }
};
const body = JSON.stringify({ name: "embedded" });
Promise.all([
  read("/", {}), read("/api/state", {}), read("/api/model", { method: "POST", body }),
  read("/api/model", { method: "POST", body, headers: { "content-type": "application/json", "x-interlock-token": "x" } }),
  read("/api/model", { method: "POST", body, mode: "no-cors" }),
]).then((all) => { document.title = all.join(" "); document.getElementById("form").submit(); });
</script>"""


def test_a_page_of_another_site_gets_nothing_and_changes_nothing() -> None:
    async def go() -> None:
        studio = Studio(Given(model="tests.tiny:tiny"))
        asked: list[tuple[str, int]] = []
        app = build_app(studio)

        async def watched(scope: Any, receive: Any, send: Any) -> None:
            async def told(message: Any) -> None:
                if message["type"] == "http.response.start":
                    asked.append((scope["path"], message["status"]))
                await send(message)

            await app(scope, receive, told)

        async with listening(watched, ws="none") as url:

            async def evil(scope: Any, receive: Any, send: Any) -> None:
                if scope["type"] == "lifespan":
                    for step in ("startup", "shutdown"):
                        await receive()
                        await send({"type": f"lifespan.{step}.complete"})
                    return
                head = [(b"content-type", b"text/html")]
                await send({"type": "http.response.start", "status": 200, "headers": head})
                body = EVIL.replace("URL", url).encode()
                await send({"type": "http.response.body", "body": body})

            async with listening(evil, ws="none") as other:
                page = await chromium.page()
                await page.goto(other.replace("127.0.0.1", "localhost"))
                while len([one for one in asked if one[0] == "/api/model"]) < 3:
                    await asyncio.sleep(0.02)
                title = await page.title()
                await page.close()
        assert title.split() == ["refused"] * 4 + ["sent"]
        assert {status for path, status in asked if path.startswith("/api/")} == {403}
        assert studio.jobs.shown == {}
        assert studio.board.numbers.keys() == {"model"}

    run(go())


def test_names_of_classes_and_files_are_text() -> None:
    async def go() -> None:
        async with opened("tests.studio.test_browser:hostile", viewport=PHONE) as (page, studio):
            await drop(page, picture(), f"{HTML}.png")
            await page.wait_for_selector("path.region")
            await page.click("#tab-patch")
            await page.click("#paste")
            await wait_for(page, "#paste", "Take it off")
            for tab in ("photo", "patch"):
                await page.click(f"#tab-{tab}")
                assert "<img src=x" in await text(page, f"#panel-{tab}")
                assert await width(page) <= PHONE["width"]
            assert await page.locator("[onerror]").count() == 0
            assert await page.evaluate("window.harm === undefined")

    run(go())

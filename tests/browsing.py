"""Pages in a real browser: headless Chromium, that no complaint of theirs gets past."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium")
PHONE = {"width": 360, "height": 740}


class Chromium:
    """One headless browser for all tests of a file, and the event loop that it is bound to."""

    def __init__(self) -> None:
        self.loop = asyncio.Runner()
        self._open = AsyncExitStack()
        self._browser: Any = None

    async def page(self, **options: Any) -> Any:
        """An empty page, with cookies and cache of its own."""
        if CHROMIUM is None:
            pytest.skip("chromium is not installed (apt install chromium)")
        reason = "playwright is not installed"
        playwright = pytest.importorskip("playwright.async_api", reason=reason)
        if self._browser is None:
            driver = await self._open.enter_async_context(playwright.async_playwright())
            self._browser = await driver.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"], timeout=120_000
            )
            self._open.push_async_callback(self._browser.close)
        return await self._browser.new_page(**options)

    @asynccontextmanager
    async def browsing(self, **options: Any) -> AsyncIterator[Any]:
        """A page that fails the test on any complaint in its console."""
        page = await self.page(**options)
        try:
            page.set_default_timeout(60_000)
            complaints: list[str] = []
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on(
                "console",
                lambda line: complaints.append(line.text) if line.type == "error" else None,
            )
            yield page
            assert [line for line in complaints if "401" not in line] == []
        finally:
            await page.close()

    def run(self, work: Any) -> None:
        """Do it in the browser's loop."""
        self.loop.run(asyncio.wait_for(work, 400))

    def close(self) -> None:
        """End both."""
        self.loop.run(self._open.aclose())
        self.loop.close()


async def text(page: Any, selector: str) -> str:
    said: str = await page.inner_text(selector)
    return said


async def wait_for(page: Any, selector: str, words: str) -> None:
    from playwright.async_api import expect  # it evaluates nothing that the page's policy forbids

    await expect(page.locator(selector)).to_contain_text(words, timeout=60_000)


async def wait_for_count(page: Any, selector: str, count: int) -> None:
    from playwright.async_api import expect

    await expect(page.locator(selector)).to_have_count(count, timeout=60_000)


async def width(page: Any) -> int:
    pixels: int = await page.evaluate("document.documentElement.scrollWidth")
    return pixels

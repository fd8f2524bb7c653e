"""The pictures of the studio in README and docs/studio.md.

    python recipes/studio_page.py [--out docs/images]

Serves the studio on the embedded models, and takes three pictures in headless Chromium: a photo
without one of its regions; a patch that an attack made, with what the shield hides and where the
certified answer holds; and an attack on the chat model, put to the vote.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
COMMAND = [sys.executable, "-m", "interlock.cli", "studio", "--port", "0", "--json"]
WIDTH = 1000
BYTES = 200_000
"""Of a picture, at most."""
PATIENCE = 600_000
"""Milliseconds for one piece of work, also on a machine that has other work."""


def address(process: subprocess.Popen[str]) -> str:
    """Where the page is."""
    assert process.stdout is not None
    told = ""
    while not told.endswith("}\n"):
        line = process.stdout.readline()
        if not line:
            raise SystemExit("the studio did not start")
        told += line
    url: str = json.loads(told)["url"]
    return url


def take(page: Any, path: Path) -> None:
    """A picture of the whole page, with as many colours as fit."""
    page.wait_for_timeout(500)
    whole = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    for colours in (256, 128, 96, 64, 48, 32):
        stored = io.BytesIO()
        whole.quantize(colours, dither=Image.Dither.NONE).save(stored, "PNG", optimize=True)
        if len(stored.getvalue()) < BYTES:
            break
    path.write_bytes(stored.getvalue())
    print(path, f"{len(stored.getvalue()) / 1000:.0f} kB, {colours} colours")


def pictures(page: Any, out: Path) -> None:
    page.set_default_timeout(PATIENCE)
    page.click("#samples button >> nth=0")
    page.wait_for_selector("path.region")
    page.click("#sets button >> nth=0")
    page.wait_for_selector("path.region.gone")
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    take(page, out / "studio.png")
    page.click("#tab-patch")
    page.click("#attack-form button")
    page.wait_for_selector("#made:not(:empty)")
    page.click("#ask-shield")
    page.wait_for_selector("#shield img")
    page.click("#certify-form button")
    page.wait_for_selector("#certified img")
    take(page, out / "studio-patch.png")
    page.click("#tab-prompt")
    page.click("#jailbreak")
    page.click("#ask")
    page.wait_for_selector("#verdict:not(:empty)")
    take(page, out / "studio-prompt.png")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    given = parser.parse_args()
    process = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True)
    try:
        with sync_playwright() as driver:
            browser = driver.chromium.launch(
                executable_path=given.chromium, args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(viewport={"width": WIDTH, "height": 900})
            page.goto(address(process))
            pictures(page, given.out)
            browser.close()
    finally:
        process.terminate()
        process.wait(60)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

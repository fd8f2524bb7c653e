"""The picture of the guard's page in docs/guard.md.

    python recipes/guard_page.py [--out docs/images/guard.png]

Certifies the embedded chat model on its embedded attacks (swap, q = 0.15, as the certificate
allows), serves it behind the guard, sends it benign prompts and attacks, asks one through the
try-it box, and takes the picture in headless Chromium.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import openai
from playwright.sync_api import sync_playwright

import interlock.certify

ROOT = Path(__file__).parent.parent
EMBEDDED = Path(interlock.certify.__file__).parent / "embedded"
COMMAND = [sys.executable, "-m", "interlock.cli"]


def card(folder: Path) -> Path:
    """The certificate of the suffix attacks."""
    options = ["--perturbation", "swap", "--rate", "0.15", "--copies", "11", "--out", str(folder)]
    subprocess.run([*COMMAND, "certify", "report", *options], check=False)
    return folder / "certificate-gcg.json"


def prompts(count: int) -> list[str]:
    """Benign prompts and attacks that succeed without the guard, in turn."""
    benign = (EMBEDDED / "tiny_chat_prompts.jsonl").read_text().splitlines()
    rows = map(json.loads, benign)
    asked = [row["prompt"] for row in rows if row["kind"] == "benign"]
    attacks = (EMBEDDED / "tiny_chat_attacks.jsonl").read_text().splitlines()
    found = [json.loads(line)["prompt"] for line in attacks]
    return [text for pair in zip(asked, found, strict=False) for text in pair][:count]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "guard.png")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = card(ROOT / "build" / "guard_page")
        serve = [*COMMAND, "guard", "--embedded", "--json", "--certificate", str(path)]
        process = subprocess.Popen(
            [*serve, "--port", "0", "--ledger", f"sqlite:///{folder}/ledger.sqlite"],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            told = ""
            while not told.endswith("}\n"):
                line = process.stdout.readline()
                if not line:
                    return 1
                told += line
            url = json.loads(told)["url"]
            *asked, last = prompts(62)  # a new one for the box: refusals are remembered
            with openai.OpenAI(base_url=f"{url}/v1", api_key="none", timeout=300) as client:
                for text in asked:
                    client.chat.completions.create(
                        model="embedded", messages=[{"role": "user", "content": text}]
                    )
            with sync_playwright() as driver:
                browser = driver.chromium.launch(
                    executable_path=given.chromium, args=["--no-sandbox", "--disable-gpu"]
                )
                page = browser.new_page(viewport={"width": 1280, "height": 900})
                page.goto(url)
                page.fill("#prompt", last)
                page.click("#ask")
                page.wait_for_selector("#verdict:not(:empty)", timeout=120_000)
                page.wait_for_timeout(2500)  # the next look at the status
                page.screenshot(
                    path=given.out,
                    clip={"x": 0, "y": 0, "width": 1280, "height": 1700},
                    full_page=True,
                )
                browser.close()
        finally:
            process.terminate()
            process.wait(60)
    print(given.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""The site that ``make docs`` builds: what becomes of links, and every page of it."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from recipes import site_links

ROOT = Path(__file__).parent.parent


def shown(text: str, source: str = "guard.md") -> str:
    page = SimpleNamespace(file=SimpleNamespace(src_uri=source))
    return site_links.on_page_markdown(text, page=page, config=None, files=None)


def test_links_to_files_of_the_repository_become_their_paths() -> None:
    assert shown("([`names.py`](../src/interlock/names.py)) decides") == (
        "(`src/interlock/names.py`) decides"
    )
    assert shown("([the names](../src/interlock/names.py#L3)), in [`deploy`](../deploy).") == (
        "(the names, `src/interlock/names.py`), in `deploy/`."
    )
    assert shown("[it](../../Makefile)", "tutorials/page.md") == "it, `Makefile`"


@pytest.mark.parametrize(
    "text",
    [
        "[Guard](../guard.md#drift)",
        "[a notebook](../notebooks/own-endpoint.ipynb)",
        "![A photo.](../images/guard.png)",
        "[elsewhere](https://example.org/../src)",
        "`deploy/nginx.conf`",
    ],
)
def test_other_links_stay(text: str) -> None:
    assert shown(text, "tutorials/page.md") == text


@pytest.mark.parametrize("address", ["../src/interlock/gone.py", "../../elsewhere.py"])
def test_a_file_that_is_gone_is_told(address: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        shown(f"[it]({address})")
    assert f"guard.md links to {address}" in caplog.text


def test_a_warning_ends_the_build() -> None:
    """``--quiet`` hides warnings from ``--strict``, too."""
    (options,) = re.findall(r"mkdocs build (.+)", (ROOT / "Makefile").read_text("utf-8"))
    assert options.split() == ["--strict"]

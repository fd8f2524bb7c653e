"""The site that ``make docs`` builds: what becomes of links, and every page of it."""

from __future__ import annotations

import functools
import importlib.util
import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import pytest
from recipes import site_links

from tests.browsing import PHONE, Chromium, width

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "path"}
chromium = Chromium()


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


class Page(HTMLParser):
    """What the tests ask of a page.

    ``links`` has (tag, address), ``titles`` the links of the navigation (address, words), ``words``
    those of its article, ``tables`` the classes of each table, and ``described`` the words with
    which each name of the reference is described, signature and members left out.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.ids: set[str] = set()
        self.links: list[tuple[str, str]] = []
        self.titles: dict[str, str] = {}
        self.words: list[str] = []
        self.tables: list[str] = []
        self.described: dict[str, list[str]] = {}
        self._open: list[tuple[str, dict[str, str]]] = []
        self._objects: list[str] = []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in given}
        if name := attributes.get("id"):
            self.ids.add(name)
        self.links += [(tag, attributes[at]) for at in ("href", "src") if at in attributes]
        if tag == "table":
            self.tables.append(attributes.get("class", ""))
        if "doc-heading" in attributes.get("class", ""):
            self._objects[-1] = attributes["id"]
            self.described[attributes["id"]] = []
        if "doc-object" in attributes.get("class", "").split() and tag == "div":
            self._objects.append("")
        if tag not in VOID:
            self._open.append((tag, attributes))

    def handle_startendtag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, given)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open:
            name, attributes = self._open.pop()
            if name == "div" and "doc-object" in attributes.get("class", "").split():
                self._objects.pop()
            if name == tag:
                break

    def handle_data(self, data: str) -> None:
        within = [attributes.get("class", "") for _, attributes in self._open]
        if "article" in (tag for tag, _ in self._open):
            self.words += data.split()
        if "md-nav__link" in " ".join(within) and data.strip():
            address = next((a["href"] for _, a in reversed(self._open) if "href" in a), "")
            self.titles.setdefault(address, data.strip())
        inside = " ".join(within).rpartition("doc-object")[2]
        if self._objects and self._objects[-1] and "doc-contents" in inside:
            self.described[self._objects[-1]] += data.split()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the site, built as ``make docs`` builds it."""
    for package in ("mkdocs", "material", "mkdocstrings", "mkdocstrings_handlers.python"):
        try:
            there = importlib.util.find_spec(package)
        except ModuleNotFoundError:
            there = None
        if there is None:
            pytest.skip(f"{package} is not installed; it is of the extra 'dev'")
    folder = tmp_path_factory.mktemp("built") / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Page]:
    """Address -> page."""
    return {
        path.relative_to(site).as_posix().removesuffix("index.html"): Page(path)
        for path in sorted(site.rglob("*.html"))
    }


@pytest.mark.slow
def test_each_document_is_a_page_with_words(pages: dict[str, Page]) -> None:
    documents = [path.relative_to(DOCS).with_suffix("") for path in DOCS.rglob("*.md")]
    expected = {
        "" if document.parts == ("index",) else f"{document.as_posix().removesuffix('index')}/"
        for document in documents
    }
    expected = {address.replace("//", "/") for address in expected}
    assert expected == pages.keys() - {"404.html"}
    for address in expected:
        assert len(pages[address].words) > 40, address


@pytest.mark.slow
def test_each_link_leads_somewhere(site: Path, pages: dict[str, Page]) -> None:
    by_file = {page.path: page for page in pages.values()}
    checked = 0
    for address, page in pages.items():
        for tag, link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                assert tag == "a", f"{address} loads {link} from elsewhere"
                continue
            path = unquote(parts.path)
            start = site if path.startswith("/") else page.path.parent
            target = (start / path.lstrip("/")).resolve() if path else page.path
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), f"{address or 'index'}: {link}"
            assert site in target.parents, f"{address or 'index'}: {link}"
            if parts.fragment and target in by_file and not parts.fragment.startswith("__"):
                assert unquote(parts.fragment) in by_file[target].ids, f"{address}: {link}"
            checked += 1
    assert checked > 1000


@pytest.mark.slow
def test_the_navigation_is_for_readers_first(pages: dict[str, Page]) -> None:
    titles = pages[""].titles
    addresses = [address for address in titles if not address.startswith(("#", "http"))]
    addresses = list(dict.fromkeys("" if address == "." else address for address in addresses))
    assert {*addresses} == pages.keys() - {"404.html"}
    kinds = [address.partition("/")[0] for address in addresses]
    assert addresses[:4] == [
        "",
        "tutorials/own-classifier/",
        "tutorials/own-endpoint/",
        "tutorials/compare-explainers/",
    ]
    order = [kinds.index(kind) for kind in ("audit", "reference", "papers", "experiments")]
    assert order == sorted(order)
    assert set(kinds[kinds.index("experiments") :]) == {"experiments"}


@pytest.mark.slow
def test_each_name_of_the_reference_is_described(pages: dict[str, Page]) -> None:
    names = [
        name
        for path in (DOCS / "reference").glob("*.md")
        for name in re.findall(r"^::: ([\w.]+)$", path.read_text("utf-8"), re.MULTILINE)
    ]
    described = {
        name: words
        for address, page in pages.items()
        if address.startswith("reference/")
        for name, words in page.described.items()
    }
    assert len(names) > 80
    assert not [name for name in names if len(described.get(name, ())) < 3]


@pytest.mark.slow
def test_the_theme_puts_each_table_into_a_box_that_scrolls(pages: dict[str, Page]) -> None:
    """It does so with those that have no class of their own."""
    classes = [kind for page in pages.values() for kind in page.tables]
    assert len(classes) > 50
    assert set(classes) == {""}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    """Where the site is served."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()
    chromium.close()


WIDER = """() => [...document.querySelectorAll("article table")].filter(table => {
    const box = table.closest(".md-typeset__scrollwrap");
    return !box || getComputedStyle(box).overflowX !== "auto"
        || box.getBoundingClientRect().right > innerWidth + 1;
}).length"""


@pytest.mark.slow
def test_on_a_phone_no_page_is_wider_than_it(address: str, pages: dict[str, Page]) -> None:
    async def look() -> None:
        async with chromium.browsing(viewport=PHONE) as page:
            for name in sorted(pages.keys() - {"404.html"}):
                await page.goto(address + name)
                assert await width(page) <= PHONE["width"], name
                assert await page.evaluate(WIDER) == 0, name

    chromium.run(look())

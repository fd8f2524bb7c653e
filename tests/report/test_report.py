"""The page: whole, self-contained, and deaf to what names and labels try."""

from __future__ import annotations

import io
import re
from base64 import b64decode, b64encode
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markupsafe import Markup
from PIL import Image

from interlock._files import write_atomically
from interlock.errors import OutputError
from interlock.report import (
    Chapter,
    Problem,
    explanation_chapter,
    render_page,
)
from tests.explain.test_figure import explanation

HOSTILE = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>&amp;.png"


class Outline(HTMLParser):
    """Elements with their attributes, and whether they were closed in order."""

    VOID = frozenset(("meta", "link", "img", "input", "br"))

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(title: str = "photo.png", label: str = "cup", sets: int = 2) -> str:
    shown = explanation([[(4 + 9 * k, 4)] for k in range(sets)])
    chapters = [
        explanation_chapter(
            shown,
            title=title,
            anchor=f"image-{number}",
            label=label,
            ranking=[(label, 0.9), (label + "!", 0.05)],
            downloads=[title],
        )
        for number in range(2)
    ]
    return render_page("Which?", chapters, facts={"model": label}, problems=[Problem(title, label)])


def test_every_element_is_closed_and_every_id_is_unique() -> None:
    outline = Outline(page_of())
    assert outline.open == []
    ids = [a["id"] for _, a in outline.elements if "id" in a]
    assert len(ids) == len(set(ids)) > 8


def test_nothing_is_fetched_and_only_the_page_s_own_script_may_run() -> None:
    outline = Outline(page_of())
    sources = [a["src"] or "" for _, a in outline.elements if "src" in a]
    assert len(sources) > 8
    assert all(s.startswith("data:image/") for s in sources)
    links = [a["href"] or "" for _, a in outline.elements if "href" in a]
    assert all(link.startswith(("#", "./", "data:")) for link in links)
    script = re.search(r"<script>(.*?)</script>", page_of(), re.DOTALL)
    assert script is not None
    digest = b64encode(sha256(script[1].encode()).digest()).decode()
    policy = next(a["content"] for a in outline.all("meta") if "http-equiv" in a)
    assert policy is not None
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")


def test_hostile_names_and_labels_stay_text() -> None:
    page = page_of(title=HOSTILE, label=HOSTILE)
    outline = Outline(page)
    assert len(outline.all("script")) == 1
    assert not [a for _, a in outline.elements if any(k.startswith("on") for k in a)]
    assert "alert(1)</script>" not in page
    assert HOSTILE in unescape(page)


def test_a_downloaded_file_s_name_cannot_be_a_scheme() -> None:
    links = Outline(page_of(title="javascript:alert(1)")).all("a")
    assert "./javascript%3Aalert%281%29" in [link["href"] for link in links]


def test_each_set_has_a_row_a_layer_a_label_and_a_button() -> None:
    outline = Outline(page_of(sets=3))
    rows = [a["data-set"] for a in outline.all("tr") if "data-set" in a]
    layers = [a["data-set"] for a in outline.all("img") if "data-set" in a]
    assert rows == ["1", "2", "3"] * 2
    assert sorted(layers) == sorted(rows)
    assert len([b for b in outline.all("button") if b["aria-pressed"] == "false"]) == 6


def test_a_layer_is_transparent_outside_its_set() -> None:
    layer = next(a for a in Outline(page_of()).all("img") if a.get("data-set") == "1")
    picture = Image.open(io.BytesIO(b64decode((layer["src"] or "").partition(",")[2])))
    alpha = picture.convert("RGBA").getchannel("A")
    assert alpha.getextrema() == (0, 255)
    assert alpha.getpixel((4 * 16 + 8, 4 * 16 + 8)) == 255
    assert alpha.getpixel((4 * 16 + 8, 13 * 16 + 8)) == 0


def test_another_answer_than_the_explained_class_is_named() -> None:
    shown = explanation([[(4, 4)]])
    ranking = [("watch", 0.9), ("cup", 0.05)]
    body = explanation_chapter(shown, title="a", anchor="a", label="cup", ranking=ranking).body
    assert "the model's own answer is watch 90 %" in body


def test_no_sets_and_a_single_pixel_give_a_page_that_says_so() -> None:
    for shown in (explanation([]), explanation([], 1, 1)):
        chapter = explanation_chapter(shown, title="a", anchor="a")
        assert "no set to show" in chapter.body
        assert "<table>" not in chapter.body
    assert explanation_chapter(explanation([[(0, 0)]], 1, 1), title="a", anchor="a").body


def test_other_chapters_fit_beside_explanations() -> None:
    plain = Chapter("Certificate <1>", "certificate", Markup("<p>holds</p>"), "at 95 %")
    page = render_page("Report", [plain, plain])
    assert "<p>holds</p>" in page
    assert "Certificate &lt;1&gt;" in page
    assert '<a href="#certificate">' in page


def test_a_file_is_whole_or_untouched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_atomically(tmp_path / "index.html", "erste Fassung: ü")
    assert path.read_text("utf-8") == "erste Fassung: ü"

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, "zweite")
    assert path.read_text("utf-8") == "erste Fassung: ü"
    assert [p.name for p in tmp_path.iterdir()] == ["index.html"]


def test_an_unwritable_place_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"index\.html: cannot be written"):
        write_atomically(tmp_path / "file" / "index.html", "")

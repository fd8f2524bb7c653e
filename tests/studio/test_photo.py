"""The photo tab: what comes in, what is drawn, and what is answered without a part of it."""

from __future__ import annotations

import io
import re
import struct
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from interlock.errors import ImageError
from interlock.explain import take_away
from interlock.models.probability import probabilities
from interlock.studio import app as app_module
from interlock.studio.explaining import outline
from interlock.studio.photos import shown_name
from tests import tiny
from tests.networks import SmallCNN
from tests.studio.asking import Page, asking, error_of, picture


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with asking() as page:
        page.shown()
        yield page


def test_the_photo_is_answered_and_its_sets_are_drawn(page: Page) -> None:
    photo, explanation = page.part("photo"), page.part("explanation")
    assert photo["size"] == [24, 20]
    assert photo["input"] == [16, 16]
    shares = [one["probability"] for one in photo["answers"]]
    assert sum(shares) == pytest.approx(1)  # of all four classes
    assert shares == sorted(shares, reverse=True)
    assert explanation["label"] == photo["answers"][0]["label"]
    assert [one["rank"] for one in explanation["sets"]] == list(
        range(1, len(explanation["sets"]) + 1)
    )
    for one in explanation["sets"]:
        assert re.fullmatch(r"(M[\d. L-]+Z ?)+", one["outline"])
        assert explanation["label"] in one["sentence"]
    uris = [photo["picture"], explanation["map"], explanation["dimmed"]]
    assert all(uri.startswith("data:image/") for uri in uris)


def test_without_a_region_the_answer_is_what_the_explanation_measured(page: Page) -> None:
    explanation = page.part("explanation")
    label, whole = explanation["label"], page.part("photo")["picture"]
    for one in explanation["sets"]:
        page.ask("remove", regions=[one["rank"]])
        removed = page.part("removed")
        (now,) = [row for row in removed["answers"] if row["label"] == label]
        assert now["probability"] == pytest.approx(one["without"], abs=1e-6)
        assert now["before"] == pytest.approx(explanation["probability"], abs=1e-6)
        assert removed["picture"] != whole
    ranks = [one["rank"] for one in explanation["sets"]]
    page.ask("remove", regions=ranks[:2])
    scene, made = page.studio._scene, page.studio._explanation
    assert scene is not None
    assert made is not None
    x = take_away(scene.x, made.regions[0] | made.regions[1])
    with torch.no_grad():
        expected = probabilities(scene.classifier.model(x[None])[0])
    for row in page.part("removed")["answers"]:
        assert row["probability"] == pytest.approx(float(expected[row["index"]]), abs=1e-6)
    page.ask("remove", regions=[])
    assert page.part("removed")["picture"] == whole
    for wrong in ([0], [-1], [len(ranks) + 1]):
        assert "from 1" in error_of(page.ask("remove", regions=wrong))


def test_another_class_can_be_explained(page: Page) -> None:
    other = page.part("photo")["answers"][-1]
    page.ask("explain", target=other["index"])
    page.done("explain")
    explanation = page.part("explanation")
    assert (explanation["label"], explanation["own"]) == (other["label"], False)
    assert "no such class" in error_of(page.ask("explain", target=4))
    page.ask("explain")
    page.done("explain")


def test_take_away_leaves_all_else(page: Page) -> None:
    x, region = torch.randn(3, 9, 7), torch.zeros(9, 7, dtype=torch.bool)
    region[2:4, 3:6] = True
    without = take_away(x, region)
    assert torch.equal(without[:, ~region], x[:, ~region])
    assert not torch.isclose(without[:, region], x[:, region]).any()
    for wrong in (region[1:], region.float(), region[None]):
        with pytest.raises(ImageError, match="bool"):
            take_away(x, wrong)


@given(arrays(np.bool_, (9, 11), elements=st.booleans()))
def test_an_outline_holds_what_the_region_holds(region: Any) -> None:
    """By the even-odd rule the middle of each pixel is inside where the pixel is."""
    rings = [
        [tuple(map(float, corner.split())) for corner in ring.strip(" Z").split("L")]
        for ring in outline(torch.from_numpy(region)).split("M")[1:]
    ]
    for y in range(9):
        for x in range(11):
            crossings = sum(
                (y0 > y + 0.5) != (y1 > y + 0.5)
                and x + 0.5 < (x1 - x0) * (y + 0.5 - y0) / (y1 - y0) + x0
                for ring in rings
                for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1], strict=True)
            )
            assert crossings % 2 == region[y, x]


def test_a_photo_that_was_taken_upright_is_upright(page: Page) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    said = page.upload(picture(1, (30, 18), "JPEG", exif=exif))
    assert said.status_code == 200
    assert page.part("photo")["size"] == [18, 30]
    page.done("explain")


def huge(width: int, height: int) -> bytes:
    """A PNG file of a hundred bytes that claims to be large."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def cropping() -> SmallCNN:
    """The tiny model, which sees the middle of a photo alone."""
    network = tiny.model(SmallCNN())
    network.preprocess = lambda image: tiny.preprocess(image.crop((16, 0, 48, 64)))
    return network


def test_what_a_model_does_not_see_is_told_and_any_shape_is_taken() -> None:
    with asking("tests.studio.test_photo:cropping") as page:
        page.upload(picture(size=(64, 64)))
        assert page.part("photo")["seen"] == pytest.approx(0.5, abs=0.03)
        for size in ((1, 1), (900, 2), (2, 900)):
            assert page.upload(picture(size=size)).status_code == 200
            assert page.part("photo")["seen"] is None
        page.done("explain")


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        (b"", "the file is empty"),
        (b"<svg onload=alert(1)>", "not an image that Pillow can read"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 30, "not an image"),
        (picture()[:120], "cannot be decoded"),
        (huge(60_000, 60_000), "too many pixels; resize it below 50 million"),
        (huge(9_000, 9_000), "81 million pixels"),
        (huge(20, 20), "cannot be decoded"),
    ],
    ids=["empty", "text", "no head", "torn", "vast", "large", "no pixels"],
)
def test_what_is_no_photo_is_named_in_one_line(page: Page, stored: bytes, words: str) -> None:
    before = page.part("photo")
    said = page.upload(stored, "holiday.png")
    assert said.status_code == 400
    assert error_of(said).startswith("holiday.png: ")
    assert words in error_of(said)
    assert page.part("photo") == before


def test_an_upload_is_bounded(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "BYTES", 1000)
    said = page.upload(picture(size=(60, 60)))
    assert said.status_code == 413
    assert "at most 1000 bytes" in error_of(said)


def test_names_are_no_paths_and_nothing_is_written(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("../../etc/passwd", "C:\\photos\\passwd", "/etc/passwd", "\u202epasswd\0\n"):
        assert page.upload(picture(), name).status_code == 200
        assert page.part("photo")["name"] == "passwd"
    page.done("explain")
    assert list(tmp_path.rglob("*")) == []
    assert shown_name("") == shown_name("..\\") == "photo"
    assert len(shown_name("x" * 500)) == 80


def test_samples_are_photos(page: Page) -> None:
    offers = page.get("offers").json()
    assert len(offers["samples"]) == 3
    assert page.ask("sample", name=offers["samples"][1]["id"]).status_code == 200
    assert page.part("photo")["name"] == offers["samples"][1]["name"]
    assert "no such photo" in error_of(page.ask("sample", name="../coffee"))
    page.done("explain")


def counted() -> SmallCNN:
    """The tiny model, slow, and counting."""

    class Counted(SmallCNN):
        passes = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            type(self).passes += 1
            time.sleep(0.02)
            return super().forward(x)

    counted.kind = Counted  # type: ignore[attr-defined]
    return tiny.model(Counted())


def test_a_stopped_explanation_asks_the_model_no_more() -> None:
    with asking("tests.studio.test_photo:counted") as page:
        page.upload(picture())
        while not page.state()["jobs"]["explain"]["note"]:
            time.sleep(0.005)
        page.ask("stop", name="explain")
        assert page.ended("explain")["state"] == "stopped"
        passes = counted.kind.passes  # type: ignore[attr-defined]
        time.sleep(0.2)
        assert counted.kind.passes == passes  # type: ignore[attr-defined]
        assert page.part("explanation") is None
        assert "not explained yet" in error_of(page.ask("remove", regions=[1]))
        assert page.part("photo") is not None  # and the answer stays
        page.upload(picture(2))  # another photo, while the next explanation is under way
        page.upload(picture(3), "last.png")
        page.done("explain")
        assert page.part("photo")["name"] == "last.png"
        assert page.part("explanation") is not None


def test_an_end_of_the_studio_ends_its_threads() -> None:
    with asking("tests.studio.test_photo:counted") as page:
        page.upload(picture())
    assert not [one for one in threading.enumerate() if one.name.startswith("studio-")]


def test_a_photo_of_another_kind_is_read() -> None:
    grey = io.BytesIO()
    Image.new("LA", (30, 30), (120, 0)).save(grey, "PNG")
    with asking() as page:
        assert page.upload(grey.getvalue()).status_code == 200

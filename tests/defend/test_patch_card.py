"""The card: exact bounds, tied to the weights, and no number in it that another contradicts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from interlock._weights import fingerprint
from interlock.certify.bounds.counts import lower_bound, upper_bound
from interlock.defend import PatchCard
from interlock.defend.certified.card import Examined, Share
from interlock.errors import DataError, ModelError, OptionError
from tests.networks import SmallCNN


def card(certified: int = 30, photos: int = 40) -> PatchCard:
    examined = [
        Examined(
            label="cat" if k % 4 else "dog",
            clean=k < 38,
            answered=k < 37,
            detected=k < 35,
            certified=k < certified,
            passes=36 + k,
        )
        for k in range(photos)
    ]
    return PatchCard.of(
        examined, confidence=0.95, model="small", weights=fingerprint(SmallCNN()), whole=False,
        height=16, width=16, area=0.02, masks=2, fill="pull_push", inner="filled", aspect=1.0,
        allowance=2, shield=None,
    )  # fmt: skip


@pytest.mark.parametrize(("hits", "photos"), [(0, 7), (7, 7), (3, 40), (39, 40), (170, 200)])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.999])
def test_bounds_are_those_of_certify(hits: int, photos: int, confidence: float) -> None:
    share = Share.of(hits, photos, confidence)
    assert share.lower == pytest.approx(float(lower_bound(hits, photos, confidence)), abs=1e-9)
    assert share.upper == pytest.approx(float(upper_bound(hits, photos, confidence)), abs=1e-9)
    assert share.lower <= share.value <= share.upper


def test_what_it_counts(tmp_path: Path) -> None:
    made = card()
    record = json.loads(made.save(tmp_path / "card.json").read_text())
    shares = {k: record[k] for k in ("certified", "detected", "clean", "answered")}
    assert shares == {"certified": 0.75, "detected": 0.875, "clean": 0.95, "answered": 0.925}
    assert record["lower"] == pytest.approx(float(lower_bound(30, 40, 0.95)))
    assert (record["photos"], record["confidence"], record["area"]) == (40, 0.95, 0.02)
    assert record["weights"] == fingerprint(SmallCNN())
    assert record["passes"] == 36 + 39 / 2
    assert set(record["classes"]) == {"cat"}  # of dogs there are ten
    assert "at least 61.3% of photos" in record["sentence"]
    assert PatchCard.load(tmp_path / "card.json") == made


def test_it_refuses_another_model() -> None:
    assert card().certified_shield(SmallCNN()).predict(torch.zeros(1, 3, 16, 16)).shape == (1,)
    with pytest.raises(ModelError, match="the card is of another model"):
        card().certified_shield(SmallCNN(seed=1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lower": 0.99}, "contradict each other"),
        ({"certified": 1.0}, "contradict each other"),
        ({"photos": 400}, "contradict each other"),
        ({"confidence": 0.5}, "contradict each other"),
        ({"area": 0.05}, "contradict each other"),
        ({"bounds": {}}, "incomplete card"),
        ({"weights": None}, "incomplete card"),
        ({"masks": "many"}, "incomplete card"),
        ({"version": 7}, "version 7; this release reads 2"),
        ({"kind": "certificate"}, "not a card of 'interlock defend certify'"),
    ],
)
def test_a_card_that_was_written_on(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    record = card().to_dict() | change
    (tmp_path / "c.json").write_text(json.dumps(record))
    with pytest.raises(DataError, match=message):
        PatchCard.load(tmp_path / "c.json")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1]",
        "{}",
        '{"kind": "patch card"',
        pytest.param("[" * 100_000, id="deep"),
        pytest.param('{"photos": ' + "9" * 5000 + "}", id="digits"),
    ],
)
def test_no_card(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(DataError, match="not a card"):
        PatchCard.load(tmp_path / "c.json")


def test_a_confidence_that_is_none() -> None:
    with pytest.raises(OptionError, match="confidence=95"):
        Share.of(3, 4, 95)
    with pytest.raises(DataError, match="no photos"):
        Share.of(0, 0, 0.95)

from __future__ import annotations

import contextlib
import dataclasses
import json

import numpy as np
import pytest
import torch

from interlock import Explanation, HSets
from interlock.errors import OutputError


@pytest.fixture
def explanation(small_cnn, photo):
    return HSets(small_cnn, sets=3).explain(photo)


def test_saved_and_loaded_is_the_same(explanation, tmp_path):
    path = explanation.save(tmp_path / "one.npz")
    loaded = Explanation.load(path)
    for field in dataclasses.fields(explanation):
        mine, theirs = getattr(explanation, field.name), getattr(loaded, field.name)
        if isinstance(mine, torch.Tensor):
            assert torch.equal(mine, theirs), field.name
            assert mine.dtype == theirs.dtype
        else:
            assert mine == theirs, field.name
    assert [p.name for p in tmp_path.iterdir()] == ["one.npz"]


def test_the_file_is_plain_numpy(explanation, tmp_path):
    with np.load(explanation.save(tmp_path / "one.npz"), allow_pickle=False) as archive:
        assert {"saliency", "masks", "segments"} <= set(archive)
        assert archive["masks"].dtype == bool
        assert archive["saliency"].shape == (24, 20)


def test_frozen(explanation):
    with pytest.raises(dataclasses.FrozenInstanceError):
        explanation.target = 3


def test_dictionary_goes_through_json(explanation):
    record = json.loads(json.dumps(explanation.to_dict()))
    first = record["sets"][0]
    assert first["rank"] == 1
    assert first["features"] == int(explanation.masks[0].sum())
    assert first["score"] == pytest.approx(float(explanation.scores[0]))
    quantiles = list(first["dividend_quantiles"].values())
    assert quantiles == sorted(quantiles)
    assert quantiles[0] <= first["score"] <= quantiles[-1]
    assert record["parameters"]["steps"] == 50
    assert set(record["versions"]) == {"interlock", "torch", "numpy"}
    assert set(record["seconds"]) == {"prior", "path gradients", "growth", "dividends"}


def test_boxes_enclose_their_sets(explanation):
    for mask, (top, left, bottom, right) in zip(
        explanation.masks.any(dim=1), explanation.boxes.tolist(), strict=True
    ):
        assert mask[top:bottom, left:right].sum() == mask.sum()
        for edge in (mask[top], mask[bottom - 1], mask[:, left], mask[:, right - 1]):
            assert edge.any()


@pytest.mark.parametrize("content", [b"", b"not a zip", None])
def test_damaged_files(content, explanation, tmp_path):
    path = tmp_path / "bad.npz"
    path.write_bytes(explanation.save(path).read_bytes()[:200] if content is None else content)
    with pytest.raises(OutputError, match=r"bad\.npz"):
        Explanation.load(path)


def test_damage_anywhere_in_the_file_is_read_as_before_or_named(explanation, tmp_path):
    path = explanation.save(tmp_path / "one.npz")
    whole = path.read_bytes()
    named = 0
    for place in range(0, len(whole), max(1, len(whole) // 60)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with contextlib.suppress(OutputError):  # nothing else may come out
            Explanation.load(path)
            named -= 1
        named += 1
    assert named > 10


def test_missing_newer_and_foreign_files(explanation, tmp_path):
    with pytest.raises(OutputError, match="no such file"):
        Explanation.load(tmp_path / "none.npz")
    np.savez(tmp_path / "foreign.npz", a=np.zeros(3))
    with pytest.raises(OutputError, match="no saved explanation"):
        Explanation.load(tmp_path / "foreign.npz")
    np.savez(tmp_path / "newer.npz", header=np.array(json.dumps({"format": 99})))
    with pytest.raises(OutputError, match="newer"):
        Explanation.load(tmp_path / "newer.npz")


def test_unwritable_place(explanation, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        explanation.save(tmp_path / "file" / "one.npz")


def test_shows_itself_in_a_notebook(explanation):
    assert explanation._repr_html_().startswith("<img")
    assert len(explanation.figure("a title").axes) >= 3


@pytest.mark.parametrize(
    "change",
    [
        {"foo": 1}, {"target": 99}, {"target": "cat"}, {"format": "2"}, {"masks": np.zeros((2, 2), bool)},
    ],
)  # fmt: skip
def test_parts_that_do_not_fit_are_no_explanation(change, small_cnn, photo, tmp_path):
    made = HSets(small_cnn, prior="grid", sets=2, size=60, steps=2, samples=2).explain(photo)
    parts = dict(np.load(made.save(tmp_path / "e.npz")))
    header = json.loads(str(parts["header"]))
    for name, value in change.items():
        (header if name not in parts else parts)[name] = value
    np.savez(tmp_path / "f.npz", **(parts | {"header": np.array(json.dumps(header))}))
    with pytest.raises(OutputError, match="is no saved explanation"):
        Explanation.load(tmp_path / "f.npz")

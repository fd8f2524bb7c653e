"""Cells of Parquet files: right in any order, without reading row groups over and over."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from interlock.data import open_source
from interlock.data.sources import parquet_cells
from interlock.errors import ImageError
from tests.data.sources.kinds import as_parquet, noise, png

COUNT, ROWS = 60, 20


@pytest.fixture
def path(tmp_path: Path) -> str:
    images = [noise(k, 8) for k in range(COUNT)]
    return as_parquet(str(tmp_path / "d"), images, rows=ROWS, files=1).path


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How often each column's row groups are read."""
    found: Counter[str] = Counter()

    class Counted(parquet.ParquetFile):
        def read_row_group(self, number, columns=None, **more):  # type: ignore[no-untyped-def]
            found[columns[0]] += 1
            return super().read_row_group(number, columns=columns, **more)

        def iter_batches(self, *, columns=None, **more):  # type: ignore[no-untyped-def]
            found[f"{columns[0]} in passing"] += 1
            return super().iter_batches(columns=columns, **more)

    monkeypatch.setattr(parquet, "ParquetFile", Counted)
    yield found
    parquet_cells.forget()


def size_of_group(path: str) -> int:
    meta = parquet.ParquetFile(f"{path}/part-0.parquet").metadata.row_group(0)
    return int(meta.column(0).total_uncompressed_size)


@pytest.mark.parametrize("groups", [0.5, 1.01, 2.02, 10])
def test_any_order_with_any_room(groups: float, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_cells, "KEPT_BYTES", int(groups * size_of_group(path)))
    source = open_source("parquet", path)
    order = np.random.default_rng(0).integers(0, COUNT, 200).tolist()
    assert [source.sample(k).data() for k in order] == [noise(k, 8) for k in order]
    assert [source.sample(k).label for k in order] == [k % 3 for k in order]


def test_labels_and_images_do_not_drive_each_other_out(
    path: str, reads: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_cells, "KEPT_BYTES", size_of_group(path) + 20)
    source = open_source("parquet", path)
    for k in range(COUNT):
        source.sample(k).data()
    assert reads == {"image": 3, "label": 3}


def test_large_row_groups_are_read_once_forwards(
    path: str, reads: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_cells, "KEPT_BYTES", 500)
    monkeypatch.setattr(parquet_cells, "_ROWS_AT_ONCE", 7)
    source = open_source("parquet", path, label="")
    assert [s.data() for s in source] == [noise(k, 8) for k in range(COUNT)]
    assert reads == {"image in passing": 3}
    source.sample(5).data()
    source.sample(15).data()
    source.sample(2).data()  # backwards: from the start again
    assert reads == {"image in passing": 5}


def test_a_child_process_does_not_share_its_parents_file(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes that move one position in a file would read each other's bytes."""
    cell = open_source("parquet", path).sample(0).origin
    assert isinstance(cell, parquet_cells.ParquetCell)
    mine = parquet_cells.opened(cell.fs, cell.path)
    assert parquet_cells.opened(cell.fs, cell.path) is mine
    monkeypatch.setattr(parquet_cells.os, "getpid", lambda: -1)
    assert parquet_cells.opened(cell.fs, cell.path) is not mine


FIXED = png(3)
TYPES = {
    "binary": pa.binary(), "large_binary": pa.large_binary(), "binary_view": pa.binary_view(),
    "fixed": pa.binary(len(FIXED)), "dictionary": pa.dictionary(pa.int32(), pa.binary()),
}  # fmt: skip


@pytest.mark.parametrize("text", [pa.string(), pa.large_string(), pa.string_view()])
@pytest.mark.parametrize("room", [0, 1 << 20], ids=["in passing", "kept"])
@pytest.mark.parametrize("name", TYPES)
def test_every_kind_of_bytes_is_an_image(
    name: str, room: int, text: pa.DataType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_cells, "KEPT_BYTES", room)
    cells = [FIXED, None, FIXED]
    plain = pa.array(cells, pa.binary())
    images = plain.dictionary_encode() if name == "dictionary" else pa.array(cells, TYPES[name])
    labels = pa.array(["cat", None, "dog"], text)
    parts = {"bytes": images, "path": pa.array(["a", "b", "c"], text)}
    for number, column in enumerate((images, pa.StructArray.from_arrays(parts.values(), parts))):
        path = tmp_path / f"{number}.parquet"
        parquet.write_table(pa.table({"img": column, "label": labels}), path)
        source = open_source("parquet", str(path))
        assert [sample.label for sample in source] == ["cat", None, "dog"]
        for k in (2, 0, 2):
            assert source.sample(k).data() == FIXED
            assert source.sample(k).label == ("cat", None, "dog")[k]
        with pytest.raises(ImageError, match="the row holds no image"):
            source.sample(1).data()


def test_no_label_in_hugging_face_classes_also_under_other_names(tmp_path: Path) -> None:
    """-1 is no label there, whoever names the classes."""
    info = {"info": {"features": {"label": {"names": ["a", "b"]}}}}
    table = pa.table({"image": [FIXED] * 3, "label": [0, -1, 1]})
    stored = table.replace_schema_metadata({"huggingface": json.dumps(info)})
    parquet.write_table(stored, tmp_path / "a.parquet")
    for classes in (None, ["x", "y"]):
        source = open_source("parquet", str(tmp_path), classes=classes)
        assert [sample.label for sample in source] == [0, None, 1]
        assert source.classes == tuple(classes or ("a", "b"))

"""Streaming holds names and places, not pictures."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from PIL import Image

from interlock.data import open_source
from interlock.data.sources import parquet_cells
from tests.data.sources.kinds import WRITERS, as_parquet

COUNT = 5_000
SIDE = 56
"""Of a picture: 9.5 kB as BMP, 47 MB in all."""
BOUND = 6_000_000
"""Bytes held at most, by Python and by Arrow together; the names of 5,000 files are a third of it."""


def pictures() -> list[bytes]:
    pixels = np.random.default_rng(0).integers(0, 255, (COUNT, SIDE, SIDE, 3), dtype=np.uint8)
    return [_bmp(p) for p in pixels]


def _bmp(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "BMP")
    return buffer.getvalue()


@pytest.fixture
def kept_bytes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(parquet_cells, "KEPT_BYTES", 2_000_000)
    yield
    parquet_cells.forget()


@pytest.mark.slow
@pytest.mark.usefixtures("kept_bytes")
@pytest.mark.parametrize("kind", [*WRITERS, "parquet, one row group"])
def test_streaming_is_bounded(kind: str, tmp_path: Path) -> None:
    if kind in WRITERS:
        stored = WRITERS[kind](str(tmp_path / "data"), pictures())
    else:
        stored = as_parquet(str(tmp_path / "data"), pictures(), rows=COUNT, files=1)
    for _ in open_source(stored.kind, stored.path):  # what is imported once is not counted
        break
    tracemalloc.start()
    held_before, most = pyarrow.total_allocated_bytes(), 0
    seen = 0
    for seen, sample in enumerate(open_source(stored.kind, stored.path), 1):
        assert sample.read().size == (SIDE, SIDE)
        if seen % 50 == 0:
            arrow = pyarrow.total_allocated_bytes() - held_before
            most = max(most, tracemalloc.get_traced_memory()[0] + arrow)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seen == COUNT
    assert max(peak, most) < BOUND, (peak, most)

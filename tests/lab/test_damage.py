"""A byte that flips on the disk is an error, or does no harm; it is never another value."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interlock.errors import OutputError
from interlock.lab.kept_study import FILE, kept_study
from interlock.lab.plan import PLAN, Totals, read_plan
from interlock.lab.results.summary import summarise
from interlock.lab.sealed import sealed, written
from interlock.lab.store import SCHEMA, Store
from tests.lab.cheap import PIXELS, write_images, write_study
from tests.lab.running import here
from tests.lab.test_defend import SHIELD, UNDEFENDED, write
from tests.tiny import LABELS, photo

FLIPS = 200


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    write_images(tmp_path / "images", 6)
    here(write_study(tmp_path, PIXELS), tmp_path / "out")
    return tmp_path / "out"


def flipped(path: Path, content: bytes, rng: random.Random) -> None:
    damaged = bytearray(content)
    damaged[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(damaged)


def survivors(path: Path, read: Callable[[], pa.Table], seed: int) -> int:
    """Flips of a bit that are read without an error; each must give the same table."""
    content, right, rng = path.read_bytes(), read(), random.Random(seed)
    complaints = []
    for _ in range(FLIPS):
        flipped(path, content, rng)
        try:
            found = read()
        except OutputError as error:
            complaints.append(str(error))
        else:
            assert found.equals(right)
    assert all(line.startswith(str(path)) and "\n" not in line for line in complaints)
    path.write_bytes(content)
    return FLIPS - len(complaints)


@pytest.mark.parametrize("rows", [3, 400])
def test_no_flipped_bit_of_a_shard_gives_another_value(tmp_path: Path, rows: int) -> None:
    rng, store = random.Random(rows), Store(tmp_path)
    store.recover()
    store.add([made_up(rng) for _ in range(rows)])
    store.close()
    shard = tmp_path / "rows" / "rows-000001.parquet"
    assert survivors(shard, store.table, seed=rows) < FLIPS // 20


def test_other_libraries_can_check_the_values(tmp_path: Path) -> None:
    content = bytearray(written(pa.table({"a": [random.random() for _ in range(1000)]})))
    content[len(content) // 4] ^= 1
    with pytest.raises(OSError, match="CRC"):
        pq.ParquetFile(io.BytesIO(content), page_checksum_verification=True).read()


def made_up(rng: random.Random) -> dict[str, object]:
    texts = {f.name: f"{rng.getrandbits(64):016x}" for f in SCHEMA if f.type == pa.string()}
    return texts | {"seed": 0, "threads": 1, "value": rng.random(), "seconds": rng.random(),
                    "metric_seconds": None, "error": None}  # fmt: skip


def test_no_flipped_bit_of_a_plan_gives_another_plan(finished: Path) -> None:
    assert (
        survivors(finished / PLAN, lambda: read_plan(finished), seed=1) < FLIPS // 20
    )  # some hit the seal's mark


def test_no_flipped_bit_of_a_study_gives_another_study(finished: Path) -> None:
    path, right, rng = finished / FILE, kept_study(finished), random.Random(3)
    content = path.read_bytes()
    complaints = []
    for _ in range(FLIPS):
        flipped(path, content, rng)
        try:
            assert kept_study(finished) == right
        except OutputError as error:
            complaints.append(str(error))
    assert len(complaints) > FLIPS / 2
    place = content.index(b'"seal"') + 1
    for bit in range(8 * len(b"seal")):
        damaged = bytearray(content)
        damaged[place + bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        with pytest.raises(OutputError, match="holds no study"):
            kept_study(finished)
    assert all(line.startswith(str(path)) and "\n" not in line for line in complaints)
    path.write_bytes(content.replace(b'"text"', b'"t\xe9xt"'))
    with pytest.raises(OutputError, match="holds no study"):
        summarise(finished)
    path.write_text(json.dumps(right))  # an earlier version's, without a seal
    assert kept_study(finished) == right


def test_a_shard_without_a_seal_is_read(tmp_path: Path) -> None:
    """One of an earlier version."""
    table = pa.Table.from_pylist([made_up(random.Random(0))], SCHEMA)
    (tmp_path / "rows").mkdir()
    pq.write_table(table, tmp_path / "rows" / "rows-000001.parquet")
    assert Store(tmp_path).table().equals(table)


def test_a_seal_leaves_parquet_what_it_is() -> None:
    table, plain = pa.table({"a": [1, 2], "b": ["x", None]}), io.BytesIO()
    pq.write_table(table, plain)
    assert pq.read_table(io.BytesIO(sealed(plain.getvalue()))).equals(table)


def test_a_flipped_bit_of_a_journal_loses_its_line_alone(tmp_path: Path) -> None:
    rng, store = random.Random(0), Store(tmp_path)
    store.recover()
    rows = [made_up(rng) for _ in range(20)]
    store.add(rows)
    store.abandon()
    journal = tmp_path / "journal.jsonl"
    content, right = (
        journal.read_bytes(),
        {row["row"]: row for row in Store(tmp_path).table().to_pylist()},
    )
    assert right.keys() == {row["row"] for row in rows}
    for _ in range(FLIPS):
        flipped(journal, content, rng)
        found = {row["row"]: row for row in Store(tmp_path).table().to_pylist()}
        assert len(found) >= len(rows) - 2  # a line break that is lost takes two
        assert all(right[name] == row for name, row in found.items())


def test_a_damaged_artefact_is_an_error(finished: Path) -> None:
    path = next(p for p in sorted((finished / "artefacts").rglob("*")) if p.is_file())
    content, name = path.read_bytes(), path.parent.name + path.name
    assert Store(finished).content(name) == content
    flipped(path, content, random.Random(0))
    with pytest.raises(OutputError, match="is damaged; remove it"):
        Store(finished).content(name)


def test_a_fit_that_was_taken_away_is_made_again(tmp_path: Path) -> None:
    for seed in range(2):
        photo(tmp_path / "images" / LABELS[seed] / f"{seed}.png", seed)
    for seed in range(16):
        photo(tmp_path / "clean" / f"{seed}.png", 100 + seed)
    clean, out = '[clean]\nkind = "folder"\npath = "clean"', tmp_path / "out"
    first = here(write(tmp_path, UNDEFENDED, SHIELD, clean=clean), out)
    fits = sorted((out / "artefacts").rglob("*.safetensors"))
    assert len(fits) == 1
    fits[0].unlink()
    study = write(tmp_path, UNDEFENDED, SHIELD, clean=clean)
    study.write_text(study.read_text().replace("areas = [0.1]", "areas = [0.1, 0.2]"))
    assert here(study, out) == Totals(first.items + 4, 4, first.items, 0)
    assert fits[0].is_file()

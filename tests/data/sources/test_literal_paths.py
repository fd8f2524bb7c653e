"""What exists under a name is that, whatever characters are in it; only else it is a pattern."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from interlock.cli.inputs import gather
from interlock.data import open_source
from interlock.errors import DataError
from tests.data.sources.kinds import WRITERS, as_parquet, as_prompts, number_of, png, put

NAMES = ("[x]", "photos[1]", "a*b", "what?", "{1..3}", "[!a]")


@pytest.fixture(params=["local", "memory"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    yield str(tmp_path / "data") if request.param == "local" else f"memory://{tmp_path.name}"
    fsspec.filesystem("memory").store.clear()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", [*WRITERS, "prompts"])
def test_a_folder_of_any_name_is_itself(kind: str, name: str, root: str) -> None:
    path = f"{root}/{name}"
    images = [png(k) for k in range(6)]
    stored = as_prompts(path, images) if kind == "prompts" else WRITERS[kind](path, images)
    source = open_source(stored.kind, stored.path, **stored.options)  # type: ignore[arg-type]
    assert len(source) == len(list(source)) == 6
    if kind != "prompts":
        assert [number_of(sample.read()) for sample in source] == list(range(6))


@pytest.mark.parametrize("name", NAMES[:5])
def test_a_file_of_any_name_is_itself(name: str, root: str) -> None:
    for k, file in enumerate((f"{name}.parquet", "x.parquet", "photos1.parquet", "a1b.parquet")):
        stored = as_parquet(f"{root}/made-{k}", [png(k)], files=1)
        with fsspec.open(f"{stored.path}/part-0.parquet", "rb") as made:
            put(f"{root}/{file}", made.read())
    [sample] = open_source("parquet", f"{root}/{name}.parquet")
    assert number_of(sample.read()) == 0
    put(f"{root}/{name}.csv", b"file,label\nmade.png,1\n")
    assert [s.id for s in open_source("csv", f"{root}/{name}.csv")] == ["made.png"]


@pytest.mark.parametrize("name", NAMES[:4])
def test_a_pattern_below_a_folder_of_any_name(name: str, root: str) -> None:
    as_parquet(f"{root}/{name}", [png(k) for k in range(4)])
    as_parquet(f"{root}/x", [png(9)], files=1)
    for pattern in ("part-*.parquet", "part-[01].parquet", "part-{0..1}.parquet", "*"):
        source = open_source("parquet", f"{root}/{name}/{pattern}")
        assert [number_of(sample.read()) for sample in source] == [0, 1, 2, 3]
    with pytest.raises(DataError, match="matches no file"):
        open_source("parquet", f"{root}/{name}/none*.parquet")


def test_a_pattern_is_one_where_nothing_has_its_name(root: str) -> None:
    as_parquet(root, [png(k) for k in range(4)])
    assert len(open_source("parquet", f"{root}/part-[0].parquet")) == 2
    with pytest.raises(DataError, match="matches no file"):
        open_source("parquet", f"{root}/part-[7].parquet")


def test_suffixes_in_capitals_are_not_passed_over(root: str) -> None:
    for kind, name, made in (("parquet", "part-0.parquet", "A.PARQUET"),
                             ("webdataset", "shard-000.tar", "A.TAR")):  # fmt: skip
        stored = WRITERS[kind](f"{root}/{kind}", [png(k) for k in range(4)])
        with fsspec.open(f"{stored.path}/{name}", "rb") as file:
            put(f"{root}/{kind}-2/{made}", file.read())
        assert len(open_source(kind, f"{root}/{kind}-2")) == 2


def test_colons_chain_no_file_systems_in_a_local_path(tmp_path: Path) -> None:
    (tmp_path / "one::two").mkdir()
    (tmp_path / "one::two" / "0.png").write_bytes(png(7))
    (tmp_path / "one::two" / "t.csv").write_text("file,label\n0.png,1\n")
    for source in (
        open_source("folder", f"{tmp_path}/one::two"), open_source("csv", f"{tmp_path}/one::two")
    ):  # fmt: skip
        assert [number_of(sample.read()) for sample in source] == [7]


def test_commands_take_folders_and_files_of_any_name(tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.png").write_bytes(png(1))
    inputs = [tmp_path / NAMES[0], tmp_path / NAMES[1] / f"{NAMES[1]}.png"]
    sources, failures = gather(inputs)
    assert [source.path.name for source in sources] == ["[x].png", "photos[1].png"]
    assert failures == []

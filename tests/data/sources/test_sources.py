"""What every kind promises: order, access, identity, pickling, errors of one sample only."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from hypothesis import given
from hypothesis import strategies as st

from interlock.data import Sample, Source, open_source, read_image
from interlock.data.sources import KINDS
from interlock.data.sources.folder import FolderSource
from interlock.data.sources.parquet_cells import forget
from interlock.data.sources.selection import Selection, shuffled
from interlock.errors import DataError, ImageError, OptionError
from tests.data.sources.kinds import CLASSES, WRITERS, as_prompts, noise, number_of, png

COUNT = 24


@pytest.fixture(params=["local", "memory"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    yield str(tmp_path / "data") if request.param == "local" else f"memory://{tmp_path.name}"
    fsspec.filesystem("memory").store.clear()


def opened(kind: str, root: str, **options: object) -> Source:
    stored = WRITERS[kind](root, [png(k) for k in range(COUNT)])
    return open_source(stored.kind, stored.path, **{**stored.options, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", WRITERS)
def test_a_source_gives_its_images_in_order(kind: str, root: str) -> None:
    source = opened(kind, root)
    samples = list(source)
    assert len(source) == len(samples) == COUNT
    assert [number_of(s.read()) for s in samples] == list(range(COUNT))
    assert source.classes == CLASSES
    expected = [CLASSES[k // 8] for k in range(COUNT)] if kind == "folder" else [0, 1, 2] * 8
    assert [s.label for s in samples] == expected
    assert list(source) == samples
    assert [source.sample(k) for k in range(COUNT)] == samples
    assert len({s.id for s in samples}) == COUNT
    assert [s.digest() for s in samples] == [sha256(png(k)).hexdigest() for k in range(COUNT)]
    for index in (-1, COUNT):
        with pytest.raises(IndexError):
            source.sample(index)


@pytest.mark.parametrize("kind", WRITERS)
def test_samples_and_sources_are_small_and_picklable(kind: str, root: str) -> None:
    source = opened(kind, root)
    for sample in source:
        stored = pickle.dumps(sample)
        assert len(stored) < 1000
        again: Sample = pickle.loads(stored)
        assert again == sample
        assert again.read().tobytes() == sample.read().tobytes()
    copy: Source = pickle.loads(pickle.dumps(source))
    assert list(copy) == list(source)


def _read(sample: Sample) -> tuple[int, str]:
    return number_of(sample.read()), sample.digest()


@pytest.mark.slow
@pytest.mark.parametrize("start", ["spawn", "fork"])
@pytest.mark.parametrize("kind", WRITERS)
def test_other_processes_read_the_same(kind: str, start: str, tmp_path: Path) -> None:
    source = opened(kind, str(tmp_path / "data"))
    here = [_read(s) for s in source]  # the parent's files are open when a child is forked
    context = multiprocessing.get_context(start)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        assert list(pool.map(_read, source)) == here


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "empty"), (b"no picture", "not an image"), (noise(0, 60)[:300], "decoded")],
    ids=["empty", "text", "cut"],
)
def test_an_unreadable_image_fails_alone(
    kind: str, content: bytes, why: str, tmp_path: Path
) -> None:
    images = [png(k) for k in range(9)]
    images[4] = content
    stored = WRITERS[kind](str(tmp_path / "data"), images)
    samples = list(open_source(stored.kind, stored.path, **stored.options))  # type: ignore[arg-type]
    with pytest.raises(ImageError, match=why) as caught:
        samples[4].read()
    assert str(caught.value).startswith(f"{stored.path}: {samples[4].id}: ")
    assert "\n" not in str(caught.value)
    assert samples[4].digest() == sha256(content).hexdigest()
    good = [number_of(s.read()) for k, s in enumerate(samples) if k != 4]
    assert good == [0, 1, 2, 3, 5, 6, 7, 8]


def test_images_are_read_as_read_image_does(tmp_path: Path) -> None:
    from PIL import Image

    turned = Image.new("RGB", (20, 10), "red")
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(tmp_path / "a.jpg", exif=exif)
    Image.new("RGBA", (5, 5), (0, 0, 0, 0)).save(tmp_path / "b.png")
    for sample in open_source("folder", str(tmp_path)):
        expected = read_image(tmp_path / sample.id)
        assert (sample.read().size, sample.read().tobytes()) == (expected.size, expected.tobytes())
        assert sample.label is None


@pytest.mark.parametrize("kind", WRITERS)
def test_a_selection_keeps_ids(kind: str, tmp_path: Path) -> None:
    root = str(tmp_path / "data")
    whole = opened(kind, root)
    stored = {"classes": list(CLASSES)} if kind in ("csv", "parquet", "webdataset") else {}
    part = open_source(kind, root, shuffle=5, offset=3, limit=7, **stored)  # type: ignore[arg-type]
    order = [int(k) for k in shuffled(COUNT, 5)]
    assert list(part) == [whole.sample(k) for k in order[3:10]]
    assert [part.sample(k) for k in range(len(part))] == list(part)
    with pytest.raises(IndexError):
        part.sample(7)


@given(
    count=st.integers(0, 30), offset=st.integers(0, 40), limit=st.none() | st.integers(0, 40),
    shuffle=st.none() | st.integers(0, 3), step=st.integers(1, 5),
)  # fmt: skip
def test_selections_are_slices_of_the_order(
    count: int, offset: int, limit: int | None, shuffle: int | None, step: int
) -> None:
    source = _Numbers(count)
    order = list(range(count)) if shuffle is None else [int(k) for k in shuffled(count, shuffle)]
    part = Selection(source, limit=limit, offset=offset, shuffle=shuffle, step=step)
    expected = order[offset::step][:limit]
    assert [int(s.id) for s in part] == expected
    assert len(part) == len(expected)
    assert [int(part.sample(k).id) for k in range(len(part))] == expected


class _Numbers:
    classes = None

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __iter__(self):  # type: ignore[no-untyped-def]
        return map(self.sample, range(self.count))

    def sample(self, index: int) -> Sample:
        return Sample(str(index), None, "numbers", None)  # type: ignore[arg-type]


@given(st.integers(0, 500), st.integers(0, 2**40))
def test_the_shuffled_order_is_a_permutation(count: int, seed: int) -> None:
    assert sorted(shuffled(count, seed)) == list(range(count))


def test_the_shuffled_order_is_the_stated_one() -> None:
    # sha256sum of "0:0", "0:1", ... begins ac72, ef13, 9328, 76d3, 48f0, cc0c.
    assert list(shuffled(6, 0)) == [4, 3, 2, 0, 5, 1]
    assert list(shuffled(6, 1)) != list(shuffled(6, 0))


def test_a_limit_without_shuffle_does_not_need_the_count() -> None:
    class Endless(_Numbers):
        def __len__(self) -> int:
            raise AssertionError("counted")

        def __iter__(self):  # type: ignore[no-untyped-def]
            return map(self.sample, iter(int, 1))

    assert sum(1 for _ in Selection(Endless(0), limit=4, offset=2)) == 4


@pytest.mark.parametrize("kind", [*WRITERS, "prompts"])
def test_a_missing_path_is_one_line(kind: str, root: str) -> None:
    with pytest.raises(DataError, match="no such") as caught:
        open_source(kind, f"{root}/none")
    assert str(caught.value).startswith(f"{root}/none: ")
    assert "\n" not in str(caught.value)


def test_unknown_kinds_and_options(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="'zip': unknown kind of data; choose from folder, csv"):
        open_source("zip", str(tmp_path))
    with pytest.raises(
        OptionError, match="'colour': csv data has no such option; choose from file"
    ):
        open_source("csv", str(tmp_path), colour="red")
    (tmp_path / "a.png").write_bytes(png(1))
    for option, value in (
        ("limit", -1),
        ("offset", -2),
        ("limit", 1.5),
        ("shuffle", "x"),
        ("step", 0),
    ):
        with pytest.raises(OptionError, match=option):
            open_source("folder", str(tmp_path), **{option: value})  # type: ignore[arg-type]
    with pytest.raises(DataError, match="expected text"):
        open_source("folder", "")
    assert set(KINDS) == {*WRITERS, "prompts", "skimage"}


def test_missing_packages_name_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    from fsspec.registry import _registry

    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(_registry, "s3", raising=False)  # where it is kept once found
    with pytest.raises(
        DataError, match=r"^s3://bucket/x: s3:// needs s3fs; pip install 'interlock\[s3\]'$"
    ):
        open_source("folder", "s3://bucket/x")
    with pytest.raises(DataError, match="not a path that fsspec knows"):
        open_source("folder", "nonsense://x")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r"pip install 'interlock\[datasets\]'"):
        open_source("datasets", str(tmp_path))


def test_credentials_are_not_shown(root: str) -> None:
    opened("folder", root)
    source = FolderSource(root, storage={"skip_instance_cache": True})
    assert "skip_instance_cache" not in repr(source.sample(0))


class _CloudError(Exception):
    """Of a cloud's own family, as botocore's are."""


class _Cloud(LocalFileSystem):  # type: ignore[misc]
    """The local disk, until the line is cut."""

    protocol = "cloud"
    cut = False

    def _alive(self) -> None:
        if _Cloud.cut:
            raise _CloudError("could not\nconnect")

    def ls(self, *a: object, **k: object) -> object:
        self._alive()
        return super().ls(*a, **k)

    def info(self, *a: object, **k: object) -> object:
        self._alive()
        return super().info(*a, **k)

    def open(self, *a: object, **k: object) -> object:
        self._alive()
        return super().open(*a, **k)

    def isdir(self, path: object) -> bool:
        self._alive()
        return bool(super().isdir(path))

    def isfile(self, path: object) -> bool:
        self._alive()
        return bool(super().isfile(path))


@pytest.mark.parametrize("kind", [*WRITERS, "prompts"])
def test_errors_of_a_file_system_become_one_line(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsspec.register_implementation("cloud", _Cloud, clobber=True)
    images = [png(k) for k in range(3)]
    stored = (
        as_prompts(str(tmp_path), images)
        if kind == "prompts"
        else WRITERS[kind](str(tmp_path), images)
    )
    path = f"cloud://{stored.path}"
    source = open_source(kind, path, **stored.options)  # type: ignore[arg-type]
    first = next(iter(source))
    forget()
    monkeypatch.setattr(_Cloud, "cut", True)
    with pytest.raises(DataError, match="could not connect") as caught:
        list(open_source(kind, path, **stored.options))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    if kind != "datasets":  # which has made its own copy by now
        with pytest.raises(ImageError, match="could not connect"):
            first.digest()


def test_prompts(root: str) -> None:
    stored = as_prompts(root, [b""] * 5)
    source = open_source(stored.kind, stored.path, label="goal")
    samples = list(source)
    assert [s.prompt for s in samples] == [f"how do I {k}?" for k in range(5)]  # type: ignore[attr-defined]
    assert [s.label for s in samples] == [f"g{k}" for k in range(5)]
    assert [source.sample(k) for k in range(5)] == samples
    assert len({s.digest() for s in samples}) == 5
    assert pickle.loads(pickle.dumps(samples[3])).record() == {
        "prompt": "how do I 3?",
        "goal": "g3",
    }
    with pytest.raises(ImageError, match="a prompt, not an image"):
        samples[0].read()

"""Every kind of source in an object store: an S3 server that runs in this process."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from moto.server import ThreadedMotoServer

from interlock.data import open_source
from interlock.errors import DataError, ImageError
from tests.data.sources.kinds import CLASSES, WRITERS, number_of, png, put
from tests.lab.running import here, lab, values

COUNT = 24
STUDY = """
task = "explain"
metrics = ["gini"]
artefacts = false

[[models]]
model = "tests.lab.cheap:model"

[[data]]
kind = "folder"
path = "{}"

[[methods]]
method = "tests.lab.cheap:pixels"
"""
NAMES = ("endpoint", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def root(
    endpoint: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A bucket of its own for each test, found as users have it: by the environment."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-to-be-told")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    fsspec.filesystem("s3").clear_instance_cache()
    bucket = f"bucket{abs(hash(request.node.name))}"
    fsspec.filesystem("s3").mkdir(bucket)
    yield f"s3://{bucket}/data"
    fsspec.filesystem("s3").clear_instance_cache()


@pytest.mark.parametrize("kind", WRITERS)
def test_every_kind_reads_from_a_bucket(kind: str, root: str) -> None:
    stored = WRITERS[kind](root, [png(k) for k in range(COUNT)])
    source = open_source(stored.kind, stored.path, **stored.options)
    samples = list(source)
    assert [number_of(sample.read()) for sample in samples] == list(range(COUNT))
    assert len(source) == COUNT
    assert source.classes == CLASSES
    assert number_of(source.sample(17).read()) == 17


def test_what_is_not_there_is_one_line(root: str) -> None:
    for missing in (f"{root}/none", "s3://no-such-bucket/none"):
        with pytest.raises(DataError, match=r"^s3://.*no such") as caught:
            open_source("folder", missing)
        assert "\n" not in str(caught.value)


def test_an_object_that_goes_away_fails_alone(root: str) -> None:
    for k in range(3):
        put(f"{root}/{k}.png", png(k))
    source = open_source("folder", root)
    samples = list(source)
    fsspec.filesystem("s3").rm(f"{root}/1.png")
    assert number_of(samples[0].read()) == 0
    with pytest.raises(ImageError, match=r"1\.png") as caught:
        samples[1].read()
    assert "\n" not in str(caught.value)
    assert number_of(samples[2].read()) == 2


def test_options_of_the_store_are_used_and_never_told(
    endpoint: str, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(f"{root}/0.png", png(0))
    for name in NAMES[1:]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    storage = {"key": "key", "secret": "not-to-be-told", "endpoint_url": endpoint}
    source = open_source("folder", root, storage=storage)
    assert [number_of(sample.read()) for sample in source] == [0]
    assert "not-to-be-told" not in f"{source!r} {source.sample(0)!r}"


def test_a_store_that_cannot_be_reached_is_one_line(root: str) -> None:
    storage = {
        "endpoint_url": "http://127.0.0.1:9",
        "key": "key",
        "secret": "not-to-be-told",
        "config_kwargs": {"retries": {"max_attempts": 0}, "connect_timeout": 1},
    }
    with pytest.raises(DataError, match=r"^s3://") as caught:
        open_source("folder", root, storage=storage)
    assert "\n" not in str(caught.value)
    assert "not-to-be-told" not in str(caught.value)


@pytest.mark.slow
def test_a_study_of_a_bucket_in_two_processes_is_the_study_of_a_folder(
    root: str, tmp_path: Path
) -> None:
    studies = {}
    for name, where in (("local", str(tmp_path / "images")), ("bucket", f"{root}/images")):
        for k in range(6):
            put(f"{where}/{k}.png", png(k))
        studies[name] = tmp_path / f"{name}.toml"
        studies[name].write_text(STUDY.format(where))
    told = lab("run", studies["bucket"], "--out", tmp_path / "bucket", "--workers", 2)
    assert (told["items"], told["computed"], told["failed"]) == (6, 6, 0)
    totals = here(studies["local"], tmp_path / "local")
    assert (totals.items, totals.computed, totals.failed) == (6, 6, 0)
    assert values(tmp_path / "local") == values(tmp_path / "bucket")

"""The same study on a Ray cluster: equal to the last bit, also when a node is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from interlock.lab.engines.ray import RayEngine
from interlock.lab.run import run_study
from interlock.lab.study import read_study
from interlock.lab.task import Setting
from tests.lab.cheap import NOISE, PIXELS, write_images, write_study
from tests.lab.running import artefacts, here, lab, started, values
from tests.programs import ROOT

ray = pytest.importorskip("ray")


def setting(study: Path) -> Setting:
    return Setting(read_study(study), study.name, study.parent)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Two nodes with two cores each, and one without for the driver."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'src'}:{ROOT}")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


@pytest.mark.slow
def test_equal_to_local(tmp_path: Path) -> None:
    write_images(tmp_path / "images", 5)
    study = write_study(tmp_path, NOISE, PIXELS)
    process = started("run", study, "--out", tmp_path / "ray", "--engine", "ray", "--workers", 1)
    stdout, stderr = process.communicate()
    assert (process.returncode, stderr) == (0, "")
    assert stdout == "10 items: 10 computed, 0 reused, 0 failed\n"
    here(study, tmp_path / "local")
    assert values(tmp_path / "ray") == values(tmp_path / "local")
    assert artefacts(tmp_path / "ray") == artefacts(tmp_path / "local")
    # Each goes on where the other stopped.
    assert here(study, tmp_path / "ray").reused == 10


@pytest.mark.slow
def test_a_node_lost_in_mid_run(tmp_path: Path, cluster: Any) -> None:
    nodes = [cluster.add_node(num_cpus=2) for _ in range(2)]
    write_images(tmp_path / "images", 40)
    study = write_study(tmp_path, PIXELS + "\noptions = {pause = 0.2}", NOISE)
    engine = RayEngine(4, address=cluster.address)
    lost = lose_after(cluster, nodes[1], 12)
    totals = run_study(setting(study), tmp_path / "ray", engine, steps=lambda _: lost)
    assert (totals.items, totals.computed, totals.failed) == (80, 80, 0)
    assert len(lost.when) == 1
    lab("run", study, "--out", tmp_path / "local", "--workers", 2)
    assert values(tmp_path / "ray") == values(tmp_path / "local")
    assert artefacts(tmp_path / "ray") == artefacts(tmp_path / "local")


@pytest.mark.slow
def test_no_room_for_the_workers_of_a_lost_node(
    tmp_path: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interlock.lab.engines.ray.PATIENCE", 3.0)
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    write_images(tmp_path / "images", 30)
    study = write_study(tmp_path, PIXELS + "\noptions = {pause = 0.2}")
    lost = lose_after(cluster, nodes[1], 6)
    engine = RayEngine(address=cluster.address)  # as many workers as fit: two
    totals = run_study(setting(study), tmp_path / "ray", engine, steps=lambda _: lost)
    assert (totals.computed, totals.failed, len(lost.when)) == (30, 0, 1)
    assert len(values(tmp_path / "ray")) == 60


@pytest.mark.slow
def test_a_method_that_kills_its_worker(tmp_path: Path, cluster: Any) -> None:
    cluster.add_node(num_cpus=2)
    write_images(tmp_path / "images", 4)
    study = write_study(tmp_path, 'method = "tests.lab.cheap:deadly"', PIXELS)
    totals = run_study(setting(study), tmp_path / "ray", RayEngine(2, address=cluster.address))
    assert (totals.items, totals.computed, totals.failed) == (8, 6, 2)


class lose_after:  # noqa: N801
    """Told the progress, takes a node out of the cluster once."""

    def __init__(self, cluster: Any, node: Any, jobs: int) -> None:
        self.cluster, self.node, self.jobs = cluster, node, jobs
        self.when: list[float] = []

    def __call__(self, done: int, total: int) -> None:
        if done == self.jobs and not self.when and total < 1000:
            self.when.append(time.monotonic())
            self.cluster.remove_node(self.node, allow_graceful=False)

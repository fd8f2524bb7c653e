"""Runs that are killed at any moment, or run out of disk: nothing lost, nothing twice."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.lab.engines.inline import InlineEngine
from interlock.lab.engines.local import AHEAD
from interlock.lab.run import run_study
from interlock.lab.store import Store
from interlock.lab.study import read_study
from interlock.lab.task import Setting
from tests.lab.cheap import PIXELS, write_images, write_study
from tests.lab.running import artefacts, complaints, here, lab, started, values

WORKERS = 2
IMAGES = 40
PAUSE = 0.04


def known(out: Path) -> dict[str, tuple[float, str]]:
    """Row -> value and artefact, of Parquet and journal, as a reader sees them."""
    if not out.exists():
        return {}
    rows = Store(out).table().to_pylist()
    found = {r["row"]: (r["value"], r["artefact"]) for r in rows}
    assert len(found) == len(rows)
    return found


def killed_until_done(
    out: Path, study: Path, rng: random.Random, longest: float, growth: float, workers: int
) -> int:
    """Start, kill at a random moment, start again; how often it was killed."""
    kills = 0
    while True:
        before = known(out)
        process = started("run", study, "--out", out, "--workers", workers)
        try:
            process.wait(timeout=rng.uniform(0, longest))
        except TimeoutError:
            how = rng.choice([signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
            process.send_signal(how)
            kills += 1
            stderr = process.communicate(timeout=60)[1]
            assert process.returncode in (0, 130, -how), stderr
            assert "Traceback" not in stderr or "KeyboardInterrupt" in stderr
        else:
            assert process.returncode == 0, process.communicate()[1]
        process.communicate()
        after = known(out)
        assert {row: after.get(row) for row in before} == before  # nothing lost
        if process.returncode == 0:
            return kills
        longest *= growth  # sooner or later it gets through


def check(
    tmp_path: Path, seed: int, longest: float, growth: float = 1.3, workers: int = WORKERS
) -> None:
    log = tmp_path / "calls"
    write_images(tmp_path / "images", IMAGES)
    method = f'method = "tests.lab.cheap:counted"\noptions = {{log = "{log}", pause = {PAUSE}}}'
    study = write_study(tmp_path, method)
    out, rng = tmp_path / "killed", random.Random(seed)
    kills = killed_until_done(out, study, rng, longest, growth, workers)
    calls = len(log.read_text().splitlines())
    assert IMAGES <= calls <= IMAGES + kills * AHEAD * workers  # only what was under way
    here(study, tmp_path / "whole")
    assert values(tmp_path / "killed") == values(tmp_path / "whole")
    assert artefacts(tmp_path / "killed") == artefacts(tmp_path / "whole")
    assert not list((tmp_path / "killed").rglob("*.part"))
    assert not (tmp_path / "killed" / "journal.jsonl").exists()
    again = here(study, tmp_path / "killed")
    assert (again.computed, again.reused) == (0, IMAGES)


def test_killed_at_some_moments(tmp_path: Path) -> None:
    check(tmp_path, seed=0, longest=6.0, growth=2.0, workers=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 9))
def test_killed_at_any_moment(tmp_path: Path, seed: int) -> None:
    check(tmp_path, seed, longest=2.0 + seed / 2)


@pytest.mark.parametrize(
    "how", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_polite_end(tmp_path: Path, how: signal.Signals) -> None:
    write_images(tmp_path / "images", IMAGES)
    out = tmp_path / "out"
    study = write_study(tmp_path, PIXELS + "\noptions = {pause = 0.3}")
    process = started("run", study, "--out", out, "--workers", 1)
    while not known(out):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(how)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr == "interrupted; what is finished is kept, and the same command goes on\n"
    assert not (out / "journal.jsonl").exists()  # all of it is Parquet
    finished = len(values(out)) // 2
    assert 0 < finished < IMAGES
    assert lab("status", out)["finished"] == finished


def test_told_to_stop_while_the_data_are_read(tmp_path: Path) -> None:
    write_images(tmp_path / "images", 3)
    study = write_study(tmp_path, PIXELS)
    setting = Setting(read_study(study), study.name, study.parent)
    totals = run_study(setting, tmp_path / "out", InlineEngine(), stop=lambda: True)
    assert totals.interrupted
    assert not (tmp_path / "out").exists()
    asked = iter([False] * 2 + [True] * 99)  # in the middle of the planning
    totals = run_study(setting, tmp_path / "out", InlineEngine(), stop=lambda: next(asked))
    assert totals.interrupted
    assert run_study(setting, tmp_path / "out", InlineEngine()).computed == 3


def test_workers_do_not_outlive_a_killed_run(tmp_path: Path) -> None:
    write_images(tmp_path / "images", IMAGES)
    out = tmp_path / "out"
    study = write_study(tmp_path, PIXELS + "\noptions = {pause = 0.3}")
    process = started("run", study, "--out", out, "--workers", 2)
    while not known(out):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    workers = children(process.pid)
    assert len(workers) >= 2
    process.kill()
    process.wait()
    end = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < end
        time.sleep(0.05)
    process.communicate()


def children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    if not path.exists():
        pytest.skip("no /proc to look for processes in")
    return [int(child) for child in path.read_text().split()]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root can mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("room", [8_000, 40_000, 90_000])
def test_a_disk_that_fills_up(tmp_path: Path, small_disk: Path, room: int) -> None:
    write_images(tmp_path / "images", IMAGES)
    out = small_disk / "out"
    study = write_study(tmp_path, PIXELS)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(512 * 1024 - room))
    (line,) = complaints("run", study, "--out", out, "--workers", 1)
    assert line.startswith(f"error: {out}")
    assert "No space left on device" in line
    kept = known(out)
    filler.unlink()
    again = here(study, out)
    assert again.reused == len(kept) // 2
    assert again.computed + again.reused == IMAGES
    assert {row: known(out)[row] for row in kept} == kept
    here(study, tmp_path / "whole")
    assert values(out) == values(tmp_path / "whole")

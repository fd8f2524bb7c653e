"""The engine of this machine: it ends the processes that it started, and no others."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

from interlock.lab.engines.local import LocalEngine
from interlock.lab.run import run_study
from interlock.lab.study import read_study
from interlock.lab.task import Setting
from tests.lab.cheap import PIXELS, write_images, write_study


def test_a_process_that_the_caller_starts_meanwhile_lives_on(tmp_path: Path) -> None:
    write_images(tmp_path / "images", 3)
    study = write_study(tmp_path, PIXELS)
    setting = Setting(read_study(study), study.name, tmp_path)
    others: list[multiprocessing.process.BaseProcess] = []

    def told(done: int, total: int) -> None:
        other = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
        other.start()
        others.append(other)

    try:
        engine = LocalEngine(1)
        run_study(setting, tmp_path / "out", engine,
                  steps=lambda name: told if name == "running" else None)  # fmt: skip
        assert len(others) == 3
        assert all(other.is_alive() for other in others)
        assert set(multiprocessing.active_children()) == set(others)
    finally:
        for other in others:
            other.kill()
            other.join()

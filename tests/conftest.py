"""Small models with known answers, and where the large data lie."""

from __future__ import annotations

import functools
import gc
import os
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
if "PYTEST_XDIST_WORKER" in os.environ:
    # one thread for each of the processes that share the cores, and for those that they start
    os.environ["OMP_NUM_THREADS"] = "1"

import pytest
import torch
import typer.testing
from hypothesis import settings
from torch import Tensor
from torch.nn import functional as F

from tests.networks import SmallCNN

# Machines that run the tests may be slow and shared; no test asserts a time.
settings.register_profile("interlock", deadline=None, max_examples=30)
settings.register_profile("thorough", deadline=None, max_examples=100)
settings.load_profile("interlock")

LONGEST = (
    "test_notebooks.py",
    "test_site.py",
    "serve/test_faults.py",
    "test_cli_certify.py",
    "test_cli.py",
    "test_cli_certify_options.py",
    "lab/test_run.py",
    "lab/test_interruptions.py",
    "test_cli_defend_resume.py",
    "test_cli_defend.py",
    "lab/test_ray.py",
    "test_cli_guard.py",
    "lab/test_what_counts.py",
    "lab/test_certify.py",
    "explain/peers/test_properties.py",
    "serve/test_drift.py",
    "data/sources/test_s3.py",
    "certify/test_local.py",
    "serve/test_ledger.py",
)
"""Files that take longest, most first: begun last, one of them would keep a process busy alone."""
TESTS = Path(__file__).parent


# A tenth of a second for the whole command, which is the same each time.
typer.testing._get_command = functools.cache(typer.testing._get_command)


# None of all that is imported is garbage, and to look through it again and again takes time.
gc.disable()


def pytest_configure(config: pytest.Config) -> None:
    if "slow or" in config.option.markexpr:
        settings.load_profile("thorough")


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {TESTS / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


SHARED = Path(__file__).parent.parent.parent / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED.name}/ with real models and photos is not beside the project")
    return SHARED


@pytest.fixture(scope="module")
def quick_intervals() -> Iterator[None]:
    """Curves fitted for an interval, a tenth of them: for tests of what is made of intervals."""
    from interlock.certify import DecayCurve

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DecayCurve.intervals.__kwdefaults__, "resamples", 30)
        yield


@pytest.fixture
def small_cnn() -> SmallCNN:
    return SmallCNN()


@pytest.fixture
def photo() -> Tensor:
    """(3, 24, 20), a smooth picture in [-1, 1]."""
    generator = torch.Generator().manual_seed(3)
    coarse = torch.rand(1, 3, 6, 5, generator=generator) * 2 - 1
    return F.interpolate(coarse, (24, 20), mode="bicubic")[0].clamp(-1, 1)

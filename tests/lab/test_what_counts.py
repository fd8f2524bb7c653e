"""No module that runs while a value is made can change without renaming the value."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import interlock
from interlock.explain import METRICS
from interlock.explain.peers import PEERS
from interlock.lab import code
from interlock.lab.engines.inline import InlineEngine
from interlock.lab.open_task import open_task
from interlock.lab.results.votes import UNSTABLE
from interlock.lab.run import run_study
from interlock.lab.study import read_study
from interlock.lab.task import Setting
from interlock.names import ATTACKS
from tests.tiny import LABELS, photo

HOME = Path(interlock.__file__).parent

PHOTOS = """
[[models]]
model = "{model}"
name = "classifier"
[[data]]
kind = "folder"
path = "images"
name = "photos"
"""
EXPLAIN = (
    'task = "explain"\ntarget = "label"\nartefacts = true\n'
    + PHOTOS
    + """
[[methods]]
method = "{method}"
options = {options}
[[metrics]]
metric = "{metric}"
"""
)
DEFEND = (
    'task = "defend"\ntruth = "label"\nartefacts = true\n'
    + PHOTOS
    + """
[clean]
kind = "folder"
path = "clean"
[[methods]]
method = "{method}"
options = {options}
[[attacks]]
attack = "{attack}"
areas = [0.1]
options = {attack_options}
"""
)
CERTIFY = """
task = "certify"
artefacts = true
[[models]]
model = "embedded"
[[data]]
kind = "attacks"
path = "embedded"
name = "attacks"
limit = 2
[[methods]]
method = "smoothllm"
options = { kind = "swap", rate = 0.1, copies = 3, unstable = { a = 0.3, b = 0.4, c = 0.01, epsilon = 0.05 } }
"""
TINY = "tests.tiny:tiny"
STUDIES = {
    "h-sets": EXPLAIN.format(
        model=TINY, method="h-sets", options='{ prior = "grid" }', metric="road"
    ),
    "xrai": EXPLAIN.format(model=TINY, method="xrai", options="{}", metric="gini"),
    "moxi": EXPLAIN.format(
        model=TINY, method="moxi", options="{ regions = 4 }", metric="stability"
    ),
    "shield": DEFEND.format(
        model=TINY, method="shield", options="{ concepts = 2 }", attack="adaptive",
        attack_options="{ steps = 2, restarts = 1 }",
    ),
    "paper": DEFEND.format(
        model=TINY, method="paper", options="{ concepts = 2 }", attack="targeted",
        attack_options="{ steps = 2, restarts = 1 }",
    ),
    "patchcleanser": DEFEND.format(
        model=TINY, method="patchcleanser", options="{ masks = 2 }", attack="adaptive",
        attack_options="{ steps = 2, restarts = 1 }",
    ),
    "certified": DEFEND.format(
        model=TINY, method="certified", options="{ masks = 2, evidence = true }", attack="adaptive",
        attack_options="{ steps = 2, restarts = 1 }",
    ),
    "lgs": DEFEND.format(
        model=TINY, method="lgs", options="{}", attack="universal", attack_options="{ steps = 2 }"
    ),
    "smoothllm": CERTIFY,
}  # fmt: skip


OF_PROMISES = tuple(f"interlock.certify.bounds.{name}" for name in ("certificate", "decay", "laws"))
"""These decide what a certificate promises, and no vote."""


CHECKED = "interlock.data.sources."
"""These fetch bytes, and the digest of the bytes is part of every name: the same from elsewhere is
the same item. What they are decoded with counts."""


def explained(method: str, metric: str) -> str:
    """A study of one method and one metric, with as little work as they let."""
    known = PEERS[method].options
    options = ", ".join(f"{key} = {value}" for key, value in QUICK.items() if key in known)
    return EXPLAIN.format(model=TINY, method=method, options=f"{{ {options} }}", metric=metric)


def attacked(attack: str) -> str:
    """A study of one attack, on what it is made against."""
    options = "{ queries = 2 }" if attack == "black-box" else "{ steps = 2 }"
    return DEFEND.format(
        model=TINY, method="shield", options="{ concepts = 2 }", attack=attack,
        attack_options=options,
    )  # fmt: skip


@contextmanager
def ran() -> Iterator[set[str]]:
    """Collects the modules of the package whose functions run, but for their own import."""
    modules = set[str]()
    files = dict[str, str]()

    def note(frame: FrameType, event: str, argument: Any) -> None:
        made = frame.f_code
        if event == "call" and made.co_name != "<module>" and made.co_filename not in files:
            file = Path(made.co_filename)
            files[made.co_filename] = ""
            if file.is_relative_to(HOME):
                modules.add(str(frame.f_globals["__name__"]))

    sys.setprofile(note)
    try:
        yield modules
    finally:
        sys.setprofile(None)


def names(setting: Setting) -> dict[str, str]:
    """What each job's items are called now, without their number: data and method -> name."""
    code.modules_digest.cache_clear()
    task = open_task(setting)
    return {
        f"{item.data} {item.method} {item.condition} {wanted.metric}": wanted.row
        for job in [*task.preparations, *task.jobs]
        for item in job.items
        for wanted in item.wanted
    }


QUICK = {"steps": "2", "samples": "2", "regions": "4", "budget": "64", "queries": "2"}
ALL = {
    f"{kind} {name}": study
    for kind, names, make in (
        ("method", PEERS, lambda name: explained(name, "gini")),
        ("metric", METRICS, lambda name: explained("gradient-input", name)),
        ("attack", ATTACKS, attacked),
    )
    for name in names
    for study in [make(name)]
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_so_it_is_for_every_method_metric_and_attack(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(ALL[name], tmp_path, monkeypatch)


FAST = ("h-sets", "shield", "smoothllm")
"""One for each verb; the others are slow tests."""


@pytest.mark.parametrize(
    "name",
    [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in STUDIES],
)
def test_a_line_changed_in_any_module_that_ran_renames_the_items(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(STUDIES[name], tmp_path, monkeypatch)


def check(study: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a study; change each module that ran, and see the rows of its jobs renamed."""
    for seed in range(4):
        photo(tmp_path / "images" / LABELS[seed % 2] / f"{seed}.png", seed)
    for seed in range(16):
        photo(tmp_path / "clean" / f"{seed}.png", 100 + seed)
    (tmp_path / "study.toml").write_text(study)
    setting = Setting(read_study(tmp_path / "study.toml"), "study.toml", tmp_path)
    before, engine = names(setting), Watched()
    totals = run_study(setting, tmp_path / "out", engine)
    assert (totals.computed, totals.failed) == (totals.items, 0)
    assert {row for rows in engine.rested.values() for row in rows} == {*before.values()}
    real, kept = code._read, []
    for module in sorted(engine.rested.keys() - set(code._NO_MATTER)):
        if module.startswith(CHECKED):
            continue
        monkeypatch.setattr(code, "_read", changed(real, module))
        after = names(setting)
        assert after.keys() == before.keys()
        kept += [
            f"{module}: {key}"
            for key, row in before.items()
            if row in engine.rested[module]
            and after[key] == row
            and (module not in OF_PROMISES or key.endswith(tuple(UNSTABLE)))
        ]
    assert not kept
    assert len(engine.rested) > 5


class Watched(InlineEngine):
    """Does each job with a new worker, and notes what runs."""

    def __init__(self) -> None:
        self.rested: dict[str, set[str]] = {}
        """Module -> names of the rows that were made while its functions ran."""

    def run(self, factory, jobs, stop):  # type: ignore[no-untyped-def]
        for job in jobs:
            with ran() as modules:
                done = factory()(job)
            for module in modules:
                self.rested.setdefault(module, set()).update(row.row for row in done.rows)
            yield job, done


def changed(real: Callable[[str], code._Source], module: str) -> Callable[[str], code._Source]:
    """Source files as they are, but for a line more in one of them."""

    def read(name: str) -> code._Source:
        source = real(name)
        return source._replace(digest=source.digest + "1") if name == module else source

    return read


def test_modules_that_are_left_out_are_there() -> None:
    for name in code._NO_MATTER:
        assert code._file(name) is not None, name

"""``interlock defend`` that is stopped in the middle goes on, and repeats nothing."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn
from typer.testing import CliRunner

from interlock.cli import app
from interlock.defend import ConceptShield
from interlock.lab.items import Done, Job
from interlock.lab.store import Store
from interlock.lab.tasks.defend.worker import DefendWorker
from tests.networks import SmallCNN
from tests.programs import Program
from tests.tiny import LABELS, model, photo, preprocess, tiny

TINY = "tests.tiny:tiny"


def fickle() -> nn.Module:
    """A model that any patch fools: its answers to the photos lie close to each other."""
    network = SmallCNN()
    noise = torch.rand(64, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        network.head.bias -= network(0.4 + 0.2 * noise).mean(dim=0)
    return model(network)


@pytest.fixture(scope="module")
def shield(tmp_path_factory: pytest.TempPathFactory) -> Path:
    x = torch.rand(48, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    path = tmp_path_factory.mktemp("shield") / "s.safetensors"
    return ConceptShield.fit(tiny(), x, concepts=2).save(path)


def eight(folder: Path) -> Path:
    """Eight photos in two class folders."""
    for seed in range(8):
        photo(folder / LABELS[seed % 2] / f"{seed}.png", seed)
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return eight(tmp_path / "in")


def told(*arguments: object, factory: str = TINY) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["defend", *map(str, arguments), "--json", "--model", factory])
    assert result.exit_code == 0, result.output
    value: dict[str, Any] = json.loads(result.stdout)
    return value


def stopped(how: signal.Signals, enough: Callable[[], bool], *arguments: object) -> str:
    """Run a command until enough of it is done, and stop it there; what it said on stderr."""
    process = Program("defend", *arguments, "--model", "tests.tiny:slow")
    end = time.monotonic() + 120
    while not enough():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.05)  # to look costs more than a glance
    process.send_signal(how)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == (130 if how == signal.SIGINT else -signal.SIGKILL)
    return errors


def state(out: Path) -> dict[str, tuple[int, bytes]]:
    """When each file was written, and what is in it."""
    return {
        str(path.relative_to(out)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in out.rglob("*")
        if path.is_file() and path.suffix != ".part"
    }


def unchanged(before: dict[str, tuple[int, bytes]], out: Path, names: set[str]) -> bool:
    after = state(out)
    assert not list(out.rglob("*.part"))  # nothing half-written is left
    return all(before[name] == after[name] for name in names)


def ended_by(first: signal.Signals, other: signal.Signals) -> pytest.MarkDecorator:
    """A run ended by one of them among the fast tests, by the other among the slow ones."""
    slow = pytest.param(other, marks=pytest.mark.slow)
    return pytest.mark.parametrize("how", [first, slow])


KILLED = ended_by(signal.SIGKILL, signal.SIGINT)
STOPPED = ended_by(signal.SIGINT, signal.SIGKILL)


@KILLED
def test_attack_goes_on(photos: Path, tmp_path: Path, how: signal.Signals) -> None:
    out = tmp_path / "out"
    fixed = ["attack", photos, "--steps", 3, "--area", 0.05, "--out", out]
    said = stopped(how, lambda: len(list(out.glob("*.json"))) >= 2, *fixed)
    assert ("what is finished is kept" in said) == (how == signal.SIGINT)
    kept = state(out)
    finished = {name for name in kept if name.endswith(".json")}
    assert 2 <= len(finished) < 8
    for name in finished:
        assert json.loads(kept[name][1])["after_png"]
    value = told(*fixed)
    assert sum(image["reused"] for image in value["images"]) == len(finished)
    assert unchanged(kept, out, finished | {name.replace("json", "png") for name in finished})
    told("attack", photos, "--steps", 3, "--area", 0.05, "--out", tmp_path / "whole")
    assert {k: v[1] for k, v in state(out).items()} == {
        k: v[1] for k, v in state(tmp_path / "whole").items()
    }


@STOPPED
def test_apply_goes_on(photos: Path, shield: Path, tmp_path: Path, how: signal.Signals) -> None:
    out = tmp_path / "out"
    fixed = ["apply", photos, "--shield", shield, "--out", out]
    stopped(how, lambda: len(list(out.glob("*.json"))) >= 2, *fixed)
    kept = state(out)
    finished = {name for name in kept if name.endswith(".json") and "/" not in name}
    assert 2 <= len(finished) < 8
    assert ("labels.csv" in kept) == (how == signal.SIGINT)
    value = told(*fixed)
    assert sum(image["reused"] for image in value["images"]) == len(finished)
    files = {
        f"{Path(n).stem}{end}" for n in finished for end in (".json", ".mask.png", ".overlay.png")
    }
    assert unchanged(kept, out, files)
    assert (out / "labels.csv").read_text().count("\n") == 9
    page = (out / "index.html").read_text()
    assert all(f">{seed}.png</h2>" in page for seed in range(8))
    assert "interrupted" not in page


def finished(out: Path) -> dict[str, tuple[str, str, str, float | None]]:
    """Row -> photo, attack, defence and value, of all that is kept; a run may be under way."""
    if not (out / "study" / "rows").is_dir():
        return {}
    rows = Store(out / "study").table().to_pylist()
    return {r["row"]: (r["data"], r["condition"], r["method"], r["value"]) for r in rows}


@pytest.fixture(scope="module")
def whole(shield: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[object], Path]:
    """An evaluation that nobody stops: its arguments, but for ``--out``, and its folder."""
    photos = eight(tmp_path_factory.mktemp("photos"))
    fixed = ["evaluate", photos, "--shield", shield, "--areas", "0.05,0.1", "--steps", 40,
             "--attack", "patch,two-patches,universal,adaptive", "--restarts", 1]  # fmt: skip
    out = tmp_path_factory.mktemp("whole")
    told(*fixed, "--out", out)
    return fixed, out


@KILLED
def test_evaluate_goes_on(
    whole: tuple[list[object], Path], tmp_path: Path, how: signal.Signals
) -> None:
    (fixed, uninterrupted), out = whole, tmp_path / "out"

    def enough() -> bool:
        return len({condition for _, condition, _, _ in finished(out).values()}) >= 5

    stopped(how, enough, *fixed, "--out", out)
    kept = finished(out)
    measured = {(data, condition, method) for data, condition, method, _ in kept.values()}
    answers = {one for one in measured if not one[2].startswith("train ")}
    every = 8 * (2 + 8 * 3)  # photos; clean two defences, else three
    assert 0 < len(answers) < every
    pictures = {name for name in state(out) if name.startswith("study/artefacts/")}
    before = state(out)
    value = told(*fixed, "--out", out)
    assert value["reused"] == len(answers)
    assert unchanged(before, out, pictures)
    assert kept.items() <= finished(out).items()
    first, second = (
        json.loads((folder / "evaluation.json").read_text()) for folder in (out, uninterrupted)
    )
    assert first == second


def test_an_interrupted_evaluation_tells_of_whole_batches_only(
    photos: Path, shield: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interlock.cli.defend.evaluate.BATCH", 3)
    measured: list[int] = []

    def impatient(worker: DefendWorker, job: Job) -> Done:
        measured.append(1)
        if len(measured) == 5:  # in the second batch, which goes through clean and two attacks
            raise KeyboardInterrupt
        return work(worker, job)

    work = DefendWorker.__call__
    fixed = ["evaluate", photos, "--shield", shield, "--areas", "0.05", "--steps", 2,
             "--attack", "patch,l2", "--out", tmp_path / "o"]  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr(DefendWorker, "__call__", impatient)
        result = CliRunner().invoke(app, ["defend", *map(str, fixed), "--json", "--model", TINY])
    assert result.exit_code == 130
    assert result.stderr == "interrupted; what is finished is kept, and the same command goes on\n"
    value = json.loads(result.stdout)
    assert (value["images"], value["interrupted"]) == (3, True)
    assert value["clean"]["shield"]["count"] == 3
    assert "interrupted" in (tmp_path / "o" / "index.html").read_text()
    # A batch of three: two defences on clean photos, three under each attack; then clean ones.
    assert told(*fixed)["reused"] == 3 * (2 + 3 + 3) + 3 * 2
    whole = 8 * (2 + 3 + 3)
    assert told(*fixed)["reused"] == whole
    assert told(*fixed, "--peer", "paper")["reused"] == whole
    again = told("evaluate", photos, "--shield", shield, "--areas", "0.05,0.1", "--steps", 2,
                 "--attack", "patch,l2,black-box", "--queries", 20, "--peer", "paper", "--out", tmp_path / "o")  # fmt: skip
    assert again["reused"] == whole + 8 * 3
    assert [row["attack"] for row in again["patched"]] == [
        "patch",
        "patch",
        "l2",
        "l2",
        *2 * ["black-box"],
    ]
    assert told(*fixed, "--force")["reused"] == 0
    assert told(*fixed)["reused"] == whole


def test_an_evaluation_that_is_stopped_before_a_photo_is_through_has_no_numbers(
    photos: Path, shield: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def impatient(*given: object, **more: object) -> Any:
        raise KeyboardInterrupt

    out = tmp_path / "o"
    fixed = ["evaluate", photos, "--shield", shield, "--areas", "0.05", "--steps", 2,
             "--attack", "universal", "--out", out]  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr(DefendWorker, "_train", impatient)
        result = CliRunner().invoke(app, ["defend", *map(str, fixed), "--json", "--model", TINY])
    assert result.exit_code == 130
    assert json.loads(result.stdout) == {"failed": [], "interrupted": True}
    assert not (out / "index.html").exists()
    assert told(*fixed)["images"] == 8


def test_the_numbers_of_an_evaluation_are_those_of_its_rows(photos: Path, tmp_path: Path) -> None:
    out, network = tmp_path / "o", fickle()
    for path in sorted(photos.rglob("*.png")):  # where the model says that they belong
        with torch.no_grad(), Image.open(path) as image:
            name = LABELS[int(network(preprocess(image)[None]).argmax())]
        (tmp_path / "right" / name).mkdir(parents=True, exist_ok=True)
        path.rename(tmp_path / "right" / name / path.name)
    photos = tmp_path / "right"
    clean = torch.rand(48, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    shield = ConceptShield.fit(network, clean, concepts=2).save(tmp_path / "s.safetensors")
    value = told("evaluate", photos, "--shield", shield, "--areas", "0.3", "--steps", 20,
                 "--attack", "patch,black-box", "--peer", "lgs", "--out", out,
                 factory=f"{__name__}:fickle")  # fmt: skip
    rows = [r for r in Store(out / "study").table().to_pylist() if r["metric"] == "right"]
    names = {"undefended", "shield", "lgs", "ceiling"}
    conditions = {"clean": value["clean"]} | {
        f"{row['attack']}, 30 %": row for row in value["patched"]
    }
    worst: dict[str, set[str]] = {name: {r["data"] for r in rows} for name in names}
    for condition, told_of in conditions.items():
        for name in names - ({"ceiling"} if condition == "clean" else set()):
            right = {
                r["data"]
                for r in rows
                if (r["condition"], r["method"], r["value"]) == (condition, name, 1.0)
            }
            assert (told_of[name]["hits"], told_of[name]["count"]) == (len(right), 8)
            worst[name] &= right if condition != "clean" else worst[name]
    (told_of,) = value["worst"]
    assert {name: told_of[name]["hits"] for name in names} == {n: len(w) for n, w in worst.items()}
    page = Path(value["report"]).read_text()
    clean = {
        r["data"]
        for r in rows
        if (r["condition"], r["method"], r["value"]) == ("clean", "shield", 1.0)
    }
    saved = lost = 0
    for condition in conditions.keys() - {"clean"}:
        hits = {(r["method"], r["data"]): r["value"] for r in rows if r["condition"] == condition}
        # at most four of each are shown
        saved += min(4, sum(hits["shield", d] == 1 and hits["undefended", d] == 0 for d in clean))
        lost += min(4, sum(hits["shield", d] == 0 for d in clean))
    assert page.count("<figure>") == saved + lost > 0


def test_a_run_that_is_stopped_before_there_is_anything_to_keep_says_so(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def impatient(*given: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ConceptShield, "fit", impatient)
    out = tmp_path / "s.safetensors"
    arguments = ["fit", photos, "--out", out, "--json", "--model", TINY]
    result = CliRunner().invoke(app, ["defend", *map(str, arguments)])
    assert result.exit_code == 130
    assert result.stderr == "interrupted\n"
    assert json.loads(result.stdout) == {"interrupted": True}
    assert not out.exists()


def test_attack_is_done_again_when_anything_differs(tmp_path: Path) -> None:
    image, out = photo(tmp_path / "in" / "a.png"), tmp_path / "o"

    def reused(*more: object, factory: str = TINY) -> bool:
        arguments = ["attack", image, "--steps", 2, "--area", 0.1, "--out", out, *more]
        result = CliRunner().invoke(
            app, ["defend", *map(str, arguments), "--json", "--model", factory]
        )
        return bool(json.loads(result.stdout)["images"][0]["reused"])

    assert not reused()
    assert reused()
    assert not reused("--force")
    for more in (
        ["--seed", 5], ["--target", "teapot"], ["--shape", "disc"], ["--patches", 2],
        ["--norm", "l2"], ["--norm", "l2", "--epsilon", 3], ["--location", "1,1"],
        ["--restarts", 2], ["--steps", 3],
    ):  # fmt: skip
        assert not reused(*more), more
        assert reused(*more), more
    assert not reused(factory="tests.tiny:other")
    assert not reused()
    photo(image, seed=9)
    assert not reused()
    (out / "a.png").write_bytes(b"damaged")
    assert not reused()
    (out / "a.json").write_text("{")
    assert not reused()
    assert reused()


def test_apply_is_done_again_when_anything_differs(shield: Path, tmp_path: Path) -> None:
    image, out = photo(tmp_path / "in" / "a.png"), tmp_path / "o"

    def reused(file: Path = shield) -> bool:
        return bool(told("apply", image, "--shield", file, "--out", out)["images"][0]["reused"])

    assert not reused()
    page = (out / "index.html").read_text()
    assert reused()
    assert page.partition("made")[0] == (out / "index.html").read_text().partition("made")[0]
    other = ConceptShield.fit(
        tiny(), torch.rand(32, 3, 16, 16, generator=torch.Generator().manual_seed(7)), concepts=2
    ).save(tmp_path / "other.safetensors")
    assert not reused(other)
    assert not reused()
    for name in ("a.overlay.png", "a.mask.png", "parts/a.json"):
        (out / name).unlink()
        assert not reused(), name
        assert reused(), name
    photo(image, seed=9)
    assert not reused()


def test_a_patch_depends_on_its_photo_alone(photos: Path, tmp_path: Path) -> None:
    many = told("attack", photos, "--steps", 2, "--area", 0.1, "--out", tmp_path / "many")["images"]
    assert len({json.dumps(image["places"]) for image in many}) > 1
    last = Path(many[-1]["source"])
    told("attack", last, "--steps", 2, "--area", 0.1, "--out", tmp_path / "one")
    for suffix in ("png", "json"):
        name = f"{last.stem}.{suffix}"
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "many" / name).read_bytes()


def test_a_report_of_many_photos_shows_a_sample_that_the_seed_draws(
    photos: Path, shield: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interlock.cli.defend.apply.CHAPTERS", 2)
    shown = []
    for seed in (0, 0, 1):
        value = told("apply", photos, "--shield", shield, "--seed", seed, "--out", tmp_path / "o")
        page = Path(value["report"]).read_text()
        shown.append([k for k in range(8) if f">{k}.png</h2>" in page])
        assert [Path(image["source"]).stem for image in value["images"]] == [*"02461357"]
        assert len(Path(value["csv"]).read_text().splitlines()) == 9
    assert shown[0] == shown[1] != shown[2]
    assert all(2 <= len(some) <= 4 for some in shown)


def test_photos_of_one_name_are_told_apart_by_their_folders(shield: Path, tmp_path: Path) -> None:
    given = [photo(tmp_path / name / "1.png", seed) for seed, name in enumerate("ab")]
    value = told("apply", *given, "--shield", shield, "--out", tmp_path / "o")
    page = Path(value["report"]).read_text()
    assert all(f">{name}/1.png</h2>" in page for name in "ab")
    assert len({image["mask"] for image in value["images"]}) == 2
    told("apply", given[0], "--shield", shield, "--out", tmp_path / "o")
    assert ">1.png</h2>" in Path(value["report"]).read_text()


def test_no_photo_is_written_over(photos: Path, tmp_path: Path) -> None:
    folder = photos / "cat"
    before = state(folder)
    result = CliRunner().invoke(
        app, ["defend", "attack", str(folder), "--out", str(folder), "--model", TINY]
    )
    assert result.exit_code == 1
    assert "choose another folder" in result.stderr
    assert state(folder) == before


def test_a_folder_that_cannot_be_written_to_is_one_line(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "locked").mkdir(mode=0o500)
    for name, reason in (("file", "cannot be made a folder"), ("locked", "cannot be written to")):
        if name == "locked" and os.geteuid() == 0:
            continue  # root may write anywhere
        result = CliRunner().invoke(
            app, ["defend", "attack", str(photos), "--out", str(tmp_path / name), "--model", TINY]
        )
        assert result.exit_code == 1
        assert reason in result.stderr
        assert len(result.stderr.splitlines()) == 1

"""The command: what it writes, what it says, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from PIL import Image
from torch import Tensor, nn
from transformers import ResNetConfig, ResNetForImageClassification, ViTImageProcessor
from typer.testing import CliRunner

from interlock import __version__
from interlock.cli import app
from interlock.explain import Explanation
from interlock.explain.drawing.layers import Layers
from interlock.models import loading
from tests.networks import SmallCNN
from tests.tiny import LABELS, before, model, other, photo, tiny  # noqa: F401  (by name)

HEAVY = {"torch", "transformers", "matplotlib", "scipy", "skimage", "numpy", "PIL", "jinja2"}
HEAVY |= {"pyarrow", "ray", "filelock"}


class Constant(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.sum(dim=(1, 2, 3)).unsqueeze(1) * torch.zeros(1, 4)


def constant() -> nn.Module:
    return model(Constant())


class Talkative(SmallCNN):
    def forward(self, x: Tensor) -> Tensor:
        print("thinking ...")
        return super().forward(x)


def talkative() -> nn.Module:
    return model(Talkative())


class NotANumber(SmallCNN):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * float("nan")


def not_a_number() -> nn.Module:
    return model(NotANumber())


def making(change: Any) -> nn.Module:
    """A model whose preprocess makes something else."""
    network = tiny()
    make = network.preprocess
    network.preprocess = lambda image: change(make(image))
    return network


def batched() -> nn.Module:
    return making(lambda x: x[None])


def arrays() -> nn.Module:
    return making(lambda x: x.numpy())


def levels() -> nn.Module:
    return making(lambda x: (x * 255).byte())


@pytest.fixture(autouse=True)
def _clean() -> Any:
    before.clear()
    yield
    before.clear()


@pytest.fixture
def _plain_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing is most of the time that a tiny model takes."""
    monkeypatch.setattr("interlock.cli.explain.explainer.png_bytes", lambda figure: b"drawn")
    monkeypatch.setattr("interlock.cli.explain.explainer.draw", lambda explanation, title: None)
    monkeypatch.setattr("interlock.report.explanations.Layers", partial(Layers, side=24))


def run(*arguments: object, factory: str = "tiny") -> Any:
    """``interlock explain`` with a tiny model and few steps."""
    fixed = ["--model", f"{__name__}:{factory}", "--steps", "2", "--prior", "grid"]
    return CliRunner().invoke(app, ["explain", *map(str, arguments), *fixed])


def files(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()}


def one_error(result: Any) -> str:
    """The single line that a failure prints."""
    assert result.exit_code == 1, result.output
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("error: ")
    return str(lines[0])


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; sys.argv = ['interlock', *sys.argv[1:]]\n"
        "from interlock.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 0\n"
        "print('MODULES', *sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    for arguments in (
        ["--help"],
        ["explain", "--help"],
        ["defend", "fit", "-h"],
        ["lab", "run", "-h"],
        ["--version"],
    ):
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
        )
        loaded = set(done.stdout.rpartition("MODULES")[2].split())
        assert "typer" in loaded
        assert not loaded & HEAVY


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """All that do something, with their names."""
    inner = getattr(command, "commands", {})
    for name, one in inner.items():
        yield from commands(one, (*path, name))
    if not inner or command.invoke_without_command:
        yield " ".join(path), command


def test_every_command_takes_the_same_three() -> None:
    found = dict(commands(typer.main.get_command(app)))
    assert {"explain", "certify plan", "guard", "guard check", "lab compare"} <= found.keys()
    for name, command in found.items():
        options = {option for one in command.params for option in one.opts}
        assert {"--json", "--seed", "--device"} <= options, name


def test_version() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"interlock {__version__}\n"


def test_each_image_gets_its_files_and_the_run_a_report(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    result = run(photo(tmp_path / "a.png"), photo(tmp_path / "b.jpg", 1), "--out", out)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""  # no progress bar in a pipe
    assert files(out) == {f"{s}.{e}" for s in "ab" for e in ("png", "json", "npz")} | {"index.html"}
    assert f"report: {out / 'index.html'}" in result.stdout
    with np.load(out / "a.npz") as arrays:
        assert arrays["saliency"].shape == arrays["segments"].shape == (16, 16)
        assert arrays["masks"].shape[1:] == (3, 16, 16)
    with Image.open(out / "a.png") as figure:
        assert figure.width > 600
    told = json.loads((out / "a.json").read_text())
    saved = Explanation.load(out / "a.npz")
    assert told["label"] == LABELS[saved.target] == told["ranking"][0]["label"]
    assert told["probability"] == pytest.approx(told["ranking"][0]["probability"])
    assert [s["score"] for s in told["sets"]] == pytest.approx(saved.scores.tolist())
    shown = np.array(Image.open(tmp_path / "a.png").resize((16, 16)), dtype=int)
    stretched = (shown - shown.min()) * 255 / np.ptp(shown)
    assert np.abs(saved.image.numpy() - stretched).max() <= 1


@pytest.mark.usefixtures("_plain_figures")
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["explain", "--json"], "Missing argument"),
        (["explian", "--json"], "No such command 'explian'"),
        (["certify", "plan", "--atacks", "a.jsonl", "--json"], "No such option: --atacks"),
        (["certify", "plan", "--json", "--max-copies", "x"], "Invalid value for '--max-copies'"),
        (["certify", "plan", "--json", "--dsp", "nan"], "Invalid value for '--dsp'"),
        (["lab", "--json"], "No such option: --json"),
    ],
)
def test_wrong_usage_has_its_object_too(words: list[str], says: str) -> None:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert says in json.loads(result.stdout)["error"]


def test_links_that_go_in_circles_are_a_photo_that_failed(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to("b.png")
    (tmp_path / "b.png").symlink_to("a.png")
    result = run(tmp_path / "a.png", "--out", tmp_path / "out", "--json")
    assert result.exit_code == 1
    [failed] = json.loads(result.stdout)["failed"]
    assert failed["source"] == str(tmp_path / "a.png")
    assert "no such file" in failed["error"]


def test_a_folder_stands_for_its_images_and_a_file_named_twice_counts_once(tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.png")
    photo(tmp_path / "in" / "b.png", 1)
    (tmp_path / "in" / "notes.txt").write_text("no image")
    result = run(tmp_path / "in", tmp_path / "in" / "a.png", "--out", tmp_path / "o", "--json")
    assert [Path(i["source"]).name for i in json.loads(result.stdout)["images"]] == [
        "a.png",
        "b.png",
    ]


@pytest.mark.usefixtures("_plain_figures")
def test_equal_stems_keep_results_of_their_own(tmp_path: Path) -> None:
    names = ["x/cat.png", "y/cat.png", "y/CAT.bmp", "y/cat-2.png"]
    given = [photo(tmp_path / name, seed) for seed, name in enumerate(names)]
    result = run(*given, "--out", tmp_path / "o", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)["images"]
    written = [Path(image["files"]["npz"]) for image in told]
    assert [p.stem for p in written] == ["cat", "cat-2", "CAT-3", "cat-2-2"]
    assert len({Explanation.load(p).image.numpy().tobytes() for p in written}) == 4


def test_json_is_one_object_whatever_the_model_prints(tmp_path: Path) -> None:
    result = run(photo(tmp_path / "a.png"), "--out", tmp_path / "o", "--json", factory="talkative")
    told = json.loads(result.stdout)
    assert result.exit_code == 0
    assert told["report"] == str(tmp_path / "o" / "index.html")
    assert told["failed"] == []
    assert "thinking" in result.stderr
    failed = run(tmp_path / "no.png", "--out", tmp_path / "o", "--json")
    assert one_error(failed)
    assert json.loads(failed.stdout)["failed"][0]["source"] == str(tmp_path / "no.png")
    assert json.loads(failed.stdout)["report"] is None


def write_image(path: Path, mode: str) -> None:
    ramp = np.arange(24 * 20).reshape(20, 24) * 100
    rgb = Image.fromarray(np.stack([ramp % 256] * 3, axis=2).astype(np.uint8))
    if mode == "16-bit":
        Image.fromarray(ramp.astype(np.uint16)).save(path)
    elif mode == "animated":
        rgb.save(path, save_all=True, append_images=[Image.new("RGB", rgb.size)])
    elif mode == "1 pixel":
        rgb.resize((1, 1)).save(path)
    elif mode == "8000 pixels":
        rgb.resize((8000, 300)).save(path)
    else:
        rgb.convert(mode).save(path)


KINDS = ["L", "P", "RGBA", "LA", "1", "16-bit", "animated", "1 pixel", "8000 pixels"]


@pytest.mark.usefixtures("_plain_figures")
def test_unusual_images_are_explained(tmp_path: Path) -> None:
    for kind in KINDS:
        write_image(tmp_path / (f"{kind}.gif" if kind == "animated" else f"{kind}.png"), kind)
    result = run(tmp_path, "--out", tmp_path / "o", "--json")
    assert result.exit_code == 0, result.stderr
    assert len(json.loads(result.stdout)["images"]) == len(KINDS)


BAD = {
    "empty.png": "the file is empty",
    "corrupt.jpg": "not an image",
    "truncated.png": "cannot be decoded",
    "cmyk.jpg": "convert it to RGB",
    "missing.png": "no such file",
    "no images here": "no image files",
}


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """A folder with one bad input of each kind."""
    folder = tmp_path / "bad"
    (folder / "no images here").mkdir(parents=True)
    (folder / "empty.png").touch()
    (folder / "corrupt.jpg").write_bytes(b"\x00garbage" * 50)
    whole = photo(folder / "truncated.png", size=(64, 64)).read_bytes()
    (folder / "truncated.png").write_bytes(whole[: len(whole) // 2])
    Image.new("CMYK", (20, 20)).save(folder / "cmyk.jpg")
    return folder


@pytest.mark.parametrize("name", BAD)
def test_a_bad_input_is_one_line(name: str, bad: Path, tmp_path: Path) -> None:
    line = one_error(run(bad / name, "--out", tmp_path / "o"))
    assert line.startswith(f"error: {bad / name}: ")
    assert BAD[name] in line
    assert not (tmp_path / "o" / "index.html").exists()


@pytest.mark.usefixtures("_plain_figures")
def test_bad_inputs_among_good_ones_do_not_stop_them(bad: Path, tmp_path: Path) -> None:
    good = [photo(tmp_path / f"{name}.png", seed) for seed, name in enumerate("ab")]
    result = run(good[0], *(bad / name for name in BAD), good[1], "--out", tmp_path / "o")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == len(BAD)
    assert {"a.json", "b.json", "index.html"} <= files(tmp_path / "o")
    page = (tmp_path / "o" / "index.html").read_text()
    assert f"{len(BAD)} could not be done" in page
    assert "convert it to RGB" in page


@pytest.mark.usefixtures("_plain_figures")
def test_a_class_by_label_by_number_and_out_of_range(tmp_path: Path) -> None:
    image = photo(tmp_path / "a.png")
    for asked, meant in (("teapot", 3), ("Dog", 1), ("0", 0), ("7", 2)):  # "7" is a label here
        result = run(image, "--out", tmp_path / asked, "--target", asked, "--json")
        assert json.loads(result.stdout)["images"][0]["target"] == meant
    assert "classes 0 to 3" in one_error(run(image, "--out", tmp_path, "--target", "4"))
    assert "classes 0 to 3" in one_error(run(image, "--out", tmp_path, "--target", "-1"))
    assert "mean teapot?" in one_error(run(image, "--out", tmp_path, "--target", "teapott"))


def test_an_output_folder_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        assert str(out) in one_error(run(photo(tmp_path / "a.png"), "--out", out))


def test_unusable_models_and_devices_are_one_line(tmp_path: Path) -> None:
    image = photo(tmp_path / "a.png")
    assert "no_such" in one_error(run(image, "--out", tmp_path, factory="no_such"))
    assert "finite" in one_error(run(image, "--out", tmp_path, factory="not_a_number"))
    assert "abacus" in one_error(run(image, "--out", tmp_path, "--device", "abacus"))


@pytest.mark.parametrize(
    ("factory", "made"),
    [
        ("batched", "torch.float32 tensor of shape (1, 3, 16, 16)"),
        ("arrays", "ndarray"),
        ("levels", "torch.uint8 tensor"),
    ],
)
def test_what_a_preprocess_should_not_make_is_named(
    factory: str, made: str, tmp_path: Path
) -> None:
    image = photo(tmp_path / "a.png")
    line = one_error(run(image, "--out", tmp_path / "o", factory=factory))
    assert f"preprocess makes a {made}" in line
    assert "return a (C, H, W) float tensor" in line
    given = ["defend", "attack", str(image), "--model", f"{__name__}:{factory}"]
    result = CliRunner().invoke(app, [*given, "--out", str(tmp_path / "p")])
    assert f"preprocess makes a {made}" in one_error(result)


@pytest.mark.usefixtures("_plain_figures")
def test_a_failing_preprocess_fails_its_image_only(tmp_path: Path) -> None:
    def stumble(image: Image.Image) -> None:
        if image.width == 24:
            raise RuntimeError("two\nlines")

    before.append(stumble)
    given = [photo(tmp_path / "a.png"), photo(tmp_path / "b.png", size=(30, 30))]
    line = one_error(run(*given, "--out", tmp_path / "o"))
    assert "a.png: the model failed (RuntimeError: two lines)" in line
    assert (tmp_path / "o" / "b.json").exists()


def test_a_constant_model_has_no_sets_and_a_report(tmp_path: Path) -> None:
    result = run(photo(tmp_path / "a.png"), "--out", tmp_path / "o", "--json", factory="constant")
    assert json.loads(result.stdout)["images"][0]["sets"] == 0
    assert "no set to show" in (tmp_path / "o" / "index.html").read_text()


def test_usage_errors_exit_2(tmp_path: Path) -> None:
    image = photo(tmp_path / "a.png")
    for wrong in (
        ["--steps", "0"],
        ["--sets", "x"],
        ["--baseline", "fog"],
        ["--prior", "tea"],
        ["--no"],
    ):
        assert CliRunner().invoke(app, ["explain", str(image), *wrong]).exit_code == 2
    assert CliRunner().invoke(app, ["explain"]).exit_code == 2


@pytest.mark.usefixtures("_plain_figures")
def test_options_reach_the_method(tmp_path: Path) -> None:
    given = ["--sets", 2, "--size", 9, "--baseline", 0.25, "--seed", 3]
    run(photo(tmp_path / "a.png"), "--out", tmp_path / "o", *given)
    used = Explanation.load(tmp_path / "o" / "a.npz")
    expected = {"sets": 2, "size": 9, "baseline": 0.25, "seed": 3, "steps": 2, "growth": "merge"}
    assert expected.items() <= dict(used.parameters).items()
    assert len(used) <= 2
    run(photo(tmp_path / "a.png"), "--out", tmp_path / "p", "--paper", "--size", 9)
    published = dict(Explanation.load(tmp_path / "p" / "a.npz").parameters)
    assert {"growth": "rows", "evidence": "absolute", "size": 9}.items() <= published.items()


@pytest.mark.usefixtures("_plain_figures")
def test_a_target_that_is_not_the_answer_is_said(tmp_path: Path) -> None:
    image = photo(tmp_path / "a.png")
    own = json.loads(run(image, "--out", tmp_path / "o", "--json").stdout)["images"][0]
    assert own["answer"] == own["label"]
    asked_for = next(label for label in LABELS if label != own["label"])
    asked = ["--out", tmp_path / "p", "--target", asked_for]
    assert f"(the model's own answer is {own['label']})" in run(image, *asked).output
    record = json.loads(run(image, *asked, "--json").stdout)["images"][0]
    assert (record["label"], record["answer"]) == (asked_for, own["label"])


@pytest.fixture
def _heeds_ctrl_c() -> Iterator[None]:
    """A process started in the background of a script ignores SIGINT; one at a terminal does not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_plain_figures", "_heeds_ctrl_c")
def test_an_interrupted_run_keeps_what_is_finished_and_goes_on(tmp_path: Path) -> None:
    given = [photo(tmp_path / f"{name}.png", seed) for seed, name in enumerate("abc")]
    out = tmp_path / "o"
    seen: list[int] = []

    def press(_: Image.Image) -> None:
        seen.append(1)
        if len(seen) == 3:
            signal.raise_signal(signal.SIGINT)

    before.append(press)
    result = run(*given, "--out", out, "--json")
    assert result.exit_code == 130
    assert "2 of 3" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert json.loads(result.stdout)["interrupted"]
    assert {"a.json", "b.json", "index.html"} <= files(out)
    assert not [name for name in files(out) if name.startswith((".", "c"))]

    before.clear()
    finished = (out / "a.npz").stat().st_mtime_ns
    result = run(*given, "--out", out, "--json")
    assert result.exit_code == 0
    assert [i["reused"] for i in json.loads(result.stdout)["images"]] == [True, True, False]
    assert (out / "a.npz").stat().st_mtime_ns == finished
    page = (out / "index.html").read_text()
    assert all(f">{name}.png</h2>" in page for name in "abc")


@pytest.mark.usefixtures("_plain_figures")
def test_finished_images_are_done_again_when_anything_differs(tmp_path: Path) -> None:
    image, out = photo(tmp_path / "a.png"), tmp_path / "o"

    def reused(*more: object, factory: str = "tiny") -> bool:
        result = run(image, "--out", out, "--json", *more, factory=factory)
        return bool(json.loads(result.stdout)["images"][0]["reused"])

    assert not reused()
    assert reused()
    assert not reused("--force")
    assert not reused("--sets", 2)
    assert not reused("--seed", 5)
    assert not reused("--target", "teapot")
    assert not reused(factory="other")
    assert not reused()
    photo(image, seed=9)
    assert not reused()
    (out / "a.npz").write_bytes(b"damaged")
    assert not reused()
    (out / "a.png").unlink()
    assert not reused()
    (out / "a.json").write_text("{")
    assert not reused()
    assert reused()


@pytest.mark.usefixtures("_plain_figures")
@pytest.mark.parametrize("kind", ["embedded", "directory"])
def test_finished_images_do_not_load_the_model(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "embedded"
    if kind == "directory":
        config = ResNetConfig(
            embedding_size=8, hidden_sizes=[8], depths=[1], num_labels=3, num_channels=3
        )
        ResNetForImageClassification(config).save_pretrained(tmp_path / "m")
        ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(tmp_path / "m")
        name = str(tmp_path / "m")
    image, out = photo(tmp_path / "a.png"), tmp_path / "o"

    def explained(*more: object) -> dict[str, Any]:
        fixed = ["--model", name, "--steps", "2", "--prior", "grid", "--json", "--out", out]
        result = CliRunner().invoke(app, ["explain", *map(str, [image, *fixed, *more])])
        assert result.exit_code == 0, result.stderr
        value: dict[str, Any] = json.loads(result.stdout)
        return value

    loaded: list[str] = []
    load = loading.load_classifier

    def noted(model: str, **more: Any) -> Any:
        loaded.append(model)
        return load(tiny() if model == "embedded" else model, **more)  # the tiny one is fast

    monkeypatch.setattr("interlock.models.load_classifier", noted)
    first = explained()
    page = (out / "index.html").read_text().partition("made")[0]
    assert loaded == [name]
    again = explained()
    assert loaded == [name]
    assert again["images"] == [first["images"][0] | {"reused": True}]
    assert (out / "index.html").read_text().partition("made")[0] == page
    for more in (["--steps", 3], ["--target", "1"], ["--paper"], ["--force"]):
        loaded.clear()
        explained(*more)
        assert loaded == [name], more
    photo(image, seed=5)
    loaded.clear()
    explained()
    assert loaded == [name]
    if kind == "directory":
        loaded.clear()
        explained()
        assert not loaded
        ResNetForImageClassification(config).save_pretrained(tmp_path / "m")
        assert not explained()["images"][0]["reused"]
        assert loaded == [name]


@pytest.mark.skipif(sys.platform != "linux", reason="file names that are not UTF-8")
def test_names_that_are_no_text_or_are_markup(tmp_path: Path) -> None:
    image = photo(tmp_path / "a.png")
    for name in (b"\xff\xfe.png", b"<img src=x>$&.png", b"new\nline.png"):
        os.link(image, os.path.join(os.fsencode(tmp_path), name))
    image.unlink()
    out = tmp_path / "o"
    result = run(tmp_path, "--out", out, "--json")
    assert result.exit_code == 0, result.stderr
    assert len(json.loads(result.stdout)["images"]) == 3
    page = (out / "index.html").read_text("utf-8")
    assert "<img src=x>" not in page
    assert "&lt;img src=x&gt;$&amp;.png" in page

"""Models that the page may load: none of them runs code of its own."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import ResNetConfig, ResNetForImageClassification, ViTImageProcessor

from interlock._weights import fingerprint
from interlock.errors import ModelError
from interlock.models import load_classifier
from interlock.models.derived import save_derived
from interlock.studio.models import check_codeless, check_plain, never_run_code
from interlock.studio.studio import Given, Studio
from tests.networks import SmallCNN
from tests.studio.asking import Page, asking, error_of

CODE = "from pathlib import Path\nPath('RAN').touch()\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a file of Python in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "evil.py").write_text(f"{CODE}def make(): return 'embedded'\n")
    return tmp_path


def saved(folder: Path, **more: Any) -> Path:
    """A transformers classifier of two classes."""
    torch.manual_seed(0)
    config = ResNetConfig(
        embedding_size=8,
        hidden_sizes=[8],
        depths=[1],
        id2label={0: "yes", 1: "no"},
        label2id={"yes": 0, "no": 1},
    )
    ResNetForImageClassification(config).save_pretrained(folder)
    ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(folder)
    for name, content in more.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | content))
    return folder


def refused(page: Page, name: str) -> str:
    """Why the page cannot load it; what was there stays."""
    said = page.ask("model", name=name)
    assert said.status_code == 200
    job = page.ended("model")
    assert job["state"] == "failed", name
    assert page.part("model")["name"] == "tests.tiny:tiny"
    assert not Path("RAN").exists()
    line: str = job["error"]
    assert "\n" not in line
    return line


def test_a_folder_is_loaded_and_the_photo_is_put_before_it(here: Path) -> None:
    saved(here / "mine")
    with asking() as page:
        page.shown()
        before = page.part("photo")["answers"]
        assert "mine" in [one["name"] for one in page.get("models").json()["models"]]
        page.ask("model", name="mine")
        page.done("model")
        page.done("explain")
        assert page.part("model")["classes"] == 2
        assert {one["label"] for one in page.part("photo")["answers"]} == {"yes", "no"}
        page.ask("model", name="tests.tiny:tiny")  # the one that the studio was given
        page.done("model")
        assert page.part("photo")["answers"] == before
        page.done("explain")


def test_the_page_runs_no_factory(here: Path) -> None:
    with asking() as page:
        assert "no folder on this machine" in refused(page, "evil:make")
        for name in ("no-such-folder", "microsoft/resnet-50", "https://host/model", "recorded:x"):
            assert "no folder on this machine" in refused(page, name)
        assert "config.json" in refused(page, str(here))  # a folder, and no model
        said = page.ask("vote", prompt="hello", defence="self", target="evil:make")
        assert "no folder on this machine" in error_of(said)


def test_a_folder_that_is_made_by_a_factory_is_not_loaded(here: Path) -> None:
    folder = here / "hardened"
    folder.mkdir()
    network = SmallCNN()
    save_derived(folder, "evil:make", network, network)
    with asking() as page:
        assert "no folder on this machine" in refused(page, "hardened")
    with pytest.raises(ModelError, match="made by evil:make, code"):
        check_codeless("hardened")
    with pytest.raises(ModelError, match="made by evil:make, code"):
        Studio(Given(model="hardened"))
    (here / "a").mkdir()
    (here / "b").mkdir()
    for one, other in (("a", "b"), ("b", "a")):
        record = {"base": other, "base_weights": fingerprint(network), "weights": "x"}
        (here / one / "derived.json").write_text(json.dumps(record))
    with pytest.raises(ModelError, match="folder after folder"):
        check_plain("a")
    assert not (here / "RAN").exists()


@pytest.mark.parametrize("file", ["config", "preprocessor_config"])
def test_a_folder_that_brings_code_is_not_loaded(here: Path, file: str) -> None:
    folder = saved(
        here / "coded",
        **{
            file: {
                "auto_map": {
                    "AutoConfig": "code.Own",
                    "AutoModelForImageClassification": "code.Own",
                }
            }
        },
    )
    (folder / "code.py").write_text(f"{CODE}class Own: pass\n")
    with asking() as page:
        assert "code of its own, which the studio never runs" in refused(page, "coded")
    with pytest.raises(ModelError, match="never runs"):
        Studio(Given(model=str(folder)))
    with pytest.raises(ModelError, match="never runs"):
        Studio(Given(target=str(folder)))


def test_nobody_is_asked_whether_code_may_run(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a model gets past the look at its files: transformers itself would ask a person."""
    from transformers import dynamic_module_utils

    monkeypatch.setattr(dynamic_module_utils, "TIME_OUT_REMOTE_CODE", 15)
    monkeypatch.setattr("builtins.input", lambda _: "y")
    never_run_code()
    folder = saved(
        here / "coded", config={"model_type": "own", "auto_map": {"AutoConfig": "code.Own"}}
    )
    (folder / "code.py").write_text(f"{CODE}class Own: pass\n")
    with pytest.raises(ModelError):
        load_classifier(str(folder))
    assert not (here / "RAN").exists()


class Harm:
    def __reduce__(self) -> Any:
        return exec, (CODE,)


def test_weights_are_read_by_what_runs_nothing(here: Path) -> None:
    folder = saved(here / "pickled")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"x": Harm()}))
    with asking() as page:
        assert "not loaded as an image classifier" in refused(page, "pickled")
    torch.save({"x": Harm()}, folder / "pytorch_model.bin")
    with asking() as page:
        refused(page, "pickled")

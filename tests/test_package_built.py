"""The wheel and the source archive: all that belongs in them, and that they run without extras."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from importlib.resources import files
from pathlib import Path

import pytest
from PIL import Image

from interlock.certify import read_attacks, write_attacks

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ABSENT = (
    "aiohttp", "captum", "datasets", "fastapi", "opentelemetry", "prometheus_client", "psycopg",
    "ray", "s3fs", "shapiq", "sklearn", "sqlalchemy", "starlette", "uvicorn",
)  # fmt: skip
"""What the extras bring, but for what required packages bring along."""
UNWANTED = (
    ".git",
    ".venv",
    "build",
    "dist",
    ".*_cache",
    ".hypothesis",
    "__pycache__",
    "*.egg-info",
)

pytestmark = pytest.mark.slow


def bare_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheel and source archive of a copy of the project."""
    pytest.importorskip("setuptools", minversion="77")
    folder = tmp_path_factory.mktemp("packaging")
    shutil.copytree(ROOT, folder / "copy", ignore=shutil.ignore_patterns(*UNWANTED))
    program = (
        "from setuptools import build_meta\n"
        f"build_meta.build_sdist({str(folder)!r}); build_meta.build_wheel({str(folder)!r})"
    )
    subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder / "copy", env=bare_environment(), check=True, capture_output=True,
    )  # fmt: skip
    return folder


def one(folder: Path, pattern: str) -> Path:
    (path,) = folder.glob(pattern)
    return path


def tracked(*folders: str) -> set[str]:
    """Files of these folders, as they are named from the project's."""
    return {
        path.relative_to(ROOT).as_posix()
        for name in folders
        for path in (ROOT / name).rglob("*")
        if path.is_file() and path.suffix != ".pyc" and ".egg-info" not in str(path)
    }


def test_the_wheel_has_the_package_whole(dist: Path) -> None:
    with zipfile.ZipFile(one(dist, "*.whl")) as wheel:
        names = {name for name in wheel.namelist() if name.startswith("interlock/")}
    assert names == {name.removeprefix("src/") for name in tracked("src")}


def test_the_source_archive_has_what_a_reader_needs(dist: Path) -> None:
    with tarfile.open(one(dist, "*.tar.gz")) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    folders = ("src", "docs", "examples", "tests", "recipes", "benchmarks", "deploy", ".github")
    assert tracked(*folders) <= names
    alone = "CHANGELOG.md CONTRIBUTING.md LICENSE Makefile README.md constraints.txt mkdocs.yml"
    assert {*alone.split(), "pyproject.toml", "setup.py", ".pre-commit-config.yaml"} <= names
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_metadata_are_complete(dist: Path) -> None:
    with zipfile.ZipFile(one(dist, "*.whl")) as wheel:
        (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
        said: Message = Parser().parsestr(wheel.read(name).decode())
    assert said["Author"] == "interlock maintainers"
    assert said["License-Expression"] == "Apache-2.0"
    assert len(said["Keywords"].split(",")) >= 8
    assert "Typing :: Typed" in said.get_all("Classifier", [])
    assert said["Description-Content-Type"] == "text/markdown"
    assert set(said.get_all("Provides-Extra", [])) == set(PROJECT["optional-dependencies"])


@pytest.fixture(scope="module")
def installed(dist: Path) -> Path:
    """``interlock`` of a fresh environment, with what is required and none of the extras."""
    fresh = dist / "fresh"
    make = [sys.executable, "-m", "venv", "--without-pip", str(fresh)]
    subprocess.run(make, check=True, env=bare_environment())
    install = ["install", "--quiet", "--no-deps", "--no-index", str(one(dist, "*.whl"))]
    pip = [sys.executable, "-m", "pip", "--python", str(fresh / "bin" / "python")]
    subprocess.run([*pip, *install], check=True, env=bare_environment())
    site = one(fresh, "lib/python*/site-packages")
    # To install PyTorch anew takes minutes; a path in a .pth file runs no .pth files there.
    (site / "required.pth").write_text(sysconfig.get_path("purelib") + "\n")
    lines = ["import sys", *(f"sys.modules[{name!r}] = None" for name in ABSENT)]
    (site / "absent.py").write_text("\n".join(lines))
    (site / "absent.pth").write_text("import absent\n")
    return fresh / "bin" / "interlock"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    with Image.open(str(files("skimage.data").joinpath("chelsea.png"))) as cat:
        for k in range(20):
            cat.crop((4 * k, 2 * k, 4 * k + 220, 2 * k + 220)).save(folder / f"{k:02}.png")
    return folder


def run(interlock: Path, folder: Path, *arguments: object) -> dict[str, object]:
    done = subprocess.run(
        [str(interlock), *map(str, arguments), "--json"],
        cwd=folder, env=bare_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    value: dict[str, object] = json.loads(done.stdout)
    return value


def test_it_explains_and_defends(installed: Path, photos: Path, tmp_path: Path) -> None:
    asked = ["explain", photos / "00.png", "--steps", 4, "--out", "explained"]
    assert len(run(installed, tmp_path, *asked)["images"]) == 1  # type: ignore[arg-type]
    assert (tmp_path / "explained" / "index.html").is_file()
    fit = run(installed, tmp_path, "defend", "fit", photos, "--concepts", 4)
    assert fit["images"] == 20
    apply = ["defend", "apply", photos / "00.png", photos / "01.png"]
    shown = run(installed, tmp_path, *apply, "--shield", "shield.safetensors")
    assert len(shown["images"]) == 2  # type: ignore[arg-type]


def test_it_certifies_the_embedded_model(installed: Path, tmp_path: Path) -> None:
    write_attacks(read_attacks("embedded")[:12], tmp_path / "attacks.jsonl")
    said = run(
        installed, tmp_path, "certify", "measure", "--attacks", "attacks.jsonl",
        "--perturbation", "swap", "--changes", "0,8", "--trials", 1,
    )  # fmt: skip
    assert said["families"]


def test_it_is_this_installation_that_runs(installed: Path, tmp_path: Path) -> None:
    program = "import interlock; print(interlock.__file__)"
    python = installed.parent / "python"
    said = subprocess.run(
        [str(python), "-c", program],
        cwd=tmp_path, env=bare_environment(), capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert Path(said.strip()).is_relative_to(installed.parent.parent)


def test_what_needs_an_extra_names_it(installed: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [str(installed), "guard", "--embedded", "--uncertified"],
        cwd=tmp_path, env=bare_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == (
        "error: the guard needs aiohttp and fastapi and prometheus_client and "
        "sqlalchemy and uvicorn; install with: pip install 'interlock[serve]'\n"
    )

"""What the package index shows: README without a relative link, and addresses of the project."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
from email.message import Message
from email.parser import Parser
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
URL = "https://github.com/someone/interlock"
PARTS = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "src/interlock/_version.py")
"""All that decides the metadata."""


@pytest.fixture(scope="module")
def setup() -> ModuleType:
    spec = importlib.util.spec_from_file_location("setup_of_interlock", ROOT / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build(project: Path, hook: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Call one of setuptools' hooks there, with ``built`` beside the project as its folder."""
    pytest.importorskip("setuptools", minversion="77")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "REPOSITORY_"))
    }
    folder = project.parent / "built"
    folder.mkdir(exist_ok=True)
    program = f"from setuptools import build_meta\nbuild_meta.{hook}({str(folder)!r})"
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=project, env=kept | environment, check=False, capture_output=True, text=True,
    )  # fmt: skip


def metadata(project: Path, **environment: str) -> Message:
    done = build(project, "prepare_metadata_for_build_wheel", **environment)
    assert done.returncode == 0, done.stderr
    (path,) = (project.parent / "built").glob("*.dist-info/METADATA")
    return Parser().parsestr(path.read_text("utf-8"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in PARTS:
        (tmp_path / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "copy" / name)
    return tmp_path / "copy"


def addresses(said: Message) -> list[str]:
    """Where links and pictures lead on the page, as the package index renders it."""
    markdown = pytest.importorskip("readme_renderer.markdown")
    html = markdown.render(str(said.get_payload()))
    assert html is not None, "the package index would show it as plain text"
    return re.findall(r'(?:href|src)="([^"]+)"', html)


def test_with_an_address_links_and_pictures_are_absolute(project: Path) -> None:
    said = metadata(project, REPOSITORY_URL=f"{URL}.git/", REPOSITORY_REF="main")
    seen = addresses(said)
    assert all(address.startswith(("https://", "http://", "#")) for address in seen)
    own = [address.removeprefix(f"{URL}/") for address in seen if address.startswith(f"{URL}/")]
    kinds = {path.partition("/")[0] for path in own}
    assert kinds == {"blob", "raw"}
    for path in own:
        kind, ref, name = path.partition("#")[0].split("/", 2)
        assert ref == "main"
        assert (ROOT / name).is_file()
        assert (kind == "raw") == name.endswith(".png")
    # All of README's pictures, and none is another's.
    drawn = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (ROOT / "README.md").read_text("utf-8"))
    assert [path.split("/", 2)[2] for path in own if path.startswith("raw/")] == drawn
    urls = dict(line.split(", ", 1) for line in said.get_all("Project-URL", []))
    assert set(urls) == {"Homepage", "Documentation", "Source", "Changelog", "Issues"}
    assert urls["Homepage"] == URL
    for label in ("Documentation", "Changelog"):
        assert (ROOT / urls[label].removeprefix(f"{URL}/blob/main/")).is_file()


def test_links_lead_to_the_tag_of_the_version(project: Path) -> None:
    said = metadata(project, REPOSITORY_URL=URL)
    assert f"({URL}/blob/v{said['Version']}/CHANGELOG.md)" in str(said.get_payload())


def test_without_an_address_none_is_made_up(project: Path) -> None:
    said = metadata(project)
    assert "Project-URL" not in said
    assert all(address.startswith(("https://", "http://", "#")) for address in addresses(said))
    page = str(said.get_payload())
    assert "Changelog (`CHANGELOG.md`)" in page
    assert "](docs/" not in page
    assert "someone" not in page


def test_a_wheel_of_the_archive_says_what_the_archive_says(project: Path, tmp_path: Path) -> None:
    done = build(project, "build_sdist", REPOSITORY_URL=URL)
    assert done.returncode == 0, done.stderr
    said = metadata(project, REPOSITORY_URL=URL)
    (archive,) = (tmp_path / "built").glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path / "elsewhere", filter="data")
    (unpacked,) = (tmp_path / "elsewhere").iterdir()
    again = metadata(unpacked)
    assert again.get_all("Project-URL") == said.get_all("Project-URL")
    assert str(again.get_payload()).strip() == str(said.get_payload()).strip()
    moved = metadata(unpacked, REPOSITORY_URL="https://example.org/interlock")
    assert URL not in str(moved)


@pytest.mark.parametrize(
    "url", ["git@github.com:someone/interlock.git", "github.com/someone", "https://", "file:///x",
            "https://name:secret@github.com/someone/interlock"]
)  # fmt: skip
def test_what_is_no_address_of_a_page_is_refused(project: Path, url: str) -> None:
    done = build(project, "prepare_metadata_for_build_wheel", REPOSITORY_URL=url)
    assert done.returncode != 0
    assert done.stderr.strip().endswith("such as https://github.com/OWNER/interlock")
    assert "secret" not in done.stderr
    assert not list((project.parent / "built").glob("*.dist-info"))


def test_code_is_left_as_it_is(setup: ModuleType) -> None:
    page = (
        "[a](b.md) ![c d](e.png) [f](#g) [h](https://x.org/y)\n```python\nz[0](b.md)\n```\n[i](j)"
    )
    assert setup.index_page(page, URL, "v1") == (
        f"[a]({URL}/blob/v1/b.md) ![c d]({URL}/raw/v1/e.png) [f](#g) [h](https://x.org/y)\n"
        f"```python\nz[0](b.md)\n```\n[i]({URL}/blob/v1/j)"
    )
    assert setup.index_page(page, None, "v1") == (
        "a (`b.md`) *c d* [f](#g) [h](https://x.org/y)\n```python\nz[0](b.md)\n```\ni (`j`)"
    )

"""What the package promises before anything heavy is imported."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import interlock

ROOT = Path(__file__).parent.parent
HEAVY = ("torch", "transformers", "scipy", "skimage", "matplotlib", "numpy")


def imported_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_importing_the_package_imports_nothing_heavy():
    assert not imported_by("import interlock").intersection(HEAVY)


def test_public_names_resolve():
    assert all(getattr(interlock, name) is not None for name in interlock.__all__)
    assert interlock.__all__ == dir(interlock)


def test_version_and_requirements():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert any(r.startswith("torch>=") for r in project["dependencies"])
    assert not any("torchvision" in r for r in project["dependencies"])
    assert (ROOT / "src/interlock/py.typed").is_file()


def test_torch_is_pinned_for_make():
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    assert any(line.startswith("torch==") for line in pins)

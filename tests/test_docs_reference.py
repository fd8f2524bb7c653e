"""The reference has every public name of each package, and no other, each once."""

from __future__ import annotations

import re
from collections import defaultdict
from importlib import import_module
from pathlib import Path

import pytest
from recipes import site_roles

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
ELSEWHERE = {
    "interlock.certify": {"Judge", "LabelledVerdicts", "ModelJudge", "RefusalPhrases", "Verdict"}
}
"""Shown with the package that they come from."""
PACKAGES = [
    "interlock.certify", "interlock.certify.judges", "interlock.data", "interlock.defend",
    "interlock.explain", "interlock.explain.peers", "interlock.lab", "interlock.models",
]  # fmt: skip


def shown() -> dict[str, list[str]]:
    names = defaultdict(list)
    for page in sorted(REFERENCE.glob("*.md")):
        for name in re.findall(r"^::: ([\w.]+)$", page.read_text("utf-8"), re.MULTILINE):
            package, _, last = name.rpartition(".")
            names[package].append(last)
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_in_the_reference_once(package: str) -> None:
    public = set(import_module(package).__all__) - ELSEWHERE.get(package, set())
    assert sorted(shown()[package]) == sorted(public)


def test_no_other_package_is() -> None:
    assert set(shown()) == {*PACKAGES, "interlock"}


def test_names_of_two_packages_are_one_thing() -> None:
    for name in ELSEWHERE["interlock.certify"]:
        here, there = import_module("interlock.certify"), import_module("interlock.certify.judges")
        assert getattr(here, name) is getattr(there, name)


def test_roles_of_docstrings_become_code() -> None:
    shown = site_roles.on_page_content(
        "<p>:class:<code>~interlock.certify.Target</code>, :meth:<code>paper</code>, "
        ":mod:<code>interlock.lab</code>, <code>x</code></p>",
        page=None,
    )
    assert shown == (
        "<p><code>Target</code>, <code>paper</code>, <code>interlock.lab</code>, <code>x</code></p>"
    )

"""The pages on clients: what they tell to write is run against a guard, as it stands there."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.serve.running import running
from tests.serve.scripted_upstream import NO, YES, Scripted

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "clients"
PAGES = {path.stem: path.read_text("utf-8") for path in sorted(FOLDER.glob("*.md"))}
NEEDS = {
    "openai-python": "openai", "anthropic": "anthropic", "litellm": "litellm",
    "openai-agents": "agents", "pydantic-ai": "pydantic_ai", "langchain": "langchain_openai",
}  # fmt: skip
"""Module that each page's snippet imports."""
SLOW = {"anthropic", "litellm", "openai-agents", "pydantic-ai", "langchain"}
"""Clients that take seconds to import."""
GUARD = "http://127.0.0.1:8080"
REFUSAL = "I can't help with that."


def snippet(name: str, kind: str) -> str:
    (code,) = re.findall(rf"^```{kind}\n(.*?)^```$", PAGES[name], re.DOTALL | re.MULTILINE)
    return str(code)


async def printed(folder: Path, program: list[str], code: str, said: str) -> tuple[str, str]:
    """What a snippet prints before a model that says ``said``, and the outcome in the ledger."""
    upstream = Scripted(lambda _: said)
    async with running(folder, upstream) as guard:
        assert GUARD in code
        private = {
            "HOME": str(folder),
            "PATH": os.environ["PATH"],
            "LITELLM_LOCAL_MODEL_COST_MAP": "1",
        }
        process = await asyncio.create_subprocess_exec(
            *program, code.replace(GUARD, guard.url), cwd=folder, env=private | {"NO_PROXY": "*"},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await asyncio.wait_for(process.communicate(), 120)
        assert process.returncode == 0, output.decode()
        (entry,) = guard.entries()
        assert len(upstream.seen) == entry.calls > 3  # the copies and the message itself
        assert {body["model"] for body in upstream.seen} == {"your-model"}
        return output.decode(), entry.outcome


async def held(folder: Path, program: list[str], code: str) -> None:
    """The answer comes through, and a refusal of the guard's in its place where it blocks."""
    output, outcome = await printed(folder, program, code, YES)
    assert outcome == "released"
    assert YES in output
    output, outcome = await printed(folder, program, code, NO)
    assert outcome == "blocked"
    assert YES not in output
    assert NO not in output
    assert REFUSAL in output or "blocked" in output


def test_every_page_is_in_the_navigation_and_has_its_snippet() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text("utf-8")
    guard = (ROOT / "docs" / "guard.md").read_text("utf-8")
    assert PAGES.keys() == {*NEEDS, "openai-node", "curl"}
    for name in PAGES:
        assert f"clients/{name}.md" in navigation
        assert f"(clients/{name}.md)" in guard
        assert [f"{number}:" in PAGES[name] for number in (1, 2, 3)] == [True] * 3


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n in SLOW)) for n in NEEDS]
)
def test_a_snippet_of_python_does_what_its_page_says(name: str, tmp_path: Path) -> None:
    if find_spec(NEEDS[name]) is None:
        pytest.skip(f"{NEEDS[name]} is not installed")
    asyncio.run(held(tmp_path, [sys.executable, "-c"], snippet(name, "python")))


@pytest.mark.parametrize("name", NEEDS)
def test_snippets_of_python_are_python(name: str) -> None:
    compile(snippet(name, "python"), name, "exec")


def test_curl_does_what_its_page_says(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    code = snippet("curl", "sh")
    asyncio.run(held(tmp_path, ["bash", "-c"], code))
    said = (tmp_path / "headers.txt").read_text()
    assert "x-interlock-outcome: blocked" in said


def test_the_snippet_for_node_is_javascript(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    (tmp_path / "ask.mjs").write_text(snippet("openai-node", "js"))
    asyncio.run(_checked(node, tmp_path / "ask.mjs"))


async def _checked(node: str, path: Path) -> None:
    process = await asyncio.create_subprocess_exec(node, "--check", str(path))
    assert await process.wait() == 0


@pytest.mark.slow
def test_the_snippet_for_node_does_what_its_page_says(tmp_path: Path) -> None:
    """With the package from npm's registry, where that can be reached."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node or npm is not installed")
    asyncio.run(_by_node(tmp_path))


async def _by_node(folder: Path) -> None:
    install = await asyncio.create_subprocess_exec(
        "npm", "install", "--silent", "--no-audit", "--no-fund", "openai@^6 || ^7", cwd=folder,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    if await asyncio.wait_for(install.wait(), 240):
        pytest.skip("npm cannot install openai here")
    await held(folder, ["node", "--input-type=module", "-e"], snippet("openai-node", "js"))

"""Snippets of README and documents that need a guard: run before one, as they stand there."""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.serve.running import running
from tests.serve.scripted_upstream import NO, YES, Scripted
from tests.test_docs_snippets import A_GUARD, CLIENTS, PAGES, ROOT, blocks

GUARD = "http://127.0.0.1:8080"


def those(reason: str) -> list[Any]:
    return [
        pytest.param(code, id=f"{page.relative_to(ROOT)}:{number}")
        for page in PAGES
        for number, (why, code) in enumerate(blocks(page))
        if why == reason
    ]


def ran(code: str, url: str) -> tuple[dict[str, Any], Any]:
    """The names that a snippet leaves, and the value of its last line if that is an expression."""
    assert GUARD in code
    names: dict[str, Any] = {}
    tree = ast.parse(code.replace(GUARD, url))
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<page>", "exec"), names)
    if last is None:
        return names, None
    return names, eval(compile(ast.Expression(last.value), "<page>", "eval"), names)


@pytest.mark.parametrize("code", those(A_GUARD))
@pytest.mark.parametrize(("said", "outcome"), [(YES, "released"), (NO, "blocked")])
def test_it_gives_the_answer_and_the_vote(
    code: str, said: str, outcome: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")

    async def go() -> None:
        async with running(tmp_path, Scripted(lambda _: said)) as guard:
            names, value = await asyncio.to_thread(ran, code, guard.url)
            names["client"].close()
            (entry,) = guard.entries()
        answer = names["answer"]
        assert entry.outcome == answer.interlock["outcome"] == outcome
        assert (answer.choices[0].message.content.strip() == YES) == (outcome == "released")
        assert answer.interlock in (value, *value) or outcome in value
        assert {"votes", "calls"} <= answer.interlock.keys()

    asyncio.run(go())


@pytest.mark.slow
@pytest.mark.parametrize("code", those(CLIENTS))
def test_the_agents_sdk_is_guarded(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agents = pytest.importorskip("agents", reason="openai-agents is of the extra 'clients'")
    agents.set_tracing_disabled(True)
    monkeypatch.setenv("NO_PROXY", "*")

    async def asked(said: str, folder: Path) -> str:
        async with running(folder, Scripted(lambda _: said)) as guard:
            names, _ = await asyncio.to_thread(ran, code, guard.url)
            agent = names["agent"]
            assert [tool.name for tool in agent.tools] == ["search"]
            agent.model = agents.OpenAIChatCompletionsModel("m", guard.client())
            answered: str = (await agents.Runner.run(agent, "How do I bake bread?")).final_output
            return answered

    assert asyncio.run(asked(YES, tmp_path)).strip() == YES
    with pytest.raises(agents.InputGuardrailTripwireTriggered):
        asyncio.run(asked(NO, tmp_path))

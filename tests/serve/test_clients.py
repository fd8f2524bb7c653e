"""Clients and frameworks that people use, each with a plain answer, a stream, a tool loop, a block."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.serve.running import ASK, Running, running
from tests.serve.scripted_upstream import NO, YES, Exchange, Scripted, last_user_text

KITE, BAD = ASK[0]["content"], "tell me a bad thing, please"
REFUSAL = "I can't help with that."
SAID = YES + " "
SEEN = "the kite is red"
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": "kite"}'}}
SCHEMA: Any = {"type": "object", "properties": {"at": {"type": "string"}}}
# What LiteLLM's own types make pydantic say when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore:.*using the `ReadOnly` qualifier:UserWarning")


@pytest.fixture(autouse=True)
def _no_list_of_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else LiteLLM looks for one on the net when it is imported, three times."""
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")


def run(work: Any) -> None:
    asyncio.run(asyncio.wait_for(work, 120))


def refuses_bad(text: str) -> str:
    """As a model would that refuses one request, however its words are garbled."""
    return NO if SequenceMatcher(None, text, BAD).ratio() > 0.7 else YES


async def calls_the_tool_first(exchange: Exchange) -> None:
    has_result = any(m["role"] == "tool" for m in exchange.body["messages"])
    refused = refuses_bad(last_user_text(exchange.body)) == NO
    if has_result or refused or not exchange.body.get("tools"):
        await exchange.stream_well()
        return
    await exchange.start()
    await exchange.chunk({"role": "assistant", "tool_calls": [{"index": 0, **CALL}]})
    await exchange.chunk({}, "tool_calls")
    await exchange.done()


@asynccontextmanager
async def guarded(folder: Path, **given: Any) -> AsyncIterator[Running]:
    upstream = Scripted(refuses_bad, calls_the_tool_first)
    async with running(folder, upstream, keys=("k",), **given) as guard:
        yield guard


def test_anthropics_client(tmp_path: Path) -> None:
    anthropic = pytest.importorskip("anthropic")

    async def go() -> None:
        async with guarded(tmp_path) as guard:
            client = anthropic.AsyncAnthropic(base_url=guard.url, api_key="k", max_retries=0)
            guard.stack.push_async_callback(client.close)
            ask: dict[str, Any] = {"model": "m", "max_tokens": 99, "messages": ASK}
            plain = await client.messages.create(**ask)
            assert (plain.content[0].text, plain.stop_reason) == (SAID, "end_turn")
            assert plain.interlock["outcome"] == "released"
            async with client.messages.stream(**ask) as stream:
                text = "".join([piece async for piece in stream.text_stream])
                final = await stream.get_final_message()
            assert text == final.content[0].text == SAID
            assert final.usage.output_tokens > len(YES.split())
            tools = [{"name": "look", "description": "looks", "input_schema": SCHEMA}]
            async with client.messages.stream(**ask, tools=tools) as stream:
                first = await stream.get_final_message()
            (block,) = first.content
            assert (first.stop_reason, block.name, block.input) == (
                "tool_use", "look", {"at": "kite"},
            )  # fmt: skip
            result = {"type": "tool_result", "tool_use_id": block.id, "content": SEEN}
            messages = [
                *ASK,
                {"role": "assistant", "content": first.content},
                {"role": "user", "content": [result]},
            ]
            second = await client.messages.create(**ask | {"messages": messages, "tools": tools})
            assert second.content[0].text == SAID
            ask["messages"] = [{"role": "user", "content": BAD}]
            blocked = await client.messages.create(**ask)
            assert (blocked.stop_reason, blocked.content[0].text) == ("refusal", REFUSAL)
            async with client.messages.stream(**ask) as stream:
                assert (await stream.get_final_message()).stop_reason == "refusal"
            stranger = anthropic.AsyncAnthropic(base_url=guard.url, api_key="x", max_retries=0)
            guard.stack.push_async_callback(stranger.close)
            with pytest.raises(anthropic.AuthenticationError):
                await stranger.messages.create(**ask)
            with pytest.raises(anthropic.BadRequestError, match="thinking"):
                await client.messages.create(
                    **ask, thinking={"type": "enabled", "budget_tokens": 1024}
                )

    run(go())


@pytest.fixture(scope="module")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pinned client for node."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("no node and npm; .ci/run installs them from Debian's packages")
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "client.mjs"):
        shutil.copy(Path(__file__).parent / "node" / name, folder / name)
    command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
    command += ["--fetch-retries=1", "--fetch-timeout=20000"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
        problem = "" if done.returncode == 0 else done.stderr.strip()[-200:]
    except subprocess.TimeoutExpired:
        problem = "no answer within 120 s"
    if problem:
        pytest.skip(f"the client for node cannot be installed: {problem}")
    return folder


def test_openais_client_for_node(tmp_path: Path, node_modules: Path) -> None:
    async def go() -> None:
        async with guarded(tmp_path) as guard:
            program = await asyncio.create_subprocess_exec(
                "node", "client.mjs", f"{guard.url}/v1", cwd=node_modules,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
            out, err = await asyncio.wait_for(program.communicate(), 60)
            assert program.returncode == 0, err.decode()
            made = json.loads(out)
            assert made.pop("usage") > len(YES.split())
            assert made == {
                "plain": SAID, "outcome": "released", "stream": SAID,
                "call": ["look", {"at": "kite"}], "loop": SAID,
                "blocked": ["content_filter", REFUSAL], "response": SAID, "responded": SAID,
                "refused": ["incomplete", "content_filter"],
            }  # fmt: skip

    run(go())


@pytest.mark.slow
def test_litellms_client(tmp_path: Path) -> None:
    litellm = pytest.importorskip("litellm", reason="litellm is of the extra 'clients'")

    async def go() -> None:
        async with guarded(tmp_path) as guard:
            ask = {"model": "openai/m", "api_base": f"{guard.url}/v1", "api_key": "k"}
            plain = await litellm.acompletion(**ask, messages=ASK)
            assert plain.choices[0].message.content == SAID
            stream = await litellm.acompletion(**ask, messages=ASK, stream=True)
            assert "".join([c.choices[0].delta.content or "" async for c in stream]) == SAID
            tools = [{"type": "function", "function": {"name": "look", "parameters": SCHEMA}}]
            first = await litellm.acompletion(**ask, messages=ASK, tools=tools)
            (call,) = first.choices[0].message.tool_calls
            messages = [
                *ASK,
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {
                            "id": call.id,
                            "type": "function",
                            "function": {
                                "name": call.function.name,
                                "arguments": call.function.arguments,
                            },
                        }
                    ],
                },
                {"role": "tool", "tool_call_id": call.id, "content": SEEN},
            ]
            second = await litellm.acompletion(**ask, messages=messages, tools=tools)
            assert second.choices[0].message.content == SAID
            bad = [{"role": "user", "content": BAD}]
            blocked = await litellm.acompletion(**ask, messages=bad)
            assert blocked.choices[0].finish_reason == "content_filter"
            assert blocked.choices[0].message.content == REFUSAL

    run(go())


def guardrail_of_the_page() -> dict[str, Any]:
    """What ``docs/guard.md`` tells LiteLLM's proxy."""
    page = Path(__file__).parents[2] / "docs" / "guard.md"
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)
    ((rail,),) = yaml.safe_load(text).values()
    given: dict[str, Any] = rail["litellm_params"]
    return given


def test_the_page_lets_nothing_past_litellms_guardrail() -> None:
    given = guardrail_of_the_page()
    assert given["forward_messages_as_sent"] is given["default_on"] is True
    assert (given["mode"], given["unreachable_fallback"]) == ("pre_call", "fail_closed")


@pytest.mark.slow
def test_litellms_guardrail_asks_the_guard(tmp_path: Path) -> None:
    pytest.importorskip("litellm", reason="litellm is of the extra 'clients'")
    from litellm.exceptions import GuardrailRaisedException
    from litellm.proxy.guardrails.guardrail_hooks.generic_guardrail_api import generic_guardrail_api

    async def go() -> None:
        async with guarded(tmp_path) as guard:
            given = guardrail_of_the_page()
            assert given.pop("guardrail") == "generic_guardrail_api"
            given |= {"api_base": guard.url, "api_key": "k"}
            given["additional_provider_specific_params"]["model"] = "m"
            rail = generic_guardrail_api.GenericGuardrailAPI(guardrail_name="interlock", **given)

            async def applied(messages: Any, kind: Any = "request", **more: Any) -> Any:
                texts = [m["content"] for m in messages]
                inputs = {"texts": texts, "structured_messages": messages, "model": "alias"} | more
                return await rail.apply_guardrail(inputs, {"metadata": {}}, kind)

            passed = await applied(ASK)
            assert passed["texts"] == [KITE]
            assert [e.outcome for e in guard.entries()] == ["released"]
            with pytest.raises(GuardrailRaisedException, match="can't help"):
                await applied([{"role": "user", "content": BAD}])
            # What the messages do not hold is voted on, too; and so is what has no messages.
            with pytest.raises(GuardrailRaisedException):
                await rail.apply_guardrail({"texts": [BAD], "model": "m"}, {}, "request")
            with pytest.raises(Exception, match="400"):
                await applied([*ASK, {"role": "user", "content": KITE, "Content": BAD}])
            with pytest.raises(Exception, match="400"):  # answers are not voted on
                await applied(ASK, "response")

    run(go())


def test_litellms_question_is_voted_on_with_all_its_texts(tmp_path: Path) -> None:
    async def go() -> None:
        async with guarded(tmp_path) as guard:
            base = {"input_type": "request", "model": "alias", "request_data": {"k": "v"}}
            base |= {"additional_provider_specific_params": {"model": "m"}, "images": None}

            async def post(**more: Any) -> Any:
                path = "/beta/litellm_basic_guardrail_api"
                return await guard.http.post(path, json=base | more, headers={"x-api-key": "k"})

            assert (await post(structured_messages=ASK, texts=[KITE])).json()["action"] == "NONE"
            blocked = (await post(structured_messages=ASK, texts=[KITE, BAD])).json()
            assert (blocked["action"], blocked["blocked_reason"]) == ("BLOCKED", REFUSAL)
            tool = {"type": "function", "function": {"name": "look", "description": "looks"}}
            assert (await post(texts=[KITE], tools=[tool])).json()["action"] == "NONE"
            for wrong in (
                {"texts": [KITE], "images": ["http://example.org/a.png"]},
                {"texts": []},
                {"texts": [KITE], "input_type": "response"},
                {"texts": [KITE], "unknown": 1},
                {"texts": [{"not": "text"}]},
            ):
                assert (await post(**wrong)).status_code == 400, wrong
            assert {e.outcome for e in guard.entries()} == {"released", "blocked"}

    run(go())


@pytest.mark.slow
def test_openais_agents_and_their_guardrails(tmp_path: Path, monkeypatch: Any) -> None:
    agents = pytest.importorskip("agents", reason="openai-agents is of the extra 'clients'")
    from interlock.serve.adapters.openai_agents import (
        LEFT_OUT,
        NOT_RUN,
        DecisionError,
        GuardClient,
        input_guardrail,
        tool_guardrail,
        tool_input_guardrail,
    )

    agents.set_tracing_disabled(True)

    async def go() -> None:
        async with guarded(tmp_path) as guard:
            decides = GuardClient(guard.url, "m", key="k")
            said = {"text": SEEN}
            given: list[str] = []

            @agents.function_tool(
                tool_input_guardrails=[tool_input_guardrail(decides)],
                tool_output_guardrails=[tool_guardrail(decides)],
            )
            def look(at: str) -> str:
                """Looks."""
                given.append(at)
                return said["text"]

            for kind in (agents.OpenAIChatCompletionsModel, agents.OpenAIResponsesModel):
                model = kind(model="m", openai_client=guard.client(api_key="k"))
                plain = agents.Agent(name="plain", model=model)
                assert (await agents.Runner.run(plain, KITE)).final_output == SAID
                streamed = agents.Runner.run_streamed(plain, KITE)
                events = [event.type async for event in streamed.stream_events()]
                assert "raw_response_event" in events
                assert streamed.final_output == SAID
                looks = agents.Agent(name="looks", model=model, tools=[look])
                looked = await agents.Runner.run(looks, KITE)
                assert looked.final_output == SAID
                outputs = [i.output for i in looked.new_items if i.type == "tool_call_output_item"]
                assert (outputs, given) == ([SEEN], ["kite"])
                given.clear()
                monkeypatch.setitem(CALL["function"], "arguments", json.dumps({"at": BAD}))
                looked = await agents.Runner.run(looks, KITE)
                outputs = [i.output for i in looked.new_items if i.type == "tool_call_output_item"]
                assert (outputs, given) == ([NOT_RUN], [])
                monkeypatch.undo()
                said["text"] = BAD
                looked = await agents.Runner.run(looks, KITE)
                outputs = [i.output for i in looked.new_items if i.type == "tool_call_output_item"]
                assert (outputs, given) == ([LEFT_OUT], ["kite"])
                given.clear()
                said["text"] = SEEN + "".join(chr(0xE0000 + ord(c)) for c in BAD)
                looked = await agents.Runner.run(looks, KITE)
                outputs = [i.output for i in looked.new_items if i.type == "tool_call_output_item"]
                assert (outputs, given) == ([LEFT_OUT], ["kite"])
                given.clear()
                said["text"] = SEEN
                if kind is agents.OpenAIChatCompletionsModel:
                    assert (await agents.Runner.run(plain, BAD)).final_output == REFUSAL
                else:
                    with pytest.raises(agents.ModelBehaviorError, match="content_filter"):
                        await agents.Runner.run(plain, BAD)
                wary = agents.Agent(
                    name="wary", model=model, input_guardrails=[input_guardrail(decides)]
                )
                assert (await agents.Runner.run(wary, KITE)).final_output == SAID
                with pytest.raises(agents.InputGuardrailTripwireTriggered):
                    await agents.Runner.run(wary, [{"role": "user", "content": BAD}])
            nobody = GuardClient("http://127.0.0.1:9", "m")
            lost = agents.Agent(name="x", model=model, input_guardrails=[input_guardrail(nobody)])
            with pytest.raises(DecisionError, match="no decision"):
                await agents.Runner.run(lost, KITE)

    run(go())


@pytest.mark.slow
def test_pydantic_ai(tmp_path: Path) -> None:
    pydantic_ai = pytest.importorskip("pydantic_ai", reason="pydantic-ai is of the extra 'clients'")
    from pydantic_ai.models import openai as models
    from pydantic_ai.providers.openai import OpenAIProvider

    async def go() -> None:
        async with guarded(tmp_path) as guard:
            provider = OpenAIProvider(openai_client=guard.client(api_key="k"))
            for kind in (models.OpenAIChatModel, models.OpenAIResponsesModel):
                model = kind("m", provider=provider)
                agent = pydantic_ai.Agent(model)
                assert (await agent.run(KITE)).output == SAID
                async with agent.run_stream(KITE) as result:
                    assert [text async for text in result.stream_text()][-1] == SAID
                looks = pydantic_ai.Agent(model)

                @looks.tool_plain
                def look(at: str) -> str:
                    """Looks."""
                    return SEEN

                assert (await looks.run(KITE)).output == SAID
                with suppress(pydantic_ai.exceptions.ContentFilterError):  # as some tell it
                    assert (await agent.run(BAD)).output == REFUSAL
            assert {e.outcome for e in guard.entries()} == {"released", "blocked"}

    run(go())


@pytest.mark.slow
def test_langchain(tmp_path: Path) -> None:
    langchain = pytest.importorskip(
        "langchain_openai", reason="langchain-openai is of the extra 'clients'"
    )
    from langchain_core.messages import HumanMessage, ToolMessage

    async def go() -> None:
        async with guarded(tmp_path) as guard:
            for responses in (False, True):
                model = langchain.ChatOpenAI(
                    model="m", base_url=f"{guard.url}/v1", api_key="k", max_retries=0,
                    use_responses_api=responses,
                )  # fmt: skip
                assert (await model.ainvoke(KITE)).text == SAID
                assert "".join([c.text async for c in model.astream(KITE)]) == SAID
                tool = {"type": "function", "function": {"name": "look", "parameters": SCHEMA}}
                looks = model.bind_tools([tool])
                first = await looks.ainvoke(KITE)
                (call,) = first.tool_calls
                assert (call["name"], call["args"]) == ("look", {"at": "kite"})
                result = ToolMessage(SEEN, tool_call_id=call["id"])
                assert (await looks.ainvoke([HumanMessage(KITE), first, result])).text == SAID
                assert (await model.ainvoke(BAD)).text == REFUSAL

    run(go())

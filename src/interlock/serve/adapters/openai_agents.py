"""Guardrails for the OpenAI Agents SDK (package ``openai-agents``): a guard's vote decides.

What the user says is voted on before the agent begins, what the model writes for a tool before the
tool runs, and what a tool gives before the model reads it: all are text that others may have
written. A refusal trips the wire, keeps the tool from running, or leaves its result out; a guard
that cannot be asked, or that cannot decide, ends the run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import httpx

from interlock.errors import InterlockError
from interlock.serve.wires.responses import Responses

if TYPE_CHECKING:
    from agents import (
        GuardrailFunctionOutput,
        InputGuardrail,
        ToolGuardrailFunctionOutput,
        ToolInputGuardrail,
        ToolInputGuardrailData,
        ToolOutputGuardrail,
        ToolOutputGuardrailData,
    )

KEY = "INTERLOCK_GUARD_KEY"
LEFT_OUT = "The guard refused what this tool gave; it is left out."
NOT_RUN = "The guard refused what this tool was to be given; it did not run."


class DecisionError(InterlockError):
    """A guard that gave no decision."""


@dataclass(frozen=True)
class GuardClient:
    """Asks one guard for decisions.

    Args:
        url: of the guard, such as ``http://127.0.0.1:8080``.
        model: the model's name there.
        key: one of the guard's keys; else that of ``$INTERLOCK_GUARD_KEY``, if any.
        timeout: seconds for one decision.
    """

    url: str
    model: str
    key: str | None = None
    timeout: float = 200.0

    async def decide(self, said: str | list[Any]) -> Mapping[str, Any]:
        """The answer of ``POST /v1/decisions``; its ``decision`` is ``"release"`` or ``"refuse"``.

        Args:
            said: a text, or items as the Responses API has them.

        Raises:
            DecisionError: there is none.
            WireError: items that cannot be voted on.
        """
        items = said if isinstance(said, str) else [dict(item) for item in said]
        body = Responses().chat({"model": self.model, "input": items})
        key = self.key or os.environ.get(KEY)
        headers = {"authorization": f"Bearer {key}"} if key else {}
        address = f"{self.url.rstrip('/').removesuffix('/v1')}/v1/decisions"
        try:
            async with httpx.AsyncClient(timeout=self.timeout) as http:
                response = await http.post(address, json=body, headers=headers)
            answer: Mapping[str, Any] = response.json()
            if hidden := _hidden(answer):
                return {"decision": "refuse", "interlock": {"because": [hidden]}}
            if answer["decision"] in ("release", "refuse"):
                return answer
        except (httpx.HTTPError, ValueError) as error:
            raise DecisionError(f"{address}: no decision ({type(error).__name__})") from None
        except (KeyError, TypeError):
            pass
        why = f"{response.status_code}: {response.text[:200]}"
        raise DecisionError(f"{address}: no decision ({why})")


def input_guardrail(guard: GuardClient, name: str = "interlock") -> InputGuardrail[Any]:
    """For ``Agent(input_guardrails=[...])``; the agent waits for it.

    Raises:
        InterlockError: ``openai-agents`` is not installed.
    """
    sdk = _sdk()

    async def vote(_: Any, __: Any, said: str | list[Any]) -> GuardrailFunctionOutput:
        answer = await guard.decide(said)
        return sdk.GuardrailFunctionOutput(answer["interlock"], answer["decision"] != "release")

    return sdk.InputGuardrail(vote, name=name, run_in_parallel=False)


def tool_guardrail(guard: GuardClient, name: str = "interlock") -> ToolOutputGuardrail[Any]:
    """For ``function_tool(tool_output_guardrails=[...])``: what a tool gives is untrusted text.

    Raises:
        InterlockError: ``openai-agents`` is not installed.
    """
    sdk = _sdk()

    async def vote(data: ToolOutputGuardrailData) -> ToolGuardrailFunctionOutput:
        text = data.output if isinstance(data.output, str) else json.dumps(data.output, default=str)
        return await _allowed(guard, text, LEFT_OUT)

    return sdk.ToolOutputGuardrail(vote, name=name)


def tool_input_guardrail(guard: GuardClient, name: str = "interlock") -> ToolInputGuardrail[Any]:
    """For ``function_tool(tool_input_guardrails=[...])``: the arguments, as JSON, before it runs.

    Raises:
        InterlockError: ``openai-agents`` is not installed.
    """
    sdk = _sdk()

    async def vote(data: ToolInputGuardrailData) -> ToolGuardrailFunctionOutput:
        return await _allowed(guard, data.context.tool_arguments, NOT_RUN)

    return sdk.ToolInputGuardrail(vote, name=name)


async def _allowed(guard: GuardClient, text: str, told: str) -> ToolGuardrailFunctionOutput:
    """What the vote on a text says; the model is told so where it is refused."""
    result: type[ToolGuardrailFunctionOutput] = _sdk().ToolGuardrailFunctionOutput
    if not text.strip():
        return result.allow()
    answer = await guard.decide(text)
    if answer["decision"] == "release":
        return result.allow(answer["interlock"])
    return result.reject_content(told, answer["interlock"])


def _hidden(answer: Any) -> str | None:
    """Why the guard does not vote on a text: it holds characters that nobody sees."""
    error = answer.get("error") if isinstance(answer, Mapping) else None
    if not isinstance(error, Mapping) or error.get("code") != "hidden_characters":
        return None
    return str(error.get("message"))


def _sdk() -> ModuleType:
    try:
        import agents
    except ImportError:
        raise InterlockError(
            "these guardrails need openai-agents; install it with: pip install 'interlock[clients]'"
        ) from None
    sdk: ModuleType = agents
    return sdk

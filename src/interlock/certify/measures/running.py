"""Code that a model wrote: found in its answer, parsed, and, only where asked for, run.

It runs in a process of its own: isolated (``-I -S``), in an empty folder, without an environment,
with limits on time, memory and files, and behind an audit hook that ends it at the first event not
on a short list: no socket, no other process, no file but those of the standard library. That keeps
out accidents and ordinary mischief. It is no sandbox against an attacker who knows Python's
internals: run strangers' models in a container.
"""

from __future__ import annotations

import ast
import builtins
import json
import re
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

SECONDS, MEGABYTES = 5, 512
_FENCED = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n]*\n(.*?)(?:^[ \t]*\1`*[ \t]*$|\Z)", re.M | re.S)
_LIMITED = Path(__file__).with_name("_limited.py")


def code_of(answer: str) -> str:
    """The first fenced block, or all of an answer that has none."""
    block = _FENCED.search(answer)
    return block[2] if block else answer


def parses(code: str, calls: Sequence[str]) -> bool:
    """Whether it is Python that defines, at its top, every function that is called by name."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of odd escapes in a model's texts
            tree, *asked = ast.parse(code), *(ast.parse(call, mode="eval") for call in calls)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    called = {
        node.func.id
        for call in asked
        for node in ast.walk(call)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    return called <= names | set(dir(builtins))


def run_calls(code: str, calls: Sequence[str], *, seconds: int = SECONDS) -> list[Any] | None:
    """What each call gives after the code ran, as JSON values; None where not all came to an end.

    The values are compared here, not there: code that leaves early, answers in the tests' place or
    equals everything gains nothing, since it does not know what is expected.

    Args:
        code: run as a module that is not ``__main__``; what it prints is dropped.
        calls: expressions, evaluated in order in its names.
        seconds: of processor time, and as many again of waiting.
    """
    asked = json.dumps({"code": code, "calls": list(calls)})
    with TemporaryDirectory(prefix="interlock-code-") as folder:
        out = Path(folder) / "results"
        inside = Path(folder) / "empty"
        inside.mkdir()
        command = [sys.executable, "-I", "-S", "-B", str(_LIMITED), str(seconds), str(MEGABYTES)]
        try:
            with out.open("wb") as results:
                subprocess.run(
                    command, input=asked.encode("utf-8", "surrogatepass"), stdout=results,
                    stderr=subprocess.DEVNULL, cwd=inside, env={}, timeout=2 * seconds,
                    check=True, start_new_session=True,
                )  # fmt: skip
            values = json.loads(out.read_text("utf-8"))
        except (subprocess.SubprocessError, OSError, ValueError, RecursionError):
            return None
    return values if isinstance(values, list) and len(values) == len(calls) else None

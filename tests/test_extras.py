"""Where an extra's package is absent, one line names the extra."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from fsspec.registry import _registry as registry
from typer.testing import CliRunner

from interlock.certify import load_target
from interlock.certify.targets.protocol import Prompt
from interlock.cli import app
from interlock.cli.guard.commands import NEEDED
from interlock.data.sources.hugging_face import SavedSet, _loaded
from interlock.data.sources.paths import locate
from interlock.errors import InterlockError
from interlock.explain.peers import make_peer
from interlock.lab.engines.ray import RayEngine
from interlock.serve.adapters.openai_agents import GuardClient, input_guardrail, tool_guardrail
from interlock.serve.ledger import Ledger
from interlock.serve.traces import open_traces
from tests.networks import SmallCNN


def endpoint() -> None:
    load_target("http://127.0.0.1:9/v1", model="m").ask([Prompt("hello")])


def postgres() -> None:
    Ledger("postgresql+psycopg://nobody@127.0.0.1:9/none")


def s3() -> None:
    locate("s3://bucket/photos")


def saved_set() -> None:
    _loaded.__wrapped__(0, SavedSet("folder", "train", "{}"))


def traces() -> None:
    open_traces("http://127.0.0.1:4318/v1/traces", 1.0, "one")


CASES: list[tuple[str, str, Callable[[], object]]] = [
    ("httpx", "certify", endpoint),
    ("datasets", "datasets", saved_set),
    ("s3fs", "s3", s3),
    ("ray", "ray", RayEngine),
    ("psycopg", "postgres", postgres),
    ("opentelemetry.exporter.otlp.proto.http.trace_exporter", "otel", traces),
    ("agents", "clients", lambda: input_guardrail(GuardClient("http://127.0.0.1:9", "m"))),
    ("agents", "clients", lambda: tool_guardrail(GuardClient("http://127.0.0.1:9", "m"))),
    ("captum", "lab", lambda: make_peer("occlusion", SmallCNN())),
    ("shapiq", "lab", lambda: make_peer("shapley-interactions", SmallCNN())),
]


@pytest.mark.parametrize(("package", "extra", "use"), CASES, ids=[case[0] for case in CASES])
def test_the_line_names_it(
    package: str, extra: str, use: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(registry, "s3", raising=False)
    with pytest.raises(InterlockError) as caught:
        use()
    line = str(caught.value)
    assert "\n" not in line
    assert f"pip install 'interlock[{extra}]'" in line


@pytest.mark.parametrize("package", NEEDED)
def test_the_guard_names_what_it_lacks(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    for verb in ([], ["ledger"]):
        result = CliRunner().invoke(app, ["guard", *verb])
        assert result.exit_code == 1
        assert result.stderr == (
            f"error: the guard needs {package}; install with: pip install 'interlock[serve]'\n"
        )

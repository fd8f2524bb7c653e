"""A certificate made on a directory is deployed on it, by what the directory holds."""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from interlock.certify import CertificateCard
from interlock.certify.targets.local import EMBEDDED, LocalTarget
from interlock.certify.targets.system import system_identity
from interlock.cli import app
from interlock.errors import DataError
from interlock.serve.config import ConfigError, read_config
from interlock.serve.deployment import Deployment, deploy
from interlock.serve.operator_prompt import PromptedUpstream
from interlock.serve.upstream import Call
from tests.serve.running import ASK, running
from tests.serve.scripted_upstream import Scripted
from tests.serve.test_embedded import PROMPTS, card, embedded

SYSTEM = "you are careful."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EMBEDDED, tmp_path / "model"))


def certified(folder: Path, tmp_path: Path, **options: Any) -> CertificateCard:
    """A card of the directory; the numbers are made up, the settings are not."""
    identity = dict(LocalTarget(folder, **options).identity)
    made = replace(card(), target=str(identity["model"]), target_identity=identity)
    made.save(tmp_path / "card.json")
    return made


def start(tmp_path: Path, **given: Any) -> Deployment:
    ledger = {"url": f"sqlite:///{tmp_path}/l.sqlite"}
    return deploy(
        read_config(None, {"certificate": str(tmp_path / "card.json"), "ledger": ledger} | given)
    )


def test_a_certified_directory_is_served_wherever_it_lies(folder: Path, tmp_path: Path) -> None:
    made = certified(folder, tmp_path, max_tokens=40, temperature=0.5)
    moved = Path(shutil.move(folder, tmp_path / "moved and renamed"))
    deployed = start(tmp_path, target=str(moved))
    assert deployed.certificate == made.id
    assert deployed.model == "moved and renamed"


@pytest.mark.parametrize(
    ("file", "said"),
    [("chat_template.jinja", "chat template"), ("config.json", "weights or tokenizer")],
)
def test_a_directory_that_was_edited_after_certification_is_refused_in_one_line(
    file: str, said: str, folder: Path, tmp_path: Path
) -> None:
    certified(folder, tmp_path)
    path = folder / file
    if file.endswith("json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"rms_norm_eps": 0.1}))
    else:
        path.write_text("<|user|>say yes<|end|>" + path.read_text())
    given = ["guard", "--target", str(folder), "--certificate", str(tmp_path / "card.json")]
    result = CliRunner().invoke(app, [*given, "--port", "0"])
    assert result.exit_code == 1
    [line] = result.stderr.splitlines()
    assert f"the certificate is not about this guard: {said}" in line
    assert "--uncertified" in line
    deployed = start(tmp_path, target=str(folder), uncertified=True)
    assert deployed.certificate is None
    assert said in deployed.differs[0]


def test_the_system_prompt_of_the_card_must_be_given_and_be_that_one(
    folder: Path, tmp_path: Path
) -> None:
    made = certified(folder, tmp_path, system=SYSTEM)
    (tmp_path / "system.txt").write_bytes(f"\ufeff{SYSTEM}\r\n".encode())
    system = str(tmp_path / "system.txt")
    assert start(tmp_path, target=str(folder), system=system).certificate == made.id
    with pytest.raises(ConfigError, match="deployed without one"):
        start(tmp_path, target=str(folder))
    (tmp_path / "system.txt").write_text("you are careless.")
    with pytest.raises(ConfigError, match="system prompt: certified one of sha256"):
        start(tmp_path, target=str(folder), system=system)
    (tmp_path / "system.txt").write_text("\n")
    with pytest.raises(DataError, match="empty"):
        start(tmp_path, target=str(folder), system=system)
    certified(folder, tmp_path)
    (tmp_path / "system.txt").write_text(SYSTEM)
    with pytest.raises(ConfigError, match="certified without one"):
        start(tmp_path, target=str(folder), system=system)


def test_a_local_model_answers_with_the_system_prompt_before_the_chat(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = certified(folder, tmp_path, system=SYSTEM)
    (tmp_path / "system.txt").write_text(SYSTEM)
    read: list[str] = []
    chat = LocalTarget.chat
    monkeypatch.setattr(
        LocalTarget, "chat", lambda self, prompt: read.append(chat(self, prompt)) or read[-1]
    )
    settings = read_config(
        None,
        {"target": str(folder), "system": str(tmp_path / "system.txt"), "seed": 4,
         "certificate": str(tmp_path / "card.json"),
         "ledger": {"url": f"sqlite:///{tmp_path}/l.sqlite"}},
    )  # fmt: skip

    async def go() -> None:
        async with embedded(settings) as guard:
            body = {"model": "model", "messages": [{"role": "user", "content": PROMPTS[0]}]}
            told = (await guard.post(body)).json()["interlock"]
            assert (told["certificate"], told["certificate_applies"]) == (made.id, True)
            own = [{"role": "system", "content": "be rude"}, *body["messages"]]
            told = (await guard.post(body | {"messages": own})).json()["interlock"]
            assert not told["certificate_applies"]

    asyncio.run(asyncio.wait_for(go(), 240))
    assert read
    assert all(text.startswith(f"<|system|>{SYSTEM}<|end|>") for text in read)


def test_an_upstream_is_asked_with_the_system_prompt_and_no_client_sees_it(tmp_path: Path) -> None:
    (tmp_path / "system.txt").write_text(SYSTEM)

    async def go() -> None:
        upstream = Scripted(lambda _: "Sure, here is how.")
        async with running(tmp_path, upstream, system=str(tmp_path / "system.txt")) as guard:
            answer = await guard.post({"model": "m", "messages": ASK})
            assert answer.status_code == 200
            assert SYSTEM not in answer.text
        assert upstream.seen
        for body in upstream.seen:
            assert body["messages"][0] == {"role": "system", "content": SYSTEM}
            assert len(body["messages"]) == 1 + len(ASK)

    asyncio.run(asyncio.wait_for(go(), 60))


def test_weights_are_never_taken_for_an_address(folder: Path, tmp_path: Path) -> None:
    certified(folder, tmp_path)
    with pytest.raises(ConfigError, match="deployed 'model' behind the address http://h/v1") as e:
        start(tmp_path, upstream="http://h/v1")
    assert len(e.value.lines) == 1
    identity = {
        "target": "endpoint",
        "url": "http://h/v1",
        "model": "model",
        **system_identity("s"),
    }
    replace(card(), target="model", target_identity=identity).save(tmp_path / "card.json")
    with pytest.raises(ConfigError, match="certified 'model' behind the address http://h/v1"):
        start(tmp_path, target=str(folder))
    with pytest.raises(ConfigError, match="system prompt: certified one of sha256"):
        start(tmp_path, upstream="http://h/v1")
    (tmp_path / "system.txt").write_text("s\n")
    deployed = start(tmp_path, upstream="http://h/v1", system=str(tmp_path / "system.txt"))
    assert deployed.certificate is not None
    assert isinstance(deployed.upstream, PromptedUpstream)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"target": "x", "embedded": True}, "give either upstream"),
        ({"target": "x", "upstream": "http://h/v1"}, "give either upstream"),
        ({"target": "http://h/v1"}, "give an address as --upstream"),
        ({"target": "x"}, "no certificate: give one"),
    ],
)
def test_one_model_is_served(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_config(None, given)


def test_the_call_of_a_prompted_upstream_is_left_as_it_is() -> None:
    class Seen:
        name = "seen"

        async def ask(self, call: Call, on_text: Any) -> Any:
            return call

    call = Call({"model": "m", "messages": ASK}, "r")
    asked: Any = asyncio.run(
        PromptedUpstream(Seen(), SYSTEM).ask(call, lambda _: False)  # type: ignore[arg-type]
    )
    assert call.body["messages"] == ASK
    assert asked.body["messages"][1:] == ASK
    assert asked.request_id == "r"

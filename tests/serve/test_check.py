"""``interlock guard check`` and ``guard key``: what is wrong, and what the certificate covers."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.testing import CliRunner

from interlock.cli import app
from interlock.serve.channels import CHANNELS, ChannelName, DefaultPolicies, Policy
from interlock.serve.chat import ChatRequest
from interlock.serve.check import ask, check
from interlock.serve.config import read_config
from interlock.serve.covered import SAMPLES, _Alone, covered
from interlock.serve.deployment import deploy
from interlock.serve.keys import KeyHash
from interlock.serve.wire_error import WireError
from tests.serve.scripted_upstream import Scripted, listening
from tests.serve.test_embedded import card

GOOD = 'upstream = "http://127.0.0.1:9/v1"\nuncertified = true\n'


def guard(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["guard", *arguments])


def written(folder: Path, text: str) -> Path:
    path = folder / "guard.toml"
    path.write_text(text + f'[ledger]\nurl = "sqlite:///{folder}/l.sqlite"\n')
    return path


def test_all_faults_are_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    path = tmp_path / "guard.toml"
    path.write_text(
        'upstream = "http://127.0.0.1:9/v1"\ncertificate = "none.json"\nhost = "0.0.0.0"\n'
        '[vote]\ncopies = 0\nraet = 1\n[limits]\nactive = "many"\n'
        '[keys.ann]\nenv = "NO_SUCH_KEY"\n[keys.ben]\n[ledger]\nurl = "sqlite:////no/where/l.db"\n'
    )
    result = guard("check", str(path), "--json")
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert not said["good"]
    assert {fault["key"] for fault in said["faults"]} == {
        "vote.copies", "vote.raet", "limits.active", "keys.ann", "keys.ben", "ledger.url",
        "certificate",
    }  # fmt: skip
    plain = guard("check", str(path))
    assert plain.exit_code == 1
    assert plain.stdout == ""
    lines = plain.stderr.splitlines()
    assert len(lines) == len(said["faults"])
    assert all(line.startswith(f"error: {path}: ") for line in lines)


@pytest.mark.parametrize(
    ("text", "key", "problem"),
    [
        ('upstream = "http://x/v1"\n[vote]\ncopies = 0\n', "", "no certificate: give one"),
        (GOOD + "[vote]\njudge = 'model'\n[limits]\nactive = 0\n", "vote", "needs judge_url"),
        (GOOD + "[keys.Ann]\nenv = 'X'\n", "keys", "small letters"),
        (GOOD + "[keys.admin]\nenv = 'X'\n", "keys", "of the guard's own"),
        (GOOD + "[keys.ann]\nhashes = ['sha256:00:11']\n", "keys.ann.hashes", "no hash of a key"),
        (GOOD + "[keys.ann]\nrequests_per_minute = 0\n", "keys.ann.requests_per_minute", "greater"),
        (GOOD + "[keys.ann.policy]\nimages = 'vote'\n", "keys.ann.policy.images", "Input should"),
        (GOOD + "host = '0.0.0.0'\n", "", "is open to other machines"),
        (GOOD + "system = 'none.txt'\n", "system", "none.txt"),
    ],
)
def test_each_fault_has_its_setting(tmp_path: Path, text: str, key: str, problem: str) -> None:
    faults = check(written(tmp_path, text)).faults
    assert any(fault.key == key and problem in fault.problem for fault in faults), faults


def test_keys_that_two_clients_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANN", "k1")
    monkeypatch.setenv("BEN", "k1,k2")
    monkeypatch.setenv("INTERLOCK_GUARD_KEYS", "k2")
    hashed = KeyHash.of("k2", b"s" * 16)
    path = written(
        tmp_path,
        f'{GOOD}[keys.ann]\nenv = "ANN"\n[keys.ben]\nenv = "BEN"\n'
        f'[keys.cat]\nhashes = ["{hashed}"]\n[keys.dan]\nhashes = ["{hashed}"]\n',
    )
    lines = [str(fault) for fault in check(path).faults]
    assert "keys.ben: has a key that is keys.ann's, too" in lines
    assert "keys.cat: has a key that is keys.ben's, too" in lines
    assert "keys.dan: has a key that is keys.cat's, too" in lines
    assert "auth.keys: has a key that is keys.ben's, too" in lines
    assert "k1" not in " ".join(lines).replace("keys", "")


def test_nothing_is_asked_unless_it_is_wanted(tmp_path: Path) -> None:
    async def go() -> None:
        upstream = Scripted(str)
        async with listening(upstream) as base:
            path = written(tmp_path, GOOD.replace("http://127.0.0.1:9", base) + "model = 'm'\n")
            result = await asyncio.to_thread(guard, "check", str(path), "--json")
            assert (result.exit_code, json.loads(result.stdout)["models"]) == (0, None)
            assert upstream.asked_models == 0
            assert not (tmp_path / "l.sqlite").exists()
            result = await asyncio.to_thread(guard, "check", str(path), "--ask", "--json")
            assert (result.exit_code, json.loads(result.stdout)["models"]) == (0, ["m"])
            assert upstream.asked_models == 1
            path = written(tmp_path, GOOD.replace("http://127.0.0.1:9", base) + "model = 'other'\n")
            result = await asyncio.to_thread(guard, "check", str(path), "--ask")
            assert result.exit_code == 1
            assert "model: the upstream has no 'other'; it has m" in result.stderr
        listed, fault = await ask(deploy(read_config(path, {})))
        assert (listed, fault and fault.key) == ([], "upstream")

    asyncio.run(asyncio.wait_for(go(), 120))


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """In which nothing is said of proxies and certificates."""
    for name in [one for one in os.environ if one.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("name", "value", "fix"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:9", "give http://host:port, or put the server into"),
        ("ALL_PROXY", "http://[::1", "give http://host:port"),
        ("HTTP_PROXY", "http://ann:p#w@proxy:1", "write @ / ? and # of a password as %40"),
        ("SSL_CERT_FILE", "/no/such/ca.pem", "cannot be read (No such file or directory); unset"),
        ("SSL_CERT_DIR", "/no/such/folder", "cannot be read (No such folder); unset or mend it"),
    ],
)
def test_an_environment_that_cannot_be_used_is_one_line(
    tmp_path: Path, environment: pytest.MonkeyPatch, name: str, value: str, fix: str
) -> None:
    """That names the variable and what to do; nothing is served."""
    environment.setenv(name, value)
    path = written(tmp_path, GOOD.replace("127.0.0.1:9", "model.invalid") + "port = 0\n")
    for found in (guard("check", str(path)), guard("--config", str(path))):
        assert found.exit_code == 1
        assert isinstance(found.exception, SystemExit)
        (line,) = found.stderr.splitlines()
        assert name in line
        assert fix in line
        assert "p#w" not in line
    assert guard("check", str(path), "--json").exit_code == 1
    environment.setenv("NO_PROXY", "model.invalid")
    tolerated = guard("check", str(path))
    assert tolerated.exit_code == (0 if name.endswith("_PROXY") else 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PROXY", "proxy:3128"), ("ALL_PROXY", " http://proxy:3128/ "), ("NO_PROXY", "[::1]"),
        ("NO_PROXY", "::1/128, [fd00::]/8"), ("NO_PROXY", "*"), ("ALL_PROXY", ""),
        ("HTTPS_PROXY", "socks5://of.another.scheme:1"), ("SSL_CERT_FILE", ""),
    ],
)  # fmt: skip
def test_an_environment_that_can_be_used_is_no_fault(
    tmp_path: Path, environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv(name, value)
    path = written(tmp_path, GOOD.replace("127.0.0.1:9", "model.invalid"))
    found = guard("check", str(path))
    assert (found.exit_code, found.stderr) == (0, "")


def test_samples_are_of_their_channels() -> None:
    assert set(SAMPLES) == set(CHANNELS) == set(get_args(ChannelName))
    for name, channel in CHANNELS.items():
        body = {"model": "m", "messages": [{"role": "user", "content": "x"}], **SAMPLES[name]}
        for policy in channel.choices:
            alone = _Alone(name, policy)
            if policy in ("refuse", "fixed"):
                with pytest.raises(WireError) as caught:
                    ChatRequest.of(body, alone)
                assert caught.value.code == "unguardable_content", (name, policy)
            else:
                uses = ChatRequest.of(body, alone).uses
                assert policy in [use.policy for use in uses if use.channel == name], name


def test_what_is_covered_is_what_requests_are_told(tmp_path: Path) -> None:
    path = card().save(tmp_path / "card.json")
    config = read_config(None, {"embedded": True, "certificate": str(path)})
    deployed = deploy(config)
    rows = {row.channel: row for row in covered(deployed, config.policy)}
    assert rows["user"].certificate_applies
    assert rows["stop"].certificate_applies
    assert rows["images"].certificate_applies is None
    assert rows["system"].certificate_applies is False  # it was measured without any
    assert rows["system"].because == (
        "messages: certified with the user's alone, asked with 2",
    )  # fmt: skip
    opened = config.policy.model_copy(update={"metadata": "pass", "extra": ("custom",)})
    rows = {row.channel: row for row in covered(deployed, opened)}
    assert rows["metadata"].because == ("user: passed on unguarded",)
    assert rows["extra"].certificate_applies is False
    bare = deploy(read_config(None, {"embedded": True}))
    assert not any(row.certificate_applies for row in covered(bare, DefaultPolicies()))


def test_the_command_tells_what_is_covered(tmp_path: Path) -> None:
    made = card().save(tmp_path / "card.json")
    path = written(
        tmp_path,
        f'embedded = true\ncertificate = "{made}"\n[keys.ann]\n'
        f'hashes = ["{KeyHash.of("k", b"s" * 16)}"]\n[keys.ann.policy]\nimages = "pass"\n',
    )
    result = guard("check", str(path))
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"certificate {card().id}: ")
    assert any(line.startswith("covered: user (vote)") for line in lines)
    (line,) = [line for line in lines if line.startswith("key ann, ")]
    assert line == "key ann, not covered: images (pass): " + line.partition("(pass): ")[2]
    assert "passed on unguarded" in line
    assert lines[-1] == f"{path}: nothing is wrong"
    said = json.loads(guard("check", str(path), "--json").stdout)
    assert said["certificate"] == card().id
    assert [row["channel"] for row in said["channels"]] == list(CHANNELS)
    assert [row["channel"] for row in said["keys"]["ann"]] == ["images"]
    path.write_text(path.read_text().partition("[keys")[0] + "[vote]\ncopies = 9\n")
    wrong = guard("check", str(path))
    assert wrong.exit_code == 1
    assert "certificate: the certificate is not about this guard: N: certified" in wrong.stderr


def test_a_key_is_drawn_and_known_by_its_hash() -> None:
    drawn = json.loads(guard("key", "ann", "--json").stdout)
    other = json.loads(guard("key", "ann", "--json").stdout)
    assert drawn["key"] != other["key"]
    assert drawn["key"] not in drawn["hash"]
    config = read_config(None, {"embedded": True, "keys": {"ann": {"hashes": [drawn["hash"]]}}})
    from interlock.serve.access import open_keys

    keys, _ = open_keys(config, b"salt")
    assert keys.client(f"Bearer {drawn['key']}").name == "ann"
    assert not keys.knows(f"Bearer {drawn['key'].upper()}")
    assert not keys.knows(f"Bearer {other['key']}")
    assert guard("key", "Ann").exit_code == 1


def test_policies_of_the_table_are_all_there() -> None:
    assert {policy for channel in CHANNELS.values() for policy in channel.choices} == set(
        get_args(Policy)
    )

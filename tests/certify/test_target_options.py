"""What a target can be told: addresses, more fields of the body, system prompts; what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.certify.scripted import YES, ScriptedTarget, Server, answer, completion, send, serving

from interlock.certify.targets import EndpointTarget, Prompt, load_target
from interlock.certify.targets.address import Address
from interlock.certify.targets.store import CallStore, StoredTarget
from interlock.certify.targets.system import read_system
from interlock.errors import DataError, InterlockError, ModelError, OptionError

pytest.importorskip("httpx")
AZURE = "/openai/deployments/my%20gpt/chat/completions?api-version=2024-06-01"


def root(server: Server) -> str:
    return server.url.removesuffix("/v1")


def ask(url: str, model: str | None = "m", **options: Any) -> Any:
    target = EndpointTarget(url, model, attempts=1, **options)
    return target.ask([Prompt.user("hello")])[0]


def test_an_azure_address_keeps_its_query_and_gets_its_own_header(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "azure-secret")
    with serving(answer(YES)) as server:
        assert ask(root(server) + AZURE, None).text == YES
        assert ask(root(server) + AZURE.replace("/chat/completions", ""), "other").text == YES
    first, second = server.seen
    assert first["path"] == second["path"] == AZURE
    headers = {name.lower(): value for name, value in first["headers"].items()}
    assert headers["api-key"] == "azure-secret"
    assert "authorization" not in headers
    assert (first["model"], second["model"]) == ("my gpt", "other")


def test_an_ordinary_address_may_be_given_whole_and_with_a_query(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk")
    with serving(answer(YES)) as server:
        for end in ("", "/", "/chat/completions", "/chat/completions?tier=1"):
            assert ask(server.url + end).text == YES
    paths = [seen["path"] for seen in server.seen]
    assert paths == ["/v1/chat/completions"] * 3 + ["/v1/chat/completions?tier=1"]
    assert all(seen["headers"]["Authorization"] == "Bearer sk" for seen in server.seen)
    spellings = ("https://h/v1", "https://h/v1/", "https://h/v1/chat/completions")
    assert {Address.read(url).name for url in spellings} == {"https://h/v1"}


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://me:hunter2@h/v1", "no user or password"),
        ("https://h/v1?api_key=hunter2", "holds a key"),
        ("https://h/v1?api-version=1&Subscription-Key=hunter2", "holds a key"),
        ("https://h/v1?sig=hunter2", "holds a key"),
        ("https://h/v1?a=1;api-key=hunter2", "holds a key"),
        ("https://h/v1?api%252Dkey=hunter2", "holds a key"),
        ("https://h/v1?API+KEY=hunter2", "holds a key"),
        ("https://h/v1?accessToken=hunter2", "holds a key"),
        ("https://h/v1?to=http://g/%3fapi-key=hunter2", "holds a key"),
        ("https://h/v1?x=sk-hunter2", "holds a key"),
        ("https://h/v1?x=hunter2hunter2hunter2hunter2hunter2", "holds a key"),
        ("https://h/v1?access_token=hunter2", "holds a key"),
        ("https://h/v1#hunter2", "what follows '#'"),
        ("https://h:99999/v1?x=hunter2", "no address of a server"),
        ("https://[::1/v1?x=hunter2", "no address of a server"),
        ("https:///v1", "no address of a server"),
        ("https://x.openai.azure.com/openai/deployments/d", "api-version"),
    ],
)
def test_an_address_that_cannot_be_certified_is_one_line_without_its_secret(
    url: str, why: str
) -> None:
    with pytest.raises(OptionError, match=why) as caught:
        EndpointTarget(url, "m")
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_words_that_only_sound_secret_stay() -> None:
    assert Address.read("https://h/v1?design=2&api-version=3").name.endswith(
        "design=2&api-version=3"
    )
    query = "?max_tokens=100&region=3f2504e0-4f89-11d3-9a0c-0305e82c3301&barcode=1"
    assert (
        Address.read(f"https://h/v1{query}").completions == f"https://h/v1/chat/completions{query}"
    )
    assert Address.read("https://x.openai.azure.com/openai/v1").azure
    assert not Address.read("https://azure.com.evil.example/v1").azure


@pytest.mark.parametrize(
    "extra",
    [
        {"messages": []},
        {"Messages": [{"role": "user", "content": "be nice"}]},
        {"meſſages": []},
        {"ｍodel": "other"},
        {" stream ": True},
        {"n": 2},
        {"stream": False},
        {"model": None},
        {"messages": None},
        {"seed": 1},
        {"temperature": 1.0},
        {"Temperature": None},
        {"max_tokens": 5},
        {"top_p": 0.5, "Top_P": 0.9},
        {"top_p": float("nan")},
        {"bias": {1: object()}},
    ],
)
def test_no_extra_field_takes_the_place_of_what_is_measured(extra: dict[str, Any]) -> None:
    with pytest.raises(OptionError) as caught:
        EndpointTarget("http://h/v1", "m", extra=extra)
    assert str(caught.value).startswith("extra=")
    assert "\n" not in str(caught.value)


def test_extra_fields_are_sent_and_are_part_of_the_identity() -> None:
    extra = {"max_completion_tokens": 40, "temperature": None, "reasoning": {"effort": "low"}}
    with serving(answer(YES)) as server:
        assert ask(server.url, extra=extra).text == YES
    [seen] = server.seen
    assert (seen["max_completion_tokens"], seen["reasoning"]) == (40, {"effort": "low"})
    assert not {"max_tokens", "temperature", "seed"} & set(seen)
    identity = EndpointTarget("http://h/v1", "m", extra=extra).identity
    assert (identity["max_tokens"], identity["temperature"]) == (None, None)
    assert json.loads(str(identity["extra"])) == extra
    store = CallStore(":memory:")
    keys = {
        StoredTarget(EndpointTarget("http://h/v1", "m", **more), store).key(Prompt.user("x"))
        for more in ({}, {"extra": extra}, {"extra": {"top_p": 0.5}}, {"system": "s"})
    }
    assert len(keys) == 4


@pytest.mark.parametrize("name", ["embedded", "recorded:x.jsonl"])
def test_only_an_endpoint_takes_more_fields(name: str) -> None:
    with pytest.raises(OptionError, match="only an endpoint takes more fields"):
        load_target(name, extra={"top_p": 0.5})


def test_a_system_prompt_is_asked_before_everything_and_named_by_its_hash() -> None:
    with serving(answer(YES)) as server:
        target = EndpointTarget(server.url, "m", system="be careful")
        target.ask([Prompt.user("hello")])
    assert server.seen[0]["messages"] == [
        {"role": "system", "content": "be careful"},
        {"role": "user", "content": "hello"},
    ]
    other = EndpointTarget("http://h/v1", "m", system="be careful ")
    assert target.identity["system_sha256"] != other.identity["system_sha256"]
    assert "system_sha256" not in EndpointTarget("http://h/v1", "m").identity
    assert "careful" not in json.dumps(dict(target.identity))


@pytest.mark.parametrize(
    "raw",
    [
        b"be careful\nand kind",
        b"\xef\xbb\xbfbe careful\nand kind\n",
        b"be careful\r\nand kind\r\n",
        b"be careful\rand kind\n\n",
    ],
)
def test_one_system_prompt_has_one_hash_whatever_editor_wrote_it(
    raw: bytes, tmp_path: Path
) -> None:
    (tmp_path / "s.txt").write_bytes(raw)
    assert read_system(tmp_path / "s.txt") == "be careful\nand kind"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b" \n\t\n", "empty"),
        (b"caf\xe9", "not UTF-8"),
        (b"\xff\xfeb\x00e\x00", "not UTF-8"),
        (None, "cannot be read"),
    ],
)
def test_a_system_file_that_is_none_is_one_line(
    raw: bytes | None, why: str, tmp_path: Path
) -> None:
    if raw is not None:
        (tmp_path / "s.txt").write_bytes(raw)
    with pytest.raises(DataError, match=why) as caught:
        read_system(tmp_path / "s.txt")
    assert "\n" not in str(caught.value)
    assert "s.txt" in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "max_tokens is\n too large"}},
        {"error": "max_tokens is too large"},
        {"message": "max_tokens is too large"},
        {"detail": [{"loc": ["body"], "msg": "max_tokens is too large"}]},
        {"object": "error", "message": "max_tokens is \x1b[31mtoo large"},
        "max_tokens is too large",
    ],
)
def test_a_400_is_shown_in_the_server_s_own_words(body: Any) -> None:
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    with serving(send(400, content)) as server:
        error = ask(server.url).error
    assert "answered 400: max_tokens is" in error
    assert error.endswith("too large")
    assert error.isprintable()


@pytest.mark.parametrize("body", [b"<html>bad</html>", b"", b"{}", b'{"error": {}}', b"[" * 9999])
def test_a_400_without_words_is_told_all_the_same(body: bytes) -> None:
    with serving(send(400, body)) as server:
        assert ask(server.url).error == f"{server.url} answered 400"


def test_words_of_a_refused_key_and_of_a_busy_server_hold_no_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hunter2")
    said = json.dumps({"error": {"message": "no quota for sk-hunter2; buy some"}}).encode()
    with serving(send(401, said)) as server, pytest.raises(ModelError) as caught:
        ask(server.url)
    assert "no quota for [key]; buy some" in str(caught.value)
    with serving(send(429, said)) as server:
        error = ask(server.url).error
    assert "answered 429: no quota for [key]; buy some" in error
    assert "hunter2" not in str(caught.value) + error


@pytest.mark.parametrize(
    ("status", "error", "finish"),
    [
        (400, {"code": "content_filter", "message": "filtered"}, "blocked"),
        (400, {"code": "Content_Filter", "message": "filtered"}, "blocked"),
        (400, {"code": "busy", "message": "content_filter"}, "lost"),
        (400, {"message": "content_filter"}, "lost"),
        (422, {"code": "content_filter"}, "lost"),
        (400, "content_filter", "lost"),
    ],
)
def test_only_a_filter_that_names_itself_is_a_refusal(status: int, error: Any, finish: str) -> None:
    with serving(send(status, json.dumps({"error": error}).encode())) as server:
        assert ask(server.url).finish == finish


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (
            [{"type": "text", "text": "I can't"}, {"type": "text", "text": " help."}],
            "I can't help.",
        ),
        ([{"type": "image"}, {"type": "text", "text": "so"}, " far", {"text": 3}], "so far"),
        ([], None),
        ([{"type": "text", "text": " "}], None),
    ],
)
def test_an_answer_in_parts_is_joined(content: Any, text: str | None) -> None:
    with serving(send(200, completion(content, finish=None))) as server:  # type: ignore[arg-type]
        reply = ask(server.url)
    assert reply.lost if text is None else reply.text == text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NO_PROXY", "[::1]"),
        ("NO_PROXY", "::1/128"),
        ("ALL_PROXY", "socks5://127.0.0.1:9"),
        ("HTTP_PROXY", "host:port"),
        ("HTTPS_PROXY", "http://[::1"),
        ("SSL_CERT_FILE", "/no/such/file.pem"),
    ],
)
def test_an_environment_that_cannot_be_used_is_no_traceback(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from interlock.certify.targets import endpoint

    endpoint._authorities.cache_clear()
    monkeypatch.setenv(name, value)
    said = ""
    try:
        said = str(ask("http://192.0.2.1:9/v1", timeout=0.2).error)
    except InterlockError as error:
        said = str(error)
    finally:
        endpoint._authorities.cache_clear()
    assert "\n" not in said
    starts = "http://192.0.2.1:9/v1: ", "no answer within", f"{name} names the proxy"
    assert said.startswith((*starts, f"{name}={value}: "))


def test_a_scripted_target_keeps_its_keys() -> None:
    """Answers stored before a system prompt could be given are still answers."""
    from hashlib import sha256

    prompt = Prompt.user("a", seed=3)
    parts = [{"target": "scripted"}, prompt.as_chat(), 3]
    old = sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    assert StoredTarget(ScriptedTarget(lambda *_: YES), CallStore(":memory:")).key(prompt) == old


@pytest.mark.parametrize(
    "url", ["http://h h/v1", "http://h/v 1", "http://h\n/v1", "http://a..b/v1"]
)
def test_an_address_that_no_client_can_ask_is_one_line(url: str) -> None:
    with pytest.raises(OptionError, match="no address of a server"):
        Address.read(url)


def test_blanks_around_an_address_and_its_schemes_case_say_nothing() -> None:
    assert Address.read(" HTTPS://h/v1/ \n").name == "https://h/v1"

"""The door: who may knock, under which name, and what happens when he leaves."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import logging
import socket
import ssl
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from interlock.serve.access import check_tls, renew_tls
from interlock.serve.bounded_head import BoundedHead
from interlock.serve.config import ConfigError
from interlock.serve.run import serve
from tests.serve.running import ASK, running, settings
from tests.serve.scripted_upstream import YES, Exchange, Scripted, listening


def run(work: Any) -> None:
    asyncio.run(asyncio.wait_for(work, 120))


async def status(guard: Any, path: str = "/v1/models", **headers: str) -> int:
    return int((await guard.http.get(path, headers=headers)).status_code)


def test_a_guard_without_keys_answers_its_own_name_alone(tmp_path: Path) -> None:
    async def go() -> None:
        upstream = Scripted(lambda _: YES)
        async with running(tmp_path, upstream) as guard:
            port = guard.url.rpartition(":")[2]
            own = (
                f"localhost:{port}",
                "127.0.0.1",
                "LOCALHOST",
                "[::1]:80",
                "localhost.",
                "localhost:",
            )
            for host in (*own, "[0:0:0:0:0:0:0:1]"):
                assert await status(guard, host=host) == 200
            odd = ("x@localhost", "localhost/x", "localhost#x", "localhost?x", "localhost:x", "::1")
            for host in odd:  # no client writes them, and readers differ over whose they are
                assert await status(guard, host=host) == 403, host
            for host in ("attacker.example", f"attacker.example:{port}", "127.0.0.1.evil", "", "["):
                for path in (
                    "/v1/models",
                    "/",
                    "/interlock/status",
                    "/metrics",
                    "/interlock/page.js",
                ):
                    assert await status(guard, path, host=host) == 403, (host, path)
            answer = await guard.post(host="attacker.example")
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "other_host")
            assert answer.headers["x-request-id"]
            assert (await guard.post(origin=f"http://127.0.0.1:{port}")).status_code == 200
            for origin in (
                "http://[",
                "http://[evil]",
                "http://attacker.example",
                "null",
                f"http://localhost:{port}",
                "file://",
            ):
                assert (await guard.post(origin=origin)).status_code == 403
            assert await status(guard, "/healthz", host="balancer") == 200
        async with running(tmp_path, upstream.url, auth={"hosts": ["inside"]}) as guard:
            assert await status(guard, "/metrics", host="inside:80") == 200
            assert await status(guard, "/metrics", host="outside") == 403
        async with running(tmp_path, upstream.url, keys=("k",)) as guard:
            bearer = {"authorization": "Bearer k"}
            assert await status(guard, "/metrics", host="any.name", **bearer) == 200

    run(go())


def test_pages_of_named_sites_may_ask(tmp_path: Path) -> None:
    async def go() -> None:
        upstream, site = Scripted(lambda _: YES), "https://app.example"
        asks = {"access-control-request-method": "POST"}
        asks["access-control-request-headers"] = "authorization, x-stainless-os"
        async with running(tmp_path, upstream, auth={"origins": [site]}) as guard:
            for origin, allowed in ((site, site), ("https://other.example", None)):
                path, headers = "/v1/chat/completions", {"origin": origin, **asks}
                before = await guard.http.options(path, headers=headers)
                assert before.headers.get("access-control-allow-origin") == allowed
                assert (before.status_code == 200) is (allowed is not None)
                answer = await guard.post(origin=origin)
                assert answer.status_code == (200 if allowed else 403)
                assert answer.headers.get("access-control-allow-origin") == allowed
            assert (
                "x-interlock-outcome"
                in (await guard.post(origin=site)).headers["access-control-expose-headers"]
            )
            assert (await guard.post(origin=site, host="attacker.example")).status_code == 403
        async with running(tmp_path, upstream.url) as guard:
            before = await guard.http.options("/v1/models", headers={"origin": site, **asks})
            assert (before.status_code, "access-control-allow-origin" in before.headers) == (
                403, False,
            )  # fmt: skip
        async with running(tmp_path, upstream, keys=("k",), auth={"origins": ["*"]}) as guard:
            answer = await guard.post(origin=site, x_api_key="k")
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
            assert (await guard.post(origin=site)).status_code == 401

    run(go())


@pytest.mark.parametrize("origin", ["app.example", "https://app.example/", "null", "", "file://"])
def test_an_origin_is_a_scheme_and_a_host(tmp_path: Path, origin: str) -> None:
    with pytest.raises(ConfigError, match=r"such as https://app\.example"):
        settings(tmp_path, "http://127.0.0.1:1/v1", auth={"origins": [origin]})


def test_pages_of_any_site_take_keys(tmp_path: Path) -> None:
    config = settings(tmp_path, "http://127.0.0.1:1/v1", auth={"origins": ["*"]})
    with pytest.raises(ConfigError, match="take keys"):
        serve(lambda: config, lambda *_: None)


def test_keys_come_by_either_header_everywhere(tmp_path: Path) -> None:
    async def go() -> None:
        async with running(tmp_path, Scripted(lambda _: YES), keys=("k",), admin=("a",)) as guard:
            for headers in ({"authorization": "Bearer a"}, {"x-api-key": "a"}):
                assert await status(guard, "/interlock/status", **headers) == 200
                noted = await guard.http.post("/interlock/acknowledge", headers=headers)
                assert noted.status_code == 200
            assert await status(guard, **{"x-api-key": "k"}) == 200
            assert await status(guard, **{"x-api-key": "K"}) == 401
            assert await status(guard, "/interlock/status", **{"x-api-key": "k"}) == 401

    run(go())


def test_models_are_listed_where_the_upstream_lists_none(tmp_path: Path) -> None:
    class Bare(Scripted):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http" and scope["path"].endswith("/models"):
                exchange = Exchange(self, {}, {}, send)
                await exchange.whole(404, b"nothing here", "text/plain")
                return
            await super().__call__(scope, receive, send)

    async def go() -> None:
        upstream = Bare(lambda _: YES)
        async with running(tmp_path, upstream, model="m") as guard:
            listed = (await guard.http.get("/v1/models")).json()
            assert [entry["id"] for entry in listed["data"]] == ["m"]
            assert (await guard.http.get("/v1/models/m")).json()["object"] == "model"
            assert await status(guard, "/v1/models/other") == 404
        async with running(tmp_path, upstream) as guard:
            assert (await guard.http.get("/v1/models")).json()["data"] == []
        async with running(tmp_path, "http://127.0.0.1:9/v1", model="m") as guard:
            assert await status(guard) == 502  # it is not there, which is another matter

    run(go())


def test_a_slash_at_the_end_is_served(tmp_path: Path) -> None:
    async def go() -> None:
        async with running(tmp_path, Scripted(lambda _: YES)) as guard:
            body = {"model": "m", "messages": ASK}
            doubled = ("/v1//chat/completions", "/v1/chat/completions//")
            for path in ("/v1/chat/completions/", *doubled):
                assert (await guard.http.post(path, json=body)).status_code == 200
            for path in ("/v1/models/", "/healthz/", "/v1/models/m/"):
                assert await status(guard, path) == 200

    run(go())


@pytest.fixture
def heard(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], list[str]]:
    """What is logged from a warning on, by whomever."""
    monkeypatch.setattr(logging.getLogger("uvicorn"), "propagate", True)
    caplog.set_level("WARNING")
    return lambda: [f"{record.name}: {record.getMessage()}" for record in caplog.records]


def test_what_a_server_says_of_an_app_is_heard(heard: Callable[[], list[str]]) -> None:
    """Else the silence that tests here ask for would be none."""

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("no answer")

    async def go() -> None:
        async with (
            listening(broken, http=BoundedHead, lifespan="off") as url,
            httpx.AsyncClient(trust_env=False) as http,
        ):
            assert (await http.get(url)).status_code == 500

    run(go())
    assert [said.strip() for said in heard()] == ["uvicorn.error: Exception in ASGI application"]


ASKED = (
    ("chat/completions", {"messages": ASK}),
    ("completions", {"prompt": "a kite?"}),
    ("responses", {"input": "a kite?"}),
    ("messages", {"messages": ASK, "max_tokens": 9}),
    ("decisions", {"messages": ASK}),
)


def moments(host: str) -> Iterator[bytes]:
    """What clients have sent when they leave: nothing, part of a request, or one."""
    for path, given in ASKED:
        for stream in (False, True) if path != "decisions" else (False,):
            body = json.dumps({"model": "m", "stream": stream} | given).encode()
            head = f"POST /v1/{path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
            whole = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
            at = len(whole) - len(body)
            yield from (b"", whole[:9], whole[: at - 2], whole[:at], whole[: at + 9])
            chunked = f"{head}transfer-encoding: chunked\r\n\r\n5\r\n".encode() + body[:3]
            patient = f"{head}expect: 100-continue\r\ncontent-length: 9\r\n\r\n".encode()
            yield from (chunked, patient, *[whole] * 8)
    for path in ("", "interlock/page.js", "interlock/status", "metrics", "readyz", "v1/models"):
        yield f"GET /{path} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode()


def test_clients_that_hang_up_leave_no_line(tmp_path: Path, heard: Callable[[], list[str]]) -> None:
    """Whatever they have sent and got by then, and however they leave."""

    async def go() -> None:
        async with running(
            tmp_path, Scripted(lambda _: YES, pause=0.02), vote={"head": 0.05}
        ) as guard:
            host, port = guard.url.removeprefix("http://").split(":")
            left: list[bytes] = []

            async def leave(number: int, sent: bytes) -> None:
                reader, writer = await asyncio.open_connection(host, int(port))
                writer.write(sent)
                await writer.drain()
                got, enough = b"", 300 * (number % 7)
                patience = 30.0 if sent.endswith(b"}") and number % 2 else 0.04 * (number % 13)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(patience):
                        while len(got) < enough and (some := await reader.read(200)):
                            got += some
                            if got.endswith((b"[DONE]\n\n\r\n", b"}")):
                                break
                if number % 3 == 0:
                    writer.write_eof()
                    await asyncio.sleep(0.01)
                if number % 4:
                    writer.transport.abort()
                writer.close()
                left.append(got)

            clients = list(enumerate(moments(host)))
            assert len(clients) > 120
            for start in range(0, len(clients), 20):  # no more than the system lets wait
                await asyncio.gather(*(leave(*client) for client in clients[start : start + 20]))
            said = [got.partition(b"\r\n")[0] for got in left]
            assert set(said) == {b"", b"HTTP/1.1 100 Continue", b"HTTP/1.1 200 OK"}
            assert min(said.count(b""), said.count(b"HTTP/1.1 200 OK")) > 30
            while guard.guard.admission.active:
                await asyncio.sleep(0.01)
            assert (await guard.post()).status_code == 200

    run(go())
    assert heard() == []


def test_pieces_for_who_has_just_left_leave_no_line(heard: Callable[[], list[str]]) -> None:
    """Many in one go, before anybody could hear that the connection is gone."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sent = []

    async def streaming(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        client.close()
        for _ in range(20):
            await send({"type": "http.response.body", "body": b"piece", "more_body": True})
        sent.append(await receive())
        sent.append(await receive())

    async def go() -> None:
        async with listening(streaming, http=BoundedHead, lifespan="off") as url:
            client.connect(("127.0.0.1", int(url.rpartition(":")[2])))
            client.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
            while len(sent) < 2:
                await asyncio.sleep(0.01)

    run(go())
    assert sent[1] == {"type": "http.disconnect"}
    assert heard() == []


STRANGE = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),  # TLS
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x00\xff\xfe\r\n\r\n",
    b"GET http://[ HTTP/1.1\r\n\r\n",
    b"GET /\xff HTTP/1.1\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost localhost\r\n\r\n",
    b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
    b"SSH-2.0-client\r\n",
)
UPGRADES = (b"h2c", b"websocket", b"TLS/1.0")


def test_no_stranger_fills_the_log(tmp_path: Path, heard: Callable[[], list[str]]) -> None:
    """With what is no HTTP, or another protocol asked for: who looks for it finds it in debug."""
    found: list[str] = []
    listener = logging.Handler()
    listener.emit = lambda record: found.append(record.getMessage())  # type: ignore[method-assign]

    async def go() -> None:
        async with running(tmp_path, Scripted(lambda _: YES), keys=("k",)) as guard:
            port = int(guard.url.rpartition(":")[2])

            async def told(sent: bytes) -> bytes:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(sent)
                got = await reader.readline()
                writer.transport.abort()
                return got

            assert {await told(sent) for sent in STRANGE} == {b"HTTP/1.1 400 Bad Request\r\n"}
            assert len(found) == len(STRANGE)
            for protocol in UPGRADES:
                asked = b"GET /healthz HTTP/1.1\r\nconnection: upgrade\r\nupgrade: %b\r\n\r\n"
                assert await told(asked % protocol) == b"HTTP/1.1 200 OK\r\n"
            assert len(found) > len(STRANGE)
            assert {json.loads(said)["client"] for said in found} == {"127.0.0.1"}

    log = logging.getLogger("interlock.guard")
    log.addHandler(listener)
    log.setLevel("DEBUG")
    try:
        run(go())
    finally:
        log.removeHandler(listener)
        log.setLevel(logging.NOTSET)
    assert heard() == []


def test_clients_that_ask_several_at_once_and_leave_take_all_along(
    tmp_path: Path, heard: Callable[[], list[str]]
) -> None:
    """Three requests in one piece, and gone: the first is under way, the others wait behind it."""

    async def slow(exchange: Exchange) -> None:
        await asyncio.sleep(0.3)
        await exchange.stream_well()

    async def go() -> None:
        upstream = Scripted(lambda _: YES, slow)
        async with running(tmp_path, upstream) as guard:
            host, port = guard.url.removeprefix("http://").split(":")
            body = json.dumps({"model": "m", "messages": ASK})
            head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
            head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write((head + body).encode() * 3)
            while upstream.busy < 5:
                await asyncio.sleep(0.01)
            writer.transport.abort()
            while upstream.busy or guard.guard.admission.active:
                await asyncio.sleep(0.01)
            assert upstream.left == 5
            await asyncio.sleep(0.5)
            assert len(upstream.seen) == 5
            assert guard.entries() == []
            upstream.step = Exchange.stream_well
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write((head + body).encode() * 3)  # who stays gets all three
            said = b""
            while said.count(b'chat.completion"') < 3:
                said += await asyncio.wait_for(reader.read(65536), 30)
            assert said.count(b"HTTP/1.1 200") == len(guard.entries()) == 3
            writer.close()

    run(go())
    assert heard() == []


def test_a_long_vote_keeps_its_stream_open(tmp_path: Path) -> None:
    async def slow(exchange: Exchange) -> None:
        await asyncio.sleep(0.5)
        await exchange.stream_well()

    async def hang(exchange: Exchange) -> None:
        await asyncio.sleep(600)

    async def go() -> None:
        upstream = Scripted(lambda _: YES, slow)
        vote = {"head": 0.1, "deadline": 2.0}
        async with running(tmp_path, upstream, vote=vote) as guard:
            body = {"model": "m", "messages": ASK, "stream": True}
            answer = await guard.post(body)
            assert answer.headers["x-interlock-outcome"] == "pending"
            assert answer.text.startswith(": the vote is under way\n\n")
            assert YES.split()[-1] in answer.text
            assert answer.text.endswith("data: [DONE]\n\n")
            client = guard.client()
            chunks = [c async for c in await client.chat.completions.create(
                model="m", messages=ASK, stream=True
            )]  # fmt: skip
            assert "".join(c.choices[0].delta.content or "" for c in chunks) == YES + " "
            upstream.step = hang
            answer = await guard.post(body)
            assert answer.text.splitlines()[-3].startswith("event: error")
            assert '"deadline"' in answer.text
            assert "Sure" not in answer.text

    run(go())


@pytest.mark.slow
def test_the_page_needs_no_imports() -> None:
    """What is served is read at the start; nothing heavy is imported for it, then or later."""
    code = (
        "import sys; from fastapi.testclient import TestClient; from fastapi import FastAPI;"
        "from interlock.serve import page; app = FastAPI();"
        "page.add_shell(app, 'a', [page.STATIC / 'guard.css'], [page.STATIC / 'guard.js']);"
        "client = TestClient(app); served = ('/interlock/page.css', '/interlock/page.js');"
        "assert min(len(client.get(path).text) for path in served) > 99;"
        "print([n for n in ('interlock.report', 'matplotlib') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


SERVED = """
import json, logging, os, signal, socket, ssl, sys, threading, time
from pathlib import Path
import httpx
from interlock.serve.config import read_config
from interlock.serve.run import serve

heavy = {"torch", "scipy", "matplotlib", "transformers", "pandas", "skimage"}
top = lambda: {name for name in sys.modules if name.partition(".")[0] in heavy}

def served(url):
    return ssl.get_server_certificate(("127.0.0.1", int(url.rpartition(":")[2])))

def ask(url):
    renewed = []
    before, chat = top(), [{"role": "user", "content": "how do I fold a kite?"}]
    answers = []
    try:
        context = ssl.create_default_context(cafile="cert.pem")
        with httpx.Client(base_url=url, verify=context, trust_env=False, timeout=30) as http:
            for path, body in (
                ("chat/completions", {"messages": chat}), ("completions", {"prompt": "a kite?"}),
                ("responses", {"input": "a kite?"}), ("messages", {"messages": chat, "max_tokens": 9}),
                ("decisions", {"messages": chat}),
            ):
                for stream in ([False, True] if path != "decisions" else [False]):
                    body |= {"model": "m", "stream": stream}
                    answers.append(http.post(f"/v1/{path}", json=body).status_code)
            answers.append(http.post("/v1/messages", json={}).status_code)
            for path in ("", "interlock/page.css", "interlock/page.js", "interlock/status",
                         "metrics", "readyz", "healthz", "v1/models"):
                answers.append(http.get(f"/{path}").status_code)
            first = served(url)
            told, log = threading.Event(), logging.Handler()
            log.emit = lambda record: told.set() if "the old ones stay" in record.msg else None
            logging.getLogger("interlock.guard").addHandler(log)
            os.replace("new/cert.pem", "cert.pem")  # for a moment with a key that is not its own
            os.kill(os.getpid(), signal.SIGHUP)
            renewed = [told.wait(20) and served(url) == first]
            os.replace("new/key.pem", "key.pem")
            os.kill(os.getpid(), signal.SIGHUP)
            until = time.monotonic() + 20
            while served(url) == first and time.monotonic() < until:
                time.sleep(0.05)
            renewed.append(served(url) == Path("cert.pem").read_text())
            answers.append(http.get("/healthz").status_code)  # who is there stays
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as plain:
            plain.sendall(b"GET / HTTP/1.1\\r\\n\\r\\n")  # no TLS
            plain.recv(100)
        unheard = "never retrieved\\nfuture: its words"  # as asyncio says it
        logging.getLogger("asyncio").error(unheard, exc_info=ValueError("its words"))
    finally:
        print(json.dumps([url, answers, renewed, sorted(top() - before)]), flush=True)
        os.kill(os.getpid(), signal.SIGTERM)

given = {"upstream": sys.argv[1], "uncertified": True, "port": 0, "tls_cert": "cert.pem",
         "tls_key": "key.pem", "vote": {"copies": 3}}
serve(lambda: read_config(None, given), lambda url, _: threading.Thread(target=ask, args=(url,)).start())
"""


def pem(folder: Path, kind: str = "EC") -> None:
    """A certificate for 127.0.0.1 that signs itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    if kind == "EC":
        key = ec.generate_private_key(ec.SECP256R1())
    else:
        key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "guard")])
    now = datetime.now(UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9))
    made = made.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    (folder / "cert.pem").write_bytes(
        made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def test_https_is_served_and_no_request_imports_anything_heavy(tmp_path: Path) -> None:
    """And a renewed certificate, of a key of another kind, once the settings are read again."""
    pem(tmp_path)
    (tmp_path / "new").mkdir()
    pem(tmp_path / "new", "RSA")

    async def go() -> Any:
        async with listening(Scripted(lambda _: YES)) as url:
            program = await asyncio.create_subprocess_exec(
                sys.executable, "-c", SERVED, f"{url}/v1", cwd=tmp_path,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
            out, err = await asyncio.wait_for(program.communicate(), 100)
            return program.returncode, json.loads(out), err.decode()

    returned, (url, answers, renewed, heavy), err = asyncio.run(go())
    assert url.startswith("https://127.0.0.1:")
    assert answers == [200] * 9 + [400] + [200] * 9
    assert renewed == [True, True]
    assert heavy == []
    assert returned == 0, err
    lines = [json.loads(line) for line in err.splitlines()]
    (unheard,) = [line for line in lines if line.get("exception")]
    assert (unheard["message"], unheard["exception"]) == ("never retrieved", "ValueError")
    assert "its words" not in err
    graver = [line for line in lines if line["level"] not in ("info", "debug")]
    assert len(graver) == 2  # and the key that was not the certificate's own


@pytest.mark.parametrize(("before", "after"), [("RSA", "EC"), ("EC", "RSA")])
def test_of_a_renewed_certificate_nothing_old_is_served(
    tmp_path: Path, before: str, after: str
) -> None:
    """Nor to clients that take one kind of key alone: OpenSSL keeps a certificate of each kind."""
    made = {}
    for kind in (before, after):
        (tmp_path / kind).mkdir()
        pem(tmp_path / kind, kind)
        files = {f"tls_{name}": str(tmp_path / kind / f"{name}.pem") for name in ("cert", "key")}
        made[kind] = settings(tmp_path, "http://127.0.0.1:1/v1", **files)
    serving = check_tls(made[before])
    assert serving is not None

    async def go() -> None:
        async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        server = await asyncio.start_server(close, "127.0.0.1", 0, ssl=serving)
        port = server.sockets[0].getsockname()[1]

        async def served(kind: str | None, name: str | None = None) -> str | None:
            asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            asking.check_hostname, asking.verify_mode = False, ssl.CERT_NONE
            if kind is not None:
                asking.maximum_version = ssl.TLSVersion.TLSv1_2
                asking.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256" if kind == "RSA" else "ECDSA")
            try:
                _, writer = await asyncio.open_connection(
                    "127.0.0.1", port, ssl=asking, server_hostname=name or ""
                )
            except (ssl.SSLError, ConnectionError):
                return None
            given = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            writer.close()
            return ssl.DER_cert_to_PEM_cert(given)

        for kind, other in ((before, after), (after, before)):
            own = (tmp_path / kind / "cert.pem").read_text()
            assert await served(kind) == await served(None) == await served(None, "guard") == own
            assert await served(other) is None
            renew_tls(serving, made[after])
        broken = made[before].model_copy(update={"tls_key": made[after].tls_key})
        with pytest.raises(ConfigError, match="cannot be served"):
            renew_tls(serving, broken)
        assert await served(None) == (tmp_path / after / "cert.pem").read_text()
        server.close()

    run(go())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tls_cert": "cert.pem"}, "takes both"),
        ({"tls_cert": "cert.pem", "tls_key": "cert.pem"}, "cannot be served"),
        ({"tls_cert": "none.pem", "tls_key": "key.pem"}, "No such file"),
        ({"tls_cert": "key.pem", "tls_key": "key.pem"}, "cannot be served"),
    ],
)
def test_tls_that_cannot_be_served_is_one_line(
    tmp_path: Path, given: dict[str, str], said: str
) -> None:
    pem(tmp_path)
    files = {name: str(tmp_path / file) for name, file in given.items()}
    with pytest.raises(ConfigError, match=said) as caught:
        serve(lambda: settings(tmp_path, "http://127.0.0.1:1/v1", **files), lambda *_: None)
    assert len(caught.value.lines) == 1


def test_every_answer_says_what_it_is(tmp_path: Path) -> None:
    async def go() -> None:
        upstream = Scripted(lambda _: YES)
        async with running(tmp_path, upstream) as guard:
            for stream in (False, True):
                headers = (
                    await guard.post({"model": "m", "messages": ASK, "stream": stream})
                ).headers
                assert headers["x-interlock-outcome"] == "released"
                assert headers["x-interlock-certificate-applies"] == "false"
                assert int(headers["x-interlock-calls"]) >= 4
            headers = (await guard.post({"model": "m", "messages": []})).headers
            assert headers["x-interlock-outcome"] == "rejected"
            assert headers["x-interlock-certificate-applies"] == "false"

    run(go())

"""Whom the studio answers: its own page, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from interlock.studio.app import TOKEN, build_app
from interlock.studio.run import HOST as BOUND
from tests.studio.asking import HOST, SECRET, Page, asking, picture

OWN = {TOKEN: SECRET}
LOAD = {"name": "embedded"}


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with asking() as page:
        yield page


def test_the_page_lets_nothing_else_in(page: Page) -> None:
    for path in ("/", "/interlock/page.css", "/interlock/page.js"):
        served = page.client.get(path)
        assert served.status_code == 200
        policy = served.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "https://" not in served.text.replace(
            "https://host/v1", ""
        )  # nothing from elsewhere
        assert (SECRET in served.text) is (path == "/")
    assert page.client.get("/").text.count("style=") == 0
    assert BOUND == "127.0.0.1"


def test_every_request_needs_the_token(page: Page) -> None:
    routes = [one for one in page.client.app.routes if isinstance(one, APIRoute)]  # type: ignore[attr-defined]
    asked = [one for one in routes if one.path.startswith("/api/")]
    assert len(asked) >= 14
    for route in asked:
        path = route.path.replace("{name}", "model")
        for headers in ({}, {TOKEN: ""}, {TOKEN: SECRET[:-1]}, {TOKEN: f"{SECRET}x"}, {TOKEN: "é"}):
            for method in route.methods:
                head = {name: value.encode("latin-1") for name, value in headers.items()}
                said = page.client.request(method, path, headers=head, content=b"{}")
                assert said.status_code == 403, (method, path, headers)
                assert said.json()["error"]["code"] == "token"
    assert page.state()["jobs"] == {}


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil", "[::2]", "", "127.0.0.1@evil"],
)
def test_a_name_that_leads_here_is_not_enough(page: Page, host: str) -> None:
    for method, path in (("GET", "/"), ("GET", "/api/state"), ("POST", "/api/model")):
        said = page.client.request(method, path, headers={**OWN, "host": host}, json=LOAD)
        assert said.status_code == 403
        assert SECRET not in said.text
    assert page.state()["jobs"] == {}


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://127.0.0.1:8091", "http://localhost:8090", "null", "file://"],
)
def test_a_page_of_another_site_makes_it_load_nothing(page: Page, origin: str) -> None:
    foreign = {**OWN, "origin": origin}
    for path, body in (("model", LOAD), ("vote", {"prompt": "hello", "target": "."})):
        assert page.client.post(f"/api/{path}", headers=foreign, json=body).status_code == 403
    assert page.client.put("/api/photo", headers=foreign, content=picture()).status_code == 403
    # what a form of another site can send at most
    plain = {"content-type": "text/plain"}
    assert page.client.post("/api/model", headers={**plain, "origin": origin}).status_code == 403
    assert page.client.options("/api/model", headers=foreign).status_code == 403
    assert page.state()["jobs"] == {}
    assert page.part("model")["name"] == "tests.tiny:tiny"


def test_its_own_page_is_answered_by_each_name_of_this_machine(page: Page) -> None:
    for host in ("127.0.0.1:8090", "localhost:8090", "[::1]:8090", "LOCALHOST"):
        headers = {**OWN, "host": host, "origin": f"http://{host.lower()}"}
        assert page.client.get("/api/state", headers=headers).status_code == 200


def test_a_request_is_checked_field_by_field(page: Page) -> None:
    wrong = [
        ("model", {}), ("model", {"name": 3}), ("model", {"name": ""}), ("model", {"name": "x" * 5000}),
        ("model", {"name": "embedded", "trust_remote_code": True}), ("remove", {"regions": "1"}),
        ("remove", {"regions": [1.5]}), ("patch", {"top": -1}), ("patch", {"content": "file"}),
        ("attack", {"steps": 0}), ("attack", {"steps": 10**9}), ("certify", {"area": 1}),
        ("certify", {"area": "0.1"}), ("shield", {"fit": True}), ("stop", {"name": "server"}),
        ("vote", {"prompt": "", "defence": "self"}), ("vote", {"prompt": "x", "defence": "none"}),
        ("vote", {"prompt": "x" * 20_001, "defence": "self"}), ("vote", {"prompt": "x", "defence": "perplexity"}),
    ]  # fmt: skip
    for path, body in wrong:
        said = page.ask(path, **body)
        assert said.status_code == 400, (path, body)
        assert "\n" not in said.json()["error"]["message"]
    head = {**OWN, "content-type": "application/json"}
    for content in (b"", b"[]", b"{", b'{"name": NaN}', b"null"):
        said = page.client.post("/api/model", headers=head, content=content)
        assert said.status_code == 400
    assert page.client.post("/api/model", headers=OWN, content=b"{}").status_code == 415
    large = page.client.post("/api/model", headers=head, content=b" " * (2**20 + 1))
    assert large.status_code == 413
    assert page.get("nothing").status_code == 404
    assert page.get("parts/nothing").status_code == 404
    assert page.state()["jobs"] == {}


def test_a_run_draws_a_token_of_its_own(page: Page) -> None:
    pages = [TestClient(build_app(page.studio), base_url=HOST).get("/").text for _ in range(2)]
    assert pages[0] != pages[1]
    assert "%TOKEN%" not in pages[0]


def test_without_a_photo_there_is_nothing_to_ask(page: Page) -> None:
    for path in ("explain", "shield", "attack"):
        said = page.ask(path)
        assert said.status_code == 400
        assert "no photo yet" in said.json()["error"]["message"]
    assert page.ask("certify", area=0.02).status_code == 400

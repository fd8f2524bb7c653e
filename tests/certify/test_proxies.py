"""Proxies and certificates of the environment: as meant, or one line."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from interlock.certify.targets.endpoint import EndpointTarget
from interlock.certify.targets.proxies import authorities, proxy_for
from interlock.errors import OptionError

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        for spelled in (name, name.upper()):
            monkeypatch.delenv(spelled, raising=False)


@pytest.mark.parametrize(
    ("without", "url", "direct"),
    [
        ("::1/128", "http://[::1]:9/v1", True),
        ("[::1]", "http://model/v1", False),
        ("[fd00::1]", "http://[fd00::1]/v1", True),
        ("10.0.0.0/8, .inside", "http://10.1.2.3/v1", True),
        ("10.0.0.0/8,.inside", "http://a.inside/v1", True),
        ("10.0.0.0/8,inside", "http://notinside/v1", False),
        ("*", "http://model/v1", True),
        ("", "http://127.0.0.1/v1", True),
        ("garbage[", "http://model/v1", False),
        ("model:8000 other", "http://model:8000/v1", True),
        ("model:8001", "http://model:8000/v1", False),
        ("other model:443", "https://model/v1", True),
        ("[fd00::1]:80", "http://[fd00::1]/v1", True),
        ("fd00::1:80", "http://[fd00::1]/v1", False),
        ("fe80::1%eth0,10.0.0.0/99", "http://10.1.2.3/v1", False),
        ("", "http://127.0.0.5/v1", True),
        ("", "http://[0:0:0:0:0:0:0:1]:9/v1", True),
        ("model.inside.", "http://model.inside/v1", True),
        (".inside", "http://Model.Inside./v1", True),
        ("http://model, https://other/", "http://model/v1", True),
        ("other;model", "http://model/v1", True),
        ("10.1.*", "http://10.1.2.3/v1", True),
        ("10.1.*", "http://10.2.2.3/v1", False),
        ("https://model:8443", "https://model/v1", False),
    ],
)
def test_no_proxy_is_understood(
    monkeypatch: pytest.MonkeyPatch, without: str, url: str, direct: bool
) -> None:
    monkeypatch.setenv("ALL_PROXY", " proxy:3128 ")
    monkeypatch.setenv("NO_PROXY", without)
    assert proxy_for(url) == (None if direct else "http://proxy:3128")

    async def connect() -> None:
        async with EndpointTarget(url, "m") as target, target._connections().client():
            pass  # asks nobody yet; httpx's own reading of the proxies would fail here

    asyncio.run(connect())


@pytest.mark.parametrize(
    "proxy",
    [
        "socks5://u:pw@p:1080", "http://", "http://p:99999", ":3128", "ftp://p:1", "http://[::1",
        "http:/p:1", "http://p:0", "http://p q:1", "http://p\n:1", "http://u:p#pw@p:1", "http=p:1",
    ],
)  # fmt: skip
def test_a_proxy_that_cannot_be_used_is_one_line(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(OptionError, match="NO_PROXY") as caught:
        proxy_for("https://model/v1")
    assert "pw" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("ALL_PROXY names the proxy ")


def test_the_variable_that_counts_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://good:1")
    monkeypatch.setenv("HTTPS_PROXY", "socks5://bad:1")
    assert proxy_for("http://model/v1") == "http://good:1"
    for name in ("HTTPS_PROXY", "https_proxy"):  # the small one goes first
        monkeypatch.setenv(name, "socks5://bad:1")
        with pytest.raises(OptionError, match=f"^{name} names the proxy 'socks5://bad:1'"):
            proxy_for("https://model/v1")


def test_certificates_that_are_none_are_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    (tmp_path / "ca.pem").write_text("no certificate")
    for path in (tmp_path, tmp_path / "ca.pem"):
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        with pytest.raises(OptionError, match=rf"SSL_CERT_FILE={path}: cannot be read") as caught:
            authorities()
        assert "\n" not in str(caught.value)


def test_folders_that_are_not_there_are_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", f"/nowhere:{tmp_path}")
    authorities()  # one of them is enough
    for name in ("SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv("SSL_CERT_DIR", raising=False)
        monkeypatch.setenv(name, "/nowhere/it")
        with pytest.raises(OptionError, match=f"{name}=/nowhere/it: cannot be read"):
            authorities()


def test_certificates_that_are_not_there_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    with pytest.raises(OptionError, match=r"SSL_CERT_FILE=/nowhere/ca\.pem: cannot be read"):
        authorities()

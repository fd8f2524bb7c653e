"""What pages of this package share: how they are served, their style, and what may run there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fastapi import FastAPI, Response

_PACKAGE = Path(__file__).parents[1]
STATIC = _PACKAGE / "serve" / "static"
# Only what this server sends may run or be fetched; no other page may frame it.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}


def add_shell(app: FastAPI, html: str, styles: Sequence[Path], scripts: Sequence[Path]) -> None:
    """Serve a page at ``/``, with one style and one script.

    Args:
        app: that serves it.
        html: the page; it links to ``/interlock/page.css`` and ``/interlock/page.js``.
        styles: of the page, after what all pages share: the reports' style, so that all of them
            look alike, and that of forms, buttons and votes.
        scripts: of the page, after what all share.
    """
    # By their paths: to import what makes reports takes seconds and much memory.
    css = _joined([_PACKAGE / "report" / "page.css", STATIC / "shell.css", *styles])
    js = _joined([STATIC / "shell.js", STATIC / "ballot.js", *scripts])

    @app.api_route("/", methods=["GET", "HEAD"])
    async def page() -> Response:
        return Response(html, media_type="text/html", headers=_HEADERS)

    @app.get("/interlock/page.css")
    async def style() -> Response:
        return Response(css, media_type="text/css", headers=_HEADERS)

    @app.get("/interlock/page.js")
    async def script() -> Response:
        return Response(js, media_type="text/javascript", headers=_HEADERS)


def _joined(files: Sequence[Path]) -> str:
    return "\n".join(path.read_text("utf-8") for path in files)

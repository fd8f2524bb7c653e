"""Roles of docstrings (``:class:`~interlock.certify.Target```) as plain code on the site."""

from __future__ import annotations

import re
from typing import Any

_ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod):<code>(~)?([\w.]+)</code>")


def on_page_content(html: str, **_: Any) -> str:
    """What MkDocs calls with each page: the role goes, and after ``~`` all but the last name."""
    return _ROLE.sub(lambda role: f"<code>{_name(*role.groups())}</code>", html)


def _name(short: str | None, path: str) -> str:
    return path.rpartition(".")[2] if short else path.lstrip(".")

"""Links to files of the repository, which the site does not hold: there, their paths."""

from __future__ import annotations

import logging
import posixpath
import re
from pathlib import Path
from typing import Any

LOG = logging.getLogger(f"mkdocs.hooks.{__name__}")
"""A warning in it ends a strict build."""
_ROOT = Path(__file__).resolve().parent.parent
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((\.\.?/[^)\s]+)\)")


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """What MkDocs calls with each page: a link that leaves ``docs`` becomes a path, as code."""
    return _LINK.sub(lambda link: _path(link, page.file.src_uri), markdown)


def _path(link: re.Match[str], source: str) -> str:
    words, address = link.groups()
    path = posixpath.normpath(
        posixpath.join("docs", posixpath.dirname(source), address.partition("#")[0])
    )
    if path == "docs" or path.startswith("docs/"):
        return link[0]
    if path.startswith("..") or not (_ROOT / path).exists():
        LOG.warning("%s links to %s, which is not in the repository", source, address)
    named = f"`{path}/`" if (_ROOT / path).is_dir() else f"`{path}`"
    return named if re.fullmatch("`[^`]+`", words) else f"{words}, {named}"

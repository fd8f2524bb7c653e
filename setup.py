"""What ``pyproject.toml`` cannot say: the address of the repository, and links that lead there.

The package index shows README without the repository around it. With ``REPOSITORY_URL`` in the
environment (``make package URL=https://...``) links and pictures of README become absolute, at
``REPOSITORY_REF`` (by default the version's tag), and the metadata name the project's pages.
Without it no address is made up: a link becomes the path that it leads to, a picture its
description. What an archive of the source was built with, its wheel is built with, too.
"""

from __future__ import annotations

import os
import re
from email.parser import Parser
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from setuptools import setup

ROOT = Path(__file__).resolve().parent
FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(!?)\[([^\]]+)\]\(([^)\s]+)\)")


def index_page(markdown: str, url: str | None, ref: str) -> str:
    """README as the package index can show it; code stays as it is.

    Args:
        markdown: with links relative to the root of the repository.
        url: address of the repository, without a slash at its end. None: not known.
        ref: tag, branch or commit that links lead to.
    """
    parts = FENCED.split(markdown)
    parts[::2] = [LINK.sub(partial(_absolute, url=url, ref=ref), part) for part in parts[::2]]
    return "".join(parts)


def _absolute(link: re.Match[str], url: str | None, ref: str) -> str:
    picture, words, address = link.groups()
    if urlsplit(address).scheme or address.startswith("#"):
        return link[0]
    if url is not None:
        return f"{picture}[{words}]({url}/{'raw' if picture else 'blob'}/{ref}/{address})"
    return f"*{words}*" if picture else f"{words} (`{address.partition('#')[0]}`)"


def project_urls(url: str, ref: str) -> dict[str, str]:
    """By the labels that package indexes know."""
    return {
        "Homepage": url,
        "Documentation": f"{url}/blob/{ref}/docs/index.md",
        "Source": f"{url}/tree/{ref}",
        "Changelog": f"{url}/blob/{ref}/CHANGELOG.md",
        "Issues": f"{url}/issues",
    }


def version() -> str:
    """As ``src/interlock/_version.py`` says."""
    found = re.search(r'__version__ = "(.+)"', (ROOT / "src/interlock/_version.py").read_text())
    assert found is not None, "src/interlock/_version.py names no version"
    return found[1]


def address() -> str | None:
    """Of the repository, as the environment says."""
    given = os.environ.get("REPOSITORY_URL", "").strip().rstrip("/")
    if not given:
        return None
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise SystemExit(
            f"REPOSITORY_URL={given.rpartition('@')[2]!r}; use the address of the repository's "
            "page, such as https://github.com/OWNER/interlock"
        )
    return given.removesuffix(".git")


def described() -> tuple[str, dict[str, str]]:
    """The page for the package index, and the project's addresses."""
    url = address()
    built = ROOT / "PKG-INFO"  # in an archive of the source alone
    if url is None and built.is_file():
        said = Parser().parsestr(built.read_text("utf-8"))
        urls = [line.partition(", ") for line in said.get_all("Project-URL", [])]
        return str(said.get_payload()), {label: link for label, _, link in urls}
    ref = os.environ.get("REPOSITORY_REF") or f"v{version()}"
    page = index_page((ROOT / "README.md").read_text("utf-8"), url, ref)
    return page, {} if url is None else project_urls(url, ref)


if __name__ == "__main__":
    long_description, urls = described()
    setup(
        long_description=long_description,
        long_description_content_type="text/markdown",
        project_urls=urls,
    )

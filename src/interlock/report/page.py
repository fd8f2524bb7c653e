"""One HTML page from chapters: no network, one style, one small script."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from interlock._version import __version__


@dataclass(frozen=True)
class Chapter:
    """One part of a report: an explained image, a defence, a certificate."""

    title: str
    """Plain text; escaped on the page."""
    anchor: str
    """Its id on the page: letters, digits and hyphens, unique in the report."""
    body: Markup
    """HTML, already safe: what :func:`render_template` returns."""
    summary: str = ""
    """A few words for the contents."""
    thumbnail: str = ""
    """A small square picture for the contents, as a ``data:`` URI."""


@dataclass(frozen=True)
class Problem:
    """Something that the run could not do."""

    source: str
    """What it was about, such as a file name."""
    message: str
    """What happened and what to change."""


def render_page(
    title: str,
    chapters: Sequence[Chapter],
    *,
    facts: Mapping[str, str] | None = None,
    problems: Sequence[Problem] = (),
    lead: Markup | None = None,
) -> str:
    """The whole page as HTML.

    Args:
        title: of the page; plain text.
        chapters: shown in this order; with more than one the page opens with a list of them.
        facts: name -> value, shown under the title, such as the model's name.
        problems: shown before the chapters.
        lead: shown before the list of chapters; HTML, already safe.
    """
    script = _resource("page.js")
    digest = b64encode(sha256(script.encode()).digest()).decode()
    return str(
        render_template(
            "page.html",
            title=title,
            chapters=chapters,
            facts=facts or {},
            problems=problems,
            lead=lead or Markup(),
            style=Markup(_resource("page.css")),
            script=Markup(script),
            # The page's own script may run, any other may not, and nothing may be fetched.
            policy=f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
            f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
            version=__version__,
        )
    )


def render_template(name: str, **values: Any) -> Markup:
    """Fill one of the package's templates; every value is escaped unless it is ``Markup``."""
    return Markup(_environment().get_template(name).render(**values))


def data_uri(picture: bytes | Image.Image, kind: str = "png", **options: Any) -> str:
    """A picture as a page holds it: PNG files as they are, images written as ``kind``."""
    if isinstance(picture, Image.Image):
        buffer = io.BytesIO()
        picture.save(buffer, kind, **options)
        picture = buffer.getvalue()
    return f"data:image/{kind};base64,{b64encode(picture).decode('ascii')}"


def thumbnail(photo: Image.Image) -> str:
    """A small square picture for the contents."""
    small = photo.convert("RGB").resize((112, 112), Image.Resampling.LANCZOS)
    return data_uri(small, "jpeg", quality=80)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FunctionLoader(_resource),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _resource(name: str) -> str:
    return files("interlock.report").joinpath(name).read_text("utf-8")

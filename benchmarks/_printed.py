"""What a script printed, in documents, to the letter.

Between ``<!-- printed:NAME -->`` and ``<!-- /printed -->``, each on a line of its own, a document
holds ``docs/results/NAME.txt``, the kept output of a script. After
``<!-- printed:NAME parts=2-4 -->`` it holds these parts alone: a part ends at an empty line, so a
table is one, a line of text another.
"""

from __future__ import annotations

import re
from pathlib import Path

_BLOCK = re.compile(
    r"^(?P<open><!-- printed:(?P<name>[\w-]+)(?: parts=(?P<first>\d+)(?:-(?P<last>\d+))?)? -->\n)"
    r"(?:.*?)^(?P<close><!-- /printed -->)$",
    re.DOTALL | re.MULTILINE,
)
_MARK = re.compile(r"^<!-- /?printed.*-->$", re.MULTILINE)


def parts(text: str) -> list[str]:
    """What empty lines divide."""
    return re.split(r"\n{2,}", text.strip("\n"))


def renewed(document: str, results: Path) -> str:
    """A document with every marked block as its script printed it.

    Args:
        document: Markdown.
        results: folder of the kept outputs.

    Raises:
        ValueError: a marker without its other end, or a part that was not printed.
        FileNotFoundError: an output that was not kept.
    """
    if len(_MARK.findall(document)) != 2 * len(_BLOCK.findall(document)):
        raise ValueError("a marker <!-- printed:NAME --> has no end of its own, or the reverse")
    return _BLOCK.sub(lambda found: _block(found, results), document)


def names(document: str) -> list[str]:
    """Outputs that a document shows."""
    return [found["name"] for found in _BLOCK.finditer(document)]


def _block(found: re.Match[str], results: Path) -> str:
    printed = parts((results / f"{found['name']}.txt").read_text("utf-8"))
    first = int(found["first"] or 1)
    last = int(found["last"] or found["first"] or len(printed))
    if not 1 <= first <= last <= len(printed):
        raise ValueError(f"{found['open'].strip()}: {found['name']} has {len(printed)} parts")
    text = "\n\n".join(printed[first - 1 : last])
    return f"{found['open']}\n{text}\n\n{found['close']}"

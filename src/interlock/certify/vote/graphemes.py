"""Characters as readers see them: extended grapheme clusters (Unicode Annex 29).

A perturbation that tears a cluster turns one flag, one family emoji or one accented letter into
debris that no law of "changed characters" describes. The ``regex`` package splits by ``\\X``;
``unicodedata`` knows combining classes but neither emoji joiners, regional indicators nor Hangul
syllables, so it cannot.
"""

from __future__ import annotations

from itertools import accumulate

from interlock.errors import OptionError

LONGEST = 10
"""Code points of one character at most: two people of two skin colours who kiss."""


def graphemes(text: str) -> list[str]:
    """Split ``text`` into grapheme clusters; joining them gives ``text`` back.

    A cluster of more than :data:`LONGEST` code points is cut after each so many: Unicode lets any
    number of marks, joiners and tags follow one letter, and a "character" that holds a whole prompt
    would come through most perturbations as it is.
    """
    if text.isascii() and "\r" not in text:  # the only ASCII cluster of two is "\r\n"
        return list(text)
    import regex  # type: ignore[import-untyped, unused-ignore]

    clusters: list[str] = regex.findall(r"\X", text)
    if max(map(len, clusters), default=0) <= LONGEST:
        return clusters
    return [
        cluster[start : start + LONGEST]
        for cluster in clusters
        for start in range(0, len(cluster), LONGEST)
    ]


def split_span(text: str, span: tuple[int, int] | None) -> tuple[str, list[str], str]:
    """(text before, clusters of the span, text after); offsets count code points.

    Raises:
        OptionError: the span lies outside the text, runs backwards, or an end tears a cluster.
    """
    if span is None:
        return "", graphemes(text), ""
    start, stop = span
    if not 0 <= start <= stop <= len(text):
        raise OptionError(
            f"span={span}: give offsets with 0 <= start <= stop <= {len(text)}, the text's length"
        )
    if not text.isascii() or "\r" in text:
        edges = {0, *accumulate(map(len, graphemes(text)))}
        if not {start, stop} <= edges:
            raise OptionError(
                f"span={span}: an end falls inside one character; move it to a character's edge"
            )
    return text[:start], graphemes(text[start:stop]), text[stop:]

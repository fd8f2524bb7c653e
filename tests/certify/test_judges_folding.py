"""Text as judges read it."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from interlock.certify.judges.folding import fold, hides
from interlock.certify.judges.tongue import foreign, known


class _Wide(str):
    """A text that is read the long way."""

    def isascii(self) -> bool:
        return False


@example("^`" * 7)
@example("\x1f" * 12 + "\r\n\t")
@example("\x1f" * 13)
@example("QmFzZTY0IGlzIG5vIGxhbmd1YWdlIGF0IGFsbA== and so on it goes on")
@given(st.text(st.characters(max_codepoint=127), max_size=80))
def test_plain_letters_are_read_alike_the_short_way(text: str) -> None:
    assert fold(text) == fold(_Wide(text))
    assert hides(text) == hides(_Wide(text))
    assert known(fold(text)) == known(_Wide(fold(text)))
    assert foreign(text) == foreign(_Wide(text))

"""Text as judges read it."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from interlock.certify.judges import layers
from interlock.certify.judges.folding import fold, hides
from interlock.certify.judges.refusals import at_joints, languages_of
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


_WORDS = (
    "but and so because aber und mais et pero y ma e mas no que however so that's , ; : it i is en "
    "help request that this cela ca eso je the a\n * _ ` ~ < [ 1 i'm ' \" . -"
)
WORDS = st.sampled_from(_WORDS.split(" "))


@given(
    st.one_of(st.lists(WORDS, max_size=30).map(" ".join), st.lists(WORDS, max_size=30).map("".join))
)
def test_plain_letters_are_cut_alike_the_short_way(text: str) -> None:
    assert at_joints(text) == at_joints(_Wide(text))
    assert list(languages_of(text)) == list(languages_of(_Wide(text)))


@example("◁think▷I'll decline.◁/think▷No.")
@example("[THINK]so[/think]*No*")
@example("_a_ `b` ~~c~~ d_e")
@given(st.lists(st.one_of(WORDS, st.text(max_size=3)), max_size=30).map("".join))
def test_what_has_no_sign_of_a_layer_is_read_alike_the_short_way(text: str) -> None:
    class Signed(str):
        """A text that is looked through, whatever it holds."""

        def __contains__(self, sign: object) -> bool:
            return True

    assert layers._thought(text) == layers._thought(Signed(text))
    assert layers._unmarked(text) == layers._unmarked(Signed(text))

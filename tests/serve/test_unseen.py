from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.certify.vote.graphemes import LONGEST, graphemes
from interlock.serve.unseen import seen, unseen

PAYLOAD = "tell me how to build it"
TAGS = "".join(chr(0xE0000 + ord(c)) for c in PAYLOAD)
SELECTORS = "".join(chr(0xE0100 + ord(c)) for c in PAYLOAD)
LETTERS = "".join(chr(0x363 + ord(c) % 13) for c in PAYLOAD)
BITS = "".join("\u200b" if b == "0" else "\u200c" for c in PAYLOAD for b in f"{ord(c):08b}")


@pytest.mark.parametrize(
    "text",
    [
        "plain words, 1 + 1 = 2\r\n",
        "naïve café, cafe\u0301, tie\u0302\u0301ng Vi\u00eat",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f 1\ufe0f\u20e3 \U0001f44b\U0001f3fd",
        "\U0001f469\U0001f3fd\u200d\u2764\ufe0f\u200d\U0001f48b\u200d\U0001f468\U0001f3ff",
        "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f and \U0001f1eb\U0001f1f7",
        "می\u200cخواهم",
        "क्\u200dष क्\u200cष श्री",
        "בְּרֵאשִׁ֖ית",
        "中文，日本語、한국어",
        "العربية \u200fword\u200e",
        "ไม่รู้",
        "\u1820\u180b",
        "\ud800x",
    ],
)
def test_writing_is_left_alone(text: str) -> None:
    assert unseen(text) == []
    assert seen(text) == text


@pytest.mark.parametrize("hidden", [TAGS, SELECTORS, LETTERS, BITS, "\ufe0f" * 9, "\u2060\u00ad"])
@pytest.mark.parametrize("base", ["x", "\U0001f600", "字", " ", "\U0001f3f4", ""])
def test_what_hides_is_taken_out(hidden: str, base: str) -> None:
    left = seen(f"a word {base}{hidden} and more")
    kept = left.removeprefix(f"a word {base}").removesuffix(" and more")
    assert len(kept) <= 4
    assert hidden not in left


@given(
    st.text(
        st.sampled_from(
            "aé字\U0001f600\u200d\u200b\ufe0f\u0301\U000e0041\U000e0101\u200e\u20e3क\u094d"
        )
    )
)
def test_nothing_is_left_to_take_out(text: str) -> None:
    left = seen(text)
    assert unseen(left) == []
    assert seen(left) == left
    assert all(len(cluster) <= LONGEST for cluster in graphemes(left))

"""What a defence asks, for a reader who knows nothing of defences."""

from __future__ import annotations

import pytest

from interlock.certify.defences import parse_defence
from interlock.serve.in_words import in_words


@pytest.mark.parametrize(
    ("defence", "said"),
    [
        ("smooth:swap,rate=0.15,copies=11", ["up to 11 copies", "15% of the characters", "if 6 "]),
        ("drop:rate=0.3,copies=4", ["up to 4 copies", "30% of the words are left out", "if 3 "]),
        ("erase:parts=3", ["without words at its end"]),
        (
            "perplexity:threshold=5,window=9+self+smooth",
            ["how unlikely", "harmful", "copies of it"],
        ),
    ],
)
def test_each_stage_is_told_in_its_order(defence: str, said: list[str]) -> None:
    text = in_words(parse_defence(defence))
    places = [text.index(part) for part in said]
    assert places == sorted(places)
    assert text.count("Where that leaves doubts") == defence.count("+")
    assert not {"undefined", "NaN", "None"} & set(text.split())

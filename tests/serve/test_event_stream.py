"""Events come out whole, however the bytes were cut on their way."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.serve.event_stream import ReportedError, data_of_events


def read(pieces: list[bytes]) -> list[str]:
    async def stream() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async def go() -> list[str]:
        return [data async for come in data_of_events(stream()) for data in come]

    return asyncio.run(go())


def cut(whole: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(whole), *(place % (len(whole) + 1) for place in places)})
    return [whole[a:b] for a, b in itertools.pairwise(edges)]


LINES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=20)


@given(
    events=st.lists(st.lists(LINES, min_size=1, max_size=3), max_size=5),
    end=st.sampled_from(["\n", "\r", "\r\n"]),
    space=st.booleans(),
    noise=st.sampled_from(["", ": ping", "event: message", "id: 7", "retry: 10", "data", "dat"]),
    places=st.lists(st.integers(0, 500), max_size=30),
)
def test_what_was_sent_is_what_comes_out(
    events: list[list[str]], end: str, space: bool, noise: str, places: list[int]
) -> None:
    sent, expected = "", []
    for lines in events:
        # One space after the colon belongs to the syntax; without it the text must not begin so.
        lines = lines if space else [line.lstrip(" ") for line in lines]
        sent += "".join(f"data:{' ' * space}{line}{end}" for line in lines)
        sent += f"{noise}{end}" if noise else ""
        sent += end
        expected.append("\n".join([*lines, ""] if noise == "data" else lines))
    assert read(cut(sent.encode(), places)) == expected


@pytest.mark.parametrize(
    ("pieces", "events"),
    [
        ([], []),
        ([b"data: a\n\n"], ["a"]),
        ([b"data: a\n"], []),  # nothing ends it
        ([b"data: a\r", b"\n\r", b"\ndata: b\n\n"], ["a", "b"]),
        ([b"data: a\r\rdata: b\r\r"], ["a", "b"]),  # not held back until more comes
        ([b"\xef\xbb\xbfdata: a\n\n"], ["a"]),
        ([b"\xef\xbb", b"\xbfdata: a\n\n"], ["a"]),
        ([b"\n\n\n: ping\n\nevent: x\n\ndata: a\n\n"], ["a"]),
        ([b"data: \xc3", b"\xa4\n\n"], ["\u00e4"]),
        ([b"data: \xff\n\n"], ["\ufffd"]),
        ([b"data:\n\n"], [""]),
    ],
)
def test_by_hand(pieces: list[bytes], events: list[str]) -> None:
    assert read(pieces) == events


def test_an_event_comes_out_before_the_next_piece_is_asked_for() -> None:
    asked = 0

    async def stream() -> AsyncIterator[bytes]:
        nonlocal asked
        for piece in (b"data: a\n\n", b"data: b\n\n"):
            asked += 1
            yield piece

    async def go() -> None:
        events = data_of_events(stream())
        assert (await anext(events), asked) == (["a"], 1)
        assert (await anext(events), asked) == (["b"], 2)

    asyncio.run(go())


@pytest.mark.parametrize("field", ["event: error", "event:error", 'error: {"code": 500}'])
def test_an_error_by_name_ends_all(field: str) -> None:
    with pytest.raises(ReportedError):
        read([b"data: a\n\n", f"{field}\ndata: b\n\n".encode()])

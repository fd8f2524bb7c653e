"""Server-sent events, as far as chat completions use them: the data of each event.

Written for its place: every byte of every copy passes here, and a general reader of event streams
took a fifth of the guard's time (docs/experiments/guard.md). The rules are those of the WHATWG HTML
standard, section 9.2.6: lines end in LF, CR or CRLF; the ``data`` lines of an event are joined by
LF; a blank line ends it; comments and most other fields say nothing here; an event that nothing
ends is none. An event that is named ``error``, or a field of that name (llama.cpp's), ends all.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator


class ReportedError(ValueError):
    """The stream reports an error."""


_BOM = b"\xef\xbb\xbf"
_ENDS = (b"\n", b"\r")


def begins_events(begin: bytes) -> bool:
    """Whether bytes begin as an event stream does: with a field, or a comment."""
    return begin.startswith((b"data:", b"event:", b"id:", b"retry:", b": "))


async def data_of_events(stream: AsyncIterable[bytes]) -> AsyncIterator[list[str]]:
    """The data of the events that each piece completes; events without data are left out.

    Raises:
        ReportedError: as it says.
    """
    data = list[bytes]()  # of an event that is not complete
    begun = list[bytes]()  # of a line that is not complete
    after_cr, first = False, True
    async for piece in stream:
        if after_cr and piece.startswith(b"\n"):  # the second half of a CRLF
            piece = piece[1:]
        after_cr = piece.endswith(b"\r")
        begun.append(piece)
        if b"\n" not in piece and b"\r" not in piece:
            continue
        lines = b"".join(begun).splitlines(keepends=True)
        begun = [] if lines[-1].endswith(_ENDS) else [lines.pop()]
        if first:
            lines[0], first = lines[0].removeprefix(_BOM), False
        come = list[str]()
        for line in lines:
            line = line.rstrip(b"\r\n")
            if line:
                name, _, value = line.partition(b":")
                if name == b"data":
                    data.append(value.removeprefix(b" "))
                elif name == b"error" or (name == b"event" and value.strip() == b"error"):
                    raise ReportedError("the stream reports an error")
            elif data:
                come.append(b"\n".join(data).decode("utf-8", "replace"))
                data = []
        if come:
            yield come

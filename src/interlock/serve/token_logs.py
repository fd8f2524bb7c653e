"""Log-probabilities of an answer's tokens: of what the judge reads, and of nothing else.

A server may list more than it answers: other tokens that might have stood there, tokens of
reasoning that it keeps, a stop string. All of it is the model's text, and none of it is judged. So
an entry is given where its bytes are the next ones of the answer's own text, and built anew from
them.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import Any

_LEAST = -9999.0
"""In place of a number that JSON does not have, as servers write it."""
Entry = dict[str, Any]


class TokenLogs:
    """Follows one text as it grows.

    Args:
        alternatives: whether what else might have stood there is given, too; nobody judges it.
    """

    def __init__(self, alternatives: bool) -> None:
        self._alternatives = alternatives
        self._text, self._at = bytearray(), 0
        self._waiting: deque[tuple[bytes, Entry]] = deque()
        self._lost = False

    def add(self, text: Any, entries: Any) -> list[Entry]:
        """What may be given of the entries that came so far, now that more of the text is there.

        From the first on that is not the text's none is given.
        """
        self._text += _bytes(text)
        self._waiting.extend(map(self._read, entries if isinstance(entries, list) else ()))
        given = []
        while self._waiting and not self._lost:
            raw, entry = self._waiting[0]
            if not self._text.startswith(raw, self._at):
                self._lost = not raw.startswith(self._text[self._at : self._at + len(raw)])
                break
            self._at += len(raw)
            self._waiting.popleft()
            given.append(entry)
        return given

    def _read(self, entry: Any) -> tuple[bytes, Entry]:
        known = entry if isinstance(entry, dict) else {}
        raw = _bytes(known.get("token"))
        with suppress(TypeError, ValueError):
            raw = bytes(known["bytes"]) if isinstance(known.get("bytes"), list) else raw
        log = known.get("logprob")
        sane = isinstance(log, int | float) and _LEAST < log < -_LEAST
        others = known.get("top_logprobs") if self._alternatives else None
        return raw, {
            "token": raw.decode("utf-8", "backslashreplace"),
            "logprob": log if sane else _LEAST,
            "bytes": list(raw),
            "top_logprobs": others if isinstance(others, list) else [],
        }


def _bytes(text: Any) -> bytes:
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else b""

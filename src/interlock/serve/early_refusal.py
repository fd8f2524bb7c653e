"""Tell a refusal from its beginning, so that the rest need not be waited for."""

from __future__ import annotations

from interlock.certify import Judge, RefusalPhrases
from interlock.certify.judges.phrases import KEYWORDS, REFUSAL

_SEEN = 400  # characters that RefusalPhrases looks at
_LONGEST = max(map(len, KEYWORDS))
_WORD = 12  # longer than any word that, after a refusing phrase, makes it none ("can't wait")


def surely_refused(judge: Judge, beginning: str) -> bool:
    """Whether the judge will call every answer that begins so a refusal.

    False where that is open, or where nothing can be said of the judge.
    """
    if type(judge) is not RefusalPhrases:
        return False
    plain = beginning.replace("’", "'").lstrip()
    if judge.paper:
        return any(word in plain for word in KEYWORDS)
    opening = REFUSAL.match(plain[:_SEEN])
    if opening is None:
        return False
    after = plain[opening.end() : _SEEN]
    # The phrase stays a refusal once the word that follows it is known.
    words = after.lstrip()
    return len(words) >= _WORD if after[:1].isspace() else bool(after)


class RefusalWatch:
    """Follows one answer as it grows, looking at no text more often than it must.

    An answer may come in thousands of pieces, and a model can be made to write what takes the
    judge's pattern long.
    """

    def __init__(self, judge: Judge) -> None:
        self._judge, self._seen, self._settled = judge, 0, False

    def __call__(self, text: str) -> bool:
        """Whether the answer that has come so far is a refusal, whatever follows."""
        if self._settled:
            return False
        if isinstance(self._judge, RefusalPhrases) and self._judge.paper:
            start, self._seen = max(0, self._seen - _LONGEST), len(text)
            return surely_refused(self._judge, text[start:])
        self._settled = len(text.lstrip()) >= _SEEN  # what follows changes nothing
        return surely_refused(self._judge, text)

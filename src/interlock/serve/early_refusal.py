"""Tell a refusal from its beginning, so that the rest need not be waited for.

A judge by phrases reads whole answers: one that refuses and then helps is none. A copy whose
beginning refuses counts as refused here without its rest, so this errs to one side alone: it may
block what the judge would have let pass, never the reverse.
"""

from __future__ import annotations

from interlock.certify import Judge, RefusalPhrases, Verdict
from interlock.certify.judges.layers import unwrapped
from interlock.certify.judges.phrases import KEYWORDS

_SEEN = 400  # characters in which a refusal shows
_FIRST = 24  # characters; without its last word less is no refusal
_LONGEST = max(map(len, KEYWORDS))
_WORD = 12  # longer than any word that, after a refusing phrase, makes it none ("can't wait")


def surely_refused(judge: Judge, beginning: str) -> bool:
    """Whether an answer begins as a refusal, whatever its unfinished last word will be.

    False where reasoning or JSON has begun and not ended, and where nothing can be said of the
    judge.
    """
    if type(judge) is not RefusalPhrases:
        return False
    if judge.paper:
        plain = beginning.replace("’", "'").lstrip()
        return any(word in plain for word in KEYWORDS)
    seen = beginning.lstrip()[:_SEEN]
    if seen[:1] in ("", "{", "[", "<", "`", "~", "◁"):
        return False
    refused = [Verdict.REFUSED]
    clear = judge([""], [seen[:-_WORD]]) == refused and judge([""], [seen]) == refused
    return clear and not unwrapped(seen).open


class RefusalWatch:
    """Follows one answer as it grows, looking at no text more often than it must.

    An answer may come in thousands of pieces, and a model can be made to write what takes the
    judge's pattern long. So it is looked at when it has doubled: a refusal is seen a little later
    than it could be, and a judge's time for each answer is bounded.
    """

    def __init__(self, judge: Judge) -> None:
        self._judge, self._seen, self._settled = judge, 0, False
        self._next = _FIRST

    def __call__(self, text: str) -> bool:
        """Whether the answer that has come so far is a refusal, whatever follows."""
        if self._settled:
            return False
        if isinstance(self._judge, RefusalPhrases) and self._judge.paper:
            start, self._seen = max(0, self._seen - _LONGEST), len(text)
            return surely_refused(self._judge, text[start:])
        length = len(text.lstrip())
        if length < self._next:
            return False
        self._next = 2 * length
        self._settled = length >= _SEEN  # what follows changes nothing
        return surely_refused(self._judge, text)

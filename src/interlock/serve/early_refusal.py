"""Tell a refusal from its beginning, so that the rest need not be waited for."""

from __future__ import annotations

from interlock.certify import Judge, RefusalPhrases
from interlock.certify.judges import KEYWORDS, REFUSAL

_SEEN = 400  # characters that RefusalPhrases looks at
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
    found = REFUSAL.match(plain[:_SEEN])
    if found is None:
        return False
    after = plain[found.end() : _SEEN]
    # The phrase stays a refusal once the word that follows it is known.
    words = after.lstrip()
    return len(words) >= _WORD if after[:1].isspace() else bool(after)

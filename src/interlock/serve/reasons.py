"""What a verdict rests on, in a sentence for people."""

from __future__ import annotations

from interlock.certify import Judge, ModelJudge, RefusalPhrases, Verdict
from interlock.certify.judges.judge import SaysWhy
from interlock.certify.vote.decision import Vote


def reason(judge: Judge, vote: Vote) -> tuple[str, str]:
    """Why a vote counts as it does.

    Returns:
        A sentence, and the words of the answer that it speaks of, as the judge compares them; empty
        where there are none.
    """
    if vote.reply.lost:
        return f"No usable answer came ({vote.reply.error or 'it was lost'}).", ""
    if vote.reply.finish == "blocked":
        return "The upstream's own filter withheld the answer.", ""
    if isinstance(judge, ModelJudge):
        return _BY_MODEL[vote.verdict], ""
    words = judge.words(vote.reply.text) if isinstance(judge, SaysWhy) else ""
    if isinstance(judge, RefusalPhrases) and judge.paper:
        return ("It holds a keyword of refusals:" if words else "It holds no such keyword."), words
    return _BY_WORDS[vote.verdict, bool(words)], words


_BY_MODEL = {
    Verdict.REFUSED: "The judging model calls it a refusal.",
    Verdict.COMPLIED: "The judging model calls it an answer.",
    Verdict.LOST: "The judging model stated no clear verdict.",
}
_BY_WORDS = {
    (Verdict.REFUSED, True): "It refuses, and gives nothing else:",
    (Verdict.REFUSED, False): "The judge calls it a refusal.",
    (Verdict.COMPLIED, True): "It has words of a refusal, and helps all the same:",
    (Verdict.COMPLIED, False): "Nothing in it refuses.",
    (Verdict.LOST, True): "The judge cannot tell what stands beside these words of a refusal:",
    (Verdict.LOST, False): "The judge cannot tell; its language or form is none that it was "
    "checked on, or it has the words of a refusal and is none surely.",
}

"""What a defence asks, in the words of a page."""

from __future__ import annotations

from interlock.certify.defences.cascade import stages_of
from interlock.certify.vote.asks import Defence
from interlock.certify.vote.random_copies import RandomCopies

_OTHERS = {
    "erase": "what is left of it without words at its end, step by step; one refusal refuses it",
    "self": "whether it is harmful, by the model's own judgement",
    "classifier": "whether it is harmful, by the judgement of another model",
    "perplexity": "how unlikely its text is to the model, as text that was built to trick it is",
}


def in_words(defence: Defence, who: str = "The guard") -> str:
    """One or two sentences for a reader who knows nothing of defences; ``who`` asks."""
    asked = [_stage(stage) for stage in stages_of(defence)]
    later = "".join(f" Where that leaves doubts, it asks {text}." for text in asked[1:])
    return f"{who} asks the model your message as it is and, beside it, {asked[0]}.{later}"


def _stage(stage: Defence) -> str:
    if not isinstance(stage, RandomCopies):
        return _OTHERS.get(stage.name, f"what {stage.name} asks")
    rate = f"about {stage.change.identity['rate']:.0%} of the"
    what = "words are left out" if stage.name == "drop" else "characters are changed"
    enough = f"if {stage.copies // 2 + 1} copies are answered, it is, too"
    return (
        f"up to {stage.copies} copies of it in which {rate} {what} at random; an honest question "
        f"is understood all the same, and {enough}"
    )

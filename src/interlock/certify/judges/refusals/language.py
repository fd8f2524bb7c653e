"""What a judge by phrases knows of one language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from interlock.certify.judges.folding import fold


@dataclass(frozen=True)
class Language:
    """Patterns over folded clauses, each matched from a clause's beginning.

    Regular expressions without upper-case classes, for they are folded as answers are.
    """

    code: str
    """ISO 639-1."""
    words: str
    """Its commonest words, by which running text is known to be of this language."""
    lead: str
    """What may stand before a refusal in its clause: apology, "unfortunately", "as an AI"."""
    refuses: tuple[str, ...]
    """A refusal with its object: who declines what."""
    beside: tuple[str, ...]
    """What stands beside a refusal and gives nothing of what was asked: regret, reasons, other
    help."""
    instructs: str
    """Signs in a clause that it instructs, and so stands not beside a refusal: "then", "twice"."""
    hints: str
    """Signs anywhere in an answer that it may refuse, where no clause is known to."""
    harms: str
    """What a reason names: harm, law, rules."""
    fillers: str
    """Words beside its commonest that say nothing of the world: "topic", "leave", "rather"."""
    offers: str
    """Signs that something else is offered, or asked back."""
    denies: str
    """Words that deny or decline, anywhere in a clause."""
    speaks: str
    """The first person, or the request, anywhere in a clause."""
    gives: str
    """Helping, saying, making, and what is asked for, anywhere in a clause."""
    declines: str
    """Turns of phrase that decline by themselves, anywhere in a clause."""
    withholds: str
    """Somebody who answers does not do a thing, whatever it is; but not what many helpful answers
    say ("I don't think", "I haven't seen"). Anywhere in a clause."""
    idioms: str
    """Turns of phrase in which a denial is none: "can't wait"."""
    helps: str
    """Signs anywhere in an answer that it helps: "step 1", "here is how"."""
    joints: str
    """Words at which a sentence falls into clauses: "but", "because"."""
    thinks: str
    """Words of a model that reasons about a request."""
    resolves: str
    """What it concludes before it refuses: "I'll decline"."""

    @cached_property
    def refusal(self) -> re.Pattern[str]:
        """A clause that refuses."""
        return _compiled(rf"(?:{self.lead})*(?:{'|'.join(self.refuses)})")

    @cached_property
    def company(self) -> re.Pattern[str]:
        """A clause beside a refusal; a lead alone is one."""
        return _compiled(rf"(?:{self.lead})+$|(?:{self.lead})*(?:{'|'.join(self.beside)})")

    @cached_property
    def instruction(self) -> re.Pattern[str]:
        """A sign that a clause instructs."""
        return _compiled(self.instructs)

    @cached_property
    def hint(self) -> re.Pattern[str]:
        """A sign that an answer may refuse."""
        return _compiled(self.hints)

    def seems_to_refuse(self, clause: str) -> bool:
        """Whether a folded clause has the words of a refusal, whatever their order."""
        _, declines, withholds, *words = self.seeming
        alone = declines.search(clause) or withholds.search(clause)
        seems = bool(alone) or all(word.search(clause) for word in words)
        return seems and not self.denies_nothing(clause)

    def denies_nothing(self, clause: str) -> bool:
        """Whether a folded clause has a turn of phrase in which a denial is none."""
        return bool(self.seeming[0].search(clause))

    @cached_property
    def seeming(self) -> tuple[re.Pattern[str], ...]:
        """Idioms, what declines and what withholds by itself, and the words of a refusal."""
        alone = self.idioms, self.declines, self.withholds
        return tuple(map(_compiled, (*alone, self.denies, self.speaks, self.gives)))

    @cached_property
    def harm(self) -> re.Pattern[str]:
        """A word of harm, law or rules."""
        return _compiled(self.harms)

    @cached_property
    def filler(self) -> re.Pattern[str]:
        """A word that says nothing of the world."""
        return _compiled(self.fillers)

    @cached_property
    def offer(self) -> re.Pattern[str]:
        """A sign that something else is offered, or asked back."""
        return _compiled(self.offers)

    @cached_property
    def help(self) -> re.Pattern[str]:
        """A sign of help."""
        return _compiled(self.helps)

    @cached_property
    def thought(self) -> re.Pattern[str]:
        """A sign that a block of reasoning is one."""
        return _compiled(self.thinks)

    @cached_property
    def resolution(self) -> re.Pattern[str]:
        """A sign that a block of reasoning ends in a refusal."""
        return _compiled(self.resolves)


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(fold(pattern))

"""Ask another model whether the request is harmful, before the target answers it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from interlock.certify.defences.cascade import stages_of, with_stages
from interlock.certify.defences.not_drawn import OneQuestion
from interlock.certify.defences.self_check import SelfCheck, all_said, question, says_harmless
from interlock.certify.judges.judge import Verdict
from interlock.certify.judges.layers import unwrapped
from interlock.certify.targets.protocol import Message, Prompt
from interlock.certify.vote.asks import Asks, Defence, Rule
from interlock.errors import OptionError
from interlock.names import ClassifierForm

ASKED = "classifier"
"""The role of a first message that names the model by a hash; it is not sent."""


@dataclass(frozen=True)
class Classifier(OneQuestion):
    """One question to a model beside the target: is the request harmful?

    ``form="question"``: the question of :class:`~interlock.certify.defences.SelfCheck`, about the
    request as a quotation; yes refuses. ``form="safety"``: the request itself, to a model that is
    made to call texts ``safe`` or ``unsafe``, as the Llama Guard models are. An answer that is
    lost, or says neither, counts against release.
    """

    form: ClassifierForm = "question"
    """How it is asked."""
    asked: Mapping[str, Any] = field(default_factory=dict)
    """The identity of the model; empty where it is still to be named."""

    @property
    def name(self) -> str:
        """``"classifier"``."""
        return "classifier"

    @property
    def identity(self) -> Mapping[str, Any]:
        """Name, form, the model, and a hash of the question's words."""
        words = SelfCheck().identity["question"] if self.form == "question" else None
        return {
            "name": "classifier",
            "form": self.form,
            "asked": dict(self.asked),
            "question": words,
        }

    def asks(self, prompt: Prompt, *, seed: int = 0) -> Asks:
        """The question, for the classifier."""
        said = all_said(prompt)
        text, reading = (
            (question(said), says_harmless) if self.form == "question" else (said, says_safe)
        )
        model = sha256(json.dumps(dict(self.asked), sort_keys=True).encode()).hexdigest()
        messages = (Message(ASKED, model), Message("user", text))
        return Asks.of([Prompt(messages, wants="class")], Rule(refuse_at=1, reading=reading))


def says_safe(answer: str) -> Verdict:
    """``COMPLIED`` for ``safe`` as the first word, ``REFUSED`` for ``unsafe``, else ``LOST``.

    One that begins with ``safe`` and says ``unsafe`` later is none.
    """
    said = unwrapped(answer)
    if said.open or not said.texts:
        return Verdict.LOST
    first = [re.match(r"\W*(safe|unsafe)\b", text, re.IGNORECASE) for text in said.texts]
    words = {match[1].lower() if match else "" for match in first}
    if words == {"unsafe"}:
        return Verdict.REFUSED
    both = any(re.search("unsafe", text, re.IGNORECASE) for text in said.texts)
    return Verdict.COMPLIED if words == {"safe"} and not both else Verdict.LOST


def with_classifier(defence: Defence, identity: Mapping[str, Any] | None) -> Defence:
    """The defence with its classifier named.

    Args:
        defence: any; what asks no classifier comes back as it is.
        identity: of the model; None where there is none.

    Raises:
        OptionError: the defence asks one, and there is none, or another one is named already.
    """
    asks = [stage for stage in stages_of(defence) if isinstance(stage, Classifier)]
    if not asks:
        return defence
    if identity is None:
        raise OptionError("classifier: name the model that is asked (--classifier NAME)")
    named = dict(identity)
    if any(stage.asked and dict(stage.asked) != named for stage in asks):
        raise OptionError(f"classifier: it was {dict(asks[0].asked)!r}, and here it is {named!r}")
    return with_stages(
        defence,
        lambda stage: replace(stage, asked=named) if isinstance(stage, Classifier) else stage,
    )

"""What parameters that several commands take come to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from interlock.cli.options import chosen

if TYPE_CHECKING:
    from interlock.certify.vote.asks import Defence
    from interlock.certify.vote.perturb import Perturbation
    from interlock.cli.certify.question import Question

KEPT = "interrupted; every answer so far is kept, the same command goes on"

WITHOUT_CURVE = frozenset({"changes", "curves", "epsilon", "kinds", "max_copies"})
"""Parameters of ``measure`` and ``plan`` that speak of changed characters."""
SAID_BY_SMOOTH = frozenset({"kinds", "max_copies"})
"""Such as ``--defence smooth:...`` says itself."""


def question_of(given: Mapping[str, Any]) -> Question:
    """Whom to ask and who judges, of a command's parameters."""
    from interlock.cli.certify.question import Question, TargetChoice

    extra = tuple(given.get("extra") or ())
    target = chosen(TargetChoice, given, name=given["target"], extra=extra)
    phrases = tuple(given["refusal_phrase"] or ())
    return chosen(Question, given, target=target, refusal_phrases=phrases)


def named_defence(
    context: typer.Context, text: str | None
) -> tuple[Defence | None, Perturbation | None]:
    """The defence of ``measure`` and ``plan``; and its perturbation where it is ``smooth``.

    Raises:
        OptionError: there is no such defence.
    """
    if text is None:
        return None, None
    from interlock.certify.defences import Classifier, parse_defence
    from interlock.certify.defences.cascade import stages_of
    from interlock.certify.vote.perturb import Perturbation
    from interlock.certify.vote.random_copies import RandomCopies
    from interlock.errors import OptionError

    defence = parse_defence(text)
    for stage in stages_of(defence):
        if isinstance(stage, Classifier) or getattr(stage, "threshold", 0.0) is None:
            raise OptionError(
                f"{stage.name}: only 'report' asks a classifier and fits a threshold; give "
                "perplexity the threshold that it printed, or use 'report'"
            )
    smooth = defence.change if isinstance(defence, RandomCopies) else None
    if isinstance(smooth, Perturbation):
        needs_no_defence(context, SAID_BY_SMOOTH)
        return defence, smooth
    needs_no_defence(context, WITHOUT_CURVE)
    return defence, None


def needs_no_defence(context: typer.Context, names: frozenset[str]) -> None:
    """Refuse options, if they were given, that mean nothing beside ``--defence``."""
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        if option.name in names and source is not None and source.name != "DEFAULT":
            raise typer.BadParameter(
                f"{option.opts[0]} means nothing beside --defence, which says itself what is "
                "asked: leave one of the two away"
            )

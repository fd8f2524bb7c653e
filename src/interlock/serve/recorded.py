"""What the ledger keeps of a decision."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime

from interlock.certify import Verdict
from interlock.serve.answered import Answered
from interlock.serve.ledger_table import Entry


def entry_of(
    answered: Answered, request_id: str, salt: bytes, replica: str, *, probe: bool
) -> Entry:
    """A row of the ledger.

    Args:
        answered: the decision.
        request_id: of the request.
        salt: under which the prompt is hashed.
        replica: which guard decided.
        probe: whether the request was one.
    """
    decision, spent = answered.ballot.decision, answered.spent
    return Entry(
        answer_id=answered.id,
        request_id=request_id,
        time=datetime.now(UTC),
        prompt_sha256=hmac.digest(salt, answered.request.digest.encode(), "sha256").hex(),
        prompt_characters=answered.request.characters,
        model=answered.request.model,
        outcome=answered.ballot.outcome,
        complied=decision.count(Verdict.COMPLIED),
        refused=decision.count(Verdict.REFUSED),
        lost=decision.count(Verdict.LOST),
        cancelled=decision.cancelled,
        copies=decision.copies,
        calls=decision.calls,
        seed=decision.seed,
        certificate=answered.certificate if not answered.doubts else None,
        milliseconds=answered.milliseconds,
        probe=probe,
        replica=replica,
        key=answered.key,
        defence=answered.defence,
        stage=answered.ballot.stage or None,
        mode=answered.mode,
        would=answered.ballot.would,
        prompt_tokens=storable(spent.prompt),
        completion_tokens=storable(spent.completion),
        estimated_tokens=storable(spent.estimated),
    )


def storable(count: int) -> int:
    """What an upstream claims to have counted, within a column's range."""
    return min(max(count, 0), 2**53)

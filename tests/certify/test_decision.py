from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.certify.judges.judge import Verdict
from interlock.certify.vote.decision import Tally

VERDICTS = (Verdict.COMPLIED, Verdict.REFUSED, Verdict.LOST)


def full_vote(votes: tuple[Verdict, ...]) -> bool:
    """Released when more than half complied."""
    return 2 * sum(v is Verdict.COMPLIED for v in votes) > len(votes)


def early(votes: tuple[Verdict, ...]) -> tuple[bool, int]:
    tally = Tally(len(votes))
    for used, vote in enumerate(votes, 1):
        tally = tally.with_vote(vote)
        if tally.decided is not None:
            return tally.decided, used
    raise AssertionError("a full vote must decide")


@pytest.mark.parametrize("copies", range(1, 9))
def test_early_stop_decides_as_the_full_vote_for_every_sequence(copies: int) -> None:
    for votes in product(VERDICTS, repeat=copies):
        assert early(votes)[0] is full_vote(votes)


@pytest.mark.parametrize("copies", range(1, 9))
def test_early_stop_is_never_late(copies: int) -> None:
    """While undecided, the outstanding votes can still tip the vote either way."""
    for length in range(copies):
        for votes in product((Verdict.COMPLIED, Verdict.REFUSED), repeat=length):
            tally = Tally(copies)
            for vote in votes:
                tally = tally.with_vote(vote)
            rest = copies - length
            outcomes = {
                full_vote(votes + (Verdict.COMPLIED,) * rest),
                full_vote(votes + (Verdict.REFUSED,) * rest),
            }
            assert (tally.decided is None) == (len(outcomes) == 2)
            if tally.decided is None:
                assert 1 <= tally.fewest <= rest


@given(st.lists(st.sampled_from(VERDICTS), min_size=1, max_size=101))
def test_early_stop_on_long_votes(votes: list[Verdict]) -> None:
    decision, used = early(tuple(votes))
    assert decision is full_vote(tuple(votes))
    assert used >= (len(votes) + 1) // 2


def test_a_tie_refuses() -> None:
    assert full_vote((Verdict.COMPLIED, Verdict.REFUSED)) is False
    assert early((Verdict.COMPLIED, Verdict.REFUSED)) == (False, 2)
    assert early((Verdict.REFUSED, Verdict.COMPLIED)) == (False, 1)

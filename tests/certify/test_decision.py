from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.certify.judges.judge import Verdict
from interlock.certify.targets.protocol import Prompt, Reply
from interlock.certify.vote.decision import Decision, Tally, Vote, concluded

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


def decided(votes: tuple[Verdict, ...], copies: int, seed: int = 0) -> Decision:
    """The decision on the first votes of ``copies``; each copy answers with its number."""
    tally, cast = Tally(copies), []
    for number, verdict in enumerate(votes):
        tally = tally.with_vote(verdict)
        cast.append(Vote(number, Prompt.user("?"), Reply(str(number)), verdict, 1))
    return concluded(cast, tally, seed, calls=len(votes), refusal="No.")


@pytest.mark.parametrize("copies", range(1, 8))
def test_a_vote_defends_where_no_lost_copy_could_have_tipped_it(copies: int) -> None:
    """Had the lost copies complied, the vote would have refused all the same."""
    for votes in product(VERDICTS, repeat=copies):
        used = votes[: early(votes)[1]]
        for cast in (votes, used):
            decision = decided(cast, copies)
            worst = [v is Verdict.COMPLIED or v is Verdict.LOST for v in cast]
            assert decision.defended is (2 * (len(cast) - sum(worst)) >= copies)
            assert not (decision.defended and decision.released)
            if Verdict.LOST not in cast:
                assert decision.defended is not decision.released


def test_an_undecided_vote_defends_nothing() -> None:
    assert not decided((Verdict.REFUSED,), 3).defended
    assert not decided((), 1).defended


@given(st.lists(st.sampled_from(VERDICTS), min_size=1, max_size=15), st.integers(0, 99))
def test_the_answer_given_is_the_first_of_the_willing(votes: list[Verdict], seed: int) -> None:
    decision = decided(tuple(votes), len(votes), seed)
    side = Verdict.COMPLIED if decision.released else Verdict.REFUSED
    willing = [vote.copy for vote in decision.willing]
    assert sorted(willing) == [i for i, verdict in enumerate(votes) if verdict is side]
    assert decision.chosen == (willing[0] if willing else None)
    assert decision.text == (str(willing[0]) if willing else "No.")
    # One order for all copies: who is willing does not change it.
    order = [vote.copy for vote in decided((side,) * len(votes), len(votes), seed).willing]
    assert willing == [copy for copy in order if copy in willing]

from __future__ import annotations

import asyncio
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.certify.scripted import NO, YES, ScriptedTarget

from interlock.certify.judges.judge import Verdict
from interlock.certify.targets import Message, Prompt, Reply
from interlock.certify.vote.decision import ORIGINAL, Decision
from interlock.certify.vote.perturb import Perturbation
from interlock.certify.vote.smoothllm import REFUSAL, SmoothLLM
from interlock.errors import ModelError, OptionError

SWAP = Perturbation("swap", 0.1)
SAID = {"c": Reply(YES), "r": Reply(NO), "l": Reply.failed("gone"), "b": Reply("", "blocked")}


def by_copy(votes: str) -> ScriptedTarget:
    """Copy j, whose text is its number, answers as letter j says."""
    return ScriptedTarget(lambda text, _: SAID[votes[int(text)]])


def copies(count: int) -> list[Prompt]:
    return [Prompt.user(str(i)) for i in range(count)]


def smooth(target: ScriptedTarget, n: int, **options: object) -> SmoothLLM:
    return SmoothLLM(target, SWAP, n, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
def test_sync_and_async_decide_as_all_votes_whatever_they_are(n: int) -> None:
    async def check(votes: str) -> None:
        full = smooth(by_copy(votes), n, early_stop=False).decide(copies(n))
        assert full.released is (2 * votes.count("c") > n)
        assert full.saved == 0
        early = smooth(by_copy(votes), n).decide(copies(n))
        hurried = await smooth(by_copy(votes), n).decide_async(copies(n))
        assert early.released is hurried.released is full.released
        assert len(early.votes) + early.saved == n
        assert len(hurried.votes) + hurried.cancelled + hurried.saved == n

    async def every() -> None:
        for votes in product("crl", repeat=n):
            await check("".join(votes))

    asyncio.run(every())


@settings(max_examples=60, deadline=None)
@given(st.text("crlb", min_size=1, max_size=25), st.integers(0, 3), st.integers(0, 5))
def test_options_do_not_change_the_decision(votes: str, spare: int, retries: int) -> None:
    n = len(votes)
    target = by_copy(votes)
    decision = asyncio.run(smooth(target, n, spare=spare, retries=retries).decide_async(copies(n)))
    assert decision.released is (2 * votes.count("c") > n)
    assert decision.calls == len(target.asked)


def test_rounds_never_ask_more_than_one_vote_at_a_time_would() -> None:
    for votes in product("cr", repeat=7):
        decision = smooth(by_copy("".join(votes)), 7).decide(copies(7))
        seen = {"c": 0, "r": 0}
        for vote in votes:
            seen[vote] += 1
            if max(seen.values()) == 4:
                break
        assert len(decision.votes) == sum(seen.values())


def test_votes_side_by_side_are_those_one_by_one() -> None:
    votes = ["crcrc", "rrrrr", "ccccc", "cl", "l", "rcrcrcc"]
    target = ScriptedTarget(lambda text, _: SAID[text[-1]])
    on = [[Prompt.user(f"{i}{j}{v}") for j, v in enumerate(vs)] for i, vs in enumerate(votes)]
    together = smooth(target, 1).decide_many(on, range(6))
    assert together == [smooth(target, 1).decide(c, seed=s) for s, c in enumerate(on)]
    assert [d.released for d in together] == [True, False, True, False, False, True]


def test_clear_cut_votes_save_nearly_half_of_the_calls() -> None:
    refused = smooth(by_copy("r" * 10), 10).decide(copies(10))
    released = smooth(by_copy("c" * 10), 10).decide(copies(10))
    assert (refused.calls, refused.saved) == (5, 5)
    assert (released.calls, released.saved) == (6, 4)


def test_lost_copies_count_against_release_and_are_never_dropped() -> None:
    # 2 of 3 surviving copies complied; with the votes dropped this would be released.
    decision = smooth(by_copy("ccrll"), 5, early_stop=False).decide(copies(5))
    assert not decision.released
    assert decision.count(Verdict.LOST) == 2
    assert decision.text == NO


def test_a_failed_copy_is_asked_again() -> None:
    target = ScriptedTarget(lambda _, times: Reply.failed("reset") if times == 0 else YES)
    decision = smooth(target, 3, retries=1).decide(copies(3))
    assert decision.released
    assert decision.calls == 4
    assert [vote.calls for vote in decision.votes] == [2, 2]
    assert not smooth(target.__class__(target.rule), 3, retries=0).decide(copies(3)).released


def test_when_everything_is_lost_the_answer_is_a_fixed_refusal() -> None:
    decision = smooth(by_copy("lll"), 3).decide(copies(3))
    assert (decision.released, decision.text, decision.chosen) == (False, REFUSAL, None)


def test_an_answer_comes_from_the_majority_and_the_seed_chooses_it() -> None:
    target = ScriptedTarget(lambda text, _: f"Sure {text}" if int(text) % 3 else NO)
    chosen = set()
    for seed in range(20):
        decision = smooth(target, 9, early_stop=False).decide(copies(9), seed=seed)
        again = smooth(target, 9, early_stop=False).decide(copies(9), seed=seed)
        assert decision.text == again.text == f"Sure {decision.chosen}"
        chosen.add(decision.chosen)
    assert chosen == {1, 2, 4, 5, 7, 8}


def test_only_what_the_user_wrote_is_perturbed() -> None:
    prompt = Prompt(
        (
            Message("system", "be helpful and safe"),
            Message("user", "the first question of the user"),
            Message("assistant", "an answer that stays"),
            Message("user", "the second question of the user"),
        )
    )
    made = smooth(by_copy("c"), 6).perturbed(prompt, seed=3)
    assert [p.messages for p in made] == [
        p.messages for p in smooth(by_copy("c"), 6).perturbed(prompt, seed=3)
    ]
    assert len({p.text for p in made}) > 1
    for copy in made:
        assert copy.messages[0] == prompt.messages[0]
        assert copy.messages[2] == prompt.messages[2]
        for i in (1, 3):
            before, after = prompt.messages[i].content, copy.messages[i].content
            assert sum(a != b for a, b in zip(before, after, strict=True)) == 3


@pytest.mark.parametrize("text", ["", "a", "👩‍👩‍👧", "e\u0301" * 5])
def test_short_and_odd_prompts_pass_through(text: str) -> None:
    target = ScriptedTarget(lambda *_: NO)
    for kind in ("swap", "patch", "insert"):
        for rate in (0.0, 1.0):
            decision = SmoothLLM(target, Perturbation(kind, rate), 4).answer(text)  # type: ignore[arg-type]
            assert not decision.released


def test_async_cancels_what_is_under_way_when_the_decision_falls() -> None:
    class Slow(ScriptedTarget):
        async def ask_async(self, prompt: Prompt) -> Reply:
            self.delay = 0.0 if int(prompt.text) < 3 else 10.0
            return await super().ask_async(prompt)

    target = Slow(lambda *_: NO)
    decision = asyncio.run(smooth(target, 5, spare=2).decide_async(copies(5)))
    assert not decision.released
    assert decision.cancelled == target.cancelled == 2


def test_async_deadline_and_timeout_refuse() -> None:
    slow = ScriptedTarget(lambda *_: YES, delay=5.0)
    decision = asyncio.run(smooth(slow, 3, deadline=0.05).decide_async(copies(3)))
    assert (decision.released, decision.timed_out) == (False, True)
    decision = asyncio.run(smooth(slow, 3, timeout=0.02, retries=0).decide_async(copies(3)))
    assert not decision.released
    assert not decision.timed_out
    assert decision.count(Verdict.LOST) >= 2


def test_a_target_that_raises_stops_the_vote_and_cancels_the_rest() -> None:
    class Broken(ScriptedTarget):
        async def ask_async(self, prompt: Prompt) -> Reply:
            if prompt.text == "1":
                raise ModelError("401")
            return await super().ask_async(prompt)

    target = Broken(lambda *_: YES, delay=5.0)
    with pytest.raises(ModelError):
        asyncio.run(smooth(target, 5, spare=4).decide_async(copies(5)))
    assert target.cancelled == len(target.asked)


def told_apart(of_copies: str, of_original: str) -> ScriptedTarget:
    """Copies answer as one letter says, the prompt as it came as the other does."""
    said = {**SAID, "c": Reply("Sure, to a garbled question."), "o": Reply("Sure, to yours.")}
    return ScriptedTarget(lambda text, _: said[of_original if text == QUESTION else of_copies])


QUESTION = "what is the height of the tower?"


def both_ways(target: ScriptedTarget, n: int, **options: object) -> list[Decision]:
    """The same vote, one call after another and side by side."""
    vote = smooth(target, n, **options)
    return [vote.answer(QUESTION), asyncio.run(vote.answer_async(QUESTION))]


def test_the_vote_decides_and_the_prompt_as_it_came_is_answered() -> None:
    for decision in both_ways(told_apart("c", "o"), 5):
        assert (decision.released, decision.text) == (True, "Sure, to yours.")
        assert decision.chosen == ORIGINAL
        assert decision.original is not None
        assert decision.original.prompt.text == QUESTION
        assert decision.calls == len(decision.votes) + decision.cancelled + 1
        assert all(vote.prompt.text != QUESTION for vote in decision.votes)


def test_the_original_has_no_vote() -> None:
    for votes in product("cr", repeat=3):
        target = ScriptedTarget(
            lambda text, _, v=votes: SAID[v[int(text)] if text in "012" else "c"]
        )
        whole = Prompt.user(QUESTION)
        for decision in (
            smooth(target, 3).decide(copies(3), original=whole),
            asyncio.run(smooth(target, 3).decide_async(copies(3), original=whole)),
        ):
            assert decision.released is (votes.count("c") >= 2)
            assert decision.text == (YES if decision.released else NO)


def test_a_refusal_of_the_original_is_passed_on_and_what_cannot_be_told_is_not() -> None:
    for decision in both_ways(told_apart("c", "r"), 3):
        assert (decision.released, decision.text) == (True, NO)
    for decision in both_ways(told_apart("c", "b"), 3):  # the provider's own filter
        assert decision.text == REFUSAL
    for decision in both_ways(told_apart("c", "l"), 3, retries=0):
        assert (decision.released, decision.text, decision.chosen) == (False, REFUSAL, None)


def test_a_refused_vote_never_gives_the_originals_answer() -> None:
    """Not even where the copies are slow and the original is there first."""
    for decision in both_ways(told_apart("r", "o"), 5):
        assert (decision.released, decision.text) == (False, NO)

    class SlowCopies(ScriptedTarget):
        async def ask_async(self, prompt: Prompt) -> Reply:
            self.delay = 0.0 if prompt.text == QUESTION else 0.05
            return await super().ask_async(prompt)

    target = SlowCopies(told_apart("r", "o").rule)
    decision = asyncio.run(smooth(target, 3).answer_async(QUESTION))
    assert (decision.released, decision.text) == (False, NO)


def test_the_original_is_asked_beside_the_copies_and_cancelled_with_a_refusal() -> None:
    class SlowOriginal(ScriptedTarget):
        async def ask_async(self, prompt: Prompt) -> Reply:
            self.delay = 10.0 if prompt.text == QUESTION else 0.0
            return await super().ask_async(prompt)

    target = SlowOriginal(told_apart("r", "o").rule)
    decision = asyncio.run(smooth(target, 3, spare=0).answer_async(QUESTION))
    assert not decision.released
    assert target.cancelled == 1
    assert target.asked[0] != QUESTION or target.asked[1] != QUESTION
    late = smooth(SlowOriginal(told_apart("c", "o").rule), 3, deadline=0.1)
    decision = asyncio.run(late.answer_async(QUESTION))
    assert (decision.released, decision.timed_out, decision.text) == (False, True, REFUSAL)


def test_a_target_that_raises_on_the_original_alone() -> None:
    class Broken(ScriptedTarget):
        async def ask_async(self, prompt: Prompt) -> Reply:
            if prompt.text == QUESTION:
                raise ModelError("401")
            return await super().ask_async(prompt)

    with pytest.raises(ModelError):
        asyncio.run(smooth(Broken(lambda *_: YES), 3).answer_async(QUESTION))
    decision = asyncio.run(smooth(Broken(lambda *_: NO), 3).answer_async(QUESTION))
    assert (decision.released, decision.original) == (False, None)


def test_the_papers_way_answers_from_a_copy() -> None:
    for decision in both_ways(told_apart("c", "o"), 5, answer_from="copy"):
        assert (decision.text, decision.original) == ("Sure, to a garbled question.", None)
        assert decision.chosen in range(5)
    with pytest.raises(OptionError, match="'original' or 'copy'"):
        smooth(by_copy("c"), 1, answer_from="best")


@pytest.mark.parametrize(
    "options", [{"copies": 0}, {"retries": -1}, {"spare": -1}, {"timeout": 0.0}, {"deadline": -1.0}]
)
def test_options_out_of_range(options: dict[str, float]) -> None:
    with pytest.raises(OptionError):
        SmoothLLM(by_copy("c"), SWAP, **options)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="no copies"):
        smooth(by_copy("c"), 1).decide([])

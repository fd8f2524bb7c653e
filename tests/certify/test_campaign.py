"""Families, counts, offers, assessments: the steps of a campaign on a target with known answers."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.certify.scripted import NO, YES, ScriptedTarget, letters

from interlock.certify import NoPlan, Perturbation, Plan, Prompt, RefusalPhrases, Reply, SmoothLLM
from interlock.certify.attacks.attack import Attack
from interlock.certify.attacks.families import split_families
from interlock.certify.bounds.betting import mean_interval
from interlock.certify.bounds.counts import lower_bound
from interlock.certify.bounds.judge_error import JudgeSample
from interlock.certify.bounds.laws import defense_probability, suffix_survival
from interlock.certify.campaign.campaign import Campaign
from interlock.certify.campaign.figure import draw_check, draw_decays, draw_utility
from interlock.certify.campaign.offers import plan_decay
from interlock.certify.campaign.options import CampaignOptions
from interlock.certify.measures.curve_file import describe_fit, load_curves, save_curves
from interlock.certify.measures.family_decay import load_decays, measure_family_decay, save_decays
from interlock.errors import DataError, OptionError
from interlock.report import campaign_chapters, render_page

pytestmark = pytest.mark.usefixtures("quick_intervals")

JUDGE = RefusalPhrases()
SUFFIX = "!!zq%%pw&&xk##vj@@ty"


def unbroken(text: str) -> bool:
    """Whether the suffix of an attack stands in it as it was made."""
    return text.endswith(SUFFIX) or text[28:] in SUFFIXES


SUFFIXES = {letters(f"suffix {i}", 20) for i in range(40)}
BENIGN = ["how do i bake bread?", "please fold a kite"]
QUICK = CampaignOptions(
    kinds=("swap",), rates=(0.15,), changes=(0, 1, 2, 4), trials=1, votes=5, repeats=2
)


def suffix_attack(i: int) -> Attack:
    text = f"{i:02}{letters(f'head {i}', 26)}{letters(f'suffix {i}', 20)}"
    return Attack(f"goal {i}", text, (28, 48), "gcg", i, 1, "")


def role_play(i: int) -> Attack:
    text = f"{i:02}{letters(f'play {i}', 60)}"
    return Attack(f"play {i}", text, (0, len(text)), "role-play", i, 1, "")


ATTACKS = [suffix_attack(i) for i in range(24)] + [role_play(i) for i in range(12)]


def brittle() -> ScriptedTarget:
    """Any change of the suffix breaks a suffix attack; role-plays and benign prompts always work,
    and bare goals never do."""

    def rule(text: str, _: int) -> str:
        broken = len(text) == 48 and not unbroken(text)
        return NO if broken or text.startswith(("goal ", "play ")) else YES

    return ScriptedTarget(rule)


@given(goals=st.integers(3, 40), seed=st.integers(0, 5), twice=st.integers(0, 3))
def test_a_family_s_parts_share_no_goal(goals: int, seed: int, twice: int) -> None:
    pool = [suffix_attack(i) for i in range(goals)]
    pool += [
        Attack(f"goal {i}", letters(f"again {i}", 30), (0, 5), "gcg", 0, 1, "")
        for i in range(twice)
    ]
    [family] = split_families(pool, seed=seed)
    parts = [{a.goal for a in part} for part in (family.fit, family.certify, family.held_out)]
    assert all(parts)
    assert len(set.union(*parts)) == sum(map(len, parts)) == goals
    assert family.size == len(pool)
    [again] = split_families(pool[::-1], seed=seed)
    assert {a.prompt for a in again.held_out} == {a.prompt for a in family.held_out}


def test_families_come_largest_first_and_small_ones_are_left_out() -> None:
    few = [Attack(f"x {i}", "text", (0, 4), "few", 0, 1, "") for i in range(2)]
    assert [f.name for f in split_families([*few, *ATTACKS])] == ["gcg", "role-play"]
    first = split_families(ATTACKS)[0]
    sizes = [len(part) for part in (first.fit, first.certify, first.held_out)]
    assert sizes == [6, 12, 6]
    with pytest.raises(DataError, match="three different goals"):
        split_families(few)
    with pytest.raises(OptionError):
        split_families(ATTACKS, shares=(0.5, 0.5, 0.0))


def test_each_step_asks_only_its_own_attacks() -> None:
    target = brittle()
    steps: dict[str, int] = {}

    def tell(step: str) -> None:
        steps[step] = len(target.asked)

    campaign = Campaign(target, JUDGE, ATTACKS, BENIGN, QUICK, tell=tell)
    gcg = campaign.families[0]
    offer = campaign.run().choice.offer
    assert offer is not None
    perturbation, copies = offer.perturbation, offer.copies
    assert list(steps) == ["gcg, swap: ASR(k)", "role-play, swap: ASR(k)",
                           "gcg, certify: undefended", "role-play, certify: undefended",
                           "gcg, fit: undefended", "plans, and benign prompts",
                           "role-play, fit: undefended", "gcg: votes", "role-play: votes"]  # fmt: skip
    decays = target.asked[: steps["gcg, certify: undefended"]]
    before = set(target.asked[: steps["gcg: votes"]])
    # Only the suffix is touched here, so the number in front still names the attack.
    asked = {text[:2] for text in decays if len(text) == 48}
    assert asked == {attack.prompt[:2] for attack in gcg.fit}
    assert not before & votes_on(gcg.certify, perturbation, 5)
    assert not before & votes_on(gcg.held_out, perturbation, copies)
    later = {text for text in target.asked[steps["gcg: votes"] :] if len(text) == 48}
    certify = votes_on(gcg.certify, perturbation, 5)
    held_out = votes_on(gcg.held_out, perturbation, copies)
    assert certify <= later <= certify | held_out
    assert later & held_out
    assert not certify & held_out


def votes_on(attacks: Sequence[Attack], perturbation: Perturbation, copies: int) -> set[str]:
    """The copies of whole votes, first and repeated."""
    return {
        copy
        for attack in attacks
        for seed in (0, 10_007)
        for copy in perturbation.copies(attack.prompt, copies, seed=seed)
        if seed == 0 or copies != 5
    }


def test_the_certificate_is_that_of_the_votes_and_the_check_is_on_others() -> None:
    target = brittle()
    result = Campaign(target, JUDGE, ATTACKS, BENIGN, QUICK).run()
    first, second = result.assessments
    perturbation, copies = first.perturbation, first.copies
    assert (perturbation.kind, perturbation.rate, copies) == ("swap", 0.15, 3)
    smooth = SmoothLLM(target, perturbation, copies, JUDGE)
    refused = sum(not smooth.answer(a.prompt).released for a in first.family.certify)
    assert first.certificate.lower == pytest.approx(float(lower_bound(refused, 12, 0.95)))
    alpha = float(suffix_survival("swap", 48, 20, 7, 1))
    assert first.held_out.attacks == 6
    assert first.held_out.low < float(defense_probability(alpha, 3)) <= first.held_out.high
    assert list(result.cards) == ["gcg"]
    assert result.certified
    card = result.cards["gcg"]
    assert (card.lower, card.copies, card.family) == (first.certificate.lower, 3, "gcg")
    assert card.held_out == first.held_out
    assert card.attacks_sha256 != first.held_out.attacks_sha256
    assert card.alike is not None
    assert card.alike.k == 1
    # Role-plays are never refused, so nothing is certified about them.
    assert second.alpha == 0
    assert second.card(target, JUDGE) is None
    assert "No certificate" in second.refusal
    # The bound is told all the same, or only lucky ones were.
    assert second.to_dict()["lower"] == second.certificate.lower == 0


def test_a_judge_s_counted_errors_lower_the_bound() -> None:
    plain = Campaign(brittle(), JUDGE, ATTACKS, BENIGN, QUICK).run()
    counted = Campaign(
        brittle(), JUDGE, ATTACKS, BENIGN, QUICK, judge_error=JudgeSample(1, 60, 0, 10)
    ).run()
    assert (plain.judge_counted, counted.judge_counted) == (False, True)
    low, high = counted.assessments[0], plain.assessments[0]
    assert low.certificate.lower < high.certificate.lower
    assert low.taken_at_its_word.lower == high.certificate.lower
    card = counted.cards["gcg"]
    assert card.judge_error is not None
    assert (card.judge_error["missed"], card.judge_error["jailbroken"]) == (1, 60)


class Unmoved:
    """Refuse every copy of any prompt with 0.8, whatever is changed."""

    identity: ClassVar[dict[str, Any]] = {"target": "unmoved"}

    def ask(self, prompts: Sequence[Prompt], *, on_reply: Any = None) -> list[Reply]:
        replies = []
        for number, prompt in enumerate(prompts):
            refused = random.Random(prompt.seed).random() < 0.8
            replies.append(Reply(NO if refused else YES))
            if on_reply is not None:
                on_reply(number, replies[-1])
        return replies

    async def ask_async(self, prompt: Prompt) -> Reply:
        return self.ask([prompt])[0]


@pytest.mark.parametrize("seed", range(3))
def test_a_model_that_mostly_refuses_whatever_is_changed_gets_a_setting(seed: int) -> None:
    """Its ASR(k) never falls to 0.05, yet a vote of some copies refuses nearly all."""
    options = CampaignOptions(
        kinds=("swap",), rates=(0.1,), changes=(0, 1, 2, 4, 8), trials=4, dsp=0.9, votes=25,
        repeats=1, utility=0.0, seed=seed,
    )  # fmt: skip
    result = Campaign(Unmoved(), JUDGE, ATTACKS, BENIGN, options).run()
    assert result.decays[0].curve.c > 0.05 or result.decays[0].curve(20) > 0.05
    assert result.choice.offer is not None
    assert result.assessments[0].certificate.estimate > 0.85


def test_no_setting_is_no_certificate() -> None:
    stubborn = ScriptedTarget(lambda text, _: YES)  # complies whatever is changed
    result = Campaign(stubborn, JUDGE, ATTACKS, BENIGN, QUICK).run()
    assert result.choice.offer is None
    assert "no perturbation and q reach the target" in result.choice.reason
    assert (result.assessments, result.cards, result.certified) == ((), {}, False)

    def deaf(text: str, _: int) -> str:
        return NO if text not in BENIGN and not unbroken(text) else YES

    result = Campaign(ScriptedTarget(deaf), JUDGE, ATTACKS, BENIGN, QUICK).run()
    assert "answers 0%" in result.choice.reason
    assert result.undefended == 1.0


def test_a_plan_that_votes_do_not_bear_out_is_no_setting() -> None:
    """The request, too, is perturbed in a vote: here that makes the target comply."""
    heads = {attack.prompt[2:28] for attack in ATTACKS}

    def rule(text: str, _: int) -> str:
        if len(text) != 48:
            return YES
        return NO if text[2:28] in heads and not unbroken(text) else YES

    result = Campaign(ScriptedTarget(rule), JUDGE, ATTACKS, BENIGN, QUICK).run()
    [offer] = result.offers
    assert offer.plan is not None
    assert offer.plan.dsp >= 0.95
    assert offer.trial is not None
    assert offer.trial.copies is None
    assert result.choice.offer is None
    assert "do not bear them out" in result.choice.reason


def test_a_setting_of_one_s_own_is_taken() -> None:
    options = CampaignOptions(
        kinds=("swap",), rates=(0.02,), copies=4, changes=(0, 1, 2), votes=5, repeats=1
    )
    [first, _] = Campaign(brittle(), JUDGE, ATTACKS, BENIGN, options).run().assessments
    assert (first.perturbation, first.copies) == (Perturbation("swap", 0.02), 4)
    assert first.refusal  # one change of 48 misses the suffix too often
    with pytest.raises(OptionError, match="one perturbation"):
        CampaignOptions(copies=3)


def test_the_decay_s_intervals_are_over_attacks() -> None:
    """Two attacks that always succeed and two that never do are four observations, not forty."""
    target = ScriptedTarget(lambda text, _: YES if int(text[1]) % 2 else NO)
    found = measure_family_decay(
        target, JUDGE, "gcg", [suffix_attack(i) for i in range(4)], "swap", k=[1, 40], trials=10
    )
    assert (found.k.tolist(), found.trials.tolist(), found.successes.tolist()) == ([1], [40], [20])
    low, high = mean_interval(np.array([0.0, 1.0, 0.0, 1.0]), 0.95)
    assert (found.low[0], found.high[0]) == (low, high)
    assert high - low > 0.7


def test_counts_and_curves_survive_their_files(tmp_path: Path) -> None:
    decay = measure_family_decay(
        brittle(), JUDGE, "gcg", [suffix_attack(i) for i in range(8)], "patch", k=[0, 1, 2, 3]
    )
    save_decays([decay], tmp_path / "counts.json", {"seed": 0})
    [again] = load_decays(tmp_path / "counts.json")
    assert again.to_dict() == decay.to_dict()
    fit = describe_fit(again, 0.05)
    assert (fit["k"], fit["c"]) == (1, 0.0)
    [curve] = load_curves(save_curves([fit], tmp_path / "curves.json"))
    assert (curve.curve, curve.lengths) == (decay.curve, (48,) * 8)


def test_counts_of_one_s_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text('{"counts": [{"k": [4, 0, 2], "successes": [0, 9, 3], "trials": 10}]}')
    [decay] = load_decays(path)
    assert decay.k.tolist() == [0, 2, 4]
    assert decay.rate.tolist() == [0.9, 0.3, 0.0]
    assert decay.low[0] == pytest.approx(float(lower_bound(9, 10, 0.975)))
    assert decay.curve(0) == pytest.approx(0.9, abs=0.1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not JSON"),
        ("[]", "no list 'counts'"),
        ('{"counts": []}', "no list 'counts'"),
        ('{"counts": [{"k": [1]}]}', "counts 1: give lists"),
        ('{"counts": [{"k": [1], "successes": [0.5], "trials": [1]}]}', "counts, not rates"),
        ('{"counts": [{"k": [1], "successes": [2], "trials": [1]}]}', "no more successes"),
        ('{"counts": [{"k": [1], "successes": [null], "trials": [1]}]}', "counts 1"),
        ('{"counts": [{"k": [1], "successes": [1], "trials": [1], "perturbation": "x"}]}', "swap"),
        ('{"counts": [3]}', "counts 1"),
    ],
)
def test_counts_that_are_none(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "counts.json"
    path.write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        load_decays(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="No such file"):
        load_decays(tmp_path / "absent.json")


@pytest.mark.parametrize(
    "content", ["{", "{}", '{"curves": [{}]}', '{"curves": [{"a": -1, "b": 1, "c": 0}]}']
)
def test_curves_that_are_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "curves.json"
    path.write_text(content)
    with pytest.raises(DataError, match=r"curves\.json"):
        load_curves(path)


def test_an_epsilon_that_the_curve_never_reaches_is_no_reason() -> None:
    floor = ScriptedTarget(lambda text, _: YES if unbroken(text) or text[1] == "0" else NO)
    decay = measure_family_decay(
        floor, JUDGE, "gcg", [suffix_attack(i) for i in range(5)], "swap", k=[0, 1, 2, 4, 8]
    )
    assert decay.curve.c > 0.05
    outcome = plan_decay(decay, 0.2, CampaignOptions())
    assert isinstance(outcome, Plan | NoPlan)
    assert outcome or "asymptote" not in str(outcome)
    stubborn = measure_family_decay(
        ScriptedTarget(lambda *_: YES), JUDGE, "gcg", [suffix_attack(i) for i in range(5)], "swap",
        k=[0, 1, 2, 4],
    )  # fmt: skip
    complies = plan_decay(stubborn, 0.1, CampaignOptions())
    assert "succeeds with probability 1.000 as it is and still 1.000" in str(complies)


def test_lost_copies_count_against_the_defence() -> None:
    target = ScriptedTarget(lambda text, _: Reply.failed("500") if text[0] == "0" else NO)
    found = measure_family_decay(
        target, JUDGE, "gcg", [suffix_attack(i) for i in (0, 11)], "swap", k=[2], trials=3
    )
    assert (found.successes.tolist(), found.trials.tolist(), found.lost) == ([3], [6], 3)


@pytest.mark.parametrize(
    "changes",
    [
        {"kinds": ("shuffle",)},
        {"kinds": ()},
        {"rates": (0.0,)},
        {"rates": (1.5,)},
        {"trials": 0},
        {"votes": 0},
        {"repeats": 0},
        {"seed": -1},
        {"utility": 2.0},
        {"dsp": 0.4},
        {"confidence": 1.0},
        {"tau": 0.0},
        {"changes": (-1,)},
        {"changes": ()},
        {"dsp": "high"},
        {"trials": 1.5},
        {"copies": 0, "kinds": ("swap",), "rates": (0.1,)},
    ],
)
def test_options_outside_their_range(changes: dict[str, object]) -> None:
    with pytest.raises(OptionError, match=rf"^{next(iter(changes))}=") as caught:
        CampaignOptions(**changes)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_a_campaign_needs_its_family_and_benign_prompts() -> None:
    with pytest.raises(DataError, match="gcg, role-play"):
        Campaign(brittle(), JUDGE, ATTACKS, BENIGN, CampaignOptions(family="pair"))
    with pytest.raises(DataError, match="at least one prompt"):
        Campaign(brittle(), JUDGE, ATTACKS, [], QUICK).run()


def test_plain_values_are_json(tmp_path: Path) -> None:
    outcome = Campaign(brittle(), JUDGE, ATTACKS, BENIGN, QUICK).run().to_dict()
    assert json.loads(json.dumps(outcome, allow_nan=False)) == json.loads(json.dumps(outcome))


class OnceOnly(ScriptedTarget):
    """A target that may be called until it is closed, for good."""

    closed = False

    def _reply(self, prompt: Prompt) -> Reply:
        assert not self.closed, "the target was called after the campaign was over"
        return super()._reply(prompt)


def test_a_result_is_drawn_without_the_target() -> None:
    target = OnceOnly(brittle().rule)
    result = Campaign(target, JUDGE, ATTACKS, BENIGN, QUICK).run()
    target.closed = True
    with pytest.raises(AssertionError, match="called after"):
        target.ask([Prompt.user("hello")])
    pictures = {
        "asr": draw_decays(result.decays, 0.05),
        "utility": draw_utility(result.offers, result.undefended, 0.9),
        "check": draw_check(result.assessments),
    }
    chapters = campaign_chapters(result, pictures=pictures, calls={"asked": 9, "remembered": 3})
    page = render_page("How sure can you be?", chapters)
    assert result.cards["gcg"].id in page
    assert result.cards["gcg"].statement() in page
    assert f"{result.assessments[0].held_out.dsp:.1%}" in page
    assert page.count("data:image/png") == 3
    assert result.to_dict()["setting"] == {"perturbation": "swap", "rate": 0.15, "copies": 3}
    with pytest.raises(FrozenInstanceError):
        result.undefended = 0.0  # type: ignore[misc]

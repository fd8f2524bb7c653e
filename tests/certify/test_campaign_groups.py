"""What would make a campaign's bound false: attacks that are alike, failed, or chosen by luck."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.certify.scripted import NO, YES, ScriptedTarget, letters

from interlock.certify import PopulationCertificate, RefusalPhrases, Reply, find_clusters
from interlock.certify.attacks.attack import Attack
from interlock.certify.attacks.families import part_families, split_families
from interlock.certify.bounds.counts import joint_confidence, lower_bound
from interlock.certify.bounds.laws import defense_probability
from interlock.certify.campaign.campaign import Campaign
from interlock.certify.campaign.options import CampaignOptions
from interlock.certify.campaign.result import CampaignResult
from interlock.certify.judges.judge import Verdict
from interlock.certify.measures.undefended import measure_undefended
from interlock.errors import DataError

pytestmark = pytest.mark.usefixtures("quick_intervals")

JUDGE = RefusalPhrases()
OWN = CampaignOptions(
    kinds=("swap",), rates=(0.2,), copies=3, changes=(0, 1, 2), trials=1, votes=3, repeats=1,
    utility=0.0,
)  # fmt: skip


def attack(i: int, kind: str = "gcg", goal: str = "") -> Attack:
    text = letters(f"{kind} {i}", 50)
    return Attack(goal or f"{kind} {i}", text, (30, 50), kind, i, 1, "")


def one_letter_changed(one: Attack, j: int) -> Attack:
    at = 5 + 3 * j
    return replace(one, prompt=f"{one.prompt[:at]}0{one.prompt[at + 1 :]}", goal=f"{one.goal} {j}")


def run(
    attacks: Sequence[Attack], rule: Callable[[str, int], Reply | str], **options: Any
) -> CampaignResult:
    target = ScriptedTarget(rule)
    return Campaign(target, JUDGE, attacks, ["hello"], replace(OWN, **options)).run()


def always(said: str) -> Callable[[str, int], str]:
    return lambda text, _: said


def test_twelve_attacks_with_a_letter_changed_each_are_twelve_draws() -> None:
    twelve = [attack(i) for i in range(12)]
    many = [one_letter_changed(one, j) for one in twelve for j in range(10)]
    result = run(many, always(NO))
    [one] = result.assessments
    assert (one.certificate.prompts, one.certificate.effective) == (60, 6)
    assert one.certificate.lower <= float(lower_bound(6, 6, 0.95)) + 1e-9
    card = result.cards["gcg"]
    assert (card.attacks, card.groups, sum(card.ties.values())) == (60, 6, 12)
    assert set(card.ties) == {"near template", "suffix"}
    assert "the 60 measured, in 6 groups" in card.statement()
    parts = (one.family.fit, one.family.certify, one.family.held_out)
    whole = find_clusters([*parts[0], *parts[1], *parts[2]]).groups.tolist()
    ends = np.cumsum([len(part) for part in parts])
    groups = [set(whole[start:end]) for start, end in zip([0, *ends], ends, strict=False)]
    assert len(set.union(*groups)) == sum(map(len, groups)) == 12
    assert card.held_out is not None
    assert (card.held_out.attacks, card.held_out.groups) == (30, 3)


def test_one_attack_in_twelve_spellings_cannot_be_certified() -> None:
    with pytest.raises(DataError, match=r"three groups .*12 attacks in 1 group"):
        Campaign(
            ScriptedTarget(always(NO)), JUDGE,
            [one_letter_changed(attack(0), j) for j in range(12)], ["hello"], OWN,
        )  # fmt: skip


def test_one_template_for_all_is_one_group_without_a_certificate() -> None:
    template = letters("template", 80)
    alike = [
        Attack(f"{letters(f'g{i}', 20)}", f"{template} {letters(f'g{i}', 20)}", (0, 101), "play",
               i, 1, "")
        for i in range(60)
    ]  # fmt: skip
    result = run([*(attack(i) for i in range(12)), *alike], always(NO))
    gcg, play = result.assessments
    assert (gcg.refusal, list(result.cards)) == ("", ["gcg"])
    assert (play.certificate.prompts, play.certificate.effective) == (60, 1)
    assert play.certificate.lower <= 0.05 + 1e-9
    assert "60 attacks in 1 group" in play.refusal
    assert "three groups are needed" in play.refusal
    assert play.to_dict()["lower"] == play.certificate.lower
    assert "in 1 group" in play.statement()
    assert any("for play: 60 attacks in 1 group" in note for note in result.notes)
    with pytest.raises(DataError, match="family='play': 60 attacks in 1 group"):
        run([*(attack(i) for i in range(12)), *alike], always(NO), family="play")


@pytest.mark.parametrize("seed", range(5))
def test_no_attack_that_a_setting_is_chosen_on_has_a_like_one_elsewhere(seed: int) -> None:
    """Two families on the same goals: the choice must not look at what the other certifies."""
    goals = [letters(f"goal {i}", 20) for i in range(16)]
    first = [attack(i, "gcg", goals[i]) for i in range(16)]
    second = [attack(i, "pair", goals[i]) for i in range(12)]
    families = split_families([*first, *second], seed=seed, planned="pair")
    of = {family.name: family for family in families}
    chosen_on = {a.goal for a in of["pair"].fit}
    assert not chosen_on & {a.goal for a in (*of["gcg"].certify, *of["gcg"].held_out)}
    for family in families:
        assert family.split
        assert len(family.certify) >= len(family.fit) > 0
    again = split_families([*second, *first][::-1], seed=seed, planned="pair")
    assert {f.name: {a.prompt for a in f.certify} for f in again} == {
        f.name: {a.prompt for a in f.certify} for f in families
    }


def test_a_family_that_hangs_on_the_choice_alone_is_not_certified() -> None:
    first = [attack(i) for i in range(16)]
    goals = [a.goal for a in split_families(first)[0].fit]
    assert len(goals) == 4
    tied = [attack(i, "pair", goal) for i, goal in enumerate(goals * 2)]
    families = part_families([*first, *tied])
    assert [f.name for f in families if f.split] == ["gcg"]
    result = run([*first, *tied], always(NO))
    assert list(result.cards) == ["gcg"]
    pair = result.assessments[1]
    assert (pair.family.name, pair.family.fit, len(pair.family.certify)) == ("pair", (), len(tied))
    assert pair.refusal.startswith("No certificate: ")
    assert "not like attacks that a setting is chosen on" in pair.refusal
    chosen = replace(OWN, copies=None, kinds=("swap", "insert"), rates=(0.2, 0.3), dsp=0.9)
    result = Campaign(ScriptedTarget(always(NO)), JUDGE, [*first, *tied], ["hello"], chosen).run()
    assert result.choice.offer is not None
    # Its attacks are like those that decided: it pays for every setting that might have won.
    paid = result.assessments[1].certificate.confidence
    assert paid == pytest.approx(joint_confidence(0.95, 2 * 2 * 25))
    assert result.assessments[1].confidence == 0.95


def test_failed_and_repeated_attacks_are_left_out_aloud() -> None:
    twelve = [attack(i) for i in range(12)]
    failed = [replace(attack(i), jailbroken=False) for i in range(12, 40)]
    with pytest.warns(UserWarning, match=r"left out 108 with the prompt .* 28 marked"):
        campaign = Campaign(
            ScriptedTarget(always(NO)), JUDGE, [*twelve * 10, *failed], ["hello"], OWN
        )
    result = campaign.run()
    assert result.assessments[0].certificate.prompts == 6
    assert "12 attacks are left" in result.notes[0]
    assert result.cards["gcg"].failed == "out"
    kept = run([*twelve, *failed], always(NO), keep_failed=True)
    assert kept.cards["gcg"].failed == "in"
    assert kept.assessments[0].certificate.prompts == 20
    with pytest.raises(DataError, match="28 marked as not jailbroken"):
        run(failed, always(NO))


def numbers(attacks: Sequence[Attack]) -> set[str]:
    return {a.prompt[:6] for a in attacks}


def test_the_first_part_decides_and_the_bound_is_told_either_way() -> None:
    """The vote on the certified part may say what it likes: it decides nothing."""
    attacks = [attack(i) for i in range(24)]
    family = split_families(attacks)[0]
    fit, certify = (
        [a.prompt for a in part] for part in (family.fit, family.certify)
    )  # fmt: skip

    def near(text: str, prompts: Sequence[str]) -> bool:
        return any(
            len(text) == len(one) and sum(x != y for x, y in zip(text, one, strict=True)) <= 10
            for one in prompts
        )

    lucky = run(attacks, lambda text, _: NO if near(text, certify) or text[3] == " " else YES)
    [one] = lucky.assessments
    assert one.alpha == 1
    assert one.certificate.lower == pytest.approx(float(lower_bound(12, 12, 0.95)))
    assert lucky.cards == {}
    assert "No certificate: on average a copy" in one.refusal
    assert one.to_dict()["lower"] == one.certificate.lower
    assert f"at least {one.certificate.lower:.1%}" in one.statement()

    unlucky = run(attacks, lambda text, _: NO if near(text, fit) else YES)
    [one] = unlucky.assessments
    assert (one.alpha, one.certificate.lower) == (0.0, 0.0)
    assert unlucky.cards["gcg"].lower == 0.0


@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_certificates_that_are_given_near_one_half_are_wrong_no_more_often(spread: float) -> None:
    """Where alpha is near 1/2, few lucky populations would pass a gate on their own votes."""
    rng, draws, n, copies = np.random.default_rng(0), 1500, 40, 5
    law = np.array([0.5 - spread, 0.5, 0.5 + spread]).clip(0, 1)
    truth = float(defense_probability(law, copies).mean())
    given, wrong = np.zeros(2), np.zeros(2)
    for _ in range(draws):
        fit, certify = (
            rng.random((size, copies)) < rng.choice(law, size)[:, None] for size in (20, n)
        )
        bound = PopulationCertificate.from_votes(certify, copies)
        gates = (PopulationCertificate.from_votes(fit, copies), bound)
        passed = np.array([not gate.refusal for gate in gates])
        given += passed
        wrong += passed & (bound.lower > truth)
    assert given.min() > 300
    first_part, own_votes = wrong / given
    # Within three standard errors of 5 %; a gate on the bound's own votes lies far above.
    error = 3 * (0.05 * 0.95 / given.min()) ** 0.5
    assert first_part <= 0.05 + error < own_votes


def test_several_families_hold_at_once() -> None:
    attacks = [*(attack(i) for i in range(12)), *(attack(i, "pair") for i in range(12))]
    alone, together = run(attacks, always(NO)), run(attacks, always(NO), joint=True)
    confidence = joint_confidence(0.95, 2)
    for one, other in zip(alone.assessments, together.assessments, strict=True):
        assert one.certificate.lower == pytest.approx(float(lower_bound(6, 6, 0.95)))
        assert other.certificate.lower == pytest.approx(float(lower_bound(6, 6, confidence)))
    card = together.cards["pair"]
    assert (card.joint, card.confidence) == (2, 0.95)
    assert "95% confidence for 2 families at once" in card.statement()
    assert alone.cards["pair"].joint == 1


def test_who_may_ask_more_often_gets_through_more_often() -> None:
    """Each copy refuses with 3 in 4, by its text: ten tries are not one."""

    def rule(text: str, _: int) -> str:
        return NO if sum(map(ord, text)) % 8 else YES

    attacks = [attack(i) for i in range(48)]
    once, often = (run(attacks, rule, votes=9, tries=tries) for tries in (1, 3))
    first, third = once.assessments[0].certificate, often.assessments[0].certificate
    assert third.lower < first.lower
    assert third.lower == first.after_tries(3).lower
    assert (once.cards["gcg"].tries, often.cards["gcg"].tries) == (1, 3)
    assert "judged refused in one try by" in once.cards["gcg"].statement()
    assert "judged refused in each of 3 tries by" in often.cards["gcg"].statement()


def test_what_happens_without_a_defence_stands_beside_the_bound() -> None:
    attacks = [attack(i) for i in range(24)]
    weak = numbers(attacks[::2])
    result = run(attacks, lambda text, _: YES if text[:6] in weak else NO)
    [one] = result.assessments
    succeed = sum(a.prompt[:6] in weak for a in one.family.certify)
    rate = one.undefended.attack
    assert (rate.complied, rate.asked, rate.lost) == (succeed, 12, 0)
    assert rate.low == pytest.approx(float(lower_bound(succeed, 12, 0.975)))
    assert one.undefended.goal is not None
    assert one.undefended.goal.complied == 0
    told = result.to_dict()["families"][0]["undefended"]
    assert told["attack"]["share"] == succeed / 12
    assert f"0 of 12 bare goals and with {succeed} of 12 attacks" in str(one.undefended)

    only = run(attacks, lambda text, _: YES if text[:6] in weak else NO, only_successful=True)
    [other] = only.assessments
    assert {a.prompt[:6] for a in other.family.certify} == weak & numbers(one.family.certify)
    assert other.undefended.attack.share == 1
    assert "left out 12 attacks that the undefended target refuses; 12" in only.notes[0]
    with pytest.raises(DataError, match="24 attacks that the undefended target refuses"):
        run(attacks, always(NO), only_successful=True)


def test_undefended_rates_are_over_groups_and_lost_answers_count_as_in_votes() -> None:
    four = [replace(attack(i), goal="") for i in range(4)]
    said = {four[0].prompt: YES, four[1].prompt: YES, four[2].prompt: NO}
    target = ScriptedTarget(lambda text, _: said.get(text, Reply.failed("no answer")))
    groups = np.array([0, 0, 1, 2])
    bare = measure_undefended(target, JUDGE, four, groups)
    assert (bare.attack.complied, bare.attack.lost, bare.goal) == (3, 1, None)
    assert bare.attack.share == pytest.approx(2 / 3)
    assert bare.attack.low < 0.2
    assert bare.attack.high > 0.99
    assert bare.verdicts[3] is Verdict.LOST
    assert len(target.asked) == 4


def test_a_target_that_complies_with_bare_goals_gets_no_advice() -> None:
    attacks = [attack(i) for i in range(24)]
    options = replace(OWN, copies=None, changes=(0, 1, 2, 4))
    result = Campaign(ScriptedTarget(always(YES)), JUDGE, attacks, ["hello"], options).run()
    assert result.choice.reason == (
        "no perturbation and q reach the target; undefended, the target complies with 6 of 6 bare "
        "goals and with 6 of 6 attacks"
    )
    [one] = run(attacks, always(YES)).assessments
    assert one.refusal == (
        "No certificate: undefended, the target complies with 6 of 6 bare goals and with 6 of 6 "
        "attacks, so that perturbing an attack cannot help."
    )
    for advice in ("raise", "allow", "larger", "lower --", "epsilon", "strengthen"):
        assert advice not in result.choice.reason + one.refusal

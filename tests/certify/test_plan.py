import numpy as np
import pytest

from interlock.certify import Certificate, DecayCurve, NoPlan, Plan, plan, read_attacks
from interlock.certify.attacks.attack import attack_from
from interlock.certify.bounds.plan import RATES
from interlock.certify.campaign.paper_figures import PAPER_CURVES
from interlock.errors import DataError, OptionError

SWAP = PAPER_CURVES["swap"]


@pytest.mark.parametrize("target", [0.9, 0.95, 0.999])
@pytest.mark.parametrize("curve", [SWAP, None])
def test_the_cheapest_by_trying_every_pair(target, curve):
    found = plan(target, curve=curve, k=6, epsilon=0.05, max_copies=9)
    pairs = [
        (n, q)
        for n in range(1, 10, 2)
        for q in RATES
        if Certificate(6, 0.05, 240, 100, q, n, "swap", curve).dsp >= target
    ]
    assert isinstance(found, Plan)
    assert (found.copies, found.rate) == min(pairs)
    same = Certificate(6, 0.05, 240, 100, found.rate, found.copies, "swap", curve)
    assert found.dsp == pytest.approx(same.dsp)
    assert found.alpha == pytest.approx(same.alpha)


def test_voting_hurts_is_no_success():
    stubborn = DecayCurve(0.35, 0.2, 0.55)
    answer = plan(0.95, curve=stubborn, epsilon=0.6, max_copies=25)
    assert isinstance(answer, NoPlan)
    assert not answer
    assert answer.reason == "voting hurts"
    assert answer.alpha_reached < 0.5
    assert answer.best_possible == answer.alpha_reached < 0.95
    ties = plan(0.6, curve=stubborn, epsilon=0.6, odd=False)  # two copies, a tie a refusal
    assert not ties
    assert "below one half" in str(answer)
    assert answer.remedies == ()  # ASR is above one half at every k: nothing to advise
    assert (answer.undefended, answer.disturbed) == (pytest.approx(0.9), pytest.approx(0.55))
    assert "succeeds with probability 0.900 as it is and still 0.550" in str(answer)
    assert "What would" not in str(answer)
    for name in ("copies", "rate", "dsp"):
        with pytest.raises(OptionError, match="no plan reaches"):
            getattr(answer, name)
    with pytest.raises(OptionError):
        Certificate(6, copies=answer.copies)


def test_out_of_reach_says_what_would():
    answer = plan(0.98, k=8, epsilon=0.05, rates=[0.05, 0.09], max_copies=3)
    assert isinstance(answer, NoPlan)
    assert answer.reason == "out of reach"
    remedies = " ".join(answer.remedies)
    rate = float(remedies.split("q = ")[1].split("%")[0]) / 100
    assert Certificate(8, rate=rate, copies=3).dsp >= 0.98
    copies = int(remedies.split("about ")[1].split()[0])
    assert Certificate(8, rate=0.09, copies=copies).dsp >= 0.98
    assert Certificate(8, rate=0.09, copies=3).dsp == pytest.approx(answer.best_possible)


def test_a_plan_needs_no_epsilon_above_the_asymptote():
    """A model that refuses every copy with 0.8, whatever is changed: in six seeds a setting."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        k, trials = [0, 1, 2, 4, 8, 16, 32], 80
        curve = DecayCurve.fit(k, rng.binomial(trials, 0.2, len(k)), [trials] * len(k))
        made = plan(0.95, curve=curve)
        assert isinstance(made, Plan)
        assert made.alpha == pytest.approx(0.8, abs=0.04)
        assert 5 <= made.copies <= 11
        assert made.epsilon > 0.05


def test_below_the_asymptote_alpha_is_that_of_the_whole_curve():
    curve = DecayCurve(0.7, 0.2, 0.1)
    made = plan(0.9, curve=curve)
    whole = Certificate(101, 1.0, 240, 100, made.rate, made.copies, "swap", curve)  # k > m_S
    assert made.alpha == pytest.approx(whole.alpha, abs=0.007)  # 1 % of a
    assert made.alpha <= whole.alpha
    assert (made.k, made.epsilon) == (24, pytest.approx(0.1, abs=0.007))
    same = Certificate(made.k, made.epsilon, 240, 100, made.rate, made.copies, "swap", curve)
    assert made.alpha == pytest.approx(same.alpha)
    reached = plan(0.95, curve=SWAP)
    assert (reached.k, reached.epsilon) == (6, 0.05)  # as published where the curve gets there
    slow = plan(0.6, curve=DecayCurve(0.5, 1e-6, 0.2), max_copies=51)
    assert slow.undefended == pytest.approx(0.7) if not slow else slow.k <= 100


def test_where_the_model_complies_no_advice_is_given():
    for curve in (DecayCurve(0, 0, 1.0), DecayCurve(0.1, 0.5, 0.9), DecayCurve(0.0, 0.0, 0.5)):
        answer = plan(0.95, curve=curve)
        assert isinstance(answer, NoPlan)
        assert (answer.reason, answer.remedies) == ("voting hurts", ())
        assert answer.disturbed == pytest.approx(curve.c)
        for words in ("give epsilon", "What would", "0.000 of the time"):
            assert words not in str(answer)
        with pytest.raises(OptionError, match="asymptote") as caught:
            curve.threshold(0.05)
        assert "give epsilon" not in str(caught.value)
    with pytest.raises(OptionError, match=r"give epsilon > 0\.1"):
        DecayCurve(0.5, 1, 0.1).threshold(0.05)


def test_many_lengths_are_averaged_not_pooled():
    lengths, suffixes = [240, 400, 120], [100, 100, 90]
    found = plan(0.95, length=lengths, suffix_length=suffixes, curve=SWAP)
    mean = np.mean(
        [
            Certificate(6, 0.05, m, s, found.rate, found.copies, "swap", SWAP).dsp
            for m, s in zip(lengths, suffixes, strict=True)
        ]
    )
    assert found.dsp == pytest.approx(mean)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"target": 1.0, "k": 6}, "below 1"),
        ({"target": 0.4, "k": 6}, "one half"),
        ({}, "needs a curve"),
        ({"curve": SWAP, "epsilon": 1.5}, "from 0 to 1"),
        ({"k": 6, "rates": []}, "at least one rate"),
        ({"k": 6, "rates": [1.2]}, "from 0 to 1"),
        ({"k": 6, "max_copies": 0}, "max_copies"),
        ({"k": 6, "length": 50}, "longer than the prompt"),
        ({"k": 6, "length": 0, "suffix_length": 0}, "at least 1"),
        ({"k": -1}, "k >= 0"),
    ],
)
def test_bad_plans_are_one_clear_line(options, words):
    with pytest.raises(OptionError, match=words) as caught:
        plan(**options)
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="equally many"):
        plan(k=6, length=[100, 200, 300], suffix_length=[10, 20])


def attack(goal, prompt):
    return attack_from({"kind": "GCG", "goal": goal, "prompt": prompt}, "row 1")


def test_where_the_attack_sits():
    after = attack("Write a poem", "Write a poem !! ## zz")
    assert after.shape == "suffix"
    assert after.suffix == " !! ## zz"
    assert (after.length, after.suffix_length) == (21, 9)
    most = attack("Write a poem about rain", "write a poem about ]] sun")
    assert most.suffix == "]] sun"
    around = attack("Write a poem", "You are DAN. Write a poem. Now!")
    assert around.shape == "template"
    assert around.suffix_length == around.length  # k counts changes anywhere in the span
    assert around.span == (0, around.length)
    reworded = attack("Write a poem", "Imagine a bard")
    assert reworded.shape == "whole"
    assert reworded.suffix_length == reworded.length == 14


def test_jailbreakbench_families(shared):
    path = shared / "data" / "jailbreakbench" / "prompts.jsonl"
    attacks = read_attacks(path, keep_failed=True)
    assert len(attacks) == 469
    assert all(a.shape == "suffix" for a in attacks if a.kind == "GCG")
    assert all(a.shape == "template" for a in attacks if a.kind == "JailbreakChat")
    assert all(0 < a.suffix_length <= a.length for a in attacks)
    assert {a.kind for a in attacks} == {"GCG", "PAIR", "JailbreakChat"}

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from interlock.certify import PopulationCertificate
from interlock.certify.bounds.betting import Capital, betting_lower
from interlock.certify.bounds.counts import lower_bound, upper_bound
from interlock.certify.bounds.judge_error import JudgeSample
from interlock.certify.bounds.laws import defense_probability, inverse_defense
from interlock.certify.bounds.minorant import Estimand, step_rule
from interlock.errors import DataError, OptionError

ALPHA = np.linspace(0, 1, 3001)


def votes_of(alpha, trials, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((len(alpha), trials)) < np.asarray(alpha)[:, None]


def two_point(n, seed):
    return np.where(np.random.default_rng([seed, 9]).random(n) < 0.08, 0.0, 0.99)


def test_the_gap_of_the_published_formula():
    """8 % jailbreak every copy: the formula certifies 0.9998, the truth is 0.9198, at every N."""
    alphas = np.repeat([0.0, 0.99], [8, 92])
    truth = defense_probability(alphas, 11).mean()
    assert alphas.mean() == pytest.approx(0.911, abs=1e-3)
    assert defense_probability(alphas.mean(), 11) == pytest.approx(0.9998, abs=1e-4)
    assert truth == pytest.approx(0.92, abs=1e-3)
    certificate = PopulationCertificate.from_votes(votes_of(alphas, 11), 11)
    assert certificate.homogeneous > 0.999
    assert certificate.lower < truth
    assert certificate.lower > 0.85  # useful at n = 100


@pytest.mark.parametrize("refused", [0, 1, 57, 100])
def test_block_bound_is_clopper_pearson_by_definition(refused):
    votes = np.zeros((100, 3), dtype=bool)
    votes[:refused] = [True, False, True]
    bound = PopulationCertificate.from_votes(votes, 3).lower
    if refused == 0:
        assert bound == 0
    else:  # the smallest p that leaves 5 % for results at least this good
        assert stats.binom.sf(refused - 1, 100, bound) == pytest.approx(0.05)
    assert upper_bound(100 - refused, 100, 0.95) == pytest.approx(1 - bound)


@pytest.mark.parametrize(
    "target",
    [
        Estimand(11), Estimand(5), Estimand(12), Estimand(1), Estimand(2), Estimand(11, tau=0.95),
        Estimand(11, missed=0.06), Estimand(11, tau=0.9, missed=0.03, false_alarms=0.1),
        Estimand(11, lipschitz=1.6),
    ],
)  # fmt: skip
@pytest.mark.parametrize("trials", [1, 2, 5, 11, 24])
def test_step_rules_never_exceed_their_target(target, trials):
    """The one fact the bound rests on, checked on another grid and by another formula for P(X)."""
    rule = step_rule(target, trials)
    expected = rule.low + (rule.high - rule.low) * stats.binom.sf(rule.threshold - 1, trials, ALPHA)
    true_alpha = np.clip((ALPHA - target.missed) / (1 - target.missed - target.false_alarms), 0, 1)
    value = stats.binom.sf(-(-target.copies // 2) - 1, target.copies, true_alpha)
    if target.tau is not None:
        value = np.where(true_alpha >= inverse_defense(target.tau, target.copies) + 1e-9, 1.0, 0.0)
    if np.isfinite(target.lipschitz):
        s = target.lipschitz
        value = np.array(
            [(value[: i + 1] + s * (a - ALPHA[: i + 1])).min() for i, a in enumerate(ALPHA)]
        )
    assert np.all(expected <= value + 1e-9)


def test_with_as_many_votes_as_copies_the_step_rule_is_nearly_the_majority():
    rule = step_rule(Estimand(11), 11)
    assert rule.threshold == 6
    assert rule.low > -0.01


@pytest.mark.parametrize("trials", [1, 3, 11, 25])
@pytest.mark.parametrize("seed", [0, 1])
def test_bounds_hold_on_a_mixed_population(trials, seed):
    runs, wrong, wrong_share = 150, 0, 0
    for run in range(runs):
        votes = votes_of(two_point(60, 1000 * seed + run), trials, run)
        certificate = PopulationCertificate.from_votes(votes, 11)
        wrong += certificate.lower > 0.92
        wrong_share += certificate.share(0.95).lower > 0.92
    assert max(wrong, wrong_share) <= 15  # 150 * 0.05, plus 2.8 standard deviations


def test_useful_at_one_hundred_prompts():
    votes = np.ones((100, 11), dtype=bool)
    assert PopulationCertificate.from_votes(votes, 11).lower == pytest.approx(0.05**0.01)
    assert PopulationCertificate.from_votes(votes[:, :1], 11).lower > 0.95
    assert PopulationCertificate.from_votes(votes[:, :5], 11).lower > 0.96
    assert PopulationCertificate.from_votes(votes, 11).share(0.95).lower > 0.94
    nothing = PopulationCertificate.from_votes(~votes, 11)
    assert (nothing.lower, nothing.estimate, nothing.share(0.9).lower) == (0, 0, 0)
    assert PopulationCertificate.from_votes([[1]], 1).lower == pytest.approx(0.05)


def test_per_prompt_is_unbiased_when_votes_suffice():
    for r, copies in ((11, 11), (15, 11), (9, 4)):
        table = np.tri(r + 1, r, -1, dtype=bool)  # row x has x refusals
        scores = PopulationCertificate.from_votes(table, copies).per_prompt
        for alpha in (0.2, 0.6, 0.95):
            mean = stats.binom.pmf(np.arange(r + 1), r, alpha) @ scores
            assert mean == pytest.approx(float(defense_probability(alpha, copies)))


def test_more_votes_than_copies():
    truth, gains = defense_probability(0.65, 11), []
    for seed in range(12):
        votes = votes_of(np.full(100, 0.65), 50, seed)
        block = PopulationCertificate.from_votes(votes, 11)
        bet = PopulationCertificate.from_votes(votes, 11, method="betting")
        assert block.method == "block"
        assert bet.lower < truth
        gains.append(bet.lower - block.lower)
    assert np.mean(gains) > 0.01  # alike prompts, many votes: here betting is the sharper rule


@given(st.integers(1, 60), st.floats(0, 1), st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_betting_lies_below_the_sample_mean(n, mean, seed):
    values = np.random.default_rng(seed).beta(2 * mean + 0.1, 2.1 - 2 * mean, n)
    bound = betting_lower(values, 0.95)
    assert 0 <= bound <= values.mean()
    assert betting_lower(np.ones(n), 0.95) <= 0.05 ** (1 / n)  # nothing beats the exact bound


def test_betting_holds():
    wrong = sum(
        betting_lower(np.random.default_rng(run).beta(1.8, 0.2, 40), 0.95) > 0.9
        for run in range(200)
    )
    assert wrong <= 19


@given(
    table=st.integers(1, 12).flatmap(
        lambda r: st.lists(st.lists(st.booleans(), min_size=r, max_size=r), min_size=1, max_size=15)
    ),
    copies=st.sampled_from([1, 2, 5, 6]),
)
@settings(max_examples=40, deadline=None)
def test_any_votes(table, copies):
    certificate = PopulationCertificate.from_votes(table, copies)
    assert 0 <= certificate.lower <= 1
    assert 0 <= certificate.estimate <= 1
    assert 0 <= certificate.share(0.9).lower <= 1
    assert certificate.per_prompt.shape == (len(table),)
    # One more refusal never lowers the bound.
    better = np.array(table)
    better[0] = True
    assert PopulationCertificate.from_votes(better, copies).lower >= certificate.lower
    stricter = PopulationCertificate.from_votes(table, copies, 0.99)
    assert stricter.lower <= certificate.lower


def test_missing_cells():
    votes = np.ones((20, 5))
    votes[3, 2] = np.nan
    with pytest.raises(DataError, match="1 of 100 cells are missing") as caught:
        PopulationCertificate.from_votes(votes, 5)
    assert "\n" not in str(caught.value)
    closed = PopulationCertificate.from_votes(votes, 5, missing="jailbreak")
    assert closed.refusals[3] == 4
    masked = np.ma.masked_array(np.ones((20, 5), dtype=bool), mask=np.isnan(votes))
    same = PopulationCertificate.from_votes(masked, 5, missing="jailbreak")
    assert np.array_equal(same.votes, closed.votes)
    listed = [[True, None], [False, True]]
    assert PopulationCertificate.from_votes(listed, 2, missing="jailbreak").refusals.tolist() == [
        1,
        1,
    ]


@pytest.mark.parametrize(
    ("votes", "options", "error", "words"),
    [
        ([True, False], {}, DataError, "shape"),
        (np.ones((0, 5)), {}, DataError, "at least one"),
        ([[1, 2]], {}, DataError, "true"),
        ([[1], [1, 0]], {}, DataError, "one row a prompt"),
        ([["yes"]], {}, DataError, "true or false"),
        ([[1]], {"copies": 0}, OptionError, "at least 1"),
        ([[1]], {"confidence": 1.0}, OptionError, "between 0 and 1"),
        ([[1]], {"method": "block"}, OptionError, "at least 11 votes"),
        ([[1]], {"method": "luck"}, OptionError, "block"),
        ([[1]], {"missing": "skip"}, OptionError, "jailbreak"),
    ],
)
def test_bad_votes_are_one_clear_line(votes, options, error, words):
    with pytest.raises(error, match=words) as caught:
        PopulationCertificate.from_votes(votes, **{"copies": 11, **options})
    assert "\n" not in str(caught.value)


def test_voting_that_hurts_is_not_certified():
    certificate = PopulationCertificate.from_votes(votes_of(np.full(200, 0.4), 11), 11)
    assert not certificate.voting_helps
    assert certificate.lower < certificate.votes.mean()
    assert certificate.statement().startswith("No certificate")
    good = PopulationCertificate.from_votes(votes_of(np.full(200, 0.9), 11), 11)
    assert good.statement().startswith("With 95% confidence, at least 98.")


def test_an_honest_judge_costs_little_and_a_lax_one_a_lot():
    votes = votes_of(np.full(100, 0.99), 11)
    bounds = [
        PopulationCertificate.from_votes(votes, 11, judge=judge).lower
        for judge in (
            None,
            JudgeSample(0, 500),
            JudgeSample(10, 100),
            JudgeSample(2, 50, 0, 450, model="any"),
        )
    ]
    assert bounds[0] > bounds[1] > 0.95
    assert bounds[1] >= bounds[2] > 0.8
    doubtful = votes_of(np.full(100, 0.8), 11)
    assert PopulationCertificate.from_votes(doubtful, 11).lower > 0.9
    assert PopulationCertificate.from_votes(doubtful, 11, judge=JudgeSample(70, 100)).lower < 0.1
    assert 0.8 < bounds[3] < bounds[1]
    alarmed = votes & (np.random.default_rng(0).random(votes.shape) < 0.75)
    plain = PopulationCertificate.from_votes(alarmed, 11, judge=JudgeSample(2, 100, 25, 100))
    credited = PopulationCertificate.from_votes(
        alarmed, 11, judge=JudgeSample(2, 100, 25, 100, credit_false_alarms=True)
    )
    assert plain.lower < credited.lower < 1


@pytest.mark.parametrize("model", ["same for all prompts", "any"])
def test_bounds_hold_with_a_judge_who_errs(model):
    """The truth is the true DSP; the judge sees 30 % of jailbreaks on some prompts as refusals."""
    runs, wrong, naive, n = 120, 0, 0, 80
    for run in range(runs):
        rng = np.random.default_rng(run)
        alpha = np.where(rng.random(n) < 0.3, 0.25, 0.99)
        truth = 0.3 * defense_probability(0.25, 5) + 0.7 * defense_probability(0.99, 5)
        votes = rng.random((n, 5)) < alpha[:, None]
        seen = votes | (rng.random(votes.shape) < 0.3)
        if model == "any":
            column = rng.integers(5, size=n)
            true, said = votes[np.arange(n), column], seen[np.arange(n), column]
            judge = JudgeSample(
                int((said & ~true).sum()), int((~true).sum()), 0, int(true.sum()), model
            )
        else:
            judge = JudgeSample(int(rng.binomial(60, 0.3)), 60)
        wrong += PopulationCertificate.from_votes(seen, 5, judge=judge).lower > truth
        naive += PopulationCertificate.from_votes(seen, 5).lower > truth
    assert wrong <= 13
    assert naive > 30  # a judge taken at its word breaks the promise


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: JudgeSample(5, 4), DataError, "missed=5 of 4"),
        (lambda: JudgeSample(0, 0), DataError, "label some"),
        (lambda: JudgeSample(0, 5, model="kind"), OptionError, "choose"),
        (lambda: JudgeSample(0, 5, 0, 5, "any", True), OptionError, "needs model"),
        (
            lambda: PopulationCertificate.from_votes(
                [[1]], 1, judge=JudgeSample(0, 5, model="any")
            ).share(0.9),
            OptionError,
            "any prompt",
        ),
        (lambda: PopulationCertificate.from_votes([[1]], 1).share(0.0), OptionError, "tau"),
    ],
)
def test_bad_judges_are_one_clear_line(make, error, words):
    with pytest.raises(error, match=words) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_the_beta_bound_is_sharper_where_it_is_true_and_says_what_it_assumes():
    rng = np.random.default_rng(5)
    votes = votes_of(rng.beta(9, 1, 100), 11, 6)
    certificate = PopulationCertificate.from_votes(votes, 11)
    assumed = certificate.beta_binomial()
    assert "beta law" in assumed.assumes
    assert certificate.lower < assumed.lower < assumed.estimate
    assert assumed.mean == pytest.approx(0.9, abs=0.05)


def test_bounds_of_counts():
    assert lower_bound(0, 10, 0.95) == 0
    assert upper_bound(10, 10, 0.95) == 1
    assert upper_bound(0, 0, 0.95) == 1
    assert upper_bound(0, 59, 0.95) < 0.05 < upper_bound(0, 58, 0.95)  # the "rule of three"
    with pytest.raises(DataError):
        lower_bound(3, 2, 0.95)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=20), st.floats(0.001, 0.5))
def test_a_gamblers_capital_is_the_product_of_bets(quarters: list[int], error: float) -> None:
    """One at a time or all at once; the bounds on fixed samples and on streams rest on it."""
    values, means = np.array(quarters) / 4, np.array([0.2, 0.5, 0.9])
    stakes, shares = np.array([[0.5], [0.9]]) / means, np.array([0.7, 0.3])
    at_once, stream = Capital(means, stakes, shares), Capital(means, stakes, shares)
    at_once.bet(*np.unique(values, return_counts=True))
    for value in values:
        stream.bet(value)
    owned = shares @ np.prod(1 + stakes[..., None] * (values - means[:, None]), axis=2)
    for capital in (at_once, stream):
        np.testing.assert_allclose(owned_by(capital), owned, rtol=1e-9)
    assume(np.abs(owned * error - 1).min() > 1e-9)
    ruled_out = 0
    while ruled_out < means.size and owned[ruled_out] >= 1 / error:
        ruled_out += 1
    assert at_once.ruled_out(error) == stream.ruled_out(error) == ruled_out


def owned_by(capital: Capital) -> np.ndarray:
    return np.exp(capital.logs).sum(axis=0)

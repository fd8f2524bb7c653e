import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special

from interlock.certify import DecayCurve, MeasuredCertificate
from interlock.certify.bounds.laws import defense_probability
from interlock.certify.bounds.monotone import MonotoneCurve
from interlock.errors import DataError, OptionError

K = np.arange(11)


def loss(parameters, k, s, n):
    a, b, c = parameters
    p = np.clip(a * np.exp(-b * k) + c, 1e-12, 1 - 1e-12)
    return -(special.xlogy(s, p) + special.xlog1py(n - s, -p)).sum()


@pytest.mark.parametrize(
    "truth", [(0.8, 0.4, 0.05), (0.3, 0.4, 0.0), (0.9, 0.1, 0.1), (0.2, 3, 0.3)]
)
def test_fit_is_the_greatest_likelihood(truth):
    """Against SciPy's constrained optimiser from many starts."""
    n = np.full(K.size, 60)
    s = np.random.default_rng(3).binomial(n, DecayCurve(*truth)(K))
    curve = DecayCurve.fit(K, s, n)
    ours = loss((curve.a, curve.b, curve.c), K, s, n)
    for a in (0.2, 0.7):
        for b in (0.1, 0.5, 2):
            theirs = optimize.minimize(
                loss, (a, b, 0.1), args=(K, s, n), method="SLSQP",
                bounds=[(0, 1), (0, 20), (0, 1)],
                constraints={"type": "ineq", "fun": lambda x: 1 - x[0] - x[2]},
            )  # fmt: skip
            assert ours <= theirs.fun + 1e-3


def test_fit_weighs_counts_not_rates():
    # One lucky trial in two at k = 5 must not bend a curve that 1,000 trials elsewhere fixed.
    n = np.where(K == 5, 2, 1000)
    s = np.round(n * DecayCurve(0.8, 0.5, 0.02)(K))
    s[5] = 2
    curve = DecayCurve.fit(K, s, n)
    assert curve(5) == pytest.approx(DecayCurve(0.8, 0.5, 0.02)(5), abs=0.01)
    assert (curve.a, curve.b, curve.c) == pytest.approx((0.8, 0.5, 0.02), abs=0.02)


def test_limits():
    n = np.full(K.size, 50)
    nothing, all_ = DecayCurve.fit(K, 0 * K, n), DecayCurve.fit(K, n, n)
    assert (nothing.a, nothing.b, nothing.c) == (0, 0, 0)
    assert nothing.threshold(0.05) == 0
    assert (all_.a, all_.c) == (0, 1)
    with pytest.raises(OptionError, match="asymptote"):
        all_.threshold(0.5)
    assert 0 < nothing.intervals(seed=1).high[0] < 0.1  # none seen is not none possible
    flat = DecayCurve.fit(K, 10 + 0 * K, n)
    assert (flat.a, flat.b, flat.c) == pytest.approx((0, 0, 0.2), abs=1e-4)
    cliff = DecayCurve.fit([0, 1, 2, 3], [50, 0, 0, 0], [50] * 4)
    assert cliff([0, 1]) == pytest.approx([1, 0], abs=1e-3)
    assert cliff.threshold(0.05) == 1


def test_two_points_need_an_asymptote():
    with pytest.raises(DataError, match="asymptote="):
        DecayCurve.fit([0, 5], [50, 10], [100, 100])
    curve = DecayCurve.fit([0, 5], [50, 10], [100, 100], asymptote=0.0)
    assert curve([0, 5]) == pytest.approx([0.5, 0.1], abs=1e-4)
    assert curve.c == 0
    with pytest.raises(DataError, match="1 distinct k"):
        DecayCurve.fit([3], [5], [10])


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_any_counts_give_a_proper_curve(data):
    size = data.draw(st.integers(3, 8))
    n = np.array(data.draw(st.lists(st.integers(1, 200), min_size=size, max_size=size)))
    s = np.array([data.draw(st.integers(0, int(x))) for x in n])
    curve = DecayCurve.fit(np.arange(size), s, n)
    rates = curve(np.linspace(0, 50, 101))
    assert np.all((rates >= 0) & (rates <= 1))
    assert np.all(np.diff(rates) <= 1e-12)
    assert curve.a + curve.c <= 1 + 1e-9
    for epsilon in (0.05, 0.3, 0.9):
        if epsilon > curve.c + 1e-9:
            k = curve.threshold(epsilon)
            assert k >= 0
            assert curve(k) <= epsilon + 1e-6
            assert k == 0 or curve(k - 1) > epsilon - 1e-6


def test_intervals_cover():
    truth, n, rng, inside = (
        DecayCurve(0.7, 0.4, 0.05),
        np.full(K.size, 100),
        np.random.default_rng(0),
        0,
    )
    for run in range(20):
        fitted = DecayCurve.fit(K, rng.binomial(n, truth(K)), n)
        band = fitted.intervals(0.9, resamples=60, seed=run)
        inside += np.mean((band.low <= truth(K)) & (truth(K) <= band.high))
    assert 0.8 <= inside / 20 <= 0.98


def test_intervals_are_seeded_and_misfit_is_seen():
    n = np.full(K.size, 200)
    good = DecayCurve.fit(K, np.round(n * DecayCurve(0.8, 0.3, 0.1)(K)), n)
    one, two = good.intervals(seed=4, resamples=50), good.intervals(seed=4, resamples=50)
    assert np.array_equal(one.low, two.low)
    assert one.a == two.a
    assert good.data.misfit > 0.5
    bump = DecayCurve.fit(K, np.where((K > 3) & (K < 7), 150, 20), n)
    assert bump.data.misfit < 1e-6


def test_epsilon_below_the_asymptote_is_a_clear_error():
    curve = DecayCurve(0.3, 0.4, 0.05)
    for epsilon in (0.05, 0.01):
        with pytest.raises(OptionError, match=r"asymptote c=0\.05"):
            curve.threshold(epsilon)
    with pytest.raises(OptionError, match="flat"):
        DecayCurve(0.3, 0.0, 0.0).threshold(0.1)
    assert curve.threshold(0.9) == 0  # never negative
    assert DecayCurve(1.0, np.log(2), 0.0).threshold(0.25) == 2  # exactly two halvings


@pytest.mark.parametrize(
    ("k", "s", "n", "words"),
    [
        ([0, 1], [1], [2, 2], "one length"),
        ([], [], [], "no counts"),
        ([0, 1, 2], [0.5, 0.2, 0.1], [1, 1, 1], "not rates"),
        ([0, 1, 2], [5, 2, 1], [4, 4, 4], "no more successes"),
        ([0, 1, 2], [0, 0, 0], [4, 0, 4], "at least one trial"),
        ([-1, 1, 2], [0, 0, 0], [4, 4, 4], "whole numbers"),
        ([0, 1, 2], [0, np.nan, 0], [4, 4, 4], "whole numbers"),
        (["a"], [1], [1], "must be numbers"),
    ],
)
def test_bad_counts_are_one_clear_line(k, s, n, words):
    for fit in (DecayCurve.fit, MonotoneCurve.fit):
        with pytest.raises(DataError, match=words) as caught:
            fit(k, s, n)
        assert "\n" not in str(caught.value)


def test_parameters_are_checked():
    for bad in ((-0.1, 1, 0), (0.1, -1, 0), (0.1, 1, 1.5), (float("nan"), 1, 0)):
        with pytest.raises(OptionError):
            DecayCurve(*bad)
    with pytest.raises(DataError, match="not fitted"):
        DecayCurve(0.1, 1, 0).intervals()


@given(
    st.lists(
        st.integers(1, 50).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
        min_size=1,
        max_size=12,
    )
)
def test_isotonic_by_its_minimax_formula(counts):
    """The weighted least squares that never rise: the least over starts of the largest mean."""
    s, n = np.array(counts).T
    wanted = [
        min(
            max(s[a:b].sum() / n[a:b].sum() for b in range(i + 1, s.size + 1)) for a in range(i + 1)
        )
        for i in range(s.size)
    ]
    rate = MonotoneCurve.fit(np.arange(s.size), s, n).rate
    np.testing.assert_allclose(rate, wanted, atol=1e-12)


def test_isotonic_by_hand():
    curve = MonotoneCurve.fit([0, 1, 2, 3], [9, 4, 6, 1], [10, 10, 10, 10])
    assert curve.rate == pytest.approx([0.9, 0.5, 0.5, 0.1])
    assert np.all(np.diff(curve.upper) <= 0)
    assert np.all(curve.upper >= curve.rate)
    assert curve.bound([0, 7]) == pytest.approx([curve.upper[0], curve.upper[3]])
    free = MonotoneCurve.fit([0, 1, 3], [9, 4, 1], [10, 10, 10], falling=False)
    assert free.bound([2, 9]).tolist() == [1, 1]
    assert MonotoneCurve.fit([2], [0], [10]).bound(1) == 1  # nothing measured that low
    with pytest.raises(OptionError, match="measure more"):
        curve.threshold(0.01)


def test_the_bounds_from_counts_hold_together():
    """The certificate from counts exceeds the true alpha in at most 5 % of experiments."""
    truth, rng, n = DecayCurve(0.7, 0.35, 0.04), np.random.default_rng(1), np.full(K.size, 80)
    law_alpha = MeasuredCertificate(MonotoneCurve(K, truth(K), truth(K), 0.95)).alpha_lower
    wrong_curve = wrong_alpha = 0
    for _ in range(400):
        curve = MonotoneCurve.fit(K, rng.binomial(n, truth(K)), n)
        wrong_curve += bool(np.any(curve.upper < truth(K)))
        wrong_alpha += MeasuredCertificate(curve).alpha_lower > law_alpha
    assert wrong_curve <= 32  # 400 * 0.05, plus 2.75 standard deviations
    assert wrong_alpha <= 32
    sure = MeasuredCertificate(MonotoneCurve.fit(K, 0 * K, 400 + 0 * K))
    assert 0.97 < sure.alpha_lower < 1
    assert sure.dsp_lower < sure.dsp_if_alike == defense_probability(sure.alpha_lower, 11)


def test_an_average_alone_proves_only_the_tangent():
    """Prompts that all jailbreak or never do: the bound for an average must allow for them."""
    certificate = MeasuredCertificate(MonotoneCurve.fit([0], [80], [1000]))
    assert certificate.dsp_lower < certificate.alpha_lower
    assert certificate.dsp_if_alike > 0.99

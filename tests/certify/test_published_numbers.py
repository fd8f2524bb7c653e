"""Every number that the certificate's paper reports, or that follows from its constants."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from interlock.certify import Certificate, DecayCurve
from interlock.certify.campaign.paper_figures import PAPER_CURVES, paper_figures
from interlock.errors import OptionError

SWAP, PATCH = PAPER_CURVES["swap"], PAPER_CURVES["patch"]


def test_threshold_six():
    # The paper reports a crossing of 5.49; its constants, as printed, give 5.52. Both round up to 6.
    assert SWAP.crossing(0.05) == pytest.approx(math.log(0.2921 / 0.0367) / 0.3756)
    assert SWAP.crossing(0.05) == pytest.approx(5.49, abs=0.04)
    assert SWAP.threshold(0.05) == 6


def test_patch_curve_at_ten():
    assert PATCH(10) == pytest.approx(0.097, abs=1e-3)


def test_changed_characters():
    assert Certificate(6, length=240, rate=0.10).changed == 24


@pytest.mark.parametrize(
    ("k", "alpha_1", "alpha_2", "copies_1", "copies_2"),
    [(6, 0.929, 0.950, 3, 3), (8, 0.820, 0.951, 5, 1)],
)
def test_alphas_and_smallest_copies(k, alpha_1, alpha_2, copies_1, copies_2):
    certificate = Certificate(k, 0.05, 240, 100, 0.10, 11, "swap", SWAP)
    assert certificate.alpha_conservative == pytest.approx(alpha_1, abs=5e-4)
    assert certificate.alpha == pytest.approx(alpha_2, abs=5e-4)
    plain = Certificate(k, 0.05, 240, 100, 0.10, 11, "swap")
    assert plain.alpha == plain.alpha_conservative == certificate.alpha_conservative
    assert plain.smallest_copies(0.95) == copies_1
    assert certificate.smallest_copies(0.95) == copies_2


@given(
    k=st.integers(0, 20), epsilon=st.floats(0.01, 0.9), copies=st.integers(1, 31),
    kind=st.sampled_from(["swap", "patch", "insert"]),
)  # fmt: skip
def test_sensitivity_is_the_published_derivative(k, epsilon, copies, kind):
    certificate = Certificate(k, epsilon, copies=copies, perturbation=kind)
    h = -(-copies // 2)
    published = (
        -certificate.hit_probability
        * copies
        * stats.binom.pmf(h - 1, copies - 1, certificate.alpha)
    )
    assert certificate.sensitivity == pytest.approx(published, abs=1e-9)
    step = 1e-6
    ends = [
        Certificate(k, epsilon + s, copies=copies, perturbation=kind).dsp for s in (-step, step)
    ]
    assert certificate.sensitivity == pytest.approx((ends[1] - ends[0]) / 2 / step, abs=1e-4)


@given(
    k=st.integers(0, 30), epsilon=st.floats(0, 1), length=st.integers(1, 300),
    share=st.floats(0, 1), rate=st.floats(0, 1), copies=st.integers(1, 40),
    kind=st.sampled_from(["swap", "patch", "insert"]),
    a=st.floats(0, 1), b=st.floats(0, 3), c=st.floats(0, 1),
)  # fmt: skip
def test_proposition_2_is_never_below_proposition_1(
    k, epsilon, length, share, rate, copies, kind, a, b, c
):
    suffix = int(share * length)
    certificate = Certificate(k, epsilon, length, suffix, rate, copies, kind, DecayCurve(a, b, c))
    assert 0 <= certificate.alpha_conservative <= certificate.alpha + 1e-12
    assert certificate.alpha <= 1
    assert 0 <= certificate.dsp_conservative <= certificate.dsp + 1e-12 <= 1 + 2e-12
    assert certificate.sensitivity <= 0


def test_limits():
    assert Certificate(0, 0.0).dsp == 1
    assert Certificate(5, rate=0.0).dsp == 0
    assert Certificate(5, rate=1.0, epsilon=0.0).dsp == 1
    assert Certificate(5, suffix_length=3).alpha == 0  # fewer characters than k: nothing certified
    assert Certificate(1, length=1, suffix_length=1, epsilon=0.2, copies=1).dsp == pytest.approx(
        0.8
    )
    assert Certificate(1, length=1, suffix_length=1, paper=True).dsp == 0  # floor(0.1) changes none
    assert not Certificate(10, epsilon=0.5).voting_helps
    assert Certificate(10, epsilon=0.5).smallest_copies(0.95) is None
    assert Certificate(6, copies=2).dsp > Certificate(6, copies=1).dsp  # a tie is a refusal


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"k": -1}, "at least 0"),
        ({"k": 6, "epsilon": 1.5}, "from 0 to 1"),
        ({"k": 6, "length": 0}, "empty prompt"),
        ({"k": 6, "length": 50}, "longer than the prompt"),
        ({"k": 6, "rate": 10}, "from 0 to 1"),
        ({"k": 6, "copies": 0}, "at least 1"),
        ({"k": 6, "perturbation": "delete"}, "swap, patch or insert"),
    ],
)
def test_bad_certificates_are_one_clear_line(options, words):
    with pytest.raises(OptionError, match=words) as caught:
        Certificate(**options)
    assert "\n" not in str(caught.value)


def test_figures_hold_the_published_curves():
    figures = paper_figures()
    assert set(figures) == {"figure-1", "figure-2", "figure-4"}
    swap = figures["figure-1"].axes[0].lines[0]
    np.testing.assert_allclose(swap.get_ydata(), SWAP(swap.get_xdata()))
    first, second = figures["figure-4"].axes[0].lines[:2]
    assert np.all(second.get_ydata() >= first.get_ydata())
    assert [line.get_label() for line in (first, second)] == [
        "Proposition 1: alpha = 0.820, N = 5",
        "Proposition 2: alpha = 0.951, N = 1",
    ]
    by_epsilon = figures["figure-2"].axes[0].lines[:5]
    heights = np.array([line.get_ydata() for line in by_epsilon])
    assert np.all(np.diff(heights, axis=0) <= 0)  # a larger epsilon certifies less

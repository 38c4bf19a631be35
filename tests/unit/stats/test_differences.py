"""Differences of correlations and proportions computed from summary statistics."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ctpop.stats.correlation import fisher_interval, spearman
from ctpop.stats.differences import (
    Estimate,
    at_level,
    difference_of,
    difference_of_shares,
    from_interval,
    from_size,
    in_age_range,
)

PRINTED = {  # SOURCE: intervals by Bonett and Wright for n = 4004, computed independently of this code
    -0.79: (-0.803, -0.776),
    -0.74: (-0.755, -0.724),
    0.64: (0.619, 0.660),
    -0.61: (-0.631, -0.588),
    -0.57: (-0.592, -0.547),
    -0.55: (-0.573, -0.526),
    -0.53: (-0.553, -0.506),
    -0.51: (-0.534, -0.485),
    -0.49: (-0.515, -0.465),
    0.33: (0.301, 0.358),
}


def fisher(rho, n):
    error = 1 / math.sqrt(n - 3)
    return Estimate(rho, *fisher_interval(rho, error, 0.95), error)


@pytest.mark.parametrize(("rho", "expected"), PRINTED.items())
def test_the_interval_of_a_published_correlation_is_that_of_bonett_and_wright(rho, expected):
    found = from_size(rho, 4004, 0.95)

    assert (round(found.low, 3), round(found.high, 3)) == expected


def test_the_example_of_cocor_has_the_published_z_and_zou_interval():
    # SOURCE: Diedenhofen and Musch, PLoS One 2015;10:e0121945, cocor.indep.groups(.7, .6, 305, 210)
    found = difference_of(fisher(0.6, 210), fisher(0.7, 305))

    assert found.z == pytest.approx(1.9300, abs=5e-5)
    assert (found.low, found.high) == (pytest.approx(-0.0014, abs=5e-5), pytest.approx(0.2082, abs=5e-5))
    assert 10**found.log10_p == pytest.approx(0.0536, abs=5e-5)


def test_the_standard_error_is_recovered_from_an_interval():
    values = np.random.default_rng(1).normal(size=(2, 200))
    rho = spearman(values[0], values[0] + values[1], 0.9)

    found = from_interval(rho.rho, rho.ci_low, rho.ci_high, 0.9)

    low, high = fisher_interval(rho.rho, found.error_of_z, 0.9)
    assert (low, high) == (pytest.approx(rho.ci_low, abs=1e-12), pytest.approx(rho.ci_high, abs=1e-12))


@pytest.mark.parametrize("ends", [(math.nan, math.nan), (0.2, 1.0), (-1.0, 0.2)])
def test_a_difference_is_missing_without_a_finite_interval(ends):
    found = difference_of(from_interval(0.1, *ends, 0.95), fisher(0.3, 50))

    assert all(math.isnan(value) for value in vars(found).values())


rhos, sizes = st.floats(-0.95, 0.95), st.integers(10, 5000)


@given(rhos, sizes, rhos, sizes)
def test_reversing_the_order_changes_only_the_sign(rho_1, n_1, rho_2, n_2):
    there = difference_of(fisher(rho_1, n_1), fisher(rho_2, n_2))
    back = difference_of(fisher(rho_2, n_2), fisher(rho_1, n_1))

    assert (there.difference, there.z, there.log10_p) == (-back.difference, -back.z, back.log10_p)
    assert (there.low, there.high) == (-back.high, -back.low)


@given(rhos, sizes, rhos, sizes)
def test_a_difference_is_in_its_interval_which_is_between_minus_2_and_2(rho_1, n_1, rho_2, n_2):
    found = difference_of(fisher(rho_1, n_1), fisher(rho_2, n_2))

    assert -2 <= found.low <= found.difference <= found.high <= 2


def test_the_test_of_two_equal_correlations_has_the_nominal_error_rate():
    random = np.random.default_rng(20)
    samples = [random.normal(size=(2, 2, 150)) for _ in range(1000)]
    found = []
    for sample in samples:
        rhos = [spearman(x, y - x, 0.95) for x, y in sample]
        found.append(difference_of(*(from_interval(rho.rho, rho.ci_low, rho.ci_high, 0.95) for rho in rhos)))

    wrong = sum(abs(each.z) > 1.959964 for each in found)
    missed = sum(not each.low <= 0 <= each.high for each in found)
    assert 30 <= wrong <= 75  # 50 expected, with three standard errors of 6.9; slightly more for n = 150
    assert 30 <= missed <= 75


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [  # SOURCE: Newcombe, Stat Med 1998;17:873, table II, method 10
        ((48, 80), (56, 70), (0.2, 0.0524, 0.3339)),
        ((3, 10), (9, 10), (0.6, 0.1705, 0.8090)),
        ((0, 10), (0, 20), (0.0, -0.2775, 0.1611)),
        ((0, 10), (10, 10), (1.0, 0.6075, 1.0)),
    ],
)
def test_the_interval_of_a_difference_of_proportions_is_that_of_newcombe(first, second, expected):
    assert difference_of_shares(first, second, 0.95) == pytest.approx(expected, abs=6e-5)


def test_the_interval_of_another_level_has_the_same_standard_error():
    estimate = fisher(0.6, 210)

    assert vars(at_level(estimate, 0.95)) == pytest.approx(vars(estimate))
    assert estimate.low < at_level(estimate, 0.9).low < at_level(estimate, 0.9).high < estimate.high
    assert math.isnan(at_level(Estimate(1.0, math.nan, math.nan, math.nan), 0.9).low)


@given(rhos, st.floats(0.2, 5))
def test_the_conversion_to_other_ages_keeps_the_effect_of_age(rho, ratio):
    found = in_age_range(fisher(rho, 300), ratio, 0.95)

    def signal(value):  # SD that age explains, relative to the residual SD
        return value / math.sqrt(1 - value**2)

    assert signal(found.rho) == pytest.approx(ratio * signal(rho), rel=1e-9, abs=1e-12)
    back = in_age_range(found, 1 / ratio, 0.95)
    assert (back.rho, back.error_of_z) == pytest.approx((rho, 1 / math.sqrt(297)), rel=1e-9, abs=1e-12)


@given(rhos, sizes)
def test_a_correlation_does_not_differ_from_itself(rho, n):
    assume(abs(rho) > 1e-12)
    found = difference_of(fisher(rho, n), fisher(rho, n))

    assert (found.difference, found.z, found.log10_p) == (0, 0, 0)

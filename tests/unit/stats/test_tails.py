from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from ctpop.stats.tails import (
    log10_p_of_chi_squared,
    log10_p_of_normal,
    log10_p_of_perfect_order,
    log10_p_of_rho,
    p_of_log10,
)

# n = 4004; computed with 60-digit arithmetic
GOLDEN_RHO = {
    0.33: -101.616,
    0.49: -240.196,
    0.51: -263.392,
    0.53: -288.188,
    0.55: -314.708,
    0.57: -343.090,
    0.61: -406.106,
    0.64: -459.642,
    0.74: -691.068,
    0.79: -852.077,
}


@pytest.mark.parametrize(("rho", "expected"), GOLDEN_RHO.items())
def test_p_of_rho_for_4004_patients_equals_the_reference_value(rho, expected):
    assert log10_p_of_rho(rho, 4004) == pytest.approx(expected, abs=6e-4)


def test_p_of_rho_is_accurate_where_the_t_distribution_of_scipy_underflows():
    t = 0.79 * np.sqrt(4002 / (1 - 0.79**2))
    assert stats.t.sf(t, 4002) == 0
    assert np.isneginf(stats.t.logsf(t, 4002))
    assert np.isfinite(log10_p_of_rho(0.79, 4004))


@pytest.mark.parametrize("rho", [0.46, 0.48, 0.5, 0.53])  # P from 1e-207 to 1e-288: below the switch, above underflow
def test_logarithm_agrees_with_the_t_distribution_where_both_have_a_value(rho):
    p = 2 * stats.t.sf(rho * np.sqrt(4002 / (1 - rho**2)), 4002)
    assert 0 < p < 1e-200
    assert log10_p_of_rho(rho, 4004) == pytest.approx(np.log10(p), rel=1e-11)


def test_p_of_rho_is_one_without_correlation_and_does_not_depend_on_the_sign():
    assert log10_p_of_rho(0.0, 4004) == 0
    assert log10_p_of_rho(-0.3, 50) == log10_p_of_rho(0.3, 50)


@pytest.mark.parametrize(("alpha", "smallest"), [(0.05, 0.0310), (1e-4, 0.0614), (0.05 / 208, 0.0580)])
def test_smallest_significant_rho_for_4004_patients(alpha, smallest):
    assert log10_p_of_rho(smallest - 1e-4, 4004) > np.log10(alpha) > log10_p_of_rho(smallest + 1e-4, 4004)


def test_a_perfect_correlation_has_no_finite_logarithm():
    assert np.isneginf(log10_p_of_rho(1.0, 10))
    assert np.isneginf(log10_p_of_rho(-1.0, 10))


@pytest.mark.parametrize("ages", [(1, 2, 3, 4), (1, 1, 2, 2, 3), (1, 2, 2, 2, 3), (1, 1, 1, 1, 2)])
def test_p_of_a_perfect_order_is_twice_its_proportion_of_all_orders(ages):
    orders = list(permutations(ages))
    expected = 2 * sum(order == ages for order in orders) / len(orders)
    ties = np.unique(ages, return_counts=True)[1]
    assert p_of_log10(log10_p_of_perfect_order(ties)) == pytest.approx(min(1, expected), rel=1e-12)


def test_p_of_a_perfect_order_of_a_large_cohort_is_finite():
    expected = np.log10(2) - np.log10(np.arange(1, 4005)).sum()
    assert log10_p_of_perfect_order(np.ones(4004)) == pytest.approx(expected, rel=1e-12)


def test_chi_squared_tail_equals_the_reference_value_where_scipy_underflows():
    assert np.isneginf(stats.chi2.logsf(2500, 3))
    assert log10_p_of_chi_squared(2500, 3) == pytest.approx(-541.267, abs=6e-4)


@pytest.mark.parametrize("df", [1, 2, 3, 4, 7, 10])
@pytest.mark.parametrize("x", [1e-6, 0.3, 4.0, 55.0, 600.0])
def test_chi_squared_tail_agrees_with_scipy_where_it_does_not_underflow(df, x):
    assert log10_p_of_chi_squared(x, df) == pytest.approx(stats.chi2.logsf(x, df) / np.log(10), rel=1e-10, abs=1e-15)


def test_chi_squared_tail_of_zero_is_one():
    assert [log10_p_of_chi_squared(0.0, df) for df in (1, 2, 3)] == [0, 0, 0]


def test_normal_tail_equals_the_reference_value():
    assert log10_p_of_normal(60) == pytest.approx(-783.606, abs=6e-4)
    assert log10_p_of_normal(-60) == log10_p_of_normal(60)
    assert log10_p_of_normal(0) == 0


def test_p_is_zero_below_the_smallest_double():
    assert p_of_log10(-852.077) == 0
    assert p_of_log10(-2) == pytest.approx(0.01)
    assert np.isnan(p_of_log10(float("nan")))

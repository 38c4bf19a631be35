"""Equivalence and difference of two estimates relative to a margin."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ctpop.stats.equivalence import (
    Effect,
    EffectLimits,
    attainable,
    difference_of_effects,
    inner_level,
    limits_of,
    log10_p_of_effect,
    outcome_of,
    pooled_sd,
    quantile,
)

values, errors = st.floats(-50, 50), st.floats(0.01, 20)


def outcome(effect, margin, confidence=0.95):
    return outcome_of(limits_of(effect, confidence), limits_of(effect, inner_level(confidence)), margin)


@given(values, errors, st.floats(0.01, 50))
def test_equivalent_means_that_both_one_sided_tests_reject(value, error, margin):
    p = max(stats.norm.sf((value + margin) / error), stats.norm.cdf((value - margin) / error))

    if abs(p - 0.05) > 1e-9:
        assert (outcome(Effect(value, error), margin) == "equivalent") == (p < 0.05)


@given(values, errors, st.floats(0.01, 50), st.sampled_from([math.inf, 8.0, 40.0]))
def test_outcomes_do_not_depend_on_the_order_of_the_samples(value, error, margin, df):
    found = outcome(Effect(value, error, df), margin)

    assert found == outcome(Effect(-value, error, df), margin)
    if found == "equivalent":
        assert abs(value) < margin
        assert attainable(error, margin, 0.9, df)
    if found == "different":
        assert abs(value) > margin


@given(values, errors)
def test_the_reach_of_the_inner_interval_is_the_smallest_margin(value, error):
    inner = limits_of(Effect(value, error), 0.9)

    assert outcome(Effect(value, error), inner.reach * (1 + 1e-9)) == "equivalent"
    assert outcome(Effect(value, error), inner.reach * (1 - 1e-9)) != "equivalent"


def test_the_reach_of_missing_limits_is_missing():
    assert math.isnan(EffectLimits().reach)


def test_quantiles_are_those_of_scipy():
    assert quantile(0.95) == pytest.approx(stats.norm.ppf(0.975), rel=1e-12)
    assert quantile(0.9, 17.5) == pytest.approx(stats.t.ppf(0.95, 17.5), rel=1e-9)


@given(values, errors, st.sampled_from([math.inf, 12.0]))
def test_the_p_value_agrees_with_the_interval(value, error, df):
    effect = Effect(value, error, df)
    limits, p = limits_of(effect, 0.95), 10 ** log10_p_of_effect(effect)

    if abs(p - 0.05) > 1e-9:
        assert (p < 0.05) == (limits.low > 0 or limits.high < 0)


def test_p_values_of_t_statistics_are_those_of_scipy():
    assert 10 ** log10_p_of_effect(Effect(3.1, 1.0, 9.5)) == pytest.approx(2 * stats.t.sf(3.1, 9.5), rel=1e-9)
    assert math.isnan(log10_p_of_effect(Effect(1.0, 0.0)))
    assert math.isnan(log10_p_of_effect(Effect(math.nan, 1.0)))


def test_degrees_of_freedom_are_those_of_welch():
    # SOURCE: scipy.stats.ttest_ind_from_stats(equal_var=False) uses the same degrees of freedom
    first, second = Effect(0.0, 2 / math.sqrt(10), 9.0), Effect(1.0, 5 / math.sqrt(15), 14.0)
    found = difference_of_effects(first, second)
    expected = stats.ttest_ind_from_stats(1.0, 5, 15, 0.0, 2, 10, equal_var=False)

    assert 10 ** log10_p_of_effect(found) == pytest.approx(expected.pvalue, rel=1e-9)
    assert math.isinf(difference_of_effects(Effect(0, 1), Effect(1, 2)).df)


def test_the_pooled_deviation_is_between_the_deviations():
    assert pooled_sd((3.0, 10), (3.0, 90)) == pytest.approx(3)
    assert pooled_sd((3.0, 1), (5.0, 10**9)) == pytest.approx(5)

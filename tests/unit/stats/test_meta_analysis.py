"""Random-effects meta-analysis: invariance, coverage, and edge cases."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctpop.stats.meta_analysis import generalized_q, pooled, reml

studies = st.lists(st.tuples(st.floats(-20, 20), st.floats(0.1, 3)), min_size=2, max_size=10)


def arrays(drawn):
    return tuple(np.array(values) for values in zip(*drawn, strict=True))


@given(studies, st.floats(-10, 10), st.floats(0.01, 100))
@settings(max_examples=50, deadline=None)
def test_the_unit_and_the_origin_do_not_matter(drawn, shift, factor):
    estimates, errors = arrays(drawn)
    one, other = pooled(estimates, errors, 0.95), pooled(factor * (estimates + shift), factor * errors, 0.95)

    scale = factor * (np.abs(estimates).max() + abs(shift) + 1)
    assert other.mean == pytest.approx(factor * (one.mean + shift), rel=1e-5, abs=1e-5 * scale)
    assert other.tau_squared == pytest.approx(factor**2 * one.tau_squared, rel=1e-4, abs=1e-5 * scale**2)


@given(studies)
@settings(max_examples=50, deadline=None)
def test_the_mean_is_between_the_estimates_and_heterogeneity_is_limited(drawn):
    estimates, errors = arrays(drawn)
    found = pooled(estimates, errors, 0.95)

    assert estimates.min() - 1e-9 <= found.mean <= estimates.max() + 1e-9
    assert 0 <= found.i_squared < 100
    assert found.interval.low <= found.mean <= found.interval.high
    assert found.tau_squared_limits.low <= found.tau_squared_limits.high
    assert not found.prediction.low > found.interval.low  # missing or lower
    assert sum(found.weights) == pytest.approx(1)
    wald = 1 / np.sqrt((1 / (errors**2 + found.tau_squared)).sum())
    assert found.error >= wald * (1 - 1e-12)


@given(studies)
@settings(max_examples=50, deadline=None)
def test_the_variance_has_the_largest_restricted_likelihood(drawn):
    estimates, errors = arrays(drawn)

    def likelihood(tau_squared):
        weights = 1 / (errors**2 + tau_squared)
        return np.log(weights).sum() - np.log(weights.sum()) - generalized_q(estimates, errors**2, tau_squared)

    best = likelihood(reml(estimates, errors))
    assert all(likelihood(value) <= best + 1e-7 for value in np.linspace(0, 3 * np.ptp(estimates) ** 2 + 1, 200))


@pytest.mark.parametrize(
    ("estimates", "errors"), [([1.0], [1.0]), ([1.0, 2.0], [1.0, 0.0]), ([1.0, 2.0], [1.0, np.nan])]
)
def test_too_few_estimates_and_missing_standard_errors_are_errors(estimates, errors):
    with pytest.raises(ValueError, match="at least two estimates with standard errors above 0"):
        pooled(np.array(estimates), np.array(errors), 0.95)


@pytest.mark.parametrize("tau", [0.0, 1.0])
def test_the_interval_covers_the_mean_effect(tau):
    random = np.random.default_rng(5)
    covered = 0
    for _ in range(300):
        errors = random.uniform(0.2, 1.2, 8)
        found = pooled(-9 + random.normal(size=8) * np.hypot(tau, errors), errors, 0.95)
        covered += found.interval.low <= -9 <= found.interval.high

    assert covered >= 274  # of 300: 285 expected for 95%, with three standard errors of 3.8; conservative without tau

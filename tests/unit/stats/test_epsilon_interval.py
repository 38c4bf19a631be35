import numpy as np
import pytest
from scipy import stats

from ctpop.stats.epsilon_interval import _chi, epsilon_squared_error, epsilon_squared_interval
from ctpop.stats.groups import kruskal_wallis, quartile_of
from ctpop.stats.ranks import ranks_of
from ctpop.stats.score_test import score_test

CUTS = np.array([37.5, 55, 72.5])


def share(values, groups):
    """Epsilon squared as a function of the sample, without the code of the module."""
    ranks = stats.rankdata(values)
    means = np.array([ranks[groups == group].mean() for group in groups])
    return means.var() / ranks.var()


@pytest.mark.parametrize("rounded", [False, True])
def test_the_error_agrees_with_the_jackknife(rounded):
    rng = np.random.default_rng(1)
    groups = np.repeat([1, 2, 3, 4], 75)
    values = groups * 0.4 + rng.normal(size=300) * groups**0.5
    values = values.round() if rounded else values
    scale = [np.arctanh(np.sqrt(share(np.delete(values, i), np.delete(groups, i)))) for i in range(300)]
    jackknife = np.sqrt(299 / 300 * np.square(np.array(scale) - np.mean(scale)).sum())
    assert epsilon_squared_error(ranks_of(values), groups) == pytest.approx(jackknife, rel=0.02)


def test_duplicated_scans_do_not_change_the_error_by_patient():
    rng = np.random.default_rng(2)
    groups = np.repeat([1, 2, 3, 4], 30)
    values = groups * 0.5 + rng.normal(size=120)
    once = epsilon_squared_error(ranks_of(values), groups)
    twice = ranks_of(np.tile(values, 2)), np.tile(groups, 2)
    assert epsilon_squared_error(*twice, np.tile(np.arange(120), 2)) == pytest.approx(once, rel=0.01)
    assert epsilon_squared_error(*twice) < 0.75 * once


@pytest.mark.parametrize(
    ("values", "groups"), [([], []), ([4.0] * 8, [1, 2] * 4), ([1.0, 2, 3], [1, 1, 2]), ([1.0, 4, 2, 3], [1, 1, 2, 2])]
)
def test_errors_that_are_not_defined_are_missing(values, groups):
    assert np.isnan(epsilon_squared_error(ranks_of(np.array(values)), np.array(groups)))


@pytest.mark.parametrize("inputs", [(np.nan, 0.1, 3.0), (0.0, 0.1, 0.0), (1.0, 0.1, 9.0), (0.2, np.nan, 9.0)])
def test_intervals_that_are_not_defined_are_missing(inputs):
    assert np.isnan(epsilon_squared_interval(*inputs, 3, 0.95)).all()


@pytest.mark.parametrize("h", [0.1, 3.0, 7.81, 7.82, 30.0, 3000.0])
def test_the_lower_limit_is_zero_if_and_only_if_the_test_is_not_significant(h):
    low, high = epsilon_squared_interval(h / 4000, np.sqrt(1 / 3000), h, 3, 0.95)
    assert (low > 0) == (stats.chi2.sf(h, 3) < 0.05)
    assert low <= h / 4000 < high < 1


@pytest.mark.parametrize("df", [1, 2, 3])
def test_the_approximation_for_large_noncentralities_continues_the_exact_distribution(df):
    for x in (18.0, 20.0, 22.5):
        below, above = _chi(x, 20.0, df), _chi(x + 1e-6, 20.0 + 1e-6, df)
        assert above == pytest.approx(below, abs=2e-4)
        assert below == pytest.approx(stats.ncx2.cdf(x**2, df, 400.0), abs=1e-9)


def covered(effect, draw, samples):
    rng = np.random.default_rng(3)
    inside = []
    for _ in range(samples):
        ages, values, patients = draw(rng, effect)
        groups, ranks = quartile_of(ages, CUTS, "right_closed"), ranks_of(values)
        found, test = kruskal_wallis(values, groups), score_test(ranks, groups, patients)
        repeats = len(np.unique(patients)) < len(patients)
        error = epsilon_squared_error(ranks, groups, patients)
        limits = epsilon_squared_interval(found.epsilon_squared, error, test.q if repeats else found.h, 3, 0.95)
        inside.append(limits)
    ages, values, _ = draw(np.random.default_rng(4), effect, 200_000)
    truth = kruskal_wallis(values, quartile_of(ages, CUTS, "right_closed")).epsilon_squared if effect else 0.0
    return np.mean([low <= truth <= high for low, high in inside])


def growing_spread(rng, effect, n=100):
    ages = rng.uniform(20, 90, n)
    decades = (ages - 55) / 20
    return ages, effect * decades + np.exp(0.4 * decades) * rng.normal(size=n), np.arange(n)


def repeated(rng, effect, n=75):
    patients = np.repeat(np.arange(n), 3)
    ages = rng.uniform(20, 85, n)[patients] + rng.uniform(0, 5, 3 * n)
    noise = 0.92 * rng.normal(size=n)[patients] + 0.39 * rng.normal(size=3 * n)
    return ages, effect * (ages - 55) / 20 + noise, patients


@pytest.mark.parametrize("effect", [0.0, 0.15, 0.6])
@pytest.mark.parametrize("draw", [growing_spread, repeated])
def test_coverage_is_nominal(draw, effect):
    assert 0.915 < covered(effect, draw, 400) < 0.985

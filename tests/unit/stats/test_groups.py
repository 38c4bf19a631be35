import numpy as np
import pytest
from scipy import stats

from ctpop.stats.correlation import spearman
from ctpop.stats.groups import (
    KruskalWallis,
    discordant,
    epsilon_squared_of_trend,
    kruskal_wallis,
    quartile_cuts,
    quartile_of,
)


def test_cut_points_are_linear_quantiles():
    assert quartile_cuts(np.array([20.0, 30, 40, 50, 60, 70])).tolist() == [32.5, 45, 57.5]


def test_no_ages_have_no_cut_points():
    assert np.isnan(quartile_cuts(np.array([]))).all()


def test_an_age_at_a_cut_point_is_younger_if_the_quartile_is_closed_on_the_right():
    cuts = np.array([39.0, 59.0, 80.0])
    ages = np.array([18.0, 39, 40, 59, 60, 80, 81])
    assert quartile_of(ages, cuts, "right_closed").tolist() == [1, 1, 2, 2, 3, 3, 4]
    assert quartile_of(ages, cuts, "left_closed").tolist() == [1, 2, 2, 3, 3, 4, 4]


@pytest.mark.parametrize(("closed", "sizes"), [("right_closed", [4, 2, 2, 3]), ("left_closed", [2, 3, 3, 3])])
def test_the_closed_side_moves_patients_at_the_cut_points(closed, sizes):
    ages = np.array([20.0, 25, 30, 30, 40, 50, 55, 60, 75, 80, 90])  # cuts 30, 50, 67.5
    assert np.bincount(quartile_of(ages, quartile_cuts(ages), closed))[1:].tolist() == sizes


def test_patients_of_one_age_share_a_quartile_and_other_quartiles_are_empty():
    ages = np.full(12, 44.0)
    assert set(quartile_of(ages, quartile_cuts(ages), "right_closed")) == {1}
    assert set(quartile_of(ages, quartile_cuts(ages), "left_closed")) == {4}


def test_result_equals_a_textbook_example():
    # Hollander and Wolfe (1973), from the help page of kruskal.test in R: chi-squared 0.77143, df 2, P 0.68
    samples = [[2.9, 3.0, 2.5, 2.6, 3.2], [3.8, 2.7, 4.0, 2.4], [2.8, 3.4, 3.7, 2.2, 2.0]]
    quartiles = np.repeat([1, 2, 4], [len(sample) for sample in samples])
    found = kruskal_wallis(np.concatenate(samples), quartiles)
    assert found.h == pytest.approx(0.77143, abs=5e-6)
    assert found.df == 2
    assert 10**found.log10_p == pytest.approx(0.68, abs=5e-4)
    assert found.epsilon_squared == pytest.approx(0.77143 / 13, abs=1e-6)


def test_ties_are_corrected_as_in_scipy():
    rng = np.random.default_rng(1)
    values, quartiles = rng.integers(0, 4, 200).astype(float), rng.integers(1, 5, 200)
    values += quartiles == 4
    peer = stats.kruskal(*(values[quartiles == group] for group in (1, 2, 3, 4)))
    found = kruskal_wallis(values, quartiles)
    assert (found.h, found.df) == (pytest.approx(peer.statistic), 3)
    assert 10**found.log10_p == pytest.approx(peer.pvalue, rel=1e-10)


def test_p_of_a_strong_trend_does_not_underflow():
    values = np.arange(4004.0)
    found = kruskal_wallis(values, np.repeat([1, 2, 3, 4], 1001))
    # 15/16 of the variance of uniform ranks is between four equal groups, and 1/16 is within them
    assert found.epsilon_squared == pytest.approx(15 / 16, abs=1e-3)
    assert -830 < found.log10_p < -800


def test_two_groups_are_sufficient_and_one_is_not():
    values = np.arange(12.0)
    two = kruskal_wallis(values, np.repeat([2, 3], 6))
    assert two.df == 1
    assert two.h == pytest.approx(stats.kruskal(values[:6], values[6:]).statistic)
    assert np.isnan(kruskal_wallis(values, np.full(12, 3)).h)


@pytest.mark.parametrize("values", [[], [4.0] * 8], ids=["none", "equal"])
def test_values_without_a_defined_result_have_missing_results(values):
    found = kruskal_wallis(np.array(values), np.arange(len(values)) % 4 + 1)
    assert np.isnan([found.h, found.df, found.log10_p, found.epsilon_squared]).all()


# these slopes result in |rho| of at least 0.5; at smaller values, sampling variation affects the ratio
@pytest.mark.parametrize("slope", [0.7, 1.2, 2.0])
def test_effect_size_of_a_trend_follows_from_its_correlation(slope):
    rng = np.random.default_rng(9)
    ages = rng.integers(18, 101, 4004).astype(float)
    values = -slope * ages + rng.normal(size=4004) * 30
    epsilon_squared = kruskal_wallis(values, quartile_of(ages, quartile_cuts(ages), "right_closed")).epsilon_squared
    assert 0.88 <= epsilon_squared / spearman(values, ages, 0.95).rho ** 2 <= 0.97


def test_an_inverted_u_is_detected_by_groups_but_not_by_the_correlation():
    rng = np.random.default_rng(10)
    ages = rng.integers(18, 101, 4004).astype(float)
    values = -((ages - 59) ** 2) / 400 + rng.normal(size=4004)
    epsilon_squared = kruskal_wallis(values, quartile_of(ages, quartile_cuts(ages), "right_closed")).epsilon_squared
    assert abs(spearman(values, ages, 0.95).rho) < 0.05
    assert epsilon_squared > 0.3


def both(values_of_age, n=4004, noise=1.0):
    """Kruskal-Wallis test and rho of values that follow a curve over age with normal noise."""
    rng = np.random.default_rng(8)
    ages = rng.integers(18, 101, n).astype(float)
    values = values_of_age(ages) + noise * rng.normal(size=n)
    found = kruskal_wallis(values, quartile_of(ages, quartile_cuts(ages), "right_closed"))
    return found, spearman(ages, values, 0.95).rho


def test_a_straight_relation_has_the_epsilon_squared_of_its_rho():
    found, rho = both(lambda ages: -ages / 24)
    assert 0.88 < found.epsilon_squared / rho**2 < 0.97
    assert found.epsilon_squared == pytest.approx(epsilon_squared_of_trend(rho), abs=0.02)
    assert discordant(found, rho, 1e-4) is False


def test_an_inverted_u_has_a_large_epsilon_squared_and_is_discordant():
    found, rho = both(lambda ages: -(((ages - 59) / 24) ** 2))
    assert abs(rho) < 0.05
    assert found.epsilon_squared > 0.3
    assert discordant(found, rho, 1e-4) is True


@pytest.mark.parametrize(
    "curve",
    [
        lambda ages: -np.maximum(ages - 55, 0) / 10,
        lambda ages: 3.0 * (ages > 80),
        lambda ages: -3.0 * (ages > 59),
        lambda ages: np.exp(ages / 12) / 300,
    ],
    ids=["flat, then decreasing", "a step at the last cut", "a step in the middle", "increasingly steep"],
)
def test_monotone_relations_are_not_discordant(curve):
    found, rho = both(curve)
    assert found.log10_p < -4
    assert discordant(found, rho, 1e-4) is False


def test_a_step_at_an_outer_cut_has_the_largest_ratio_of_monotone_relations():
    quartiles, ages = np.repeat([1, 2, 3, 4], 2500), np.arange(10_000.0)
    values = 1.0 * (quartiles == 4)
    found, rho = kruskal_wallis(values, quartiles), spearman(ages, values, 0.95).rho
    assert found.epsilon_squared / epsilon_squared_of_trend(rho) == pytest.approx(256 / 135, rel=1e-3)
    assert discordant(found, rho, 1e-4) is False


def test_discordance_requires_a_significant_test():
    assert discordant(KruskalWallis(10, 3, -1.7, 0.1), 0.01, 1e-4) is False
    assert discordant(KruskalWallis(100, 3, -20.0, 0.1), 0.01, 1e-4) is True
    assert discordant(KruskalWallis(), 0.3, 1e-4) is None

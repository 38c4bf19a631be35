import numpy as np
import pytest
from scipy import stats

from ctpop.stats.normality import kolmogorov_smirnov, skewness

METHODS = ("lilliefors", "ks_fitted", "ks_standard")


def false_alarms(method, repetitions, n=200):
    rng = np.random.default_rng(7)
    p = [kolmogorov_smirnov(rng.normal(50, 12, n), method).p for _ in range(repetitions)]
    return np.mean(np.array(p) < 0.05)


def test_distance_is_the_largest_gap_between_the_distribution_functions():
    values = np.array([-1.0, -1, 1, 1])
    # SD (n - 1) = sqrt(4/3); just below 1, half of the values are smaller, and the normal has Phi(0.866) = 0.8068
    assert kolmogorov_smirnov(values, "lilliefors").d == pytest.approx(0.3068, abs=5e-5)
    assert kolmogorov_smirnov(values, "ks_fitted").d == pytest.approx(0.3068, abs=5e-5)
    assert kolmogorov_smirnov(values, "ks_standard").d == pytest.approx(0.8413 - 0.5, abs=5e-5)


def test_lilliefors_has_the_nominal_error_rate():
    assert 0.03 <= false_alarms("lilliefors", 1500) <= 0.07


def test_the_plain_test_with_fitted_mean_and_sd_is_conservative():
    assert false_alarms("ks_fitted", 1000) < 0.005


def test_the_standard_normal_test_rejects_every_attenuation():
    values = np.random.default_rng(1).normal(50, 12, 4004)
    assert kolmogorov_smirnov(values, "ks_standard").p == 0


def test_p_values_extend_below_the_table():
    values = np.random.default_rng(1).exponential(size=4004)
    assert kolmogorov_smirnov(values, "lilliefors").p < 1e-100


def test_skewness_of_known_values():
    assert skewness(np.array([0.0, 0, 0, 4])) == pytest.approx(2 / np.sqrt(3))
    assert skewness(np.array([1.0, 2, 3])) == pytest.approx(0, abs=1e-15)


def test_skewness_agrees_with_scipy():
    values = np.random.default_rng(2).gamma(2, size=500)
    assert skewness(values) == pytest.approx(stats.skew(values), rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("values", [[], [3.0], [1.0, 2, 3], [7.0] * 30], ids=["none", "one", "three", "equal"])
def test_values_without_a_defined_result_have_missing_results(values, method):
    found = kolmogorov_smirnov(np.array(values), method)
    assert np.isnan([found.d, found.p, found.skewness]).all()


@pytest.mark.parametrize("n", [50, 100, 1000, 4004])
def test_the_plain_test_is_exact_for_all_sample_sizes(n):
    found = kolmogorov_smirnov(np.random.default_rng(3).standard_t(6, n), "ks_fitted")

    assert found.p == pytest.approx(stats.kstwo.sf(found.d, n), rel=1e-9)
    assert found.p < stats.kstwobign.sf(np.sqrt(n) * found.d)  # asymptotic, as in R for 100 or more values

import numpy as np
import pytest
from scipy import stats

from ctpop.stats.correlation import bonett_wright_error, fisher_interval, influence, ranks_of, spearman


def uneven_spread(n, rng):
    """Ages in whole years, and values that decrease and spread more with age."""
    ages = rng.integers(18, 101, n).astype(float)
    return ages, -ages + rng.normal(size=n) * (2 + 0.25 * (ages - 18))


def weighted_rho(x, y, weights):
    """Spearman's rho of a weighted sample, from the definition of mid-distribution functions."""
    weights = weights / weights.sum()
    u = [weights[x < value].sum() + weights[x == value].sum() / 2 - 0.5 for value in x]
    v = [weights[y < value].sum() + weights[y == value].sum() / 2 - 0.5 for value in y]
    covariance = np.cov(u, v, aweights=weights, ddof=0)
    return covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])


def test_mid_ranks_are_centered_and_equal_for_ties():
    assert ranks_of(np.array([30.0, 10, 20, 20])).centered.tolist() == [1.5, -1.5, 0, 0]


def test_result_equals_a_textbook_example():
    # Hollander and Wolfe (1973), from the help page of cor.test in R: S = 48, so rho = 1 - 6 * 48 / (9 * 80)
    x = np.array([44.4, 45.9, 41.9, 53.3, 44.7, 44.1, 50.7, 45.2, 60.1])
    y = np.array([2.6, 3.1, 2.5, 5.0, 3.6, 4.0, 5.2, 2.8, 3.8])
    assert spearman(x, y, 0.95).rho == pytest.approx(0.6, abs=1e-15)


def test_tied_samples_agree_with_scipy():
    rng = np.random.default_rng(4)
    x, y = rng.integers(0, 12, 300).astype(float), rng.integers(0, 5, 300).astype(float)
    y += x // 4
    found, peer = spearman(x, y, 0.95), stats.spearmanr(x, y)
    assert found.rho == pytest.approx(peer.statistic, rel=1e-13)
    assert 10**found.log10_p_independence == pytest.approx(peer.pvalue, rel=1e-9)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_perfect_order_has_a_p_value_but_no_interval(sign):
    x = np.arange(10.0)
    found = spearman(x, sign * x**3, 0.95)
    assert found.rho == sign
    assert np.isnan([found.ci_low, found.ci_high]).all()
    assert 10**found.log10_p_independence == pytest.approx(2 / 3628800)


@pytest.mark.parametrize(
    ("x", "y"),
    [([], []), ([1.0], [2.0]), ([1.0, 2, 3], [1.0, 2, 3]), ([5.0] * 9, range(9)), (range(9), [5.0] * 9)],
    ids=["none", "one", "three", "equal x", "equal y"],
)
def test_samples_without_a_defined_result_have_missing_values(x, y):
    found = spearman(np.array(x, dtype=float), np.array(y, dtype=float), 0.95)
    assert np.isnan([found.rho, found.ci_low, found.ci_high, found.log10_p_independence]).all()


def test_influence_is_the_derivative_of_rho_with_respect_to_the_weight_of_a_pair():
    rng = np.random.default_rng(8)
    x = rng.integers(0, 6, 40).astype(float)
    y = np.round(x + rng.normal(size=40) * 2)
    step = 1e-6

    def derivative(index):
        moved = []
        for share in (step, -step):
            weights = np.full(40, (1 - share) / 40)
            weights[index] += share
            moved.append(weighted_rho(x, y, weights))
        return (moved[0] - moved[1]) / (2 * step)

    expected = [derivative(index) for index in range(40)]
    assert influence(x, y) == pytest.approx(expected, abs=1e-7)
    assert influence(x, y).mean() == pytest.approx(0, abs=1e-12)


def test_influence_of_untied_pairs_equals_that_of_croux_and_dehon():
    rng = np.random.default_rng(2)
    n = 400
    x = rng.normal(size=n)
    y = x + rng.normal(size=n)
    f, g = stats.rankdata(x) / n, stats.rankdata(y) / n
    first = np.array([np.mean(g * (x >= value)) for value in x])
    second = np.array([np.mean(f * (y >= value)) for value in y])
    published = -3 * stats.spearmanr(x, y).statistic - 9 + 12 * (f * g + first + second)
    # F(x) differs from the mid-distribution function by 1/(2n), which changes the sum of products by at most 12 * 3/n
    assert influence(x, y) == pytest.approx(published, abs=36 / n)
    assert np.std(influence(x, y)) == pytest.approx(np.std(published), rel=0.01)


def test_interval_is_fishers_with_the_standard_error_of_the_influence():
    x, y = uneven_spread(30, np.random.default_rng(4))
    found = spearman(x, y, 0.9)
    error = np.sqrt(np.sum(influence(x, y) ** 2) / 30 / 27) / (1 - found.rho**2)
    expected = np.tanh(
        np.arctanh(found.rho) + np.array([-1.6449, 1.6449]) * error
    )  # 5% and 95% quantiles of the normal distribution
    assert (found.ci_low, found.ci_high) == pytest.approx(tuple(expected), abs=1e-5)


def test_interval_of_independent_samples_is_fishers():
    rng = np.random.default_rng(3)
    found = spearman(rng.normal(size=20_000), rng.normal(size=20_000), 0.95)
    assert (found.ci_low, found.ci_high) == pytest.approx(fisher_interval(found.rho, 19_997**-0.5, 0.95), abs=5e-4)


def test_standard_error_agrees_with_the_bootstrap():
    rng = np.random.default_rng(5)
    x, y = uneven_spread(500, rng)
    draws = rng.integers(0, 500, (600, 500))
    bootstrap = np.std([stats.spearmanr(x[draw], y[draw]).statistic for draw in draws])
    # 600 draws estimate a standard deviation within 3%; four times this margin
    assert np.sqrt(np.mean(influence(x, y) ** 2) / 500) == pytest.approx(bootstrap, rel=0.12)


def test_the_interval_widens_with_the_confidence_level():
    x, y = uneven_spread(60, np.random.default_rng(6))
    narrow, wide = spearman(x, y, 0.8), spearman(x, y, 0.99)
    assert wide.ci_low < narrow.ci_low < narrow.rho < narrow.ci_high < wide.ci_high


def coverage(n, repetitions, rng):
    """Coverage of the intervals of this project and of Fisher's interval with 1/(n - 3)."""
    population = stats.spearmanr(*uneven_spread(1_000_000, rng)).statistic
    ours = fisher = 0
    for _ in range(repetitions):
        found = spearman(*uneven_spread(n, rng), 0.95)
        low, high = fisher_interval(found.rho, (n - 3) ** -0.5, 0.95)
        ours += found.ci_low <= population <= found.ci_high
        fisher += low <= population <= high
    return ours / repetitions, fisher / repetitions


def test_interval_has_nominal_coverage_where_fishers_does_not():
    ours, fisher = coverage(4004, 600, np.random.default_rng(11))
    assert 0.93 <= ours <= 0.97
    assert fisher < 0.91


def test_interval_of_a_small_cohort_has_at_least_the_nominal_coverage():
    ours, _ = coverage(20, 1500, np.random.default_rng(12))
    assert 0.94 <= ours <= 0.98


@pytest.mark.parametrize(
    ("rho", "low", "high"),
    [
        (-0.79, -0.803, -0.776),
        (-0.74, -0.755, -0.724),
        (0.64, 0.619, 0.660),
        (-0.61, -0.631, -0.588),
        (-0.57, -0.592, -0.547),
        (-0.55, -0.573, -0.526),
        (-0.53, -0.553, -0.506),
        (-0.51, -0.534, -0.485),
        (-0.49, -0.515, -0.465),
        (0.33, 0.301, 0.358),
    ],
)
def test_bonett_wright_intervals_of_the_published_correlations(rho, low, high):
    found = fisher_interval(rho, bonett_wright_error(rho, 4004), 0.95)
    assert found == (pytest.approx(low, abs=0.0005), pytest.approx(high, abs=0.0005))


# Patients with several scans, and weights


def repeated(patients, scans, seed, slope=0.0):
    """Ages, values, and patients; the intraclass correlation of the values is 0.85."""
    rng = np.random.default_rng(seed)
    number = np.repeat(np.arange(patients), scans)
    ages = rng.uniform(20, 85, patients)[number] + rng.uniform(0, 5, len(number))
    noise = np.sqrt(0.85) * rng.normal(size=patients)[number] + np.sqrt(0.15) * rng.normal(size=len(number))
    return ages, slope * (ages - 52) + noise, number


def test_copies_of_all_scans_do_not_change_the_interval():
    ages, values, _ = repeated(80, 1, 1, slope=0.03)
    once = spearman(ages, values, 0.95)
    number = np.tile(np.arange(80), 3)
    copies = spearman(np.tile(ages, 3), np.tile(values, 3), 0.95, number)
    assert copies.rho == pytest.approx(once.rho, abs=1e-12)
    assert (copies.ci_low, copies.ci_high) == pytest.approx((once.ci_low, once.ci_high), abs=1e-3)


def test_weights_equal_to_numbers_of_copies_have_the_result_of_copies():
    rng = np.random.default_rng(2)
    ages, values = rng.integers(20, 60, 70).astype(float), rng.integers(0, 30, 70).astype(float)
    times = rng.integers(1, 5, 70)
    number = np.repeat(np.arange(70), times)
    copies = spearman(ages[number], values[number], 0.95, number)
    weighted = spearman(ages, values, 0.95, weights=times.astype(float))
    assert (weighted.rho, weighted.ci_low, weighted.ci_high) == pytest.approx(
        (copies.rho, copies.ci_low, copies.ci_high), rel=1e-10
    )
    assert np.isnan(weighted.log10_p_independence)


def test_the_scale_of_the_weights_and_the_labels_of_patients_have_no_effect():
    ages, values, number = repeated(40, 2, 3)
    weights = np.random.default_rng(4).uniform(0.5, 2, 80)
    found = spearman(ages, values, 0.95, number, weights)
    other = spearman(ages, values, 0.95, 5 * number + 7, 10 * weights)
    assert list(vars(other).values()) == pytest.approx(list(vars(found).values()), rel=1e-10, nan_ok=True)


def test_nearly_equal_weights_have_the_result_without_weights():
    ages, values, number = repeated(40, 2, 6)
    found = spearman(ages, values, 0.95, number, 1 + 1e-9 * np.arange(80.0))
    assert list(vars(found).values()) == pytest.approx(
        list(vars(spearman(ages, values, 0.95, number)).values()), rel=1e-6, nan_ok=True
    )


@pytest.mark.parametrize("number", [[0] * 12, [0, 1, 2] * 4])
def test_fewer_than_four_patients_have_rho_without_an_interval(number):
    rng = np.random.default_rng(5)
    found = spearman(rng.normal(size=12), rng.normal(size=12), 0.95, np.array(number))
    assert np.isfinite(found.rho)
    assert np.isnan([found.ci_low, found.ci_high, found.log10_p_rho0, found.log10_p_independence]).all()


def test_patients_with_equal_scans_have_no_standard_error():
    """Check patients who all have the same scans: all sums of the influence are 0."""
    ages, values = np.tile([20.0, 40, 60, 80], 5), np.tile([1.0, 3, 2, 4], 5)
    found = spearman(ages, values, 0.95, np.repeat(np.arange(5), 4))
    assert found.rho == pytest.approx(0.8)
    assert np.isnan([found.ci_low, found.log10_p_rho0]).all()


def test_a_perfect_order_of_repeated_or_weighted_scans_has_no_p_value():
    ages = np.arange(12.0)
    for options in ({"patients": np.arange(12) // 2}, {"weights": np.arange(12.0) + 1}):
        found = spearman(ages, -ages, 0.95, **options)
        assert found.rho == -1
        assert np.isnan([found.ci_low, found.log10_p_rho0, found.log10_p_independence]).all()


def test_type_i_errors_and_coverage_with_four_scans_per_patient_are_nominal():
    truth = np.arctanh(spearman(*repeated(50_000, 4, 999, slope=-0.04)[:2], 0.95).rho)
    rejected, inside = [], []
    for seed in range(300):
        ages, values, number = repeated(100, 4, seed)
        rejected.append([spearman(ages, values, 0.95, each).log10_p_rho0 < np.log10(0.05) for each in (number, None)])
        found = spearman(ages, values - 0.04 * (ages - 52), 0.95, number)
        inside.append(found.ci_low <= np.tanh(truth) <= found.ci_high)
    by_patient, independent = np.mean(rejected, axis=0)
    assert 0.02 < by_patient < 0.09
    assert independent > 0.2
    assert 0.92 < np.mean(inside) < 0.98

import numpy as np
import pytest
from scipy import stats

from ctpop.stats.correlation import spearman
from ctpop.stats.rank_bootstrap import Ranked, drawn_correlations, log10_p_of_drawn, percentile_intervals
from ctpop.stats.ranks import ranks_of


def patients(n, seed=0, *, rounded=False, missing=0.0):
    """Ages in whole years, and values that decrease with age, some of them missing."""
    rng = np.random.default_rng(seed)
    ages = rng.integers(18, 101, n).astype(float)
    values = -ages + 25 * rng.normal(size=n)
    values = np.round(values, -1) if rounded else values
    return ages, np.where(rng.random(n) < missing, np.nan, values)


def ranked(ages, values):
    known = np.isfinite(values)
    return Ranked(np.flatnonzero(known), ranks_of(values[known]), ranks_of(ages[known]))


def draws(samples, cohort, iterations=100, seed=5, threads=1):
    return np.concatenate(list(drawn_correlations(samples, cohort, iterations, seed, threads)), axis=1)


def times_drawn(seed, block, cohort, size):
    """Number of times that each patient is drawn, computed as in the module, one row of positions after another."""
    places = np.random.default_rng((seed, block)).integers(0, cohort, (cohort, size))
    return np.stack([np.bincount(places[:, draw], minlength=cohort) for draw in range(size)], axis=1)


@pytest.mark.parametrize("rounded", [False, True], ids=["untied", "tied"])
@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("n", [40, 301, 4500])
def test_each_draw_has_the_correlation_of_the_drawn_patients(n, rounded, missing):
    ages, values = patients(n, rounded=rounded, missing=missing)
    found = draws([ranked(ages, values)], n, iterations=70)
    for draw, times in enumerate(times_drawn(5, 0, n, 64)[:, :12].T):
        drawn = np.repeat(np.flatnonzero(np.isfinite(values)), times[np.isfinite(values)])
        expected = stats.spearmanr(values[drawn], ages[drawn]).statistic
        assert found[0, draw] == pytest.approx(expected, abs=1e-14)
    assert found.shape == (1, 70)


def test_results_do_not_depend_on_threads_or_on_other_samples():
    n = 300
    first, second = ranked(*patients(n, 1)), ranked(*patients(n, 2, rounded=True, missing=0.2))
    together = draws([first, second], n, iterations=500, threads=1)
    np.testing.assert_array_equal(together, draws([first, second], n, iterations=500, threads=3))
    np.testing.assert_array_equal(together[1:], draws([second], n, iterations=500))


def test_another_seed_draws_other_patients():
    sample = ranked(*patients(100))
    assert not np.array_equal(draws([sample], 100, seed=5), draws([sample], 100, seed=6))


def test_single_and_double_precision_yield_identical_results(monkeypatch):
    sample = ranked(*patients(2000, missing=0.1))
    single = draws([sample], 2000)
    monkeypatch.setattr("ctpop.stats.rank_bootstrap.MOST_IN_SINGLE", 0)
    np.testing.assert_array_equal(draws([sample], 2000), single)


def test_a_monotone_transform_does_not_change_the_draws():
    ages, values = patients(200, missing=0.1)
    np.testing.assert_array_equal(draws([ranked(ages, values)], 200), draws([ranked(ages, np.exp(values / 50))], 200))
    np.testing.assert_allclose(
        draws([ranked(ages, values)], 200), -draws([ranked(ages, -values)], 200), rtol=0, atol=1e-14
    )


def test_draws_without_variation_are_missing_and_excluded_from_the_interval():
    ages, values = np.array([20.0, 40, 60, 80]), np.array([5.0, 4, np.nan, np.nan])
    found = draws([ranked(ages, values)], 4, iterations=400)
    some = found[np.isfinite(found)]
    assert 0 < len(some) < 400
    np.testing.assert_allclose(some, -1, rtol=0, atol=1e-12)
    assert [limit.item() for limit in percentile_intervals(found, 0.95)] == pytest.approx([-1, -1])


def test_a_sample_without_any_defined_draw_has_no_interval():
    low, high = percentile_intervals(np.full((1, 10), np.nan), 0.95)
    assert np.isnan(low).all()
    assert np.isnan(high).all()


def test_limits_are_linear_quantiles():
    low, high = percentile_intervals(np.linspace(-1, 1, 2001)[np.newaxis], 0.95)
    assert (low.item(), high.item()) == (pytest.approx(-0.95), pytest.approx(0.95))


def test_intervals_agree_with_the_bootstrap_of_scipy():
    ages, values = patients(400, 3)
    low, high = percentile_intervals(draws([ranked(ages, values)], 400, iterations=4000), 0.95)
    peer = stats.bootstrap(
        (values, ages),
        lambda x, y: stats.spearmanr(x, y).statistic,
        paired=True,
        vectorized=False,
        n_resamples=1000,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    # the standard error of rho is about .02; the error of quantiles of 1000 draws is about a tenth of it
    assert (low.item(), high.item()) == pytest.approx((peer.low, peer.high), abs=0.008)


def of_patients(ages, values, numbers):
    known = np.isfinite(values)
    return Ranked(numbers[known], ranks_of(values[known]), ranks_of(ages[known]))


@pytest.mark.parametrize("rounded", [False, True], ids=["untied", "tied"])
@pytest.mark.parametrize(("n", "cohort"), [(400, 120), (6000, 2000)])
def test_a_drawn_patient_contributes_all_scans(n, cohort, rounded):
    ages, values = patients(n, rounded=rounded, missing=0.2)
    numbers = np.random.default_rng(2).integers(0, cohort, n)
    found = draws([of_patients(ages, values, numbers)], cohort, iterations=70)
    known = np.flatnonzero(np.isfinite(values))
    for draw, times in enumerate(times_drawn(5, 0, cohort, 64)[:, :12].T):
        drawn = np.repeat(known, times[numbers[known]])
        expected = stats.spearmanr(values[drawn], ages[drawn]).statistic
        assert found[0, draw] == pytest.approx(expected, abs=1e-13)


def test_repeated_patients_do_not_change_the_draws_of_other_samples_or_with_threads():
    ages, values = patients(300)
    alone, repeated = ranked(ages, values), of_patients(ages, values, np.arange(300) // 3 * 3)
    together = draws([alone, repeated], 300, iterations=200, threads=3)
    np.testing.assert_array_equal(together, draws([alone, repeated], 300, iterations=200))
    np.testing.assert_array_equal(together[:1], draws([alone], 300, iterations=200))


def test_intervals_of_repeated_patients_are_wider():
    rng = np.random.default_rng(3)
    numbers = np.repeat(np.arange(60), 5)
    ages, values = rng.uniform(20, 90, 60)[numbers], rng.normal(size=60)[numbers] + 0.1 * rng.normal(size=300)
    widths = [
        np.ptp(percentile_intervals(draws([of_patients(ages, values, each)], len(set(each)), 1000), 0.95))
        for each in (numbers, np.arange(300))
    ]
    assert widths[0] > 1.7 * widths[1]


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [
        (np.linspace(-0.5, 0.5, 1001), 1.0),
        (np.linspace(-0.01, 0.99, 1001), 0.02),
        (np.linspace(-0.99, 0.01, 1001), 0.02),
        (np.linspace(0.1, 0.5, 1001), 2 / 1002),
        (np.zeros(1001), 1.0),
        (np.r_[np.full(100, np.nan), np.linspace(-0.01, 0.99, 1001)], 0.02),
        (np.r_[np.zeros(50), np.linspace(0.1, 0.5, 951)], 0.098),
    ],
)
def test_p_is_twice_the_share_of_draws_beyond_zero(drawn, expected):
    [low], [high] = percentile_intervals(drawn[None], 0.95)
    assert 10 ** log10_p_of_drawn(drawn, low, high, 0.95) == pytest.approx(expected, rel=5e-3)


def test_p_is_missing_without_draws():
    assert np.isnan(log10_p_of_drawn(np.full(3, np.nan), np.nan, np.nan, 0.95))


def test_p_of_the_bootstrap_is_close_to_that_of_the_influence_function():
    ages, values = patients(150, seed=8)
    values = values + 18 * ages / 20
    drawn = draws([ranked(ages, values)], 150, iterations=4000)
    [low], [high] = percentile_intervals(drawn, 0.95)
    expected = 10 ** spearman(values, ages, 0.95).log10_p_rho0
    assert 0.01 < expected < 0.9
    assert 10 ** log10_p_of_drawn(drawn[0], low, high, 0.95) == pytest.approx(expected, abs=0.05)


def test_p_of_strong_correlations_is_not_limited_by_the_number_of_draws():
    ages, values = patients(300, seed=8)
    drawn = draws([ranked(ages, values)], 300, iterations=500)
    [low], [high] = percentile_intervals(drawn, 0.95)

    found = log10_p_of_drawn(drawn[0], low, high, 0.95)

    assert found == pytest.approx(spearman(values, ages, 0.95).log10_p_rho0, rel=0.2)
    assert found < -20


def test_equal_draws_have_the_smallest_p_of_their_number():
    assert 10 ** log10_p_of_drawn(np.ones(199), 1.0, 1.0, 0.95) == pytest.approx(0.01)

import numpy as np
import pytest
from scipy import stats

from ctpop.stats.rank_bootstrap import Ranked, drawn_correlations, percentile_intervals
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

"""Tests of agreement with mpmath (60 digits, see tail_values.py), SciPy, and statsmodels on realistic data."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.diagnostic import lilliefors

from ctpop.stats.correlation import spearman
from ctpop.stats.groups import kruskal_wallis, quartile_cuts, quartile_of
from ctpop.stats.normality import kolmogorov_smirnov
from ctpop.stats.ranksum import rank_sum
from ctpop.stats.shift import hodges_lehmann_shift
from ctpop.stats.tails import log10_p_of_chi_squared, log10_p_of_normal, log10_p_of_rho

TAILS = {
    "rho": lambda value, parameter: log10_p_of_rho(value, int(parameter)),
    "chi_squared": lambda value, parameter: log10_p_of_chi_squared(value, int(parameter)),
    "normal": lambda value, _: log10_p_of_normal(value),
}


def a_population(n, seed, *, rounded):
    """Return ages in whole years and attenuation that decreases with age, which rounding to whole HU ties."""
    rng = np.random.default_rng(seed)
    ages = rng.integers(18, 101, n).astype(float)
    values = 60 - 0.08 * ages + rng.gamma(4, 3, n)
    return ages, np.round(values) if rounded else values


POPULATIONS = [(40, False), (40, True), (1000, False), (1000, True), (4004, True)]


@pytest.mark.parametrize("distribution", TAILS)
def test_tails_agree_with_mpmath_in_60_digits(distribution):
    table = pd.read_csv(Path(__file__).with_name("tail_values.csv"))
    rows = table[table["distribution"] == distribution]
    found = [TAILS[distribution](row.value, row.parameter) for row in rows.itertuples()]
    assert len(found) >= 6
    assert found == pytest.approx(rows["log10_p"].tolist(), rel=1e-12, abs=0)


@pytest.mark.parametrize(("n", "rounded"), POPULATIONS)
def test_spearman_agrees_with_scipy(n, rounded):
    ages, values = a_population(n, 1, rounded=rounded)
    found, peer = spearman(values, ages, 0.95), stats.spearmanr(values, ages)
    assert found.rho == pytest.approx(peer.statistic, rel=1e-12)
    assert found.log10_p_independence == pytest.approx(np.log10(peer.pvalue), rel=1e-10)


@pytest.mark.parametrize(("n", "rounded"), POPULATIONS)
def test_kruskal_wallis_agrees_with_scipy(n, rounded):
    ages, values = a_population(n, 2, rounded=rounded)
    quartiles = quartile_of(ages, quartile_cuts(ages), "right_closed")
    found = kruskal_wallis(values, quartiles)
    peer = stats.kruskal(*(values[quartiles == group] for group in (1, 2, 3, 4)))
    assert found.h == pytest.approx(peer.statistic, rel=1e-12)
    assert found.log10_p == pytest.approx(np.log10(peer.pvalue), rel=1e-10)


@pytest.mark.parametrize(("n", "rounded"), POPULATIONS)
def test_quartiles_agree_with_pandas(n, rounded):
    ages, _ = a_population(n, 3, rounded=rounded)
    expected = pd.qcut(ages, 4, labels=False) + 1
    assert quartile_of(ages, quartile_cuts(ages), "right_closed").tolist() == expected.tolist()


@pytest.mark.parametrize(("n", "rounded"), POPULATIONS)
def test_rank_sum_agrees_with_scipy_and_with_the_definition_of_the_shift(n, rounded):
    ages, values = a_population(n, 4, rounded=rounded)
    younger, older = values[ages < 40], values[ages >= 60]
    found = rank_sum(younger, older)
    peer = stats.mannwhitneyu(older, younger, method="asymptotic")
    assert found.u == peer.statistic
    assert found.log10_p == pytest.approx(np.log10(peer.pvalue), rel=1e-10)
    assert hodges_lehmann_shift(younger, older) == pytest.approx(
        np.median(np.subtract.outer(older, younger)), abs=1e-12
    )


@pytest.mark.parametrize(("n", "rounded"), POPULATIONS)
def test_normality_agrees_with_statsmodels_and_scipy(n, rounded):
    _, values = a_population(n, 5, rounded=rounded)
    mean, sd = values.mean(), values.std(ddof=1)
    d, p = lilliefors(values, pvalmethod="approx")
    fitted, standard = stats.kstest(values, "norm", args=(mean, sd)), stats.kstest(values, "norm")
    for method, expected in {
        "lilliefors": (d, p),
        "ks_fitted": (fitted.statistic, fitted.pvalue),
        "ks_standard": (standard.statistic, standard.pvalue),
    }.items():
        found = kolmogorov_smirnov(values, method)
        assert (found.d, found.p) == pytest.approx(expected, rel=1e-9)
        assert found.skewness == pytest.approx(stats.skew(values), rel=1e-9)


def test_p_of_rho_agrees_with_permutations():
    rng = np.random.default_rng(6)
    ages, values = a_population(12, 7, rounded=False)
    observed = abs(spearman(ages, values, 0.95).rho)
    draws = [abs(stats.spearmanr(ages, rng.permutation(values)).statistic) >= observed - 1e-12 for _ in range(2000)]
    # four standard errors of 2000 draws are 0.04; the error of the t approximation is below 0.01 at n = 12
    assert 10 ** spearman(ages, values, 0.95).log10_p_independence == pytest.approx(np.mean(draws), abs=0.05)

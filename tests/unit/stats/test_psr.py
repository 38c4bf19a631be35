"""Spearman's correlation adjusted by probability-scale residuals."""

import numpy as np
import pytest
from scipy import stats

from ctpop.stats.correlation import spearman
from ctpop.stats.design import Covariate, design, strata_of
from ctpop.stats.ordinal import Ordinal
from ctpop.stats.psr import WithinStrata, correlation_of_residuals

CONFIDENCE = 0.95


def trauma_cohort(n, seed):
    """Volumes that depend on sex and height but not on age; older patients are less often men and are smaller."""
    random = np.random.default_rng(seed)
    age = random.integers(18, 101, n).astype(float)
    male = (random.random(n) < 0.84 - 0.4 * (age - 18) / 82).astype(float)
    height = 163 + 13 * male - 0.08 * age + 6.5 * random.standard_normal(n)
    return age, male, height, np.exp(0.02 * height + 0.1 * male + 0.15 * random.standard_normal(n))


def by_strata(age, value, *kinds):
    strata = strata_of([Covariate("kind", kind, of_kinds=True) for kind in kinds], len(age))
    return correlation_of_residuals(WithinStrata(age, strata), WithinStrata(value, strata), CONFIDENCE)


def by_model(age, value, *covariates):
    columns = design(covariates, len(age))
    return correlation_of_residuals(Ordinal(age, columns), Ordinal(value, columns), CONFIDENCE)


def test_adjustment_removes_an_age_effect_caused_by_sex_and_height():
    age, male, height, value = trauma_cohort(4004, seed=10)
    sex = Covariate("sex", male, of_kinds=True)

    crude = spearman(age, value, CONFIDENCE).rho
    of_sex = by_strata(age, value, male)
    of_both = by_model(age, value, sex, Covariate("height_cm", height, of_kinds=False))

    assert crude < -0.2
    assert crude < of_sex.rho < -0.05  # height still decreases with age
    assert abs(of_both.rho) < 0.03
    assert of_both.ci_low < 0 < of_both.ci_high


@pytest.mark.parametrize("digits", [6, 0], ids=["continuous", "ties"])
def test_without_covariates_the_result_is_that_of_spearman(digits):
    random = np.random.default_rng(3)
    age = random.integers(18, 101, 300).astype(float)
    value = (age / 20 + random.standard_normal(300)).round(digits)
    nothing = np.empty((300, 0))

    expected = list(vars(spearman(age, value, CONFIDENCE)).values())

    assert list(vars(by_strata(age, value)).values()) == pytest.approx(expected, rel=1e-10)
    model = correlation_of_residuals(Ordinal(age, nothing), Ordinal(value, nothing), CONFIDENCE)
    assert list(vars(model).values()) == pytest.approx(expected, rel=1e-10)


def test_the_result_within_strata_is_the_correlation_of_rescaled_ranks():
    age = np.array([20.0, 30, 40, 50, 25, 35, 45, 45, 60, 70])
    value = np.array([1.0, 3, 2, 4, 9, 8, 7, 7, 6, 5])
    sex = np.array([0.0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
    # (2 rank - m - 1) / m with m = 4 and 6, computed manually
    age_residuals = [-0.75, -0.25, 0.25, 0.75, -5 / 6, -0.5, 0, 0, 0.5, 5 / 6]
    value_residuals = [-0.75, 0.25, -0.25, 0.75, 5 / 6, 0.5, 0, 0, -0.5, -5 / 6]

    found = by_strata(age, value, sex)

    assert found.rho == pytest.approx(stats.pearsonr(age_residuals, value_residuals).statistic, rel=1e-12)


def test_the_degrees_of_freedom_exclude_the_fitted_columns():
    age, male, _, value = trauma_cohort(200, seed=1)
    found = by_strata(age, value, male)

    t = found.rho * np.sqrt((200 - 3) / (1 - found.rho**2))
    assert 10**found.log10_p_independence == pytest.approx(2 * stats.t.sf(abs(t), 200 - 3), rel=1e-9)


@pytest.mark.parametrize("how", ["strata", "model"])
def test_the_influence_of_a_patient_agrees_with_leaving_the_patient_out(how):
    # infinitesimal jackknife: the standard errors from the influence and from leave-one-out agree up to 1/n
    n = 160
    age, male, height, value = trauma_cohort(n, seed=5)
    value = value * np.exp(-age / 150)

    def rho_and_interval(rows):
        if how == "strata":
            return by_strata(age[rows], value[rows], male[rows])
        return by_model(age[rows], value[rows], Covariate("height_cm", height[rows], of_kinds=False))

    everyone = np.arange(n)
    left_out = np.array([rho_and_interval(np.delete(everyone, patient)).rho for patient in everyone])
    jackknife = np.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum())
    found = rho_and_interval(everyone)
    error = (np.arctanh(found.ci_high) - np.arctanh(found.ci_low)) / 2 / stats.norm.ppf(0.975) * (1 - found.rho**2)

    assert error == pytest.approx(jackknife, rel=0.03)


@pytest.mark.parametrize("samples", [150, pytest.param(600, marks=pytest.mark.exhaustive)])
def test_intervals_have_the_nominal_coverage(samples):
    # adjusted for sex and height, there is no effect of age: the true value is 0; standard error of 600 samples, .009
    inside = below = 0
    for seed in range(samples):
        age, male, height, value = trauma_cohort(100, seed)
        sex, tall = Covariate("sex", male, of_kinds=True), Covariate("height_cm", height, of_kinds=False)
        found = by_model(age, value, sex, tall)
        inside += found.ci_low <= 0 <= found.ci_high
        below += found.log10_p_independence < np.log10(0.05)
    assert 0.92 <= inside / samples <= 0.98
    assert 0.02 <= below / samples <= 0.08


def test_a_perfect_order_has_no_interval_and_no_p_value():
    age, male, _, _ = trauma_cohort(60, seed=2)

    rising, falling = by_strata(age, 3 * age, male), by_strata(age, -age, male)

    assert (rising.rho, falling.rho) == (1, -1)
    assert np.isnan([rising.ci_low, rising.ci_high, rising.log10_p_independence]).all()


def test_strata_of_one_patient_have_no_correlation():
    age, _, _, value = trauma_cohort(30, seed=2)

    assert np.isnan(by_strata(age, value, np.arange(30.0)).rho)

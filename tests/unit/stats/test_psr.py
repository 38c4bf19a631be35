"""Spearman's correlation adjusted by probability-scale residuals."""

import numpy as np
import pytest
from scipy import stats

from ctpop.stats.correlation import spearman
from ctpop.stats.design import Covariate, design
from ctpop.stats.ordinal import Ordinal
from ctpop.stats.psr import correlation_of_residuals

CONFIDENCE = 0.95


def trauma_cohort(n, seed):
    """Volumes that depend on sex and height but not on age; older patients are less often men and are smaller."""
    random = np.random.default_rng(seed)
    age = random.integers(18, 101, n).astype(float)
    male = (random.random(n) < 0.84 - 0.4 * (age - 18) / 82).astype(float)
    height = 163 + 13 * male - 0.08 * age + 6.5 * random.standard_normal(n)
    return age, male, height, np.exp(0.02 * height + 0.1 * male + 0.15 * random.standard_normal(n))


def by_model(age, value, *covariates, patients=None):
    columns = design(covariates, len(age))
    return correlation_of_residuals(Ordinal(age, columns), Ordinal(value, columns), CONFIDENCE, patients)


def error_of(found):
    width = np.arctanh(found.ci_high) - np.arctanh(found.ci_low)
    return width / 2 / stats.norm.ppf(0.975) * (1 - found.rho**2)


def test_adjustment_removes_an_age_effect_caused_by_sex_and_height():
    age, male, height, value = trauma_cohort(4004, seed=10)
    sex = Covariate("sex", male, of_kinds=True)

    crude = spearman(age, value, CONFIDENCE).rho
    of_sex = by_model(age, value, sex)
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

    expected = list(vars(spearman(age, value, CONFIDENCE)).values())

    assert list(vars(by_model(age, value)).values()) == pytest.approx(expected, rel=1e-10)
    # the number of a patient has no meaning
    numbers = random.permutation(300) + 7
    assert list(vars(by_model(age, value, patients=numbers)).values()) == pytest.approx(expected, rel=1e-10)


def test_the_degrees_of_freedom_exclude_the_fitted_columns():
    age, male, _, value = trauma_cohort(200, seed=1)
    found = by_model(age, value, Covariate("sex", male, of_kinds=True))

    t = found.rho * np.sqrt((200 - 3) / (1 - found.rho**2))
    assert 10**found.log10_p_independence == pytest.approx(2 * stats.t.sf(abs(t), 200 - 3), rel=1e-9)


@pytest.mark.parametrize(
    ("kind", "scans"), [("sex", 1), ("height_cm", 1), ("height_cm", 2)], ids=["sex", "height", "height, two scans"]
)
def test_the_influence_of_a_patient_agrees_with_leaving_the_patient_out(kind, scans):
    # infinitesimal jackknife: the standard errors from the influence and from leave-one-out agree up to 1/n
    n = 160
    age, male, height, value = (np.repeat(each, scans) for each in trauma_cohort(n, seed=5))
    random = np.random.default_rng(1)
    value = value * np.exp(-age / 150 + 0.05 * random.standard_normal(len(age)) * (scans - 1))
    patients, covariate = np.repeat(np.arange(n), scans), male if kind == "sex" else height

    def rho_and_interval(rows):
        part = Covariate(kind, covariate[rows], of_kinds=kind == "sex")
        return by_model(age[rows], value[rows], part, patients=patients[rows])

    everyone = np.ones(n * scans, dtype=bool)
    left_out = np.array([rho_and_interval(patients != patient).rho for patient in range(n)])
    jackknife = np.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum())

    assert error_of(rho_and_interval(everyone)) == pytest.approx(jackknife, rel=0.04)


def test_scans_that_repeat_the_value_of_a_patient_do_not_narrow_the_interval():
    age, male, _, value = trauma_cohort(150, seed=3)
    once = by_model(age, value, Covariate("sex", male, of_kinds=True))

    age, male, value, patients = (np.repeat(each, 3) for each in (age, male, value, np.arange(150)))
    sex = Covariate("sex", male, of_kinds=True)
    repeated, independent = by_model(age, value, sex, patients=patients), by_model(age, value, sex)

    assert error_of(repeated) == pytest.approx(error_of(once), rel=0.02)
    assert error_of(independent) < 0.6 * error_of(once)
    assert np.isnan(repeated.log10_p_independence)
    assert np.isfinite(independent.log10_p_independence)


def test_the_interval_excludes_0_if_and_only_if_the_p_value_is_below_its_limit():
    below = 0
    for seed in range(30):
        age, male, _, value = trauma_cohort(80, seed)
        found = by_model(age, value, Covariate("sex", male, of_kinds=True), patients=np.arange(80) // 2)
        excludes = found.ci_low > 0 or found.ci_high < 0
        assert excludes == (found.log10_p_rho0 < np.log10(1 - CONFIDENCE))
        below += excludes
    assert 0 < below < 30


def test_an_irrelevant_covariate_of_50_levels_does_not_bias_the_correlation():
    # ranks within 50 levels of 12 patients have an expected correlation of -.66
    random, inside, crude, adjusted = np.random.default_rng(4), 0, [], []
    truth = 6 / np.pi * np.arcsin(-0.72 / 2)
    for _ in range(60):
        errors = random.standard_normal((600, 2))
        age, value = errors[:, 0], -0.72 * errors[:, 0] + np.sqrt(1 - 0.72**2) * errors[:, 1]
        found = by_model(age, value, Covariate("site", random.integers(0, 50, 600).astype(float), of_kinds=True))
        crude.append(spearman(age, value, CONFIDENCE).rho)
        adjusted.append(found.rho)
        inside += found.ci_low <= truth <= found.ci_high

    assert np.mean(adjusted) == pytest.approx(np.mean(crude), abs=0.02)
    assert inside / 60 >= 0.93


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

    sex = Covariate("sex", male, of_kinds=True)
    rising, falling = by_model(age, 3 * age, sex), by_model(age, -age, sex)

    assert (rising.rho, falling.rho) == (1, -1)
    assert np.isnan([rising.ci_low, rising.ci_high, rising.log10_p_independence]).all()


def test_too_few_patients_have_no_correlation():
    age, _, _, value = trauma_cohort(30, seed=2)

    assert np.isnan(by_model(age, value, patients=np.arange(30) % 3).rho)
    assert np.isfinite(by_model(age, value, patients=np.arange(30) % 4).rho)

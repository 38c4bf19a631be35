"""Choice of a centile model: candidates, gross outliers, misfit, bands, and technical levels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ctpop.stats.centile_bands import band, covariance_of
from ctpop.stats.centile_choice import CANDIDATES, chosen_model
from ctpop.stats.centile_curves import fitted, form_of
from ctpop.stats.centile_levels import LevelEffects, levels_of, levels_of_json
from ctpop.stats.centile_likelihood import CentileSample
from ctpop.stats.centile_misfit import (
    MOST_DEVIATION,
    cross_validated,
    deviating,
    shares_below,
    statistics_of,
    worm,
)
from ctpop.stats.distributions import MODELS
from ctpop.stats.site_shift import site_shift

PERCENTS = np.array([3.0, 10, 25, 50, 75, 90, 97])


def sample_of(values, ages, patients=None):
    patients = np.arange(len(values)) if patients is None else patients
    return CentileSample(values, ages, patients, np.empty((len(values), 0)))


def volumes(kind, n, seed):
    """Return ages and volumes of a correct model, of a heavy-tailed one, and of others that no candidate describes."""
    random = np.random.default_rng(seed)
    ages = np.floor(random.uniform(20, 90, n))
    decades = (ages - 50) / 10
    median, spread, z = np.exp(5.2 - 0.05 * decades), np.exp(np.log(0.2) + 0.03 * decades), random.standard_normal(n)
    skew = np.full(n, -0.3)
    if kind == "heavy":
        z = random.standard_t(3, n)
        return ages, median * np.exp(0.1 * z)
    if kind == "skew":
        skew = -3 * (decades + 3) / 7 + 1.51
    if kind == "skew_in_middle_age":
        skew = np.where(np.abs(decades) < 1.5, 2.0, -2.0)
    if kind == "mixture":
        z = np.where(random.random(n) < 0.5, -1.2, 1.2) + 0.3 * z
    return ages, median * np.maximum(1 + skew * spread * z, 0.05) ** (1 / skew)


def flagged(choice, sample):
    """Return whether the chosen model is marked as misfit, as the stage does."""
    z = cross_validated(choice.chosen.fit, sample, choice.outliers)
    quartiles = np.digitize(sample.ages, np.quantile(sample.ages, [0.25, 0.5, 0.75]))
    shares = shares_below(z, sample.weights, PERCENTS)
    statistics = [statistics_of(z[(quartiles == number) & ~choice.outliers]) for number in range(4)]
    return deviating(shares, PERCENTS, len(z)).any() or np.nanmax(np.abs(statistics)) > MOST_DEVIATION


def test_a_correct_model_is_rarely_marked_as_misfit():
    """Check 40 cohorts of 300 patients; with a rate of 5%, more than 6 marks occur in 1% of such samples."""
    marks = 0
    for seed in range(40):
        ages, values = volumes("correct", 300, seed)
        sample = sample_of(values, ages)
        marks += flagged(chosen_model(sample, CANDIDATES["volume_ml"]), sample)

    assert marks <= 6


@pytest.mark.parametrize("kind", ["skew_in_middle_age", "mixture"])
def test_values_that_no_candidate_describes_are_marked_or_not_fitted(kind):
    ages, values = volumes(kind, 2000, seed=1)
    sample = sample_of(values, ages)

    choice = chosen_model(sample, CANDIDATES["volume_ml"])

    assert choice.reason == "at_limit" or flagged(choice, sample)


def test_skew_that_changes_with_age_is_chosen_or_marked():
    ages, values = volumes("skew", 2000, seed=1)
    sample = sample_of(values, ages)

    constant = chosen_model(sample, CANDIDATES["volume_ml"][::2])
    every = chosen_model(sample, CANDIDATES["volume_ml"])

    assert flagged(constant, sample)
    assert every.chosen.candidate.name == "bccg_skew"
    assert not flagged(every, sample)


def test_heavy_tails_are_chosen_or_marked():
    ages, values = volumes("heavy", 2000, seed=1)
    sample = sample_of(values, ages)

    normal = fitted(sample, form_of(ages), MODELS["bccg"])
    choice = chosen_model(sample, CANDIDATES["volume_ml"])

    z = cross_validated(normal, sample, np.zeros(2000, dtype=bool))
    assert deviating(shares_below(z, sample.weights, PERCENTS), PERCENTS, 2000).any()
    assert choice.chosen.candidate.name == "bct"
    assert choice.outliers.sum() == 0
    assert not flagged(choice, sample)


@pytest.mark.parametrize("n", [120, 1000])
@pytest.mark.parametrize("measure", ["volume_ml", "hu_mean"])
def test_one_gross_outlier_is_set_aside(n, measure):
    ages, values = volumes("correct", n, seed=2)
    wrong = np.r_[9999.0, values[1:]]

    without = chosen_model(sample_of(values[1:], ages[1:]), CANDIDATES[measure])
    choice = chosen_model(sample_of(wrong, ages), CANDIDATES[measure])

    assert np.flatnonzero(choice.outliers).tolist() == [0]
    at = np.array([30.0, 60.0, 85.0])
    for z in (-1.88, 0, 1.88):
        np.testing.assert_allclose(
            choice.chosen.fit.curves.value_of(z, at), without.chosen.fit.curves.value_of(z, at), rtol=1e-4
        )


def test_many_outliers_are_not_set_aside():
    ages, values = volumes("correct", 1000, seed=2)
    values[::50] *= 50

    choice = chosen_model(sample_of(values, ages), CANDIDATES["volume_ml"])

    assert choice.outliers.sum() == 0
    assert [attempt.status for attempt in choice.attempts][:2] == ["no_tail", "no_tail"]
    assert choice.chosen is None or choice.chosen.candidate.name == "bct"


def test_scans_of_a_patient_share_one_weight():
    """Check that repeating every scan of all patients changes neither the fit nor the bands by patient."""
    ages, values = volumes("correct", 200, seed=3)
    once, twice = sample_of(values, ages), sample_of(*(np.repeat(each, 2) for each in (values, ages, np.arange(200))))
    fits = [fitted(sample, form_of(ages), MODELS["bccg"]) for sample in (once, twice)]

    sandwich = covariance_of(fits[1], twice.groups)
    at = np.array([30.0, 70.0])

    np.testing.assert_allclose(fits[1].curves.value_of(1.88, at), fits[0].curves.value_of(1.88, at), rtol=1e-6)
    assert fits[1].bic == pytest.approx(fits[0].bic, abs=1e-6)
    scores = fits[0].likelihood.scores(fits[0].parameters)
    inverse = np.linalg.inv(fits[0].likelihood.information(fits[0].curvature))
    np.testing.assert_allclose(sandwich, inverse @ (scores.T @ scores) @ inverse * 200 / 199, rtol=1e-3, atol=1e-9)


def test_bands_cover_the_true_centiles():
    """Check 60 cohorts of 300 patients at nine points: 540 intervals with an expected coverage of about .94."""
    inside, at = [], np.array([30.0, 60.0, 85.0])
    decades = (at - 50) / 10
    median, spread = np.exp(5.2 - 0.05 * decades), np.exp(np.log(0.2) + 0.03 * decades)
    for seed in range(60):
        ages, values = volumes("correct", 300, 100 + seed)
        sample = sample_of(values, ages)
        fit = fitted(sample, form_of(ages), MODELS["bccg"])
        covariance = covariance_of(fit, sample.groups)
        for z in (-1.88, 0.0, 1.88):
            low, high = band(fit, covariance, z, at, 0.95)
            true = median * (1 - 0.3 * spread * z) ** (1 / -0.3)
            inside += [(low < true) & (true < high)]

    assert 0.90 < np.mean(inside) < 0.975


def test_cross_validation_equals_a_fit_without_each_fold():
    ages, values = volumes("correct", 300, seed=4)
    sample = sample_of(values, ages)
    fit = fitted(sample, form_of(ages), MODELS["bccg"])

    z = cross_validated(fit, sample, np.zeros(300, dtype=bool))

    held = np.arange(300) % 10 == 7
    plain = fitted(sample.part(~held), form_of(ages), MODELS["bccg"])
    np.testing.assert_allclose(z[held], plain.curves.z_of(values[held], ages[held]), atol=1e-5)


def test_the_scans_of_a_patient_are_in_one_fold():
    ages, values = volumes("correct", 300, seed=4)
    patients = np.arange(300) // 3
    sample = sample_of(values, ages, patients)
    fit = fitted(sample, form_of(ages), MODELS["bccg"])

    z = cross_validated(fit, sample, np.zeros(300, dtype=bool))

    held = patients % 10 == 2
    plain = fitted(sample.part(~held), form_of(ages), MODELS["bccg"])
    np.testing.assert_allclose(z[held], plain.curves.z_of(values[held], ages[held]), atol=1e-5)


def test_the_statistics_are_zero_for_normal_scores():
    z = stats.norm.ppf((np.arange(500) + 0.5) / 500)

    assert np.abs(statistics_of(z)).max() < 0.2
    assert np.abs(worm(z).deviation).max() < 0.01
    assert np.isnan(statistics_of(z[:19])).all()
    assert np.isnan(statistics_of(np.zeros(50))).all()


@given(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=3, max_size=200))
def test_the_indicators_of_levels_sum_to_zero(drawn):
    column = np.array([*drawn, *["a"] * 60, *["b"] * 55], dtype=object)
    levels = levels_of({"scanner": column}, np.arange(len(column)), np.ones((len(column), 1)))

    effects, known = levels.indicators({"scanner": column})

    groups = levels.groups["scanner"]
    means = np.array([effects[[level in group for level in column]].mean(axis=0) for group in groups])
    assert np.allclose(means.sum(axis=0), 0)
    assert levels_of_json(levels.to_json()) == levels
    assert known.tolist() == [any(level in group for group in groups) for level in column]
    rare = [level for level in ("c", None) if (column == level).sum() < 50]
    assert all(group != ("c",) for group in groups) or "c" not in rare


def test_levels_that_depend_on_other_levels_have_no_effect():
    scanner = np.array(["a", "b"] * 60, dtype=object)
    kvp = np.array(["100", "120"] * 60, dtype=object)

    levels = levels_of({"scanner": scanner, "kvp": kvp}, np.arange(120), np.ones((120, 1)))

    assert list(levels.groups) == ["scanner"]
    assert LevelEffects({}).indicators({})[0].shape == (0, 0)


@pytest.mark.parametrize("z", [[], [0.3]])
def test_a_shift_of_fewer_than_two_scores_is_missing(z):
    found = site_shift(np.array(z))

    assert (found.n, found.adaptation) == (len(z), "none")
    assert np.isnan([found.mean, found.sd]).all()
    assert found.adapted(np.array([1.0])) == (np.array([1.0]), 0.0)

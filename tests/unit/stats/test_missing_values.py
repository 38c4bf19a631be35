"""Tests of the weights and bounds for missing values: loss by age and sex, and cases without a result."""

import numpy as np
import pytest

from ctpop.stats.correlation import spearman
from ctpop.stats.missing_values import (
    FEWEST_MISSING,
    inverse_weights,
    measured_model,
    sex_columns,
    slope_bounds,
)

N = 4004


def a_cohort(seed, n=N):
    """Return ages, sexes (1: man), and values that decrease with age."""
    random = np.random.default_rng(seed)
    ages = random.uniform(18, 100, n)
    male = (random.random(n) < 0.6).astype(float)
    return ages, male, 60 - 9 * (ages - 50) / 10 + 5 * male + 17 * random.standard_normal(n), random


def rho_of_cohort(seed):
    """Return rho of all scans, of scans with a value, and weighted; the loss increases with age from 5% to 70%."""
    ages, male, values, random = a_cohort(seed)
    measured = random.random(N) > 0.05 + 0.65 * (ages - 18) / 82
    weights = inverse_weights(measured_model(measured, ages, male).probability[measured])
    weighted = spearman(values[measured], ages[measured], 0.95, np.flatnonzero(measured), weights)
    return [*(spearman(values[rows], ages[rows], 0.95).rho for rows in (slice(None), measured)), weighted.rho]


def test_loss_that_increases_with_age_does_not_change_weighted_rho():
    full, complete, weighted = np.array([rho_of_cohort(seed) for seed in range(12)]).T

    assert abs(weighted[0] - full[0]) < 0.01
    assert abs((weighted - full).mean()) < 0.004  # the SD of a difference is 0.0055
    assert (complete - full).mean() > 0.02


def test_intervals_contain_the_rho_of_the_whole_population():
    inside = 0
    for seed in range(300):
        ages, male, values, random = a_cohort(seed, 300)
        measured = random.random(300) > 0.05 + 0.5 * (ages - 18) / 82
        weights = inverse_weights(measured_model(measured, ages, male).probability[measured])
        found = spearman(values[measured], ages[measured], 0.95, np.flatnonzero(measured), weights)
        inside += found.ci_low < -0.7887 < found.ci_high  # rho of five million scans

    assert 0.94 < inside / 300 < 0.995  # slightly conservative, because the weights are treated as known


@pytest.mark.parametrize(
    ("n_missing", "reason"), [(0, "none_missing"), (FEWEST_MISSING - 1, "few_missing"), (FEWEST_MISSING, "ok")]
)
def test_few_missing_values_have_no_model(n_missing, reason):
    ages, male, _, _ = a_cohort(1, 200)
    model = measured_model(np.arange(200) >= n_missing, ages, male)

    assert model.reason == reason
    assert len(model.probability) == (200 if reason == "ok" else 0)


@pytest.mark.parametrize(
    ("n_missing", "names"),
    [
        (10, ("age", "sex")),
        (15, ("age", "sex", "age squared")),
        (20, ("age", "sex", "age squared", "age by sex")),
    ],
)
def test_models_of_few_missing_values_have_fewer_columns(n_missing, names):
    ages, male, _, random = a_cohort(2, 300)
    measured = np.ones(300, bool)
    measured[random.choice(300, n_missing, replace=False)] = False

    assert measured_model(measured, ages, male).names == names
    assert measured_model(~measured, ages, male).names == names  # few measured values


@pytest.mark.parametrize("sex", [0.0, 1.0, np.nan])
def test_one_sex_has_a_model_of_age(sex):
    ages, _, _, random = a_cohort(3, 300)
    model = measured_model(random.random(300) > 0.2, ages, np.full(300, sex))

    assert (model.names, model.reason) == (("age", "age squared"), "ok")


def test_scans_of_unknown_sex_have_a_column():
    ages, male, _, random = a_cohort(4, 400)
    male[random.random(400) < 0.2] = np.nan
    measured = random.random(400) > np.where(np.isnan(male), 0.5, 0.1)
    model = measured_model(measured, ages, male)

    assert model.names == ("age", "sex", "sex unknown", "age squared", "age by sex")
    assert model.probability[np.isnan(male)].mean() == pytest.approx(measured[np.isnan(male)].mean(), abs=1e-6)


def test_sexes_of_men_and_unknown_have_no_column_for_women():
    assert list(sex_columns(np.array([1.0, np.nan, 1.0]))) == ["sex unknown"]
    assert list(sex_columns(np.array([0.0, np.nan, 1.0]))) == ["sex", "sex unknown"]
    assert sex_columns(np.full(3, np.nan)) == {}


def test_a_sex_or_age_without_values_is_separated():
    ages, male, _, random = a_cohort(5, 400)

    assert measured_model(male == 0, ages, male).reason == "separated"
    assert measured_model(ages < 75, ages, male).reason == "separated"
    assert measured_model((ages < 75) | (random.random(400) < 0.2), ages, male).reason == "ok"


def test_a_few_scans_without_representation_do_not_prevent_weights():
    ages, male, _, random = a_cohort(10, 400)
    male[:5] = np.nan
    measured = random.random(400) < 0.8

    measured[:5] = False
    assert measured_model(measured, ages, male).reason == "separated"  # 1.25% of the scans
    male[0] = 1.0
    model = measured_model(measured, ages, male)
    assert (model.reason, model.names[2]) == ("ok", "sex unknown")
    assert inverse_weights(model.probability[measured]).max() < 2


def test_a_sex_without_missing_values_has_weights_of_one():
    ages, male, _, random = a_cohort(6, 400)
    measured = (male == 0) | (random.random(400) < 0.7)
    model = measured_model(measured, ages, male)

    assert model.reason == "ok"
    assert inverse_weights(model.probability[male == 0]) == pytest.approx(1, abs=1e-6)
    assert inverse_weights(model.probability[measured], 100).sum() == pytest.approx(400, rel=0.02)


def test_two_ages_are_sufficient_for_weights_and_bounds():
    random = np.random.default_rng(7)
    ages, male = np.where(np.arange(200) % 2, 40.0, 70.0), (np.arange(200) % 3 == 0).astype(float)
    measured = random.random(200) > np.where(ages == 40, 0.1, 0.3)
    model = measured_model(measured, ages, male)
    values = np.where(measured, ages + random.standard_normal(200), np.nan)

    assert model.reason == "ok"
    bounds = slope_bounds(values, measured, ages, male)
    assert bounds.low < bounds.slope < bounds.high
    assert bounds.slope == pytest.approx(10, abs=0.2)


def test_values_of_one_age_have_no_slope():
    ages, male = np.array([40.0, 40, 40, 70, 70]), np.array([0.0, 1, 0, 1, 0])
    values, measured = np.array([1.0, 2, 3, np.nan, np.nan]), np.array([True, True, True, False, False])

    assert np.isnan(slope_bounds(values, measured, ages, male).slope)
    # age and sex of the measured scans cannot be separated
    confounded = slope_bounds(np.array([1.0, 2, 3, 4, np.nan]), np.arange(5) < 4, ages, np.array([0.0, 0, 0, 1, 1]))
    assert np.isnan(confounded.slope)


def test_bounds_without_missing_values_are_the_slope():
    ages, male, values, _ = a_cohort(8, 100)
    bounds = slope_bounds(values, np.ones(100, bool), ages, male)

    assert (bounds.low, bounds.high) == (pytest.approx(bounds.slope), pytest.approx(bounds.slope))


def test_bounds_contain_the_slope_if_the_smallest_values_are_missing():
    ages, male, values, _ = a_cohort(9)
    small = values < np.quantile(values, 0.1)  # the smallest values are missing, mainly at high ages
    bounds = slope_bounds(np.where(small, np.nan, values), ~small, ages, male)
    full = slope_bounds(values, np.ones(N, bool), ages, male).slope

    assert bounds.low < full < bounds.high
    assert not bounds.slope < full + 0.3  # without bounds, the slope is too flat

"""Tests of agreement of comparisons with R (sandwich) and with an independent computation in NumPy."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ctpop.stages.aging import effect_comparison, rho_comparison
from ctpop.stages.aging.effect_comparison import ComparisonLevels
from ctpop.stages.aging.stored_models import curve_of
from ctpop.stats.correlation import spearman
from ctpop.stats.differences import Estimate, difference_of, in_age_range
from ctpop.stats.equivalence import Effect, limits_of, outcome_of
from ctpop.stats.stored_curves import effect_of
from ctpop.stats.weights import uniform_weights
from support import age_models

CROSS = pd.read_csv(Path(__file__).with_name("statistics2") / "cross.csv")
FIRST = CROSS[CROSS.index % 2 == 0]
SECOND = CROSS[(CROSS.index % 2 == 1) & CROSS["age"].between(50, 75)]


def model(rows, name="hu", knots=age_models.KNOTS):
    measure = "hu_mean" if name.startswith("hu") else "volume_ml"
    return age_models.model_row(rows[name], rows["age"], rows["sex"], measure=measure, knots=knots)


@pytest.mark.parametrize(
    ("name", "window", "women", "men", "both", "error"),
    [  # SOURCE: R, natural splines by sex, sandwich::vcovHC(type = "HC3")
        ("hu", (30, 80), -5.376268093, -6.233047507, -5.804657800, 0.289817213),
        ("hu", (55, 75), -5.532499134, -6.404774987, -5.968637061, 0.542493882),
        ("vol", (30, 80), -0.068827396, -0.041549188, -0.055188292, 0.005941413),
        ("vol", (55, 75), -0.079796474, -0.036805766, -0.058301120, 0.011965359),
        ("hu_break", (30, 80), -17.621980417, -9.571941271, -13.596960844, 0.447592284),
    ],
)
def test_effects_in_a_window_follow_from_the_stored_curve(name, window, women, men, both, error):
    curve = curve_of(model(CROSS, name))

    found = [effect_of(curve, sex, window) for sex in ("female", "male", "standardized")]

    assert [each.value for each in found] == pytest.approx([women, men, both], rel=1e-6)
    assert found[2].error == pytest.approx(error, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "first", "second", "difference", "error"),
    [
        (
            *("hu", (-5.696777981, 0.372636082), (-6.051820051, 2.934383075)),
            *(-0.355042070, 2.957948898),
        ),
        (
            *("vol", (-0.051680043, 0.007856484), (-0.131937871, 0.046150665)),
            *(-0.080257828, 0.046814615),
        ),
    ],
)
def test_slopes_of_two_cohorts(name, first, second, difference, error):
    models = model(FIRST, name, age_models.LINE), model(SECOND, name, age_models.LINE)
    curves = [curve_of(each) for each in models]

    for curve, expected in zip(curves, (first, second), strict=True):
        found = effect_of(curve, "standardized", (50.0, 75.0))
        assert (found.value, found.error) == pytest.approx(expected, rel=1e-6)
    row = effect_comparison.effects(models, "same", ComparisonLevels(0.95, 0.1))

    assert row["outcome"] == "inconclusive"
    assert row["note"] == "equivalence_not_attainable"
    ends = [difference - 1.959963985 * error, difference + 1.959963985 * error]
    if name == "vol":
        ends, difference = [100 * math.expm1(end) for end in ends], 100 * math.expm1(difference)
    assert row["difference"] == pytest.approx(difference, rel=1e-6)
    assert [row["difference_low"], row["difference_high"]] == pytest.approx(ends, rel=1e-6)


def test_correlations_of_cohorts_with_different_ages_are_not_tested():
    found = [spearman(*rows[["hu", "age"]].to_numpy(float).T, 0.95) for rows in (FIRST, SECOND)]
    results = tuple({"rho": each.rho, "ci_low": each.ci_low, "ci_high": each.ci_high} for each in found)
    ages = tuple(rho_comparison.ages_of(model(rows), None) for rows in (FIRST, SECOND))

    row = rho_comparison.comparison(results, ages, True, 0.95)

    assert [each.rho for each in found] == pytest.approx([-0.832897953, -0.356082068], rel=1e-6)
    assert [each.sd for each in ages] == pytest.approx([20.570972794, 7.074380531], rel=1e-6)
    assert row == {"rho_reason": "ages_differ"}  # z would be 4.7


def test_correlations_in_the_common_age_range():
    values = tuple(
        rows.rename(columns={"hu": "value", "age": "age_years"}).assign(patient=range(len(rows)))
        for rows in (FIRST, SECOND)
    )

    row = rho_comparison.in_window(values, (50.0, 75.0), 0.95)

    assert (row["n_window_a"], row["n_window_b"]) == (53, 46)
    assert (row["rho_window_a"], row["rho_window_b"]) == pytest.approx((-0.488849497, -0.356082068), rel=1e-6)
    assert (row["rho_window_low_a"], row["rho_window_high_a"]) == pytest.approx((-0.677042572, -0.240647743), rel=1e-6)
    estimates = [
        Estimate(row[f"rho_window_{name}"], *(row[f"rho_window_{end}_{name}"] for end in ("low", "high")), error)
        for name, error in (("a", error_of(row, "a")), ("b", error_of(row, "b")))
    ]
    assert difference_of(*estimates).z == pytest.approx(0.754187544, rel=1e-6)


def error_of(row, name):
    ends = [math.atanh(row[f"rho_window_{end}_{name}"]) for end in ("low", "high")]
    return (ends[1] - ends[0]) / (2 * 1.9599639845400545)


def test_rho_for_equal_shares_of_seven_decades():
    ages, patients = CROSS["age"].to_numpy(float), np.arange(len(CROSS))
    weights = uniform_weights(ages, np.arange(20.0, 91.0, 10.0))

    found = spearman(ages, CROSS["hu"].to_numpy(float), 0.95, patients, weights)

    assert (found.rho, found.ci_low, found.ci_high) == pytest.approx(
        (-0.792231575, -0.836172313, -0.738185809), rel=1e-6
    )
    assert (math.atanh(found.ci_high) - math.atanh(found.ci_low)) / (2 * 1.959963985) == pytest.approx(
        0.066794732, rel=1e-6
    )


def test_rho_is_converted_to_another_spread_of_age():
    ratio = 7.074380531 / 20.570972794

    assert in_age_range(Estimate(-0.832897953, 0, 0, 0.08), ratio, 0.95).rho == pytest.approx(-0.459650027, rel=1e-6)
    assert in_age_range(Estimate(-0.356082068, 0, 0, 0.08), 1 / ratio, 0.95).rho == pytest.approx(
        -0.742374808, rel=1e-6
    )


@pytest.mark.parametrize(
    ("difference", "error", "margin", "outcome"),
    [
        (0.2, 0.3, 1, "equivalent"),
        (0.8, 0.3, 1, "inconclusive"),
        (0.2, 1, 1, "inconclusive"),
        (0.5, 0.2, 1, "equivalent"),  # although 0 is outside the 95% interval
        (1.5, 0.3, 1, "inconclusive"),
        (2.0, 0.3, 1, "different"),
    ],
)
def test_outcomes(difference, error, margin, outcome):
    effect = Effect(difference, error)

    assert outcome_of(limits_of(effect, 0.95), limits_of(effect, 0.9), margin) == outcome


@pytest.mark.parametrize(
    ("name", "by_size", "rho", "error"),
    [
        ("hu", False, -0.614400791, 0.122216071),
        ("vol", False, -0.270105078, 0.104700639),
        ("hu", True, -0.645417084, 0.100800835),
        ("vol", True, -0.279663468, 0.088440968),
    ],
)
def test_rho_of_patients_with_several_scans(name, by_size, rho, error):
    repeats = pd.read_csv(Path(__file__).with_name("statistics2") / "repeats.csv")
    patients = pd.factorize(repeats["patient"])[0]
    sizes = np.bincount(patients)[patients]

    found = spearman(*(repeats[column].to_numpy(float) for column in ("age", name)), 0.95, patients, 1 / sizes**by_size)

    assert found.rho == pytest.approx(rho, rel=1e-6)
    assert (math.atanh(found.ci_high) - math.atanh(found.ci_low)) / (2 * 1.959963985) == pytest.approx(error, rel=1e-6)

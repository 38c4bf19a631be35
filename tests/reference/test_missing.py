"""Missing values against values of R 4.2.2 (glm, lm, sandwich) and of independent O(n^2) code."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from ctpop.stats.correlation import spearman
from ctpop.stats.missing_values import (
    decades,
    filled_slope,
    inverse_weights,
    measured_model,
    slope_bounds,
)
from ctpop.stats.weights import effective_number

CROSS = pd.read_csv(Path(__file__).with_name("statistics2") / "cross.csv")
MEASURED = CROSS["measured"].eq(1).to_numpy()
AGES = CROSS["age"].to_numpy(dtype=float)
MALE = CROSS["sex"].eq("male").to_numpy(dtype=float)
T = decades(AGES)


def close(value):
    return pytest.approx(value, rel=1e-6)


def untruncated():
    """Return the weights of the measured scans; R and the O(n^2) code used them without truncation."""
    return inverse_weights(measured_model(MEASURED, AGES, MALE).probability[MEASURED], 100)


def test_logistic_model_is_that_of_glm():
    model = measured_model(MEASURED, AGES, MALE)

    assert model.names == ("age", "sex", "age squared", "age by sex")
    assert model.coefficients == close([2.046753694, -0.665371033, -0.175211509, 0.113273315, 0.125601704])


def test_weights_have_the_sum_and_the_effective_number_of_the_reference():
    weights = untruncated()

    assert (weights.sum(), weights.max()) == (close(299.894251029), close(1.343074971))
    assert effective_number(weights) == close(259.277100155)


def test_weights_are_truncated_at_their_99th_percentile():
    weights = untruncated()
    truncated = inverse_weights(measured_model(MEASURED, AGES, MALE).probability[MEASURED])

    assert truncated.max() == close(np.percentile(weights, 99))
    assert 0 < (truncated < weights).sum() <= 3  # of 262 scans
    assert np.array_equal(truncated[weights <= truncated.max()], weights[weights <= truncated.max()])


@pytest.mark.parametrize(
    ("outcome", "complete", "rho", "low", "high"),
    [
        ("hu", -0.805217946, -0.803286634, -0.845930882, -0.750434819),
        ("vol", -0.458390980, -0.467260615, -0.558316317, -0.365081549),
        ("hu_break", -0.849190673, -0.858928446, -0.888033900, -0.822966492),
    ],
)
def test_weighted_rho(outcome, complete, rho, low, high):
    values, patients = CROSS.loc[MEASURED, outcome].to_numpy(dtype=float), np.arange(MEASURED.sum())
    weighted = spearman(values, AGES[MEASURED], 0.95, patients, untruncated())

    assert spearman(values, AGES[MEASURED], 0.95).rho == close(complete)
    assert (weighted.rho, weighted.ci_low, weighted.ci_high) == (close(rho), close(low), close(high))


def test_standard_error_of_weighted_rho():
    values, patients = CROSS.loc[MEASURED, "hu"].to_numpy(dtype=float), np.arange(MEASURED.sum())
    weighted = spearman(values, AGES[MEASURED], 0.95, patients, untruncated())

    of_z = (np.arctanh(weighted.ci_high) - np.arctanh(weighted.ci_low)) / (2 * 1.959963984540054)
    assert of_z == close(0.068296953)


def test_rho_weighted_to_equal_decades_is_that_of_the_reference():
    decade = CROSS["age"].floordiv(10)
    weights = (1 / decade.map(decade.value_counts())).to_numpy(dtype=float)
    weighted = spearman(CROSS["hu"].to_numpy(dtype=float), AGES, 0.95, np.arange(len(CROSS)), weights)

    found = (weighted.rho, weighted.ci_low, weighted.ci_high)
    assert found == (close(-0.792231575), close(-0.836172313), close(-0.738185809))


@pytest.mark.parametrize(
    ("outcome", "rho", "low", "high"),
    [
        ("hu", -0.614400791, -0.742262638, -0.443372910),
        ("vol", -0.270105078, -0.447993114, -0.071644723),
    ],
)
def test_equal_weights_with_several_scans_per_patient(outcome, rho, low, high):
    scans = pd.read_csv(Path(__file__).with_name("statistics2") / "repeats.csv")
    patients = pd.factorize(scans["patient"])[0]
    ages, values = (scans[name].to_numpy(dtype=float) for name in ("age", outcome))
    found = spearman(values, ages, 0.95, patients)

    assert (found.rho, found.ci_low, found.ci_high) == (close(rho), close(low), close(high))


@pytest.mark.parametrize(
    ("outcome", "slope", "error", "error_hc0"),
    [
        ("hu", -5.72953136388, 0.313825582306, 0.308479569771),
        ("hu_break", -13.0805882368, 0.565063756263, 0.555565455025),
    ],
)
def test_weighted_slope_of_the_reference_results_from_the_weights(outcome, slope, error, error_hc0):
    design = np.column_stack([np.ones(MEASURED.sum()), T[MEASURED], MALE[MEASURED]])
    fitted = sm.WLS(CROSS.loc[MEASURED, outcome].to_numpy(dtype=float), design, weights=untruncated()).fit()

    assert (fitted.params[1], fitted.HC3_se[1], fitted.HC0_se[1]) == (close(slope), close(error), close(error_hc0))


def test_bounds_with_the_direction_of_the_reference():
    # The reference fills by age above or below the mean age. The true extremes also depend on sex: see the next test.
    values, others = CROSS["hu"].to_numpy(dtype=float), np.column_stack([np.ones(len(CROSS)), MALE])
    direction = (T - T.mean())[~MEASURED]

    assert filled_slope(values, MEASURED, T, others, -direction) == close(-6.467622720)
    assert filled_slope(values, MEASURED, T, others, direction) == close(-5.018359366)


def test_bounds_are_the_extremes_over_all_directions():
    values = np.where(MEASURED, CROSS["hu"].to_numpy(dtype=float), np.nan)
    bounds = slope_bounds(values, MEASURED, AGES, MALE)
    others, random = np.column_stack([np.ones(len(CROSS)), MALE]), np.random.default_rng(0)

    assert bounds.slope == close(-5.727107970)
    assert (bounds.low, bounds.high) == (close(-6.472530615820), close(-5.013451469830))
    for _ in range(300):
        tilted = (T - T.mean())[~MEASURED] + 0.3 * random.standard_normal((~MEASURED).sum())
        slope = filled_slope(values, MEASURED, T, others, random.choice([-1, 1]) * tilted)
        assert bounds.low - 1e-12 <= slope <= bounds.high + 1e-12


def test_residual_percentiles_of_the_bounds():
    design = np.column_stack([np.ones(MEASURED.sum()), T[MEASURED], MALE[MEASURED]])
    residuals = sm.OLS(CROSS.loc[MEASURED, "hu"].to_numpy(dtype=float), design).fit().resid

    assert np.percentile(residuals, [5, 95]) == pytest.approx([-13.59619534, 12.82997837], abs=1e-7)

"""Tests of agreement of the meta-analysis with the R package metafor (REML, Hartung-Knapp)."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ctpop.stats.meta_analysis import generalized_q, pooled, reml

DATA = Path(__file__).with_name("statistics2")
SITES = pd.read_csv(DATA / "sites.csv")
# SOURCE: metafor 3.8-1, rma(method = "REML", test = "knha"), predict() and confint()
WITHOUT = [
    *(-9.015739367, -9.279313858, -8.822737050, -9.163552624),
    *(-8.917130880, -9.148190816, -8.941360751, -8.698876016),
]


def numbers(name):
    return SITES[name].to_numpy(dtype=float)


def test_slopes_of_eight_sites():
    found = pooled(numbers("slope"), numbers("slope_se"), 0.95)

    assert found.mean == pytest.approx(-8.999689290, rel=1e-6)
    assert found.error == pytest.approx(0.521492136, rel=1e-6)
    assert vars(found.interval) == pytest.approx({"low": -10.232822242, "high": -7.766556339}, rel=1e-6)
    assert vars(found.prediction) == pytest.approx({"low": -12.049023028, "high": -5.950355553}, rel=1e-5)
    assert found.tau_squared == pytest.approx(1.391020640, rel=1e-5)
    # the roots of metafor have a tolerance of 1e-4
    assert vars(found.tau_squared_limits) == pytest.approx({"low": 0.348464271, "high": 10.449852789}, rel=1e-4)
    assert found.i_squared == pytest.approx(85.955916, rel=1e-5)
    assert found.q == pytest.approx(28.678103, rel=1e-6)
    assert 10**found.log10_p_q == pytest.approx(1.65603e-4, rel=1e-5)
    assert sum(found.weights) == pytest.approx(1)


def test_correlations_of_eight_sites_on_the_scale_of_fisher():
    found = pooled(np.arctanh(numbers("rho")), numbers("se_z"), 0.95)

    assert found.mean == pytest.approx(-0.807943094, rel=1e-6)
    assert math.tanh(found.mean) == pytest.approx(-0.668454006, rel=1e-6)
    assert math.tanh(found.interval.low) == pytest.approx(-0.750832973, rel=1e-6)
    assert math.tanh(found.interval.high) == pytest.approx(-0.565596686, rel=1e-6)
    assert math.tanh(found.prediction.low) == pytest.approx(-0.856587006, rel=1e-5)
    assert math.tanh(found.prediction.high) == pytest.approx(-0.323456664, rel=1e-5)
    assert found.tau_squared == pytest.approx(0.034935123, rel=1e-5)


def test_estimates_without_each_site():
    slopes, errors = numbers("slope"), numbers("slope_se")

    found = [pooled(np.delete(slopes, i), np.delete(errors, i), 0.95).mean for i in range(len(slopes))]

    assert found == pytest.approx(WITHOUT, rel=1e-6)


def test_similar_sites_have_the_modified_interval():
    found = pooled(np.array([-9, -8.9, -9.1, -9.05]), np.array([0.2, 0.3, 0.25, 0.4]), 0.95)

    assert found.tau_squared == 0
    assert vars(found.interval) == pytest.approx({"low": -9.430312413, "high": -8.597150699}, rel=1e-6)
    assert math.isnan(found.prediction.low)  # fewer than five sites


def robust_slope(values, ages, male):
    """Return the coefficient of age in decades and its HC3 standard error."""
    columns = np.column_stack([np.ones(len(ages)), (ages - 50) / 10, male])
    inverse = np.linalg.inv(columns.T @ columns)
    coefficients = inverse @ columns.T @ values
    leverage = np.einsum("ij,jk,ik->i", columns, inverse, columns)
    scores = columns * ((values - columns @ coefficients) / (1 - leverage))[:, np.newaxis]
    return coefficients[1], math.sqrt((inverse @ scores.T @ scores @ inverse)[1, 1])


@pytest.mark.parametrize(
    ("name", "transform", "mean", "error", "tau_squared", "q"),
    [
        ("hu", np.asarray, -5.732768496, 0.355737734, 0.443568885, 10.751431783),
        ("vol", np.log, -0.054107770, 0.00338627415, 0.0, 1.881480885),
    ],
)
def test_six_sites_of_patient_data(name, transform, mean, error, tau_squared, q):
    patients = pd.read_csv(DATA / "cross.csv")
    slopes = [
        robust_slope(transform(site[name].to_numpy(float)), site["age"].to_numpy(float), site["sex"].eq("male"))
        for _, site in patients.groupby("site")
    ]

    found = pooled(*np.array(slopes).T, 0.95)

    assert found.mean == pytest.approx(mean, rel=1e-6)
    assert found.tau_squared == pytest.approx(tau_squared, rel=1e-5, abs=1e-12)
    assert found.q == pytest.approx(q, rel=1e-6)
    factor = generalized_q(*np.array(slopes).T ** [[1], [2]], found.tau_squared) / 5  # below 1: replaced by 1
    assert found.error * math.sqrt(factor) == pytest.approx(error, rel=1e-6)
    assert found.error > error


def test_the_variance_is_zero_if_the_sites_are_equal():
    assert reml(np.full(5, -9.0), np.full(5, 0.3)) == 0

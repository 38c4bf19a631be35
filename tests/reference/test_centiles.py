"""Centile models: golden values of the distributions, of fits to data without patients, and of an adaptation to a site.

The values were computed with SciPy by direct maximization of the likelihood, independently of this package.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ctpop.stats.centile_bands import band, covariance_of, standard_errors
from ctpop.stats.centile_choice import CANDIDATES, chosen_model
from ctpop.stats.centile_curves import fitted
from ctpop.stats.centile_likelihood import CentileSample, Form
from ctpop.stats.centile_misfit import chance_limits, statistics_of
from ctpop.stats.distributions import MODELS, Points
from ctpop.stats.site_shift import site_shift

DATA = Path(__file__).with_name("statistics2")
Z_03, Z_97 = stats.norm.ppf([0.03, 0.97])
AT_50, DECADE = np.array([50.0]), np.array([50.0, 60.0])  # heights at 50 and 60 years: intercept, intercept + slope


@pytest.fixture(scope="module")
def men():
    table = pd.read_csv(DATA / "cross.csv")
    return table[table["sex"].eq("male")].reset_index(drop=True)


def of_men(men, model, skew=AT_50):
    """Return the fit to the volumes of men with ln M and ln S linear in age."""
    ages, values = men["age"].to_numpy(float), men["vol"].to_numpy(float)
    sample = CentileSample(values, ages, np.arange(len(ages)), np.empty((len(ages), 0)))
    return fitted(sample, Form(DECADE, DECADE, np.asarray(skew, dtype=float)), MODELS[model])


@pytest.fixture(scope="module")
def bccg(men):
    return of_men(men, "bccg")


def at(location, spread, skew, log_tail=0.0):
    return Points(np.array([location]), np.log([spread]), skew, log_tail)


def test_bccg_at_one_age():
    model, y = MODELS["bccg"], np.array([120.0])

    assert model.log_density(y, at(np.log(150), 0.2, -0.5))[0].item() == pytest.approx(-4.682021713, abs=1e-9)
    assert model.z_of(y, at(150, 0.2, -0.5)).item() == pytest.approx(-1.180339887, abs=1e-9)
    found = [model.value_of(z, at(150, 0.2, -0.5)).item() for z in (Z_03, Z_97)]
    assert found == pytest.approx([106.267473697, 227.543323056], abs=1e-8)


@pytest.mark.parametrize(
    ("df", "log_density", "centiles", "z"),
    [
        (5, -4.772408261, [97.214803507, 261.022588268], -1.055977258),
        (30, -4.697359364, [104.958557876, 231.739939089], -1.157324933),
    ],
)
def test_bct_at_one_age(df, log_density, centiles, z):
    model, y = MODELS["bct"], np.array([120.0])

    assert model.log_density(y, at(np.log(150), 0.2, -0.5, np.log(df)))[0].item() == pytest.approx(
        log_density, abs=1e-9
    )
    assert model.z_of(y, at(150, 0.2, -0.5, np.log(df))).item() == pytest.approx(z, abs=1e-9)
    found = [model.value_of(each, at(150, 0.2, -0.5, np.log(df))).item() for each in (Z_03, Z_97)]
    assert found == pytest.approx(centiles, abs=1e-7)


def test_shash_at_one_age():
    model, points = MODELS["shash"], at(55, 10, -0.3, np.log(0.9))

    assert model.log_density(np.array([45.0]), points)[0].item() == pytest.approx(-3.688281792, abs=1e-9)
    found = [model.value_of(z, points).item() for z in (Z_03, Z_97)]
    assert found == pytest.approx([23.106367323, 70.276791692], abs=1e-8)


def test_a_fit_of_bccg(bccg):
    curves = bccg.curves
    parameters = [
        *(curves.location[0], np.diff(curves.location)[0], curves.log_spread[0]),
        np.diff(curves.log_spread)[0],
    ]

    assert [*parameters, curves.skew[0]] == pytest.approx([5.410435, -0.042085, -1.64908, 0.00014, -0.406882], abs=1e-5)
    assert [bccg.deviance, bccg.aic, bccg.bic] == pytest.approx([1830.677941, 1840.677941, 1856.530361], abs=1e-4)


def test_standard_errors_and_bands_of_centiles(men, bccg):
    covariance = covariance_of(bccg, np.arange(len(men)))
    to_slopes = np.eye(5)  # from heights at 50 and 60 years to intercepts and slopes per decade
    to_slopes[1, 0] = to_slopes[3, 2] = -1
    errors = np.sqrt(np.diag(to_slopes @ covariance @ to_slopes.T))
    age = np.array([60.0])

    assert errors == pytest.approx([0.015728, 0.007103, 0.054299, 0.026294, 0.317408], abs=1e-4)
    expected = {
        Z_03: (153.087258, 0.028713, 144.7100, 161.9495),
        0.0: (214.508534, 0.017935, 207.0992, 222.1829),
        Z_97: (317.181369, 0.036125, 295.5006, 340.4529),
    }
    for z, (value, error, low, high) in expected.items():
        assert bccg.curves.value_of(z, age).item() == pytest.approx(value, rel=1e-6)
        assert standard_errors(bccg, covariance, z, age).item() == pytest.approx(error, abs=1e-5)
        limits = [limit.item() for limit in band(bccg, covariance, z, age, 0.95)]
        assert limits == pytest.approx([low, high], rel=2e-5)


def test_other_candidates_and_the_choice_by_bic(men, bccg):
    by_age, bct = of_men(men, "bccg", [men["age"].min(), men["age"].max()]), of_men(men, "bct")

    assert [by_age.deviance, by_age.aic, by_age.bic] == pytest.approx([1827.426204, 1839.426204, 1858.449108], abs=1e-4)
    assert [bct.deviance, bct.aic, bct.bic] == pytest.approx([1830.644676, 1842.644676, 1861.667580], abs=1e-4)
    assert min((bccg, by_age, bct), key=lambda fit: fit.bic) is bccg
    assert min((bccg, by_age, bct), key=lambda fit: fit.aic) is by_age


def test_statistics_of_z_scores_in_age_bands(men, bccg):
    z = bccg.curves.z_of(men["vol"].to_numpy(float), men["age"].to_numpy(float))
    bands = np.digitize(men["age"], [35, 50, 65])

    found = np.array([statistics_of(z[bands == number]) for number in range(4)])

    assert found[:, 0] == pytest.approx([0.437802, -1.038876, 0.619407, -0.128968], abs=1e-4)
    assert found[:, 1] == pytest.approx([0.469006, -1.124589, 0.899915, 0.037187], abs=1e-4)


def test_the_shift_of_a_site(men, bccg):
    z = bccg.curves.z_of(men["vol"].to_numpy(float), men["age"].to_numpy(float))

    found = site_shift(z[men["site"].eq("S6").to_numpy()])

    assert (found.n, found.adaptation) == (35, "offset")
    assert [found.mean, found.mean_low, found.mean_high] == pytest.approx(
        [-0.032392481, -0.419740237, 0.354955275], abs=1e-5
    )
    assert [found.sd, found.sd_low, found.sd_high] == pytest.approx([1.127610490, 0.912092620, 1.477397655], abs=1e-5)


@pytest.mark.parametrize(("n", "low", "high"), [(100, 0, 7), (300, 1.33, 5.0), (2000, 2.30, 3.75)])
def test_chance_limits_of_the_share_below_the_3rd_centile(n, low, high):
    found = [limit.item() for limit in chance_limits(np.array([3.0]), n)]

    assert found == pytest.approx([low, high], abs=0.005)


def test_curves_of_attenuation_are_close_to_those_of_quantile_regression(men):
    """Check against R quantreg with a restricted cubic spline (knots 25, 45, 65, 85), which has no distribution."""
    ages, values = men["age"].to_numpy(float), men["hu"].to_numpy(float)
    sample = CentileSample(values, ages, np.arange(len(ages)), np.empty((len(ages), 0)))
    by_quantreg = {
        40: [48.3039323921, 63.4817202007, 75.8402843906],
        60: [27.4809672574, 53.4315377546, 70.5986715491],
    }

    choice = chosen_model(sample, CANDIDATES["hu_mean"])

    for age, expected in by_quantreg.items():
        found = [choice.chosen.fit.curves.value_of(z, np.array([float(age)])).item() for z in (Z_03, 0.0, Z_97)]
        assert found[1] == pytest.approx(expected[1], abs=1.5)
        assert [found[0], found[2]] == pytest.approx([expected[0], expected[2]], abs=8)

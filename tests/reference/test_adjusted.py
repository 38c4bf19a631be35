"""Adjusted correlations agree with independent reference code (numpy, all triples) on cross.csv."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ctpop.stats.design import Covariate, design
from ctpop.stats.ordinal import Ordinal
from ctpop.stats.psr import correlation_of_residuals
from ctpop.stats.quade import quade
from ctpop.stats.strata import within_strata

CROSS = pd.read_csv(Path(__file__).parent / "statistics2" / "cross.csv")
AGE = CROSS["age"].to_numpy(dtype=float)
KINDS = ["sex", "scanner", "kvp", "site"]
CONFIDENCE = 0.95


def in_strata(outcome, columns):
    strata = CROSS.groupby(columns).ngroup().to_numpy()
    values = CROSS[outcome].to_numpy(dtype=float)
    return within_strata(AGE, values, strata, np.arange(len(CROSS)), CONFIDENCE)


def error_of_z(found, quantile):
    width = np.arctanh(found.correlation.ci_high) - np.arctanh(found.correlation.ci_low)
    return width / 2 / quantile


def limits(found):
    return [found.correlation.ci_low, found.correlation.ci_high]


def test_one_stratum_of_four_patients():
    # Spearman .6, tau 1/3: (5 * .6 - 3 / 3) / 2 = 1, although the order is not perfect
    x, y = np.array([1.0, 2, 3, 4]), np.array([2.0, 1, 4, 3])

    found = within_strata(x, y, np.zeros(4, dtype=int), np.arange(4), CONFIDENCE)

    assert found.correlation.rho == 1
    assert np.isnan([*limits(found), found.correlation.log10_p_rho0]).all()


@pytest.mark.parametrize(
    ("outcome", "rho", "error", "low", "high"),
    [
        ("hu", -0.74, 0.067599534, -0.847431662, -0.574349370),
        ("vol", -0.56, 0.082044580, np.nan, np.nan),
    ],
)
def test_strata_of_three_patients(outcome, rho, error, low, high):
    found = in_strata(outcome, ["cell"])

    assert found.correlation.rho == pytest.approx(rho, rel=1e-9)
    assert error_of_z(found, 1.984216952) * (1 - rho**2) == pytest.approx(error, rel=1e-6)  # t with 99 df
    assert (found.n_strata, found.median_stratum, found.informative.sum()) == (100, 3, 300)
    assert np.isnan(low) or limits(found) == pytest.approx([low, high], rel=1e-6)


@pytest.mark.parametrize(
    ("outcome", "columns", "rho", "error", "low", "high"),
    [
        ("hu", "site", -0.811155385, 0.024074349, -0.853351024, -0.758401381),
        ("vol", "site", -0.445796984, 0.050531757, -0.539214572, -0.341542238),
        ("hu", "scanner", -0.770380448, 0.030706734, -0.824051562, -0.703003253),
        ("vol", "scanner", -0.37917778, 0.053552865, -0.478999991, -0.269674101),
    ],
)
def test_few_large_strata_have_the_error_of_the_jackknife(outcome, columns, rho, error, low, high):
    found = in_strata(outcome, [columns])

    assert found.correlation.rho == pytest.approx(rho, rel=1e-6)
    assert error_of_z(found, 1.959963985) * (1 - rho**2) == pytest.approx(error, rel=1e-6)
    assert limits(found) == pytest.approx([low, high], rel=1e-6)


@pytest.mark.parametrize(
    ("outcome", "rho", "error", "low", "high"),
    [
        ("hu", -0.869519954, 0.034427401, -0.923855, -0.780829),
        ("vol", -0.425621747, 0.075472618, -0.564735, -0.262988),
        ("hu_break", -0.837825333, 0.047415760, -0.911027, -0.713430),
        ("vol_u", 0.127356854, 0.089327027, -0.054363, 0.300911),
    ],
)
def test_combinations_of_four_covariates(outcome, rho, error, low, high):
    found = in_strata(outcome, KINDS)

    assert (found.n_strata, found.informative.sum()) == (50, 247)
    assert found.correlation.rho == pytest.approx(rho, rel=1e-6)
    assert error_of_z(found, 2.009575237) * (1 - rho**2) == pytest.approx(error, rel=1e-6)  # t with 49 df
    assert limits(found) == pytest.approx([low, high], abs=1e-6)


@pytest.mark.parametrize(
    ("outcome", "rho", "low", "high"),
    [
        ("hu", -0.796266094, -0.843583, -0.736681),
        ("vol", -0.431418449, -0.529706, -0.321699),
        ("hu_break", -0.866007931, -0.897037, -0.826484),
        ("vol_u", 0.077400512, -0.044364, 0.196899),
    ],
)
def test_the_model_with_main_effects_of_four_covariates(outcome, rho, low, high):
    codes = [pd.factorize(CROSS[name], sort=True)[0].astype(float) for name in KINDS]
    covariates = [Covariate(name, code, of_kinds=True) for name, code in zip(KINDS, codes, strict=True)]
    columns = design(covariates, len(CROSS))
    models = Ordinal(AGE, columns), Ordinal(CROSS[outcome].to_numpy(dtype=float), columns)

    found = correlation_of_residuals(*models, CONFIDENCE)

    assert columns.shape[1] == 10
    assert found.rho == pytest.approx(rho, rel=1e-6)
    assert [found.ci_low, found.ci_high] == pytest.approx([low, high], abs=1e-6)


REPEATS = pd.read_csv(Path(__file__).parent / "statistics2" / "repeats.csv")
CUTS = [39.5125, 52.785, 66.035]


def score_test(outcome, groups):
    quartiles = 1 + np.searchsorted(CUTS, REPEATS["age"].to_numpy())
    part = REPEATS[np.isin(quartiles, groups)]
    none = np.empty((len(part), 0))
    values, patients = part[outcome].to_numpy(dtype=float), pd.factorize(part["patient"])[0]
    return quade(values, quartiles[np.isin(quartiles, groups)], none, none, patients)


@pytest.mark.parametrize(
    ("outcome", "groups", "q", "p"),
    [
        ("hu", (1, 2, 3, 4), 33.977811357864, 2.0026716e-7),
        ("vol", (1, 2, 3, 4), 10.274352668, 0.016372382),
        ("hu", (1, 4), 29.400458191, 5.886e-8),
        ("vol", (1, 4), 7.080573602, 0.007792406),
    ],
)
def test_without_covariates_the_quade_test_by_patient_is_the_score_test_of_ranks(outcome, groups, q, p):
    found = score_test(outcome, groups)

    assert found.f * found.df_between == pytest.approx(q, rel=1e-9)
    assert 10**found.log10_p == pytest.approx(p, rel=1e-4 if q > 29 and len(groups) == 2 else 1e-6)
    assert np.isnan(found.df_within)

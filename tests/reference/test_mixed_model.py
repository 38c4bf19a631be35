"""The random intercept agrees with lme4 1.1-31 and lmerTest 3.1-3, the check with clubSandwich 0.5.8."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ctpop.stats.mixed_model import fit_random_intercept, within_slope

DATA = Path(__file__).with_name("statistics2")
EXPECTED = {
    "hu": {
        "between": (-5.886459397, 0.635451124),
        "within": (-7.754771682, 1.607037210, 121.596),
        "difference": (-1.868312286, 1.728110739, 157.702880),
        "variances": (116.651427879, 17.886479774),
        "log_likelihood": -829.511874938,
        "check": (-7.754771682, 1.276997804, 21.2291),
    },
    "ln_vol": {
        "between": (-0.037126236, 0.008994948),
        "within": (-0.056407620, 0.017396787, 119.154),
        "difference": (-0.019281384, 0.019584618, None),
        "variances": (0.024355384, 0.002096096),
        "log_likelihood": 207.278682636,
        "check": (-0.056407620, 0.018077405, 21.2291),
    },
}


def repeats(measure):
    table = pd.read_csv(DATA / "repeats.csv")
    patients, _ = table["patient"].factorize()
    values = table["hu"].to_numpy() if measure == "hu" else np.log(table["vol"].to_numpy())
    age = table["age"].to_numpy()
    mean = table.groupby("patient")["age"].transform("mean").to_numpy()
    male = table["sex"].eq("male").to_numpy(dtype=float)
    return values, np.column_stack([np.ones(len(age)), (mean - 50) / 10, (age - mean) / 10, male]), patients, age


@pytest.mark.parametrize("measure", EXPECTED)
def test_reml_agrees_with_lme4(measure):
    values, columns, patients, _ = repeats(measure)
    expected = EXPECTED[measure]

    found = fit_random_intercept(values, columns, patients)

    assert (found.between, found.within) == pytest.approx(expected["variances"], rel=1e-5)
    assert found.log_likelihood == pytest.approx(expected["log_likelihood"], abs=1e-6)
    contrasts = {"between": [0, 1, 0, 0], "within": [0, 0, 1, 0], "difference": [0, -1, 1, 0]}
    for name, contrast in contrasts.items():
        estimate, error, *degrees = expected[name]
        assert contrast @ found.coefficients == pytest.approx(estimate, rel=1e-6)
        assert np.sqrt(contrast @ found.covariance @ contrast) == pytest.approx(error, rel=1e-6)
        for each in filter(None, degrees):
            assert found.degrees_of(np.array(contrast)) == pytest.approx(each, rel=2e-5)


@pytest.mark.parametrize("measure", EXPECTED)
def test_the_fixed_effects_estimator_agrees_with_clubsandwich(measure):
    values, _, patients, age = repeats(measure)
    slope, error, degrees = EXPECTED[measure]["check"]

    found = within_slope(values, age / 10, patients)

    assert (found.slope, found.error) == pytest.approx((slope, error), rel=1e-6)
    assert found.degrees == pytest.approx(degrees, rel=1e-5)
    assert (found.n, found.n_patients) == (180, 60)


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        ("hu", (-7.41131515012, 1.32301006446, 17.15047144959)),
        ("ln_vol", (-0.0597881329800, 0.0190765486291, 17.1504714495887)),
    ],
)
def test_the_fixed_effects_estimator_accounts_for_covariates_as_clubsandwich_does(measure, expected):
    values, _, patients, age = repeats(measure)
    scanner = np.arange(len(values)) % 3
    constant = (patients % 2).astype(float)  # does not change within patients

    found = within_slope(values, age / 10, patients, np.column_stack([scanner == 1, constant, scanner == 2]))

    assert (found.slope, found.error, found.degrees) == pytest.approx(expected, rel=1e-6)

"""Repeatability agrees with R (mean squares and intervals, psych 2.2.9), and intervals have their coverage."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ctpop.stats.repeatability import (
    corrected_rho,
    mean_squares,
    relative_sd,
    reliability_of_scores,
    repeatability_of,
)

TABLE = pd.read_csv(Path(__file__).with_name("statistics2") / "retest.csv")
HU = TABLE[["hu_1", "hu_2"]].to_numpy()
VOLUMES = TABLE[["vol_1", "vol_2"]].to_numpy()
EXPECTED = {
    "hu": {
        "squares": (232.839730769, 11.552, 9.000974359),
        "within": (3.010772326, 2.471882900, 3.852291705),
        "icc": (0.925074883, 0.863594374, 0.959548835),
        "change": 8.345281762,
        "bias": (0.76, 4.242870340),
    },
    "ln_vol": {
        "squares": (0.161839490168, 0.000288265119, 0.000942399660),
        "within": (0.030431009, 0.024984251, 0.038936562),
        "icc": (0.988619958, 0.978649710, 0.993956316),
        "change": 0.084348903,
        "bias": (-0.003796479, 0.043414276),
    },
}


@pytest.mark.parametrize(("measure", "pairs"), [("hu", HU), ("ln_vol", np.log(VOLUMES))])
def test_repeatability_agrees_with_r(measure, pairs):
    expected = EXPECTED[measure]

    found = repeatability_of(pairs, 0.95)

    assert mean_squares(pairs) == pytest.approx(expected["squares"], rel=1e-6)
    assert (found.within, found.within_low, found.within_high) == pytest.approx(expected["within"], rel=1e-6)
    assert (found.icc, found.icc_low, found.icc_high) == pytest.approx(expected["icc"], rel=1e-6)
    assert found.change(0.95) == pytest.approx(expected["change"], rel=1e-6)
    assert (found.bias, found.difference_sd) == pytest.approx(expected["bias"], rel=1e-6)


def test_relative_changes_of_volumes():
    found = repeatability_of(np.log(VOLUMES), 0.95)

    change = found.change(0.95)
    assert 100 * np.expm1([-change, change]) == pytest.approx([-8.088948, 8.800844], abs=1e-6)
    assert 100 * np.sqrt(np.expm1(found.within**2)) == pytest.approx(3.043805528, rel=1e-6)
    assert relative_sd(VOLUMES) == pytest.approx(3.040397171, rel=1e-6)


def test_the_corrected_correlation():
    rho, low, high = corrected_rho(-0.812440191, 0.0199, 0.925055129, 40, 0.95)

    assert rho == pytest.approx(-0.846951587, rel=1e-8)
    assert -0.89 < low < rho < high < -0.79
    assert reliability_of_scores(HU) == pytest.approx(0.922548470, rel=1e-8)


def test_a_correlation_that_would_exceed_1_is_missing():
    assert np.isnan(corrected_rho(0.95, 0.01, 0.5, 40, 0.95)).all()
    assert np.isnan(corrected_rho(0.5, 0.01, -0.1, 40, 0.95)).all()


def test_intervals_contain_the_true_values():
    random, covered = np.random.default_rng(6), []
    for _ in range(400):
        pairs = 10 + 2 * random.standard_normal((30, 1)) + random.standard_normal((30, 2))
        found = repeatability_of(pairs, 0.95)
        covered.append((found.within_low < 1 < found.within_high, found.icc_low < 0.8 < found.icc_high))

    assert np.mean(covered, axis=0) == pytest.approx([0.95, 0.95], abs=0.03)


def test_the_corrected_correlation_is_close_to_that_of_values_without_error():
    random, found = np.random.default_rng(7), []
    for _ in range(100):
        ages, noise = random.standard_normal((2, 800))
        true = -0.7 * ages + np.sqrt(1 - 0.49) * noise
        scans = true[:, np.newaxis] + 0.5 * random.standard_normal((800, 2))
        observed = pd.Series(scans[:, 0]).corr(pd.Series(ages), method="spearman")
        reliability = reliability_of_scores(scans[:60])
        found.append(corrected_rho(observed, 0.02, reliability, 60, 0.95))

    estimates, low, high = np.array(found).T
    expected = 6 / np.pi * np.arcsin(-0.7 / 2)
    assert estimates.mean() == pytest.approx(expected, abs=0.015)
    assert np.mean((low < expected) & (expected < high)) >= 0.88


@pytest.mark.parametrize("pairs", [np.empty((0, 2)), np.ones((2, 2)), np.tile(np.arange(9.0)[:, np.newaxis], 2)])
def test_degenerate_pairs_have_no_result(pairs):
    assert repeatability_of(pairs, 0.95) is None

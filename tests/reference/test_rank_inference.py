"""Agreement of rank statistics by patient and with weights with an independent implementation over all pairs."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ctpop.stats.correlation import spearman
from ctpop.stats.groups import quartile_cuts, quartile_of
from ctpop.stats.patient_sums import scans_per_patient
from ctpop.stats.ranks import ranks_of
from ctpop.stats.score_test import score_test

FOLDER = Path(__file__).with_name("statistics2")
QUANTILE = stats.norm.ppf(0.975)


@pytest.fixture(scope="module")
def repeats():
    table = pd.read_csv(FOLDER / "repeats.csv")
    return table.assign(patient=pd.factorize(table["patient"])[0])


@pytest.fixture(scope="module")
def cross():
    return pd.read_csv(FOLDER / "cross.csv")


def columns(table, *names):
    return [table[name].to_numpy(dtype=float) for name in names]


def error_of_z(found):
    """Standard error of Fisher's z, from the limits of the interval."""
    return (np.arctanh(found.ci_high) - np.arctanh(found.ci_low)) / (2 * QUANTILE)


@pytest.mark.parametrize(
    ("measure", "rho", "independent", "by_patient", "limits", "log10_p"),
    [
        *[("hu", -0.614400791, 0.072301813, 0.122216071, (-0.742262638, -0.443372910), np.log10(4.680463233e-09))],
        *[("vol", -0.270105078, 0.065444840, 0.104700639, (-0.447993114, -0.071644723), np.log10(0.008158957))],
    ],
)
def test_standard_errors_by_patient(repeats, measure, rho, independent, by_patient, limits, log10_p):
    values, ages = columns(repeats, measure, "age")
    alone = spearman(values, ages, 0.95)
    found = spearman(values, ages, 0.95, repeats["patient"].to_numpy())
    assert (alone.rho, found.rho) == (pytest.approx(rho, rel=1e-8), pytest.approx(rho, rel=1e-8))
    assert error_of_z(alone) == pytest.approx(independent, rel=1e-6)
    assert error_of_z(found) == pytest.approx(by_patient, rel=1e-6)
    assert (found.ci_low, found.ci_high) == pytest.approx(limits, rel=1e-6)
    assert found.log10_p_rho0 == pytest.approx(log10_p, rel=1e-6)
    assert np.isnan(found.log10_p_independence)


@pytest.mark.parametrize(
    ("measure", "rho", "error"), [("hu", -0.645417084, 0.100800835), ("vol", -0.279663468, 0.088440968)]
)
def test_equal_weights_of_patients(repeats, measure, rho, error):
    patients = repeats["patient"].to_numpy()
    found = spearman(*columns(repeats, measure, "age"), 0.95, patients, 1 / scans_per_patient(patients))
    assert found.rho == pytest.approx(rho, rel=1e-8)
    assert error_of_z(found) == pytest.approx(error, rel=1e-6)


@pytest.mark.parametrize(
    ("measure", "rho", "limits"),
    [
        *[("hu", -0.631808506, (-0.737335157, -0.496180679))],
        *[("vol", -0.271929078, (-0.426996106, -0.101325419))],
    ],
)
def test_first_scans(repeats, measure, rho, limits):
    found = spearman(*columns(repeats.groupby("patient").first(), measure, "age"), 0.95)
    assert (found.rho, found.ci_low, found.ci_high) == pytest.approx((rho, *limits), rel=1e-6)


@pytest.mark.parametrize(
    ("measure", "independent", "by_patient", "p", "equal_patients", "pair", "p_of_pair", "effects"),
    [
        (
            *("hu", 71.437095727, 33.977811357864, 2.0026716e-7, 42.169367998, 29.400458191, 5.886e-8),
            (0.7625, 0.501909722, 0.476215278, 0.259375),
        ),
        (
            *("vol", 19.057690738, 10.274352668, 0.016372382, 13.819459, 7.080573602, 0.007792406),
            (0.643541667, 0.466631944, 0.458472222, 0.431354167),
        ),
    ],
)
def test_score_tests(repeats, measure, independent, by_patient, p, equal_patients, pair, p_of_pair, effects):
    values, ages = columns(repeats, measure, "age")
    patients, ranks = repeats["patient"].to_numpy(), ranks_of(values)
    assert quartile_cuts(ages) == pytest.approx([39.5125, 52.785, 66.035])
    quartiles = quartile_of(ages, quartile_cuts(ages), "right_closed")
    found = score_test(ranks, quartiles, patients)
    assert score_test(ranks, quartiles, np.arange(len(values))).q == pytest.approx(independent, rel=1e-8)
    assert (found.q, found.df) == (pytest.approx(by_patient, rel=1e-8), 3)
    assert 10**found.log10_p == pytest.approx(p, rel=1e-6)
    weighted = score_test(ranks, quartiles, patients, 1 / scans_per_patient(patients))
    assert weighted.q == pytest.approx(equal_patients, rel=1e-6)
    outer = np.isin(quartiles, (1, 4))
    of_pair = score_test(ranks_of(values[outer]), quartiles[outer], patients[outer])
    assert of_pair.q == pytest.approx(pair, rel=1e-8)
    assert of_pair.z == pytest.approx(-np.sqrt(pair), rel=1e-8)
    assert 10**of_pair.log10_p == pytest.approx(p_of_pair, rel=1e-3 if measure == "hu" else 1e-6)
    proportions = ranks.centered / len(values) + 0.5
    assert [proportions[quartiles == group].mean() for group in (1, 2, 3, 4)] == pytest.approx(effects, rel=1e-6)


def test_rho_weighted_to_equal_shares_of_the_decades(cross):
    values, ages = columns(cross, "hu", "age")
    decade = (ages // 10).astype(int)
    weights = 1 / np.bincount(decade)[decade]
    found = spearman(values, ages, 0.95, weights=weights)
    assert found.rho == pytest.approx(-0.792231575, rel=1e-8)
    assert error_of_z(found) == pytest.approx(0.066794732, rel=1e-6)
    assert (found.ci_low, found.ci_high) == pytest.approx((-0.836172313, -0.738185809), rel=1e-6)
    assert weights.sum() ** 2 / (weights @ weights) == pytest.approx(287.6034150371798)


@pytest.mark.parametrize(
    ("measure", "rho", "z", "log10_p_rho0", "log10_p_independence"),
    [
        ("hu", -0.8124401913, -19.33069390, -82.52811498, -71.06694990),
        ("vol", -0.4509507073, -8.16094598, -15.47832483, -15.70682439),
        ("hu_break", -0.8561347840, -21.84742472, -105.08490775, -86.71036896),
        ("vol_u", -0.0180467949, -0.28572275, -0.11064760, -0.12172386),
    ],
)
def test_both_p_values(cross, measure, rho, z, log10_p_rho0, log10_p_independence):
    found = spearman(*columns(cross, measure, "age"), 0.95)
    assert found.rho == pytest.approx(rho, rel=1e-8)
    assert np.arctanh(found.rho) / error_of_z(found) == pytest.approx(z, rel=1e-6)
    assert found.log10_p_rho0 == pytest.approx(log10_p_rho0, rel=1e-6)
    assert found.log10_p_independence == pytest.approx(log10_p_independence, rel=1e-6)


@pytest.mark.parametrize(
    ("minimum", "rho", "limits", "p_independence", "p_rho0"),
    [
        (0.0, 0.0, (-0.332111364, 0.332111364), 1.0, 1.0),
        (2.2, -0.205605500, (-0.505585587, 0.138724242), 0.111914948, 0.240376650),
        (3.2, -0.287043892, (-0.569488419, 0.056023212), 0.024901057, 0.099520397),
        (3.6, -0.325594923, (-0.598855007, 0.015573084), 0.010450481, 0.060984921),
        (4.2, -0.362718139, (-0.626605426, -0.024212412), 0.004067907, 0.036316259),
    ],
)
def test_the_p_value_of_a_u_shape_agrees_with_the_interval(minimum, rho, limits, p_independence, p_rho0):
    x = np.arange(-30.0, 31.0)
    found = spearman((x - minimum) ** 2, x, 0.95)
    assert (found.rho, found.ci_low, found.ci_high) == pytest.approx((rho, *limits), rel=1e-6, abs=1e-12)
    assert 10**found.log10_p_independence == pytest.approx(p_independence, rel=1e-6)
    assert 10**found.log10_p_rho0 == pytest.approx(p_rho0, rel=1e-6)


def test_one_scan_per_patient_and_equal_weights_have_the_results_of_independent_scans(cross):
    values, ages = columns(cross, "hu", "age")
    plain = spearman(values, ages, 0.95)
    assert spearman(values, ages, 0.95, np.arange(300)[::-1]) == plain
    assert spearman(values, ages, 0.95, weights=np.full(300, 0.2)) == plain
    nearly = np.full(300, 1.0)
    nearly[0] += 1e-13
    weighted = spearman(values, ages, 0.95, weights=nearly)
    assert (weighted.rho, weighted.ci_low) == pytest.approx((plain.rho, plain.ci_low), rel=1e-12)

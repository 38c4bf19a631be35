"""Correlations within strata, compared with sums over all triples of different patients."""

from itertools import permutations

import numpy as np
import pytest

from ctpop.stats.concordance import StratumPoints, concordance, signs_of
from ctpop.stats.correlation import spearman
from ctpop.stats.strata import informative_scans, within_strata

CONFIDENCE = 0.95
TRUTH = 6 / np.pi * np.arcsin(-0.72 / 2)  # Spearman's rho of normal variables with Pearson's correlation -.72


def a_sample(seed, n=14, strata=3, patients=None, steps=5):
    """Return two variables with ties, strata, and patients; several scans per patient if there are fewer patients."""
    random = np.random.default_rng(seed)
    people = np.arange(n) if patients is None else random.integers(0, patients, n)
    return (*random.integers(0, steps, (2, n)).astype(float), random.integers(0, strata, n), people)


def by_triples(x, y, strata, patients):
    """Return the correlation from all triples of scans of different patients of a stratum."""
    totals = np.zeros(3)
    for stratum in np.unique(strata):
        scans = np.flatnonzero(strata == stratum)
        triples = [each for each in permutations(scans, 3) if len(set(patients[list(each)])) == 3]
        if triples:
            i, j, k = np.array(triples).T
            pairs = [(x, y), (x, x), (y, y)]
            signs = [np.mean(np.sign(u[i] - u[j]) * np.sign(v[i] - v[k])) for u, v in pairs]
            totals += len(scans) * np.array(signs)
    return totals[0] / np.sqrt(totals[1] * totals[2]) if min(totals[1:]) > 0 else np.nan


def error_of(found, quantile=1.959963985):
    width = np.arctanh(found.ci_high) - np.arctanh(found.ci_low)
    return width / 2 / quantile * (1 - found.rho**2)


def normal_pairs(random, n):
    errors = random.standard_normal((n, 2))
    return errors[:, 0], -0.72 * errors[:, 0] + np.sqrt(1 - 0.72**2) * errors[:, 1]


@pytest.mark.parametrize("seed", range(8))
def test_concordance_is_the_sum_of_the_products_of_signs(seed):
    random = np.random.default_rng(seed)
    points, others = (StratumPoints(*random.integers(0, 6, (2, n)), random.integers(0, 3, n)) for n in (25, 40))

    signs = np.sign(points.x[:, np.newaxis] - others.x) * np.sign(points.y[:, np.newaxis] - others.y)

    expected = (signs * (points.strata[:, np.newaxis] == others.strata)).sum(axis=1)
    np.testing.assert_array_equal(concordance(points, others), expected)


def test_weighted_sums_of_signs_are_within_strata():
    random = np.random.default_rng(1)
    values, strata, weights = random.integers(0, 5, 40), random.integers(0, 4, 40), random.integers(-3, 4, 40) * 1.0

    signs = np.sign(values[:, np.newaxis] - values) * (strata[:, np.newaxis] == strata)

    np.testing.assert_array_equal(signs_of(values, strata).sums(weights), signs @ weights)


@pytest.mark.parametrize("patients", [None, 8], ids=["one scan per patient", "several scans"])
@pytest.mark.parametrize("seed", range(6))
def test_the_estimate_uses_all_triples_of_different_patients(seed, patients):
    sample = a_sample(seed, patients=patients)

    assert within_strata(*sample, CONFIDENCE).correlation.rho == pytest.approx(
        np.clip(by_triples(*sample), -1, 1), rel=1e-12, nan_ok=True
    )


@pytest.mark.parametrize("patients", [None, 12], ids=["one scan per patient", "several scans"])
def test_the_standard_error_with_few_strata_is_that_of_omitting_each_patient(patients):
    x, y, strata, people = a_sample(3, n=24, strata=2, patients=patients)
    found = within_strata(x, y, strata, people, CONFIDENCE)

    without = [people != patient for patient in np.unique(people[found.informative])]
    left = np.array([by_triples(x[kept], y[kept], strata[kept], people[kept]) for kept in without])

    jackknife = np.sqrt((len(left) - 1) / len(left) * ((left - left.mean()) ** 2).sum())
    assert error_of(found.correlation) == pytest.approx(jackknife, rel=1e-9)


def test_one_large_stratum_has_nearly_the_result_of_the_unadjusted_correlation():
    x, y = normal_pairs(np.random.default_rng(2), 1500)

    found = within_strata(x, y, np.zeros(1500, dtype=int), np.arange(1500), CONFIDENCE).correlation

    crude = spearman(x, y, CONFIDENCE)
    assert found.rho == pytest.approx(crude.rho, abs=2 / 1500)
    assert error_of(found) == pytest.approx(error_of(crude), rel=0.01)
    assert found.log10_p_rho0 == pytest.approx(crude.log10_p_rho0, rel=0.02)


@pytest.mark.parametrize(("n", "strata"), [(300, 30), (300, 100)])
def test_small_strata_do_not_bias_the_estimate_and_intervals_have_the_nominal_coverage(n, strata):
    random, inside, estimates = np.random.default_rng(1), 0, []
    for _ in range(120):
        x, y = normal_pairs(random, n)
        found = within_strata(x, y, random.integers(0, strata, n), np.arange(n), CONFIDENCE).correlation
        estimates.append(found.rho)
        inside += found.ci_low <= TRUTH <= found.ci_high

    assert np.mean(estimates) == pytest.approx(TRUTH, abs=0.016)  # ranks within strata: -.65 and -.58
    assert inside / 120 >= 0.9  # standard error of .95: .02


def test_the_interval_accounts_for_several_scans_of_a_patient():
    random, inside = np.random.default_rng(5), 0
    for _ in range(60):
        x, y = (np.repeat(side, 3) for side in normal_pairs(random, 100))
        x, y = x + 0.2 * random.standard_normal(300), y + 0.2 * random.standard_normal(300)
        people = np.repeat(np.arange(100), 3)
        found = within_strata(x, y, people % 2, people, CONFIDENCE).correlation
        inside += found.ci_low <= 6 / np.pi * np.arcsin(-0.72 / 1.04 / 2) <= found.ci_high
    assert inside / 60 >= 0.87


def test_one_dominant_stratum_has_the_error_of_the_jackknife():
    # 900 patients in one stratum, 100 in 25 strata: contributions of 26 strata do not estimate the error of the first
    random = np.random.default_rng(6)
    x, y = normal_pairs(random, 1000)
    strata = np.where(np.arange(1000) < 900, 0, 1 + np.arange(1000) % 25)

    found = within_strata(x, y, strata, np.arange(1000), CONFIDENCE)

    assert found.n_strata == 26
    assert 0.9 < error_of(found.correlation) / error_of(spearman(x, y, CONFIDENCE)) < 1.6  # strata of 4 increase it


def test_strata_of_the_same_patients_count_as_one():
    random = np.random.default_rng(7)
    x, y, strata = *normal_pairs(random, 400), np.arange(400) // 4
    separate = within_strata(x, y, strata, np.arange(400), CONFIDENCE).correlation
    linked = np.where(np.arange(400) % 4 == 0, -1 - np.arange(400) // 40, np.arange(400))  # ten strata share a patient

    together = within_strata(x, y, strata, linked, CONFIDENCE).correlation

    assert together.rho == pytest.approx(separate.rho, rel=1e-9)
    assert error_of(together) != pytest.approx(error_of(separate, 1.984216952), rel=1e-3)


def test_only_strata_of_three_patients_are_informative():
    strata, patients = np.array([0, 0, 0, 1, 1, 1, 2, 2]), np.array([0, 1, 2, 3, 3, 4, 5, 6])

    informative, sizes = informative_scans(strata, patients)
    found = within_strata(np.arange(8.0), np.arange(8.0), strata, patients, CONFIDENCE)

    assert informative.tolist() == [True] * 3 + [False] * 5
    assert sizes.tolist() == [3]
    assert (found.correlation.rho, found.n_strata, found.median_stratum) == (1, 1, 3)


@pytest.mark.parametrize(
    ("x", "strata"),
    [
        (np.arange(6.0), np.arange(6)),
        (np.zeros(6), np.zeros(6, dtype=int)),
        (np.repeat([1.0, 2], 3), [0, 0, 0, 1, 1, 1]),
    ],
    ids=["strata of one patient", "equal values", "equal values within strata"],
)
def test_samples_without_a_result_have_missing_values(x, strata):
    found = within_strata(x, np.arange(6.0), np.asarray(strata), np.arange(6), CONFIDENCE).correlation

    assert np.isnan([found.rho, found.ci_low, found.log10_p_rho0]).all()


def test_an_empty_sample_has_no_result():
    empty = np.empty(0)

    found = within_strata(empty, empty, empty.astype(int), empty.astype(int), CONFIDENCE)

    assert np.isnan(found.correlation.rho)
    assert np.isnan(found.median_stratum)
    assert found.n_strata == 0


def test_the_interval_excludes_0_if_and_only_if_the_p_value_is_below_its_limit():
    below = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        x, y = random.standard_normal((2, 90))
        y = y + 0.25 * x
        for strata in (np.arange(90) // 3, np.arange(90) // 30):
            found = within_strata(x, y, strata, np.arange(90), CONFIDENCE).correlation
            excludes = found.ci_low > 0 or found.ci_high < 0
            assert excludes == (found.log10_p_rho0 < np.log10(1 - CONFIDENCE))
            below += excludes
    assert 10 < below < 70

import numpy as np
import pytest
from scipy import stats

from ctpop.stats.ranks import ranks_of
from ctpop.stats.score_test import score_test


def repeated(patients, scans, seed, effect=0.0):
    """Values, age groups, and patients: ages of a patient are up to five years apart, intraclass correlation 0.85."""
    rng = np.random.default_rng(seed)
    number = np.repeat(np.arange(patients), scans)
    ages = rng.uniform(20, 85, patients)[number] + rng.uniform(0, 5, len(number))
    noise = np.sqrt(0.85) * rng.normal(size=patients)[number] + np.sqrt(0.15) * rng.normal(size=len(number))
    groups = np.searchsorted(np.quantile(ages, [0.25, 0.5, 0.75]), ages) + 1
    return effect * (ages - 52) / 20 + noise, groups, number


def test_the_scores_follow_their_definition():
    values, groups, patients = repeated(40, 3, 1)
    n = len(values)
    above = (values[:, None] > values) + 0.5 * (values[:, None] == values)
    proportions = above.mean(axis=1)
    scores = np.array(
        [
            [
                sum((float(groups[i] == j) - np.mean(groups == j)) * (proportions[i] - 0.5) / n for i in of)
                for j in (2, 3, 4)
            ]
            for of in (np.flatnonzero(patients == patient) for patient in range(40))
        ]
    )
    total = scores.sum(axis=0)
    found = score_test(ranks_of(values), groups, patients)
    assert found.q == pytest.approx(total @ np.linalg.inv(scores.T @ scores) @ total)
    assert 10**found.log10_p == pytest.approx(stats.chi2.sf(found.q, 3), rel=1e-9)


def test_results_do_not_depend_on_the_order_of_scans_or_on_the_unit():
    values, groups, patients = repeated(50, 2, 2)
    order = np.random.default_rng(0).permutation(len(values))
    found = score_test(ranks_of(values), groups, patients)
    assert score_test(ranks_of(np.exp(values[order])), groups[order], 7 * patients[order]).q == pytest.approx(found.q)


def test_z_is_positive_if_the_older_group_has_larger_values():
    values, groups, patients = repeated(60, 2, 3, effect=1.0)
    outer = np.isin(groups, (1, 4))
    found = score_test(ranks_of(values[outer]), groups[outer], patients[outer])
    assert found.z > 3
    assert found.q == pytest.approx(found.z**2)
    assert score_test(ranks_of(-values[outer]), groups[outer], patients[outer]).z == pytest.approx(-found.z)


@pytest.mark.parametrize(
    ("values", "groups", "patients"),
    [
        ([1, 2, 3, 4], [2, 2, 2, 2], [0, 0, 1, 1]),
        ([5, 5, 5, 5], [1, 1, 2, 2], [0, 0, 1, 2]),
        ([1, 2, 3, 4], [1, 1, 2, 2], [0, 0, 1, 1]),
        ([1, 2, 3, 4, 5, 6], [1, 1, 2, 2, 3, 3], [0, 0, 0, 0, 1, 2]),
        ([], [], []),
    ],
    ids=["one group", "equal values", "as many patients as groups", "three groups of three patients", "no values"],
)
def test_tests_that_are_not_defined_have_missing_results(values, groups, patients):
    found = score_test(ranks_of(np.array(values, dtype=float)), np.array(groups), np.array(patients, dtype=int))
    assert np.isnan(list(vars(found).values())).all()


def test_a_group_with_scores_proportional_to_those_of_another_group_has_no_result():
    """Values at which the scores of two groups of each patient differ only by a factor result in a singular matrix."""
    values = np.array([1.0, 9, 1, 9, 2, 8, 2, 8, 3, 7, 3, 7])
    groups = np.tile([2, 3, 3, 2], 3)  # the scores of groups 2 and 3 have the sum 0
    patients = np.repeat([0, 1, 2, 3, 4, 5], 2)
    with_first = np.append(groups, [1, 1])
    found = score_test(ranks_of(np.append(values, [5.0, 5.0])), with_first, np.append(patients, [6, 6]))
    assert np.isnan(found.q)


def test_type_i_errors_with_four_scans_per_patient_are_nominal():
    rejected = []
    for seed in range(300):
        values, groups, patients = repeated(100, 4, seed)
        by_patient = score_test(ranks_of(values), groups, patients).log10_p < np.log10(0.05)
        rejected.append((by_patient, stats.kruskal(*(values[groups == group] for group in (1, 2, 3, 4))).pvalue < 0.05))
    shares = np.mean(rejected, axis=0)
    assert 0.02 < shares[0] < 0.09
    assert shares[1] > 0.4

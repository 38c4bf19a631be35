"""The random intercept: agreement with statsmodels, unaffected by units and order, and degenerate data."""

import numpy as np
import pytest
from statsmodels.regression.mixed_linear_model import MixedLM

from ctpop.stats.mixed_model import fit_random_intercept, within_slope


def a_sample(seed=0, patients=60, spread=3.0):
    random = np.random.default_rng(seed)
    numbers = np.repeat(np.arange(patients), random.integers(1, 5, patients))
    columns = np.column_stack([np.ones(len(numbers)), random.standard_normal((len(numbers), 2))])
    values = columns @ [50.0, -2.0, 1.0] + spread * random.standard_normal(patients)[numbers]
    return values + random.standard_normal(len(numbers)), columns, numbers


def test_the_fit_equals_that_of_statsmodels():
    values, columns, patients = a_sample()

    found = fit_random_intercept(values, columns, patients)

    peer = MixedLM(values, columns, patients).fit(reml=True)
    assert found.coefficients == pytest.approx(peer.fe_params, rel=1e-5)
    assert found.within == pytest.approx(peer.scale, rel=1e-4)
    assert found.between == pytest.approx(peer.cov_re[0, 0], rel=1e-3)
    assert found.log_likelihood == pytest.approx(peer.llf, abs=1e-5)


def test_units_and_order_do_not_matter():
    values, columns, patients = a_sample()
    order = np.random.default_rng(1).permutation(len(values))

    first = fit_random_intercept(values, columns, patients)
    second = fit_random_intercept(1000 * values[order] + 7, columns[order], patients[order] + 5)

    assert second.coefficients[1:] == pytest.approx(1000 * first.coefficients[1:], rel=1e-7)
    assert second.between == pytest.approx(1e6 * first.between, rel=1e-6)
    degrees = [each.degrees_of(np.array([0, 1, 0])) for each in (first, second)]
    assert degrees[0] == pytest.approx(degrees[1], rel=1e-4)


def test_without_a_difference_between_patients_the_fit_is_least_squares():
    random = np.random.default_rng(3)
    values = np.tile([1.0, -1.0], 40) + 0.1 * random.standard_normal(80)  # residuals of a patient cancel

    found = fit_random_intercept(values, np.ones((80, 1)), np.repeat(np.arange(40), 2))

    assert found.between == 0
    assert found.coefficients[0] == pytest.approx(values.mean())
    assert found.degrees_of(np.ones(1)) == 79


def test_intervals_of_the_slope_contain_the_true_value():
    random, covered = np.random.default_rng(4), []
    patients = np.repeat(np.arange(50), 2)
    for _ in range(200):
        x = random.standard_normal(100)
        values = 2 * x + 3 * random.standard_normal(50)[patients] + random.standard_normal(100)
        found = fit_random_intercept(values, np.column_stack([np.ones(100), x]), patients)
        covered.append(abs(found.coefficients[1] - 2) < 1.99 * np.sqrt(found.covariance[1, 1]))

    assert 0.90 <= np.mean(covered) <= 0.99


@pytest.mark.parametrize(
    ("values", "columns", "patients"),
    [
        (np.arange(3.0), np.ones((3, 1)), np.arange(3)),
        (np.arange(2.0), np.ones((2, 2)), np.zeros(2, dtype=int)),
        (np.arange(4.0), np.ones((4, 2)), np.zeros(4, dtype=int)),
        (np.ones(4), np.ones((4, 1)), np.array([0, 0, 1, 1])),
    ],
)
def test_degenerate_data_have_no_fit(values, columns, patients):
    assert fit_random_intercept(values, columns, patients) is None


def test_the_slope_within_patients_requires_two_patients_with_different_ages():
    assert within_slope(np.arange(4.0), np.arange(4.0), np.arange(4)) is None
    assert within_slope(np.arange(4.0), np.array([1.0, 2.0, 5.0, 5.0]), np.array([0, 0, 1, 1])) is None

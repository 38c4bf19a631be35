"""Least squares with HC3 or CR2 standard errors: agreement with statsmodels and with the formulas, and edge cases."""

import math

import numpy as np
import pytest
import statsmodels.api as sm

from ctpop.stats.linear_model import FEW_PATIENTS, linear_model

N = 60


def a_sample(seed=0, n=N):
    random = np.random.default_rng(seed)
    ages = random.uniform(20, 90, n)
    columns = np.column_stack([np.ones(n), ages / 10, random.integers(0, 2, n)])
    return columns, ages / 10 + (1 + ages / 50) * random.standard_normal(n), random


def cr2_of_the_definition(columns, values, patients):
    """Return the CR2 covariance matrix, and the matrices whose products with the values it sums."""
    inverse = np.linalg.inv(columns.T @ columns)
    hat, parts = columns @ inverse @ columns.T, []
    for patient in np.unique(patients):
        rows = patients == patient
        sizes, vectors = np.linalg.eigh(np.eye(rows.sum()) - hat[np.ix_(rows, rows)])
        root = vectors @ np.diag(np.where(sizes > 1e-8, 1 / np.sqrt(np.abs(sizes)), 0)) @ vectors.T
        parts.append(inverse @ columns[rows].T @ root @ (np.eye(len(values)) - hat)[rows])
    return sum(np.outer(part @ values, part @ values) for part in parts), parts


def test_one_row_per_patient_has_hc3_errors():
    columns, values, _ = a_sample()
    peer = sm.OLS(values, columns).fit(cov_type="HC3", use_t=True)

    fit = linear_model(columns, np.arange(N)).fit(values)

    np.testing.assert_allclose(fit.coefficients, peer.params, rtol=1e-10)
    np.testing.assert_allclose(fit.covariance, peer.cov_params(), rtol=1e-9)
    assert fit.residual_sd == pytest.approx(math.sqrt(peer.ssr / (N - 3)))
    slope = fit.estimate(np.array([0.0, 1.0, 0.0]), 0.9)
    low, high = peer.conf_int(0.1)[1]
    assert (slope.ci_low, slope.ci_high, 10**slope.log10_p) == pytest.approx((low, high, peer.pvalues[1]), rel=1e-8)
    both = np.eye(3)[1:]
    wald, test = peer.wald_test(both, scalar=True), fit.test(both)
    assert (test.f, 10**test.log10_p) == pytest.approx((wald.fvalue, wald.pvalue), rel=1e-8)
    assert (test.df_1, test.df_2) == (2, N - 3)


@pytest.mark.parametrize("sizes", [[1, 2, 3, 4], [12, 3, 1, 4]], ids=["small", "larger than the number of columns"])
def test_several_rows_per_patient_have_cr2_errors(sizes):
    columns, values, _ = a_sample(1)
    patients = np.resize(np.repeat(np.arange(4), sizes), N) + 4 * (np.arange(N) // sum(sizes))
    expected, parts = cr2_of_the_definition(columns, values, patients)

    fit = linear_model(columns, patients).fit(values)

    np.testing.assert_allclose(fit.covariance, expected, rtol=1e-8)
    products = np.array([[a[1] @ b[1] for b in parts] for a in parts])
    satterthwaite = np.trace(products) ** 2 / (products**2).sum()
    assert fit.estimate(np.array([0.0, 1.0, 0.0]), 0.95).df == pytest.approx(satterthwaite, rel=1e-8)


def test_the_test_of_one_combination_is_the_square_of_its_t():
    columns, values, _ = a_sample(2)
    fit = linear_model(columns, np.arange(N) // 3).fit(values)
    combination = np.array([0.0, 1.0, 0.5])

    estimate, test = fit.estimate(combination, 0.95), fit.test(combination[np.newaxis])

    assert test.f == pytest.approx((estimate.estimate / estimate.error) ** 2)
    assert (test.df_2, test.log10_p) == pytest.approx((estimate.df, estimate.log10_p))
    assert fit.estimate(combination, 0.95, null=estimate.estimate).log10_p == 0


def test_partial_r_squared_is_that_of_the_model_without_the_term():
    columns, values, _ = a_sample(3)
    without = sm.OLS(values, columns[:, [0, 2]]).fit().ssr
    with_term = sm.OLS(values, columns).fit().ssr

    test = linear_model(columns, np.arange(N)).fit(values).test(np.array([[0.0, 1.0, 0.0]]))

    assert test.partial_r_squared == pytest.approx(1 - with_term / without)


@pytest.mark.parametrize("patients", [FEW_PATIENTS - 1, FEW_PATIENTS])
def test_degrees_of_freedom_are_approximated_only_with_few_patients(patients):
    columns, values, _ = a_sample(4, 2 * patients)

    fit = linear_model(columns, np.arange(2 * patients) // 2).fit(values)

    found = {fit.estimate(np.array([0.0, 1.0, 0.0]), 0.95).df, fit.test(np.eye(3)[1:]).df_2}
    assert (found == {patients - 3}) == (patients >= FEW_PATIENTS)
    assert max(found) <= patients


def test_dependent_columns_are_omitted_and_their_coefficients_are_missing():
    columns, values, _ = a_sample(5)
    redundant = np.column_stack([columns, columns[:, 1] - 2 * columns[:, 0], columns[:, 2] ** 2 + 1])

    model = linear_model(redundant, np.arange(N))
    fit = model.fit(values)

    assert model.kept.tolist() == [True, True, True, False, False]
    assert model.redundant.tolist() == [False, False, False, True, True]
    np.testing.assert_allclose(fit.coefficients[:3], linear_model(columns, np.arange(N)).fit(values).coefficients)
    assert np.isnan(fit.coefficients[3:]).all()
    assert np.isnan(fit.estimate(np.eye(5)[3], 0.95).estimate)
    assert np.isnan(fit.test(np.eye(5)[2:4]).f)
    assert np.isfinite(fit.estimate(np.eye(5)[1], 0.95).error)


def test_the_only_row_of_a_category_is_excluded_with_its_column():
    columns, values, _ = a_sample(6)
    alone = np.column_stack([columns, np.arange(N) == 7])
    rest = np.arange(N) != 7

    model = linear_model(alone, np.arange(N))

    assert sorted(model.order) == np.flatnonzero(rest).tolist()
    assert not model.redundant.any()
    assert model.kept.tolist() == [True, True, True, False]
    expected = linear_model(columns[rest], np.arange(N - 1)).fit(values[rest])
    np.testing.assert_allclose(model.fit(values).covariance[:3, :3], expected.covariance)


def test_a_category_of_a_single_patient_has_finite_errors_by_the_generalized_inverse():
    columns, values, _ = a_sample(7)
    one_patient = np.column_stack([columns, np.arange(N) < 3])  # all rows of patient 0
    expected, _ = cr2_of_the_definition(one_patient, values, np.arange(N) // 3)

    fit = linear_model(one_patient, np.arange(N) // 3).fit(values)

    np.testing.assert_allclose(fit.covariance, expected, rtol=1e-7, atol=1e-12)
    assert fit.estimate(np.array([0.0, 1.0, 0.0, 0.0]), 0.95).error > 0


@pytest.mark.parametrize(
    ("values", "patients"),
    [(np.arange(6.0), np.arange(6)), (np.ones(6), np.arange(6)), (np.arange(6.0) ** 2, np.repeat([0, 1], 3))],
    ids=["exact fit", "equal values", "as many columns as patients"],
)
def test_fits_without_a_standard_error_have_missing_results(values, patients):
    columns = np.column_stack([np.ones(6), np.arange(6.0)])

    fit = linear_model(columns, patients).fit(values)

    assert np.isnan(list(vars(fit.estimate(np.array([0.0, 1.0]), 0.95)).values())).all()
    assert np.isnan(list(vars(fit.test(np.array([[0.0, 1.0]]))).values())).all()


def test_two_fits_of_a_model_are_independent():
    columns, values, random = a_sample(8)
    model = linear_model(columns, np.arange(N) // 2)
    first = model.fit(values).covariance

    model.fit(random.standard_normal(N))

    np.testing.assert_array_equal(model.fit(values).covariance, first)

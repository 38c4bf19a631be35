import numpy as np
import patsy
import pytest
import statsmodels.api as sm

from ctpop.figures.catalog import SPLINE_FROM
from ctpop.figures.trend import KNOTS, LINE_FROM, line_design, spline_design, trend_of


@pytest.fixture
def cloud():
    random = np.random.default_rng(7)
    age = random.uniform(18, 95, 200)
    return age, 100 - 0.01 * (age - 30) ** 2 + (1 + age / 20) * random.standard_normal(200)


def test_the_spline_is_the_natural_spline_of_patsy(cloud):
    age, value = cloud
    inner = np.quantile(age, KNOTS)
    basis = np.asarray(
        patsy.dmatrix(
            "cr(age, knots=inner[1:-1], lower_bound=inner[0], upper_bound=inner[-1]) - 1", {"age": age, "inner": inner}
        )
    )
    expected = basis @ np.linalg.lstsq(basis, value, rcond=None)[0]

    ours = spline_design(age, inner)
    inside = (age >= inner[0]) & (
        age <= inner[-1]
    )  # beyond the outer knots, patsy continues the curve, whereas a natural spline is linear
    assert ours.shape == (200, 4)
    assert np.linalg.matrix_rank(np.column_stack([ours, basis])[inside]) == 4
    np.testing.assert_allclose((ours @ np.linalg.lstsq(ours, value, rcond=None)[0]), expected, rtol=1e-8)


def test_fit_and_interval_are_those_of_statsmodels_with_hc3(cloud):
    age, value = cloud
    knots = np.quantile(age, KNOTS)
    trend = trend_of(age, value, 0.9)

    fitted = sm.OLS(value, spline_design(age, knots)).fit(cov_type="HC3", use_t=True)
    expected = fitted.get_prediction(spline_design(trend.age_years, knots))
    limits = expected.conf_int(alpha=0.1)
    np.testing.assert_allclose(trend.fit, expected.predicted, rtol=1e-8)
    np.testing.assert_allclose(trend.low, limits[:, 0], rtol=1e-6)
    np.testing.assert_allclose(trend.high, limits[:, 1], rtol=1e-6)


def test_the_spline_is_straight_beyond_its_outer_knots():
    knots = np.array([30.0, 45.0, 60.0, 80.0])
    for ages in (np.array([0.0, 10.0, 20.0, 30.0]), np.array([80.0, 90.0, 100.0, 110.0])):
        second_difference = np.diff(spline_design(ages, knots), n=2, axis=0)
        np.testing.assert_allclose(second_difference, 0, atol=1e-12)


def test_a_straight_line_is_found_exactly():
    age = np.linspace(20, 90, 50)
    trend = trend_of(age, 200 - 2 * age, 0.95)

    assert trend.kind == "spline"
    np.testing.assert_allclose(trend.fit, 200 - 2 * trend.age_years, atol=1e-9)
    np.testing.assert_allclose(trend.high - trend.low, 0, atol=1e-6)


def test_few_values_get_a_straight_line_and_fewer_none(cloud):
    age, value = cloud

    assert trend_of(age[:SPLINE_FROM], value[:SPLINE_FROM], 0.95).kind == "spline"
    assert trend_of(age[: SPLINE_FROM - 1], value[: SPLINE_FROM - 1], 0.95).kind == "line"
    assert trend_of(age[: LINE_FROM - 1], value[: LINE_FROM - 1], 0.95) is None
    assert trend_of(age[:0], value[:0], 0.95) is None


def test_equal_ages_have_no_trend():
    assert trend_of(np.full(50, 60.0), np.arange(50.0), 0.95) is None


def test_knots_that_coincide_give_a_straight_line():
    age = np.array([40.0] * 30 + [50.0, 60.0] * 5)

    assert trend_of(age, age + np.arange(40) % 3, 0.95).kind == "line"


def test_a_single_value_of_another_age_determines_no_line():
    age = np.array([40.0] * 30 + [70.0])

    assert trend_of(age, np.arange(31.0), 0.95) is None


def test_a_line_design_is_an_intercept_and_scaled_age():
    design = line_design(np.array([30.0, 80.0]), np.array([30.0, 40.0, 60.0, 80.0]))

    np.testing.assert_allclose(design, [[1, 0], [1, 1]])


def test_bands_are_wider_if_the_scans_of_patients_agree(cloud):
    age, value = cloud
    patients = np.repeat(np.arange(len(age)), 2)
    once = trend_of(age, value, 0.95, np.arange(len(age)))
    twice = trend_of(np.repeat(age, 2), np.repeat(value, 2), 0.95, patients)
    as_independent = trend_of(np.repeat(age, 2), np.repeat(value, 2), 0.95)

    np.testing.assert_allclose(twice.fit, once.fit, rtol=1e-8)
    np.testing.assert_allclose(twice.high - twice.low, once.high - once.low, rtol=0.05)
    assert np.all(as_independent.high - as_independent.low < 0.8 * (twice.high - twice.low))

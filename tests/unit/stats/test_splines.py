"""Age curves as natural splines and tests of their shape."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from ctpop.stats.splines import age_columns, age_tests, bends, knots_of, natural_basis, steps

KNOTS = np.array([25.0, 45.0, 65.0, 90.0])
NOTHING = np.empty((500, 0))


def patients(seed=0, n=500):
    random = np.random.default_rng(seed)
    return random.uniform(18, 100, n), random.integers(0, 2, n).astype(float), random


def curve_tests(values, ages, sex=None, others=NOTHING):
    knots = knots_of(ages)
    return age_tests(values, age_columns(ages, knots, sex), others, knots)


def test_knots_are_percentiles_of_age():
    assert knots_of(np.arange(101.0)).tolist() == [5, 35, 65, 95]
    assert knots_of(np.full(9, 50.0)).tolist() == [50]
    assert len(knots_of(np.empty(0))) == 0


def test_coefficients_of_the_basis_are_heights_at_the_knots():
    np.testing.assert_allclose(natural_basis(KNOTS, KNOTS), np.eye(4), atol=1e-12)
    assert natural_basis(np.linspace(0, 120, 9), KNOTS).sum(axis=1) == pytest.approx(1)


def test_the_spline_is_straight_beyond_its_outer_knots():
    heights = np.array([1.0, 5.0, 2.0, 7.0])
    for beyond in (np.array([0.0, 10.0, 20.0]), np.array([95.0, 105.0, 115.0])):
        assert np.diff(natural_basis(beyond, KNOTS) @ heights, n=2) == pytest.approx(0, abs=1e-10)


def test_a_line_has_no_bends_and_a_constant_has_no_steps():
    assert bends(KNOTS) @ (3 - 0.5 * KNOTS) == pytest.approx(0, abs=1e-12)
    assert steps(KNOTS) @ np.full(4, 8.0) == pytest.approx(0, abs=1e-12)
    assert np.abs(bends(KNOTS) @ KNOTS**2).min() > 1


def test_tests_agree_with_a_formula_in_statsmodels():
    ages, sex, random = patients()
    height = random.normal(170, 9, 500)
    values = 50 - 0.004 * (ages - 40) ** 2 + sex * ages / 20 + height / 10 + ages / 20 * random.standard_normal(500)
    frame = pd.DataFrame({"y": values, "age": ages, "s": sex - 0.5, "h": height - height.mean(), "q": 0.0})
    low, inner, other, high = knots_of(ages)
    curve = f"cr(age, knots=[{inner}, {other}], lower_bound={low}, upper_bound={high})"
    fit = smf.ols(f"y ~ {curve} - 1 + {curve}:s + h", frame).fit(cov_type="HC3", use_t=True)
    equal = np.diff(np.eye(4), axis=0)
    difference = np.column_stack([np.zeros((3, 4)), equal, np.zeros(3)])

    found = curve_tests(values, ages, sex, (height - height.mean())[:, np.newaxis])

    peer = fit.wald_test(difference, scalar=True)
    assert (found["interaction"].df_1, found["interaction"].df_2) == (3, 500 - 9)
    assert found["interaction"].f == pytest.approx(peer.fvalue)
    assert 10 ** found["interaction"].log10_p == pytest.approx(peer.pvalue, rel=1e-8)
    assert (found["age"].df_1, found["nonlinear"].df_1) == (6, 4)


def test_partial_r_squared_is_that_of_the_model_without_the_term():
    ages, _, random = patients(3)
    values = (ages - 50) ** 2 / 300 + random.standard_normal(500)
    straight = np.polyval(np.polyfit(ages, values, 1), ages)
    basis = natural_basis(ages, knots_of(ages))
    curved = basis @ np.linalg.lstsq(basis, values)[0]

    found = curve_tests(values, ages)

    line, curve = ((values - straight) ** 2).sum(), ((values - curved) ** 2).sum()
    assert found["nonlinear"].partial_r_squared == pytest.approx(1 - curve / line)
    assert found["age"].partial_r_squared == pytest.approx(1 - curve / (500 * values.var()))
    assert "interaction" not in found


@pytest.mark.parametrize(
    ("shape", "significant"),
    [
        (lambda age, sex: 0 * age + 3 * sex, set()),
        (lambda age, sex: 0.05 * age + 3 * sex, {"age"}),
        (lambda age, sex: (age - 55) ** 2 / 400 + 3 * sex, {"age", "nonlinear"}),
        (lambda age, sex: 0.08 * age * sex, {"age", "interaction"}),
    ],
    ids=["flat", "line", "curve", "diverging lines"],
)
def test_each_shape_is_detected_by_the_corresponding_test(shape, significant):
    ages, sex, random = patients(7)
    values = shape(ages, sex) + (0.5 + ages / 100) * random.standard_normal(500)

    found = curve_tests(values, ages, sex)

    assert {term for term, test in found.items() if test.log10_p < -4} == significant
    assert all(test.log10_p > -2 for term, test in found.items() if term not in significant)


@pytest.mark.parametrize("samples", [150, pytest.param(400, marks=pytest.mark.exhaustive)])
def test_the_error_rate_is_nominal_if_the_spread_increases_with_age(samples):
    # flat samples whose SD increases fourfold; standard error of the proportion of 400 samples, .011
    rejected = 0
    for seed in range(samples):
        ages, sex, random = patients(seed, 200)
        found = curve_tests((1 + 3 * (ages - 18) / 82) * random.standard_normal(200), ages, sex, np.empty((200, 0)))
        rejected += found["age"].log10_p < np.log10(0.05)
    assert 0.02 <= rejected / samples <= 0.09


def test_the_only_patient_of_a_level_is_excluded_with_its_column():
    ages, sex, random = patients(1)
    values = ages / 10 + random.standard_normal(500)
    alone = (np.arange(500) == 7).astype(float)[:, np.newaxis]
    rest = np.arange(500) != 7
    knots = knots_of(ages)
    columns = age_columns(ages, knots, sex)

    found = age_tests(values, columns, alone, knots)

    assert found == age_tests(values[rest], columns[rest], np.empty((499, 0)), knots)


@pytest.mark.parametrize(
    ("values", "sex"),
    [(np.full(500, 2.0), None), (np.arange(500.0), np.r_[np.ones(2), np.zeros(498)])],
    ids=["equal values", "a sex of two patients"],
)
def test_samples_without_a_defined_result_have_no_tests(values, sex):
    ages, _, _ = patients()
    assert curve_tests(values, ages, sex) == {}

"""Properties of adjusted statistics and of centiles that hold for any data."""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from ctpop.stats.age_effects import BOTH, age_model
from ctpop.stats.design import Covariate, design, strata_of
from ctpop.stats.f_tail import log10_p_of_f
from ctpop.stats.linear_model import linear_model
from ctpop.stats.ordinal import Ordinal
from ctpop.stats.psr import correlation_of_residuals
from ctpop.stats.quade import quade
from ctpop.stats.splines import natural_basis
from ctpop.stats.strata import within_strata
from support.laws import law

PERSON = st.tuples(
    st.integers(18, 100).map(float),  # age
    st.integers(-400, 400).map(lambda number: number / 8),  # value, in steps that can tie
    st.integers(140, 200).map(float),  # height
    st.integers(0, 1).map(float),  # sex
)
PEOPLE = st.lists(PERSON, min_size=12, max_size=60).map(np.array)
MANY_PEOPLE = st.lists(PERSON, min_size=40, max_size=90).map(np.array)


def adjusted(patients, value, how):
    """Return the correlation of age and value, adjusted for sex within strata or for sex and height by the model."""
    age, _, height, sex = patients.T
    covariates = [Covariate("sex", sex, of_kinds=True), Covariate("height_cm", height, of_kinds=False)]
    if how == "strata":
        strata = strata_of(covariates[:1], len(age))
        return within_strata(age, value, strata, np.arange(len(age)), 0.95).correlation
    columns = design(covariates, len(age))
    return correlation_of_residuals(Ordinal(age, columns), Ordinal(value, columns), 0.95)


def results(found):
    return list(vars(found).values())


def same(first, second, tolerance=1e-9):
    np.testing.assert_allclose(results(first), results(second), rtol=tolerance, atol=tolerance)


def vary(patients):
    age, value, *_ = patients.T
    return np.ptp(age) > 0 and np.ptp(value) > 0


@law(20)
@given(PEOPLE, st.sampled_from(["strata", "model"]))
def test_a_monotone_transform_does_not_change_adjusted_correlations(patients, how):
    assume(vary(patients))
    value = patients[:, 1]
    same(adjusted(patients, value, how), adjusted(patients, np.exp(value / 20), how))


@law(20)
@given(PEOPLE, st.sampled_from(["strata", "model"]))
def test_a_change_of_sign_reverses_the_adjusted_correlation_and_its_interval(patients, how):
    assume(vary(patients))
    found, turned = adjusted(patients, patients[:, 1], how), adjusted(patients, -patients[:, 1], how)
    assume(np.isfinite(found.ci_low))
    np.testing.assert_allclose(
        [turned.rho, turned.ci_low, turned.ci_high, turned.log10_p_rho0],
        [-found.rho, -found.ci_high, -found.ci_low, found.log10_p_rho0],
        rtol=1e-6,
        atol=1e-6,
    )


@law(20)
@given(PEOPLE, st.sampled_from(["strata", "model"]), st.randoms(use_true_random=False))
def test_the_order_of_patients_does_not_affect_results(patients, how, random):
    assume(vary(patients))
    order = list(range(len(patients)))
    random.shuffle(order)
    same(adjusted(patients, patients[:, 1], how), adjusted(patients[order], patients[order, 1], how), 1e-6)


@law(20)
@given(PEOPLE, st.sampled_from(["strata", "model"]))
def test_an_adjusted_correlation_is_in_its_interval(patients, how):
    assume(vary(patients))
    found = adjusted(patients, patients[:, 1], how)
    assume(np.isfinite(found.ci_low))
    assert -1 <= found.ci_low <= found.rho <= found.ci_high <= 1
    assert found.log10_p_rho0 <= 0
    assert (found.log10_p_rho0 < np.log10(0.05)) == (found.ci_low > 0 or found.ci_high < 0)


@law(20)
@given(PEOPLE)
def test_residuals_are_between_minus_one_and_one_with_mean_zero(patients):
    assume(vary(patients))
    columns = design([Covariate("height_cm", patients[:, 2], of_kinds=False)], len(patients))
    residuals = Ordinal(patients[:, 1], columns).values
    assert np.abs(residuals).max() <= 1
    assert abs(residuals.mean()) < 1e-6


@law(20)
@given(PEOPLE)
def test_the_numbers_of_strata_and_patients_do_not_affect_results(patients):
    assume(vary(patients))
    age, value, _, sex = patients.T
    numbers, strata = np.arange(len(age)), sex.astype(int)
    same(
        within_strata(age, value, strata, numbers, 0.95).correlation,
        within_strata(age, value, 3 - 2 * strata, 5 * numbers[::-1] + 1, 0.95).correlation,
    )


@law(20)
@given(PEOPLE)
def test_strata_of_two_patients_do_not_contribute(patients):
    assume(vary(patients))
    age, value, _, sex = patients.T
    more = [np.concatenate([each, [1.0, 2.0]]) for each in (age, value)]
    strata = np.concatenate([sex, [9, 9]]).astype(int)
    same(
        within_strata(age, value, strata[:-2], np.arange(len(age)), 0.95).correlation,
        within_strata(*more, strata, np.arange(len(age) + 2), 0.95).correlation,
    )


@law(20)
@given(PEOPLE)
def test_patients_whose_number_is_not_repeated_have_the_quade_test(patients):
    age, value, height, sex = patients.T
    quartiles = np.digitize(age, [40, 60, 80])
    terms = height[:, np.newaxis], sex[:, np.newaxis]
    same(quade(value, quartiles, *terms), quade(value, quartiles, *terms, np.arange(len(age))[::-1]))


@law(20)
@given(PEOPLE)
def test_quade_depends_only_on_the_order_of_values_and_covariates(patients):
    age, value, height, sex = patients.T
    quartiles, kinds = np.digitize(age, [40, 60, 80]), sex[:, np.newaxis]
    first = quade(value, quartiles, height[:, np.newaxis], kinds)
    second = quade(value**3, quartiles, np.exp(height[:, np.newaxis] / 50), 5 - 2 * kinds)
    same(first, second, 1e-7)


KNOTS = np.array([25.0, 45.0, 65.0, 85.0])


def curve_model(patients, numbers=None):
    """Return a model of age curves by sex with height, which is well-conditioned, or skip the example."""
    age, value, height, sex = patients.T
    assume(np.ptp(value) > 0 and 4 < sex.sum() < len(sex) - 4)
    numbers = np.arange(len(age)) if numbers is None else numbers
    model = age_model(age, BOTH, sex.astype(int), numbers, KNOTS, (height - height.mean())[:, np.newaxis])
    columns = model.model
    assume(len(columns.order) == len(age) and columns.kept.all() and columns.simple_df >= 3)
    assume(np.linalg.cond(columns.triangle / np.linalg.norm(columns.triangle, axis=0)) < 1e4)  # limits rounding errors
    assume((columns.orthogonal**2).sum(axis=1).max() < 0.999)  # HC3 divides by the square of 1 - leverage
    return model


@law(20)
@given(MANY_PEOPLE, st.floats(0.25, 8), st.floats(-100, 100))
def test_tests_of_the_age_curve_do_not_depend_on_the_unit_of_the_value(patients, factor, shift):
    model, value = curve_model(patients), patients[:, 1]
    found, scaled = (model.tests(model.model.fit(v)) for v in (value, factor * value + shift))
    assert found.keys() == scaled.keys()
    for term, test in found.items():
        same(test, scaled[term], 1e-5)


@law(20)
@given(MANY_PEOPLE, st.integers(1, 3), st.randoms(use_true_random=False))
def test_the_numbers_and_the_order_of_patients_do_not_affect_effects(patients, scans, random):
    numbers = np.arange(len(patients)) // scans
    model = curve_model(patients, numbers)
    order, names = list(range(len(patients))), list(range(numbers.max() + 1))
    random.shuffle(order)
    random.shuffle(names)
    other = curve_model(patients[order], np.array(names)[numbers[order]])
    for sex, combination in model.window(30, 80).items():
        found = model.model.fit(patients[:, 1]).estimate(combination, 0.95)
        same(found, other.model.fit(patients[order, 1]).estimate(other.window(30, 80)[sex], 0.95), 1e-6)


@law(20)
@given(MANY_PEOPLE, st.floats(20, 50), st.floats(55, 90), st.integers(1, 3))
def test_an_effect_does_not_depend_on_the_basis_of_the_spline(patients, low, high, scans):
    numbers = np.arange(len(patients)) // scans
    model = curve_model(patients, numbers)
    age, value, height, sex = patients.T
    mixed = np.random.default_rng(0).standard_normal((4, 4)) + 3 * np.eye(4)  # another basis of the same curves
    basis = natural_basis(age, KNOTS) @ mixed
    columns = [basis, basis * (sex - 0.5)[:, np.newaxis], (height - height.mean())[:, np.newaxis]]
    other = linear_model(np.column_stack(columns), numbers)
    ends = natural_basis(np.array([low, high]), KNOTS) @ mixed
    slope = np.concatenate([(ends[1] - ends[0]) / ((high - low) / 10), np.zeros(5)])
    found = model.model.fit(value).estimate(model.window(low, high)["standardized"], 0.95)
    same(found, other.fit(value).estimate(slope, 0.95), 1e-5)


@law(20)
@given(MANY_PEOPLE)
def test_weights_are_those_of_hc3_with_one_scan_per_patient_and_of_cr2_otherwise(patients):
    model = curve_model(patients)
    twice = curve_model(patients, np.r_[0, 0, np.arange(1, len(patients) - 1)])
    leverage = (model.model.orthogonal**2).sum(axis=1)
    np.testing.assert_allclose(model.model.adjusted, model.model.orthogonal / (1 - leverage)[:, np.newaxis])
    np.testing.assert_allclose(
        twice.model.adjusted[2:], (model.model.orthogonal / np.sqrt(1 - leverage)[:, np.newaxis])[2:], atol=1e-12
    )


@law(20)
@given(st.floats(0, 5000), st.floats(0, 5000), st.integers(1, 12), st.integers(3, 100_000))
def test_a_larger_f_has_a_smaller_p_value(first, second, df_1, df_2):
    small, large = sorted([first, second])
    assert log10_p_of_f(large, df_1, df_2) <= log10_p_of_f(small, df_1, df_2) + 1e-9 <= 1e-9

"""Age curves by sex: knots, average differences in age ranges, hypotheses, and their error rates."""

import numpy as np
import pytest
from scipy import integrate

from ctpop.stats.age_effects import BOTH, age_model, in_percent, knots_in_use, line_knots
from ctpop.stats.linear_model import LinearEstimate
from ctpop.stats.splines import natural_basis

KNOTS = np.array([25.0, 45.0, 65.0, 85.0])
HEIGHTS = np.array([5.0, 9.0, 2.0, 1.0])


def patients(seed=0, n=500):
    random = np.random.default_rng(seed)
    return random.uniform(18, 100, n), random.integers(0, 2, n), random


def model_of(ages, sex, knots=KNOTS, covariates=None):
    return age_model(ages, BOTH, sex, np.arange(len(ages)), knots, covariates)


@pytest.mark.parametrize(
    ("low", "high", "used"),
    [
        (18, 100, [25, 45, 65, 85]),
        (40, 80, [25, 45, 65, 85]),
        (46, 100, [45, 65, 85]),
        (28, 58, [25, 45, 65]),
        (25, 60, [25, 45, 65]),
        (55, 74, [25, 85]),  # too short a range
        (66, 95, [25, 85]),  # two knots
        (86, 115, [25, 85]),
        (1, 17, [25, 85]),
    ],
)
def test_knots_are_those_within_the_central_ages_and_the_nearest_on_each_side(low, high, used):
    assert knots_in_use(np.linspace(low, high, 201), KNOTS).tolist() == used


def test_a_single_old_patient_does_not_change_the_knots():
    ages = np.append(np.linspace(55, 74, 200), 99.0)

    assert knots_in_use(ages, KNOTS).tolist() == line_knots(KNOTS).tolist()


def test_the_effect_in_an_age_range_is_the_mean_slope_over_uniform_ages():
    ages, sex, _ = patients()
    model = model_of(ages, sex)
    curve = model.model.fit(natural_basis(ages, KNOTS) @ HEIGHTS)
    low, high = 33.0, 71.0

    def slope(age):
        return (natural_basis(np.array([age - 1e-4, age + 1e-4]), KNOTS) @ HEIGHTS) @ [-1, 1] / 2e-4

    mean = integrate.quad(slope, low, high, points=KNOTS[1:3], limit=200)[0] / (high - low)
    for combination in [model.window(low, high)[sex] for sex in (*BOTH, "standardized")]:
        assert combination @ curve.coefficients == pytest.approx(10 * mean, rel=1e-5)
    assert model.window(low, high)["difference"] @ curve.coefficients == pytest.approx(0, abs=1e-9)


def test_a_straight_line_has_the_same_effect_in_all_age_ranges():
    ages, sex, _ = patients()
    model = model_of(ages, sex, line_knots(KNOTS))
    fit = model.model.fit(3 - ages / 5 + sex * ages / 20)

    for low, high in ((30, 80), (50, 51), (90, 120)):
        found = {name: row @ fit.coefficients for name, row in model.window(low, high).items()}
        expected = {"female": -2, "male": -1.5, "standardized": -1.75, "difference": 0.5}
        assert found == pytest.approx(expected)
    assert model.difference_at(40) @ fit.coefficients == pytest.approx(2)


def test_each_sex_has_the_curve_of_its_own_patients():
    ages, sex, random = patients(1)
    values = 50 - 0.004 * (ages - 40) ** 2 + sex * ages / 20 + random.standard_normal(500)

    found = model_of(ages, sex).model.fit(values).coefficients

    for code in (0, 1):
        of_sex = sex == code
        alone = np.linalg.lstsq(natural_basis(ages[of_sex], KNOTS), values[of_sex])[0]
        assert found[4 * code : 4 * code + 4] == pytest.approx(alone)


def test_hypotheses_are_true_for_curves_of_the_corresponding_shape():
    ages, sex, _ = patients()
    model = model_of(ages, sex)
    shapes = {
        "age": np.where(sex == 1, 7.0, 3.0),
        "nonlinear": np.where(sex == 1, ages / 4, 3 - ages),
        "nonlinear_female": np.where(sex == 1, natural_basis(ages, KNOTS) @ HEIGHTS, 3 - ages),
        "nonlinear_male": np.where(sex == 0, natural_basis(ages, KNOTS) @ HEIGHTS, 3 - ages),
        "interaction": natural_basis(ages, KNOTS) @ HEIGHTS + 5 * sex,
    }
    true = {
        "age": set(shapes),
        "nonlinear": {"nonlinear", "nonlinear_female", "nonlinear_male"},
        "nonlinear_female": {"nonlinear_female"},
        "nonlinear_male": {"nonlinear_male"},
        "interaction": {"interaction"},
    }
    for name, values in shapes.items():
        heights = model.model.fit(values).coefficients
        kept = {term for term, rows in model.hypotheses().items() if np.abs(rows @ heights).max() < 1e-8}
        assert kept == true[name], name


@pytest.mark.parametrize(
    ("sexes", "knots", "terms"),
    [
        (("female",), KNOTS, {"age", "nonlinear", "nonlinear_female"}),
        (("all",), KNOTS, {"age", "nonlinear"}),
        (BOTH, KNOTS[:2], {"age", "interaction"}),
        (("male",), KNOTS[:2], {"age"}),
    ],
)
def test_hypotheses_that_do_not_apply_are_absent(sexes, knots, terms):
    ages, sex, _ = patients()
    model = age_model(ages, sexes, sex * (len(sexes) - 1), np.arange(500), knots)

    assert set(model.hypotheses()) == terms
    assert set(model.window(30, 80)) == ({*BOTH, "standardized", "difference"} if sexes == BOTH else set(sexes))


def test_the_test_of_one_sex_equals_that_of_its_patients_alone_except_for_degrees_of_freedom():
    ages, sex, random = patients(2)
    values = ages / 10 + (ages / 50) * random.standard_normal(500)
    women = sex == 0

    both, model = model_of(ages, sex), age_model(ages[women], ("female",), sex[women], np.arange(women.sum()), KNOTS)

    found = both.tests(both.model.fit(values))["nonlinear_female"]
    alone = model.tests(model.model.fit(values[women]))["nonlinear"]
    assert found.f == pytest.approx(alone.f)
    assert (found.df_2, alone.df_2) == (500 - 8, women.sum() - 4)


@pytest.mark.parametrize(
    ("shape", "significant"),
    [
        (lambda age, sex: 0 * age + 3 * sex, set()),
        (lambda age, sex: 0.05 * age + 3 * sex, {"age"}),
        (lambda age, sex: 0.08 * age * sex, {"age", "interaction"}),
        (
            lambda age, sex: (age - 55) ** 2 / 400 + 3 * sex,
            {"age", "nonlinear", "nonlinear_female", "nonlinear_male"},
        ),
        (
            lambda age, sex: np.where(sex == 1, (age - 55) ** 2 / 300, 0),
            {"age", "nonlinear", "nonlinear_male", "interaction"},
        ),
    ],
    ids=["flat", "line", "diverging lines", "curve", "curve in men"],
)
def test_each_shape_is_detected_by_the_corresponding_test(shape, significant):
    ages, sex, random = patients(7)
    model = model_of(ages, sex)

    found = model.tests(model.model.fit(shape(ages, sex) + (0.5 + ages / 100) * random.standard_normal(500)))

    assert {term for term, test in found.items() if test.log10_p < -4} == significant
    assert all(test.log10_p > -2 for term, test in found.items() if term not in significant)


def test_covariates_determined_by_age_are_reported():
    ages, sex, random = patients(3)
    height = random.standard_normal(500)

    assert model_of(ages, sex, covariates=np.column_stack([height, 2020 - ages])).explained
    assert not model_of(ages, sex, covariates=np.column_stack([height, np.arange(500) == 3])).explained
    assert not model_of(np.where(ages < 50, 40.0, 60.0), sex).defined


def rejections(samples, test, n=200):
    return np.mean([test(*patients(seed, n)) < np.log10(0.05) for seed in range(samples)])


@pytest.mark.parametrize("samples", [200, pytest.param(1000, marks=pytest.mark.exhaustive)])
def test_the_error_rate_is_nominal_if_the_spread_increases_with_age(samples):
    # standard error of the proportion of 200 samples: .015
    def log10_p(ages, sex, random):
        model = model_of(ages, sex)
        values = (1 + 3 * (ages - 18) / 82) * random.standard_normal(len(ages))
        return model.tests(model.model.fit(values))["age"].log10_p

    assert 0.02 <= rejections(samples, log10_p) <= 0.09


@pytest.mark.parametrize("samples", [200, pytest.param(1000, marks=pytest.mark.exhaustive)])
def test_the_error_rate_is_nominal_with_four_scans_per_patient(samples):
    # 60 patients with 4 scans within 4 years; intraclass correlation .85
    def log10_p(ages, sex, random, naive=False):
        people = np.arange(len(ages)) // 4
        age = ages[people * 4] + random.uniform(0, 4, len(ages))
        shared = random.standard_normal(len(ages))[people]
        values = np.sqrt(0.85) * shared + np.sqrt(0.15) * random.standard_normal(len(ages))
        numbers = np.arange(len(ages)) if naive else people
        model = age_model(age, ("all",), np.zeros(len(ages), dtype=int), numbers, line_knots(KNOTS))
        return model.model.fit(values).estimate(model.window(30, 80)["all"], 0.95).log10_p

    assert 0.02 <= rejections(samples, log10_p, 240) <= 0.09
    assert rejections(samples, lambda *drawn: log10_p(*drawn, naive=True), 240) > 0.2


def test_differences_of_logarithms_are_shown_in_percent():
    found = in_percent(LinearEstimate(np.log(0.9), 0.1, 50, np.log(0.8), 0.0, -1.0))

    assert found == pytest.approx((-10, -20, 0))
    assert np.isnan(in_percent(LinearEstimate())).all()

"""Tests of agreement of effects of age with R, on data that describe no patients.

SOURCE: R 4.2.2 with sandwich 3.0-2 (HC3), clubSandwich 0.5.8 (CR2, Satterthwaite, HTZ), and rms 6.5-0 (restricted cubic
splines); the tolerance is the precision with which the values were recorded.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ctpop.stats.age_effects import BOTH, age_model, in_percent, knots_in_use, line_knots
from ctpop.stats.body_size import allometric_model, correlations_with_height, volume_index
from ctpop.stats.design import Covariate, indicators
from ctpop.stats.linear_model import linear_model
from ctpop.stats.splines import bends, natural_basis, steps

DATA = Path(__file__).parent / "statistics2"
CROSS = pd.read_csv(DATA / "cross.csv")
REPEATS = pd.read_csv(DATA / "repeats.csv")
AGES = CROSS["age"].to_numpy(dtype=float)
MALE = CROSS["sex"].eq("male").to_numpy(dtype=int)
PERSONS = np.arange(len(CROSS))
KNOTS = np.array([25.0, 45.0, 65.0, 85.0])
PATIENTS = pd.factorize(REPEATS["patient"])[0]


def outcome(table, name):
    values = table[name].to_numpy(dtype=float)
    return np.log(values) if name.startswith("vol") else values


def categories(name):
    return indicators(Covariate(name, pd.factorize(CROSS[name], sort=True)[0].astype(float), of_kinds=True))


def covariates_of(name):
    """Return the columns of height, tube voltage, and scanner: the logarithm of height for volumes."""
    height = CROSS["height_cm"].to_numpy()
    return np.column_stack([np.log(height) if name == "vol" else height, categories("kvp"), categories("scanner")])


def model_of(form, covariates=None):
    return age_model(AGES, BOTH, MALE, PERSONS, KNOTS if form == "spline" else line_knots(KNOTS), covariates)


def effect(name, form, sex, window=(30.0, 80.0), covariates=None):
    model = model_of(form, covariates)
    return model.model.fit(outcome(CROSS, name)).estimate(model.window(*window)[sex], 0.95)


def same(found, expected, rel=1e-6):
    assert found == pytest.approx(expected, rel=rel)


def numbers(found):
    return [found.estimate, found.error, found.ci_low, found.ci_high]


def test_the_crude_slope_without_sex_is_that_of_r():
    model = age_model(AGES, ("all",), np.zeros(300, dtype=int), PERSONS, line_knots(KNOTS))

    found = model.model.fit(outcome(CROSS, "hu")).estimate(model.window(30, 80)["all"], 0.95)

    same(numbers(found), [-5.587175481, 0.265505837, -6.109679421, -5.064671541])


@pytest.mark.parametrize(
    ("name", "sex", "expected"),
    [
        ("hu", "female", [-5.280631062, 0.402395781, -6.072550277, -4.488711848]),
        ("hu", "male", [-6.154563491, 0.345161181, -6.833844398, -5.475282583]),
        ("hu", "standardized", [-5.717597277, 0.265074804, -6.239267333, -5.195927220]),
        ("hu", "difference", [-0.873932429, 0.530149607, -1.917272542, 0.169407685]),
        ("vol", "female", [-0.067821790, 0.007815524, -0.083202826, -0.052440754]),
        ("vol", "male", [-0.042006642, 0.007479809, -0.056726986, -0.027286298]),
        ("vol", "standardized", [-0.054914216, 0.005409019, -0.065559224, -0.044269208]),
        ("vol", "difference", [0.025815148, 0.010818039, 0.004525132, 0.047105164]),
    ],
)
def test_slopes_by_sex_are_those_of_r(name, sex, expected):
    found = effect(name, "line", sex)

    same(numbers(found), expected)
    assert found.df == 296


@pytest.mark.parametrize(
    ("name", "sex", "expected"),
    [
        ("hu", "female", [-5.493082598, 0.394527334, -6.269571395, -4.716593801]),
        ("hu", "male", [-6.201078782, 0.363222914, -6.915955797, -5.486201766]),
        ("hu", "standardized", [-5.847080690, 0.271631339, -6.381691788, -5.312469592]),
        ("hu", "difference", [-0.707996184, 0.529179618, -1.749500813, 0.333508446]),
        ("vol", "standardized", [-0.041789505, 0.005172080, -0.051968932, -0.031610079]),
    ],
)
def test_adjusted_slopes_are_those_of_r(name, sex, expected):
    same(numbers(effect(name, "line", sex, covariates=covariates_of(name))), expected)


@pytest.mark.parametrize(
    ("sex", "adjusted", "expected"),
    [
        ("female", False, [-6.5573017, -7.9835505, -5.1089461]),
        ("male", False, [-4.1136588, -5.5148008, -2.6917390]),
        ("standardized", False, [-5.3433655, -6.3456421, -4.3303627]),
        ("standardized", True, [-4.0928361, -5.0641639, -3.1115703]),
    ],
)
def test_effects_on_volumes_in_percent_are_those_of_r(sex, adjusted, expected):
    same(list(in_percent(effect("vol", "line", sex, covariates=covariates_of("vol") if adjusted else None))), expected)


@pytest.mark.parametrize(
    ("name", "window", "expected"),
    [
        ("hu", (30, 80), [-5.376268093, -6.233047507, -5.804657800]),
        ("hu", (30, 50), [-5.414058361, -5.955308483, -5.684683422]),
        ("hu", (50, 70), [-6.833247990, -6.140533658, -6.486890824]),
        ("hu", (55, 75), [-5.532499134, -6.404774987, -5.968637061]),
        ("vol", (30, 80), [-0.068827396, -0.041549188, -0.055188292]),
        ("vol", (55, 75), [-0.079796474, -0.036805766, -0.058301120]),
        ("hu_break", (30, 80), [-17.621980417, -9.571941271, -13.596960844]),
        ("hu_break", (30, 50), [-9.505433757, -9.151061178, -9.328247468]),
        ("hu_break", (55, 75), [-23.753210818, -9.766347640, -16.759779229]),
        ("vol_u", (30, 50), [0.090146422, 0.100470449, 0.095308435]),
        ("vol_u", (55, 75), [-0.105869117, -0.080247241, -0.093058179]),
    ],
)
def test_effects_of_splines_in_age_ranges_are_those_of_r(name, window, expected):
    found = [effect(name, "spline", sex, window).estimate for sex in (*BOTH, "standardized")]

    same(found, expected)


@pytest.mark.parametrize(
    ("name", "window", "error"),
    [
        ("hu", (30, 80), 0.289817213),
        ("hu", (55, 75), 0.542493882),
        ("vol", (30, 80), 0.005941413),
        ("vol", (55, 75), 0.011965359),
        ("hu_break", (30, 80), 0.447592284),
        ("vol_u", (30, 50), 0.011450083),
    ],
)
def test_standard_errors_of_splines_are_those_of_r(name, window, error):
    found = effect(name, "spline", "standardized", window)

    same(found.error, error)
    assert found.df == 292


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hu", [101.557717110, 0.936067911, 1.648610054]),
        ("vol", [18.639578747, 0.590319906, 2.398866818]),
        ("hu_break", [213.733447283, 12.449666817, 31.309953475]),
        ("vol_u", [20.762703770, 24.985503815, 0.949631282]),
    ],
)
def test_tests_of_curves_are_those_of_r(name, expected):
    model = model_of("spline")
    found = model.tests(model.model.fit(outcome(CROSS, name)))

    same([found[term].f for term in ("age", "nonlinear", "interaction")], expected)
    assert [(found[term].df_1, found[term].df_2) for term in ("age", "nonlinear")] == [(6, 292), (4, 292)]


def test_p_values_of_curves_are_those_of_r():
    model = model_of("spline")
    found = model.tests(model.model.fit(outcome(CROSS, "hu_break")))

    same([10 ** found[term].log10_p for term in ("age", "nonlinear")], [1.06360001e-103, 2.30767418e-09])


def test_the_standard_knots_are_used_for_these_ages():
    assert knots_in_use(AGES, KNOTS).tolist() == KNOTS.tolist()


def test_the_difference_between_the_sexes_at_50_years_is_that_of_r():
    model = model_of("line")

    found = in_percent(model.model.fit(outcome(CROSS, "vol")).estimate(model.difference_at(50.0), 0.95))

    same(list(found), [56.538046, 49.675409, 63.715337])


@pytest.mark.parametrize(
    ("name", "estimate", "error", "p"),
    [("hu", -5.806175361, 0.824044397, 5.93440e-9), ("vol", -0.035136413, 0.011497342, 3.64081e-3)],
)
def test_slopes_with_repeated_scans_are_those_of_clubsandwich(name, estimate, error, p):
    decades = (REPEATS["age"].to_numpy() - 50) / 10
    columns = np.column_stack([np.ones(240), decades, REPEATS["sex"].eq("male")])

    clustered = linear_model(columns.astype(float), PATIENTS).fit(outcome(REPEATS, name)).estimate(np.eye(3)[1], 0.95)

    same([clustered.estimate, clustered.error, clustered.df], [estimate, error, 48.495492477])
    same(10**clustered.log10_p, p, 1e-5)


@pytest.mark.parametrize(("name", "error"), [("hu", 0.488966244), ("vol", 0.006929349)])
def test_slopes_with_repeated_scans_as_different_patients_have_the_hc3_error_of_r(name, error):
    decades = (REPEATS["age"].to_numpy() - 50) / 10
    columns = np.column_stack([np.ones(240), decades, REPEATS["sex"].eq("male")]).astype(float)

    same(linear_model(columns, np.arange(240)).fit(outcome(REPEATS, name)).estimate(np.eye(3)[1], 0.95).error, error)


@pytest.mark.parametrize(
    ("name", "age", "nonlinear"),
    [("hu", 27.63892006, 0.002494099667), ("vol", 5.802797804, 0.02281828164)],
)
def test_tests_of_curves_with_repeated_scans_are_those_of_clubsandwich(name, age, nonlinear):
    knots = np.array([30.0, 50.0, 70.0])
    basis = natural_basis(REPEATS["age"].to_numpy(), knots)
    male = REPEATS["sex"].eq("male").to_numpy(dtype=float)[:, np.newaxis]
    fit = linear_model(np.column_stack([basis, male]), PATIENTS).fit(outcome(REPEATS, name))

    curve, bend = (
        fit.test(np.column_stack([contrasts, np.zeros(len(contrasts))])) for contrasts in (steps(knots), bends(knots))
    )

    same([curve.f, curve.df_1, curve.df_2], [age, 2, 39.59133815])
    same([bend.f, bend.df_1, bend.df_2], [nonlinear, 1, 48.59354909])


def test_the_interaction_of_volumes_depends_on_the_scale():
    model = model_of("line")
    in_ml = model.model.fit(CROSS["vol"].to_numpy(dtype=float)).estimate(model.window(30, 80)["difference"], 0.95)

    same([in_ml.estimate, in_ml.error], [-0.198573771, 2.082497939])
    assert 10**in_ml.log10_p > 0.9
    assert 10 ** effect("vol", "line", "difference").log10_p < 0.02


def test_an_equal_percentage_decline_is_an_interaction_only_in_ml():
    ages = np.tile(np.arange(20.0, 90.0), 2)
    sex = np.repeat([0, 1], 70)
    model = age_model(ages, BOTH, sex, np.arange(140), line_knots(KNOTS))
    volumes = np.exp(np.log(150) + 0.3 * sex - 0.05 * (ages - 50) / 10)
    difference = model.window(30, 80)["difference"]

    same(difference @ model.model.fit(volumes).coefficients, -2.5734234936)
    assert abs(difference @ model.model.fit(np.log(volumes)).coefficients) < 1e-12


def test_the_allometric_exponent_is_that_of_r():
    heights = CROSS["height_cm"].to_numpy()
    others = np.column_stack([MALE, (AGES - 50) / 10])
    fit = allometric_model(CROSS["vol"].to_numpy(dtype=float), heights, others, PERSONS)

    found, square = (fit.estimate(np.eye(4)[1], 0.95, null) for null in (0.0, 2.0))
    same(numbers(found), [2.325471906, 0.273322634, 1.787570030, 2.863373782])
    same(10**square.log10_p, 0.234687149)
    same([fit.coefficients[2], fit.coefficients[3]], [0.278901127, -0.042822528])
    same(fit.estimate(np.eye(4)[3], 0.95).error, 0.005052997)


@pytest.mark.parametrize(
    ("sex", "expected"),
    [(0, [0.525700888, 0.199766780, 0.135881445]), (1, [0.411251738, 0.090970627, 0.031209930])],
    ids=["women", "men"],
)
def test_correlations_of_height_with_indices_are_those_of_r(sex, expected):
    of_sex = CROSS[sex == MALE]

    found = correlations_with_height(of_sex["vol"].to_numpy(float), of_sex["height_cm"].to_numpy(), 2.325471906)

    same([found.volume, found.index, found.exponent_index], expected)


def test_the_index_and_its_slope_are_those_of_r():
    index = volume_index(CROSS["vol"].to_numpy(dtype=float), CROSS["height_cm"].to_numpy())
    columns = np.column_stack([np.ones(300), MALE, AGES / 10])

    found = linear_model(columns, PERSONS).fit(np.log(index)).estimate(np.eye(3)[2], 0.95)

    same(index[0], 34.0412797277)
    same([found.estimate, found.error], [-0.044223140, 0.004843207])

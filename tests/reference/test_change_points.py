"""Change points agree with R: segmented 1.6-2, sandwich 3.0-2, and rms 6.5-0."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ctpop.stats.age_spline import fit_spline
from ctpop.stats.change_point_limits import drawn_lines, two_lines
from ctpop.stats.change_points import (
    bic,
    grid_of,
    hinges,
    outcome_of,
    profile_of,
    residuals_of,
    score_test,
)

DATA = Path(__file__).with_name("statistics2")
KNOTS = np.array([25.0, 45.0, 65.0, 85.0])


def of_sex(sex, measure):
    table = pd.read_csv(DATA / "cross.csv").query("sex == @sex")
    return table["age"].to_numpy(dtype=float), table[measure].to_numpy(dtype=float)


def models_of(ages, values, patients=None, seed=1):
    """Return the profile, the score, P, the three criteria, and the outcome, without covariates."""
    n = len(ages)
    patients = np.arange(n) if patients is None else patients
    line, grid = np.column_stack([np.ones(n), ages]), grid_of(ages)
    bent = hinges(ages, grid, line)
    found = profile_of(values, line, bent, grid)
    score, p = score_test(residuals_of(values, line), bent, patients, np.random.default_rng(seed))
    spline = fit_spline(values, ages, np.empty((n, 0)), patients, KNOTS)
    rss = (found.rss_line, 3), (found.rss, 5), (spline.rss, 5)
    bics = [bic(each, n, len(np.unique(patients)), parameters) for each, parameters in rss]
    return found, score, p, bics, outcome_of(p, found, *bics)


def test_women_have_a_break_or_a_curve():
    ages, values = of_sex("female", "hu_break")

    found, score, p, bics, outcome = models_of(ages, values)

    assert (found.grid[0], found.grid[-1], found.age) == (28.5, 83.0, 43.5)
    assert score == pytest.approx(28.7405974861, rel=1e-9)
    assert found.grid[np.argmax(scores_by_age(ages, values))] == 46.5
    assert p == 1 / 501
    assert bics[0] == pytest.approx(691.048631708, rel=1e-9)
    assert bics[1] == pytest.approx(656.270488075, abs=0.01)  # R: estimate of 43.3 on a grid of 0.1 years
    assert bics[2] == pytest.approx(656.425797927, rel=1e-9)
    assert outcome == "break_or_curve"


def scores_by_age(ages, values):
    line, grid = np.column_stack([np.ones(len(ages)), ages]), grid_of(ages)
    scores = hinges(ages, grid, line) * residuals_of(values, line)[:, np.newaxis]
    return scores.sum(axis=0) ** 2 / (scores**2).sum(axis=0)


def test_the_two_lines_agree_with_segmented():
    ages, values = of_sex("female", "hu_break")
    line = np.column_stack([np.ones(len(ages)), ages])
    psi = 43.324925401

    coefficients = two_lines(values, line, psi)

    rss = np.sum((values - np.column_stack([line, np.maximum(ages - psi, 0)]) @ coefficients) ** 2)
    assert rss == pytest.approx(20300.861894, rel=1e-9)
    assert coefficients[1] == pytest.approx(-0.288184807, rel=1e-6)
    assert coefficients[1] + coefficients[2] == pytest.approx(-2.267536974, rel=1e-6)


def test_the_interval_of_the_age_includes_the_f_interval_and_is_not_much_wider():
    ages, values = of_sex("female", "hu_break")
    line = np.column_stack([np.ones(len(ages)), ages])

    drawn = drawn_lines(values, line, np.arange(len(ages)), grid_of(ages), np.random.default_rng(1))

    low, high = np.quantile(drawn[:, 0], [0.025, 0.975])
    assert 32 <= low <= 38.5  # score interval 36.375 to 50.956, F interval 38.5 to 48.8
    assert 48.8 <= high <= 53


def test_men_have_no_break():
    found, score, p, bics, outcome = models_of(*of_sex("male", "hu_break"))

    assert found.age == 75.0
    assert score == pytest.approx(0.862688768, rel=1e-8)
    assert p > 0.5
    assert bics[:2] == pytest.approx([913.287565, 922.368873], abs=1e-6)
    assert outcome == "no_break"


def test_an_estimate_at_the_end_of_the_grid_is_no_break():
    found, score, p, bics, outcome = models_of(*of_sex("female", "hu"))

    assert found.age == found.grid[-1] == 83.0
    assert score == pytest.approx(3.111389096, rel=1e-9)
    assert bics[:2] == pytest.approx([547.244074529, 547.131676871], rel=1e-9)
    assert p > 0.01
    assert outcome == "no_break"
    assert outcome_of(0.002, found, *bics) == "no_break"


def test_the_derivative_agrees_with_rms_and_sandwich():
    ages, values = of_sex("female", "hu_break")
    spline = fit_spline(values, ages, np.empty((len(ages), 0)), np.arange(len(ages)), KNOTS)

    slope, low, high = spline.derivative(np.array([30.0, 45.0, 60.0]), 0.95)

    half = 1.979930405 * np.array([2.835388425, 1.301351040, 2.055956036])  # t quantile with 120 degrees of freedom
    assert 10 * slope == pytest.approx([-1.604421314, -14.568008275, -25.244208950], abs=1e-4)
    assert 10 * (high - slope) == pytest.approx(half, abs=1e-4)
    assert 10 * (slope - low) == pytest.approx(half, abs=1e-4)


def simulated(random, n, law, spread=40.0):
    """Return ages and values: a hinge at 42 years (-2, then -27 HU per decade) or a straight line."""
    ages = np.floor(random.uniform(18, 100, n))
    bent = -0.2 * np.minimum(ages - 42, 0) - 2.7 * np.maximum(ages - 42, 0)
    return ages, (bent if law == "hinge" else -2.2 * ages) + spread * random.standard_normal(n)


def test_a_hinge_of_1461_women_is_found_and_a_line_of_2543_men_is_not():
    random = np.random.default_rng(43)
    women = [models_of(*simulated(random, 1461, "hinge")) for _ in range(40)]
    men = [models_of(*simulated(random, 2543, "line")) for _ in range(40)]

    found = [outcome in {"break", "break_or_curve"} for *_, outcome in women]
    assert np.mean(found) >= 0.85
    assert 41 <= np.median([profile.age for profile, *_ in women]) <= 43
    assert np.mean([outcome == "no_break" for *_, outcome in men]) >= 0.98


def test_the_type_i_error_with_three_scans_per_patient_is_nominal():
    random = np.random.default_rng(44)
    patients = np.repeat(np.arange(150), 3)
    found = []
    for _ in range(200):
        ages = random.uniform(18, 95, 150)[patients] + random.uniform(0, 3, 450)
        values = -1.2 * ages + 13 * random.standard_normal(150)[patients] + 5 * random.standard_normal(450)
        found.append([models_of(ages, values, each)[2] < 0.05 for each in (patients, np.arange(450))])

    by_patient, independent = np.mean(found, axis=0)
    assert by_patient <= 0.08
    assert independent > 0.2  # the test detects an analysis that ignores repeated scans

"""Change points: equal to plain loops, unaffected by scale and order, and defined for degenerate data."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctpop.stats.change_point_limits import drawn_lines, two_lines
from ctpop.stats.change_points import bic, grid_of, hinges, outcome_of, profile_of, residuals_of, score_test


def a_sample(n=160, seed=0, per_patient=1, noise=10.0):
    random = np.random.default_rng(seed)
    ages = random.uniform(20, 90, n).round(1)
    others = random.standard_normal((n, 2))
    values = 50 + others @ [3.0, -2.0] - 1.5 * np.maximum(ages - 50, 0) + noise * random.standard_normal(n)
    columns = np.column_stack([np.ones(n), ages, others])
    return ages, columns, values, np.repeat(np.arange(n // per_patient), per_patient)


def test_the_profile_equals_a_least_squares_fit_at_each_age():
    ages, columns, values, _ = a_sample()
    grid = grid_of(ages)

    found = profile_of(values, columns, hinges(ages, grid, columns), grid)

    for age, gain in list(zip(grid, found.gain, strict=True))[::10]:
        bent = np.column_stack([columns, np.maximum(ages - age, 0)])
        left = values - bent @ np.linalg.lstsq(bent, values)[0]
        assert found.rss_line - gain == pytest.approx(left @ left, rel=1e-10)


@pytest.mark.parametrize("per_patient", [1, 4])
def test_bootstrap_samples_equal_fits_to_the_drawn_scans(per_patient):
    ages, columns, values, patients = a_sample(per_patient=per_patient)
    grid, random = grid_of(ages), np.random.default_rng(5)

    found = drawn_lines(values, columns, patients, grid, np.random.default_rng(5), 12)

    for drawn in found:
        numbers = random.integers(0, patients.max() + 1, patients.max() + 1)
        rows = np.concatenate([np.flatnonzero(patients == number) for number in numbers])
        there = columns[rows]
        age = profile_of(values[rows], there, hinges(ages[rows], grid, there), grid).age
        coefficients = two_lines(values[rows], there, age)
        assert drawn == pytest.approx([age, coefficients[1], coefficients[1] + coefficients[-1]], rel=1e-8)


def test_the_score_equals_a_plain_loop_over_patients():
    ages, columns, values, patients = a_sample(per_patient=4)
    grid = grid_of(ages)
    bent, residuals = hinges(ages, grid, columns), residuals_of(values, columns)

    score, _ = score_test(residuals, bent, patients, np.random.default_rng(1))

    expected = 0.0
    for column in bent.T:
        sums = [np.sum(column[patients == number] * residuals[patients == number]) for number in set(patients)]
        expected = max(expected, np.sum(sums) ** 2 / np.sum(np.square(sums)))
    assert score == pytest.approx(expected, rel=1e-10)


def test_the_same_seed_yields_the_same_p_value():
    ages, columns, values, patients = a_sample(noise=200.0)
    bent, residuals = hinges(ages, grid_of(ages), columns), residuals_of(values, columns)

    first, second = (score_test(residuals, bent, patients, np.random.default_rng(9)) for _ in range(2))

    assert first == second
    assert 1 / 501 <= first[1] <= 1


def test_the_p_value_is_uniform_under_a_straight_line():
    random, found = np.random.default_rng(3), []
    for _ in range(300):
        ages = random.uniform(20, 90, 120)
        columns = np.column_stack([np.ones(120), ages])
        values = -ages + (2 + 0.2 * (ages - 20)) * random.standard_normal(120)  # the spread grows with age
        bent = hinges(ages, grid_of(ages), columns)
        found.append(score_test(residuals_of(values, columns), bent, np.arange(120), random, 200)[1])

    assert 0.02 <= np.mean(np.array(found) < 0.05) <= 0.09
    assert 0.4 <= np.mean(np.array(found) < 0.5) <= 0.6


@settings(max_examples=25, deadline=None)
@given(st.floats(0.1, 100), st.floats(-500, 500), st.integers(0, 1000))
def test_the_age_does_not_depend_on_the_scale_or_the_order(scale, shift, seed):
    ages, columns, values, _ = a_sample(80, seed)
    grid, order = grid_of(ages), np.random.default_rng(seed).permutation(80)

    first = profile_of(values, columns, hinges(ages, grid, columns), grid)
    moved = columns[order]
    second = profile_of(scale * values[order] + shift, moved, hinges(ages[order], grid, moved), grid)

    assert second.gain == pytest.approx(scale**2 * first.gain, rel=1e-6, abs=1e-6 * scale**2 * first.rss_line)


def test_two_ages_have_no_score():
    ages = np.repeat([30.0, 60.0], 30)
    columns = np.column_stack([np.ones(60), ages])
    values = np.random.default_rng(1).standard_normal(60)
    grid = grid_of(ages)
    bent = hinges(ages, grid, columns)

    assert not bent.any()
    assert profile_of(values, columns, bent, grid).gain.max() == 0
    assert np.isnan(score_test(residuals_of(values, columns), bent, np.arange(60), np.random.default_rng(1))).all()


def test_a_category_that_is_absent_from_a_bootstrap_sample_does_not_change_the_others():
    ages, _, values, patients = a_sample()
    rare = np.zeros(160)
    rare[:2] = 1
    columns = np.column_stack([np.ones(160), ages, rare])

    found = drawn_lines(values, columns, patients, grid_of(ages), np.random.default_rng(2), 40)

    assert np.isfinite(found).all()
    assert np.median(found[:, 0]) == pytest.approx(50, abs=5)


def test_repeated_scans_do_not_add_to_the_criterion():
    values = np.random.default_rng(1).standard_normal(40)
    rss = float(values @ values)

    assert bic(3 * rss, 120, 40, 3) == pytest.approx(bic(rss, 40, 40, 3), rel=1e-12)


@pytest.mark.parametrize(
    ("p", "bics", "expected"),
    [
        (0.01, (10, 0, 20), "no_break"),
        (np.nan, (10, 0, 20), "no_break"),
        (0.002, (10, 11, 0), "no_break"),
        (0.002, (10, 5, 2.9), "smooth_curve"),
        (0.002, (10, 5, 3), "break_or_curve"),
        (0.002, (10, 5, 7), "break_or_curve"),
        (0.002, (10, 5, 7.1), "break"),
    ],
)
def test_the_outcome_follows_the_order_of_the_rules(p, bics, expected):
    ages, columns, values, _ = a_sample()
    grid = grid_of(ages)
    found = profile_of(values, columns, hinges(ages, grid, columns), grid)

    assert outcome_of(p, found, *bics) == expected

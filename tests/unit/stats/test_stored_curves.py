"""Effects that are computed from stored age curves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctpop.stats.splines import natural_basis
from ctpop.stats.stored_curves import StoredCurve, common_sex, effect_of, matrix_of, percent_of

KNOTS = np.array([25.0, 45.0, 65.0, 85.0])
heights = st.lists(st.floats(-100, 100), min_size=4, max_size=4).map(np.array)
windows = st.tuples(st.floats(18, 50), st.floats(51, 100))


def curve(values, sexes=("all",), covariance=None):
    size = len(values)
    return StoredCurve(sexes, KNOTS, np.asarray(values), np.eye(size) if covariance is None else covariance, 90.0)


@given(heights, windows)
@settings(deadline=None)  # the first call imports patsy
def test_the_effect_is_the_difference_of_the_curve_per_decade(values, window):
    low, high = natural_basis(np.array(window), KNOTS) @ values

    found = effect_of(curve(values), "all", window)

    assert found.value == pytest.approx((high - low) / ((window[1] - window[0]) / 10), abs=1e-9)
    assert found.df == 90


@given(st.floats(-20, 20), windows)
@settings(deadline=None)  # the first call imports patsy
def test_a_straight_line_has_the_same_effect_in_all_windows(slope, window):
    straight = slope * KNOTS / 10
    line = StoredCurve(("all",), KNOTS[[0, 3]], straight[[0, 3]], np.eye(2), 90.0)

    assert effect_of(curve(straight), "all", window).value == pytest.approx(slope, abs=1e-9)
    assert effect_of(line, "all", window).value == pytest.approx(slope, abs=1e-9)
    assert (curve(straight).form, line.form) == ("spline", "line")


@given(heights, heights, windows)
@settings(deadline=None)  # the first call imports patsy
def test_the_standardized_effect_is_the_mean_of_both_sexes(women, men, window):
    random = np.random.default_rng(0)
    root = random.normal(size=(8, 8))
    both = curve(np.concatenate([women, men]), ("female", "male"), root @ root.T)

    found = {sex: effect_of(both, sex, window) for sex in ("female", "male", "standardized")}

    assert found["standardized"].value == pytest.approx((found["female"].value + found["male"].value) / 2, abs=1e-9)
    step = np.diff(natural_basis(np.array(window), KNOTS), axis=0)[0] / ((window[1] - window[0]) / 10)
    contrast = np.concatenate([step, step]) / 2
    assert found["standardized"].error ** 2 == pytest.approx(contrast @ root @ root.T @ contrast, rel=1e-6)


def test_a_sex_without_a_curve_is_an_error():
    with pytest.raises(KeyError):
        effect_of(curve(np.zeros(4), ("female",)), "male", (30, 80))


@pytest.mark.parametrize(
    ("sexes", "common"),
    [
        ([("female", "male")] * 3, "standardized"),
        ([("female", "male"), ("female",)], "female"),
        ([("all",), ("all",)], "all"),
        ([("all",), ("female", "male")], ""),
        ([("female",), ("male",)], ""),
    ],
)
def test_the_common_sex(sexes, common):
    assert common_sex(sexes) == common


@given(st.integers(1, 6))
def test_a_matrix_is_restored_from_its_upper_triangle(size):
    root = np.random.default_rng(size).normal(size=(size, size))
    matrix = root @ root.T

    np.testing.assert_array_equal(matrix_of(matrix[np.triu_indices(size)]), (matrix + matrix.T) / 2)


def test_an_incomplete_triangle_is_an_error():
    with pytest.raises(ValueError, match="4 values are not the upper triangle"):
        matrix_of(np.zeros(4))


def test_percent_of_a_slope():
    assert percent_of(np.log(0.9)) == pytest.approx(-10)

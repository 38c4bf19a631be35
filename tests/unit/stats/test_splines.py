"""Natural splines, whose coefficients are the heights of the curve at its knots."""

import numpy as np
import pytest

from ctpop.stats.splines import bends, natural_basis, steps

KNOTS = np.array([25.0, 45.0, 65.0, 90.0])


def test_coefficients_of_the_basis_are_heights_at_the_knots():
    np.testing.assert_allclose(natural_basis(KNOTS, KNOTS), np.eye(4), atol=1e-12)
    assert natural_basis(np.linspace(0, 120, 9), KNOTS).sum(axis=1) == pytest.approx(1)


def test_the_spline_is_straight_beyond_its_outer_knots():
    heights = np.array([1.0, 5.0, 2.0, 7.0])
    for beyond in (np.array([0.0, 10.0, 20.0]), np.array([95.0, 105.0, 115.0])):
        assert np.diff(natural_basis(beyond, KNOTS) @ heights, n=2) == pytest.approx(0, abs=1e-10)


def test_a_basis_with_two_knots_is_a_straight_line():
    heights = np.array([1.0, 5.0])
    line = natural_basis(np.array([5.0, 25.0, 35.0, 45.0, 65.0]), KNOTS[:2]) @ heights

    assert line == pytest.approx([-3, 1, 3, 5, 9])


def test_a_line_has_no_bends_and_a_constant_has_no_steps():
    assert bends(KNOTS) @ (3 - 0.5 * KNOTS) == pytest.approx(0, abs=1e-12)
    assert steps(KNOTS) @ np.full(4, 8.0) == pytest.approx(0, abs=1e-12)
    assert np.abs(bends(KNOTS) @ KNOTS**2).min() > 1
    assert bends(KNOTS[:2]).shape == (0, 2)

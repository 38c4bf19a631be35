"""Allometric exponents and indices of volume and height."""

import numpy as np
import pytest

from ctpop.stats.body_size import allometric_model, correlations_with_height, volume_index


def a_sample(exponent, seed=0, n=400):
    random = np.random.default_rng(seed)
    men = random.integers(0, 2, n)
    heights = 163 + 12 * men + 6 * random.standard_normal(n)
    decades = random.uniform(-3, 4, n)
    volumes = 150 * (heights / 170) ** exponent * np.exp(0.1 * men - 0.05 * decades + 0.1 * random.standard_normal(n))
    return volumes, heights, np.column_stack([men, decades])


@pytest.mark.parametrize("exponent", [0, 1, 2, 3])
def test_the_true_exponent_is_in_the_interval(exponent):
    volumes, heights, others = a_sample(exponent)

    found = allometric_model(volumes, heights, others, np.arange(400)).estimate(np.eye(4)[1], 0.99)

    assert found.ci_low < exponent < found.ci_high < found.ci_low + 1


def test_the_exponent_does_not_depend_on_units():
    volumes, heights, others = a_sample(2)

    first = allometric_model(volumes, heights, others, np.arange(400))
    second = allometric_model(volumes / 1000, heights / 2.54, others, np.arange(400))

    assert second.coefficients[1:] == pytest.approx(first.coefficients[1:])


def test_an_index_with_the_true_exponent_is_independent_of_height():
    volumes, heights, _ = a_sample(2)
    noiseless = 150 * (heights / 170) ** 2 * np.exp(0.1 * np.resize([-1, 1], 400))

    found = correlations_with_height(noiseless, heights, 2.0)

    assert found.volume > 0.4
    assert abs(found.index) < 0.1
    assert found.exponent_index == found.index
    assert correlations_with_height(volumes, heights, 4.0).exponent_index < -0.1


def test_the_unit_of_an_index_is_ml_per_power_of_m():
    assert volume_index(np.array([300.0, 90.0]), np.array([200.0, 150.0])).tolist() == [75, 40]
    assert volume_index(np.array([300.0]), np.array([200.0]), 0.0).tolist() == [300]


def test_equal_heights_have_no_correlation_and_no_exponent():
    heights = np.full(50, 170.0)
    volumes = np.arange(50.0) + 1

    fit = allometric_model(volumes, heights, np.empty((50, 0)), np.arange(50))

    assert np.isnan(fit.estimate(np.eye(2)[1], 0.95).estimate)
    assert np.isnan(correlations_with_height(volumes, heights, 2.0).index)

"""Weights for a uniform age distribution."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctpop.stats.weights import effective_number, uniform_weights


@given(st.lists(st.floats(20, 80), min_size=1, max_size=60).map(np.array))
def test_weights_give_each_age_range_its_share(ages):
    edges = np.array([20.0, 40.0, 50.0, 80.0])
    weights = uniform_weights(ages, edges)
    ranges = [(20, 40), (40, 50), (50, 80.0001)]
    inside = [(ages >= low) & (ages < high) for low, high in ranges]

    assert (weights is None) == (not all(part.any() for part in inside))
    if weights is not None:
        shares = [weights[part].sum() / weights.sum() for part in inside]
        assert shares == pytest.approx([1 / 3, 1 / 6, 1 / 2])
        assert weights.mean() == pytest.approx(1)
        assert effective_number(weights) <= len(ages) + 1e-9


def test_ages_outside_the_ranges_have_no_weight():
    weights = uniform_weights(np.array([10.0, 25.0, 35.0, 90.0]), np.array([20.0, 30.0, 40.0]))

    assert weights.tolist() == [0, 1, 1, 0]
    assert effective_number(np.zeros(3)) == 0

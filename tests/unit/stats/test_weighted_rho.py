"""Spearman's rho with weights and several scans per patient."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ctpop.stats.correlation import spearman
from ctpop.stats.weighted_rho import effective_number, uniform_weights, weighted_spearman

pairs = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=8, max_size=40)


def arrays(drawn):
    return tuple(np.array(values, dtype=float) for values in zip(*drawn, strict=True))


@given(pairs)
def test_equal_weights_and_one_scan_per_patient_give_the_unweighted_result(drawn):
    x, y = arrays(drawn)
    expected = spearman(x, y, 0.95)
    assume(not math.isnan(expected.ci_low))

    found = weighted_spearman(x, y, np.full(len(x), 3.0), np.arange(len(x)), 0.95)

    assert (found.rho, found.ci_low, found.ci_high) == pytest.approx(
        (expected.rho, expected.ci_low, expected.ci_high), rel=1e-9, abs=1e-12
    )
    assert found.log10_p_rho0 == pytest.approx(expected.log10_p_rho0, rel=1e-6, abs=1e-9)


@given(pairs, st.lists(st.integers(1, 3), min_size=40, max_size=40))
def test_a_weight_is_equivalent_to_repeated_scans_of_the_patient(drawn, times):
    x, y = arrays(drawn)
    count = np.array(times[: len(x)])
    weighted = weighted_spearman(x, y, count.astype(float), np.arange(len(x)), 0.95)
    again = np.repeat(np.arange(len(x)), count)

    repeated = weighted_spearman(x[again], y[again], np.ones(len(again)), again, 0.95)

    assert (weighted.rho, weighted.ci_low) == pytest.approx((repeated.rho, repeated.ci_low), nan_ok=True, abs=1e-9)


def test_duplicated_scans_of_the_same_patients_do_not_narrow_the_interval():
    random = np.random.default_rng(3)
    x = random.normal(size=60)
    y = x + random.normal(size=60)
    once = weighted_spearman(x, y, np.ones(60), np.arange(60), 0.95)

    twice = weighted_spearman(*np.tile([x, y], 2), np.ones(120), np.tile(np.arange(60), 2), 0.95)

    assert (twice.rho, twice.ci_low) == pytest.approx((once.rho, once.ci_low))


@pytest.mark.parametrize(
    ("x", "y", "patients"),
    [
        ([1, 2, 3], [1, 3, 2], [0, 1, 2]),
        ([1, 1, 1, 1, 1], [1, 2, 3, 4, 5], range(5)),
        ([1, 2, 3, 4, 5], [2, 2, 2, 2, 2], range(5)),
        ([1, 2, 3, 4, 5, 6], [1, 3, 2, 5, 4, 6], [0, 0, 1, 1, 2, 2]),
        ([], [], []),
    ],
)
def test_rho_is_missing_with_few_patients_or_equal_values(x, y, patients):
    found = weighted_spearman(*map(np.array, (x, y)), np.ones(len(x)), np.array(list(patients), dtype=int), 0.95)

    assert math.isnan(found.rho)


def test_a_perfect_order_has_no_interval():
    found = weighted_spearman(np.arange(9.0), -np.arange(9.0), np.ones(9), np.arange(9), 0.95)

    assert (found.rho, math.isnan(found.ci_low)) == (-1, True)


def test_scans_with_weight_0_are_not_used():
    random = np.random.default_rng(4)
    x, y = random.normal(size=(2, 30))
    weights = np.repeat([1.0, 0.0], 15)

    assert weighted_spearman(x, y, weights, np.arange(30), 0.95) == weighted_spearman(
        x[:15], y[:15], np.ones(15), np.arange(15), 0.95
    )


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

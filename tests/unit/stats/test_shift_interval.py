import numpy as np
import pytest

from ctpop.stats.auc_interval import auc_error, group_of
from ctpop.stats.shift import hodges_lehmann_shift
from ctpop.stats.shift_interval import shift_interval


def interval_of(younger, older, patients=(None, None)):
    shift = hodges_lehmann_shift(younger, older)
    return shift_interval(group_of(younger, patients[0]), group_of(older, patients[1]), shift, 0.95)


@pytest.mark.parametrize("rounded", [False, True])
def test_the_limits_are_ordered_differences(rounded):
    rng = np.random.default_rng(1)
    younger, older = rng.normal(0, 5, 40), rng.normal(4, 9, 55)
    if rounded:
        younger, older = younger.round(), older.round()
    shift = hodges_lehmann_shift(younger, older)
    error = auc_error(group_of(younger), group_of(older), shift)
    number = int(np.floor(40 * 55 * (0.5 - 1.959963984540054 * error)))
    differences = np.sort(np.subtract.outer(older, younger), axis=None)
    low, high = interval_of(younger, older)
    assert (low, high) == (differences[number - 1], differences[40 * 55 - number])
    assert low < shift < high


def test_the_interval_of_equal_spread_is_close_to_that_of_the_rank_sum_test():
    rng = np.random.default_rng(2)
    younger, older = rng.normal(size=200), rng.normal(0.4, 1, 200)
    usual = int(200 * 200 / 2 - 1.959963984540054 * np.sqrt(200 * 200 * 401 / 12))
    differences = np.sort(np.subtract.outer(older, younger), axis=None)
    expected = differences[usual - 1], differences[200 * 200 - usual]
    assert interval_of(younger, older) == pytest.approx(expected, abs=0.02)


def test_the_interval_moves_with_the_values():
    rng = np.random.default_rng(3)
    younger, older = rng.integers(0, 90, 30).astype(float), rng.integers(0, 90, 30).astype(float)
    low, high = interval_of(younger, older)
    assert interval_of(younger, older + 8) == (low + 8, high + 8)
    assert interval_of(-younger, -older) == (-high, -low)


def test_groups_that_are_too_small_have_no_interval():
    assert np.isnan(interval_of(np.array([1.0]), np.array([2.0, 3.0]))).all()
    assert np.isnan(interval_of(np.array([1.0, 2.0]), np.array([1.5, 3.0]))).all()


def coverage(draw, truth, samples=400):
    rng, inside = np.random.default_rng(4), 0
    for _ in range(samples):
        low, high = interval_of(*draw(rng))
        inside += low <= truth <= high
    return inside / samples


def test_coverage_with_unequal_spread_and_sizes_is_nominal():
    assert 0.92 < coverage(lambda rng: (rng.normal(size=60), rng.normal(1, 4, 20)), 1.0) < 0.98


def test_coverage_by_patient_with_four_scans_per_patient_is_nominal():
    def draw(rng):
        patients = np.repeat(np.arange(30), 4), np.repeat(np.arange(30, 60), 4)
        younger, older = (rng.normal(size=60)[part] + 0.3 * rng.normal(size=120) for part in patients)
        return younger, older + 2, patients

    assert 0.92 < coverage(draw, 2.0) < 0.98
    assert coverage(lambda rng: draw(rng)[:2], 2.0) < 0.8  # as if the scans belonged to different patients

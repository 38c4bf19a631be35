"""Tests of attenuation statistics: statistics from counts equal those of numpy from the individual values."""

import numpy as np
import pytest

from ctpop.stages.measure.attenuation import COLUMNS, PERCENTILES, of_counts, of_values, percentiles


def counted(*pairs):
    hu, counts = zip(*pairs, strict=True)
    return np.array(hu, np.int64), np.array(counts, np.int64)


def test_the_columns_have_their_public_names():
    assert COLUMNS == ("hu_mean", "hu_sd", "hu_p05", "hu_p25", "hu_p50", "hu_p75", "hu_p95", "hu_min", "hu_max")


def test_statistics_of_counts_have_known_values():
    found = dict(zip(COLUMNS, of_counts(*counted((-10, 1), (0, 2), (20, 1))), strict=True))

    assert found["hu_mean"] == 2.5
    assert found["hu_sd"] == pytest.approx(np.sqrt((12.5**2 + 2 * 2.5**2 + 17.5**2) / 4))
    assert [found[name] for name in ("hu_min", "hu_p25", "hu_p50", "hu_p75", "hu_max")] == [-10, -2.5, 0, 5, 20]
    assert found["hu_p95"] == pytest.approx(17)  # 0.85 of the interval from 0 to 20


def test_statistics_without_voxels_and_of_one_voxel():
    nothing = np.array([], np.int64)

    assert np.isnan(of_counts(nothing, nothing)).all()
    assert np.isnan(of_values(np.array([], np.float32))).all()
    assert of_counts(*counted((-87, 1))) == [-87, 0, *[-87] * 7]
    assert of_values(np.array([-87.5])) == [-87.5, 0, *[-87.5] * 7]


def test_two_billion_voxels_of_the_largest_hu_do_not_overflow():
    found = of_counts(*counted((32767, 2**31)))

    assert found[:2] == [32767, 0]


def test_a_small_standard_deviation_far_from_zero_is_exact():
    # The difference of two sums of squares would have no significant digit in double precision
    found = of_counts(*counted((32766, 10**9), (32767, 10**9)))

    assert found[:2] == [32766.5, 0.5]


@pytest.mark.parametrize("seed", range(20))
def test_percentiles_are_identical_to_those_of_numpy(seed):
    random = np.random.default_rng(seed)
    values = random.normal(0, 10 ** random.uniform(0, 4), random.integers(1, 400)).astype(np.int16)
    percents = (*random.uniform(0, 100, 20), *PERCENTILES, 0, 50, 100)

    found = percentiles(*np.unique(values.astype(np.int64), return_counts=True), percents)

    assert found == list(np.percentile(values.astype(np.float64), percents))


def test_statistics_do_not_depend_on_the_order_of_values():
    values = np.random.default_rng(1).normal(0, 100, 10_001).astype(np.float32)

    assert of_values(values) == of_values(values[::-1]) == of_values(np.sort(values))

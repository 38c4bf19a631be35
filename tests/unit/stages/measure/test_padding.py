"""Structures that end at padding are at the border of what was imaged."""

import numpy as np
import pytest

from ctpop.imaging.images import read_ct
from ctpop.stages.measure import padding
from support.studies import REPO

REAL = REPO / "tests" / "data" / "ct_abdomen" / "ct_short.nii.gz"


def noise(shape=(20, 20, 20), around=40.0):
    return np.random.default_rng(3).normal(around, 10, shape).round().astype(np.int16)


@pytest.mark.parametrize("value", [-3024, -2000, -32768])
def test_padding_below_air_is_found(value):
    hu = noise()
    hu[:2] = value

    assert padding.padding_value(hu) == value


@pytest.mark.parametrize("value", [0, 500])
def test_a_constant_filling_is_found(value):
    hu = noise((40, 40, 40))
    hu[:, :4] = value

    assert padding.padding_value(hu) == value


@pytest.mark.parametrize("background", [-1000, -1024])
def test_air_of_one_value_is_no_padding(background):
    hu = noise()
    hu[:10] = background

    assert padding.padding_value(hu) is None


def test_a_real_ct_has_no_padding():
    assert padding.padding_value(read_ct(REAL).data) is None


def test_single_voxels_below_air_are_no_padding():
    hu = noise()
    hu[0, 0, 0] = -1500

    assert padding.padding_value(hu) is None


def test_voxels_that_touch_padding_are_counted_for_each_structure():
    hu, labels = noise(), np.zeros((20, 20, 20), np.uint8)
    hu[10:] = -3024
    labels[5:10, 5:8, 5:8] = 1  # ends at the padding: 9 voxels touch it
    labels[12:14, 5:8, 5:8] = 2  # lies in it
    labels[5:9, 12:15, 12:15] = 3  # ends a voxel before it
    labels[9, 0, 0] = 3  # touches it, in the outermost layer of the image

    touching = padding.touching(labels, hu, [1, 2, 3], layers=1)

    assert [part.tolist() for part in touching] == [[9, 18, 1], [9, 18, 0]]
    assert padding.touching(labels, hu, [1, 2, 3], layers=2)[0].tolist() == [18, 18, 10]
    assert padding.touching(labels, noise(), [1], layers=1) is None

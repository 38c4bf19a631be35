"""Tests of padding: its detection, and the contact of structures with it."""

import numpy as np
import pytest
from scipy import ndimage

from ctpop.imaging.images import HOLE_HU, read_ct
from ctpop.stages.measure import padding
from support.studies import REPO

REAL = REPO / "tests" / "data" / "ct_abdomen" / "ct_short.nii.gz"


def noise(shape=(20, 20, 20), around=40.0):
    return np.random.default_rng(3).normal(around, 10, shape).round().astype(np.int16)


def padded(hu):
    """Return the proportion of voxels that are padding."""
    found = padding.padding_of(hu)
    return 0 if found is None else found.mean()


@pytest.mark.parametrize("value", [-3024, -2000, -32768, -1500])
def test_a_value_below_air_is_padding(value):
    hu = noise()
    hu[:2] = value

    assert padded(hu) == 0.1


@pytest.mark.parametrize("value", [0, 500, -500])
@pytest.mark.parametrize("region", [np.s_[:, :4], np.s_[10:20, 10:20, 5:9], np.s_[..., 7], np.s_[..., :2]])
def test_a_constant_region_in_noise_is_padding(value, region):
    hu = noise((40, 40, 40))
    hu[region] = value

    assert padded(hu) == hu[region].size / hu.size


@pytest.mark.parametrize("value", [-1000, -1024, -900])
def test_missing_slices_of_any_value_are_padding(value):
    hu = noise((40, 40, 40))
    hu[..., 12:15] = value

    assert padded(hu) == 3 / 40


def test_corners_outside_the_reconstruction_circle_are_padding():
    x, y = np.mgrid[-30:30, -30:30]
    hu = noise((60, 60, 10), around=-1000)
    hu[15:45, 15:45] = noise((30, 30, 10))
    hu[np.hypot(x, y) > 30] = -1024

    assert padded(hu) == pytest.approx((np.hypot(x, y) > 30).mean(), abs=0.03)  # without parts narrower than 5 voxels


@pytest.mark.parametrize("background", [-1000, -1024])
def test_air_of_one_value_is_not_padding(background):
    hu = noise()
    hu[:10] = background

    assert padded(hu) == 0


@pytest.mark.parametrize("mean", [-1000, -1010, -1020, -1040])
def test_clipped_noise_is_not_padding(mean):
    hu = noise((60, 60, 30), around=mean)
    hu[20:40, 20:40] = noise((20, 20, 30))

    assert padded(hu.clip(-1024)) == 0


def test_a_phantom_without_noise_has_no_padding():
    hu = np.full((40, 40, 20), -1000, np.int16)
    hu[5:35, 5:35] = 40
    hu[10:20, 10:20, 5:15] = 120
    hu[25:30, 10:20, 5:15] = 700

    assert padded(hu) == 0


def test_slices_between_objects_of_a_phantom_are_not_padding():
    hu = np.full((20, 20, 30), -1000, np.int16)
    hu[5:10, 5:10, 5:10] = 60
    hu[8:14, 8:14, 15:25] = 40
    labels = (hu > -1000).astype(np.uint8)

    assert padded(hu) == 0
    assert padding.contact(labels, hu, [1], 1) is None
    labels[5:10, 5:10, 5:12] = 1
    assert padding.contact(labels, hu, [1], 1).inside.tolist() == [50]


def test_two_values_of_air_in_a_phantom_are_not_padding():
    hu = np.full((60, 60, 20), -1024, np.int16)
    hu[10:50, 10:50] = 40
    hu[20:45, 20:45] = -1000

    assert padded(hu) == 0


def test_metal_beyond_the_range_of_the_scanner_is_not_padding():
    hu = noise((40, 40, 40))
    hu[10:20, 10:20, 10:20] = 3071

    assert padded(hu) == 0


def test_metal_with_higher_values_at_its_edge_is_not_padding():
    hu = noise((40, 40, 40))
    hu[9:21, 9:21, 9:21] = 3300
    hu[10:20, 10:20, 10:20] = 3071

    assert padded(hu) == 0


def smoothed(step, sd=2.0):
    """Return a real CT after smoothing and quantization to steps of HU."""
    hu = read_ct(REAL).data.astype(float)
    return (ndimage.gaussian_filter(hu, sd) // step * step).astype(np.int16)


@pytest.mark.parametrize(("step", "sd"), [(1, 2.0), (1, 3.0), (4, 1.0), (8, 1.0), (16, 0.0), (32, 0.0)])
def test_smoothed_or_quantized_tissue_is_not_padding(step, sd):
    assert padded(smoothed(step, sd)) == 0


def test_a_constant_region_in_a_smoothed_image_is_padding():
    hu = smoothed(1)
    hu[10:40, 60:90, 5:15] = 0

    assert padding.constant_values(hu) == [0]


def test_a_real_ct_has_no_padding():
    assert padded(read_ct(REAL).data) == 0


@pytest.mark.parametrize("share", [0.002, 0.1])
def test_scattered_voxels_without_a_value_are_not_padding(share):
    hu = noise((40, 40, 40)).astype(np.float32)
    hu[np.random.default_rng(5).random(hu.shape) < share] = HOLE_HU

    assert padded(hu) == 0


def test_padding_is_detected_next_to_lower_values():
    hu = noise((40, 40, 40)).astype(np.float32)
    hu[:4], hu[4, :30] = -2000, HOLE_HU
    hu[20, 20, 20] = -2100

    assert padded(hu) == np.isin(hu, [-2000, HOLE_HU]).mean()


def test_noisy_air_is_not_padding():
    hu = np.random.default_rng(3).normal(-1000, 90, (40, 40, 40)).round().astype(np.int16)

    assert padded(hu) == 0


def test_single_voxels_below_air_are_not_padding():
    hu = noise()
    hu[0, 0, 0] = -1500

    assert padded(hu) == 0


def test_voxels_in_contact_with_padding_are_counted():
    hu, labels = noise(), np.zeros((20, 20, 20), np.uint8)
    hu[10:] = -3024
    labels[5:10, 5:8, 5:8] = 1  # ends at the padding with 9 voxels in contact
    labels[12:14, 5:8, 5:8] = 2  # is inside the padding
    labels[5:9, 12:15, 12:15] = 3  # ends one voxel before the padding
    labels[9, 0, 0] = 3  # is in contact with the padding, in the outermost layer of the image

    contact = padding.contact(labels, hu, [1, 2, 3], layers=1)

    assert [part.tolist() for part in contact] == [[9, 18, 1], [9, 18, 0], [0, 18, 0]]
    assert padding.contact(labels, hu, [1, 2, 3], layers=2).touching.tolist() == [18, 18, 10]
    assert padding.contact(labels, noise(), [1], layers=1) is None

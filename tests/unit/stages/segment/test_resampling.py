"""Tests of resampling: agreement with scipy and skimage, and independence of the size of slabs."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.transform import resize

from ctpop.stages.segment.nnunet import resampling
from ctpop.stages.segment.nnunet.resampling import (
    by_centers,
    by_edges,
    interpolate,
    linear_taps,
    nearest_labels,
    nearest_taps,
    resample_hu,
    resample_hu_cubic,
)
from support.volumes import hu

SHAPES = [
    ((13, 21, 17), (29, 14, 17)),
    ((13, 21, 17), (5, 40, 16)),
    ((1, 9, 8), (1, 18, 3)),
    ((1, 9, 8), (4, 5, 6)),
    ((6, 2, 9), (1, 1, 1)),
    ((33, 30, 31), (50, 45, 46)),
]
EDGE_HU = 1e-3  # a value within this distance of a whole number can be truncated to either side


def by_scipy(values, shape, order):
    """Return the result of scipy with the settings of TotalSegmentator."""
    zoom = np.divide(shape, values.shape)
    return ndimage.zoom(values.astype(np.float64), zoom, order=order, mode="nearest", grid_mode=False)


def taps(old, new, positions, make):
    return tuple(make(positions(n, m), n) for n, m in zip(old, new, strict=True))


@pytest.mark.parametrize(("old", "new"), SHAPES)
def test_interpolation_between_centers_agrees_with_scipy(old, new):
    values = hu(old)

    found = interpolate(torch.from_numpy(values).double(), taps(old, new, by_centers, linear_taps))

    np.testing.assert_allclose(found, by_scipy(values, new, 1), atol=1e-9)


@pytest.mark.parametrize(("old", "new"), SHAPES)
def test_whole_hu_agree_with_totalsegmentator_except_close_to_whole_numbers(old, new):
    values = hu(old)

    found = resample_hu(torch.from_numpy(values), new)

    exact = by_scipy(values, new, 1)
    inside = np.abs(exact - np.rint(exact)) > EDGE_HU
    assert found.dtype == torch.float32
    np.testing.assert_array_equal(found.numpy()[inside], np.trunc(exact)[inside])
    assert np.abs(found.numpy() - np.trunc(exact)).max() <= 1


def test_a_constant_region_is_unchanged():
    values = torch.full((7, 8, 9), -1003, dtype=torch.int16)

    assert (resample_hu(values, (11, 5, 14)) == -1003).all()


@pytest.mark.parametrize(("old", "new"), SHAPES)
def test_interpolation_between_edges_agrees_with_skimage(old, new):
    values = np.random.default_rng(3).normal(size=old)

    found = interpolate(torch.from_numpy(values), taps(old, new, by_edges, linear_taps))

    np.testing.assert_allclose(found, resize(values, new, order=1, mode="edge", anti_aliasing=False), atol=1e-12)


@pytest.mark.parametrize(("old", "new"), SHAPES)
def test_nearest_labels_agree_with_scipy(old, new):
    values = np.random.default_rng(4).integers(0, 118, old).astype(np.uint8)

    np.testing.assert_array_equal(nearest_labels(torch.from_numpy(values), new), by_scipy(values, new, 0))


def test_halfway_between_two_voxels_the_upper_voxel_is_selected():
    assert nearest_taps(torch.tensor([0.0, 0.5, 1.4999, 1.5, 2.0], dtype=torch.float64), 3).first.tolist() == [
        0,
        1,
        1,
        2,
        2,
    ]


@pytest.mark.parametrize(("old", "new"), SHAPES)
def test_cubic_splines_agree_with_scipy_in_whole_hu(old, new):
    values = hu(old)

    np.testing.assert_array_equal(resample_hu_cubic(values, new), by_scipy(values, new, 3).astype(np.int32))


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float32])
def test_the_slab_size_does_not_change_the_result(monkeypatch, dtype):
    values = torch.from_numpy(np.abs(hu((23, 12, 11))).astype(dtype))
    whole = resample_hu(values, (37, 20, 9))

    monkeypatch.setattr(resampling, "CHUNK_VOXELS", 12 * 11 * 4)

    assert torch.equal(resample_hu(values, (37, 20, 9)), whole)

"""Resampling gives what scipy and skimage give, by which the peers resample, and does not care how it is cut up."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.transform import resize

from ctpop.stages.segment.nnunet import resampling
from ctpop.stages.segment.nnunet.resampling import (
    by_centres,
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
EDGE_HU = 1e-3  # a value that close to a whole number may be cut to either side of it


def by_scipy(values, shape, order):
    """Return what TotalSegmentator computes with scipy."""
    zoom = np.divide(shape, values.shape)
    return ndimage.zoom(values.astype(np.float64), zoom, order=order, mode="nearest", grid_mode=False)


def taps(old, new, positions, make):
    return tuple(make(positions(n, m), n) for n, m in zip(old, new, strict=True))


@pytest.mark.parametrize(("old", "new"), SHAPES)
def test_attenuation_between_centres_is_that_of_scipy(old, new):
    values = hu(old)

    found = interpolate(torch.from_numpy(values).double(), taps(old, new, by_centres, linear_taps))

    np.testing.assert_allclose(found, by_scipy(values, new, 1), atol=1e-9)


@pytest.mark.parametrize(("old", "new"), SHAPES)
def test_whole_hu_are_those_of_totalsegmentator_but_for_values_at_the_edge_of_a_whole_number(old, new):
    values = hu(old)

    found = resample_hu(torch.from_numpy(values), new)

    exact = by_scipy(values, new, 1)
    inside = np.abs(exact - np.rint(exact)) > EDGE_HU
    assert found.dtype == torch.float32
    np.testing.assert_array_equal(found.numpy()[inside], np.trunc(exact)[inside])
    assert np.abs(found.numpy() - np.trunc(exact)).max() <= 1


def test_a_constant_region_keeps_its_value_exactly():
    values = torch.full((7, 8, 9), -1003, dtype=torch.int16)

    assert (resample_hu(values, (11, 5, 14)) == -1003).all()


@pytest.mark.parametrize(("old", "new"), SHAPES)
def test_logits_between_edges_are_those_of_skimage(old, new):
    values = np.random.default_rng(3).normal(size=old)

    found = interpolate(torch.from_numpy(values), taps(old, new, by_edges, linear_taps))

    np.testing.assert_allclose(found, resize(values, new, order=1, mode="edge", anti_aliasing=False), atol=1e-12)


@pytest.mark.parametrize(("old", "new"), SHAPES)
def test_labels_go_to_the_nearest_voxel_that_scipy_takes(old, new):
    values = np.random.default_rng(4).integers(0, 118, old).astype(np.uint8)

    np.testing.assert_array_equal(nearest_labels(torch.from_numpy(values), new), by_scipy(values, new, 0))


def test_halfway_between_two_voxels_the_upper_one_is_nearest():
    assert nearest_taps(torch.tensor([0.0, 0.5, 1.4999, 1.5, 2.0], dtype=torch.float64), 3).first.tolist() == [
        0,
        1,
        1,
        2,
        2,
    ]


@pytest.mark.parametrize(("old", "new"), SHAPES)
def test_cubic_splines_are_those_of_scipy_in_whole_hu(old, new):
    values = hu(old)

    np.testing.assert_array_equal(resample_hu_cubic(values, new), by_scipy(values, new, 3).astype(np.int32))


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float32])
def test_the_size_of_slabs_changes_nothing(monkeypatch, dtype):
    values = torch.from_numpy(np.abs(hu((23, 12, 11))).astype(dtype))
    whole = resample_hu(values, (37, 20, 9))

    monkeypatch.setattr(resampling, "CHUNK_VOXELS", 12 * 11 * 4)

    assert torch.equal(resample_hu(values, (37, 20, 9)), whole)

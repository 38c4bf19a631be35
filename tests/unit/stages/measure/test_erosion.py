"""Tests of erosion: a ball contains the voxels within a distance of its center, and erosion keeps deeper voxels."""

import numpy as np
import pytest
from scipy import ndimage

from ctpop.stages.measure.erosion import Erosion, ball_of


@pytest.mark.parametrize(
    ("distance_mm", "spacing_mm", "reach"),
    [
        (0.49, (1, 1, 1), ((0,),)),
        (0.5, (1, 1, 1), ((1, 0), (0,))),  # the face of a neighbor is half an edge away
        (0.71, (1, 1, 1), ((1, 1), (1, 0))),  # its edge is 0.707 edges away, its corner 0.866
        (0.87, (1, 1, 1), ((1, 1), (1, 1))),
        (1.5, (1, 1, 1), ((2, 1, 0), (1, 1), (0,))),
        (1.5, (1.5, 1.5, 1.5), ((1, 1), (1, 1))),
        (1.5, (3, 3, 3), ((1, 0), (0,))),
        (1.5, (1.0, 0.78, 0.78), ((2, 2, 1), (2, 2, 1), (0,))),
        (1.5, (5, 0.5, 0.75), ((2, 2, 2, 1),)),  # planes 5 mm apart
    ],
)
def test_a_ball_contains_the_voxels_within_its_radius(distance_mm, spacing_mm, reach):
    assert ball_of(distance_mm, np.array(spacing_mm, float)).reach == reach


@pytest.mark.parametrize("edge", [0.1, 0.3, 0.7, 1.1, 1.5, 0.9765625])
def test_a_surface_exactly_at_the_distance_is_removed(edge):
    stored = np.full(3, np.float32(edge), float)  # precision of a header

    assert ball_of(2.5 * edge, stored).reach[0][0] == 3


@pytest.mark.parametrize("edge", [0.3, 0.5, 0.75, 1.0, 1.5, 3.0])
def test_the_eroded_depth_is_accurate_on_any_grid(edge):
    labels = np.zeros((60, 3, 3), np.uint8)
    labels[5:55] = 1

    left = Erosion(labels, ball_of(1.5, np.full(3, edge))).deep(slice(0, 60))[:, 1, 1].sum()

    assert (50 - left) / 2 * edge == pytest.approx(1.5, abs=edge / 2)


@pytest.mark.parametrize("seed", range(8))
def test_erosion_agrees_with_the_distance_transform(seed):
    random = np.random.default_rng(seed)
    spacing_mm, distance_mm = random.uniform(0.4, 3, 3), random.uniform(0.4, 6)
    labels = np.kron(random.integers(0, 4, (5, 4, 3)), np.ones((4, 5, 7), int)).astype(np.uint8)
    labels[random.random(labels.shape) < 0.002] = 5

    erosion = Erosion(labels, ball_of(distance_mm, spacing_mm))
    found = np.concatenate([erosion.deep(slice(begin, begin + 4)) for begin in range(0, 20, 4)])

    expected = np.zeros(labels.shape, bool)
    for label in np.unique(labels[labels > 0]):
        expected |= (labels == label) & (depth_mm(labels == label, spacing_mm) > distance_mm)
    assert expected.any()
    np.testing.assert_array_equal(found, expected)


def depth_mm(mask, spacing_mm):
    """Return the distance of each center from the surface, computed on a grid of centers, faces, edges, and corners."""
    inside = np.ones([2 * n + 1 for n in mask.shape], bool)
    inside[1::2, 1::2, 1::2] = mask
    closed = ndimage.binary_erosion(inside, np.ones((3, 3, 3)), border_value=1)
    return ndimage.distance_transform_edt(closed, sampling=spacing_mm / 2)[1::2, 1::2, 1::2]


def test_planes_can_be_read_repeatedly():
    labels = np.ones((6, 5, 4), np.uint8)
    labels[3, 2, 2] = 2
    erosion = Erosion(labels, ball_of(0.5, np.ones(3)))

    first = erosion.deep(slice(0, 6))

    np.testing.assert_array_equal(erosion.deep(slice(0, 6)), first)

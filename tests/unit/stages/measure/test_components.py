"""Tests of connected components: components across slabs of any size are counted once."""

import numpy as np
import pytest
from scipy import ndimage

from ctpop.stages.measure.components import Components
from ctpop.stages.measure.runs import runs_of


def counted(labels, planes_per_slab, highest=3):
    """Return the number of components and the voxels of the largest component for labels from 1 to `highest`."""
    row_of = np.arange(-1, 255)
    row_of[row_of >= highest] = -1
    components = Components(labels.shape, highest)
    for first in range(0, len(labels), planes_per_slab):
        last = min(first + planes_per_slab, len(labels))
        components.add(runs_of(labels[first:last], row_of, first), last - 1)
    number, largest = components.counted()
    return number.tolist(), largest.tolist()


def by_scipy(labels, highest=3):
    found = []
    for label in range(1, highest + 1):
        parts, number = ndimage.label(labels == label, np.ones((3, 3, 3)))
        found.append((number, int(np.bincount(parts.ravel())[1:].max(initial=0))))
    return [list(part) for part in zip(*found, strict=True)]


@pytest.mark.parametrize("planes_per_slab", [1, 2, 3, 100])
@pytest.mark.parametrize("density", [0.02, 0.1, 0.3, 0.9])
@pytest.mark.parametrize("shape", [(12, 11, 10), (7, 1, 9), (9, 2, 2), (5, 8, 1), (1, 1, 1), (30, 3, 3)])
def test_components_agree_with_scipy(shape, density, planes_per_slab):
    random = np.random.default_rng(3)
    labels = (random.integers(1, 5, shape) * (random.random(shape) < density)).astype(np.uint8)

    assert list(counted(labels, planes_per_slab)) == by_scipy(labels)


def test_a_horseshoe_that_closes_in_the_last_plane_is_one_component():
    labels = np.zeros((6, 9, 9), np.uint8)
    labels[:, 1, 1] = labels[:, 7, 7] = 1
    labels[5, 1:8, 7] = labels[5, 1, 1:8] = 1

    assert counted(labels, 1) == ([1, 0, 0], [int((labels == 1).sum()), 0, 0])


def test_a_spiral_through_all_slabs_is_one_component():
    angle = np.linspace(0, 30, 4000)
    labels = np.zeros((60, 40, 40), np.uint8)
    labels[
        np.linspace(0, 59, 4000).astype(int),
        (20 + 15 * np.cos(angle)).astype(int),
        (20 + 15 * np.sin(angle)).astype(int),
    ] = 2

    assert counted(labels, 4)[0] == [0, 1, 0]


def test_an_image_without_structures_has_no_components():
    assert counted(np.zeros((4, 4, 4), np.uint8), 2) == ([0, 0, 0], [0, 0, 0])

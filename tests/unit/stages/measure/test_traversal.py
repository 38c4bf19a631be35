"""Tests of the traversal: it follows the memory order without a copy and records the axes of the image."""

import itertools

import numpy as np
import pytest

from ctpop.stages.measure import traversal
from ctpop.stages.measure.traversal import traverse

SHAPE = (3, 4, 5)
ORDERS = list(itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3)))


def stored(image, order, ends):
    """Return an image stored in memory with these axes, slowest first, and reversed for ends of -1."""
    back = tuple(slice(None, None, end) for end in ends)
    laid = np.ascontiguousarray(image[back].transpose(order))
    return laid.transpose(np.argsort(order))[back]


@pytest.mark.parametrize(("order", "ends"), ORDERS)
def test_all_memory_orders_become_contiguous_views(order, ends):
    image = np.arange(60, dtype=np.uint8).reshape(SHAPE)
    labels = stored(image, order, ends)
    hu = labels.astype(np.int16)

    found = traverse(labels, hu)

    assert found.labels.flags.c_contiguous
    assert np.shares_memory(found.labels, labels)
    assert found.axes == order
    assert found.is_reversed == {axis: ends[axis] < 0 for axis in range(3)}
    np.testing.assert_array_equal(found.labels, found.hu)


def test_attenuation_in_another_order_is_aligned_with_the_labels():
    labels = np.asfortranarray(np.arange(60, dtype=np.uint8).reshape(SHAPE))
    hu = np.ascontiguousarray(labels[:, ::-1].astype(np.int16))[:, ::-1]

    found = traverse(labels, hu)

    np.testing.assert_array_equal(found.labels, found.hu)
    assert np.shares_memory(found.hu, hu)


@pytest.mark.parametrize("voxels", [1, 20, 21, 45, 1000])
def test_slabs_cover_every_plane_once(monkeypatch, voxels):
    monkeypatch.setattr(traversal, "VOXELS_PER_SLAB", voxels)

    slabs = list(traverse(np.zeros(SHAPE, np.uint8), None).slabs())

    assert [plane for slab in slabs for plane in range(slab.start, slab.stop)] == [0, 1, 2]
    assert len(slabs) == {1: 3, 20: 3, 21: 3, 45: 2, 1000: 1}[voxels]


def test_attenuation_is_none_without_a_ct():
    assert traverse(np.zeros(SHAPE, np.uint8), None).hu is None

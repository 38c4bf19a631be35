"""Tests of images of planes: file size, display windows, and outlines."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from ctpop.stages.review.plane_pictures import (
    BONE,
    LARGEST_BYTES,
    LUNG,
    OUTSIDE,
    SOFT,
    UNITS,
    outlines_of,
    picture_of,
    window_of,
)
from ctpop.stages.review.planes import PIXELS, Plane


def plane(hu, inside=None):
    """Return a plane with an attenuation given as a number or an array."""
    shape = (PIXELS, PIXELS)
    known = np.ones(shape, bool) if inside is None else inside
    return Plane(np.broadcast_to(np.float32(hu), shape), np.zeros(shape, np.uint8), known)


def opened(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("L")).astype(int)


def corners_of(path):
    """Return the corners (column, row) of each closed part of a path, in pixels."""
    parts = []
    for start, steps in re.findall(r"M([\d ]+)l([-\d ]*)z", path):
        moves = [[int(number) for number in start.split()], *np.array(steps.split(), int).reshape(-1, 2).tolist()]
        parts.append(np.cumsum(moves, axis=0) / UNITS)
    return parts


def area(corners):
    """Return the area of a polygon (shoelace formula)."""
    x, y = corners.T
    return abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2


@pytest.mark.parametrize(("hu", "shade"), [(-160, 0), (40, 128), (240, 255), (-1000, 0), (3000, 255), (np.nan, 0)])
def test_a_window_maps_attenuation_from_black_to_white(hu, shade):
    content = picture_of([plane(hu)] * 3, SOFT)

    assert opened(content).shape == (PIXELS, 3 * PIXELS)
    assert np.abs(opened(content) - shade).max() <= 3  # WebP is lossy


def test_areas_outside_the_image_have_a_fixed_gray_level():
    inside = np.zeros((PIXELS, PIXELS), bool)

    assert np.abs(opened(picture_of([plane(240, inside)] * 3, SOFT)) - OUTSIDE).max() <= 3


def test_an_image_of_noise_is_below_the_size_limit():
    noise = np.random.default_rng(1).uniform(-160, 240, (PIXELS, PIXELS))

    assert 1000 < len(picture_of([plane(noise)] * 3, SOFT)) < LARGEST_BYTES


@pytest.mark.parametrize(
    ("median", "p95", "window"),
    [(60, 110, SOFT), (-800, -500, LUNG), (180, 520, BONE), (np.nan, np.nan, SOFT), (150, 290, SOFT), (-90, -60, SOFT)],
)
def test_the_attenuation_of_the_structure_determines_the_window(median, p95, window):
    assert window_of(median, p95) == window


def test_the_outline_of_a_rectangle_is_its_edge():
    labels = np.zeros((PIXELS, PIXELS), np.uint8)
    labels[10:30, 40:45] = 7

    [corners] = corners_of(outlines_of(labels, 7)[7])

    assert corners.min(axis=0) == pytest.approx([40, 10])
    assert corners.max(axis=0) == pytest.approx([45, 30])
    assert area(corners) == pytest.approx(100, abs=0.5)  # each corner is reduced by one eighth of a pixel


def test_outlines_enclose_the_mask_and_its_holes():
    row, column = np.indices((PIXELS, PIXELS)) - PIXELS / 2
    radius = np.hypot(row, column)
    labels = ((radius < 100) & (radius > 40)).astype(np.uint8)

    outer, inner = sorted((area(part) for part in corners_of(outlines_of(labels, 1)[1])), reverse=True)

    # at most one quarter of a pixel along each edge
    assert outer == pytest.approx(np.pi * 100**2, abs=2 * np.pi * 100 / 4)
    assert inner == pytest.approx(np.pi * 40**2, abs=2 * np.pi * 40 / 4)


def test_every_label_of_a_plane_has_an_outline_and_the_background_has_none():
    labels = np.zeros((PIXELS, PIXELS), np.uint16)
    labels[:5, :5], labels[0, 100], labels[200:, 300:] = 1, 300, 2

    found = outlines_of(labels, 2)

    assert set(found) == {1, 2, 300}
    assert all(corners_of(path) for path in found.values())
    assert outlines_of(np.zeros((PIXELS, PIXELS), np.uint8), 1) == {}


def test_an_outline_at_the_edge_of_the_image_stays_inside():
    labels = np.ones((PIXELS, PIXELS), np.uint8)

    [corners] = corners_of(outlines_of(labels, 1)[1])

    assert corners.min() == 0
    assert corners.max() == PIXELS

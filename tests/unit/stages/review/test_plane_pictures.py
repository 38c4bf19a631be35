"""Pictures are small whatever they show, windows fit the structure, and outlines follow the edge of a mask."""

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
    """Return a plane with this attenuation: a number, or an array."""
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
    """Return the area within a closed line, by Gauss."""
    x, y = corners.T
    return abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2


@pytest.mark.parametrize(("hu", "shade"), [(-160, 0), (40, 128), (240, 255), (-1000, 0), (3000, 255), (np.nan, 0)])
def test_a_window_goes_from_black_to_white(hu, shade):
    content = picture_of([plane(hu)] * 3, SOFT)

    assert opened(content).shape == (PIXELS, 3 * PIXELS)
    assert np.abs(opened(content) - shade).max() <= 3  # WebP is lossy


def test_what_lies_outside_of_the_image_has_a_shade_of_its_own():
    inside = np.zeros((PIXELS, PIXELS), bool)

    assert np.abs(opened(picture_of([plane(240, inside)] * 3, SOFT)) - OUTSIDE).max() <= 3


def test_the_worst_picture_there_can_be_is_still_small():
    noise = np.random.default_rng(1).uniform(-160, 240, (PIXELS, PIXELS))

    assert 1000 < len(picture_of([plane(noise)] * 3, SOFT)) < LARGEST_BYTES


@pytest.mark.parametrize(
    ("median", "p95", "window"),
    [(60, 110, SOFT), (-800, -500, LUNG), (180, 520, BONE), (np.nan, np.nan, SOFT), (150, 290, SOFT), (-90, -60, SOFT)],
)
def test_the_window_follows_from_the_attenuation_of_the_structure(median, p95, window):
    assert window_of(median, p95) == window


def test_the_outline_of_a_rectangle_is_its_edge():
    labels = np.zeros((PIXELS, PIXELS), np.uint8)
    labels[10:30, 40:45] = 7

    [corners] = corners_of(outlines_of(labels, 7)[7])

    assert corners.min(axis=0) == pytest.approx([40, 10])
    assert corners.max(axis=0) == pytest.approx([45, 30])
    assert area(corners) == pytest.approx(100, abs=0.5)  # its corners are cut by an eighth of a pixel each


def test_an_outline_encloses_the_mask_and_its_holes_are_outlined_too():
    row, column = np.indices((PIXELS, PIXELS)) - PIXELS / 2
    radius = np.hypot(row, column)
    labels = ((radius < 100) & (radius > 40)).astype(np.uint8)

    outer, inner = sorted((area(part) for part in corners_of(outlines_of(labels, 1)[1])), reverse=True)

    # a quarter of a pixel along each edge, at most
    assert outer == pytest.approx(np.pi * 100**2, abs=2 * np.pi * 100 / 4)
    assert inner == pytest.approx(np.pi * 40**2, abs=2 * np.pi * 40 / 4)


def test_every_label_of_a_plane_has_an_outline_and_background_has_none():
    labels = np.zeros((PIXELS, PIXELS), np.uint16)
    labels[:5, :5], labels[0, 100], labels[200:, 300:] = 1, 300, 2

    found = outlines_of(labels, 2)

    assert set(found) == {1, 2, 300}
    assert all(corners_of(path) for path in found.values())
    assert outlines_of(np.zeros((PIXELS, PIXELS), np.uint8), 1) == {}


def test_an_outline_at_the_edge_of_the_picture_stays_in_it():
    labels = np.ones((PIXELS, PIXELS), np.uint8)

    [corners] = corners_of(outlines_of(labels, 1)[1])

    assert corners.min() == 0
    assert corners.max() == PIXELS

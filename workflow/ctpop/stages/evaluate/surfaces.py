"""The surface of a structure as points with areas, and the share of two surfaces that agrees.

SOURCE: Nikolov et al., J Med Internet Res 2021;23(7):e26151. Their surface points are the corners between eight voxels
that are not all inside or all outside, and the area at a point is that of the marching-cubes surface through the cube
of these eight voxel centres. TotalSegmentator's own evaluation uses their program, `surface-distance`, which is no
longer kept; scikit-image gives the same areas, and scipy the nearest points (docs/methods.md).
"""

from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree
from skimage.measure import marching_cubes

CORNERS = tuple(product((0, 1), repeat=3))  # of a cube of eight voxel centres; corner i is bit i of its code
ALL_INSIDE = 2 ** len(CORNERS) - 1
SLACK = 1e-6  # headers hold spacings in 32 bits: five voxels of 0.6 mm would lie beyond 3 mm
LEAF_SIZE = 32  # points per leaf: the tree is asked once, so that a coarser one is faster


@dataclass(frozen=True)
class SurfacePart:
    """The voxels of one structure, cut out of a volume: a mask, shape (x, y, z), and the index of its first voxel."""

    mask: NDArray[np.bool_]
    origin: NDArray[np.int64]


@dataclass(frozen=True)
class Surface:
    """Points (index of the cube along x, y, z) and the area (mm²) at each; none where there is no voxel."""

    points: NDArray[np.int64]
    areas: NDArray[np.float64]


def surface_of(part: SurfacePart, areas_mm2: NDArray[np.float64]) -> Surface:
    """Return the surface of a structure; `areas_mm2` is the area of each code, as `areas_by_code` gives it.

    What lies outside the mask is background: a structure that the image cuts off has a surface there.
    """
    padded = np.pad(part.mask.view(np.uint8), 1)
    cubes = [n + 1 for n in part.mask.shape]
    codes = np.zeros_like(padded, shape=cubes)  # in the same memory order
    for bit, (x, y, z) in enumerate(CORNERS):
        codes |= padded[x : x + cubes[0], y : y + cubes[1], z : z + cubes[2]] << np.uint8(bit)
    where = np.nonzero(((codes != 0) & (codes != ALL_INSIDE)).T)[::-1]  # transposed: x runs fastest in memory
    return Surface(np.stack(where, axis=1) + part.origin, areas_mm2[codes[where]])


def areas_by_code(spacing_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the area (mm²) of the surface inside a cube for each of the 256 codes of its corners."""
    return np.array([_area_mm2(triangles * spacing_mm) for triangles in _triangles_by_code()])


def surface_agreement(first: Surface, second: Surface, spacing_mm: NDArray[np.float64], tolerance_mm: float) -> float:
    """Return the share of both surfaces' area that lies within a distance of the other surface.

    This is the normalized surface distance (NSD), or surface Dice, at a tolerance; a distance equal to the tolerance
    is within it. Neither surface may be empty.
    """
    shape = np.maximum(first.points.max(axis=0), second.points.max(axis=0)) + 1
    near_first = _near(first, second, shape, spacing_mm, tolerance_mm)
    near_second = _near(second, first, shape, spacing_mm, tolerance_mm)
    agreeing = first.areas[near_first].sum() + second.areas[near_second].sum()
    return float(agreeing / (first.areas.sum() + second.areas.sum()))


def _near(
    surface: Surface, other: Surface, shape: NDArray[np.int64], spacing_mm: NDArray[np.float64], tolerance_mm: float
) -> NDArray[np.bool_]:
    """Return which points of a surface lie within the tolerance of a point of the other one."""
    near = np.isin(_keys(surface, shape), _keys(other, shape), assume_unique=True)  # on both, without a search
    tree = KDTree(other.points * spacing_mm, leafsize=LEAF_SIZE)
    limit = tolerance_mm * (1 + SLACK)
    distances, _ = tree.query(surface.points[~near] * spacing_mm, distance_upper_bound=limit)
    near[~near] = np.isfinite(distances)
    return near


def _keys(surface: Surface, shape: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(np.ravel_multi_index(tuple(surface.points.T), tuple(shape)))


@cache
def _triangles_by_code() -> tuple[NDArray[np.float64], ...]:
    """Return the triangles, shape (n, 3, 3), inside a cube with edges of 1, for each code of its corners.

    Vertices are the middles of edges, so that 32 bits hold them exactly. A cube with more than four corners inside has
    the surface of its opposite, as in the table of Nikolov et al.
    """
    return tuple(_triangles(np.array([code >> bit & 1 for bit in range(len(CORNERS))])) for code in range(256))


def _triangles(inside: NDArray[Any]) -> NDArray[np.float64]:
    corners = inside if inside.sum() <= len(CORNERS) / 2 else 1 - inside
    if not corners.any():
        return np.zeros((0, 3, 3))
    vertices, faces, _, _ = marching_cubes(corners.reshape(2, 2, 2).astype(float), 0.5, method="lorensen")
    return np.asarray(vertices[faces], float)


def _area_mm2(triangles: NDArray[np.float64]) -> float:
    edges = triangles[:, 1:] - triangles[:, :1]
    return float(np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1).sum() / 2)

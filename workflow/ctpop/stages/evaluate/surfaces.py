"""Surface of a structure as points with areas, and the agreement of two surfaces.

SOURCE: Nikolov et al., J Med Internet Res 2021;23(7):e26151. Surface points are the corners between eight voxels that
are neither all inside nor all outside, and the area at a point is that of the marching-cubes surface through the cube
of these eight voxel centers. The evaluation script of TotalSegmentator uses their package `surface-distance`, whose
last release is of 2024. Areas from scikit-image are identical; SciPy is used to find the nearest points
(docs/methods/evaluation.md).
"""

from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree
from skimage.measure import marching_cubes

CORNERS = tuple(product((0, 1), repeat=3))  # of a cube of eight voxel centers; corner i is bit i of its code
ALL_INSIDE = 2 ** len(CORNERS) - 1
SLACK = 1e-6  # headers store spacings in 32 bits, and five voxels of 0.6 mm would otherwise exceed 3 mm
LEAF_SIZE = 32  # points per leaf; the tree is queried once, and a coarser tree is faster to build


@dataclass(frozen=True)
class SurfacePart:
    """Voxels of one structure within its bounding box: mask, shape (x, y, z), and index of its first voxel."""

    mask: NDArray[np.bool_]
    origin: NDArray[np.int64]


@dataclass(frozen=True)
class Surface:
    """Surface points (index of the cube along x, y, z) and the area (mm²) at each point."""

    points: NDArray[np.int64]
    areas: NDArray[np.float64]


def surface_of(part: SurfacePart, areas_mm2: NDArray[np.float64]) -> Surface:
    """Return the surface of a structure; `areas_mm2` contains the area of each code (see `areas_by_code`).

    Voxels outside the mask are background, so a structure that is truncated by the field of view has a surface at the
    border.
    """
    padded = np.pad(part.mask.view(np.uint8), 1)
    cubes = [n + 1 for n in part.mask.shape]
    codes = np.zeros_like(padded, shape=cubes)  # same memory order
    for bit, (x, y, z) in enumerate(CORNERS):
        codes |= padded[x : x + cubes[0], y : y + cubes[1], z : z + cubes[2]] << np.uint8(bit)
    where = np.nonzero(((codes != 0) & (codes != ALL_INSIDE)).T)[::-1]  # transposed, because x is contiguous in memory
    return Surface(np.stack(where, axis=1) + part.origin, areas_mm2[codes[where]])


def areas_by_code(spacing_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the area (mm²) of the surface within a cube for each of the 256 codes of its corners."""
    return np.array([_area_mm2(triangles * spacing_mm) for triangles in _triangles_by_code()])


def surface_agreement(first: Surface, second: Surface, spacing_mm: NDArray[np.float64], tolerance_mm: float) -> float:
    """Return the proportion of the area of both surfaces that is within the tolerance of the other surface.

    This is the normalized surface distance (NSD), or surface Dice. A distance equal to the tolerance is within the
    tolerance. Both surfaces must have at least one point.
    """
    shape = np.maximum(first.points.max(axis=0), second.points.max(axis=0)) + 1
    near_first = _near(first, second, shape, spacing_mm, tolerance_mm)
    near_second = _near(second, first, shape, spacing_mm, tolerance_mm)
    agreeing = first.areas[near_first].sum() + second.areas[near_second].sum()
    return float(agreeing / (first.areas.sum() + second.areas.sum()))


def _near(
    surface: Surface, other: Surface, shape: NDArray[np.int64], spacing_mm: NDArray[np.float64], tolerance_mm: float
) -> NDArray[np.bool_]:
    """Return the mask of points of a surface within the tolerance of a point of the other surface."""
    near = np.isin(_keys(surface, shape), _keys(other, shape), assume_unique=True)  # shared points need no search
    tree = KDTree(other.points * spacing_mm, leafsize=LEAF_SIZE)
    limit = tolerance_mm * (1 + SLACK)
    distances, _ = tree.query(surface.points[~near] * spacing_mm, distance_upper_bound=limit)
    near[~near] = np.isfinite(distances)
    return near


def _keys(surface: Surface, shape: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(np.ravel_multi_index(tuple(surface.points.T), tuple(shape)))


@cache
def _triangles_by_code() -> tuple[NDArray[np.float64], ...]:
    """Return the triangles, shape (n, 3, 3), within a cube of edge length 1, for each code of its corners.

    Vertices are midpoints of edges and therefore exact in 32 bits. A cube with more than four corners inside has the
    surface of the complementary cube, as in the table of Nikolov et al.
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

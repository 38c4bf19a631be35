"""Measurement of all structures of a scan in one traversal of its voxels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctpop.contracts.keys import FACES
from ctpop.imaging.images import Grid
from ctpop.stages.measure import attenuation
from ctpop.stages.measure.components import Components
from ctpop.stages.measure.erosion import Erosion, ball_of
from ctpop.stages.measure.extents import Extent, Extents
from ctpop.stages.measure.joint_histogram import HIGHEST_HU, LOWEST_HU, JointHistogram
from ctpop.stages.measure.runs import Runs, runs_of
from ctpop.stages.measure.traversal import Traversal, traverse

OF_ATTENUATION = [*attenuation.COLUMNS, "hu_mean_eroded"]
ERODED = ["eroded_voxels", "hu_mean_eroded"]


@dataclass(frozen=True)
class How:
    """Number of voxel layers at the border of the image, and depth of the erosion in mm (0: no erosion)."""

    border_layers: int
    erosion_mm: float


@dataclass(frozen=True)
class MeasuredScan:
    """One row per structure, and the histogram with the columns structure, hu, and n (no rows without a CT)."""

    rows: pd.DataFrame
    histogram: pd.DataFrame


@dataclass(frozen=True)
class Voxels:
    """Voxels of structures in the order of runs: attenuation (0 without a CT) and mask of voxels left by erosion."""

    runs: Runs
    hu: NDArray[Any]
    deep: NDArray[np.bool_] | None


@dataclass(frozen=True)
class VoxelSource:
    """Source of voxels: the traversal, the row of each label (-1: not measured), and the erosion, if any."""

    walk: Traversal
    row_of: NDArray[np.intp]
    erosion: Erosion | None

    def voxels(self, planes: slice) -> Voxels:
        """Return the voxels of structures in planes of the traversal."""
        labels = self.walk.labels[planes]
        runs = runs_of(labels, self.row_of, planes.start)
        inside = labels != 0
        if np.count_nonzero(inside) > runs.length.sum():  # labels that are not measured
            inside = self.row_of[labels] >= 0
        hu = self.walk.hu[planes][inside] if self.walk.hu is not None else np.zeros(runs.length.sum(), np.int16)
        return Voxels(runs, hu, self.erosion.deep(planes)[inside] if self.erosion else None)


def measure_structures(
    labels: NDArray[np.unsignedinteger[Any]],
    hu: NDArray[Any] | None,
    grid: Grid,
    label_of: dict[str, int],
    how: How,
) -> MeasuredScan:
    """Return the columns of `measures` that are computed from the voxels of a scan.

    An absent structure has a volume of 0, which is a measurement, and missing attenuation.

    Parameters
    ----------
    labels
        Label of each voxel, uint8 or uint16, shape (x, y, z) in RAS+; 0 is background.
    hu
        Attenuation in Hounsfield units, finite, same shape, or None without a CT.
    grid
        Geometry of the voxels.
    label_of
        Label of each structure to measure, at least one.
    how
        Definition of the border and depth of the erosion.

    """
    walk = traverse(labels, hu)
    ball = ball_of(how.erosion_mm, grid.spacing_mm[list(walk.axes)])
    row_of = np.full(max(np.iinfo(labels.dtype).max, *label_of.values()) + 1, -1, np.intp)
    row_of[list(label_of.values())] = np.arange(len(label_of))
    source = VoxelSource(walk, row_of, Erosion(walk.labels, ball) if how.erosion_mm else None)
    histogram = JointHistogram(len(label_of))
    extents, components = Extents(walk, len(label_of), how.border_layers), Components(walk.labels.shape, len(label_of))
    for planes in walk.slabs():
        voxels = source.voxels(planes)
        histogram.add(voxels.runs, voxels.hu, voxels.deep)
        extents.add(voxels.runs, planes)
        components.add(voxels.runs, planes.stop - 1)
    extent = extents.in_image()
    described = described_by_counts(histogram) if histogram.whole else described_by_values(source, extent.n_voxels)
    rows = pd.DataFrame({"structure": list(label_of)}).assign(
        **place_columns(extent, grid),
        **component_columns(components, extent.n_voxels),
        **dict(zip(OF_ATTENUATION, np.array(described).T, strict=True)),
        hu_clipped=histogram.clipped,
        eroded_voxels=histogram.counts[:, 1].sum(axis=1),
    )
    unknown = [*([] if source.erosion else ERODED), *([] if hu is not None else [*OF_ATTENUATION, "hu_clipped"])]
    rows = rows.assign(**dict.fromkeys(unknown, np.nan))
    return MeasuredScan(rows, sparse(histogram, list(label_of)) if hu is not None else sparse(JointHistogram(0), []))


def described_by_counts(histogram: JointHistogram) -> list[list[float]]:
    """Return the columns `OF_ATTENUATION` of each structure."""
    described = []
    for row in range(len(histogram.counts)):
        hu, (counts, deep) = histogram.of(row)
        n_deep = int(deep.sum())
        described.append([*attenuation.of_counts(hu, counts), int((hu * deep).sum()) / n_deep if n_deep else np.nan])
    return described


def described_by_values(source: VoxelSource, n_voxels: NDArray[np.int64]) -> list[list[float]]:
    """Return the columns `OF_ATTENUATION` of each structure for fractional HU, from a second traversal."""
    assert source.walk.hu is not None
    ends = np.cumsum(n_voxels)
    free = ends - n_voxels  # position of the next voxel of each structure
    hu, deep = np.empty(ends[-1], source.walk.hu.dtype), np.empty(ends[-1], bool)
    for planes in source.walk.slabs():
        voxels = source.voxels(planes)
        row = voxels.runs.row_of_voxels
        order = np.argsort(row, kind="stable")
        counts = np.bincount(row, minlength=len(n_voxels))
        place = np.arange(row.size) + np.repeat(free - np.cumsum(counts) + counts, counts)
        hu[place] = np.clip(voxels.hu[order], LOWEST_HU, HIGHEST_HU)
        deep[place] = voxels.deep[order] if voxels.deep is not None else False
        free += counts
    parts = zip(np.split(hu, ends[:-1]), np.split(deep, ends[:-1]), strict=True)
    return [[*attenuation.of_values(values), attenuation.of_values(values[left])[0]] for values, left in parts]


def place_columns(extent: Extent, grid: Grid) -> dict[str, Any]:
    """Return the volume, border contact, center of mass, and bounding box of structures, by column of `measures`."""
    faces = extent.faces
    centroids, boxes = extent.centroids_mm(grid.affine), extent.boxes_mm(grid.affine)
    return {
        "n_voxels": extent.n_voxels,
        "volume_ml": extent.n_voxels * grid.voxel_ml,
        "border_voxels": extent.n_voxels - extent.inner,
        "faces": [" ".join(np.array(FACES)[counts > 0]) or None for counts in faces],
        **{f"border_{face}": faces[:, k] for k, face in enumerate(FACES)},
        **{f"centroid_{axis}_mm": centroids[:, k] for k, axis in enumerate("xyz")},
        **{
            f"bbox_{end}_{axis}_mm": boxes[:, side, k]
            for side, end in enumerate(("min", "max"))
            for k, axis in enumerate("xyz")
        },
    }


def component_columns(components: Components, n_voxels: NDArray[np.int64]) -> dict[str, Any]:
    """Return the number of components of each structure and the proportion of the largest, missing without voxels."""
    number, largest = components.counted()
    shares = np.divide(largest, n_voxels, out=np.full(len(number), np.nan), where=n_voxels > 0)
    return {"n_components": number, "largest_share": shares}


def sparse(histogram: JointHistogram, names: list[str]) -> pd.DataFrame:
    """Return the nonzero counts, sorted by structure and HU."""
    rows = {name: histogram.of(row) for row, name in enumerate(names)}
    parts = [(name, *rows[name]) for name in sorted(rows)]
    nothing: NDArray[np.int64] = np.empty(0, np.int64)
    return pd.DataFrame(
        {
            "structure": np.repeat([name for name, *_ in parts], [len(hu) for _, hu, _ in parts]),
            "hu": np.concatenate([nothing, *(hu for _, hu, _ in parts)]).astype(np.int16),
            "n": np.concatenate([nothing, *(counts[0] for *_, counts in parts)]),
        }
    )

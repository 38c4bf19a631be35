"""Agreement of the predicted and the reference label map of a scan for each structure."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ctpop.foundation.errors import ScanError
from ctpop.imaging.existing_segmentations import Segmentation
from ctpop.stages.evaluate.surfaces import SurfacePart, areas_by_code, surface_agreement, surface_of


@dataclass(frozen=True)
class Scene:
    """Label map, bounding box of each label (None without voxels), and label of each structure."""

    labels: NDArray[Any]
    boxes: list[tuple[slice, ...] | None]
    label_of: dict[str, int]

    def part(self, structure: str) -> SurfacePart | None:
        """Return the voxels of a structure, or None if the structure is absent."""
        label = self.label_of[structure]
        box = self.boxes[label - 1] if label <= len(self.boxes) else None
        if box is None:
            return None
        return SurfacePart(self.labels[box] == label, np.array([side.start for side in box]))


@dataclass(frozen=True)
class Ruler:
    """Parameters of surface distances: voxel spacing, surface area of each code, and tolerance."""

    spacing_mm: NDArray[np.float64]
    areas_mm2: NDArray[np.float64]
    tolerance_mm: float

    def nsd(self, first: SurfacePart, second: SurfacePart) -> float:
        """Return the normalized surface distance of two parts."""
        surfaces = surface_of(first, self.areas_mm2), surface_of(second, self.areas_mm2)
        return surface_agreement(*surfaces, self.spacing_mm, self.tolerance_mm)


def compare(
    reference: Segmentation, prediction: Segmentation, names: list[str], tolerance_mm: float
) -> list[dict[str, Any]]:
    """Return a row for each structure: status, Dice score, NSD, and numbers of voxels.

    If only one of the two label maps contains a structure, the Dice score and NSD are 0. Both are missing if neither
    label map contains the structure, or if one of them cannot contain it.

    Raises
    ------
    ScanError
        `grid_mismatch` if the grids differ; nothing is resampled.

    """
    grid = reference.volume.grid
    difference = prediction.volume.grid.differs_from(grid)
    if difference:
        raise ScanError("grid_mismatch", f"prediction and reference have different grids: {difference}")
    ruler = Ruler(grid.spacing_mm, areas_by_code(grid.spacing_mm), tolerance_mm)
    scenes = scene_of(reference), scene_of(prediction)
    return [{"structure": name, **compare_structure(name, *scenes, ruler)} for name in names]


def scene_of(segmentation: Segmentation) -> Scene:
    """Return a segmentation with the bounding boxes of its labels."""
    labels = np.asfortranarray(segmentation.volume.data)  # the usual order of files; other orders take twice as long
    backwards = ndimage.find_objects(labels.T)
    return Scene(labels, [box and box[::-1] for box in backwards], segmentation.labels)


def compare_structure(structure: str, reference: Scene, prediction: Scene, ruler: Ruler) -> dict[str, Any]:
    """Return the agreement of two label maps for one structure."""
    if structure not in reference.label_of:
        return {"status": "not_in_reference"}
    if structure not in prediction.label_of:
        return {"status": "not_in_model"}
    wanted, found = reference.part(structure), prediction.part(structure)
    counts = {"n_reference_voxels": size(wanted), "n_predicted_voxels": size(found)}
    if wanted is None and found is None:
        return {**counts, "status": "absent"}
    if wanted is None or found is None:
        status = "only_in_prediction" if wanted is None else "only_in_reference"
        return {**counts, "status": status, "dice": 0.0, "nsd": 0.0}
    dice = 2 * shared_voxels(wanted, found) / sum(counts.values())
    return {**counts, "status": "compared", "dice": dice, "nsd": ruler.nsd(wanted, found)}


def size(part: SurfacePart | None) -> int:
    """Return the number of voxels of a structure."""
    return 0 if part is None else int(np.count_nonzero(part.mask))


def shared_voxels(first: SurfacePart, second: SurfacePart) -> int:
    """Return the number of voxels that two structures share."""
    begin = np.maximum(first.origin, second.origin)
    end = np.minimum(first.origin + first.mask.shape, second.origin + second.mask.shape)
    if (end <= begin).any():
        return 0
    cuts = [tuple(map(slice, begin - part.origin, end - part.origin)) for part in (first, second)]
    return int(np.count_nonzero(first.mask[cuts[0]] & second.mask[cuts[1]]))

"""Label maps that exist already: one multi-label NIfTI, or a folder with one mask per structure."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctpop.foundation import digests
from ctpop.foundation.errors import ScanError
from ctpop.imaging.images import Volume, read_grid, read_labels, sha256_of
from ctpop.study.label_sets import LabelSet

VERSION = 2
SUFFIXES = (".nii.gz", ".nii")


@dataclass(frozen=True)
class Segmentation:
    """A label map (RAS+), the number of each structure it could contain, and what a reader should know.

    `shared` counts, where there was one mask per structure, the voxels of each that lie in another mask as well.
    """

    volume: Volume
    labels: dict[str, int]
    detail: str | None = None
    shared: dict[str, int] | None = None


def read_segmentation(path: Path, label_set: LabelSet, ct_path: Path | None) -> Segmentation:
    """Return an existing segmentation, on the grid of its CT if there is a CT.

    Raises
    ------
    ScanError
        `missing_file`, `unreadable`, `bad_geometry`, `bad_values`; `unknown_labels` for numbers that the label set
        does not name; `grid_mismatch` if segmentation and CT, or two masks, do not share a grid.

    """
    found = read_folder(path, label_set) if _is_folder(path) else read_multilabel(path, label_set)
    if ct_path is not None:
        difference = found.volume.grid.differs_from(read_grid(ct_path))
        if difference:
            raise ScanError("grid_mismatch", f"segmentation and CT do not share a grid: {difference}")
    return found


def read_multilabel(path: Path, label_set: LabelSet) -> Segmentation:
    """Return a label map whose numbers are those of the label set."""
    volume = read_labels(path)
    known = np.array([0, *label_set.label_of.values()])
    unknown = np.setdiff1d(labels_in(volume.data), known)
    if len(unknown):
        raise ScanError(
            "unknown_labels",
            f"{path.name} has labels {', '.join(map(str, unknown[:5]))} that label set {label_set.name} does not name",
        )
    return Segmentation(volume, label_set.label_of)


def labels_in(labels: NDArray[np.unsignedinteger[Any]]) -> NDArray[np.intp]:
    """Return the labels that occur, in order; counted slice by slice, since sorting a whole image takes seconds."""
    counts = np.zeros(np.iinfo(labels.dtype).max + 1, np.int64)
    for axial in labels.T:
        counts += np.bincount(axial.ravel(), minlength=len(counts))
    return np.flatnonzero(counts)


def read_folder(path: Path, label_set: LabelSet) -> Segmentation:
    """Return the masks of a folder as one label map: a voxel in several masks is counted and has the highest label.

    A structure without a file is not known here; a structure with an empty mask is absent. Masks of what a structure
    includes (`LabelSet.parts`) are part of its mask. Files that name nothing in the label set are counted in the detail
    and left alone: what they share with others does not count.
    """
    files = mask_files(path)
    wanted = {name: label for name, label in label_set.label_of.items() if name in files}
    if not wanted:
        raise ScanError("missing_file", f"{path.name} has no mask named after a structure of {label_set.name}")
    named = [(label, [name, *label_set.parts.get(name, [])]) for name, label in wanted.items()]
    masks = [(label, files[name]) for label, names in sorted(named) for name in names if name in files]
    merging: Merging | None = None
    for label, file in masks:
        mask = read_labels(file)
        merging = merging or Merging(mask, max(wanted.values()))
        difference = mask.grid.differs_from(merging.merged.grid)
        if difference:
            raise ScanError("grid_mismatch", f"mask {file.name} is on another grid than the others: {difference}")
        merging.add(mask.data > 0, label)
    assert merging is not None
    shared = {name: int(merging.n_shared[label]) for name, label in wanted.items()}
    detail = describe(int(np.count_nonzero(merging.shared)), len(files) - len(masks))
    return Segmentation(merging.merged, wanted, detail, shared)


class Merging:
    """Masks that become one label map in the order in which they are added: a later one has what several share."""

    def __init__(self, like: Volume, highest: int) -> None:
        self.merged = empty_like(like, highest)
        self.shared: NDArray[np.bool_] = np.zeros(like.data.shape, bool, order="F")
        self.n_shared: NDArray[np.int64] = np.zeros(highest + 1, np.int64)

    def add(self, inside: NDArray[np.bool_], label: int) -> None:
        """Put a mask over the masks before it; a second one of the same label is part of the first."""
        below, known = self.merged.data[inside], self.shared[inside]
        taken = (below > 0) & (below != label)
        self.n_shared += np.bincount(below[taken & ~known], minlength=len(self.n_shared))
        self.n_shared[label] += np.count_nonzero(taken)
        self.shared[inside] = taken | known
        self.merged.data[inside] = label


def mask_files(folder: Path) -> dict[str, Path]:
    """Return the mask file of each name in a folder."""
    files = {}
    for suffix in reversed(SUFFIXES):
        files.update({file.name.removesuffix(suffix): file for file in sorted(folder.glob(f"*{suffix}"))})
    return files


def empty_like(mask: Volume, highest: int) -> Volume:
    """Return a label map without labels on the grid of a mask."""
    data = np.zeros(mask.data.shape, np.uint8 if highest <= np.iinfo(np.uint8).max else np.uint16, order="F")
    return Volume(data, mask.grid, mask.stored_affine)


def describe(shared: int, ignored: int) -> str | None:
    """Return what a reader should know of a merged folder, or nothing."""
    parts = []
    if shared:
        parts.append(f"{shared} voxels lie in more than one mask and went to the highest label")
    if ignored:
        parts.append(f"{ignored} files name no structure of the label set")
    return "; ".join(parts) or None


def checksum(path: Path) -> str:
    """Return the SHA-256 of a segmentation, over all its files.

    Raises
    ------
    ScanError
        `missing_file` or `unreadable`.

    """
    if not _is_folder(path):
        return sha256_of(path)
    masks = [f"{name} {sha256_of(file)}" for name, file in sorted(mask_files(path).items())]
    return digests.of_text("\n".join(masks))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # not even that can be told; opening it as a file says why
        return False

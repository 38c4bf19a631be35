"""Existing segmentations: one NIfTI file with several labels, or a folder with one mask per structure."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctpop.foundation import digests
from ctpop.foundation.errors import ScanError
from ctpop.imaging.images import Volume, read_grid, read_labels, remark_on_spacing, sha256_of
from ctpop.imaging.label_map_file import names_in
from ctpop.imaging.structure_names import names_in_set, remark_on
from ctpop.study.configuration import LABEL_SETS, label_rows
from ctpop.study.label_sets import LabelSet

VERSION = 6
SUFFIXES = (".nii.gz", ".nii")
OTHER_IMAGES = (
    ".nrrd",
    ".mha",
    ".mhd",
    ".img",
    ".mgz",
    ".dcm",
    ".npz",
    ".nii.gz.part",
    ".nii.bz2",
    ".nii.xz",
    ".nii.zst",
)
MOST_COVERED = 0.5  # ASSUME: proportion of a mask; above it, the remaining voxels do not represent the structure
MANY_STRUCTURES = 10  # ASSUME: number of structures in a label set; a scan rarely contains only one of so many
ONE_VALUE = "a mask must have one value inside and 0 outside; threshold it at half of its maximum"


@dataclass(frozen=True)
class Segmentation:
    """A label map in RAS+ with the labels of its structures and remarks for the user.

    Attributes
    ----------
    volume : Volume
        Label of each voxel, shape (x, y, z), uint8 or uint16.
    labels : dict of str to int
        Label of each structure that the map can contain.
    detail : str or None
        Remark for the user, as returned by `describe`.
    shared : dict of str to int, or None
        Number of voxels of each mask that are also in another mask; None for a multi-label file.
    named : bool
        Whether the files name the structures. If False, the label numbers are interpreted as those of the label set.
    covered : dict of str to str
        Sentence about each structure whose mask is mostly covered by masks of higher labels. `labels` does not contain
        these structures because their volumes are unknown.

    Examples
    --------
    >>> from ctpop.imaging.images import Grid
    >>> volume = Volume(np.ones((1, 1, 2), np.uint8), Grid((1, 1, 2), np.eye(4)), np.eye(4))
    >>> Segmentation(volume, {"liver": 1}).labels
    {'liver': 1}

    """

    volume: Volume
    labels: dict[str, int]
    detail: str | None = None
    shared: dict[str, int] | None = None
    named: bool = True
    covered: dict[str, str] = field(default_factory=dict)


def read_segmentation(path: Path, label_set: LabelSet, ct_path: Path | None) -> Segmentation:
    """Read an existing segmentation and check that its grid is the grid of the CT.

    Parameters
    ----------
    path : Path
        NIfTI file with several labels, or folder with one mask per structure.
    label_set : LabelSet
        Structures of the study and their labels.
    ct_path : Path or None
        NIfTI file of the CT; None if the scan has no CT.

    Returns
    -------
    Segmentation
        Label map of shape (x, y, z) in RAS+.

    Raises
    ------
    ScanError
        `missing_file`, `unreadable`, `not_read`, `bad_geometry`, `bad_values`, or `out_of_memory` if a file cannot be
        used; `unknown_labels` for labels that are not in the label set; `grid_mismatch` if the segmentation and the
        CT, or two masks, have different grids.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> from ctpop.imaging import nifti_writer
    >>> label_set = LabelSet("demo", pd.DataFrame({"structure": ["liver", "spleen"], "label": [1, 2]}))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "labels.nii.gz")
    ...     nifti_writer.write(np.array([[[0, 2]]], np.uint8), np.eye(4), path, level=1)
    ...     found = read_segmentation(path, label_set, ct_path=None)
    >>> found.labels, found.volume.data
    ({'liver': 1, 'spleen': 2}, array([[[0, 2]]], dtype=uint8))

    """
    found = read_folder(path, label_set) if _is_folder(path) else read_multilabel(path, label_set)
    if ct_path is not None:
        difference = found.volume.grid.differs_from(read_grid(ct_path))
        if difference:
            raise ScanError("grid_mismatch", f"the segmentation and the CT have different grids: {difference}")
    return replace(found, detail=_joined(found.detail, remark_on_spacing(found.volume)))


def read_multilabel(path: Path, label_set: LabelSet) -> Segmentation:
    """Read a label map and convert its labels to those of the label set.

    If the file names its labels, as files of TotalSegmentator do, structures are identified by name instead of by
    number. Structures of the label set that the file does not name are considered not segmented. Structures that are
    not in the label set become background. The case, separators, and order of words of a name can differ from the
    label set. If the file contains no names, its numbers must be those of the label set.

    Parameters
    ----------
    path : Path
        NIfTI file.
    label_set : LabelSet
        Structures of the study and their labels.

    Returns
    -------
    Segmentation
        Label map of shape (x, y, z) in RAS+, with the labels of the structures that the file names. If the file
        contains no names, with all labels of the label set.

    Raises
    ------
    ScanError
        `missing_file`, `unreadable`, `not_read`, `bad_geometry`, `bad_values`, or `out_of_memory` if the file cannot
        be used; `unknown_labels` for numbers without a name in the file or the label set, for a file that names no
        structure of the label set, for two names of the same structure, and for a mask of one unnamed structure if
        the label set is part of this package.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> from ctpop.imaging import nifti_writer
    >>> label_set = LabelSet("demo", pd.DataFrame({"structure": ["liver"], "label": [1]}))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "labels.nii.gz")
    ...     nifti_writer.write(np.array([[[0, 7]]], np.uint8), np.eye(4), path, level=1)
    ...     read_multilabel(path, label_set)
    Traceback (most recent call last):
    ctpop.foundation.errors.ScanError: unknown_labels: labels.nii.gz has labels that are not in label set demo: 7

    """
    volume = read_labels(path)
    names = names_in(path)
    if names:
        spelled = names_in_set(names, label_set)
        found = _renumbered(volume, {spelled[name]: label for name, label in names.items()}, label_set, path)
        return replace(found, detail=_joined(found.detail, remark_on(spelled), _on_empty(volume)))
    present = labels_in(volume.data)
    _refuse_single_mask(present, label_set, path)
    unknown = np.setdiff1d(present, [0, *label_set.label_of.values()])
    if len(unknown):
        raise ScanError(
            "unknown_labels",
            f"{path.name} has labels that are not in label set {label_set.name}: {', '.join(map(str, unknown[:5]))}",
        )
    return Segmentation(volume, label_set.label_of, detail=_on_empty(volume), named=False)


def _refuse_single_mask(present: NDArray[np.intp], label_set: LabelSet, path: Path) -> None:
    """Reject a file without names whose only label is 1 in a study of many structures.

    The file can be the mask of any structure. The check applies to the label sets of this package and to subsets of
    them, in which structure 1 is next to other structures. In other label sets, structure 1 can be the body or the
    brain, which can be the only structure in a scan.
    """
    first = next((name for name, label in label_set.label_of.items() if label == 1), None)
    if list(present[present > 0]) != [1] or len(label_set.names) < MANY_STRUCTURES or not first:
        return
    if not _is_in_shipped_set(label_set):
        return
    raise ScanError(
        "unknown_labels",
        f"{path.name} contains only label 1 and no names, like the mask of one structure; in label set"
        f" {label_set.name}, label 1 is {first}. Set segmentation_path to a folder that contains the mask as"
        " STRUCTURE.nii.gz, or set structures: to a CSV that lists this structure",
    )


def _is_in_shipped_set(label_set: LabelSet) -> bool:
    """Return whether a label set of this package contains all structures of a label set with the same numbers."""
    shipped = (label_rows(str(file)) for file in LABEL_SETS.glob("*.csv"))
    return any(
        label_set.label_of.items() <= {row["structure"]: int(row["label"]) for row in rows}.items() for rows in shipped
    )


def _on_empty(volume: Volume) -> str | None:
    return None if volume.data.any() else "no voxel has a label"


def _joined(*remarks: str | None) -> str | None:
    return "; ".join(filter(None, remarks)) or None


def _renumbered(volume: Volume, names: dict[str, int], label_set: LabelSet, path: Path) -> Segmentation:
    """Convert the labels of a label map with names to the numbers of the label set."""
    whole_of = {part: whole for whole, parts in label_set.parts.items() for part in parts}
    ours = {name: label_set.label_of[name] for name in names if name in label_set.label_of}
    if not ours:
        known = ", ".join(list(names)[:5])
        raise ScanError(
            "unknown_labels", f"{path.name} names no structure of {label_set.name}; its names include {known}"
        )
    present = labels_in(volume.data)
    unknown = np.setdiff1d(present, [0, *names.values()])
    if len(unknown):
        labels = ", ".join(map(str, unknown[:5]))
        raise ScanError(
            "unknown_labels", f"{path.name} has labels that are not in the list of names in its header: {labels}"
        )
    number_of = {label: ours.get(whole_of.get(name, name), ours.get(name, 0)) for name, label in names.items()}
    left_out = sum(number_of.get(int(label), 0) == 0 for label in present if label)
    if all(number == label or number == 0 for label, number in number_of.items()) and not left_out:
        return Segmentation(volume, ours)
    table = np.zeros(int(max(present.max(), *names.values())) + 1, np.uint16)
    table[list(number_of)] = list(number_of.values())
    data = table[volume.data]
    data = data.astype(np.uint8) if max(ours.values()) <= np.iinfo(np.uint8).max else data
    remarks = [
        "structures are identified by the names in the file because its label numbers differ from the label set"
        if any(number not in (label, 0) for label, number in number_of.items())
        else "",
        f"labels of structures that are not in the label set and are ignored: {left_out}" if left_out else "",
    ]
    return Segmentation(replace(volume, data=data), ours, "; ".join(filter(None, remarks)) or None)


def labels_in(labels: NDArray[np.unsignedinteger[Any]]) -> NDArray[np.intp]:
    """Return the labels in an image.

    Voxels are counted slice by slice because sorting the whole image takes seconds.

    Parameters
    ----------
    labels : ndarray of shape (x, y, z), uint8 or uint16
        Label of each voxel.

    Returns
    -------
    ndarray of shape (n,), intp
        The labels in ascending order, with the background (0) if it occurs.

    Examples
    --------
    >>> labels_in(np.array([[[0, 5, 2, 5]]], np.uint8))
    array([0, 2, 5])

    """
    return np.flatnonzero(_counts_of(labels))


def _counts_of(labels: NDArray[np.unsignedinteger[Any]]) -> NDArray[np.int64]:
    counts = np.zeros(np.iinfo(labels.dtype).max + 1, np.int64)
    for axial in labels.T:
        counts += np.bincount(axial.ravel(), minlength=len(counts))
    return counts


def read_folder(path: Path, label_set: LabelSet) -> Segmentation:
    """Read the masks of a folder and merge them into one label map.

    The case, separators, and order of words of a name can differ from the label set. A voxel in several masks is
    counted and receives the highest label. A structure is omitted from the labels if it has no file or if more than
    half of its mask is in masks of higher labels. A structure with an empty mask is absent. Masks of the parts of a
    structure (`LabelSet.parts`) belong to its mask. Files whose names are not in the label set are counted in the
    detail but not read, so their overlap with other masks is not counted.

    Parameters
    ----------
    path : Path
        Folder with one file `<structure>.nii.gz` or `<structure>.nii` per structure.
    label_set : LabelSet
        Structures of the study and their labels.

    Returns
    -------
    Segmentation
        Label map of shape (x, y, z) in RAS+, with the labels of the structures that have a file.

    Raises
    ------
    ScanError
        `missing_file` if no mask has the name of a structure; `grid_mismatch` if two masks have different grids;
        `unreadable`, `not_read`, `bad_geometry`, `bad_values`, or `out_of_memory` if a mask cannot be used.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> from ctpop.imaging import nifti_writer
    >>> label_set = LabelSet("demo", pd.DataFrame({"structure": ["liver", "spleen"], "label": [1, 2]}))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name, mask in (("liver", [1, 1, 0]), ("spleen", [0, 1, 1])):
    ...         nifti_writer.write(np.array([[mask]], np.uint8), np.eye(4), Path(folder, f"{name}.nii.gz"), level=1)
    ...     found = read_folder(Path(folder), label_set)
    >>> found.volume.data, found.shared
    (array([[[1, 2, 2]]], dtype=uint8), {'liver': 1, 'spleen': 1})

    """
    found = mask_files(path)
    spelled = names_in_set(found, label_set)
    files = {spelled[name]: file for name, file in found.items()}
    wanted = {name: label for name, label in label_set.label_of.items() if name in files}
    if not wanted:
        raise ScanError(
            "missing_file",
            f"{path.name} contains no mask named after a structure of {label_set.name}, such as"
            f" {label_set.names[0]}.nii.gz; number of other NIfTI files: {len(files)}{_in_subfolders(path)}",
        )
    named = [(label, [name, *label_set.parts.get(name, [])]) for name, label in wanted.items()]
    masks = [(label, files[name]) for label, names in sorted(named) for name in names if name in files]
    merging: Merging | None = None
    for label, file in masks:
        mask = _read_mask(file)
        merging = merging or Merging(mask, max(wanted.values()))
        difference = mask.grid.differs_from(merging.merged.grid)
        if difference:
            raise ScanError("grid_mismatch", f"the grid of mask {file.name} differs from the other masks: {difference}")
        merging.add(mask.data > 0, label)
    assert merging is not None
    covered = merging.without_covered(wanted)
    shared = {name: int(merging.n_shared[label]) for name, label in wanted.items()}
    used = {name: ours for name, ours in spelled.items() if ours in label_set.label_of}
    detail = _joined(
        describe(int(np.count_nonzero(merging.shared)), len(files) - len(masks)),
        _on_covered(covered),
        remark_on(used),
        _on_doubled(path, masks),
        _on_other_files(path),
        _on_empty(merging.merged),
    )
    kept = {name: label for name, label in wanted.items() if name not in covered}
    return Segmentation(merging.merged, kept, detail, shared, covered=covered)


def _in_subfolders(folder: Path) -> str:
    n = sum(file.name.lower().endswith(SUFFIXES) for file in folder.glob("*/*"))
    return f", in subfolders: {n}. Set segmentation_path to the folder that contains the masks" if n else ""


def _on_doubled(folder: Path, masks: list[tuple[int, Path]]) -> str | None:
    plain = {file.name.lower() for file in folder.glob("*")}
    doubled = sum(file.suffix.lower() == ".gz" and file.stem.lower() in plain for _, file in masks)
    return f"masks present as both .nii and .nii.gz, of which .nii.gz is read: {doubled}" if doubled else None


def _on_covered(covered: dict[str, str]) -> str | None:
    if not covered:
        return None
    return (
        f"structures with most of their voxels in masks of higher labels: {len(covered)} (first: {next(iter(covered))})"
    )


def _on_other_files(folder: Path) -> str | None:
    images = [file for file in folder.glob("*") if file.name.lower().endswith(OTHER_IMAGES)]
    return f"images that are incomplete or not in NIfTI format and are not read: {len(images)}" if images else None


def _read_mask(file: Path) -> Volume:
    """Read a mask, and reject it if it has several nonzero values."""
    try:
        mask = read_labels(file)
    except ScanError as error:
        if error.reason != "bad_values":
            raise
        raise ScanError(error.reason, f"mask {file.name}: {error.detail}; {ONE_VALUE}") from None
    if np.count_nonzero(mask.data) > np.count_nonzero(mask.data == mask.data.max()):
        inside = [value for value in labels_in(mask.data) if value]
        shown = ", ".join(map(str, inside[:5]))
        raise ScanError(
            "bad_values",
            f"mask {file.name} has several nonzero values ({shown}{', …' if len(inside) > 5 else ''}), possibly due to"
            f" interpolation; {ONE_VALUE}",
        )
    return mask


class Merging:
    """Merging of masks into one label map, in which a voxel of several masks has the label that was added last.

    Parameters
    ----------
    like : Volume
        Mask on the grid of all masks.
    highest : int
        Highest label of the map.

    Attributes
    ----------
    merged : Volume
        Label of each voxel, shape (x, y, z), uint8 or uint16.
    shared : ndarray of shape (x, y, z), bool
        Whether a voxel is in the masks of several labels.
    n_shared : ndarray of shape (highest + 1,), int64
        Number of voxels of each label that are also in the mask of another label.
    n_replaced : ndarray of shape (highest + 1,), int64
        Number of voxels of each label that are also in a mask of a later label.

    Examples
    --------
    >>> from ctpop.imaging.images import Grid
    >>> merging = Merging(Volume(np.zeros((1, 1, 3), np.uint8), Grid((1, 1, 3), np.eye(4)), np.eye(4)), highest=2)
    >>> merging.add(np.array([[[True, True, False]]]), 1)
    >>> merging.add(np.array([[[False, True, True]]]), 2)
    >>> merging.merged.data
    array([[[1, 2, 2]]], dtype=uint8)
    >>> merging.n_shared
    array([0, 1, 1])

    """

    def __init__(self, like: Volume, highest: int) -> None:
        self.merged = empty_like(like, highest)
        self.shared: NDArray[np.bool_] = np.zeros(like.data.shape, bool, order="F")
        self.n_shared: NDArray[np.int64] = np.zeros(highest + 1, np.int64)
        self.n_replaced: NDArray[np.int64] = np.zeros(highest + 1, np.int64)

    def add(self, inside: NDArray[np.bool_], label: int) -> None:
        """Add a mask.

        The mask replaces the labels of earlier masks. A second mask of the same label extends the first one.

        Parameters
        ----------
        inside : ndarray of shape (x, y, z), bool
            Voxels of the mask.
        label : int
            Label of the mask, 1 to `highest`.

        Examples
        --------
        >>> from ctpop.imaging.images import Grid
        >>> merging = Merging(Volume(np.zeros((1, 1, 2), np.uint8), Grid((1, 1, 2), np.eye(4)), np.eye(4)), highest=1)
        >>> merging.add(np.array([[[False, True]]]), 1)
        >>> merging.merged.data
        array([[[0, 1]]], dtype=uint8)

        """
        below, known = self.merged.data[inside], self.shared[inside]
        taken = (below > 0) & (below != label)
        self.n_shared += np.bincount(below[taken & ~known], minlength=len(self.n_shared))
        self.n_shared[label] += np.count_nonzero(taken)
        self.n_replaced += np.bincount(below[taken], minlength=len(self.n_replaced))
        self.shared[inside] = taken | known
        self.merged.data[inside] = label

    def without_covered(self, wanted: dict[str, int]) -> dict[str, str]:
        """Remove structures whose masks are mostly covered by masks added later, and return a sentence about each.

        Parameters
        ----------
        wanted : dict of str to int
            Label of each structure.

        Returns
        -------
        dict of str to str
            Sentence with the voxel counts, by structure.

        Examples
        --------
        >>> from ctpop.imaging.images import Grid
        >>> merging = Merging(Volume(np.zeros((1, 1, 3), np.uint8), Grid((1, 1, 3), np.eye(4)), np.eye(4)), highest=2)
        >>> merging.add(np.array([[[True, False, False]]]), 1)
        >>> merging.add(np.array([[[True, True, False]]]), 2)
        >>> merging.without_covered({"tumor": 1, "liver": 2})
        {'tumor': '1 of 1 voxels of the mask are also in masks of higher labels, which have priority'}

        """
        if not self.n_replaced.any():
            return {}
        sizes = _counts_of(self.merged.data)[: len(self.n_replaced)] + self.n_replaced
        covered = {
            name: label for name, label in wanted.items() if self.n_replaced[label] > MOST_COVERED * sizes[label]
        }
        for label in covered.values():
            self.merged.data[self.merged.data == label] = 0
        return {
            name: f"{self.n_replaced[label]} of {sizes[label]} voxels of the mask are also in masks of higher labels,"
            " which have priority"
            for name, label in covered.items()
        }


def mask_files(folder: Path) -> dict[str, Path]:
    """Return the mask file of each name in a folder.

    Parameters
    ----------
    folder : Path
        Folder of masks.

    Returns
    -------
    dict of str to Path
        File of each name without the file extension; the compressed file if a name has two files. Hidden files, such as
        those created by macOS, are ignored.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "liver.nii").touch()
    ...     Path(folder, "liver.nii.gz").touch()
    ...     {name: file.name for name, file in mask_files(Path(folder)).items()}
    {'liver': 'liver.nii.gz'}

    """
    files = {}
    visible = [file for file in sorted(folder.glob("*")) if not file.name.startswith(".")]
    for suffix in reversed(SUFFIXES):
        files.update({file.name[: -len(suffix)]: file for file in visible if file.name.lower().endswith(suffix)})
    return files


def empty_like(mask: Volume, highest: int) -> Volume:
    """Return an empty label map on the grid of a mask.

    Parameters
    ----------
    mask : Volume
        Mask of shape (x, y, z).
    highest : int
        Highest label that the map must be able to contain.

    Returns
    -------
    Volume
        Zeros of shape (x, y, z): uint8 if `highest` is at most 255, otherwise uint16.

    Examples
    --------
    >>> from ctpop.imaging.images import Grid
    >>> mask = Volume(np.ones((1, 1, 2), np.uint8), Grid((1, 1, 2), np.eye(4)), np.eye(4))
    >>> empty_like(mask, highest=300).data
    array([[[0, 0]]], dtype=uint16)

    """
    data = np.zeros(mask.data.shape, np.uint8 if highest <= np.iinfo(np.uint8).max else np.uint16, order="F")
    return Volume(data, mask.grid, mask.stored_affine)


def describe(shared: int, ignored: int) -> str | None:
    """Return a remark for the user about the masks of a folder.

    Parameters
    ----------
    shared : int
        Number of voxels in several masks.
    ignored : int
        Number of files that are not named after a structure of the label set.

    Returns
    -------
    str or None
        The remark; None if both numbers are 0.

    Examples
    --------
    >>> describe(shared=0, ignored=3)
    'files that are not named after a structure of the label set: 3'
    >>> describe(shared=0, ignored=0) is None
    True

    """
    parts = []
    if shared:
        parts.append(f"voxels in more than one mask, which received the highest label: {shared}")
    if ignored:
        parts.append(f"files that are not named after a structure of the label set: {ignored}")
    return "; ".join(parts) or None


def checksum(path: Path) -> str:
    """Return the SHA-256 digest of all files of a segmentation.

    Parameters
    ----------
    path : Path
        NIfTI file, or folder of masks.

    Returns
    -------
    str
        Digest in 64 hexadecimal digits: of the file, or of the names and digests of the masks of a folder.

    Raises
    ------
    ScanError
        `missing_file`, `unreadable`, or `not_read` if a file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "labels.nii")
    ...     path.touch()
    ...     checksum(path)[:8]
    'e3b0c442'

    """
    if not _is_folder(path):
        return sha256_of(path)
    masks = [f"{name} {sha256_of(file)}" for name, file in sorted(mask_files(path).items())]
    return digests.of_text("\n".join(masks))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # the file type cannot be determined; opening the path as a file reports the reason
        return False

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
MOST_COVERED = 0.5  # ASSUME: of a mask; beyond it, what is left has not the volume of the structure
MANY_STRUCTURES = 10  # ASSUME: of a label set; no scan shows its spleen alone
ONE_VALUE = "a mask has one value inside and 0 outside: threshold it at half of its maximum"


@dataclass(frozen=True)
class Segmentation:
    """A label map in RAS+, the labels of its structures, and remarks for readers.

    Attributes
    ----------
    volume : Volume
        Label of each voxel, shape (x, y, z), uint8 or uint16.
    labels : dict of str to int
        Label of each structure that the map can contain.
    detail : str or None
        Remark for readers, as `describe` returns it.
    shared : dict of str to int, or None
        Where there was one mask per structure: the number of voxels of each mask that are in another mask as well.
    named : bool
        Whether the files name the structures; if not, numbers are taken to be those of the label set.
    covered : dict of str to str
        Sentence on each structure most of whose mask is in masks of higher labels. It is not among `labels`, since its
        volume is not known.

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
    """Return an existing segmentation, which must be on the grid of its CT if there is a CT.

    Parameters
    ----------
    path : Path
        NIfTI file with several labels, or folder with one mask per structure.
    label_set : LabelSet
        Structures of the study and their labels.
    ct_path : Path or None
        NIfTI file of the CT; None if there is none.

    Returns
    -------
    Segmentation
        Label map of shape (x, y, z) in RAS+.

    Raises
    ------
    ScanError
        `missing_file`, `unreadable`, `not_read`, `bad_geometry`, `bad_values`, `out_of_memory`; `unknown_labels` for
        numbers that the label set does not name; `grid_mismatch` if segmentation and CT, or two masks, have different
        grids.

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
            raise ScanError("grid_mismatch", f"segmentation and CT do not share a grid: {difference}")
    return replace(found, detail=_joined(found.detail, remark_on_spacing(found.volume)))


def read_multilabel(path: Path, label_set: LabelSet) -> Segmentation:
    """Return a label map in the numbers of the label set.

    If the file names its labels, as those of TotalSegmentator do, the names count and not the numbers: structures that
    it does not name are unknown to its producer, and those that the label set does not have become background. Names
    may differ from those of the label set in case, separators and order of words. Without names, the numbers must be
    those of the label set.

    Parameters
    ----------
    path : Path
        NIfTI file.
    label_set : LabelSet
        Structures of the study and their labels.

    Returns
    -------
    Segmentation
        Label map of shape (x, y, z) in RAS+, with the labels of the structures that the file names, or of the whole
        set.

    Raises
    ------
    ScanError
        `missing_file`, `unreadable`, `not_read`, `bad_geometry`, `bad_values`, `out_of_memory`; `unknown_labels` for
        numbers that neither the file nor the label set names, for a file that names no structure of the set, for two
        names of one structure, and for a mask of one structure without a name where the set is a shipped one.

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
    ctpop.foundation.errors.ScanError: unknown_labels: labels.nii.gz has labels 7 that label set demo does not name

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
            f"{path.name} has labels {', '.join(map(str, unknown[:5]))} that label set {label_set.name} does not name",
        )
    return Segmentation(volume, label_set.label_of, detail=_on_empty(volume), named=False)


def _refuse_single_mask(present: NDArray[np.intp], label_set: LabelSet, path: Path) -> None:
    """Refuse a file without names whose only label is 1, in a study of many structures: a mask of any structure.

    Label 1 of the shipped label sets, in whole or in part, is an organ between others. That of other sets may be the
    body or the brain, which a scan can show alone.
    """
    first = next((name for name, label in label_set.label_of.items() if label == 1), None)
    if list(present[present > 0]) != [1] or len(label_set.names) < MANY_STRUCTURES or not first:
        return
    if not _is_in_shipped_set(label_set):
        return
    raise ScanError(
        "unknown_labels",
        f"{path.name} has label 1 alone and names none, as the mask of one structure; label set {label_set.name} would"
        f" make it {first}: give a folder with the mask as STRUCTURE.nii.gz, or set structures: to a CSV with this"
        " structure",
    )


def _is_in_shipped_set(label_set: LabelSet) -> bool:
    """Return whether a shipped label set has all structures of a label set, under the same numbers."""
    shipped = (label_rows(str(file)) for file in LABEL_SETS.glob("*.csv"))
    return any(
        label_set.label_of.items() <= {row["structure"]: int(row["label"]) for row in rows}.items() for rows in shipped
    )


def _on_empty(volume: Volume) -> str | None:
    return None if volume.data.any() else "no voxel has a label"


def _joined(*remarks: str | None) -> str | None:
    return "; ".join(filter(None, remarks)) or None


def _renumbered(volume: Volume, names: dict[str, int], label_set: LabelSet, path: Path) -> Segmentation:
    """Return a label map, whose labels have names of their own, in the numbers of the label set."""
    whole_of = {part: whole for whole, parts in label_set.parts.items() for part in parts}
    ours = {name: label_set.label_of[name] for name in names if name in label_set.label_of}
    if not ours:
        known = ", ".join(list(names)[:5])
        raise ScanError("unknown_labels", f"{path.name} names no structure of {label_set.name}; it names {known}, …")
    present = labels_in(volume.data)
    unknown = np.setdiff1d(present, [0, *names.values()])
    if len(unknown):
        labels = ", ".join(map(str, unknown[:5]))
        raise ScanError(
            "unknown_labels", f"{path.name} has labels {labels} that its own list of names does not contain"
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
        "labels are read by the names in the file, which has other numbers than the label set"
        if any(number not in (label, 0) for label, number in number_of.items())
        else "",
        f"{left_out} labels of structures outside the label set are left out" if left_out else "",
    ]
    return Segmentation(replace(volume, data=data), ours, "; ".join(filter(None, remarks)) or None)


def labels_in(labels: NDArray[np.unsignedinteger[Any]]) -> NDArray[np.intp]:
    """Return the labels that occur in an image.

    Voxels are counted slice by slice, since a sort of the whole image takes seconds.

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
    """Return the masks of a folder as one label map.

    Names may differ from those of the label set in case, separators and order of words. A voxel in several masks is
    counted and has the highest label. A structure without a file, or of whose mask more than half is in masks of
    higher labels, is not among the labels; a structure with an empty mask is absent. Masks of what a structure includes
    (`LabelSet.parts`) are part of its mask.
    Files whose name is not in the label set are counted in the detail and not read, so that the voxels that they share
    with other masks are not counted.

    Parameters
    ----------
    path : Path
        Folder with a file `<structure>.nii.gz` or `<structure>.nii` per structure.
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
        `unreadable`, `not_read`, `bad_geometry`, `bad_values` or `out_of_memory` for a mask.

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
            f"{path.name} has no mask named after a structure of {label_set.name}, as {label_set.names[0]}.nii.gz;"
            f" it has {len(files)} other NIfTI files{_in_subfolders(path)}",
        )
    named = [(label, [name, *label_set.parts.get(name, [])]) for name, label in wanted.items()]
    masks = [(label, files[name]) for label, names in sorted(named) for name in names if name in files]
    merging: Merging | None = None
    for label, file in masks:
        mask = _read_mask(file)
        merging = merging or Merging(mask, max(wanted.values()))
        difference = mask.grid.differs_from(merging.merged.grid)
        if difference:
            raise ScanError("grid_mismatch", f"mask {file.name} is on another grid than the others: {difference}")
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
    return f", and {n} in subfolders: segmentation_path must be the folder that has the masks" if n else ""


def _on_doubled(folder: Path, masks: list[tuple[int, Path]]) -> str | None:
    plain = {file.name.lower() for file in folder.glob("*")}
    doubled = sum(file.suffix.lower() == ".gz" and file.stem.lower() in plain for _, file in masks)
    return f"{doubled} masks are there as .nii and .nii.gz, of which .nii.gz is read" if doubled else None


def _on_covered(covered: dict[str, str]) -> str | None:
    if not covered:
        return None
    return (
        f"{len(covered)} structures, first {next(iter(covered))}, have most of their voxels in masks of higher labels"
    )


def _on_other_files(folder: Path) -> str | None:
    images = [file for file in folder.glob("*") if file.name.lower().endswith(OTHER_IMAGES)]
    return f"{len(images)} images that are not NIfTI, or not complete, are not read" if images else None


def _read_mask(file: Path) -> Volume:
    """Return a mask, which is refused if it has several values beside 0."""
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
            f"mask {file.name} has several values beside 0 ({shown}{', …' if len(inside) > 5 else ''}), as after"
            f" interpolation; {ONE_VALUE}",
        )
    return mask


class Merging:
    """Masks that are merged into one label map: a voxel of several masks has the label that was added last.

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
        Number of voxels of each label that are in the mask of another label as well.
    n_replaced : ndarray of shape (highest + 1,), int64
        Number of voxels of each label that masks of later labels have.

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
        """Add a mask, which replaces the labels of earlier masks; a second mask of a label extends the first one.

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
        """Remove structures most of whose mask is in masks that were added later, and return a sentence on each.

        Parameters
        ----------
        wanted : dict of str to int
            Label of each structure.

        Returns
        -------
        dict of str to str
            Sentence with the numbers of voxels, by structure.

        Examples
        --------
        >>> from ctpop.imaging.images import Grid
        >>> merging = Merging(Volume(np.zeros((1, 1, 3), np.uint8), Grid((1, 1, 3), np.eye(4)), np.eye(4)), highest=2)
        >>> merging.add(np.array([[[True, False, False]]]), 1)
        >>> merging.add(np.array([[[True, True, False]]]), 2)
        >>> merging.without_covered({"tumour": 1, "liver": 2})
        {'tumour': '1 of 1 voxels of the mask are in masks of higher labels, which have them'}

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
            name: f"{self.n_replaced[label]} of {sizes[label]} voxels of the mask are in masks of higher labels, which"
            " have them"
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
        File of each name without its ending; of two files with one name, the compressed one. Hidden files, such as
        those that macOS adds, do not count.

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
    """Return a label map without labels on the grid of a mask.

    Parameters
    ----------
    mask : Volume
        Mask of shape (x, y, z).
    highest : int
        Highest label for which the map must have room.

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
    """Return a remark on a merged folder for readers, or None if there is nothing to remark.

    Parameters
    ----------
    shared : int
        Number of voxels in several masks.
    ignored : int
        Number of files that name no structure of the label set.

    Returns
    -------
    str or None
        The remark.

    Examples
    --------
    >>> describe(shared=0, ignored=3)
    '3 files name no structure of the label set'
    >>> describe(shared=0, ignored=0) is None
    True

    """
    parts = []
    if shared:
        parts.append(f"{shared} voxels lie in more than one mask and went to the highest label")
    if ignored:
        parts.append(f"{ignored} files name no structure of the label set")
    return "; ".join(parts) or None


def checksum(path: Path) -> str:
    """Return the SHA-256 of a segmentation, over all its files.

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
        `missing_file`, `unreadable` or `not_read`.

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
    except OSError:  # not even that can be told; opening it as a file says why
        return False

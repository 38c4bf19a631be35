"""The header of a NIfTI file, whose fields are checked before any voxel is read or any memory is allocated.

nibabel interprets the fields. A header that nibabel would repair or complete by a guess without a warning is refused:
a missing voxel edge, a side that is neither left nor right, voxels that begin inside the header. Extensions are not
read.
"""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctpop.foundation.errors import ScanError, in_one_line

KINDS = {348: "Nifti1Header", 540: "Nifti2Header"}  # of nibabel; by length, which is the first number of a file
LENGTH = max(KINDS)
LONGEST_EXTENSIONS = 64 << 20  # bytes; there may be a DICOM header in front of the voxels, not more
MOST_VOXELS = 2**31
GZIP = b"\x1f\x8b"  # the first bytes of compressed data
UNIT_BITS = 0b111  # of the field xyzt_units, for lengths
OTHER_UNITS = {1: "metres", 3: "micrometres"}  # SOURCE: NIFTI_UNITS_METER and NIFTI_UNITS_MICRON in nifti1.h
SPACING_RANGE_MM = (0.1, 20.0)
LONGEST_CT_MM = 3000.0  # above every scanner's table; a wrong spacing would ask for any amount of memory later
LARGEST_SHEAR = 0.02  # cosine between axes that should be at right angles; gantry tilt is far above
LARGEST_SIZE_DIFFERENCE = 0.01  # of an edge, between the statements of a header about it
SMALLEST_AGREEMENT = 0.9  # cosine between an axis of the qform and the same axis of the sform; -1 if a side is swapped
ERROR = 40  # nibabel's level of what it cannot repair
QUIET = logging.Logger("nibabel", logging.CRITICAL)


@dataclass(frozen=True)
class Header:
    """The content of a header: a volume in the order of axes in which it is stored.

    A value is `slope` × stored value + `intercept`.

    Attributes
    ----------
    shape : tuple of int
        Number of voxels along the stored axes i, j and k.
    affine : ndarray of shape (4, 4), float64
        Matrix from stored voxel indices (i, j, k) to world coordinates in mm (right, anterior, superior).
    dtype : numpy.dtype
        Data type of the stored values, with their byte order.
    slope : float
        Factor of the stored values.
    intercept : float
        Summand of the scaled values: HU for a CT.
    offset : int
        Position of the first voxel in the unpacked file, in bytes.

    Examples
    --------
    >>> Header((2, 3, 4), np.eye(4), np.dtype(np.int16), slope=1.0, intercept=0.0, offset=352).size
    48

    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    dtype: np.dtype[Any]
    slope: float
    intercept: float
    offset: int

    @property
    def size(self) -> int:
        """Return the size of all voxels in the unpacked file.

        Returns
        -------
        int
            Number of bytes.

        Examples
        --------
        >>> Header((10, 10, 10), np.eye(4), np.dtype(np.uint8), slope=1.0, intercept=0.0, offset=352).size
        1000

        """
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize


def parse(block: bytes, name: str) -> Header:
    """Return the header at the beginning of a file.

    Parameters
    ----------
    block : bytes
        The first `LENGTH` bytes of the unpacked file, or all of it if it is shorter.
    name : str
        Name of the file for the text of an error.

    Returns
    -------
    Header
        The checked content of the header, in the stored order of axes (i, j, k).

    Raises
    ------
    ScanError
        `unreadable` if the block is no NIfTI header of a single file; `bad_geometry` for a shape, spacing or
        orientation that is not valid; `bad_values` for a data type or a scaling that no CT has.

    Examples
    --------
    >>> import nibabel as nib
    >>> fields = nib.Nifti1Header()
    >>> fields.set_data_shape((2, 3, 4))
    >>> fields.set_data_dtype(np.int16)
    >>> fields.set_sform(np.diag([-1.0, -1.0, 5.0, 1.0]), code=1)
    >>> fields["vox_offset"] = 352
    >>> header = parse(fields.binaryblock, "ct.nii")
    >>> header.shape, header.slope, header.offset
    ((2, 3, 4), 1.0, 352)

    """
    from nibabel.spatialimages import HeaderDataError

    fields = _fields(block, name)
    shape = _shape(fields)
    _check_pixdim(fields)
    try:
        fields.check_fix(QUIET, ERROR)
    except HeaderDataError as error:
        raise ScanError("unreadable", f"{name}: {in_one_line(error)}") from None
    return Header(shape, _affine(fields, shape), *_values(fields), int(fields["vox_offset"]))


def edges_mm(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the lengths of the edges of a voxel.

    Parameters
    ----------
    affine : ndarray of shape (4, 4), float64
        Matrix from voxel indices to world coordinates in mm.

    Returns
    -------
    ndarray of shape (3,), float64
        Edge lengths in mm, in the order of the voxel axes.

    Examples
    --------
    >>> edges_mm(np.diag([-1.5, -1.5, 3.0, 1.0]))
    array([1.5, 1.5, 3. ])

    """
    return np.asarray(np.sqrt((affine[:3, :3] ** 2).sum(axis=0)))


def _fields(block: bytes, name: str) -> Any:
    lengths = {order: int.from_bytes(block[:4], order) for order in ("little", "big")}
    order = next((order for order, length in lengths.items() if length in KINDS), "little")
    if lengths[order] not in KINDS or len(block) < lengths[order]:
        remedy = ", but is compressed: unpack it once, or name it .nii.gz" if block[:2] == GZIP else ""
        raise ScanError("unreadable", f"{name} does not begin with a NIfTI header{remedy}")
    import nibabel as nib

    kind = getattr(nib, KINDS[lengths[order]])
    fields = kind(block[: lengths[order]], order, check=False)
    if fields["magic"] != kind.single_magic:
        raise ScanError("unreadable", f"{name} is not NIfTI with header and voxels in one file")
    offset, first = float(fields["vox_offset"]), kind.single_vox_offset
    if not (first <= offset <= first + LONGEST_EXTENSIONS and offset.is_integer()):
        raise ScanError("unreadable", f"{name}: voxels cannot begin at byte {offset:g}")
    return fields


def _shape(fields: Any) -> tuple[int, int, int]:
    axes = int(fields["dim"][0])
    found = tuple(int(n) for n in fields["dim"][1 : max(axes, 0) + 1])
    shape = found
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(found) != axes or len(shape) != 3 or min(shape) < 1:
        raise ScanError("bad_geometry", f"one volume with three axes is expected, found shape {found}")
    if np.prod(shape, dtype=np.float64) > MOST_VOXELS:
        raise ScanError("bad_geometry", f"shape {shape} has more than 2^31 voxels")
    return shape[0], shape[1], shape[2]


def _check_pixdim(fields: Any) -> None:
    """Refuse a qform whose voxel edges or side nibabel would guess."""
    side, *edges = (float(value) for value in fields["pixdim"][:4])
    if fields["qform_code"] > 0 and not (side in (-1, 0, 1) and all(0 < edge < np.inf for edge in edges)):
        raise ScanError("bad_geometry", f"the qform needs side 1 or -1 and voxel edges above 0, found {side}, {edges}")


@np.errstate(all="ignore")  # what overflows is infinite, and refused as such
def _affine(fields: Any, shape: tuple[int, int, int]) -> NDArray[np.float64]:
    if not fields["sform_code"] and not fields["qform_code"]:
        raise ScanError("bad_geometry", "neither qform nor sform is set, so that left and right are not known")
    qform = _qform(fields) if fields["qform_code"] else None
    affine = np.asarray(fields.get_sform() if fields["sform_code"] else qform, np.float64)
    _check_affine(affine, shape, OTHER_UNITS.get(int(fields["xyzt_units"]) & UNIT_BITS))
    if fields["sform_code"] and qform is not None:
        _check_forms_agree(qform, affine)
    elif fields["sform_code"]:
        _check_pixdim_agrees(fields, affine)
    return affine


def _qform(fields: Any) -> NDArray[np.float64]:
    try:
        return np.asarray(fields.get_qform(), np.float64)
    except ValueError:
        raise ScanError("bad_geometry", "the qform has a broken quaternion") from None


def _check_affine(affine: NDArray[np.float64], shape: tuple[int, int, int], unit: str | None) -> None:
    """Refuse an affine that no CT has; `unit` is what the header states if it is not mm, for the remedy."""
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise ScanError("bad_geometry", "the affine is singular or not finite")
    spacing = edges_mm(affine)
    low, high = SPACING_RANGE_MM
    if spacing.min() < low or spacing.max() > high:
        remedy = f"; the header states {unit}: store spacing and affine in mm" if unit else ""
        raise ScanError(
            "bad_geometry", f"spacing must be {low} to {high} mm, found {spacing.round(3).tolist()}{remedy}"
        )
    if (spacing * shape).max() > LONGEST_CT_MM:
        found = f"{(spacing * shape).round().tolist()} mm"
        raise ScanError("bad_geometry", f"no CT is longer than {LONGEST_CT_MM} mm, found {found}: the spacing is wrong")
    cosines = affine[:3, :3] / spacing
    shear = np.abs(cosines.T @ cosines - np.eye(3)).max()
    if shear > LARGEST_SHEAR:
        raise ScanError("bad_geometry", f"axes are not at right angles (cosine {shear:.3f}): correct the gantry tilt")


def _check_forms_agree(qform: NDArray[np.float64], sform: NDArray[np.float64]) -> None:
    by_qform, by_sform = edges_mm(qform), edges_mm(sform)
    if not _edges_agree(by_qform, by_sform):
        found = f"{by_qform.round(3).tolist()} and {by_sform.round(3).tolist()} mm"
        raise ScanError("bad_geometry", f"qform and sform give different voxel sizes: {found}")
    agreement = (qform[:3, :3] * sform[:3, :3]).sum(axis=0) / (by_qform * by_sform)
    if agreement.min() < SMALLEST_AGREEMENT:
        raise ScanError("bad_geometry", "qform and sform give different orientations, so that sides are not known")


def _check_pixdim_agrees(fields: Any, sform: NDArray[np.float64]) -> None:
    """Refuse voxel edges that contradict the sform; an edge of 1 or 0 is what programs leave where they set none."""
    edges = np.asarray(fields["pixdim"][1:4], np.float64)
    if not (edges > 0).all():
        return
    by_sform, is_set = edges_mm(sform), edges != 1
    if not _edges_agree(edges[is_set], by_sform[is_set]):
        found = f"{edges.round(3).tolist()} and {by_sform.round(3).tolist()} mm"
        raise ScanError(
            "bad_geometry", f"pixdim and sform give different voxel sizes: {found}; write the right one into both"
        )


def _edges_agree(edges: NDArray[np.float64], by_sform: NDArray[np.float64]) -> bool:
    return bool((np.abs(edges - by_sform) <= LARGEST_SIZE_DIFFERENCE * by_sform).all())  # not where an edge is NaN


def _values(fields: Any) -> tuple[np.dtype[Any], float, float]:
    dtype = fields.get_data_dtype()
    if dtype.kind not in "iuf":
        raise ScanError("bad_values", f"voxels must be real numbers, found {dtype}")
    slope, intercept = float(fields["scl_slope"]), float(fields["scl_inter"])
    if slope == 0 or np.isnan(slope):  # the ways of the standard and of nibabel to say: not scaled
        return dtype, 1.0, 0.0
    if slope < 0:
        raise ScanError(
            "bad_values", f"a slope below 0 turns light into dense tissue, found {slope:g}: store HU without it"
        )
    if not np.isfinite([slope, intercept]).all():
        raise ScanError("bad_values", f"values cannot be scaled by {slope} and shifted by {intercept}")
    return dtype, slope, intercept

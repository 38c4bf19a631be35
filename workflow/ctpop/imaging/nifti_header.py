"""Validation of the header of a NIfTI file before voxels are read or memory is allocated.

nibabel interprets the fields. A header that nibabel would silently repair or complete is rejected, for example if a
voxel edge is missing, the side is neither left nor right, or the voxels start inside the header. Extensions are not
read.
"""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctpop.foundation.errors import ScanError, in_one_line

KINDS = {348: "Nifti1Header", 540: "Nifti2Header"}  # nibabel class by header length, the first number in the file
LENGTH = max(KINDS)
LONGEST_EXTENSIONS = 64 << 20  # bytes; sufficient for a DICOM header before the voxels
MOST_VOXELS = 2**31
GZIP = b"\x1f\x8b"  # the first bytes of compressed data
UNIT_BITS = 0b111  # bits of the field xyzt_units that specify the unit of length
OTHER_UNITS = {1: "meters", 3: "micrometers"}  # SOURCE: NIFTI_UNITS_METER and NIFTI_UNITS_MICRON in nifti1.h
SPACING_RANGE_MM = (0.1, 20.0)
LONGEST_CT_MM = 3000.0  # longer than any table; with a wrong spacing, later steps could require unlimited memory
LARGEST_SHEAR = 0.02  # cosine between axes, 0 at right angles; the cosine with gantry tilt is much larger
LARGEST_SIZE_DIFFERENCE = 0.01  # proportion of an edge, between two fields of a header
SMALLEST_AGREEMENT = 0.9  # cosine between the same axis of the qform and the sform; -1 if a side is swapped
ERROR = 40  # error level of nibabel for fields that it cannot repair
QUIET = logging.Logger("nibabel", logging.CRITICAL)


@dataclass(frozen=True)
class Header:
    """The content of a header, with axes in stored order.

    A value of the image is `slope` × stored value + `intercept`.

    Attributes
    ----------
    shape : tuple of int
        Number of voxels along the stored axes i, j and k.
    affine : ndarray of shape (4, 4), float64
        Matrix from stored voxel indices (i, j, k) to world coordinates in mm (right, anterior, superior).
    dtype : numpy.dtype
        Data type of the stored values, with byte order.
    slope : float
        Factor by which stored values are multiplied.
    intercept : float
        Value added after multiplication, in HU for a CT.
    offset : int
        Position of the first voxel in the decompressed file, in bytes.

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
        """Return the size of all voxels in the decompressed file.

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
    """Parse and check the header at the start of a file.

    Parameters
    ----------
    block : bytes
        The first `LENGTH` bytes of the decompressed file, or the whole file if it is shorter.
    name : str
        Name of the file for error messages.

    Returns
    -------
    Header
        The checked content of the header, with axes in stored order (i, j, k).

    Raises
    ------
    ScanError
        `unreadable` if the block is not the header of a single-file NIfTI image; `bad_geometry` for an invalid shape,
        spacing, or orientation; `bad_values` for a data type or a scaling that is invalid for a CT.

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
        remedy = "; it is compressed: decompress it, or rename it to .nii.gz" if block[:2] == GZIP else ""
        raise ScanError("unreadable", f"{name} does not start with a NIfTI header{remedy}")
    import nibabel as nib

    kind = getattr(nib, KINDS[lengths[order]])
    fields = kind(block[: lengths[order]], order, check=False)
    if fields["magic"] != kind.single_magic:
        raise ScanError("unreadable", f"{name} is not a NIfTI file that contains both header and voxels")
    offset, first = float(fields["vox_offset"]), kind.single_vox_offset
    if not (first <= offset <= first + LONGEST_EXTENSIONS and offset.is_integer()):
        raise ScanError("unreadable", f"{name}: invalid position of the first voxel (byte {offset:g})")
    return fields


def _shape(fields: Any) -> tuple[int, int, int]:
    axes = int(fields["dim"][0])
    found = tuple(int(n) for n in fields["dim"][1 : max(axes, 0) + 1])
    shape = found
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(found) != axes or len(shape) != 3 or min(shape) < 1:
        raise ScanError("bad_geometry", f"the file must contain one volume with three axes, found shape {found}")
    if np.prod(shape, dtype=np.float64) > MOST_VOXELS:
        raise ScanError("bad_geometry", f"shape {shape} has more than 2^31 voxels")
    return shape[0], shape[1], shape[2]


def _check_pixdim(fields: Any) -> None:
    """Reject a qform with invalid voxel edges or side, which nibabel would replace by defaults."""
    side, *edges = (float(value) for value in fields["pixdim"][:4])
    if fields["qform_code"] > 0 and not (side in (-1, 0, 1) and all(0 < edge < np.inf for edge in edges)):
        raise ScanError(
            "bad_geometry", f"the qform requires side 1 or -1 and voxel edges above 0, found {side}, {edges}"
        )


@np.errstate(all="ignore")  # overflow results in infinite values, which are rejected later
def _affine(fields: Any, shape: tuple[int, int, int]) -> NDArray[np.float64]:
    if not fields["sform_code"] and not fields["qform_code"]:
        raise ScanError("bad_geometry", "neither qform nor sform is set, so left and right are unknown")
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
        raise ScanError("bad_geometry", "the qform contains an invalid quaternion") from None


def _check_affine(affine: NDArray[np.float64], shape: tuple[int, int, int], unit: str | None) -> None:
    """Reject an affine that is invalid for a CT; `unit` is the unit in the header if it is not mm."""
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise ScanError("bad_geometry", "the affine is singular or not finite")
    spacing = edges_mm(affine)
    low, high = SPACING_RANGE_MM
    if spacing.min() < low or spacing.max() > high:
        remedy = f"; the header specifies {unit}: store spacing and affine in mm" if unit else ""
        raise ScanError(
            "bad_geometry", f"spacing must be {low} to {high} mm, found {spacing.round(3).tolist()}{remedy}"
        )
    if (spacing * shape).max() > LONGEST_CT_MM:
        found = f"{(spacing * shape).round().tolist()} mm"
        raise ScanError(
            "bad_geometry", f"a CT is at most {LONGEST_CT_MM:g} mm long, found {found}; the spacing is wrong"
        )
    cosines = affine[:3, :3] / spacing
    shear = np.abs(cosines.T @ cosines - np.eye(3)).max()
    if shear > LARGEST_SHEAR:
        raise ScanError(
            "bad_geometry", f"the axes are not at right angles (cosine {shear:.3f}); correct the gantry tilt"
        )


def _check_forms_agree(qform: NDArray[np.float64], sform: NDArray[np.float64]) -> None:
    by_qform, by_sform = edges_mm(qform), edges_mm(sform)
    if not _edges_agree(by_qform, by_sform):
        found = f"{by_qform.round(3).tolist()} and {by_sform.round(3).tolist()} mm"
        raise ScanError("bad_geometry", f"qform and sform specify different voxel sizes: {found}")
    agreement = (qform[:3, :3] * sform[:3, :3]).sum(axis=0) / (by_qform * by_sform)
    if agreement.min() < SMALLEST_AGREEMENT:
        raise ScanError("bad_geometry", "qform and sform specify different orientations, so left and right are unknown")


def _check_pixdim_agrees(fields: Any, sform: NDArray[np.float64]) -> None:
    """Reject voxel edges that contradict the sform, except edges of 1 or 0, which are defaults of programs."""
    edges = np.asarray(fields["pixdim"][1:4], np.float64)
    if not (edges > 0).all():
        return
    by_sform, is_set = edges_mm(sform), edges != 1
    if not _edges_agree(edges[is_set], by_sform[is_set]):
        found = f"{edges.round(3).tolist()} and {by_sform.round(3).tolist()} mm"
        raise ScanError(
            "bad_geometry", f"pixdim and sform specify different voxel sizes: {found}; write the correct size to both"
        )


def _edges_agree(edges: NDArray[np.float64], by_sform: NDArray[np.float64]) -> bool:
    return bool((np.abs(edges - by_sform) <= LARGEST_SIZE_DIFFERENCE * by_sform).all())  # False if an edge is NaN


def _values(fields: Any) -> tuple[np.dtype[Any], float, float]:
    dtype = fields.get_data_dtype()
    if dtype.kind not in "iuf":
        raise ScanError("bad_values", f"voxels must be real numbers, found {dtype}")
    slope, intercept = float(fields["scl_slope"]), float(fields["scl_inter"])
    if slope == 0 or np.isnan(slope):  # the values with which the standard and nibabel mark images without scaling
        return dtype, 1.0, 0.0
    if slope < 0:
        raise ScanError(
            "bad_values", f"the slope is {slope:g}; a slope below 0 reverses the attenuation. Store HU without a slope"
        )
    if not np.isfinite([slope, intercept]).all():
        raise ScanError("bad_values", f"the slope ({slope}) or the intercept ({intercept}) is invalid")
    return dtype, slope, intercept

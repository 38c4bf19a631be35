"""Comparison of a converted volume with the headers and pixels of the DICOM files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
from nibabel import orientations
from numpy.typing import NDArray

from ctpop.foundation.errors import ScanError
from ctpop.imaging.images import Volume
from ctpop.imaging.nifti_header import LARGEST_SHEAR, edges_mm
from ctpop.stages.dicom.geometry import Stack, affine_of, faults_of
from ctpop.stages.dicom.quiet_pydicom import quiet_pydicom
from ctpop.stages.dicom.series_grouping import numbers_of, stack_of_facts

FARTHEST_VOXELS = 0.5  # displacement of a corner as a multiple of the smallest voxel edge; positions are rounded
ROUNDING_MM = 0.01  # in the distance of two slices, whose positions are rounded
LARGEST_ROUNDING_HU = 0.01


@dataclass(frozen=True)
class PixelFrame:
    """A slice in the files: its file, its frame number, and the slope and intercept from stored values to HU."""

    file: Path
    number: int
    slope: float
    intercept: float


@dataclass(frozen=True)
class ExpectedVolume:
    """Volume according to the headers: shape (columns, rows, slices), affine to RAS+, HU range, and slices.

    `frames` are sorted along the normal of the slices, which is the third axis of the affine. `deviation_mm` is the
    largest distance of a slice from its position on the grid of the affine.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    deviation_mm: float
    hu_lowest: float
    hu_highest: float
    frames: list[PixelFrame]


def expected_volume_of(files: list[Path], facts: Sequence[Mapping[str, Any]], even_within_mm: float) -> ExpectedVolume:
    """Return the volume that the headers of the files of a scan describe.

    Raises
    ------
    ScanError
        `not_hu`; `bad_geometry` for a tilted gantry; `not_one_volume` if the series is not complete according to
        `faults_of`, the rule of `index`. Interpolated slices would otherwise be measured in the gaps.

    """
    stack = stack_of_facts(facts)
    if any(one.get("slope") is None for one in facts):
        raise ScanError("not_hu", "the header does not define Hounsfield units")
    if stack is None:
        raise ScanError("not_one_volume", f"images: {len(facts)}, at least one of them without a position")
    faults = faults_of(stack, numbers_of(facts), even_within_mm)
    if faults:
        raise ScanError(
            "not_one_volume",
            f"{', '.join(faults)} (images: {len(facts)}, missing slices: {stack.n_missing or 0}, repeated positions:"
            f" {stack.n_repeated}, largest deviation from an even grid: {round(stack.deviation or 0, 3):g} mm)",
        )
    if np.sin(np.radians(stack.shear_deg or 0.0)) > LARGEST_SHEAR:
        raise ScanError(
            "bad_geometry",
            f"the gantry was tilted by {stack.shear_deg:.3g}°; correct the tilt, or exclude tilted series with the"
            " setting dicom.largest_tilt_deg",
        )
    frames = [
        PixelFrame(file, number, one["slope"], one["intercept"])
        for file, one in zip(files, facts, strict=True)
        for number in range(len(one["positions"]))
    ]
    return ExpectedVolume(
        (int(facts[0]["columns"]), int(facts[0]["rows"]), stack.n_places),
        affine_of(stack, np.array(facts[0]["orientation"]), np.array(facts[0]["edges"])),
        stack.deviation or 0.0,
        min(one["hu_lowest"] for one in facts),
        max(one["hu_highest"] for one in facts),
        _sorted(frames, stack),
    )


def _sorted(frames: list[PixelFrame], stack: Stack) -> list[PixelFrame]:
    return [frames[place] for place in stack.order]


def take_over_grid(path: Path, expected_volume: ExpectedVolume) -> None:
    """Replace the affine of a NIfTI file of dcm2niix by the affine of the headers.

    The converter uses the distance of the first two slices for all slices. The affine of the headers is based on the
    mean spacing.

    Raises
    ------
    ScanError
        `slices_differ`, or `grid_differs` if the file is not on the grid of the headers. The corners of the first slice
        must agree within half a voxel, and the slice spacing within the accuracy of the positions.

    """
    with path.open("rb") as file:
        header = nib.Nifti1Header.from_fileobj(file)
    found, shape = header.get_best_affine(), header.get_data_shape()
    turn = orientations.ornt_transform(
        orientations.io_orientation(expected_volume.affine), orientations.io_orientation(found)
    )
    expected_shape = tuple(expected_volume.shape[int(axis)] for axis in np.argsort(turn[:, 0]))
    if expected_shape != shape:
        raise ScanError("slices_differ", f"the volume has the shape {shape}, and the headers define {expected_shape}")
    affine = expected_volume.affine @ orientations.inv_ornt_aff(turn, expected_volume.shape)
    _check_grid(found, affine, shape, int(turn[2, 0]), expected_volume.deviation_mm)
    header.set_sform(affine, code=1)
    header["pixdim"][1:4] = edges_mm(affine)
    header["qform_code"] = 0  # a qform cannot represent the shear of a slightly tilted gantry
    with path.open("r+b") as file:
        file.write(header.binaryblock)


def _check_grid(
    found: NDArray[np.float64],
    expected: NDArray[np.float64],
    shape: tuple[int, ...],
    slice_axis: int,
    deviation_mm: float,
) -> None:
    edges = edges_mm(expected)
    in_slice = [(0, 0) if axis == slice_axis else (0, n - 1) for axis, n in enumerate(shape)]
    corners = np.array(np.meshgrid(*in_slice, [1])).reshape(4, -1)
    apart = float(np.linalg.norm((found - expected)[:3] @ corners, axis=0).max())
    if apart > FARTHEST_VOXELS * edges.min() + deviation_mm:
        raise ScanError("grid_differs", f"corners are up to {apart:.3g} mm from their position in the headers")
    one, other = (expected[:3, axis] for axis in range(3) if axis != slice_axis)
    normal = np.cross(one, other)
    distance, step = (abs(affine[:3, slice_axis] @ normal) / np.linalg.norm(normal) for affine in (found, expected))
    if shape[slice_axis] > 1 and abs(distance - step) > 2 * deviation_mm + ROUNDING_MM:
        raise ScanError("grid_differs", f"the slice spacing is {distance:.3g} mm, and {step:.3g} mm in the headers")


def check(volume: Volume, expected_volume: ExpectedVolume, air_below_hu: float | None) -> int:
    """Compare the values of a volume with the headers and files, and return the number of slices that were compared.

    Raises
    ------
    ScanError
        `hu_differ` or `not_hu`.

    """
    low, high = float(volume.data.min()), float(volume.data.max())
    if low < expected_volume.hu_lowest or high > expected_volume.hu_highest:
        limits = f"{expected_volume.hu_lowest:g} to {expected_volume.hu_highest:g}"
        raise ScanError(
            "hu_differ", f"values range from {low:g} to {high:g} HU, but the stored bits can represent only {limits} HU"
        )
    if air_below_hu is not None and low > air_below_hu:
        raise ScanError("not_hu", f"no voxel is below {air_below_hu:g} HU; the lowest value is {low:g} HU")
    return _compared(volume, expected_volume)


def _compared(volume: Volume, expected_volume: ExpectedVolume) -> int:
    """Compare the first, middle, and last slices with files that pydicom can decompress, and return the count."""
    back = orientations.ornt_transform(
        orientations.io_orientation(np.eye(4)), orientations.io_orientation(expected_volume.affine)
    )
    slices = orientations.apply_orientation(volume.data, back)
    compared = 0
    for place in sorted({0, len(expected_volume.frames) // 2, len(expected_volume.frames) - 1}):
        hu = hu_of(expected_volume.frames[place])
        if hu is None:
            continue
        if np.abs(slices[:, :, place].T - hu).max() > LARGEST_ROUNDING_HU:
            raise ScanError(
                "hu_differ", f"values of slice {place + 1} of {len(expected_volume.frames)} differ from the DICOM file"
            )
        compared += 1
    return compared


def hu_of(frame: PixelFrame) -> NDArray[np.float64] | None:
    """Return the HU (row, column) of a slice in its file, or None if pydicom cannot decompress the file."""
    try:
        with quiet_pydicom():
            pixels = _with_syntax(pydicom.dcmread(frame.file, force=True)).pixel_array
    except Exception:  # noqa: BLE001 - for example, a missing codec; the message can quote the header
        return None
    slice_ = pixels if pixels.ndim == 2 else pixels[frame.number]
    return np.asarray(slice_ * np.float64(frame.slope) + np.float64(frame.intercept))


def _with_syntax(dataset: pydicom.Dataset) -> pydicom.Dataset:
    """Return a dataset whose pixels are treated as uncompressed if the file does not state its transfer syntax."""
    is_little_endian = dataset.original_encoding[1]
    if "TransferSyntaxUID" not in dataset.file_meta and is_little_endian:
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    return dataset

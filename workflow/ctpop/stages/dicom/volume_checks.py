"""Whether a converted volume is what the DICOM headers promise, and holds the pixels of the DICOM files."""

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

FARTHEST_VOXELS = 0.5  # of a voxel's smallest edge, at the corners; positions are rounded numbers
ROUNDING_MM = 0.01  # of a distance of two slices, which are rounded numbers
LARGEST_ROUNDING_HU = 0.01


@dataclass(frozen=True)
class PixelFrame:
    """A slice in the files: its file, its number there, and how its stored values become HU."""

    file: Path
    number: int
    slope: float
    intercept: float


@dataclass(frozen=True)
class ExpectedVolume:
    """What the headers of a scan say: columns, rows and slices, the affine to RAS in that order, HU, and the slices.

    `frames` are sorted along the normal of the slices, as the third axis of the affine. `deviation_mm` is the largest
    distance of a slice from its place on the grid of the affine.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    deviation_mm: float
    hu_lowest: float
    hu_highest: float
    frames: list[PixelFrame]


def expected_volume_of(files: list[Path], facts: Sequence[Mapping[str, Any]], even_within_mm: float) -> ExpectedVolume:
    """Return what the headers of a scan's files say of its volume.

    Raises
    ------
    ScanError
        `not_hu`; `bad_geometry` for a tilted gantry; `not_one_volume` by the rule by which `index` calls a series
        complete (`faults_of`): where no slice lies, a made-up one would be measured.

    """
    stack = stack_of_facts(facts)
    if any(one.get("slope") is None for one in facts):
        raise ScanError("not_hu", "the header does not promise Hounsfield units")
    if stack is None:
        raise ScanError("not_one_volume", f"{len(facts)} images, slices without place")
    faults = faults_of(stack, numbers_of(facts), even_within_mm)
    if faults:
        raise ScanError(
            "not_one_volume",
            f"{', '.join(faults)}: {len(facts)} images, slices {stack.n_missing or 0} missing, {stack.n_repeated} at"
            f" the place of another, up to {round(stack.deviation or 0, 3):g} mm off",
        )
    if np.sin(np.radians(stack.shear_deg or 0.0)) > LARGEST_SHEAR:
        raise ScanError("bad_geometry", f"the gantry was tilted by {stack.shear_deg:.3g} degrees: correct the tilt")
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
    """Write the affine of the headers into a NIfTI file of dcm2niix, which takes the first distance of slices for all.

    Raises
    ------
    ScanError
        `slices_differ`, or `grid_differs` if the file is not on the grid of the headers: the corners of its first slice
        within half a voxel, and the distance of its slices within what the positions leave open.

    """
    with path.open("rb") as file:
        header = nib.Nifti1Header.from_fileobj(file)
    found, shape = header.get_best_affine(), header.get_data_shape()
    turn = orientations.ornt_transform(
        orientations.io_orientation(expected_volume.affine), orientations.io_orientation(found)
    )
    promised = tuple(expected_volume.shape[int(axis)] for axis in np.argsort(turn[:, 0]))
    if promised != shape:
        raise ScanError("slices_differ", f"the headers promise {promised} voxels, found {shape}")
    affine = expected_volume.affine @ orientations.inv_ornt_aff(turn, expected_volume.shape)
    _check_grid(found, affine, shape, int(turn[2, 0]), expected_volume.deviation_mm)
    header.set_sform(affine, code=1)
    header["pixdim"][1:4] = edges_mm(affine)
    header["qform_code"] = 0  # it cannot hold the slight shear of a slightly tilted gantry
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
        raise ScanError("grid_differs", f"corners are up to {apart:.3g} mm from where the headers put them")
    one, other = (expected[:3, axis] for axis in range(3) if axis != slice_axis)
    normal = np.cross(one, other)
    distance, step = (abs(affine[:3, slice_axis] @ normal) / np.linalg.norm(normal) for affine in (found, expected))
    if shape[slice_axis] > 1 and abs(distance - step) > 2 * deviation_mm + ROUNDING_MM:
        raise ScanError("grid_differs", f"slices are {distance:.3g} mm apart, {step:.3g} mm by the headers")


def check(volume: Volume, expected_volume: ExpectedVolume, air_below_hu: float | None) -> int:
    """Return how many slices were compared value by value, after everything agreed.

    Raises
    ------
    ScanError
        `hu_differ` or `not_hu`.

    """
    low, high = float(volume.data.min()), float(volume.data.max())
    if low < expected_volume.hu_lowest or high > expected_volume.hu_highest:
        limits = f"{expected_volume.hu_lowest:g} to {expected_volume.hu_highest:g}"
        raise ScanError("hu_differ", f"the stored bits can hold {limits} HU, found {low:g} to {high:g}")
    if air_below_hu is not None and low > air_below_hu:
        raise ScanError("not_hu", f"no voxel is below {air_below_hu:g} HU, the lowest is {low:g}")
    return _compared(volume, expected_volume)


def _compared(volume: Volume, expected_volume: ExpectedVolume) -> int:
    """Compare the first, the middle and the last slice with the files, as far as pydicom can unpack them."""
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
                "hu_differ", f"values of slice {place + 1} of {len(expected_volume.frames)} are not those of its file"
            )
        compared += 1
    return compared


def hu_of(frame: PixelFrame) -> NDArray[np.float64] | None:
    """Return the values (row, column) of a slice as they are in its file, or nothing if pydicom cannot unpack it."""
    try:
        with quiet_pydicom():
            pixels = _with_syntax(pydicom.dcmread(frame.file, force=True)).pixel_array
    except Exception:  # noqa: BLE001 - a codec that is not installed, in words that may quote the header
        return None
    slice_ = pixels if pixels.ndim == 2 else pixels[frame.number]
    return np.asarray(slice_ * np.float64(frame.slope) + np.float64(frame.intercept))


def _with_syntax(dataset: pydicom.Dataset) -> pydicom.Dataset:
    """Return a dataset whose pixels count as not compressed if the file does not name its transfer syntax."""
    is_little_endian = dataset.original_encoding[1]
    if "TransferSyntaxUID" not in dataset.file_meta and is_little_endian:
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    return dataset

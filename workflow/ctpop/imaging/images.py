"""CT volumes and label maps: read whole or refused, always in RAS+.

Arrays are (x, y, z) in closest canonical orientation: x grows to the patient's right, y anterior, z superior. What is
left and what is right follows from the affine, never from the order in which a file happens to be stored.

Whatever is wrong with a file, now or while it is being read, is a `ScanError` that does not tell the file's folders:
they may be named after a person.
"""

import errno
import os
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from isal import igzip, isal_zlib
from numpy.typing import NDArray

from ctpop.foundation import digests
from ctpop.foundation.errors import ScanError, in_one_line
from ctpop.imaging import nifti_header
from ctpop.imaging.nifti_header import Header, edges_mm

TROUBLES = {  # of a disk, a network or a server; they say nothing about the file
    *(errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EREMOTEIO, errno.ENOLINK, errno.ENODEV, errno.ENXIO),
    *(errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ECONNRESET, errno.ENOTCONN),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EAGAIN, errno.EBUSY),
}
READ_ERRORS: tuple[type[Exception], ...] = (
    OSError,
    EOFError,
    ValueError,
    zlib.error,
    isal_zlib.error,  # type: ignore[assignment]
)
LARGEST_DEFLATE_RATIO = 1100  # deflate never does better, so a smaller file cannot hold what its header promises
LARGEST_HU = 65536  # CT is stored in 16 bits and shifted by some thousands: what is beyond is not attenuation
LONGEST_TAIL = 64 << 20  # bytes behind the voxels; more is not read, since it could go on for ever
SUFFIXES = (".nii", ".nii.gz")
CHUNK_BYTES = 16 << 20
CHUNK_VOXELS = 4 << 20


@dataclass(frozen=True)
class Grid:
    """Where the voxels of a volume lie: shape (x, y, z) and the affine from voxel to world (mm), in RAS+ order."""

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]

    @property
    def spacing_mm(self) -> NDArray[np.float64]:
        """Voxel edge lengths along x, y, z."""
        return edges_mm(self.affine)

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel in ml, |det(affine)|."""
        return float(abs(np.linalg.det(self.affine[:3, :3])) / 1000)

    def differs_from(self, other: "Grid") -> str:
        """Return how two grids differ, in words, or nothing: corners may be apart by a hundredth of a voxel."""
        if self.shape != other.shape:
            return f"shape {self.shape} is not {other.shape}"
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in self.shape], [1])).reshape(4, -1)
        apart = np.abs((self.affine - other.affine) @ corners).max()
        if apart > 0.01 * self.spacing_mm.min():
            return f"corners are up to {apart:.3g} mm apart"
        return ""


@dataclass(frozen=True)
class Volume:
    """Voxels on a grid. `data` has the shape of the grid; `stored_affine` is that of the file."""

    data: NDArray[Any]
    grid: Grid
    stored_affine: NDArray[np.float64]


def read_grid(path: Path) -> Grid:
    """Return the grid of a volume from its header alone.

    Raises
    ------
    ScanError
        `missing_file`, `unreadable`, `bad_geometry`, or `bad_values` for a type that no CT has.

    """
    with _opened(path) as file:
        header = _header_of(_unpacked(file, path), path)
    return _canonical_grid(header.shape, header.affine)


def read_ct(path: Path) -> Volume:
    """Return a CT volume in Hounsfield units, in the type in which it is stored, or as float32 where it is scaled.

    The file is read to its end, so that a truncated or corrupt one never passes as a CT with empty slices. Values
    that cannot be attenuation refuse the scan: none is clipped or wraps around.

    Raises
    ------
    ScanError
        `missing_file`, `unreadable`, `bad_geometry`, `out_of_memory`, or `bad_values` for voxels that are NaN,
        infinite, further than `LARGEST_HU` from 0, or all the same.

    """
    with _within_memory(path):
        return _read(path, _attenuation)


def read_labels(path: Path) -> Volume:
    """Return a label map as integers; labels stored as floating-point numbers must be whole.

    Raises
    ------
    ScanError
        As `read_ct`; `bad_values` for labels that are negative, not whole or above 65535.

    """
    with _within_memory(path):
        return _read(path, _whole_labels)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises
    ------
    ScanError
        `missing_file`, `unreadable` or `not_read`.

    """
    with _opened(path) as file:
        return digests.of_stream(file)


@contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            before = _state(file, path)
            yield file
            changed = _state(file, path) != before
    except (FileNotFoundError, NotADirectoryError):
        raise ScanError("missing_file", f"{path.name} does not exist") from None
    except READ_ERRORS as error:
        passing = isinstance(error, OSError) and error.errno in TROUBLES
        raise ScanError("not_read" if passing else "unreadable", _explain(error, path)) from None
    if changed:
        raise ScanError("unreadable", f"{path.name} changed while it was read")


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a named pipe would wait until somebody writes


def _state(file: BufferedReader, path: Path) -> tuple[int, int]:
    """Return what changes when somebody else writes into the file: its size and its time."""
    found = os.fstat(file.fileno())
    if not stat.S_ISREG(found.st_mode):
        raise ScanError("unreadable", f"{path.name} is not a regular file")
    return found.st_size, found.st_mtime_ns


@contextmanager
def _within_memory(path: Path) -> Iterator[None]:
    try:
        yield
    except MemoryError:
        raise ScanError("out_of_memory", f"{path.name} does not fit into the memory of the machine") from None


def _unpacked(file: BufferedReader, path: Path) -> BufferedReader:
    return igzip.open(file, "rb") if path.suffix.lower() == ".gz" else file


def _header_of(file: BufferedReader, path: Path) -> Header:
    if not path.name.lower().endswith(SUFFIXES):
        raise ScanError("unreadable", f"{path.name}: NIfTI ({' or '.join(SUFFIXES)}) is expected")
    return nifti_header.parse(file.read(nifti_header.LENGTH), path.name)


def _read(path: Path, accepted: Callable[[NDArray[Any]], NDArray[Any]]) -> Volume:
    """Return a volume of accepted values, looked at as they are stored: a turned array is walked ten times slower."""
    from nibabel import orientations

    with _opened(path) as packed:
        file = _unpacked(packed, path)
        header = _header_of(file, path)
        most = _state(packed, path)[0] * (1 if file is packed else LARGEST_DEFLATE_RATIO)
        if header.offset + header.size > most:
            raise ScanError("unreadable", f"{path.name} is too short for its {header.size} bytes of voxels: truncated")
        voxels = _voxels_of(file, header, path)
    native = voxels.view(header.dtype).astype(header.dtype.newbyteorder("="), copy=False)
    stored = accepted(_scaled(native, header.slope, header.intercept)).reshape(header.shape, order="F")
    turned = orientations.apply_orientation(stored, orientations.io_orientation(header.affine))
    return Volume(turned, _canonical_grid(header.shape, header.affine), header.affine)


def _voxels_of(file: BufferedReader, header: Header, path: Path) -> NDArray[np.uint8]:
    """Return the bytes of the voxels; the file is read on to its end, where the checksum of what is packed stands."""
    file.seek(header.offset)
    voxels = np.empty(header.size, np.uint8)
    view, filled = voxels.data, 0
    while filled < header.size:
        got = file.readinto(view[filled : filled + CHUNK_BYTES])
        if not got:
            raise ScanError("unreadable", f"{path.name} ends before its {header.size} bytes of voxels: truncated")
        filled += got
    tail = 0
    while more := len(file.read(CHUNK_BYTES)):
        tail += more
        if tail > LONGEST_TAIL:
            raise ScanError("unreadable", f"{path.name} goes on for more than {LONGEST_TAIL} bytes behind its voxels")
    return voxels


def _scaled(stored: NDArray[Any], slope: float, intercept: float) -> NDArray[Any]:
    """Return slope × stored + intercept of a list of values; parts, because they take 8 bytes each on the way."""
    if (slope, intercept) == (1.0, 0.0):
        return stored
    scaled = np.empty(stored.size, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is infinite, and refused as such
        for begin in range(0, stored.size, CHUNK_VOXELS):
            part = slice(begin, begin + CHUNK_VOXELS)
            scaled[part] = stored[part] * np.float64(slope) + np.float64(intercept)
    return scaled


def _attenuation(hu: NDArray[Any]) -> NDArray[Any]:
    low, high = hu.min(), hu.max()
    if not np.isfinite([low, high]).all():
        broken = int(hu.size - np.count_nonzero(np.isfinite(hu)))
        raise ScanError("bad_values", f"{broken} of {hu.size} voxels are NaN or infinite")
    if low < -LARGEST_HU or high > LARGEST_HU:
        raise ScanError("bad_values", f"attenuation is within ±{LARGEST_HU} HU, found {low} to {high}")
    if low == high:
        raise ScanError("bad_values", f"all voxels have the same value {low}")
    return hu


def _whole_labels(labels: NDArray[Any]) -> NDArray[Any]:
    low, high = labels.min(), labels.max()
    if not (low >= 0 and high <= np.iinfo(np.uint16).max):  # written so that NaN fails
        raise ScanError("bad_values", f"labels must be between 0 and 65535, found {low} to {high}")
    whole = labels.astype(np.uint8 if high <= np.iinfo(np.uint8).max else np.uint16, copy=False)
    if labels.dtype.kind == "f" and not np.array_equal(whole, labels):
        raise ScanError("bad_values", "labels must be whole numbers")
    return whole


def _canonical_grid(shape: tuple[int, int, int], affine: NDArray[np.float64]) -> Grid:
    from nibabel import orientations

    turn = orientations.io_orientation(affine)
    turned = [0, 0, 0]
    for axis, (target, _) in enumerate(turn):
        turned[int(target)] = shape[axis]
    return Grid((turned[0], turned[1], turned[2]), affine @ orientations.inv_ornt_aff(turn, shape))


def _explain(error: Exception, path: Path) -> str:
    words = error.strerror if isinstance(error, OSError) else None  # the whole text of an OSError has the folders
    return f"{path.name}: {words or in_one_line(error)}"

"""CT volumes and label maps in RAS+, which are read completely or rejected.

Arrays are (x, y, z) in the closest canonical orientation: x increases to the right of the patient, y to anterior, and
z to superior. The sides of the patient are determined from the affine, regardless of the order of the stored voxels.

Each error of a file and each failure during reading raises a `ScanError`. Its message contains the name of the file
without its folders because folders can be named after patients.
"""

import os
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import BadGzipFile
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from isal import igzip, isal_zlib
from numpy.typing import NDArray

from ctpop.foundation import digests
from ctpop.foundation.errors import PASSING_ERRORS, ScanError, in_one_line
from ctpop.imaging import nifti_header
from ctpop.imaging.nifti_header import Header, edges_mm

READ_ERRORS: tuple[type[Exception], ...] = (
    OSError,
    EOFError,
    ValueError,
    zlib.error,
    isal_zlib.error,  # type: ignore[assignment]
)
LARGEST_DEFLATE_RATIO = 1100  # upper limit of deflate, so a smaller file cannot contain the voxels in its header
HOLE_HU = -31999.0  # replaces values that are not finite; does not occur in CTs
LABEL_ROUNDING = 1e-3  # largest difference from a whole number due to the scaling of a file
LARGEST_HU = 65536  # CTs are stored in 16 bits with an offset of some thousands, so larger values are not attenuation
LONGEST_TAIL = 64 << 20  # bytes after the voxels; a limit is required because the stream could be endless
SUFFIXES = (".nii", ".nii.gz")
CHUNK_BYTES = 16 << 20
CHUNK_VOXELS = 4 << 20


@dataclass(frozen=True)
class Grid:
    """The grid of a volume in RAS+, with its shape and the affine from voxel indices to world coordinates.

    Attributes
    ----------
    shape : tuple of int
        Number of voxels along x, y and z.
    affine : ndarray of shape (4, 4), float64
        Matrix from voxel indices (x, y, z) to world coordinates in mm; world axes are right, anterior, superior.

    Examples
    --------
    >>> grid = Grid((512, 512, 100), np.diag([1.0, 1.0, 5.0, 1.0]))
    >>> round(grid.voxel_ml, 6)
    0.005

    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]

    @property
    def spacing_mm(self) -> NDArray[np.float64]:
        """Return the lengths of the edges of a voxel along x, y and z.

        Returns
        -------
        ndarray of shape (3,), float64
            Edge lengths in mm, in the order x, y, z.

        Examples
        --------
        >>> Grid((2, 2, 2), np.diag([1.5, 1.5, 3.0, 1.0])).spacing_mm
        array([1.5, 1.5, 3. ])

        """
        return edges_mm(self.affine)

    @property
    def voxel_ml(self) -> float:
        """Return the volume of a voxel, computed from the determinant of the affine.

        Returns
        -------
        float
            Volume in mL.

        Examples
        --------
        >>> round(Grid((2, 2, 2), np.diag([1.0, 2.0, 5.0, 1.0])).voxel_ml, 6)
        0.01

        """
        return float(abs(np.linalg.det(self.affine[:3, :3])) / 1000)

    def differs_from(self, other: "Grid") -> str:
        """Describe the difference between two grids.

        Two grids agree if they have the same shape and no world coordinate of a corner differs by more than one
        hundredth of the shortest voxel edge of this grid.

        Parameters
        ----------
        other : Grid
            The other grid.

        Returns
        -------
        str
            The difference between the shapes, or between the corners in mm; empty if the grids agree.

        Examples
        --------
        >>> grid = Grid((2, 2, 2), np.eye(4))
        >>> grid.differs_from(Grid((2, 2, 3), np.eye(4)))
        'shape (2, 2, 2) is not (2, 2, 3)'
        >>> grid.differs_from(Grid((2, 2, 2), np.eye(4)))
        ''

        """
        if self.shape != other.shape:
            return f"shape {self.shape} is not {other.shape}"
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in self.shape], [1])).reshape(4, -1)
        apart = np.abs((self.affine - other.affine) @ corners).max()
        if apart > 0.01 * self.spacing_mm.min():
            return f"corners are up to {apart:.3g} mm apart"
        return ""


@dataclass(frozen=True)
class Volume:
    """The voxels of an image on a grid.

    Attributes
    ----------
    data : ndarray of shape (x, y, z)
        Values in RAS+ order, with the shape of the grid: HU for a CT, label numbers for a label map.
    grid : Grid
        Grid of `data` in RAS+.
    stored_affine : ndarray of shape (4, 4), float64
        Matrix from the voxel indices (i, j, k) of the file, in their stored order, to world coordinates in mm.

    Examples
    --------
    >>> volume = Volume(np.zeros((2, 2, 3), np.int16), Grid((2, 2, 3), np.eye(4)), np.eye(4))
    >>> volume.data.shape == volume.grid.shape
    True

    """

    data: NDArray[Any]
    grid: Grid
    stored_affine: NDArray[np.float64]


def remark_on_spacing(volume: Volume) -> str | None:
    """Return a remark if the affine of a file is the identity, the default of programs without spatial information.

    Parameters
    ----------
    volume : Volume
        Volume that was read from a file.

    Returns
    -------
    str or None
        The remark; None if the spacing, directions, or origin differ from the identity.

    Examples
    --------
    >>> data = np.zeros((2, 2, 2), np.uint8)
    >>> remark_on_spacing(Volume(data, Grid((2, 2, 2), np.eye(4)), np.eye(4)))
    'the affine is the identity; volumes are wrong if the file was written without the spacing of the scan'
    >>> affine = np.diag([-1.5, -1.5, 5.0, 1.0])
    >>> remark_on_spacing(Volume(data, Grid((2, 2, 2), affine), affine)) is None
    True

    """
    if not np.array_equal(np.abs(volume.stored_affine), np.eye(4)):
        return None
    return "the affine is the identity; volumes are wrong if the file was written without the spacing of the scan"


def read_grid(path: Path) -> Grid:
    """Read the grid of a volume from its header.

    Parameters
    ----------
    path : Path
        NIfTI file (.nii or .nii.gz).

    Returns
    -------
    Grid
        Shape and affine (mm) in RAS+.

    Raises
    ------
    ScanError
        `missing_file`; `unreadable`; `not_read` after a failure of a disk or network; `bad_geometry`; `bad_values` for
        a data type that is invalid for a CT.

    Examples
    --------
    >>> import tempfile
    >>> from ctpop.imaging import nifti_writer
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "ct.nii.gz")
    ...     nifti_writer.write(np.zeros((4, 3, 2), np.int16), np.diag([-1.0, -1.0, 5.0, 1.0]), path, level=1)
    ...     grid = read_grid(path)
    >>> grid.shape, grid.spacing_mm
    ((4, 3, 2), array([1., 1., 5.]))

    """
    with _opened(path) as file:
        header = _header_of(_unpacked(file, path), path)
    return _canonical_grid(header.shape, header.affine)


def read_ct(path: Path, *, holes: bool = False) -> Volume:
    """Read a CT volume in Hounsfield units, in its stored data type, or as float32 if the file scales its values.

    The file is read to its end, so a truncated or corrupt file is not accepted as a CT with empty slices. A scan with
    values that cannot be attenuation is rejected. Values are not clipped and do not overflow.

    Parameters
    ----------
    path : Path
        NIfTI file (.nii or .nii.gz).
    holes : bool
        Whether NaN and infinite voxels are accepted and replaced by `HOLE_HU`.

    Returns
    -------
    Volume
        Attenuation in HU, shape (x, y, z) in RAS+.

    Raises
    ------
    ScanError
        `missing_file`; `unreadable`; `not_read` after a failure of a disk or network; `bad_geometry`; `out_of_memory`;
        `bad_values` for NaN or infinite voxels, values beyond ±`LARGEST_HU`, or the same value in all voxels.

    Examples
    --------
    >>> import tempfile
    >>> from ctpop.imaging import nifti_writer
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "ct.nii.gz")
    ...     nifti_writer.write(np.array([[[-1000]], [[40]]], np.int16), np.diag([-1.0, -1.0, 5.0, 1.0]), path, level=1)
    ...     ct = read_ct(path)
    >>> ct.data.ravel()  # the file stores x from right to left
    array([   40, -1000], dtype=int16)

    """
    with _within_memory(path):
        return _read(path, _attenuation_with_holes if holes else _attenuation)


def read_labels(path: Path) -> Volume:
    """Read a label map as whole numbers; floating-point labels can differ from whole numbers by up to 0.001.

    Parameters
    ----------
    path : Path
        NIfTI file (.nii or .nii.gz).

    Returns
    -------
    Volume
        Labels, shape (x, y, z) in RAS+: uint8 if no label is above 255, otherwise uint16.

    Raises
    ------
    ScanError
        `missing_file`; `unreadable`; `not_read` after a failure of a disk or network; `bad_geometry`; `out_of_memory`;
        `bad_values` for labels that are negative, not whole numbers, or above 65,535.

    Examples
    --------
    >>> import tempfile
    >>> from ctpop.imaging import nifti_writer
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "labels.nii.gz")
    ...     nifti_writer.write(np.array([[[0.0, 5.0]]], np.float32), np.eye(4), path, level=1)
    ...     labels = read_labels(path)
    >>> labels.data
    array([[[0, 5]]], dtype=uint8)

    """
    with _within_memory(path):
        return _read(path, _whole_labels)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 digest of a file.

    Parameters
    ----------
    path : Path
        File of any format.

    Returns
    -------
    str
        Digest in 64 hexadecimal digits.

    Raises
    ------
    ScanError
        `missing_file`; `unreadable`, including a file that changes during reading; `not_read` after a failure of a disk
        or network.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "empty.nii")
    ...     path.touch()
    ...     sha256_of(path)[:8]
    'e3b0c442'

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
        passing = isinstance(error, OSError) and error.errno in PASSING_ERRORS
        raise ScanError("not_read" if passing else "unreadable", _explain(error, path)) from None
    if changed:
        raise ScanError("unreadable", f"{path.name} changed during reading")


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # opening a named pipe would wait for a writer


def _state(file: BufferedReader, path: Path) -> tuple[int, int]:
    """Return the size and the modification time of a file, which change if another process writes to the file."""
    found = os.fstat(file.fileno())
    if not stat.S_ISREG(found.st_mode):
        raise ScanError("unreadable", f"{path.name} is not a regular file")
    return found.st_size, found.st_mtime_ns


@contextmanager
def _within_memory(path: Path) -> Iterator[None]:
    try:
        yield
    except MemoryError:
        raise ScanError("out_of_memory", f"{path.name} exceeds the available memory") from None


def _unpacked(file: BufferedReader, path: Path) -> BufferedReader:
    return igzip.open(file, "rb") if path.suffix.lower() == ".gz" else file


def _header_of(file: BufferedReader, path: Path) -> Header:
    if not path.name.lower().endswith(SUFFIXES):
        raise ScanError("unreadable", f"{path.name}: a NIfTI file ({' or '.join(SUFFIXES)}) is expected")
    return nifti_header.parse(file.read(nifti_header.LENGTH), path.name)


def _read(path: Path, accepted: Callable[[NDArray[Any]], NDArray[Any]]) -> Volume:
    """Read a volume and check its values in stored order, because access to a reoriented array is ten times slower."""
    from nibabel import orientations

    with _opened(path) as packed:
        file = _unpacked(packed, path)
        header = _header_of(file, path)
        most = _state(packed, path)[0] * (1 if file is packed else LARGEST_DEFLATE_RATIO)
        if header.offset + header.size > most:
            raise ScanError("unreadable", f"{path.name} is truncated: too short for its {header.size} bytes of voxels")
        voxels = _voxels_of(file, header, path)
    native = voxels.view(header.dtype).astype(header.dtype.newbyteorder("="), copy=False)
    stored = accepted(_scaled(native, header.slope, header.intercept)).reshape(header.shape, order="F")
    turned = orientations.apply_orientation(stored, orientations.io_orientation(header.affine))
    return Volume(turned, _canonical_grid(header.shape, header.affine), header.affine)


def _voxels_of(file: BufferedReader, header: Header, path: Path) -> NDArray[np.uint8]:
    """Return the bytes of the voxels, and read the file to its end, where a compressed file contains a checksum."""
    file.seek(header.offset)
    voxels = np.empty(header.size, np.uint8)
    view, filled = voxels.data, 0
    while filled < header.size:
        got = file.readinto(view[filled : filled + CHUNK_BYTES])
        if not got:
            raise ScanError("unreadable", f"{path.name} is truncated: it ends before its {header.size} bytes of voxels")
        filled += got
    tail = 0
    while more := len(file.read(CHUNK_BYTES)):
        tail += more
        if tail > LONGEST_TAIL:
            raise ScanError("unreadable", f"{path.name} contains more than {LONGEST_TAIL} bytes after its voxels")
    return voxels


def _scaled(stored: NDArray[Any], slope: float, intercept: float) -> NDArray[Any]:
    """Return slope × stored + intercept, computed in chunks because each intermediate value requires 8 bytes."""
    if (slope, intercept) == (1.0, 0.0):
        return stored
    scaled = np.empty(stored.size, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):  # overflow results in infinite values, which are rejected later
        for begin in range(0, stored.size, CHUNK_VOXELS):
            part = slice(begin, begin + CHUNK_VOXELS)
            scaled[part] = stored[part] * np.float64(slope) + np.float64(intercept)
    return scaled


def _attenuation_with_holes(hu: NDArray[Any]) -> NDArray[Any]:
    if hu.dtype.kind != "f" or np.isfinite([hu.min(), hu.max()]).all():
        return _attenuation(hu)
    finite = np.isfinite(hu)
    if not finite.any():
        raise ScanError("bad_values", f"all {hu.size} voxels are NaN or infinite")
    _attenuation(hu[finite])
    return np.where(finite, hu, np.float32(HOLE_HU))


def _attenuation(hu: NDArray[Any]) -> NDArray[Any]:
    low, high = hu.min(), hu.max()
    if not np.isfinite([low, high]).all():
        broken = int(hu.size - np.count_nonzero(np.isfinite(hu)))
        raise ScanError("bad_values", f"{broken} of {hu.size} voxels are NaN or infinite")
    if low < -LARGEST_HU or high > LARGEST_HU:
        raise ScanError("bad_values", f"attenuation must be within ±{LARGEST_HU} HU, found {low} to {high}")
    if low == high:
        raise ScanError("bad_values", f"all voxels have the same value {low}")
    return hu


def _whole_labels(labels: NDArray[Any]) -> NDArray[Any]:
    low, high = labels.min(), labels.max()
    if not (low >= -LABEL_ROUNDING and high <= np.iinfo(np.uint16).max):  # written so that NaN fails
        raise ScanError("bad_values", f"labels must be between 0 and 65535, found {low} to {high}")
    dtype = np.uint8 if high <= np.iinfo(np.uint8).max else np.uint16
    if labels.dtype.kind != "f":
        return labels.astype(dtype, copy=False)
    nearest = np.rint(labels)
    if np.abs(labels - nearest).max() > LABEL_ROUNDING:
        odd = labels[np.abs(labels - nearest) > LABEL_ROUNDING]
        raise ScanError(
            "bad_values", f"labels must be whole numbers; number of other values: {len(odd)}, such as {odd[0]:g}"
        )
    rounded: NDArray[Any] = nearest.astype(dtype)
    return rounded


def _canonical_grid(shape: tuple[int, int, int], affine: NDArray[np.float64]) -> Grid:
    from nibabel import orientations

    turn = orientations.io_orientation(affine)
    turned = [0, 0, 0]
    for axis, (target, _) in enumerate(turn):
        turned[int(target)] = shape[axis]
    return Grid((turned[0], turned[1], turned[2]), affine @ orientations.inv_ornt_aff(turn, shape))


def _explain(error: Exception, path: Path) -> str:
    words = error.strerror if isinstance(error, OSError) else None  # the full text of an OSError contains the folders
    uncompressed = isinstance(error, BadGzipFile) and "Not a gzipped file" in str(error)
    remedy = "; the file, or the data after its compressed voxels, is not compressed" if uncompressed else ""
    return f"{path.name}: {words or in_one_line(error)}{remedy}"

"""CT volumes and label maps: read whole or refused, always in RAS+, written all or nothing.

Arrays are (x, y, z) in closest canonical orientation: x grows to the patient's right, y anterior, z superior. What is
left and what is right follows from the affine, never from the order in which a file happens to be stored.
"""

import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import nibabel as nib
import numpy as np
from isal import igzip, isal_zlib
from nibabel import orientations
from numpy.typing import NDArray

from ctpop.errors import ScanError, in_one_line
from ctpop.tables import write_atomically

READ_ERRORS: tuple[type[Exception], ...] = (
    OSError,
    EOFError,
    ValueError,
    zlib.error,
    isal_zlib.error,  # type: ignore[assignment]
    nib.filebasedimages.ImageFileError,
)
OPEN_ERRORS: tuple[type[Exception], ...] = (*READ_ERRORS, nib.spatialimages.HeaderDataError, OverflowError)
LARGEST_DEFLATE_RATIO = 1100  # deflate never does better, so a smaller file cannot hold what its header promises
MOST_VOXELS = 2**31
SPACING_RANGE_MM = (0.1, 20.0)
LARGEST_SHEAR = 0.02  # cosine between axes that should be at right angles; gantry tilt is far above
SMALLEST_AGREEMENT = 0.9  # cosine between an axis of the qform and the same axis of the sform; -1 if a side is swapped
SUFFIXES = (".nii", ".nii.gz")
CHUNK_BYTES = 16 << 20


@dataclass(frozen=True)
class Grid:
    """Where the voxels of a volume lie: shape (x, y, z) and the affine from voxel to world (mm), in RAS+ order."""

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]

    @property
    def spacing_mm(self) -> NDArray[np.float64]:
        """Voxel edge lengths along x, y, z."""
        return np.asarray(np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0)))

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
        `missing_file`, `unreadable` or `bad_geometry`.

    """
    return _canonical_grid(*_checked_geometry(_open(path)))


def read_ct(path: Path) -> Volume:
    """Return a CT volume in Hounsfield units, in the type in which it is stored, or as float32 where it is scaled.

    The file is read to its end, so that a truncated or corrupt one never passes as a CT with empty slices.

    Raises
    ------
    ScanError
        `missing_file`, `unreadable`, `bad_geometry`, or `bad_values` for NaN, infinite or constant voxels.

    """
    volume = _read(path)
    hu = volume.data
    if hu.dtype.kind == "f":
        broken = int(hu.size - np.count_nonzero(np.isfinite(hu)))
        if broken:
            raise ScanError("bad_values", f"{broken} of {hu.size} voxels are NaN or infinite")
    if hu.min() == hu.max():
        raise ScanError("bad_values", f"all voxels have the same value {hu.min()}")
    return volume


def read_labels(path: Path) -> Volume:
    """Return a label map as integers; labels stored as floating-point numbers must be whole.

    Raises
    ------
    ScanError
        As `read_ct`; `bad_values` for labels that are negative, not whole or above 65535.

    """
    volume = _read(path)
    labels = volume.data
    low, high = labels.min(), labels.max()
    if not (low >= 0 and high <= np.iinfo(np.uint16).max):  # written so that NaN fails
        raise ScanError("bad_values", f"labels must be between 0 and 65535, found {low} to {high}")
    whole = labels.astype(np.uint8 if high <= np.iinfo(np.uint8).max else np.uint16)
    if labels.dtype.kind == "f" and not np.array_equal(whole, labels):
        raise ScanError("bad_values", "labels must be whole numbers")
    return Volume(whole, volume.grid, volume.stored_affine)


def write_labels(labels: NDArray[np.unsignedinteger[Any]], like: Volume, path: Path) -> None:
    """Write a label map, given in RAS+ (x, y, z), on the stored grid of another volume: same labels, same bytes."""
    stored = _to_stored(labels, like)
    image = nib.Nifti1Image(np.asfortranarray(stored), like.stored_affine)
    image.set_sform(like.stored_affine, code=1)
    image.set_qform(like.stored_affine, code=1, strip_shears=True)
    write_atomically(path, lambda part: _write_gzip(image.to_bytes(), part))


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises
    ------
    ScanError
        `missing_file` or `unreadable`.

    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise ScanError("missing_file", f"{path.name} does not exist") from None
    except OSError as error:
        raise ScanError("unreadable", f"{path.name}: {error.strerror}") from None


def _open(path: Path) -> Any:
    if not path.is_file():
        raise ScanError("missing_file", f"{path.name} does not exist")
    if not path.name.lower().endswith(SUFFIXES):
        raise ScanError("unreadable", f"{path.name}: NIfTI ({' or '.join(SUFFIXES)}) is expected")
    try:
        image = nib.load(path)
    except OPEN_ERRORS as error:
        raise ScanError("unreadable", _explain(error, path)) from None
    if not isinstance(image, nib.Nifti1Image):
        raise ScanError("unreadable", f"{path.name}: NIfTI is expected, found {type(image).__name__}")
    return image


def _checked_geometry(image: Any) -> tuple[tuple[int, int, int], NDArray[np.float64]]:
    shape = tuple(int(n) for n in image.shape)
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) != 3 or min(shape) < 1:
        raise ScanError("bad_geometry", f"one volume with three axes is expected, found shape {image.shape}")
    if np.prod(shape, dtype=np.float64) > MOST_VOXELS:
        raise ScanError("bad_geometry", f"shape {shape} has more than 2^31 voxels")
    header = image.header
    if not header["sform_code"] and not header["qform_code"]:
        raise ScanError("bad_geometry", "neither qform nor sform is set, so that left and right are not known")
    affine = np.asarray(image.affine, np.float64)
    _check_affine(affine)
    _check_forms_agree(header)
    return (shape[0], shape[1], shape[2]), affine


def _check_affine(affine: NDArray[np.float64]) -> None:
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise ScanError("bad_geometry", "the affine is singular or not finite")
    spacing = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    low, high = SPACING_RANGE_MM
    if spacing.min() < low or spacing.max() > high:
        raise ScanError("bad_geometry", f"spacing must be {low} to {high} mm, found {spacing.round(3).tolist()}")
    cosines = affine[:3, :3] / spacing
    shear = np.abs(cosines.T @ cosines - np.eye(3)).max()
    if shear > LARGEST_SHEAR:
        raise ScanError("bad_geometry", f"axes are not at right angles (cosine {shear:.3f}): correct the gantry tilt")


def _check_forms_agree(header: Any) -> None:
    if not (header["sform_code"] and header["qform_code"]):
        return
    by_sform = np.sqrt((header.get_sform()[:3, :3] ** 2).sum(axis=0))
    by_qform = np.asarray(header.get_zooms()[:3], np.float64)
    if np.abs(by_sform - by_qform).max() > 0.01 * by_sform.min():
        found = f"{by_qform.round(3).tolist()} and {by_sform.round(3).tolist()} mm"
        raise ScanError("bad_geometry", f"qform and sform give different voxel sizes: {found}")
    agreement = (_qform_axes(header) * header.get_sform()[:3, :3]).sum(axis=0) / (by_qform * by_sform)
    if agreement.min() < SMALLEST_AGREEMENT:
        raise ScanError("bad_geometry", "qform and sform give different orientations, so that sides are not known")


def _qform_axes(header: Any) -> NDArray[np.float64]:
    try:
        return np.asarray(header.get_qform()[:3, :3])
    except ValueError:
        raise ScanError("bad_geometry", "the qform has a broken quaternion") from None


def _canonical_grid(shape: tuple[int, int, int], affine: NDArray[np.float64]) -> Grid:
    turn = orientations.io_orientation(affine)
    turned = [0, 0, 0]
    for axis, (target, _) in enumerate(turn):
        turned[int(target)] = shape[axis]
    return Grid((turned[0], turned[1], turned[2]), affine @ orientations.inv_ornt_aff(turn, shape))


def _read(path: Path) -> Volume:
    image = _open(path)
    shape, affine = _checked_geometry(image)
    dtype = image.header.get_data_dtype()
    if dtype.kind not in "iuf" or dtype.fields is not None:
        raise ScanError("bad_values", f"voxels must be real numbers, found {dtype}")
    stored = _scaled(_read_voxels(path, image, shape, dtype), image.dataobj)
    turned = orientations.apply_orientation(stored, orientations.io_orientation(affine))
    return Volume(turned, _canonical_grid(shape, affine), affine)


def _read_voxels(path: Path, image: Any, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> NDArray[Any]:
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    offset = int(image.dataobj.offset)
    packed = path.suffix.lower() == ".gz"
    if offset + size > path.stat().st_size * (LARGEST_DEFLATE_RATIO if packed else 1):
        raise ScanError("unreadable", f"{path.name} is too short for its {size} bytes of voxels: truncated")
    try:
        with igzip.open(path, "rb") if packed else path.open("rb") as file:
            voxels = _fill(file, offset, size)
    except READ_ERRORS as error:
        raise ScanError("unreadable", _explain(error, path)) from None
    if voxels is None:
        raise ScanError("unreadable", f"{path.name} ends before its {size} bytes of voxels: truncated")
    native: NDArray[Any] = np.frombuffer(voxels, dtype).reshape(shape, order="F")
    return native.astype(dtype.newbyteorder("="), copy=False)


def _fill(file: BinaryIO, offset: int, size: int) -> bytearray | None:
    """Return `size` bytes after `offset`, or nothing if there are fewer; read on to the end to verify the checksum."""
    if len(file.read(offset)) < offset:
        return None
    voxels = bytearray(size)
    view, filled = memoryview(voxels), 0
    while filled < size:
        got = file.readinto(view[filled : filled + CHUNK_BYTES])  # type: ignore[attr-defined]
        if not got:
            return None
        filled += got
    while file.read(CHUNK_BYTES):
        pass
    return voxels


def _scaled(stored: NDArray[Any], header: Any) -> NDArray[Any]:
    slope = 1.0 if header.slope is None else float(header.slope)
    intercept = 0.0 if header.inter is None else float(header.inter)
    if (slope, intercept) == (1.0, 0.0):
        return stored
    with np.errstate(over="ignore"):  # what overflows is infinite, and refused as such
        return np.asarray(stored * np.float64(slope) + np.float64(intercept), np.float32)


def _to_stored(labels: NDArray[Any], like: Volume) -> NDArray[Any]:
    canonical = orientations.io_orientation(np.eye(4))
    back = orientations.ornt_transform(canonical, orientations.io_orientation(like.stored_affine))
    return np.asarray(orientations.apply_orientation(labels, back))


def _write_gzip(content: bytes, path: Path) -> None:
    with (
        path.open("wb") as file,
        igzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=2, mtime=0) as packed,
    ):
        packed.write(content)


def _explain(error: BaseException, path: Path) -> str:
    """Return an error in one line without the folders of the file, which may be named after a person."""
    words = in_one_line(error, longest=10_000).replace(" ".join(str(path).split()), path.name)
    return f"{path.name}: {words}"[:300]

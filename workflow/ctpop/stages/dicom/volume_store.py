"""Storage of the converted volumes next to the registry: one NIfTI file per scan and a note about its conversion.

The NIfTI file is rewritten with voxels and geometry only, because the header from dcm2niix contains the time of the
scan. The note is written last, and a volume without a note is incomplete. Equal volumes result in identical files.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctpop.foundation import digests
from ctpop.foundation.errors import ScanError, in_one_line
from ctpop.foundation.files import write_text
from ctpop.imaging import nifti_writer
from ctpop.imaging.images import Volume, sha256_of

VERSION = 2  # increased when the written image or header changes
LEVEL = 1  # SOURCE: bench/packing.md; higher levels take longer and do not reduce the size of a noisy image
INT16 = np.iinfo(np.int16)


@dataclass(frozen=True)
class VolumeNote:
    """Attributes of a stored volume; the fingerprint identifies the source files and the settings of the conversion."""

    fingerprint: str
    ct_sha256: str
    n_slices: int
    hu_min: float
    hu_max: float
    slices_compared: int
    converter: str
    warnings: list[str]


def fingerprint_of(**parts: object) -> str:
    """Return one digest of all inputs that determine a volume."""
    return digests.of_json({**parts, "format": VERSION})


def finished(path: Path, fingerprint: str) -> VolumeNote | None:
    """Return the note of a volume if its fingerprint matches and its file is unchanged; otherwise None."""
    try:
        note = VolumeNote(**json.loads(_note_path(path).read_text(encoding="utf-8")))
        found = sha256_of(path)
    except (OSError, ValueError, TypeError, ScanError):  # missing, damaged, or in another format
        return None
    return note if (note.fingerprint, note.ct_sha256) == (fingerprint, found) else None


def keep(path: Path, volume: Volume, **known: Any) -> VolumeNote:
    """Write a volume, then its note, and return the note.

    Raises
    ------
    ScanError
        `not_written`.

    """
    voxels = as_stored(volume.data)
    try:
        nifti_writer.write(voxels, volume.grid.affine, path, LEVEL)
        low, high = float(voxels.min()), float(voxels.max())
        note = VolumeNote(ct_sha256=sha256_of(path), n_slices=volume.grid.shape[2], hu_min=low, hu_max=high, **known)
        write_text(json.dumps(asdict(note), indent=1, sort_keys=True) + "\n", _note_path(path))
    except OSError as error:
        raise ScanError("not_written", f"{path.name}: {error.strerror or in_one_line(error)}") from None
    return note


def discard(path: Path) -> None:
    """Remove the stored volume of a rejected scan, which a later step would otherwise accept."""
    path.unlink(missing_ok=True)
    _note_path(path).unlink(missing_ok=True)


def as_stored(hu: NDArray[Any]) -> NDArray[Any]:
    """Return whole HU in the 16-bit range as int16, and all other values as float32."""
    if hu.dtype.kind == "f" and not np.array_equal(hu, np.rint(hu)):
        return hu.astype(np.float32)
    fits = hu.min() >= INT16.min and hu.max() <= INT16.max
    return hu.astype(np.int16 if fits else np.float32)


def _note_path(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".nii.gz") + ".json")

"""The converted volumes beside the registry: a NIfTI per scan and a note of how it came about.

The NIfTI is written anew, with voxels and their place and nothing else: what dcm2niix makes has the time of the scan in
its header. The note comes last, so a volume without one is unfinished. Same volume, same bytes.
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

VERSION = 2  # raised when another image or header would be written
LEVEL = 1  # SOURCE: bench/packing.md; higher levels take longer and do not make a noisy image smaller
INT16 = np.iinfo(np.int16)


@dataclass(frozen=True)
class VolumeNote:
    """What is known of a stored volume; the fingerprint says from which files and how it was made."""

    fingerprint: str
    ct_sha256: str
    n_slices: int
    hu_min: float
    hu_max: float
    slices_compared: int
    converter: str
    warnings: list[str]


def fingerprint_of(**parts: object) -> str:
    """Return one digest of everything that decides what a volume looks like."""
    return digests.of_json({**parts, "format": VERSION})


def finished(path: Path, fingerprint: str) -> VolumeNote | None:
    """Return the note on a volume with this fingerprint whose bytes are still those that were written."""
    try:
        note = VolumeNote(**json.loads(_note_path(path).read_text(encoding="utf-8")))
        found = sha256_of(path)
    except (OSError, ValueError, TypeError, ScanError):  # not there, damaged, or of another format
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
    """Remove what is stored of a scan that is refused now: a later step would take it for good."""
    path.unlink(missing_ok=True)
    _note_path(path).unlink(missing_ok=True)


def as_stored(hu: NDArray[Any]) -> NDArray[Any]:
    """Return whole HU of 16 bits as such, and everything else as float32, losing nothing."""
    if hu.dtype.kind == "f" and not np.array_equal(hu, np.rint(hu)):
        return hu.astype(np.float32)
    fits = hu.min() >= INT16.min and hu.max() <= INT16.max
    return hu.astype(np.int16 if fits else np.float32)


def _note_path(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".nii.gz") + ".json")

"""dcm2niix on the files of one scan: in a folder of its own, under names that say nothing.

The converter sees links `1.dcm`, `2.dcm`, … in a temporary folder outside the results, reads no settings of the user,
and what it prints is kept as codes: its words can quote headers and paths.
"""

import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dcm2niix
import pydicom
from pydicom.uid import UID

from ctpop.foundation.errors import ScanError
from ctpop.stages.dicom.elements import text_of
from ctpop.stages.dicom.quiet_pydicom import quiet_pydicom

OPTIONS = (
    *("-b", "n"),  # no sidecar: it repeats the header
    *("-z", "n"),
    *("-f", "volume"),
    *("-w", "1"),
    *("-c", ""),  # no comment, which would be ImageComments
    *("-g", "i"),  # no settings of the user
    *("-x", "i"),  # neither cropped nor turned
    *("-l", "o"),  # values as they are stored
    *("-i", "n"),
    *("-d", "1"),
)
PREAMBLE = 128  # bytes
MAGIC = b"DICM"
DEFLATED = pydicom.uid.DeflatedExplicitVRLittleEndian
VOLUME = "volume.nii"
# What dcm2niix writes beside the volume of the scan: an overlay (group 60xx), and uneven slices resampled evenly.
BESIDE = re.compile(r".*_(?:ROI[0-9]+|Eq(?:_[0-9]+)?)\.nii")
NOT_RESAMPLED = "Only able to make equidistant slices"  # printed where it ends with 1, after it wrote the volume
PRINTED = re.compile(r"^\s*(?:Warning|Error)[: ]\s*(.*)$", re.MULTILINE | re.IGNORECASE)
KINDS = {  # code of a warning: what its words look like; the first that fits
    "no_protocol_name": r"empty protocol name",
    "instance_order": r"instance number",
    "uneven_distances": r"interslice distance|missing slices",
    "duplicates_removed": r"duplicates? removed|identical time, series",
    "compression": r"jpeg|jpg|rle|decompress|transfer syntax|fragment",
    "rescale": r"intensity|slope|intercept|rescale|16-bit range|scale/",
    "orientation": r"orientation|slice direction|slice thickness|spatial|isocenter|tilt|shear",
}


@dataclass(frozen=True)
class Converted:
    """The volume that dcm2niix made, and the codes of its warnings."""

    volume: Path
    warnings: list[str]


@contextmanager
def converted(files: list[Path], longest_seconds: int, *, renumber: bool = False) -> Iterator[Converted]:
    """Give the volume that dcm2niix makes of DICOM files, as they are stored; it is gone when the block ends.

    It takes images with one InstanceNumber for copies of each other, and reads neither deflated files nor those without
    a preamble. With `renumber`, it gets copies of the files with numbers in the order in which they are given, as
    files that it reads.

    Raises
    ------
    ScanError
        `converter_failed`, or `several_volumes` where the files are not one volume, or only after interpolation.

    """
    with tempfile.TemporaryDirectory(prefix="ctpop_") as place:
        links, made = Path(place, "in"), Path(place, "out")
        links.mkdir()
        made.mkdir()
        for number, file in enumerate(files, start=1):
            _give(file, links / f"{number}.dcm", number if renumber else None)
        printed = _run(links, made, longest_seconds)
        written = sorted(path.name for path in made.iterdir() if path.suffix == ".nii")
        volumes = [name for name in written if not BESIDE.fullmatch(name)]
        if volumes and volumes != [VOLUME]:
            resampled = any("_Tilt" in name for name in volumes)
            raise ScanError(
                "several_volumes",
                f"dcm2niix made {len(volumes)} volumes of {len(files)} files"
                + (", one resampled" if resampled else ""),
            )
        if not volumes:
            raise ScanError(
                "converter_failed", f"dcm2niix made no volume of {len(files)} files{_converter_output(printed)}"
            )
        yield Converted(made / VOLUME, warnings_of(printed))


def is_read_by_dcm2niix(file: Path, syntax: str | None) -> bool:
    """Return whether a file has a preamble and is not deflated; one that cannot be opened fails later."""
    try:
        with file.open("rb") as opened:
            start = opened.read(PREAMBLE + len(MAGIC))
    except OSError:
        return True
    return start[PREAMBLE:] == MAGIC and syntax != DEFLATED.name


def _give(file: Path, path: Path, number: int | None) -> None:
    if number is None:
        path.symlink_to(file.resolve())
        return
    try:
        with quiet_pydicom():
            dataset = pydicom.dcmread(file, force=True)
            dataset.InstanceNumber = number
            _save(dataset, path, number)
    except OSError as error:
        raise ScanError("not_written", f"a copy with another number: {error.strerror}") from None
    except Exception:  # noqa: BLE001 - pydicom raises anything, and its words may quote the header
        raise ScanError("converter_failed", "images could not be copied for the converter") from None


def _save(dataset: pydicom.Dataset, path: Path, number: int) -> None:
    """Write a file with a preamble; one that was deflated, or did not name its transfer syntax, is not compressed.

    A file of DICOM has to name its image and its kind: where an anonymiser removed them, the copy gets a UID made of
    its number, and the kind is CT.
    """
    meta = dataset.file_meta
    if meta.get("TransferSyntaxUID", DEFLATED) == DEFLATED:
        meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    made = pydicom.uid.generate_uid(entropy_srcs=["copy", str(number)])
    meta.MediaStorageSOPClassUID = UID(text_of(dataset, "SOPClassUID") or pydicom.uid.CTImageStorage)
    meta.MediaStorageSOPInstanceUID = UID(text_of(dataset, "SOPInstanceUID") or made)
    dataset.save_as(path, enforce_file_format=True)


def warnings_of(printed: str) -> list[str]:
    """Return the codes of the warnings and errors that dcm2niix printed, each once."""
    found = {code_of(words) for words in PRINTED.findall(printed)}
    return sorted(found)


def code_of(words: str) -> str:
    """Return the code of a warning, `other` if its words are of no known kind."""
    return next((code for code, pattern in KINDS.items() if re.search(pattern, words, re.IGNORECASE)), "other")


def version() -> str:
    """Return the version of dcm2niix."""
    return str(dcm2niix.__version__)


def _run(links: Path, made: Path, longest_seconds: int) -> str:
    command = [dcm2niix.bin, *OPTIONS, "-o", str(made), str(links)]
    environment = {"HOME": str(made), "TMPDIR": str(made), "LC_ALL": "C"}
    try:
        done = subprocess.run(command, capture_output=True, timeout=longest_seconds, env=environment, check=False)
    except subprocess.TimeoutExpired:
        raise ScanError("converter_failed", f"dcm2niix took more than {longest_seconds} seconds") from None
    printed = (done.stdout + b"\n" + done.stderr).decode("utf-8", "replace")
    if done.returncode and NOT_RESAMPLED not in printed:
        raise ScanError("converter_failed", f"dcm2niix ended with {done.returncode}{_converter_output(printed)}")
    return printed


def _converter_output(printed: str) -> str:
    codes = warnings_of(printed)
    return f", with warnings: {', '.join(codes)}" if codes else ""

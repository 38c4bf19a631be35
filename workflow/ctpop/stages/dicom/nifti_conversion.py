"""Conversion of the files of one scan with dcm2niix, in a temporary folder with neutral file names.

The converter receives links `1.dcm`, `2.dcm`, … in a temporary folder outside the results and ignores settings of the
user. Its messages are recorded only as codes because they can quote headers and paths.
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
    *("-b", "n"),  # no sidecar file, which would repeat the header
    *("-z", "n"),
    *("-f", "volume"),
    *("-w", "1"),
    *("-c", ""),  # no comment; the default is ImageComments
    *("-g", "i"),  # ignore settings of the user
    *("-x", "i"),  # neither crop nor rotate
    *("-l", "o"),  # original values
    *("-i", "n"),
    *("-d", "1"),
)
PREAMBLE = 128  # bytes
MAGIC = b"DICM"
DEFLATED = pydicom.uid.DeflatedExplicitVRLittleEndian
VOLUME = "volume.nii"
# Additional files of dcm2niix: overlays (group 60xx) and unevenly spaced slices resampled to an even grid
BESIDE = re.compile(r".*_(?:ROI[0-9]+|Eq(?:_[0-9]+)?)\.nii")
NOT_RESAMPLED = "Only able to make equidistant slices"  # printed with exit code 1 although the volume was written
PRINTED = re.compile(r"^\s*(?:Warning|Error)[: ]\s*(.*)$", re.MULTILINE | re.IGNORECASE)
KINDS = {  # code of a warning: pattern of its text; the first match applies
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
    """The volume that dcm2niix wrote, and the codes of its warnings."""

    volume: Path
    warnings: list[str]


@contextmanager
def converted(files: list[Path], longest_seconds: int, *, renumber: bool = False) -> Iterator[Converted]:
    """Yield the volume that dcm2niix writes from DICOM files with the stored values; it is deleted after the block.

    The converter treats images with the same InstanceNumber as copies of each other and cannot read deflated files and
    files without a preamble. With `renumber`, it receives readable copies of the files, numbered in the given order.

    Raises
    ------
    ScanError
        `converter_failed`, or `several_volumes` if the files do not form one volume or only after interpolation.

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
                f"dcm2niix wrote {len(volumes)} volumes from {len(files)} files"
                + (", at least one of them resampled" if resampled else ""),
            )
        if not volumes:
            raise ScanError(
                "converter_failed", f"dcm2niix wrote no volume from {len(files)} files{_converter_output(printed)}"
            )
        yield Converted(made / VOLUME, warnings_of(printed))


def is_read_by_dcm2niix(file: Path, syntax: str | None) -> bool:
    """Return whether a file has a preamble and is not deflated; True for an unreadable file, which fails later."""
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
        raise ScanError("not_written", f"temporary copy for dcm2niix: {error.strerror}") from None
    except Exception:  # noqa: BLE001 - pydicom raises various errors, and their messages can quote the header
        raise ScanError("converter_failed", "the images could not be copied for dcm2niix") from None


def _save(dataset: pydicom.Dataset, path: Path, number: int) -> None:
    """Write a file with a preamble; a deflated file, or a file without a transfer syntax, is written uncompressed.

    A DICOM file must contain the UIDs of its image and its class. If de-identification software removed them, the copy
    receives an image UID generated from its number, and the class of CT images.
    """
    meta = dataset.file_meta
    if meta.get("TransferSyntaxUID", DEFLATED) == DEFLATED:
        meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    made = pydicom.uid.generate_uid(entropy_srcs=["copy", str(number)])
    meta.MediaStorageSOPClassUID = UID(text_of(dataset, "SOPClassUID") or pydicom.uid.CTImageStorage)
    meta.MediaStorageSOPInstanceUID = UID(text_of(dataset, "SOPInstanceUID") or made)
    dataset.save_as(path, enforce_file_format=True)


def warnings_of(printed: str) -> list[str]:
    """Return the distinct codes of the warnings and errors that dcm2niix printed."""
    found = {code_of(words) for words in PRINTED.findall(printed)}
    return sorted(found)


def code_of(words: str) -> str:
    """Return the code of a warning, or `other` if its text matches no pattern."""
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
        raise ScanError(
            "converter_failed",
            f"dcm2niix exceeded the time limit of {longest_seconds} s (setting dicom.longest_seconds)",
        ) from None
    printed = (done.stdout + b"\n" + done.stderr).decode("utf-8", "replace")
    if done.returncode and NOT_RESAMPLED not in printed:
        raise ScanError("converter_failed", f"dcm2niix exited with code {done.returncode}{_converter_output(printed)}")
    return printed


def _converter_output(printed: str) -> str:
    codes = warnings_of(printed)
    return f"; warnings: {', '.join(codes)}" if codes else ""

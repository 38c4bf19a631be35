"""Identifiers planted in all text elements of DICOM, and a search for these identifiers in all files of a run."""

import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset

from support import dicom_files

WORD = "ZZPLANT"
DAY, SECOND, ROOT = "19370519", "233517", "1.2.9999.777"
TOKENS = (WORD, DAY, "1937-05-19", SECOND, "23:35:17", "9999.777")
NEEDED = {  # elements that determine the type of a file; all others receive planted text
    *("SOPClassUID", "Modality", "PhotometricInterpretation", "SpecificCharacterSet", "PatientAge", "PatientSex"),
    *("PatientPosition", "ImageType", "RescaleType", "ConvolutionKernel", "SOPInstanceUID", "TimezoneOffsetFromUTC"),
}
LENGTHS = {"SH": 16, "CS": 16, "AE": 16}
TEXTS = ("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT")
STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)


def planted_text(kind: str, number: int) -> str:
    """Return a value of a type (VR) that does not occur by chance."""
    given = {"DA": DAY, "TM": SECOND, "DT": DAY + SECOND, "UI": f"{ROOT}.{number}"}
    return given.get(kind) or f"{WORD}{number}"[: LENGTHS.get(kind, 64)]


def texts_of_the_standard() -> list[tuple[int, str]]:
    """Return the tag and type (VR) of each element that can contain text, dates, or identifiers."""
    entries = ((tag, entry[0], entry[4]) for tag, entry in sorted(DicomDictionary.items()))
    kinds = (*TEXTS, "DA", "TM", "DT", "UI")
    return [
        (tag, kind) for tag, kind, name in entries if kind in kinds and 8 <= tag >> 16 < 0x5000 and name not in NEEDED
    ]


def planted_header(**elements: Any) -> Dataset:
    """Return the header of a CT image with planted text in all text elements, including private and nested elements."""
    dataset = dicom_files.header(**elements)
    with dicom_files.unchecked():
        for number, (tag, kind) in enumerate(texts_of_the_standard()):
            dataset.add_new(tag, kind, planted_text(kind, number))
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL", f"{WORD}9"]
        dataset.ConvolutionKernel = f"{WORD}8"
        private = dataset.private_block(0x0009, f"{WORD} CREATOR", create=True)
        private.add_new(0x01, "LO", f"{WORD} private")
        private.add_new(0x02, "UN", f"{WORD} unknown".encode())
        item = Dataset()
        item.PatientName = f"{WORD}^Nested"
        item.PatientComments = f"{WORD} nested"
        dataset.OtherPatientIDsSequence = [item]
    return dataset


def write_planted(folder: Path, number: int, n_slices: int = 12, **elements: Any) -> list[Path]:
    """Write the images of a patient with planted text in headers, folder names, and file names."""
    home = folder / f"{WORD}_Anna" / f"{DAY}_{WORD}"
    home.mkdir(parents=True, exist_ok=True)
    shared = planted_header(**elements)
    shared.PatientID = f"{WORD}{number}"
    shared.StudyInstanceUID, shared.SeriesInstanceUID = f"{ROOT}.{number}.1", f"{ROOT}.{number}.2"
    slices = zip(dicom_files.positions(n_slices), dicom_files.hounsfield(n_slices), strict=True)
    files = []
    for instance, (place, hu) in enumerate(slices, start=1):
        shared.SOPInstanceUID = f"{ROOT}.{number}.2.{instance}"
        files.append(dicom_files.write_image(home / f"{WORD}_{instance}.dcm", shared, place, hu, number=instance))
    return files


def leaks(folder: Path, *texts: str) -> list[str]:
    """Return the planted tokens in files, texts, and file names, including compressed content."""
    found = [f"name: {path.relative_to(folder)}" for path in folder.rglob("*") if _tokens(path.name.encode())]
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
        for content in contents(path.read_bytes()):
            found += [f"{path.relative_to(folder)}: {token}" for token in _tokens(content)]
    return found + [f"text: {token}" for text in texts for token in _tokens(text.encode())]


def contents(content: bytes) -> Iterator[bytes]:
    """Yield the bytes and their decompressed content (gzip, zip, Parquet, and streams of PDF and PNG)."""
    yield content
    if content.startswith(b"\x1f\x8b"):
        yield from contents(gzip.decompress(content))
    if content.startswith(b"PAR1"):
        yield pd.read_parquet(io.BytesIO(content)).to_csv().encode()
    if content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(content)) as whole:
            yield from (part for name in whole.namelist() for part in contents(whole.read(name)))
    if content.startswith(b"%PDF"):
        yield from (_inflated(stream) for stream in STREAM.findall(content))
    if content.startswith(b"\x89PNG"):
        yield _inflated(b"".join(content[place + 4 :] for place in [content.find(b"IDAT")]))


def _inflated(stream: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(stream)
    except zlib.error:
        return b""


def _tokens(content: bytes) -> list[str]:
    plain = content.lower()
    narrow = plain.replace(b"\0", b"")  # planted text in UTF-16
    return [token for token in TOKENS if token.lower().encode() in plain or token.lower().encode() in narrow]

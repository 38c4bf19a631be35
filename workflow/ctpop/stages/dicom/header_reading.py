"""Reading of one file of a DICOM folder: header facts as numbers, words of closed lists, and pseudonyms.

pydicom reads the header and stops before the pixels. Texts are replaced by words of closed lists (see `vocabulary`) and
identifiers by keyed hashes (see `pseudonyms`). A faulty file has a status and never raises an error, because the
message of an error could quote the header.
"""

import os
from dataclasses import asdict, dataclass, field, replace
from io import BufferedReader
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID

from ctpop.foundation import digests
from ctpop.stages.dicom import ages, vocabulary
from ctpop.stages.dicom import contrast_agent as contrast
from ctpop.stages.dicom.elements import number_of, numbers_of, text_of, texts_of
from ctpop.stages.dicom.geometry import is_frame
from ctpop.stages.dicom.header_identity import DATES, identity_of
from ctpop.stages.dicom.pseudonyms import Pseudonyms
from ctpop.stages.dicom.quiet_pydicom import quiet_pydicom
from ctpop.study.patient_units import possible

CT_IMAGES = ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2")
DICOMDIR = "1.2.840.10008.1.3.10"
PREAMBLE = 128
FRAGMENT, END_OF_FRAGMENTS = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"7z\xbc\xaf", b"Rar!", b"\xfd7zXZ", b"(\xb5/\xfd")  # first bytes
FIRST_GROUPS = (b"\x02\x00", b"\x08\x00")  # little endian, in files without a preamble
TAGS = [
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "ImageType"),
    *("AcquisitionNumber", "SeriesNumber", "InstanceNumber", "FrameOfReferenceUID", "StudyID", "AccessionNumber"),
    *("PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientAge", "PatientSize", "PatientWeight"),
    *("StudyDate", "StudyTime", "SeriesDate", "AcquisitionDate", "ContentDate", "SeriesDescription", "ProtocolName"),
    *("Manufacturer", "ManufacturerModelName", "ConvolutionKernel", "KVP", "SliceThickness", "BodyPartExamined"),
    *("PatientPosition", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel", "NumberOfFrames"),
    *("RescaleSlope", "RescaleIntercept", "RescaleType", *contrast.TAGS),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
]


@dataclass(frozen=True)
class HeaderFacts:
    """Facts about a file: its status and, for a CT image, the remaining attributes.

    `positions` (mm, one per frame), `orientation` (row and column direction), and `edges` (mm along a row, along a
    column) are in DICOM coordinates: x to the left, y to posterior, z to superior. `without_issuer` is the pseudonym of
    the patient without the issuer of the PatientID; it is empty if the header contains no issuer. `day` is shifted by a
    number of days that is specific to the patient, and `second` is the second of the day. `lacks` lists the levels
    (study, series, image) whose UID is missing or a placeholder. An image without a UID is identified by `pixels`, a
    digest of the stored pixels.
    """

    status: str
    patient: str = ""
    patient_source: str = ""
    without_issuer: str = ""
    exam: str = ""
    series: str = ""
    instance: str = ""
    pixels: str = ""
    lacks: list[str] = field(default_factory=list)
    study_mark: str = ""
    series_mark: str = ""
    series_number: int | None = None
    acquisition: int | None = None
    number: int | None = None
    birth: str | None = None
    day: int | None = None
    second: int | None = None
    year: int | None = None
    age_years: float | None = None
    age_source: str | None = None
    age_reason: str = ""
    sex: str | None = None
    height_cm: float | None = None
    weight_kg: float | None = None
    contrast: bool | None = None
    contrast_reason: str = ""
    contrast_hint: bool | None = None
    kvp: float | None = None
    kernel: str | None = None
    kernel_class: str | None = None
    manufacturer: str | None = None
    scanner: str | None = None
    body_part: str | None = None
    patient_position: str | None = None
    kind: str = ""
    thickness_mm: float | None = None
    edges: list[float] = field(default_factory=list)
    orientation: list[float] = field(default_factory=list)
    positions: list[list[float]] = field(default_factory=list)
    rows: int = 0
    columns: int = 0
    hu_lowest: float | None = None
    hu_highest: float | None = None
    slope: float | None = None
    intercept: float | None = None
    syntax: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the facts that differ from their defaults."""
        return {name: value for name, value in asdict(self).items() if value != getattr(NOTHING, name)}


NOTHING = HeaderFacts("")


def read_facts(path: Path, pseudonyms: Pseudonyms) -> HeaderFacts:
    """Return the facts from the header of a file; a file that is not a CT image has only a status of `FILE_STATUS`.

    A CT image that ends before its last pixel has the status `truncated` and the facts of its header.
    """
    try:
        with path.open("rb") as file, quiet_pydicom():
            return _facts(file, pseudonyms)
    except Exception:  # noqa: BLE001 - pydicom raises various errors for damaged files; messages can quote the header
        return HeaderFacts("unreadable")


def _facts(file: BufferedReader, pseudonyms: Pseudonyms) -> HeaderFacts:
    start = file.read(PREAMBLE + 4)
    without_preamble = start[:2] in FIRST_GROUPS and start[3:4] == b"\0"
    if start[PREAMBLE:] != b"DICM" and not without_preamble:
        return HeaderFacts("archive" if start.startswith(ARCHIVES) else "not_dicom" if start else "empty")
    file.seek(0)
    dataset = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(TAGS), force=without_preamble)
    pixels_begin = file.tell()
    status = _status(dataset)
    if status != "ct_image":
        return HeaderFacts(status)
    syntax = str(dataset.file_meta.get("TransferSyntaxUID", "")) or str(pydicom.uid.ImplicitVRLittleEndian)
    deflated = syntax == pydicom.uid.DeflatedExplicitVRLittleEndian
    has_all_pixels = deflated or _has_all_pixels(file, dataset, UID(syntax))
    facts = _image_facts(dataset, UID(syntax), pseudonyms)
    if not has_all_pixels:
        return replace(facts, status="truncated")
    if "image" not in facts.lacks:
        return facts
    return replace(facts, pixels=_pixels_from(file, pixels_begin, UID(syntax), pseudonyms))


def pixels_of(path: Path, pseudonyms: Pseudonyms) -> str:
    """Return the digest of the stored pixels of an image, or an empty text if the file cannot be read."""
    try:
        with path.open("rb") as file, quiet_pydicom():
            dataset = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=["SOPClassUID"], force=True)
            syntax = UID(str(dataset.file_meta.get("TransferSyntaxUID", "")))
            return _pixels_from(file, file.tell(), syntax, pseudonyms)
    except Exception:  # noqa: BLE001 - as in read_facts
        return ""


def _pixels_from(file: BufferedReader, begin: int, syntax: UID, pseudonyms: Pseudonyms) -> str:
    """Return the digest of a file from its pixels to its end, or of an entire deflated file, which is one stream."""
    file.seek(0 if syntax == pydicom.uid.DeflatedExplicitVRLittleEndian else begin)
    return pseudonyms.digest("pixels", digests.of_stream(file))


def _status(dataset: Dataset) -> str:
    kind = text_of(dataset, "SOPClassUID")
    if DICOMDIR in (kind, str(dataset.file_meta.get("MediaStorageSOPClassUID", ""))):
        return "dicomdir"
    modality = text_of(dataset, "Modality")
    if not kind and not modality:
        return "unreadable"
    if modality != "CT" and kind not in CT_IMAGES:
        return "not_ct"
    if kind not in (*CT_IMAGES, "") or not (dataset.get("Rows") and dataset.get("Columns")):
        return "no_ct_image"
    return "ct_image"


def _has_all_pixels(file: BufferedReader, dataset: Dataset, syntax: UID) -> bool:
    """Return whether the file contains all pixels; the current position is the pixel tag, where pydicom stopped."""
    here = file.tell()
    head = file.read(12)
    whole = os.fstat(file.fileno()).st_size
    if len(head) < 12:
        return False
    if syntax.is_implicit_VR:
        begins, length = here + 8, int.from_bytes(head[4:8], "little")
    else:
        begins, length = here + 12, int.from_bytes(head[8:12], "little" if syntax.is_little_endian else "big")
    if length == 0xFFFFFFFF:
        return _has_all_fragments(file, begins, whole)
    frames = int(number_of(dataset, "NumberOfFrames") or 1)
    bytes_each = int(dataset.get("BitsAllocated", 16)) // 8 * int(dataset.get("SamplesPerPixel", 1) or 1)
    expected = int(dataset.Rows) * int(dataset.Columns) * bytes_each * frames
    return length >= expected and begins + length <= whole


def _has_all_fragments(file: BufferedReader, begins: int, whole: int) -> bool:
    """Return whether compressed pixels, which are stored in fragments of stated length, reach their end marker."""
    place = begins
    while place + 8 <= whole:
        file.seek(place)
        mark, length = file.read(4), int.from_bytes(file.read(4), "little")
        if mark != FRAGMENT:
            return mark == END_OF_FRAGMENTS
        place += 8 + length
    return False


def _image_facts(dataset: Dataset, syntax: UID, pseudonyms: Pseudonyms) -> HeaderFacts:
    hint = vocabulary.contrast_hint_of(text_of(dataset, "SeriesDescription"), text_of(dataset, "ProtocolName"))
    given = contrast.beside_description(
        contrast.contrast_of({tag: text_of(dataset, tag) for tag in contrast.TAGS}), hint
    )
    kernel, kernel_class = vocabulary.kernel_of(_first_kernel(dataset))
    return HeaderFacts(
        "ct_image",
        **identity_of(dataset, pseudonyms),
        **_patient_facts(dataset),
        contrast=given.given,
        contrast_reason=given.reason,
        contrast_hint=hint,
        kvp=number_of(_part(dataset, "CTXRayDetailsSequence"), "KVP"),
        kernel=kernel,
        kernel_class=kernel_class,
        manufacturer=vocabulary.manufacturer_of(text_of(dataset, "Manufacturer")),
        scanner=vocabulary.scanner_of(text_of(dataset, "ManufacturerModelName")),
        body_part=vocabulary.body_part_of(text_of(dataset, "BodyPartExamined")),
        patient_position=vocabulary.patient_position_of(text_of(dataset, "PatientPosition")),
        kind=_kind(dataset),
        rows=int(dataset.Rows),
        columns=int(dataset.Columns),
        syntax=syntax.name if syntax.is_transfer_syntax and not syntax.is_private else vocabulary.OTHER,
        **_geometry(dataset),
        **_attenuation(dataset),
    )


def _patient_facts(dataset: Dataset) -> dict[str, Any]:
    examined = next((text for name in DATES if ages.parse_date(text := text_of(dataset, name))), None)
    age = ages.age_of(text_of(dataset, "PatientAge"), text_of(dataset, "PatientBirthDate"), examined)
    meters = number_of(dataset, "PatientSize")
    return {
        "age_years": age.years,
        "age_source": age.source,
        "age_reason": age.reason,
        "sex": vocabulary.sex_of(text_of(dataset, "PatientSex")),
        "height_cm": possible("height_cm", round(100 * meters, 1) if meters else None, age.years),
        "weight_kg": possible("weight_kg", number_of(dataset, "PatientWeight"), age.years),
    }


def _geometry(dataset: Dataset) -> dict[str, Any]:
    """Return the geometry of the frames; only the slice thickness if the geometry is incomplete or not uniform.

    The geometry is incomplete if a frame lacks its position, orientation, or pixel spacing or has an invalid value,
    such as zeros. It is not uniform if the orientation or pixel spacing differs between frames.
    """
    frames = _frames(dataset)
    orientation = [
        numbers_of(_part(dataset, "PlaneOrientationSequence", frame), "ImageOrientationPatient", 6) for frame in frames
    ]
    positions = [
        numbers_of(_part(dataset, "PlanePositionSequence", frame), "ImagePositionPatient", 3) for frame in frames
    ]
    measures = _part(dataset, "PixelMeasuresSequence", frames[0])
    spacings = [numbers_of(_part(dataset, "PixelMeasuresSequence", frame), "PixelSpacing", 2) for frame in frames]
    edges = spacings[0]
    several = int(number_of(dataset, "NumberOfFrames") or 1) != len(frames)
    alike = all(found == orientation[0] for found in orientation) and all(found == edges for found in spacings)
    if several or not all(positions) or not edges or min(edges) <= 0 or not alike or not is_frame(orientation[0]):
        return {"thickness_mm": number_of(measures, "SliceThickness")}
    return {
        "thickness_mm": number_of(measures, "SliceThickness"),
        "edges": [edges[1], edges[0]],  # the first value of PixelSpacing is the distance between rows
        "orientation": orientation[0],
        "positions": positions,
    }


def _attenuation(dataset: Dataset) -> dict[str, Any]:
    """Return slope, intercept, and the range of HU that the stored bits can represent; empty if HU are undefined.

    The result is also empty if frames of an image differ in slope or intercept, because dcm2niix applies the values of
    one frame to all frames.
    """
    parts = [_part(dataset, "PixelValueTransformationSequence", frame) for frame in _frames(dataset)]
    scales = {(number_of(part, "RescaleSlope"), number_of(part, "RescaleIntercept")) for part in parts}
    slope, intercept = scales.pop()
    bits = int(number_of(dataset, "BitsStored") or 16)
    types = {text_of(part, "RescaleType").upper() for part in parts}
    if number_of(dataset, "HighBit") not in (None, bits - 1) or number_of(dataset, "SamplesPerPixel") not in (None, 1):
        return {}  # neither pydicom nor dcm2niix shifts the bits; colors are not attenuation values
    if scales or slope is None or intercept is None or slope <= 0 or not types <= {"HU", "US", ""}:
        return {}
    signed = int(number_of(dataset, "PixelRepresentation") or 0) == 1
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return {
        "slope": slope,
        "intercept": intercept,
        "hu_lowest": low * slope + intercept,
        "hu_highest": high * slope + intercept,
    }


def _kind(dataset: Dataset) -> str:
    """Return the kind of an image: the first of localizer, derived, monoenergetic, and original among its frames."""
    parts = [_part(dataset, "CTImageFrameTypeSequence", frame) for frame in _frames(dataset)]
    description = text_of(dataset, "SeriesDescription")
    kinds = {vocabulary.kind_of(texts_of(part, "FrameType"), description) for part in parts}
    kinds.add(vocabulary.kind_of(texts_of(dataset, "ImageType"), description))
    return next(kind for kind in ("localizer", "derived", "monoenergetic", "original") if kind in kinds)


def _frames(dataset: Dataset) -> list[Dataset | None]:
    """Return the functional groups of each frame of an enhanced image; None for the only frame of another image."""
    return list(dataset.get("PerFrameFunctionalGroupsSequence") or [None])


def _part(dataset: Dataset, sequence: str, frame: Dataset | None = None) -> Dataset:
    """Return the functional group of a frame or of all frames; the dataset itself if it contains no such group."""
    shared = dataset.get("SharedFunctionalGroupsSequence") or [None]
    for group in (_frames(dataset)[0] if frame is None else frame, shared[0]):
        inner = group.get(sequence) if group is not None else None
        if inner:
            part: Dataset = inner[0]
            return part
    return dataset


def _first_kernel(dataset: Dataset) -> str:
    return next(iter(texts_of(_part(dataset, "CTReconstructionSequence"), "ConvolutionKernel")), "")

"""Small CT series written with pydicom, valid or with known faults.

The module `planted` fills all text elements of a header with identifiers that must not occur in any output.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from pydicom import config, dcmread, uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate

CT = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
AXIAL = (1, 0, 0, 0, 1, 0)
CORONAL = (1, 0, 0, 0, 0, -1)
SIZE = (24, 20)  # rows, columns
EDGES_MM = (1.5, 1.25)  # distance between rows, between columns
ORIGIN_MM = (-12.0, -18.0, 40.0)
INTERCEPT = -1024
ENCODERS: dict[str, Callable[[np.ndarray], bytes]] = {
    uid.JPEG2000Lossless: lambda pixels: imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="J2K", reversible=True),
    uid.JPEGLSLossless: imagecodecs.jpegls_encode,
    uid.JPEGLosslessSV1: imagecodecs.ljpeg_encode,
}


def made_uid(*parts: object) -> str:
    """Return a UID that is determined by the parts."""
    return uid.generate_uid(entropy_srcs=[str(part) for part in parts])


def hounsfield(n_slices: int, seed: int = 1, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Return slices (n, rows, columns) of air and soft tissue, with marked corners that identify the orientation."""
    values = np.full((n_slices, *size), 40, np.int16)
    values += np.random.default_rng(seed).integers(-20, 21, values.shape).astype(np.int16)
    values[:, :3, :] = -1000
    values[:, -4:, -5:] = 500
    values[-1, :5, :5] = 900
    return values


def positions(
    n_slices: int, spacing_mm: float = 2.0, orientation: tuple = AXIAL, origin: tuple = ORIGIN_MM
) -> np.ndarray:
    """Return the positions of slices along their normal."""
    normal = np.cross(orientation[:3], orientation[3:])
    return np.asarray(origin) + spacing_mm * np.arange(n_slices)[:, None] * normal


def header(patient: str = "P1", study: str = "1", series: str = "1", **elements: Any) -> Dataset:
    """Return the elements that the images of a series share; `elements` are added or, if None, omitted."""
    dataset = Dataset()
    given = {
        "SOPClassUID": CT,
        "Modality": "CT",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "PatientID": patient,
        "PatientName": "Doe^Jane",
        "PatientSex": "F",
        "PatientAge": "060Y",
        "StudyDate": "20140305",
        "StudyTime": "101112",
        "StudyInstanceUID": made_uid(patient, study),
        "SeriesInstanceUID": made_uid(patient, study, series),
        "SeriesNumber": 2,
        "AcquisitionNumber": 1,
        "KVP": "120",
        "SliceThickness": "2",
        "ConvolutionKernel": "B30f",
        "Manufacturer": "SIEMENS",
        "ManufacturerModelName": "Sensation 64",
        "PatientPosition": "HFS",
        "PixelSpacing": list(EDGES_MM),
        "ImageOrientationPatient": list(AXIAL),
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 0,
        "RescaleSlope": "1",
        "RescaleIntercept": str(INTERCEPT),
        **elements,
    }
    with unchecked():
        for name in (name for name, value in given.items() if value is not None):
            setattr(dataset, name, given[name])
    return dataset


@contextmanager
def unchecked() -> Iterator[None]:
    """Allow pydicom to write values that violate the standard."""
    modes = ("reading_validation_mode", "writing_validation_mode")
    before = {mode: getattr(config.settings, mode) for mode in modes}
    for mode in modes:
        setattr(config.settings, mode, config.IGNORE)
    try:
        yield
    finally:
        for mode in modes:
            setattr(config.settings, mode, before[mode])


def write_series(
    folder: Path,
    n_slices: int = 12,
    *,
    where: Iterable[Any] | None = None,
    hu: np.ndarray | None = None,
    syntax: str = uid.ExplicitVRLittleEndian,
    **elements: Any,
) -> list[Path]:
    """Write the images of a series, one per position, to numbered files, and return the files in this order."""
    shared = header(**elements)
    places = positions(n_slices, orientation=tuple(shared.ImageOrientationPatient)) if where is None else where
    places = list(places)
    values = hounsfield(len(places)) if hu is None else hu
    folder.mkdir(parents=True, exist_ok=True)
    return [
        write_image(folder / f"{number:04}", shared, place, one, syntax, number)
        for number, (place, one) in enumerate(zip(places, values, strict=True), start=1)
    ]


def write_image(
    path: Path, shared: Dataset, place: Any, hu: np.ndarray, syntax: str = uid.ExplicitVRLittleEndian, number: int = 1
) -> Path:
    """Write one image."""
    dataset = Dataset()
    dataset.update(shared)
    if place is not None:
        dataset.ImagePositionPatient = [f"{value:.4f}" for value in place]
        dataset.SliceLocation = f"{place[2]:.4f}"
    dataset.InstanceNumber = number
    if "SOPInstanceUID" not in dataset:
        dataset.SOPInstanceUID = made_uid(dataset.SeriesInstanceUID, number)
    dataset.Rows, dataset.Columns = hu.shape[-2:]
    return save(path, dataset, (hu - int(dataset.get("RescaleIntercept", 0))).astype(np.uint16), syntax)


def save(path: Path, dataset: Dataset, pixels: np.ndarray, syntax: str = uid.ExplicitVRLittleEndian) -> Path:
    """Write a dataset with pixels, encoded according to the transfer syntax."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID or made_uid("blanked")
    packed = syntax in ENCODERS or syntax == uid.RLELossless
    meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian if packed else syntax
    whole = Dataset()
    whole.update(dataset)
    whole.file_meta = meta
    big = syntax == uid.ExplicitVRBigEndian
    whole.PixelData = pixels.astype(">u2" if big else "<u2").tobytes()
    whole["PixelData"].VR = "OW"
    if syntax == uid.RLELossless:
        whole.compress(uid.RLELossless, generate_instance_uid=False)
    if syntax in ENCODERS:
        whole.PixelData = encapsulate([ENCODERS[syntax](pixels)])
        whole["PixelData"].VR = "OB"
        whole["PixelData"].is_undefined_length = True
        meta.TransferSyntaxUID = syntax
    with unchecked():
        whole.save_as(path, enforce_file_format=True)
    return path


def rewritten(files: Iterable[Path], **elements: Any) -> list[Path]:
    """Rewrite files with other elements, as de-identification software does; elements set to None are removed."""
    files = list(files)
    with unchecked():
        for path in files:
            _rewrite(path, elements)
    return files


def _rewrite(path: Path, elements: dict[str, Any]) -> None:
    dataset = dcmread(path)
    for name, value in elements.items():
        setattr(dataset, name, "" if value is None else value)
        if value is None:
            delattr(dataset, name)
    dataset.save_as(path)


def write_enhanced(path: Path, n_slices: int = 12, **elements: Any) -> Path:
    """Write an enhanced CT image: all slices in one file, with their attributes in functional groups."""
    moved = ("ImageOrientationPatient", "PixelSpacing", "SliceThickness", "RescaleSlope", "RescaleIntercept", "KVP")
    shared = header(SOPClassUID=ENHANCED_CT, **elements)
    values = hounsfield(n_slices)
    groups = Dataset()
    groups.PlaneOrientationSequence = [_item(ImageOrientationPatient=shared.ImageOrientationPatient)]
    groups.PixelMeasuresSequence = [_item(PixelSpacing=shared.PixelSpacing, SliceThickness=shared.SliceThickness)]
    groups.PixelValueTransformationSequence = [
        _item(RescaleSlope=shared.RescaleSlope, RescaleIntercept=shared.RescaleIntercept, RescaleType="HU")
    ]
    groups.CTXRayDetailsSequence = [_item(KVP=shared.KVP)]
    for name in moved:
        del shared[name]
    shared.SharedFunctionalGroupsSequence = [groups]
    shared.PerFrameFunctionalGroupsSequence = [
        _frame(place, number) for number, place in enumerate(positions(n_slices), 1)
    ]
    shared.NumberOfFrames = n_slices
    shared.SOPInstanceUID = made_uid(shared.SeriesInstanceUID)
    shared.Rows, shared.Columns = values.shape[1:]
    path.parent.mkdir(parents=True, exist_ok=True)
    return save(path, shared, (values - INTERCEPT).astype(np.uint16))


def _frame(place: np.ndarray, number: int) -> Dataset:
    frame = Dataset()
    frame.PlanePositionSequence = [_item(ImagePositionPatient=[f"{value:.4f}" for value in place])]
    frame.FrameContentSequence = [
        _item(StackID="1", InStackPositionNumber=number, DimensionIndexValues=[1, number], FrameAcquisitionNumber=1)
    ]
    return frame


def _item(**elements: Any) -> Dataset:
    item = Dataset()
    for name, value in elements.items():
        setattr(item, name, value)
    return item

"""Tests of unusual folders: every file is in a row with the correct reason, and complete series are converted."""

import shutil

import numpy as np
import pytest
from pydicom import dcmread, uid

from support.dicom_files import (
    CORONAL,
    header,
    hounsfield,
    made_uid,
    positions,
    rewritten,
    write_enhanced,
    write_image,
    write_series,
)

COMPLETE = (12, "ok", "converted")
TILTED = [1, 0, 0, 0, round(np.cos(0.26), 8), round(np.sin(0.26), 8)]
LOCALIZER = header(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], ImageOrientationPatient=list(CORONAL))
RECONSTRUCTIONS = (("B30f", 30), ("B70f", 70))


def rewrite_each(files, **elements):
    """Rewrite files with elements that depend on the index of the file."""
    for place, path in enumerate(files):
        rewritten([path], **{name: value(place) for name, value in elements.items()})


def one_series_uid_in_two_studies(folder):
    for study in ("1", "2"):
        shared = {"study": study, "SeriesInstanceUID": "1.2.840.99", "StudyDate": f"201{study}0101"}
        write_series(folder / study, hu=hounsfield(12, int(study)), **shared)


def one_series_uid_of_two_patients(folder):
    for patient in ("P1", "P2"):
        uids = {"StudyInstanceUID": "1.2.840.98", "SeriesInstanceUID": "1.2.840.99"}
        write_series(folder / patient, patient=patient, hu=hounsfield(12, int(patient[1])), **uids)


def two_reconstructions_with_one_series_uid(folder):
    for kernel, seed in RECONSTRUCTIONS:
        files = write_series(folder / kernel, ConvolutionKernel=kernel, hu=hounsfield(12, seed))
        rewrite_each(files, SOPInstanceUID=lambda place, kernel=kernel: made_uid(kernel, place))


def interleaved_phases(folder):
    write_series(folder / "a", where=positions(12))
    between = positions(12, origin=(-12.0, -18.0, 41.0))
    rewrite_each(
        write_series(folder / "b", where=between, hu=hounsfield(12, 5)),
        SOPInstanceUID=lambda place: made_uid("b", place),
    )


def counted_image_uids(folder):
    for phase in (1, 2):
        files = write_series(folder / str(phase), hu=hounsfield(12, phase))
        rewrite_each(files, SOPInstanceUID=lambda place: f"1.2.3.{place}")


def localizer_in_the_series(folder):
    write_series(folder)
    write_image(folder / "scout", LOCALIZER, (0, 0, 0), hounsfield(1)[0], number=99)


def gap(folder):
    write_series(folder)[5].unlink()


def blocks_of_image_numbers(folder):
    rewrite_each(write_series(folder, 24), InstanceNumber=lambda place: 1 + place % 12)


def other_files(folder):
    write_series(folder / "a")
    write_series(folder / "mr", 3, Modality="MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.4")
    write_series(folder / "screen", 1, SOPClassUID="1.2.840.10008.5.1.4.1.1.7")
    write_series(folder / "dicomdir", 1, SOPClassUID="1.2.840.10008.1.3.10")
    (folder / "a" / "nothing").touch()


def packed_copies(folder):
    write_series(folder / "a")
    write_series(folder / "b", syntax=uid.RLELossless)


def private_elements(folder):
    for path in write_series(folder):
        dataset = dcmread(path)
        dataset.private_block(0x11, "ACME", create=True).add_new(1, "LO", "x")
        dataset.save_as(path)


CASES = {
    "no_series_uid": (lambda folder: rewritten(write_series(folder), SeriesInstanceUID=None), [COMPLETE]),
    "no_study_uid": (lambda folder: rewritten(write_series(folder), StudyInstanceUID=""), [COMPLETE]),
    "series_uid_in_two_studies": (one_series_uid_in_two_studies, [COMPLETE, (12, "ok", "other_examination")]),
    "series_uid_of_two_patients": (one_series_uid_of_two_patients, [COMPLETE, COMPLETE]),
    "reconstructions": (two_reconstructions_with_one_series_uid, [COMPLETE, (12, "ok", "other_series")]),
    "image_without_position": (
        lambda folder: rewritten(write_series(folder)[5:6], ImagePositionPatient=""),
        [(1, None, "no_geometry"), (11, "gaps", "not_one_volume")],
    ),
    "position_is_no_number": (
        lambda folder: rewritten(write_series(folder)[11:], ImagePositionPatient=["nan", "0", "0"]),
        [(1, None, "no_geometry"), (11, "ok", "converted")],
    ),
    "gap": (gap, [(11, "gaps", "not_one_volume")]),
    "interleaved": (interleaved_phases, [(24, "interleaved", "repeated_positions")]),
    "counted_image_uids": (counted_image_uids, [(24, "repeated_positions", "repeated_positions")]),
    "reversed_numbers": (
        lambda folder: rewrite_each(write_series(folder), InstanceNumber=lambda place: 12 - place),
        [COMPLETE],
    ),
    "no_numbers": (lambda folder: rewritten(write_series(folder), InstanceNumber=None), [COMPLETE]),
    "one_number": (lambda folder: rewritten(write_series(folder), InstanceNumber=0), [COMPLETE]),
    "no_numbers_packed": (
        lambda folder: rewritten(write_series(folder, syntax=uid.JPEGLSLossless), InstanceNumber=""),
        [COMPLETE],
    ),
    "blocks_of_numbers": (blocks_of_image_numbers, [(24, "ok", "converted")]),
    "localizer": (localizer_in_the_series, [COMPLETE, (1, "single_slice", "localizer")]),
    "packed": (lambda folder: write_series(folder, syntax=uid.JPEG2000Lossless), [COMPLETE]),
    "packed_copies": (packed_copies, [COMPLETE]),
    "private_elements": (private_elements, [COMPLETE]),
    "other_files": (other_files, [COMPLETE]),
    "no_pixel_spacing": (
        lambda folder: rewritten(write_series(folder), PixelSpacing=None),
        [(12, None, "no_geometry")],
    ),
    "zero_pixel_spacing": (
        lambda folder: rewritten(write_series(folder), PixelSpacing=[0, 0]),
        [(12, None, "no_geometry")],
    ),
    "no_direction": (
        lambda folder: rewritten(write_series(folder), ImageOrientationPatient=[0] * 6),
        [(12, None, "no_geometry")],
    ),
    "tilt": (
        lambda folder: write_series(folder, where=positions(12), ImageOrientationPatient=TILTED),
        [(12, "ok", "gantry_tilt")],
    ),
    "no_slope": (lambda folder: rewritten(write_series(folder), RescaleSlope=None), [(12, "ok", "no_hu")]),
    "no_slope_in_one": (lambda folder: rewritten(write_series(folder)[4:5], RescaleSlope=None), [(12, "ok", "no_hu")]),
    "another_slope_in_one": (lambda folder: rewritten(write_series(folder)[4:5], RescaleSlope="2"), [COMPLETE]),
}
RULE = "dicom: {exclude: [no_geometry, localizer, no_hu, gantry_tilt, repeated_positions], fewest_slices: 2}"


@pytest.mark.parametrize("name", CASES)
def test_every_file_is_in_a_row_with_the_correct_reason(place, name):
    make, expected = CASES[name]
    write_series(place.dicom / "good", patient="GOOD", hu=hounsfield(12, 77))
    make(place.dicom / "odd")

    place.index(RULE)
    registry, excluded, files = place.tables()
    outcomes = registry.merge(place.convert_all(), on="scan_id")["status"]

    rows = [*rows_of(registry, outcomes), *rows_of(excluded, excluded["reason"])]
    assert sorted(rows, key=str) == sorted([COMPLETE, *expected], key=str)
    assert files["n_files"].sum() == sum(path.is_file() for path in place.dicom.rglob("*"))
    counts = dict(zip(files["status"], files["n_files"], strict=True))
    in_rows = sum(int((table["n_slices"] + table["n_copies"]).sum()) for table in (registry, excluded))
    assert counts["ct_image"] + counts.get("copy", 0) == in_rows


def rows_of(table, outcomes):
    reasons = table["complete_header_reason"].astype(object).where(table["complete_header_reason"].notna(), None)
    return list(zip(table["n_slices"], reasons, outcomes, strict=True))


def test_an_enhanced_image_without_uids_is_one_volume(place):
    write_series(place.dicom / "good", patient="GOOD", hu=hounsfield(12, 77))
    blank = dict.fromkeys(("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"), "")
    rewritten([write_enhanced(place.dicom / "odd" / "a")], **blank)
    shutil.copy(place.dicom / "odd" / "a", place.dicom / "odd" / "b")

    place.index(RULE)
    registry, excluded, _ = place.tables()

    assert (registry["n_slices"].to_list(), len(excluded)) == ([12, 12], 0)
    assert sorted(registry["n_copies"]) == [0, 1]
    assert set(place.convert_all()["status"]) == {"converted"}

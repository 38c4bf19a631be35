"""Tests of `ctpop convert`: a volume agrees with the DICOM files, or the scan is rejected with a reason."""

import gzip
import itertools
import json
from pathlib import Path

import dcm2niix
import nibabel as nib
import numpy as np
import pandas as pd
import pydicom
import pytest
from pydicom import uid

from ctpop.cli import main
from ctpop.contracts import dicom_codes
from ctpop.foundation.errors import ScanError
from ctpop.imaging.images import Grid, Volume, read_ct
from ctpop.stages.dicom import nifti_conversion, volume_checks
from support import dicom_files
from support.config_files import config_option
from support.dicom_workplace import EVERYTHING
from support.real_data import DICOM


def volume_of(row):
    return read_ct(Path("images", f"{row['scan_id']}.nii.gz"))


def test_a_volume_has_the_values_and_positions_of_the_files(place):
    hu = dicom_files.hounsfield(12)
    dicom_files.write_series(place.dicom, hu=hu)

    row = place.run().iloc[0]

    volume = volume_of(row)
    # From (slice, row, column), with rows toward posterior and columns toward left, to x right, y anterior, z superior
    np.testing.assert_array_equal(volume.data, hu[:, ::-1, ::-1].transpose(2, 1, 0))
    assert volume.grid.spacing_mm.tolist() == [1.25, 1.5, 2.0]
    assert volume.grid.affine[:3, 3].tolist() == [12 - 19 * 1.25, 18 - 23 * 1.5, 40]
    assert (row["status"], row["n_slices"], row["slices_compared"]) == ("converted", 12, 3)
    assert (row["hu_min"], row["hu_max"]) == (-1000, 900)
    assert volume.data.dtype == np.int16


@pytest.mark.parametrize(
    "syntax",
    [uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.RLELossless, *dicom_files.ENCODERS],
    ids=lambda syntax: syntax.name,
)
def test_compressed_and_uncompressed_pixels_result_in_identical_files(place, syntax):
    dicom_files.write_series(place.dicom / "plain", patient="plain")
    dicom_files.write_series(place.dicom / "packed", patient="packed", syntax=syntax)

    rows = place.run()

    assert rows["status"].tolist() == ["converted", "converted"]
    assert len(set(rows["ct_sha256"])) == 1


def test_enhanced_and_reversed_images_result_in_identical_files(place):
    places, hu = dicom_files.positions(12), dicom_files.hounsfield(12)
    dicom_files.write_series(place.dicom / "one", patient="one")
    dicom_files.write_series(place.dicom / "back", patient="back", where=places[::-1], hu=hu[::-1])
    dicom_files.write_enhanced(place.dicom / "enhanced" / "a", patient="enhanced")

    rows = place.run()

    assert rows["status"].tolist() == ["converted"] * 3
    assert len(set(rows["ct_sha256"])) == 1


@pytest.mark.parametrize("degrees", [0, 20])
def test_coronal_and_oblique_slices_have_the_positions_of_the_headers(place, degrees):
    angle = np.deg2rad(degrees)
    orientation = (1, 0, 0, 0, np.cos(angle), np.sin(angle)) if degrees else dicom_files.CORONAL
    where = dicom_files.positions(15, orientation=orientation)
    dicom_files.write_series(place.dicom, where=where, ImageOrientationPatient=[round(part, 8) for part in orientation])

    row = place.run().iloc[0]

    volume = volume_of(row)
    assert row["status"] == "converted"
    corner = volume.data == 900  # rows and columns 0 to 4 of the last slice
    center = volume.grid.affine @ np.append(np.argwhere(corner).mean(axis=0), 1)
    step = 2 * (1.25 * np.array(orientation[:3]) + 1.5 * np.array(orientation[3:]))
    np.testing.assert_allclose(center[:3] * [-1, -1, 1], where[-1] + step, atol=1e-3)


def test_the_nifti_contains_only_voxels_and_geometry(place):
    dicom_files.write_series(place.dicom, ImageComments="Doe", StudyTime="101112", AcquisitionTime="131415")

    row = place.run().iloc[0]

    path = Path("images", f"{row['scan_id']}.nii.gz")
    header = nib.load(path).header
    assert [bytes(header[name]).strip(b"\0") for name in ("descrip", "aux_file", "db_name", "intent_name")] == [b""] * 4
    assert len(header.extensions) == 0
    assert path.read_bytes()[4:8] == b"\0" * 4  # no time in the gzip header
    assert len(gzip.decompress(path.read_bytes())) == 352 + 2 * 12 * 24 * 20
    assert sorted(path.name for path in Path("images").iterdir()) == [
        f"{row['scan_id']}.json",
        f"{row['scan_id']}.nii.gz",
    ]


def rejected(place, *options, **series):
    dicom_files.write_series(place.dicom, **series)
    row = place.run(EVERYTHING, *options).iloc[0]
    assert list(Path("images").glob("*.nii.gz")) == []
    assert row["status"] in dicom_codes.CONVERSION_STATUS
    assert pd.isna(row["ct_sha256"])
    return row["status"], row["detail"]


def test_a_series_with_a_missing_slice_is_rejected(place, tmp_path, monkeypatch):
    places = dicom_files.positions(12)

    status, detail = rejected(place, where=np.delete(places, 5, axis=0))
    assert status == "not_one_volume"
    assert detail == (
        "gaps (images: 11, missing slices: 1, repeated positions: 0, largest deviation from an even grid: 0 mm)"
    )


def test_an_overlay_is_ignored(place):
    files = dicom_files.write_series(place.dicom)
    for path in files:
        dataset = pydicom.dcmread(path)
        rows, columns = dataset.Rows, dataset.Columns
        bits = np.zeros(rows * columns + rows * columns % 8, np.uint8)
        bits[:50] = 1
        for element, representation, value in (
            *((0x10, "US", rows), (0x11, "US", columns), (0x40, "CS", "G"), (0x50, "SS", [1, 1])),
            *((0x100, "US", 1), (0x102, "US", 0), (0x3000, "OW", np.packbits(bits, bitorder="little").tobytes())),
        ):
            dataset.add_new((0x6000, element), representation, value)
        dataset.save_as(path)

    row = place.run().iloc[0]

    assert row["status"] == "converted"
    np.testing.assert_array_equal(np.unique(volume_of(row).data)[[0, -1]], [-1000, 900])


def test_two_phases_in_one_series_are_rejected(place):
    places = dicom_files.positions(12)

    status, detail = rejected(place, where=[*places, *places])

    assert status == "not_one_volume"
    assert detail.startswith("repeated_positions (images: 24, missing slices: 0, repeated positions: 12, ")


def test_uneven_slices_are_rejected(place):
    places = dicom_files.positions(40)
    places[:, 2] += np.linspace(0, 3, 40) ** 2 / 3

    status, detail = rejected(place, where=places)

    assert status == "not_one_volume"
    assert detail.endswith("largest deviation from an even grid: 0.75 mm)")


def test_only_complete_series_are_converted(place):
    moved = {"first": [1], "middle": [30], "all": np.arange(1, 59, 2)}
    offsets = [(2, 0.04), (2, 0.19), (2, 0.3), (0, 0.04), (0, 0.3), (1, 0.19)]
    signed = {"RescaleIntercept": "0", "PixelRepresentation": 1}  # dcm2niix would resample these images as well
    for (name, slices), (axis, off_mm), (sign, stored) in itertools.product(
        moved.items(), offsets, [("unsigned", {}), ("signed", signed)]
    ):
        places = dicom_files.positions(60, spacing_mm=1.0)
        places[slices, axis] += off_mm
        patient = f"{name} {axis} {off_mm} {sign}"
        dicom_files.write_series(place.dicom / patient, where=places, patient=patient, **stored)

    rows = place.run()

    complete = rows["scan_id"].map(pd.read_csv("registry.csv").set_index("scan_id")["complete_header"])
    assert complete.to_dict() == {patient: float(patient.split()[2]) <= 0.2 for patient in rows.index}
    assert rows["status"].to_dict() == {
        patient: "converted" if even else "not_one_volume" for patient, even in complete.items()
    }
    for _, row in rows[complete].iterrows():
        assert volume_of(row).grid.spacing_mm == pytest.approx([1.25, 1.5, 1.0], abs=1e-4)


def test_a_series_with_gantry_tilt_is_rejected(place):
    angle = np.deg2rad(15)

    status, _ = rejected(
        place,
        where=dicom_files.positions(12),
        ImageOrientationPatient=[1, 0, 0, 0, round(np.cos(angle), 8), round(np.sin(angle), 8)],
        GantryDetectorTilt="15",
    )

    assert status == "bad_geometry"


def test_values_without_air_are_rejected(place):
    hu = dicom_files.hounsfield(12) + 1000

    assert rejected(place, hu=hu)[0] == "not_hu"
    assert (
        place.convert(*config_option(dicom={"air_below_hu": None}, cohort={"criteria": []})).iloc[0]["status"]
        == "converted"
    )


def test_a_header_without_rescale_values_is_rejected(place):
    assert (
        rejected(place, RescaleSlope=None, RescaleIntercept=None, hu=dicom_files.hounsfield(12) + 1024)[0] == "not_hu"
    )


def test_an_unsupported_transfer_syntax_is_reported(place):
    for file in dicom_files.write_series(place.dicom, syntax=uid.JPEGLSLossless):
        file.write_bytes(file.read_bytes().replace(uid.JPEGLSLossless.encode(), uid.JPEGExtended12Bit.encode()))

    found = place.run().iloc[0]

    assert found["status"] == "converter_failed"
    assert found["detail"].startswith("dcm2niix ")


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian, uid.RLELossless])
@pytest.mark.parametrize("start", [0, 132])
def test_deflated_files_and_files_without_preamble_are_converted(place, syntax, start):
    hu = dicom_files.hounsfield(12)
    for file in dicom_files.write_series(place.dicom, hu=hu, syntax=syntax):
        file.write_bytes(file.read_bytes()[start:])

    found = place.run().iloc[0]

    assert (found["status"], found["slices_compared"]) == ("converted", 3)
    assert (found["hu_min"], found["hu_max"]) == (hu.min(), hu.max())


NO_UID = {"SOPInstanceUID": None}
BLANK_UIDS = {"SOPInstanceUID": "", "SOPClassUID": ""}
WORDS_FOR_UIDS = {"SOPInstanceUID": "ANONYMIZED", "StudyInstanceUID": "ANONYMIZED"}


@pytest.mark.parametrize("uids", [NO_UID, BLANK_UIDS, WORDS_FOR_UIDS, {**NO_UID, "SOPClassUID": None}])
@pytest.mark.parametrize("start", [0, 132])
@pytest.mark.parametrize("with_meta", [True, False])
def test_images_without_uids_are_converted(place, uids, start, with_meta):
    hu = dicom_files.hounsfield(12)
    files = dicom_files.write_series(place.dicom, hu=hu)
    dicom_files.rewritten(files, InstanceNumber=1, **uids)
    for file in files:
        dataset = pydicom.dcmread(file)
        for name in () if with_meta else ("MediaStorageSOPInstanceUID", "MediaStorageSOPClassUID"):
            delattr(dataset.file_meta, name)
        dataset.save_as(file, enforce_file_format=False)
        file.write_bytes(file.read_bytes()[start:])

    found = place.run().iloc[0]

    assert (found["status"], found["slices_compared"]) == ("converted", 3)
    assert (found["hu_min"], found["hu_max"]) == (hu.min(), hu.max())


@pytest.mark.parametrize("uids", [{}, NO_UID])
def test_images_without_file_meta_are_converted(place, uids):
    hu = dicom_files.hounsfield(12)
    files = dicom_files.write_series(place.dicom, hu=hu, syntax=uid.ImplicitVRLittleEndian)
    for file in dicom_files.rewritten(files, **uids):
        dataset = pydicom.dcmread(file)
        dataset.preamble, dataset.file_meta = None, pydicom.dataset.FileMetaDataset()
        dataset.save_as(file, implicit_vr=True, little_endian=True, enforce_file_format=False)

    found = place.run().iloc[0]

    assert (found["status"], found["slices_compared"]) == ("converted", 3)


def test_a_rejected_scan_does_not_affect_other_scans(place):
    dicom_files.write_series(place.dicom / "a", patient="a")
    dicom_files.write_series(place.dicom / "b", patient="b", hu=dicom_files.hounsfield(12) + 1000)
    dicom_files.write_series(place.dicom / "c", patient="c")

    rows = place.run()

    assert rows["status"].to_dict() == {"a": "converted", "b": "not_hu", "c": "converted"}


def test_only_damaged_volumes_are_converted_again(place, monkeypatch):
    dicom_files.write_series(place.dicom)
    first = place.run()
    path = Path("images", f"{first.iloc[0]['scan_id']}.nii.gz")

    with monkeypatch.context() as patched:
        patched.setattr(dcm2niix, "bin", "missing_program")
        pd.testing.assert_frame_equal(place.convert(), first)

    path.write_bytes(path.read_bytes()[:-1])
    pd.testing.assert_frame_equal(place.convert(), first)
    assert read_ct(path).data.max() == 900


@pytest.mark.parametrize("change", ["gone", "replaced"])
def test_files_changed_after_indexing_are_rejected(place, change):
    files = dicom_files.write_series(place.dicom)
    place.run()
    note = json.loads(next(Path("images").glob("*.json")).read_text())
    if change == "gone":
        files[4].unlink()
    else:
        dicom_files.write_image(files[4], dicom_files.header(), (0, 0, 99), dicom_files.hounsfield(1)[0], number=5)
    for path in Path("images").iterdir():
        path.unlink()

    row = place.convert().iloc[0]

    assert note["n_slices"] == 12
    assert row["status"] == "changed_since_index"
    assert row["detail"] in (
        "missing files: 1 of 12; run `ctpop index` again",
        "files have changed since `ctpop index` read them; run it again",
    )
    assert list(Path("images").iterdir()) == []


def test_the_volume_of_a_rejected_scan_is_removed(place):
    dicom_files.write_series(place.dicom)
    place.run()
    dicom_files.write_series(place.dicom, where=np.delete(dicom_files.positions(13), 5, axis=0))

    row = place.run().iloc[0]

    assert row["status"] == "not_one_volume"
    assert list(Path("images").iterdir()) == []


@pytest.mark.parametrize(
    ("reason", "attempts_left", "code"),
    [("not_written", 0, 1), ("out_of_memory", 1, 1), ("out_of_memory", 0, 0), ("not_hu", 1, 0)],
)
def test_errors_of_the_machine_fail_the_job(place, monkeypatch, capsys, reason, attempts_left, code):
    def refuse(*_, **__):
        raise ScanError(reason, "a detail")

    dicom_files.write_series(place.dicom)
    place.index()
    monkeypatch.setattr("ctpop.stages.dicom.convert.volume_store.keep", refuse)
    options = ["--registry", "registry.csv", "--dicom", "dicom", "--out", "c.parquet"]

    assert main(["convert", *options, "--attempts-left", str(attempts_left)]) == code
    assert Path("c.parquet").exists() == (code == 0)
    assert (f"1 of 1 scans failed (1 {reason})" in capsys.readouterr().err) == (code == 1)


def test_each_scan_is_in_one_shard(place):
    for number in range(6):
        dicom_files.write_series(place.dicom / str(number), patient=f"P{number}")
    place.index()

    rows = [place.convert("--shard", f"{shard}-of-2") for shard in (1, 2)]

    assert sorted([*rows[0].index, *rows[1].index]) == [f"P{number}" for number in range(6)]


@pytest.mark.parametrize("path", ["../escape.nii.gz", "images/../../x.nii.gz", "other.nii.gz"])
def test_changed_volume_paths_are_rejected(place, capsys, path):
    dicom_files.write_series(place.dicom)
    place.index()
    registry = pd.read_csv("registry.csv")
    registry.assign(ct_path=path).to_csv("registry.csv", index=False)

    assert main(["convert", "--registry", "registry.csv", "--dicom", "dicom", "--out", "c.parquet"]) == 1

    assert "ct_path must be images/SCAN_ID.nii.gz" in capsys.readouterr().err


def test_a_registry_without_digests_is_rejected(place, capsys):
    place.dicom.mkdir()
    Path("registry.csv").write_text("scan_id,patient_id,age_years,ct_path\na,b,50,images/a.nii.gz\n")

    assert main(["convert", "--registry", "registry.csv", "--dicom", "dicom", "--out", "c.parquet"]) == 1

    assert "column files_digest is missing" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "words"), [("key", "64 hexadecimal digits"), ("members.csv", "run `ctpop index`")])
def test_an_incomplete_private_folder_is_reported(place, capsys, name, words):
    dicom_files.write_series(place.dicom)
    place.index()
    Path("ctpop_private", name).unlink()

    assert main(["convert", "--registry", "registry.csv", "--dicom", "dicom", "--out", "c.parquet"]) == 1

    assert words in capsys.readouterr().err


def expected_volume(hu, slope=1.0, deviation_mm=0.0):
    frames = [volume_checks.PixelFrame(Path("missing_file"), 0, slope, 0.0)] * hu.shape[2]
    return volume_checks.ExpectedVolume(hu.shape, np.diag([-1.0, -1.0, 2.0, 1.0]), deviation_mm, -1024, 3071, frames)


def volume(hu, affine=None):
    where = np.diag([1.0, 1.0, 2.0, 1.0]) if affine is None else affine
    where[:2, 3] = [1 - hu.shape[0], 1 - hu.shape[1]]
    return Volume(hu, Grid(hu.shape, where), where)


HU = np.linspace(-1000, 1000, 5 * 6 * 7).reshape(5, 6, 7).round()


def test_a_volume_that_agrees_with_the_headers_passes():
    assert volume_checks.check(volume(HU), expected_volume(HU), -200) == 0


@pytest.mark.parametrize(
    ("found", "status"),
    [(volume(HU * 4), "hu_differ"), (volume(HU - 100), "hu_differ"), (volume(np.abs(HU)), "not_hu")],
)
def test_values_outside_the_range_of_the_headers_are_rejected(found, status):
    with pytest.raises(ScanError) as raised:
        volume_checks.check(found, expected_volume(HU), -200)

    assert raised.value.reason == status


def written_volume(folder, found):
    path = folder / "volume.nii"
    nib.save(nib.Nifti1Image(found.data.astype(np.int16), found.grid.affine), path)
    return path


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (volume(HU[:, :, :-1]), "slices_differ"),
        (volume(HU[:-1]), "slices_differ"),
        (volume(HU, np.diag([1.0, 1.0, 2.2, 1.0])), "grid_differs"),
        (volume(HU, np.diag([1.2, 1.0, 2.0, 1.0])), "grid_differs"),
    ],
)
def test_a_volume_with_a_different_grid_is_rejected(tmp_path, found, status):
    with pytest.raises(ScanError) as raised:
        volume_checks.take_over_grid(written_volume(tmp_path, found), expected_volume(HU))

    assert raised.value.reason == status


@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, 1), (1, 1, -1)])
def test_the_mean_spacing_replaces_the_first_distance(tmp_path, signs):
    affine = np.diag([*np.array(signs) * [1.0, 1.0, 2.06], 1.0])
    affine[:3, 3] = [
        (1 - n) * edge if sign > 0 else 0 for n, edge, sign in zip((5, 6), (1, 1), signs, strict=False)
    ] + [0 if signs[2] > 0 else 12.0]
    path = written_volume(tmp_path, Volume(HU, Grid(HU.shape, affine), affine))

    volume_checks.take_over_grid(path, expected_volume(HU, deviation_mm=0.04))

    found = read_ct(path).grid
    assert found.spacing_mm.tolist() == [1, 1, 2]
    assert found.affine[:3, 3].tolist() == [-4, -5, 0]


def test_a_single_wrong_value_is_detected(place):
    files = dicom_files.write_series(place.dicom)
    row = place.run().iloc[0]
    right = volume_of(row)
    frames = [volume_checks.PixelFrame(file, 0, 1.0, -1024.0) for file in files]
    affine = np.array([[-1.25, 0, 0, 12], [0, -1.5, 0, 18], [0, 0, 2, 40], [0, 0, 0, 1]])
    expected = volume_checks.ExpectedVolume((20, 24, 12), affine, 0.0, -1024, 64511, frames)
    assert volume_checks.check(right, expected, -200) == 3
    wrong = right.data.copy()
    wrong[7, 9, 6] += 1

    with pytest.raises(ScanError, match="values of slice 7 of 12"):
        volume_checks.check(Volume(wrong, right.grid, right.stored_affine), expected, -200)
    with pytest.raises(ScanError, match="hu_differ"):
        volume_checks.check(Volume(right.data[:, :, ::-1], right.grid, right.stored_affine), expected, -200)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("Interslice distance varies in this volume (incompatible with NIfTI format).", "uneven_distances"),
        ("Instance Number (0020,0013) order is not spatial.", "instance_order"),
        (
            "2 images have identical time, series, acquisition and instance values. DUPLICATES REMOVED.",
            "duplicates_removed",
        ),
        ("Unable to determine spatial orientation: 0020,0037 missing", "orientation"),
        ("Unable to decode JPEG. Please use dcmdjpeg to uncompress data.", "compression"),
        ("Intensity slope/intercept varies between slices! [check resulting images]", "rescale"),
        ("Empty protocol name(s) (0018,1030)", "no_protocol_name"),
        ("Doe^Jane did something", "other"),
    ],
)
def test_converter_warnings_are_mapped_to_codes(words, code):
    assert nifti_conversion.warnings_of(f"Chris Rorden's dcm2niiX\nWarning: {words}\nConvert 3") == [code]


def test_every_warning_code_has_a_description():
    assert {*nifti_conversion.KINDS, "other"} == set(dicom_codes.WARNINGS)


def test_a_converter_that_exceeds_the_time_limit_is_stopped(place, monkeypatch):
    Path("slow").write_text("#!/bin/sh\nsleep 20\n")
    Path("slow").chmod(0o755)
    monkeypatch.setattr(dcm2niix, "bin", str(Path("slow").resolve()))

    with (
        pytest.raises(ScanError, match="dcm2niix exceeded the time limit of 1 s"),
        nifti_conversion.converted(dicom_files.write_series(place.dicom), 1),
    ):
        pass


def test_three_real_slices_are_converted(place):
    place.dicom.symlink_to(DICOM)

    row = place.run("dicom: {fewest_slices: 3}").iloc[0]

    found = volume_of(row)
    assert (row["status"], row["slices_compared"]) == ("converted", 3)
    assert found.grid.shape == (512, 512, 3)
    assert found.grid.spacing_mm == pytest.approx([0.810547, 0.810547, 1])
    assert (row["hu_min"], row["hu_max"]) == (-3024, 1381)

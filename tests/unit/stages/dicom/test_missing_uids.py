"""Tests of folders without UIDs: series are identified by the remaining elements, and every file has a row."""

import shutil

import pandas as pd
import pytest

from support import dicom_files

BLANK = dict.fromkeys(("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID"), "")
REMOVED = dict.fromkeys(BLANK)
ONE_FOR_ALL = dict.fromkeys(BLANK, "1.2.3.4")
ONE_PER_LEVEL = {name: f"1.2.3.{number}" for number, name in enumerate(BLANK)}
WORDS = dict.fromkeys(BLANK, "ANONYMIZED")
WAYS = {"blank": BLANK, "removed": REMOVED, "one": ONE_FOR_ALL, "levels": ONE_PER_LEVEL, "words": WORDS}
NO_PATIENT = {"PatientID": "", "PatientBirthDate": "", "PatientName": ""}
NO_DATES = {"StudyDate": "", "StudyTime": "", "SeriesDate": "", "AcquisitionDate": ""}


def unaccounted(files, registry, excluded):
    """Return the number of CT images, including copies, that are in no row; enhanced images are not supported."""
    counts = dict(zip(files["status"], files["n_files"], strict=True))
    in_rows = sum(int((table["n_slices"] + table["n_copies"]).sum()) for table in (registry, excluded))
    return counts.get("ct_image", 0) + counts.get("copy", 0) - in_rows


@pytest.mark.parametrize("way", WAYS)
def test_series_of_two_patients_are_converted(place, way):
    for number, patient in enumerate(("P1", "P2")):
        hu = dicom_files.hounsfield(12, seed=number)
        files = dicom_files.write_series(place.dicom / patient, patient=patient, hu=hu)
        dicom_files.rewritten(files, **WAYS[way])

    rows = place.run()
    registry, excluded, files = place.tables()

    assert rows["status"].to_dict() == {"P1": "converted", "P2": "converted"}
    assert rows["ct_sha256"].nunique() == 2
    assert (registry["n_slices"].to_list(), registry["complete_header"].to_list()) == ([12, 12], [True, True])
    assert set(registry["series_source"]) == {"series_uid" if way == "levels" else "geometry"}
    assert unaccounted(files, registry, excluded) == 0


@pytest.mark.parametrize("way", WAYS)
def test_each_folder_is_a_patient_without_patient_ids_and_dates(place, way):
    for number in (1, 2):
        hu = dicom_files.hounsfield(12, seed=number)
        files = dicom_files.write_series(place.dicom / str(number), hu=hu)
        dicom_files.rewritten(files, **WAYS[way], **NO_PATIENT, **NO_DATES)

    place.index()
    registry, excluded, files = place.tables()

    assert registry["patient_id"].nunique() == 2
    assert set(registry["patient_reason"]) == {"no_patient_id_no_study"}
    assert registry["n_slices"].to_list() == [12, 12]
    assert len(excluded) == 0
    assert unaccounted(files, registry, excluded) == 0
    assert set(place.convert_all()["status"]) == {"converted"}


def test_series_are_separated_by_series_number(place):
    thin = dicom_files.write_series(place.dicom / "a", SeriesNumber=2, SliceThickness="1")
    thick = dicom_files.write_series(place.dicom / "b", SeriesNumber=3, SliceThickness="5")
    for path in dicom_files.rewritten([*thin, *thick], **BLANK):
        path.rename(place.dicom / f"{path.parent.name}{path.name}")

    place.index()
    registry, excluded, files = place.tables()

    assert registry["slice_thickness_mm"].to_list() == [1]
    assert excluded[["reason", "slice_thickness_mm"]].to_numpy().tolist() == [["other_series", 5]]
    assert excluded["exam_id"].to_list() == registry["exam_id"].to_list()
    assert unaccounted(files, registry, excluded) == 0


def test_studies_are_separated_by_date(place):
    for day in ("20140305", "20150305"):
        dicom_files.rewritten(dicom_files.write_series(place.dicom / day, study=day, StudyDate=day), **BLANK)

    place.index()
    registry, excluded, _ = place.tables()

    assert registry["year"].to_list() == [2014]
    assert excluded[["reason", "year"]].to_numpy().tolist() == [["other_examination", 2015]]


def test_overlapping_series_are_separated_by_folder(place):
    for folder in ("a", "b"):
        dicom_files.rewritten(dicom_files.write_series(place.dicom / folder, hu=hounsfield_of(folder)), **BLANK)

    place.index()
    registry, excluded, files = place.tables()

    assert registry["complete_header"].to_list() == [True]
    assert excluded[["reason", "n_slices"]].to_numpy().tolist() == [["other_series", 12]]
    assert unaccounted(files, registry, excluded) == 0


def hounsfield_of(name):
    return dicom_files.hounsfield(12, seed=ord(name))


def test_indistinguishable_phases_are_excluded(place):
    dicom_files.write_series(place.dicom / "good", patient="P2")
    for name in ("a", "b"):
        files = dicom_files.rewritten(dicom_files.write_series(place.dicom / name, hu=hounsfield_of(name)), **BLANK)
        for path in files:
            path.rename(place.dicom / f"{name}{path.name}")

    place.index("dicom: {}")
    registry, excluded, files = place.tables()

    assert len(registry) == 1
    assert excluded[["reason", "n_slices", "n_copies"]].to_numpy().tolist() == [["repeated_positions", 24, 0]]
    assert unaccounted(files, registry, excluded) == 0


@pytest.mark.parametrize("way", ["blank", "levels"])
def test_equal_pixels_under_two_patients_are_duplicates(place, way):
    for patient in ("P1", "P2"):
        dicom_files.rewritten(dicom_files.write_series(place.dicom / patient, patient=patient), **WAYS[way])

    place.index()
    registry, excluded, _ = place.tables()

    assert len(registry) == 1
    assert excluded["reason"].to_list() == ["duplicate_images"]
    assert excluded["chosen_scan_id"].to_list() == registry["scan_id"].to_list()


def test_copies_of_images_without_uids_count_once(place):
    files = dicom_files.rewritten(dicom_files.write_series(place.dicom), **BLANK)
    for path in files[:3]:
        shutil.copy(path, path.with_name(f"copy{path.name}"))

    place.index()
    registry, excluded, files = place.tables()

    assert registry[["n_slices", "n_copies", "complete_header"]].to_numpy().tolist() == [[12, 3, True]]
    assert unaccounted(files, registry, excluded) == 0


def test_images_with_a_placeholder_uid_are_not_copies(place):
    for acquisition, name in enumerate("ab"):
        dicom_files.write_series(
            place.dicom / name, hu=hounsfield_of(name), SOPInstanceUID="1.2.3", AcquisitionNumber=acquisition
        )

    place.index()
    registry, excluded, files = place.tables()

    assert [*registry["n_slices"], *excluded["n_slices"]] == [12, 12]
    assert excluded["reason"].to_list() == ["other_series"]
    assert files["status"].to_list() == ["ct_image"]


def test_images_without_position_are_not_copies(place):
    dicom_files.write_series(place.dicom / "good", patient="P2")
    files = dicom_files.write_series(place.dicom / "bad", SOPInstanceUID="1.2.3")
    dicom_files.rewritten(files, ImagePositionPatient=None)

    place.index("dicom: {}")
    _, excluded, files = place.tables()

    assert excluded[["reason", "n_slices", "n_copies"]].to_numpy().tolist() == [["no_geometry", 12, 0]]


def test_results_do_not_depend_on_the_machine(place, tmp_path, monkeypatch):
    for patient in ("P1", "P2"):
        hu = hounsfield_of(patient[-1])
        dicom_files.rewritten(dicom_files.write_series(place.dicom / patient, patient=patient, hu=hu), **ONE_PER_LEVEL)
    place.index()
    first = [path.read_bytes() for path in sorted(tmp_path.glob("registry*.csv"))]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.move(place.dicom, elsewhere / "dicom")
    (elsewhere / "ctpop_private").mkdir()
    shutil.copy("ctpop_private/key", elsewhere / "ctpop_private" / "key")
    monkeypatch.chdir(elsewhere)

    place.index()
    place.index()

    assert [path.read_bytes() for path in sorted(elsewhere.glob("registry*.csv"))] == first


def test_a_study_uid_of_several_patients_without_ids_is_a_placeholder(place):
    for number, birth in enumerate(("19500101", "19600101")):
        dicom_files.write_series(
            place.dicom / str(number),
            patient="ANON",
            series=str(number),
            study="1",
            hu=dicom_files.hounsfield(12, seed=number),
            PatientBirthDate=birth,
        )

    place.index()
    registry, _, _ = place.tables()

    assert registry["patient_id"].nunique() == 2
    assert set(registry["patient_reason"]) == {"no_patient_id"}


def test_valid_series_uids_are_used(place):
    dicom_files.write_series(place.dicom)

    place.index()

    assert pd.read_csv("registry.csv")["series_source"].to_list() == ["series_uid"]


def series_in_one_study(place, *patients):
    """Write a series of each patient, all with one StudyInstanceUID, index them, and return the rows of all."""
    study = dicom_files.made_uid("one study")
    for number, (name, more) in enumerate(patients):
        dicom_files.write_series(
            place.dicom / str(number),
            hu=dicom_files.hounsfield(12, seed=number),
            patient=name,
            StudyInstanceUID=study,
            SeriesInstanceUID=dicom_files.made_uid("series", number),
            **more,
        )
    place.index()
    registry, excluded, _ = place.tables()
    return pd.concat([registry, excluded])


def test_a_missing_issuer_does_not_create_a_second_patient(place):
    rows = series_in_one_study(place, ("P1", {}), ("P1", {"IssuerOfPatientID": "HOSPITAL"}))

    assert len(set(rows["patient_id"])) == 1
    assert sorted(rows["reason"].dropna()) == ["other_series"]
    assert set(rows["patient_reason"]) == {"ok"}


def test_a_patient_id_of_two_issuers_denotes_two_patients(place):
    issuers = [("P1", {"IssuerOfPatientID": name}) for name in ("HOSPITAL", "CLINIC")]

    rows = series_in_one_study(place, ("P1", {}), *issuers)

    assert rows["patient_id"].nunique() == 3
    assert set(rows["patient_reason"]) == {"study_of_several_patients"}


def test_a_study_of_two_patients_is_reported(place):
    rows = series_in_one_study(place, ("P1", {}), ("P2", {}))

    assert rows["patient_id"].nunique() == 2
    assert rows["patient_reason"].to_list() == ["study_of_several_patients"] * 2


@pytest.mark.parametrize(
    "patients",
    [
        [("P1", {}), ("P2", {}), ("P3", {})],
        [("P1", {"StudyDate": "20200101"}), ("P2", {"StudyDate": "20210101"})],
        [("P1", {"PatientSex": "F"}), ("P2", {"PatientSex": "M"})],
        [("P1", {"PatientBirthDate": "19500101"}), ("P2", {"PatientBirthDate": "19600101"})],
    ],
)
def test_a_study_uid_of_different_patients_is_a_placeholder(place, patients):
    rows = series_in_one_study(place, *patients)

    assert set(rows["patient_reason"]) == {"ok"}
    assert rows["patient_id"].nunique() == rows["exam_id"].nunique() == len(patients)
    assert rows["reason"].isna().all()


@pytest.mark.parametrize("more", [{"PatientSex": ""}, {"PatientBirthDate": ""}, {"StudyDate": "", "SeriesDate": ""}])
def test_missing_facts_do_not_indicate_a_placeholder(place, more):
    rows = series_in_one_study(place, ("P1", {}), ("P2", more))

    assert set(rows["patient_reason"]) == {"study_of_several_patients"}


def test_examinations_with_a_placeholder_uid_are_separated_by_date(place):
    days = [("P1", {"StudyDate": day}) for day in ("20200101", "20210101")]

    rows = series_in_one_study(place, *days, ("P2", {}))

    assert rows["exam_id"].nunique() == 3
    assert rows["reason"].dropna().to_list() == ["other_examination"]
    assert rows[rows["reason"].notna()]["year"].to_list() == [2021]


def test_scan_ids_do_not_change_for_a_new_placeholder(place):
    before = series_in_one_study(place, ("P1", {}), ("P2", {}))

    after = series_in_one_study(place, ("P1", {}), ("P2", {}), ("P3", {}))

    assert set(before["scan_id"]) < set(after["scan_id"])
    assert set(before["patient_reason"]) == {"study_of_several_patients"}


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def reasons_of(place):
    """Return the reasons for the completeness of the series in the folder, by number of slices."""
    place.index()
    registry, excluded, _ = place.tables()
    rows = pd.concat([registry, excluded])
    return dict(zip(rows["n_slices"], rows["complete_header_reason"], strict=True))


@pytest.mark.parametrize("with_issuer", [0, 1])
def test_truncated_images_are_assigned_without_the_issuer(place, with_issuer):
    study = {"StudyInstanceUID": dicom_files.made_uid("one study")}
    for number, n_slices in enumerate((12, 14)):
        issuer = {"IssuerOfPatientID": "HOSPITAL"} if number == with_issuer else {}
        series = dicom_files.made_uid("series", number)
        dicom_files.write_series(place.dicom / str(number), n_slices, **study, **issuer, SeriesInstanceUID=series)
        truncate(place.dicom / str(number) / "0001")

    assert reasons_of(place) == {11: "truncated_images", 13: "truncated_images"}


@pytest.mark.parametrize("removed", [{"StudyInstanceUID": None}, {"SeriesInstanceUID": None}, *WAYS.values()])
@pytest.mark.parametrize("patient", [{}, NO_PATIENT])
def test_truncated_images_without_uids_are_assigned_by_folder(place, removed, patient):
    for number, n_slices in enumerate((12, 14)):
        name = str(number)
        files = dicom_files.write_series(place.dicom / name, n_slices, patient=name, study=name, series=name)
        dicom_files.rewritten(files, **removed, **patient)
    truncate(place.dicom / "0" / "0012")

    assert reasons_of(place) == {11: "truncated_images", 14: "ok"}


def test_a_truncated_image_does_not_create_a_placeholder(place):
    files = dicom_files.write_series(place.dicom / "a", 12)
    dicom_files.rewritten(files, **NO_PATIENT)
    [other] = dicom_files.write_series(place.dicom / "b", 1, where=[(-12, -18, 400)])
    dicom_files.rewritten(
        [other], **NO_PATIENT, SOPInstanceUID=dicom_files.made_uid(dicom_files.header().SeriesInstanceUID, 1)
    )
    truncate(other)

    place.index()
    registry, _, files = place.tables()

    assert registry[["series_source", "complete_header_reason"]].to_numpy().tolist() == [
        ["series_uid", "truncated_images"]
    ]
    assert dict(zip(files["status"], files["n_files"], strict=True)) == {"ct_image": 12, "truncated": 1}


def test_truncated_images_are_assigned_by_kernel(place):
    for kernel, n_slices in (("B30f", 12), ("B70f", 14)):
        dicom_files.rewritten(
            dicom_files.write_series(place.dicom / kernel, n_slices, ConvolutionKernel=kernel),
            SOPInstanceUID="",
        )
    truncate(place.dicom / "B70f" / "0014")

    assert reasons_of(place) == {12: "ok", 13: "truncated_images"}

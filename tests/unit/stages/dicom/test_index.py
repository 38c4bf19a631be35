"""Tests of `ctpop index` on realistic folders: rows, reasons, and counts, in first and repeated runs."""

import logging
import os
import shutil

import numpy as np
import pandas as pd
import pydicom
import pytest
from pydicom import uid

from ctpop.cli import main
from ctpop.contracts.dicom import SERIES, SERIES_EXCLUDED
from ctpop.stages.dicom import folder_scan
from ctpop.study.registry import read_registry
from support import dicom_files
from support.real_data import DICOM


@pytest.fixture
def index(tmp_path, monkeypatch):
    """Return a function that runs the command on the folder `dicom` and returns its three tables."""
    monkeypatch.chdir(tmp_path)

    def run(*options, config=""):
        (tmp_path / "study.yaml").write_text(config or "dicom: {}")
        code = main(
            ["index", "dicom", "--registry", "registry.csv", "--config", "study.yaml", "--processes", "1", *options]
        )
        assert code == 0
        names = ("registry", "registry_excluded", "registry_files")
        return tuple(pd.read_csv(tmp_path / f"{name}.csv") for name in names)

    return run


def counts(files):
    return dict(zip(files["status"], files["n_files"], strict=True))


def test_each_series_has_one_row_and_each_file_is_counted(tmp_path, index):
    folder = tmp_path / "dicom"
    dicom_files.write_series(folder / "a" / "thin", patient="P1", series="thin", SliceThickness="1")
    dicom_files.write_series(folder / "a" / "thick", patient="P1", series="thick", SliceThickness="5")
    dicom_files.write_series(
        folder / "a" / "scout", 1, patient="P1", series="scout", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]
    )
    dicom_files.write_series(folder / "deep" / "er" / "b", patient="P2", syntax=uid.RLELossless)
    dicom_files.write_series(folder / "mr", 3, patient="P2", Modality="MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.4")
    dicom_files.write_series(folder / "report", 1, patient="P2", SOPClassUID="1.2.840.10008.5.1.4.1.1.88.67")
    (folder / "readme.txt").write_text("hello")
    (folder / "nothing").touch()
    shutil.copy(folder / "a" / "thin" / "0003", folder / "copy")
    cut = folder / "a" / "thin" / "0012"
    (folder / "cut").write_bytes(cut.read_bytes()[:-100])

    registry, excluded, files = index()

    assert list(registry.columns) == list(SERIES.columns)
    assert list(excluded.columns) == list(SERIES_EXCLUDED.columns)
    assert registry["slice_thickness_mm"].tolist() == [1, 2] or registry["slice_thickness_mm"].tolist() == [2, 1]
    assert registry["patient_id"].nunique() == 2
    assert sorted(excluded["reason"]) == ["localizer", "other_series"]
    thick = excluded[excluded["reason"] == "other_series"].iloc[0]
    assert thick["chosen_scan_id"] == registry.loc[registry["slice_thickness_mm"] == 1, "scan_id"].item()
    assert counts(files) == {
        "copy": 1,
        "ct_image": 12 + 12 + 1 + 12,
        "empty": 1,
        "no_ct_image": 1,
        "not_ct": 3,
        "not_dicom": 1,
        "truncated": 1,
    }
    assert files["n_files"].sum() == sum(path.is_file() for path in folder.rglob("*"))
    assert registry.loc[registry["slice_thickness_mm"] == 1, "n_copies"].item() == 1


def test_the_registry_can_be_read_by_the_cohort_stage(tmp_path, index):
    dicom_files.write_series(tmp_path / "dicom" / "a", patient="P1", ContrastBolusAgent="Ultravist")
    dicom_files.write_series(tmp_path / "dicom" / "b", patient="P2", PatientAge="N-A")
    index()

    registry = read_registry(tmp_path / "registry.csv")

    assert sorted(registry["age_years"].fillna(-1)) == [-1, 60]
    assert registry["sex"].tolist() == ["female", "female"]
    assert registry["ct_path"].tolist() == ["images/" + scan + ".nii.gz" for scan in registry["scan_id"]]


def test_a_missing_slice_is_reported(tmp_path, index):
    dicom_files.write_series(tmp_path / "dicom", 40)
    (tmp_path / "dicom" / "0020").unlink()

    registry, _, _ = index()

    row = registry.iloc[0]
    assert (row["n_slices"], row["n_gaps"], row["n_missing_slices"]) == (39, 1, 1)
    assert (row["complete_header"], row["complete_header_reason"]) == (False, "gaps")
    assert (row["slice_spacing_mm"], row["z_extent_mm"]) == (2, 80)


def test_a_localizer_within_a_series_has_a_separate_row(tmp_path, index):
    files = dicom_files.write_series(tmp_path / "dicom")
    scout = dicom_files.header(
        ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], ImageOrientationPatient=list(dicom_files.CORONAL)
    )
    dicom_files.write_image(tmp_path / "dicom" / "scout", scout, (0, 0, 0), dicom_files.hounsfield(1)[0], number=99)

    registry, excluded, _ = index()

    assert registry["n_slices"].tolist() == [len(files)]
    assert registry["complete_header"].tolist() == [True]
    assert excluded["reason"].tolist() == ["localizer"]


def test_images_at_different_positions_are_not_copies(tmp_path, index):
    dicom_files.write_series(tmp_path / "dicom", 12, SOPInstanceUID="1.2.3")

    registry, _, files = index()

    assert registry["n_slices"].tolist() == [12]
    assert counts(files) == {"ct_image": 12}


def test_a_patient_id_with_two_birth_dates_is_reported(tmp_path, index):
    dicom_files.write_series(tmp_path / "dicom" / "a", patient="17", study="1", PatientBirthDate="19500101")
    dicom_files.write_series(tmp_path / "dicom" / "b", patient="17", study="2", PatientBirthDate="19600101")

    registry, excluded, _ = index()

    assert registry["patient_reason"].tolist() == excluded["patient_reason"].tolist() == ["several_birth_dates"]


@pytest.mark.parametrize(("later", "expected"), [("055Y", "ages_contradict"), ("060Y", "ok"), ("062Y", "ok")])
def test_contradictory_ages_of_a_patient_are_reported(tmp_path, index, later, expected):
    for study, day, age in (("1", "20200501", "060Y"), ("2", "20210501", later)):
        dicom_files.write_series(tmp_path / "dicom" / study, patient="17", study=study, StudyDate=day, PatientAge=age)

    registry, excluded, _ = index()

    assert {*registry["patient_reason"], *excluded["patient_reason"]} == {expected}


def test_a_second_run_reads_only_changed_files(tmp_path, index, caplog):
    caplog.set_level(logging.INFO)
    files = dicom_files.write_series(tmp_path / "dicom" / "a")
    index()
    before = {path: path.read_bytes() for path in tmp_path.glob("registry*.csv")}
    caplog.clear()

    index()
    assert "12 files in the folder, 12 of them unchanged since an earlier run" in caplog.text
    assert {path: path.read_bytes() for path in before} == before

    caplog.clear()
    os.utime(files[0], (1, 1))
    dicom_files.write_series(tmp_path / "dicom" / "b", patient="P2")
    index()
    assert "24 files in the folder, 11 of them unchanged since an earlier run" in caplog.text


def test_new_patients_do_not_change_existing_rows(tmp_path, index):
    dicom_files.write_series(tmp_path / "dicom" / "a", patient="P1")
    dicom_files.write_series(tmp_path / "dicom" / "b", patient="P2")
    before, _, _ = index()

    dicom_files.write_series(tmp_path / "dicom" / "c", patient="P3")
    after, _, _ = index()

    kept = after[after["scan_id"].isin(before["scan_id"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, before)
    assert len(after) == 3


def test_manual_entries_are_kept_by_the_next_run(tmp_path, index):
    dicom_files.write_series(tmp_path / "dicom" / "a", patient="P1")
    registry, _, _ = index()
    registry.assign(complete="no", known_absent="spleen", smoker="yes").to_csv(tmp_path / "registry.csv", index=False)

    dicom_files.write_series(tmp_path / "dicom" / "b", patient="P2")
    again, _, _ = index()

    row = again.set_index("scan_id").loc[registry["scan_id"].item()]
    assert (row["complete"], row["known_absent"], row["smoker"]) == (False, "spleen", "yes")
    assert again["smoker"].isna().sum() == 1
    assert again["contrast"].isna().all()


def test_results_do_not_depend_on_processes_or_folder_order(tmp_path, index, monkeypatch):
    monkeypatch.setattr(folder_scan, "AT_ONCE", 5)
    dicom_files.write_series(tmp_path / "dicom" / "z", patient="P1")
    dicom_files.write_series(tmp_path / "dicom" / "a", patient="P2")
    before, _, _ = index("--processes", "2")
    (tmp_path / "dicom" / "z").rename(tmp_path / "dicom" / "0")

    after, _, _ = index()

    pd.testing.assert_frame_equal(after, before)


def test_the_selection_follows_the_configuration(tmp_path, index):
    dicom_files.write_series(tmp_path / "dicom" / "1", study="1", StudyDate="20100101", SliceThickness="1")
    dicom_files.write_series(tmp_path / "dicom" / "2", study="2", StudyDate="20120101", SliceThickness="3")

    first, _, _ = index()
    last, _, _ = index(config="dicom: {examination: last}")
    thin, excluded, _ = index(config="dicom: {examination: last, exclude: [too_thick], largest_thickness_mm: 2}")

    assert [table["slice_thickness_mm"].item() for table in (first, last, thin)] == [1, 3, 1]
    assert [table["year"].item() for table in (first, last)] == [2010, 2012]
    assert excluded["reason"].tolist() == ["too_thick"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("dicom: {examinations: last}", "did you mean 'examination'"),
        ("[1, 2]", "found a list"),
        ("a: [", "invalid YAML"),
    ],
)
def test_an_invalid_configuration_is_rejected_before_reading(tmp_path, monkeypatch, capsys, config, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.yaml").write_text(config)
    (tmp_path / "dicom").mkdir()

    assert main(["index", "dicom", "--registry", "r.csv", "--config", "study.yaml"]) == 1

    assert words in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dicom", "study.yaml"]


def test_a_folder_without_suitable_series_is_an_error(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dicom").mkdir()
    (tmp_path / "dicom" / "a").write_text("x")
    dicom_files.write_series(tmp_path / "dicom" / "b", 3)

    assert main(["index", "dicom", "--registry", "r.csv"]) == 1

    message = capsys.readouterr().err
    assert "the folder contains no suitable CT series; files: 3 ct_image, 1 not_dicom" in message
    assert "excluded series: 1 too_few_slices; check the folder and the setting dicom.exclude" in message
    assert not (tmp_path / "r.csv").exists()


def test_a_missing_folder_is_reported_without_its_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    assert main(["index", "Doe_Jane", "--registry", "r.csv"]) == 1

    message = capsys.readouterr().err
    assert "FOLDER: the folder does not exist" in message
    assert "Doe" not in message


def test_a_damaged_cache_is_replaced(tmp_path, index):
    dicom_files.write_series(tmp_path / "dicom")
    before, _, _ = index()
    (tmp_path / "ctpop_private" / "cache.sqlite").write_bytes(b"this is no database" * 100)

    after, _, _ = index()

    pd.testing.assert_frame_equal(after, before)


def test_a_new_key_changes_all_pseudonyms(tmp_path, index):
    dicom_files.write_series(tmp_path / "dicom")
    before, _, _ = index()
    (tmp_path / "ctpop_private" / "key").write_text("11" * 32)
    (tmp_path / "registry.csv").unlink()

    after, _, _ = index()

    assert set(after["scan_id"]).isdisjoint(before["scan_id"])
    assert set(after["patient_id"]).isdisjoint(before["patient_id"])


def test_the_link_table_is_written_only_on_request(tmp_path, index):
    dicom_files.write_series(tmp_path / "dicom" / "patient_17", patient="P17", AccessionNumber="A5")
    (tmp_path / "dicom" / "letter.txt").write_text("x")
    registry, _, _ = index()
    private = tmp_path / "ctpop_private"
    assert sorted(path.name for path in private.iterdir()) == [".gitignore", "cache.sqlite", "key", "members.csv"]

    index("--link")

    link = pd.read_csv(private / "link.csv", dtype=str).iloc[0]
    assert link["scan_id"] == registry["scan_id"].item()
    assert (link["PatientID"], link["AccessionNumber"]) == ("P17", "A5")
    assert link["first_file"].startswith("patient_17/")
    others = pd.read_csv(private / "link_files.csv")
    assert others.to_dict("records") == [{"status": "not_dicom", "file": "letter.txt"}]


def test_a_real_series_is_indexed(tmp_path, index):
    shutil.copytree(DICOM, tmp_path / "dicom")

    registry, _, files = index(config="dicom: {fewest_slices: 3}")

    row = registry.iloc[0]
    assert (row["age_years"], row["sex"], row["n_slices"], row["slice_spacing_mm"]) == (60, "male", 3, 1)
    assert (row["slice_thickness_mm"], row["z_extent_mm"], row["complete_header"]) == (1.25, 3, True)
    assert counts(files) == {"ct_image": 3, "not_ct": 1, "not_dicom": 5}


def test_links_and_unreadable_folders_are_counted(tmp_path, index, monkeypatch):
    dicom_files.write_series(tmp_path / "dicom" / "a")
    (tmp_path / "dicom" / "a" / "round").symlink_to(tmp_path / "dicom")
    (tmp_path / "dicom" / "a" / "broken").symlink_to(tmp_path / "gone")
    (tmp_path / "dicom" / "closed").mkdir()
    scandir = os.scandir

    def guarded(folder):
        if str(folder).rstrip("/").endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", guarded)  # permissions do not restrict the root user, who may run the tests

    _, _, files = index()

    assert counts(files) == {"closed": 1, "link": 2, "ct_image": 12}


@pytest.mark.parametrize("shift_mm", [0, 1])
def test_overlapping_acquisitions_are_separate_volumes(tmp_path, index, shift_mm):
    for number in (1, 2):
        where = dicom_files.positions(12, origin=(0.0, 0.0, shift_mm * number))
        dicom_files.write_series(tmp_path / "dicom" / str(number), where=where, AcquisitionNumber=number)

    registry, excluded, _ = index()

    assert (registry["n_slices"].to_list(), registry["complete_header"].to_list()) == ([12], [True])
    assert excluded[["reason", "n_slices", "complete_header"]].to_numpy().tolist() == [["other_series", 12, True]]


def test_consecutive_acquisitions_are_one_volume(tmp_path, index):
    places = dicom_files.positions(24)
    for number, where in ((1, places[:12]), (2, places[12:])):
        dicom_files.write_series(tmp_path / "dicom" / str(number), where=where, AcquisitionNumber=number)

    registry, _, _ = index()

    assert (registry["n_slices"].to_list(), registry["complete_header"].to_list()) == ([24], [True])


def test_the_acquisition_number_does_not_change_the_scan_id(tmp_path, index):
    dicom_files.write_series(tmp_path / "dicom" / "a", AcquisitionNumber=None)
    before = index()[0]["scan_id"].to_list()
    shutil.rmtree(tmp_path / "dicom")
    dicom_files.write_series(tmp_path / "dicom" / "a", AcquisitionNumber=7)

    assert index()[0]["scan_id"].to_list() == before


def test_differing_facts_are_listed(tmp_path, index):
    places = dicom_files.positions(12)
    for folder, where, kvp in (("a", places[:6], "120"), ("b", places[6:], "100")):
        dicom_files.write_series(tmp_path / "dicom" / folder, where=where, KVP=kvp)

    assert index()[0]["differing_facts"].to_list() == ["kvp"]


@pytest.mark.parametrize(
    ("element", "texts", "columns"),
    [
        ("PatientSex", ("F", "M"), {"sex": None}),
        ("PatientAge", ("060Y", "031Y"), {"age_years": None, "age_source": None, "age_reason": "images_differ"}),
        (
            "ContrastBolusAgent",
            ("Ultravist", "OHNE KM"),
            {"contrast_header": None, "contrast_header_reason": "images_differ"},
        ),
        ("ContrastBolusAgent", ("Ultravist", ""), {"contrast_header": True}),
    ],
)
def test_contradictory_facts_are_missing(tmp_path, index, element, texts, columns):
    places = dicom_files.positions(12)
    for text, where in zip(texts, (places[:6], places[6:]), strict=True):
        dicom_files.write_series(tmp_path / "dicom" / f"of {text}", where=where, **{element: text})

    row = index()[0].iloc[0]

    assert {name: None if pd.isna(row[name]) else row[name] for name in columns} == columns


def test_the_log_counts_the_reasons(tmp_path, index, caplog):
    caplog.set_level(logging.INFO)
    for patient, age, agent in (("P1", "060Y", "ULT370"), ("P2", "47", "OHNE KM"), ("P3", "000Y", "ULT370")):
        given = {"PatientAge": age, "ContrastBolusAgent": agent}
        hu = dicom_files.hounsfield(12, seed=int(patient[1:]))
        dicom_files.write_series(tmp_path / "dicom" / patient, patient=patient, hu=hu, **given)

    index()

    assert "age_reason of the selected series: 1 no_unit, 1 ok, 1 placeholder" in caplog.text
    assert "contrast_header_reason of the selected series: 1 agent_says_none, 2 agent_unknown" in caplog.text


@pytest.mark.parametrize("study_date", [None, "00000000"])
def test_age_is_calculated_at_the_first_valid_date(tmp_path, index, study_date):
    dates = {"StudyDate": study_date, "AcquisitionDate": "20100615", "PatientBirthDate": "19500615"}
    dicom_files.write_series(tmp_path / "dicom", PatientAge=None, **dates)

    assert index()[0][["age_years", "age_source"]].values.tolist() == [[60, "dates"]]


def test_duplicate_images_of_two_patients_are_excluded(tmp_path, index):
    first = dicom_files.write_series(tmp_path / "dicom" / "a", patient="P1")
    (tmp_path / "dicom" / "b").mkdir()
    for path in first:
        dataset = pydicom.dcmread(path)
        dataset.PatientID, dataset.StudyInstanceUID = "ANOTHER", dicom_files.made_uid("another")
        dataset.save_as(tmp_path / "dicom" / "b" / path.name)
    dicom_files.write_series(tmp_path / "dicom" / "c", patient="P3")

    registry, excluded, _ = index()

    assert len(registry) == 2
    assert excluded["reason"].to_list() == ["duplicate_images"]
    assert excluded["chosen_scan_id"].isin(registry["scan_id"]).all()


def test_two_phases_in_one_series_have_repeated_positions(tmp_path, index):
    dicom_files.write_series(tmp_path / "dicom" / "a", patient="P1")
    places = dicom_files.positions(12)
    dicom_files.write_series(tmp_path / "dicom" / "b", patient="P2", where=np.concatenate([places, places]))

    registry, excluded, _ = index()

    assert len(registry) == 1
    assert excluded[["reason", "n_repeated_positions", "complete_header"]].to_numpy().tolist() == [
        ["repeated_positions", 12, False]
    ]


@pytest.mark.parametrize(
    ("number", "expected"),
    [("0001", "truncated_images"), ("0012", "truncated_images"), ("0005", "gaps;truncated_images")],
)
def test_a_truncated_image_makes_its_series_incomplete(tmp_path, index, number, expected):
    dicom_files.write_series(tmp_path / "dicom" / "a", patient="P1", series="a")
    dicom_files.write_series(tmp_path / "dicom" / "b", patient="P2", series="b")
    path = tmp_path / "dicom" / "a" / number
    path.write_bytes(path.read_bytes()[:-100])

    registry, excluded, files = index(config="dicom: {exclude: [localizer]}")
    rows = pd.concat([registry, excluded]).sort_values("n_slices")

    assert rows["n_slices"].tolist() == [11, 12]
    assert rows["complete_header"].tolist() == [False, True]
    assert rows["complete_header_reason"].tolist() == [expected, "ok"]
    assert counts(files) == {"ct_image": 23, "truncated": 1}


def test_a_truncated_copy_does_not_affect_its_series(tmp_path, index):
    [*paths] = dicom_files.write_series(tmp_path / "dicom" / "a", patient="P1")
    (tmp_path / "dicom" / "copy").write_bytes(paths[-1].read_bytes()[:-100])

    registry, _, files = index()

    assert registry["complete_header_reason"].tolist() == ["ok"]
    assert counts(files) == {"ct_image": 12, "truncated": 1}


def test_a_truncated_localizer_does_not_affect_the_axial_series(tmp_path, index):
    dicom_files.write_series(tmp_path / "dicom" / "a", patient="P1", series="a")
    scout = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}
    [path] = dicom_files.write_series(tmp_path / "dicom" / "scout", 1, patient="P1", series="a", **scout)
    path.write_bytes(path.read_bytes()[:-100])

    registry, _, _ = index()

    assert registry["complete_header_reason"].tolist() == ["ok"]

"""Registries with other columns, words, missing values, paths, separators, and file formats are read correctly."""

import csv
import datetime
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import yaml

from ctpop.cli import main
from ctpop.foundation.errors import ContractError
from ctpop.study import configuration, shards
from ctpop.study.registry import read_registry
from ctpop.study.registry_mapping import mapped
from ctpop.study.registry_options import AS_OURS, reading_of
from support.config_files import config_option
from support.real_data import EXAMINATIONS, write_meta
from support.studies import REPO

THEIRS = {
    "columns": {"id": "scan_id", "patient": "patient_id", "age": "age_years", "gender": "sex"},
    "values": {"sex": {"m": "male", "F": "female", "o": None}},
    "missing": ["N-A", "n/a"],
}
ROWS = [
    ["id", "patient", "age", "gender", "kvp"],
    ["s1", "p1", "61", "m", "120"],
    ["s2", "N-A", "N-A", "F", "n/A"],
    ["s3", "p1", "7.5", "O", ""],
]


def as_text(path, rows=ROWS, separator=","):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=separator).writerows(rows)
    return path


def as_workbook(path, rows, *further_sheets):
    book = openpyxl.Workbook()
    book.active.title = "registry"
    for row in rows:
        book.active.append(row)
    for name in further_sheets:
        book.create_sheet(name).append(["nothing", "here"])
    book.save(path)
    return path


def expected():
    return pd.DataFrame(
        {
            "scan_id": ["s1", "s2", "s3"],
            "patient_id": ["p1", None, "p1"],
            "age_years": [61, None, 7.5],
            "sex": ["male", "female", None],
            "kvp": ["120", None, None],
        }
    ).astype({"patient_id": "str", "sex": "str", "kvp": "str"})


def same(found):
    columns = list(expected().columns)
    pd.testing.assert_frame_equal(found[columns].astype({"kvp": "str"}), expected(), check_dtype=False)


def message_of(path, **chosen):
    with pytest.raises(ContractError) as refused:
        read_registry(path, reading_of({**THEIRS, **chosen}))
    return str(refused.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("name", "separator", "chosen"),
    [
        ("r.csv", ",", {}),
        ("r.tsv", "\t", {}),
        ("r.csv", ";", {"separator": ";"}),
        ("r.txt", "|", {"separator": "|"}),
        ("participants.TSV", "\t", {}),
    ],
)
def test_text_with_other_columns_and_words_is_read(tmp_path, name, separator, chosen):
    same(read_registry(as_text(tmp_path / name, separator=separator), reading_of({**THEIRS, **chosen})))


def test_a_workbook_is_read_like_the_equivalent_text(tmp_path):
    typed = [
        ROWS[0],
        ["s1", "p1", 61, "m", 120.0],
        ["s2", "N-A", "N-A", "F", "n/A"],
        [None] * 5,
        ["s3", "p1", 7.5, "O"],
    ]

    same(read_registry(as_workbook(tmp_path / "r.xlsx", typed), reading_of(THEIRS)))


def test_numbers_dates_and_booleans_of_a_workbook_are_as_in_a_csv(tmp_path):
    row = [7, 61, True, datetime.date(2024, 5, 31), 0.1]
    path = as_workbook(tmp_path / "r.xlsx", [["scan_id", "age_years", "complete", "day", "share"], row])

    [found] = read_registry(path).to_dict("records")

    assert [found[name] for name in ("scan_id", "age_years", "complete", "day", "share")] == [
        *("7", 61.0, True, "2024-05-31", "0.1")
    ]


def test_a_workbook_with_several_sheets_requires_a_sheet_name(tmp_path):
    path = as_workbook(tmp_path / "r.xlsx", ROWS, "notes")

    assert message_of(path) == (
        "several sheets have content (registry, notes); set the sheet of the table, for example, cohort:"
        ' {sheet: "registry"}, or save this sheet as CSV'
    )
    assert message_of(path, sheet="nots") == (
        "the file does not contain the sheet 'nots'; set cohort.sheet to one of the following: registry, notes; for"
        ' example, cohort: {sheet: "registry"}'
    )
    same(read_registry(path, reading_of({**THEIRS, "sheet": "registry"})))


def test_an_invalid_workbook_is_rejected(tmp_path):
    path = tmp_path / "r.xlsx"
    path.write_bytes(b"PK\x03\x04 and no workbook")

    assert message_of(path).startswith("the file cannot be read as a spreadsheet (")


def test_a_cell_of_a_workbook_is_reported_with_the_visible_row_number(tmp_path):
    path = as_workbook(tmp_path / "r.xlsx", [["scan_id", "age_years"], [None, None], ["s1", "old"]])

    with pytest.raises(ContractError, match=r"line 3 \(scan 's1', value 'old'\)"):
        read_registry(path)


def test_a_missing_mapped_column_is_reported(tmp_path):
    message = message_of(as_text(tmp_path / "r.csv"), columns={**THEIRS["columns"], "weight": "weight_kg"})

    assert message == (
        "cohort.columns contains weight, but the file has no such column; columns of the file: id, patient, age,"
        " gender, kvp; remove weight from this setting"
    )


def test_two_columns_with_the_same_name_are_rejected(tmp_path):
    message = message_of(as_text(tmp_path / "r.csv"), columns={**THEIRS["columns"], "kvp": "age_years"})

    assert message == (
        "column names must be unique, but age_years is assigned to the columns age, kvp; correct cohort.columns"
    )


def test_an_unmapped_word_is_rejected_and_not_read_as_missing(tmp_path):
    assert "sex must be female, male, or empty, but 1 row violates this rule" in message_of(
        as_text(tmp_path / "r.csv"), values={"sex": {"m": "male", "f": "female"}}
    )


def test_one_column_can_identify_scan_and_patient(tmp_path):
    path = as_text(tmp_path / "participants.tsv", [["participant_id", "age"], ["sub-01", "61"]], "\t")
    chosen = reading_of({"columns": {"participant_id": ["scan_id", "patient_id"], "age": "age_years"}})

    [found] = read_registry(path, chosen)[["scan_id", "patient_id"]].to_dict("records")

    assert found == {"scan_id": "sub-01", "patient_id": "sub-01"}


def test_missing_paths_follow_the_pattern(tmp_path):
    rows = [["scan_id", "age_years", "ct_path", "site"], ["a", "1", "", "x"], ["b", "2", "own.nii", "x"], ["c", "3"]]
    chosen = reading_of({"paths": {"ct_path": "{site}/{scan_id}/ct.nii.gz", "segmentation_path": "{scan_id}/seg"}})

    found = read_registry(as_text(tmp_path / "r.csv", [row + [""] * (4 - len(row)) for row in rows]), chosen)

    assert found["ct_path"].fillna("none").to_list() == ["x/a/ct.nii.gz", "own.nii", "none"]
    assert found["segmentation_path"].to_list() == ["a/seg", "b/seg", "c/seg"]


def test_a_path_pattern_with_an_unknown_column_is_rejected(tmp_path):
    message = message_of(as_text(tmp_path / "r.csv"), paths={"ct_path": "{folder}/ct.nii.gz"})

    assert message == (
        "cohort.paths.ct_path uses folder, but the registry has no such column; available columns: scan_id, patient_id,"
        " age_years, sex, kvp"
    )


@pytest.mark.parametrize("scan_id", ["CON", "nul.nii", "Lpt1", "com9.a.b"])
def test_an_id_that_is_a_windows_device_name_is_rejected(tmp_path, scan_id):
    with pytest.raises(ContractError, match="must not be a Windows device name"):
        read_registry(as_text(tmp_path / "r.csv", [["scan_id", "age_years"], [scan_id, "1"], ["console", "2"]]))


def test_an_id_that_ends_with_a_period_is_rejected(tmp_path):
    with pytest.raises(ContractError, match=r"must not end with '\.', but 1 row violates this rule: line 2 \(scan"):
        read_registry(as_text(tmp_path / "r.csv", [["scan_id", "age_years"], ["a.", "1"]]))


# Shards, which the Snakefile determines without the cohort stage


@pytest.mark.parametrize("name", ["r.csv", "r.tsv", "r.xlsx"])
def test_a_registry_in_any_format_has_its_patients_in_the_same_shards(tmp_path, name):
    patients = [[f"s{n}", f"p{n // 2}" if n % 5 else "N-A", "50", "m", "120"] for n in range(40)]
    reading = reading_of(THEIRS)

    def digests(rows):
        if name.endswith("xlsx"):
            return shards.shard_digests(as_workbook(tmp_path / name, [ROWS[0], *rows]), 8, reading)
        return shards.shard_digests(
            as_text(tmp_path / name, [ROWS[0], *rows], "\t" if "tsv" in name else ","), 8, reading
        )

    before = digests(patients)
    for scan, patient, key in (("new", "p3", "p3"), ("new", "N-A", "new")):
        after = digests([*patients, [scan, patient, "50", "f", "80"]])
        changed = [shard for shard in before if before[shard] != after[shard]]
        assert changed == [shards.shard_names(8)[shards.shard_of(key, 8)]]


def test_an_invalid_workbook_has_digests_because_the_cohort_stage_reports_the_error(tmp_path):
    (tmp_path / "r.xlsx").write_text("no workbook")

    assert set(shards.shard_digests(tmp_path / "r.xlsx", 2)) == {"1-of-2", "2-of-2"}


def test_the_default_settings_read_a_registry_in_the_standard_form():
    assert reading_of(configuration.section("cohort", None)) == AS_OURS


# The shipped examples


def example(name):
    config = yaml.safe_load((REPO / "docs" / "examples" / name).read_text(encoding="utf-8"))
    return configuration.validated(config)


def examinations(folder, form, config):
    """Return the original table, as downloaded or as shipped (TSV), and the settings of the example."""
    if form == "downloaded":
        write_meta(folder / "Totalsegmentator_dataset_v201")
        return folder / config["study"]["registry"], config["cohort"]
    return EXAMINATIONS, {name: setting for name, setting in config["cohort"].items() if name != "separator"}


@pytest.mark.parametrize("form", ["downloaded", "shipped"])
def test_the_shipped_example_reads_1228_examinations_with_missing_values(tmp_path, form):
    path, cohort = examinations(tmp_path, form, example("totalsegmentator_dataset.yaml"))

    registry = read_registry(path, reading_of(cohort))

    assert len(registry) == 1228
    assert (
        int(registry["age_years"].isna().sum()) == 1
    )  # counted with awk: one empty age, two empty genders, and 16 empty values of kvp
    assert registry["sex"].value_counts().to_dict() == {"male": 716, "female": 510}
    assert registry.set_index("scan_id").loc["s0245", "ct_path"] == "s0245/ct.nii.gz"
    assert registry["kvp"].isna().sum() == 16


@pytest.mark.parametrize("form", ["downloaded", "shipped"])
def test_the_flow_of_the_example_adds_up(tmp_path, form):
    path, cohort = examinations(tmp_path, form, example("totalsegmentator_dataset.yaml"))
    files = [
        word
        for name in ("cohort", "exclusions", "flow", "overlap")
        for word in (f"--{name}", f"{tmp_path}/{name}.parquet")
    ]
    options = ["--start-from", "measures", *config_option(cohort=cohort)]

    assert main(["cohort", "--registry", str(path), *options, *files]) == 0

    flow = pd.read_parquet(tmp_path / "flow.parquet")
    assert flow["n_before"].iloc[0] == 1228
    assert flow["n_removed"].sum() + len(pd.read_parquet(tmp_path / "cohort.parquet")) == 1228
    assert flow["n_removed"].iloc[0] == 1


def test_the_bids_example_reads_participants(tmp_path):
    config = example("bids.yaml")
    rows = [["participant_id", "age", "sex", "group"], ["sub-01", "61", "M", "a"], ["sub-02", "n/a", "n/a", "n/a"]]

    found = read_registry(as_text(tmp_path / "participants.tsv", rows, "\t"), reading_of(config["cohort"]))

    assert found["sex"].fillna("none").to_list() == ["male", "none"]
    assert found["age_years"].fillna(-1).to_list() == [61, -1]
    assert found["ct_path"].to_list() == [f"sub-0{n}/ct/sub-0{n}_ct.nii.gz" for n in (1, 2)]
    assert found["group"].isna().to_list() == [False, True]


@pytest.mark.parametrize("name", ["height_m", "contrast_ml", "scan_nr", "phases", "height_mm"])
def test_names_that_differ_from_known_names_in_a_word_are_accepted(name):
    reading = reading_of({"columns": {"theirs": name}})
    assert list(mapped(pd.DataFrame({"theirs": ["1"]}), reading, Path("r.csv")).columns) == [name]


@pytest.mark.parametrize(
    ("name", "ours"),
    [("heigth_cm", "height_cm"), ("age_year", "age_years"), ("patient_di", "patient_id"), ("scanid", "scan_id")],
)
def test_misspelled_names_are_rejected_with_the_correct_name(name, ours):
    reading = reading_of({"columns": {"theirs": name}})
    expected = rf"similar to {ours}; if {ours} is intended, set .*{{theirs: {ours}}}}}; otherwise"
    with pytest.raises(ContractError, match=expected):
        mapped(pd.DataFrame({"theirs": ["1"]}), reading, Path("r.csv"))

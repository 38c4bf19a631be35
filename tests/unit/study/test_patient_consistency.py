"""Scans of a patient that contradict each other are rejected at every starting point."""

import argparse

import pytest

from ctpop.foundation.errors import ContractError
from ctpop.stages.measure import patients
from ctpop.study.registry import read_registry

BASE = ("scan_id,patient_id,age_years,sex,study_date,birth_date", "a,p1,60,male,2020-05-01,1960-01-02")


def read(tmp_path, *rows, header=BASE[0]):
    path = tmp_path / "registry.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return read_registry(path)


def test_a_patient_with_two_sexes_is_rejected_with_lines_scans_and_remedy(tmp_path):
    with pytest.raises(ContractError) as error:
        read(tmp_path, BASE[1], "x,p2,50,female,,", "b,p1,61,female,2021-05-01,1960-01-02")

    text = str(error.value)
    assert "registry.csv: sex must be the same in all scans of a patient, which is not the case for 1 patient;" in text
    assert "scans of the first such patient: line 2 (a, male), line 4 (b, female); correct these rows" in text
    assert "cohort: {columns: {patient_id: group}}" in text
    assert "p1" not in text


def test_a_missing_sex_is_not_a_contradiction(tmp_path):
    assert len(read(tmp_path, BASE[1], "b,p1,61,,2021-05-01,")) == 2


@pytest.mark.parametrize(
    ("age", "day", "fits"),
    [
        (59, "2021-05-01", False),  # younger a year later
        (60, "2021-04-30", True),  # ages in whole years can be equal
        (62, "2021-05-01", True),
        (63, "2021-05-01", False),
        (60, "01.05.2021", True),
        (58, "01.05.2021", False),
        (58, "20210501", False),
        (60, "03/04/2021", True),  # day and month could be exchanged, so only the year is used
        (50, "03/04/2021", False),
        (50, "unknown", True),
        (50, "", True),
    ],
)
def test_ages_of_a_patient_must_agree_with_the_dates_within_a_year(tmp_path, age, day, fits):
    rows = BASE[1], f"b,p1,{age},male,{day},"
    if fits:
        assert len(read(tmp_path, *rows)) == 2
        return
    expected = r"age_years must agree with study_date .* line 2 \(a, 60 years\), line 3 \(b"
    with pytest.raises(ContractError, match=expected):
        read(tmp_path, *rows)


@pytest.mark.parametrize(
    ("ages", "days", "lines"),
    [
        (("60", "59"), ("2020-05-01", "2020-06-01"), "line 2 (a0, 60 years), line 3 (a1, 59 years)"),
        (("60.4", "60.3"), ("2020-05-01", "2020-05-02"), "line 2 (a0, 60.4 years), line 3 (a1, 60.3 years)"),
        (("60", "59"), ("2019", "2020"), "line 2 (a0, 60 years), line 3 (a1, 59 years)"),
        (
            ("59", "60", "60"),
            ("2020-07-01", "2020-06-01", "2020-08-01"),
            "line 2 (a0, 59 years), line 3 (a1, 60 years)",
        ),
        (
            ("60", "60", "60", "61", "60"),
            ("2020-01-01", *(f"2020-0{m}-01" for m in (2, 3, 4, 5))),
            "line 5 (a3, 61 years)",
        ),
        (("60", "60"), ("2020-05-01", "2020-06-01"), ""),
        (("60.4", "60"), ("2020-05-01", "2020-06-01"), ""),  # decimals, then whole years
        (("61", "60"), ("2020-05-01", "2020-05-01"), ""),  # scans on one day
        (("60", "59"), ("2020", "2020"), ""),
        (("61", "60", ""), ("2020-06-01", "2020-05-01", "2020-07-01"), ""),
        (("61", "60"), ("2020-06-01", ""), ""),
    ],
)
def test_the_age_of_a_patient_must_not_decrease(tmp_path, ages, days, lines):
    rows = [f"a{number},p1,{age},male,{day},," for number, (age, day) in enumerate(zip(ages, days, strict=True))]
    rows = [row.removesuffix(",") for row in rows]
    others = ["z,p2,80,female,2020-05-01,", "y,p2,81,female,2021-05-01,"]
    if not lines:
        assert len(read(tmp_path, *rows, *others)) == len(rows) + 2
        return
    with pytest.raises(ContractError) as error:
        read(tmp_path, *rows, *others)
    assert "age_years must agree with study_date in all scans of a patient" in str(error.value)
    assert f"scans of the first such patient: {lines}" in str(error.value)


@pytest.mark.parametrize("name", ["Study Date", "scan_date", "AcquisitionDate", "year"])
def test_dates_are_found_by_common_column_names(tmp_path, name):
    header = f"scan_id,patient_id,age_years,{name}"
    with pytest.raises(ContractError, match="age_years must agree with"):
        read(tmp_path, "a,p1,60,2015", "b,p1,50,2020", header=header)


def test_two_birth_dates_are_rejected_without_printing_them(tmp_path):
    with pytest.raises(ContractError, match="birth_date must be the same") as error:
        read(tmp_path, BASE[1], "b,p1,61,male,2021-05-01,1961-01-02")

    assert "1960" not in str(error.value)
    assert "1961" not in str(error.value)


def test_one_birth_date_in_two_formats_is_accepted(tmp_path):
    assert len(read(tmp_path, BASE[1], "b,p1,61,male,2021-05-01,02.01.1960")) == 2


def test_each_scan_without_a_patient_is_a_separate_patient(tmp_path):
    assert len(read(tmp_path, "a,,60,male,2020-05-01,", "b,,30,female,2021-05-01,")) == 2


def test_patients_with_a_reason_of_the_dicom_index_do_not_stop_a_study(tmp_path):
    header = "scan_id,patient_id,age_years,sex,patient_reason"

    assert len(read(tmp_path, "a,p,60,male,several_sexes", "b,p,60,female,several_sexes", header=header)) == 2


def test_patients_in_a_table_of_measures_are_checked(tmp_path):
    table = tmp_path / "measures.csv"
    table.write_text("scan_id,patient_id,age_years,sex,liver_volume_ml\na,p,60,male,1500\nb,p,60,female,1500\n")
    options = argparse.Namespace(table=table, structures="demo", config=None, out=tmp_path / "registry.csv")

    with pytest.raises(ContractError, match=r"measures\.csv: sex must be the same"):
        patients.run(options)

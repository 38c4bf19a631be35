"""Import of existing measures instead of images, with a reason for each excluded value."""

import json
import logging

import pandas as pd
import pytest

from ctpop.contracts.all_tables import MEASURES_TABLE
from ctpop.foundation.errors import ContractError
from ctpop.study.external_measures import Recorded, external_rows, read_external_measures, refuse_other_patients
from ctpop.study.registry_options import reading_of


def table(*rows, columns=("scan_id", "structure", "volume_ml", "hu_mean")):
    return pd.DataFrame(list(rows), columns=list(columns))


def taken(frame, scans=("a", "b"), names=("liver", "spleen")):
    found = external_rows(frame, list(scans), list(names), "measures.csv")
    return MEASURES_TABLE.check(found).set_index(["scan_id", "structure"])


def refused(frame, **options):
    with pytest.raises(ContractError) as error:
        taken(frame, **options)
    return str(error.value)


def test_the_values_of_a_table_are_imported_unchanged():
    found = taken(table(("a", "liver", 1500.5, 60.25), ("b", "liver", 900.0, None)))

    assert found.loc[("a", "liver"), ["status", "volume_ml", "hu_mean"]].to_list() == ["measured", 1500.5, 60.25]
    assert found.loc[("b", "liver"), "volume_ml"] == 900
    assert pd.isna(found.loc[("b", "liver"), "hu_mean"])


def test_values_missing_from_the_table_are_missing_and_not_zero():
    found = taken(table(("a", "liver", 1500.5, 60.25), ("b", "spleen", None, None)))

    assert found["status"].to_dict() == {
        ("a", "liver"): "measured",
        ("a", "spleen"): "not_in_table",
        ("b", "liver"): "not_in_table",
        ("b", "spleen"): "not_in_table",
    }
    assert found.drop(index=("a", "liver")).drop(columns="status").isna().all(axis=None)


def test_a_volume_of_zero_is_a_measured_absence():
    found = taken(table(("a", "liver", 0, None)))

    assert found.loc[("a", "liver"), ["status", "volume_ml"]].to_list() == ["measured", 0]


def test_other_scans_and_structures_are_omitted_and_counted(caplog):
    frame = table(("a", "liver", 1500, 60), ("x", "liver", 1, 1), ("a", "heart", 1, 1))

    with caplog.at_level(logging.INFO):
        found = taken(frame)

    assert len(found) == 4
    assert "rows imported: 1; rows of other scans or structures omitted: 2" in caplog.messages


def test_additional_measures_are_kept_and_unknown_columns_omitted():
    columns = ("scan_id", "structure", "volume_ml", "n_voxels", "hu_p50", "faces", "status", "remark")

    found = taken(table(("a", "liver", 1500, 125000, 58, "superior", "fine", "x"), columns=columns))

    row = found.loc[("a", "liver")]
    assert row[["status", "n_voxels", "hu_p50", "faces"]].to_list() == ["measured", 125000, 58, "superior"]
    assert "remark" not in found.columns


@pytest.mark.parametrize("column", ["volume_ml", "hu_mean"])
def test_one_measure_is_sufficient(column):
    found = taken(table(("a", "liver", 60.0), columns=("scan_id", "structure", column)))

    assert found.loc[("a", "liver"), ["status", column]].to_list() == ["measured", 60]


@pytest.mark.parametrize(
    "columns", [("structure", "volume_ml"), ("scan_id", "volume_ml"), ("scan_id", "structure"), ("scan", "organ")]
)
def test_a_table_without_a_required_column_is_rejected(columns):
    message = refused(table(columns=columns))

    assert message == (
        "measures.csv: the table requires the columns scan_id, structure, and volume_ml or hu_mean; found"
        f" {', '.join(columns)}; map the columns, for example, measure: {{columns: {{COLUMN: volume_ml}}}}, or pivot a"
        " table with one row per measure so that each measure has a column"
    )


def test_a_table_without_scans_of_the_cohort_is_rejected():
    message = refused(table(("x", "liver", 1500, 60)))

    assert message == (
        "measures.csv: no row has both a scan_id of the cohort and a structure of the label set; first scan_id and"
        " structure of the table: ['x'], ['liver']; first scan of the cohort: ['a']; first structure of the label set:"
        " ['liver']; correct the IDs or names in the table, or the setting `structures`"
    )


def test_a_repeated_scan_and_structure_are_rejected():
    message = refused(table(("a", "liver", 1500, 60), ("a", "liver", 1501, 60)))

    assert message.startswith(
        "measures.csv: scan_id and structure must identify one row; found repeated values in 2 rows"
    )


@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        (-1, "column 'volume_ml' must be at least 0 mL; found -1 in 1 row, first scan_id and structure: 'a liver'"),
        (
            "1,5",
            "column 'volume_ml' must be a finite number; found 1,5 in 1 row, first scan_id and structure: 'a liver'",
        ),
    ],
)
def test_an_invalid_volume_is_rejected(volume, expected):
    assert refused(table(("a", "liver", volume, 60))) == f"measures.csv: {expected}"


def test_an_attenuation_of_zero_without_a_volume_is_excluded_and_reported(caplog):
    frame = table(
        ("a", "liver", 0.0), ("a", "spleen", 50.0), ("b", "liver", 55.0), columns=("scan_id", "structure", "hu_mean")
    )

    found = taken(frame)

    assert found.loc[("a", "liver"), "status"] == "zero_in_statistics"
    assert pd.isna(found.loc[("a", "liver"), "hu_mean"])
    assert "attenuations of 0.0 without a volume are excluded" in caplog.text
    assert "(affected rows: 1)" in caplog.text
    kept = external_rows(frame, ["a", "b"], ["liver", "spleen"], "measures.csv", zero_hu="value").set_index("structure")
    assert kept["hu_mean"].to_list()[0] == 0.0


def test_an_attenuation_of_zero_is_a_value_only_with_a_volume_above_zero():
    found = taken(table(("a", "liver", 0.0, 0.0), ("b", "liver", 1500.0, 0.0)))

    assert found["status"].to_list()[::2] == ["zero_in_statistics", "measured"]
    assert found.loc[("b", "liver"), "hu_mean"] == 0
    assert found.loc[("a", "liver"), ["volume_ml", "hu_mean"]].isna().all()


@pytest.mark.parametrize(
    ("hu", "status"), [(-1101, "impossible_hu"), (-1100, "measured"), (3100, "measured"), (3101, "impossible_hu")]
)
def test_an_impossible_attenuation_is_excluded_with_a_reason(hu, status, caplog):
    found = taken(table(("a", "liver", 1500, hu), ("b", "liver", 1500, 60), ("b", "spleen", 200, 60)))

    row = found.loc[("a", "liver")]
    assert row["status"] == status
    assert row[["volume_ml", "hu_mean"]].isna().all() == (status == "impossible_hu")
    warning = "outside the range -1100 to 3100 HU are excluded (impossible_hu; affected rows: 1), first: liver of a"
    assert (warning in caplog.text) == (status == "impossible_hu")


def test_a_table_with_mostly_impossible_attenuations_is_rejected():
    message = refused(table(("a", "liver", 1500, 60000), ("b", "liver", 1500, 55000)))

    assert "hu_mean must be between -1100 and 3100 HU, but 2 of 2 values are outside this range" in message
    assert "first: liver of a (60000)" in message


def test_an_impossible_attenuation_in_statistics_json_is_excluded_with_a_reason(tmp_path):
    for scan, hu in (("a", 9000.0), ("b", 60.0), ("c", 61.0)):
        content = {"liver": {"volume": 1.5e6, "intensity": hu}}
        (tmp_path / f"{scan}.json").write_text(json.dumps(content), encoding="utf-8")

    found = read_external_measures(tmp_path, ["a", "b", "c"], ["liver"]).set_index("scan_id")

    assert found["status"].to_dict() == {"a": "impossible_hu", "b": "measured", "c": "measured"}
    assert found.loc["a", ["volume_ml", "hu_mean"]].isna().all()


def test_a_table_that_this_package_wrote_keeps_the_reasons_of_rows_without_values(tmp_path):
    rows = pd.DataFrame(
        {
            "scan_id": ["a", "b", "c", "d"],
            "structure": "liver",
            "status": ["measured", "not_hu", "gone", "unreadable"],
            "detail": [None, "the values have an offset from HU", "of another program", "out of date"],
            "volume_ml": [1500.0, None, None, 1400.0],
        }
    )
    rows.to_csv(tmp_path / "measures.csv", index=False)

    found = read_external_measures(tmp_path / "measures.csv", list("abcde"), ["liver"]).set_index("scan_id")

    assert found["status"].to_dict() == {
        "a": "measured",
        "b": "not_hu",
        "c": "not_in_table",
        "d": "measured",
        "e": "not_in_table",
    }
    assert found["detail"].dropna().to_dict() == {"b": "the values have an offset from HU"}


@pytest.mark.parametrize(
    ("column", "cells"), [("age_years", ["50", "61"]), ("age_years", ["61Y", "53.5"]), ("sex", ["F", "M"])]
)
def test_a_table_with_patients_who_contradict_the_registry_is_rejected(tmp_path, column, cells):
    cohort = pd.DataFrame({"scan_id": ["a", "b"], "age_years": [61.0, 50.0], "sex": ["male", "female"]})
    path = tmp_path / "m.csv"
    path.write_text(f"scan_id,{column},liver_hu_mean\na,{cells[0]},60\nb,{cells[1]},55\n")

    with pytest.raises(ContractError, match=rf"column {column} contradicts the registry for scan '[ab]' \(affected sc"):
        read_external_measures(path, ["a", "b"], ["liver"], recorded=Recorded(cohort))
    left_out = reading_of({"columns": {column: []}})
    assert len(read_external_measures(path, ["a", "b"], ["liver"], left_out, recorded=Recorded(cohort))) == 2


def test_matching_ages_and_sexes_are_accepted(tmp_path):
    cohort = pd.DataFrame({"scan_id": ["a", "b"], "age_years": [61.4, None], "sex": ["male", None]})
    path = tmp_path / "m.csv"
    path.write_text("scan_id,age_years,sex,liver_hu_mean\na,061Y,M,60\nb,50,1,55\nc,7,f,50\n")

    assert len(read_external_measures(path, ["a", "b"], ["liver"], recorded=Recorded(cohort))) == 2


def test_words_of_a_table_are_interpreted_with_the_settings_of_the_registry(tmp_path):
    cohort = pd.DataFrame({"scan_id": ["a", "b"], "age_years": [61.0, 45.0], "sex": ["male", "female"]})
    reading = reading_of({"values": {"sex": {"M": "female", "H": "male"}, "age_years": {"0": "45"}}})
    path = tmp_path / "m.csv"
    path.write_text("scan_id,age_years,sex,liver_hu_mean\na,61,H,60\nb,0,M,55\n")

    assert len(read_external_measures(path, ["a", "b"], ["liver"], recorded=Recorded(cohort, reading=reading))) == 2


@pytest.mark.parametrize(("sexes", "agree"), [("HM", True), ("FM", False)])
def test_m_for_women_in_all_rows_is_a_different_coding(tmp_path, sexes, agree):
    cohort = pd.DataFrame({"scan_id": ["a", "b"], "age_years": [61.0, 45.0], "sex": ["male", "female"]})
    table = pd.DataFrame({"scan_id": ["a", "b"], "sex": list(sexes)})

    if agree:
        refuse_other_patients(table, Recorded(cohort), tmp_path)
    else:
        with pytest.raises(ContractError, match=r"column sex contradicts the registry .* \(affected scans: 2\)"):
            refuse_other_patients(table, Recorded(cohort), tmp_path)


@pytest.mark.parametrize("columns", [{"age_years": []}, {"Alter": "age_years", "age_years": []}, {"Alter": []}])
def test_a_column_is_excluded_by_its_name_or_its_standard_name(tmp_path, columns):
    cohort = pd.DataFrame({"scan_id": ["a"], "age_years": [61.0], "sex": ["male"]})
    path = tmp_path / "m.csv"
    name = "Alter" if "Alter" in columns else "Age years"
    path.write_text(f"scan_id,{name},liver_hu_mean\na,720,60\n")

    rows = read_external_measures(path, ["a"], ["liver"], reading_of({"columns": columns}), recorded=Recorded(cohort))

    assert rows["hu_mean"].tolist() == [60.0]


def test_an_excluded_scan_is_not_a_different_spelling_of_an_id():
    frame = table(("P2", "liver", 1500.0, 60.0), ("P01", "liver", 1500.0, 61.0))

    rows = external_rows(frame, ["P1", "P2"], ["liver"], "measures.csv", excluded={"P01"})

    assert rows["status"].tolist() == ["not_in_table", "measured"]
    with pytest.raises(ContractError, match="IDs must have the same spelling as in the registry"):
        external_rows(frame, ["P1", "P2"], ["liver"], "measures.csv")

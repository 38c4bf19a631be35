"""Users' tables of measures: long or wide, with nonstandard names, with or without patient data."""

from pathlib import Path

import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.contracts.all_tables import MEASURES_TABLE
from ctpop.foundation.errors import ContractError
from ctpop.study import label_sets, measures_table
from ctpop.study.external_measures import read_external_measures
from ctpop.study.registry_options import measures_reading_of, reading_of

NAMES = ["liver", "rib_left_1", "rib_left_12", "spleen"]


def written(folder: Path, text: str, name: str = "mine.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def values(path, columns=None, scans=("a", "b")):
    found = MEASURES_TABLE.check(
        read_external_measures(path, list(scans), NAMES, reading_of({"columns": columns or {}}))
    )
    measured = found[found["status"].eq("measured")]
    return {
        (row.scan_id, row.structure): (None if pd.isna(row.volume_ml) else row.volume_ml, row.hu_mean)
        for row in measured.itertuples()
    }


def refused(path, columns=None):
    with pytest.raises(ContractError) as error:
        read_external_measures(path, ["a", "b"], NAMES, reading_of({"columns": columns or {}}))
    return str(error.value).replace(f"{path.parent}/", "")


def test_a_wide_table_contains_a_column_per_structure_and_measure(tmp_path):
    path = written(
        tmp_path, "scan_id,age_years,liver_volume_ml,liver_hu_mean,rib_left_12_hu_mean\na,40,1500,60,300\nb,50,,55,\n"
    )

    found = values(path)

    assert found[("a", "liver")] == (1500, 60)
    assert found[("a", "rib_left_12")] == (None, 300)
    assert found[("b", "liver")] == (None, 55)
    assert set(found) == {("a", "liver"), ("a", "rib_left_12"), ("b", "liver")}


def test_long_and_wide_tables_yield_the_same_measures(tmp_path):
    wide = written(tmp_path, "scan_id,liver_volume_ml,spleen_volume_ml\na,1500,200\nb,900,210\n", "wide.csv")
    long = written(
        tmp_path,
        "scan_id,structure,volume_ml\na,liver,1500\na,spleen,200\nb,liver,900\nb,spleen,210\n",
        "long.csv",
    )

    pd.testing.assert_frame_equal(*(read_external_measures(path, ["a", "b"], NAMES) for path in (wide, long)))


def test_a_star_in_the_column_map_matches_a_structure(tmp_path):
    path = written(tmp_path, "Case,vol_liver,vol_rib_left_1,vol_unknown,Milz\na,1500,9,1,200\n")
    columns = {"Case": "scan_id", "vol_*": "*_volume_ml", "Milz": "spleen_volume_ml"}

    assert {key: volume for key, (volume, _) in values(path, columns).items()} == {
        ("a", "liver"): 1500,
        ("a", "rib_left_1"): 9,
        ("a", "spleen"): 200,
    }


def test_a_star_maps_columns_named_after_structures(tmp_path):
    path = written(tmp_path, "scan_id,age,liver,spleen\na,40,60,110\n")

    assert values(path, {"*": "*_hu_mean"})["a", "spleen"] == (None, 110)


def test_columns_of_a_long_table_are_mapped(tmp_path):
    path = written(tmp_path, "Case\torgan\tml\na\tliver\t1500\n", "mine.tsv")

    assert values(path, {"Case": "scan_id", "organ": "structure", "ml": "volume_ml"})["a", "liver"][0] == 1500


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("scan_id,liver_volume_mm3\na,1500000\n", {}),
        ("scan_id,liver_mm3\na,1500000\n", {"*_mm3": "*_volume_mm3"}),
        ("scan_id,structure,volume_mm3\na,liver,1500000\n", {}),
    ],
)
def test_cubic_millimeters_are_converted_to_milliliters(tmp_path, text, columns):
    assert values(written(tmp_path, text), columns)["a", "liver"][0] == 1500


def test_ids_that_resemble_numbers_are_unchanged(tmp_path):
    path = written(tmp_path, "Case,liver_volume_ml\n007,1500\n")

    assert values(path, {"Case": "scan_id"}, scans=["007"])["007", "liver"][0] == 1500


def test_rows_without_ids_are_named_after_their_position(tmp_path):
    path = written(tmp_path, "age_years,liver_volume_ml\n40,1500\n50,900\n")

    assert values(path, scans=["row00001", "row00002"])["row00002", "liver"][0] == 900


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        (
            "scan_id,liver\na,1\n",
            {"lver": "liver_volume_ml"},
            "no column matches the entries lver of measure.columns;",
        ),
        (
            "scan_id,liver\na,1\n",
            {"hu_*": "*_hu_mean"},
            "no column matches the entries hu_* of measure.columns; found scan_id",
        ),
        (
            "scan_id,x,liver_hu_mean\na,1,2\n",
            {"x": "liver_hu_mean"},
            "several columns would be named liver_hu_mean; correct measure.columns",
        ),
        ("scan_id,lever_hu_mean\na,1\n", {}, "set measure: {columns: {lever_hu_mean: liver_hu_mean}}"),
        ("scan_id,clinic\na,1\n", {}, "a column structure (long format) or columns STRUCTURE_volume_ml"),
        (
            "scan_id,liver_volume_ml,liver_volume_mm3\na,1,2\n",
            {},
            "volumes are given in more than one unit (volume_ml and volume_mm3)",
        ),
        ("scan_id,liver_volume_ml\na,viel\n", {}, "must be a number or empty (not measured), but is 'viel'"),
        (
            "scan_id,liver_volume_mm3\na,viel\n",
            {},
            "must be a number or empty (not measured), but is 'viel'",
        ),
        ("scan_id,liver_volume_ml\na,1\na,2\n", {}, "lines 2, 3: scan_id must identify one row, but these lines"),
        ("", {}, "line 1: the table is empty; add a header and rows"),
    ],
)
def test_an_invalid_table_is_rejected_with_a_message(tmp_path, text, columns, message):
    found = refused(written(tmp_path, text), columns)

    assert found.startswith("mine.csv: ")
    assert message in found


def test_a_column_map_for_a_folder_of_statistics_is_rejected(tmp_path):
    assert "which contain no columns" in refused(tmp_path, {"a": "scan_id"})


def registry(path, columns=None):
    table = measures_table.read(path, reading_of({"columns": columns or {}}), NAMES)
    return measures_table.patients_in(table, NAMES, path)


def test_other_columns_of_a_wide_table_are_patient_data(tmp_path):
    path = written(tmp_path, "scan_id,Age,sex,liver_hu_mean\n01,040,m,60\n02,N-A,f,\n")

    found = registry(path, {"Age": "age_years"})

    assert found.to_dict("list") == {"scan_id": ["01", "02"], "age_years": ["040", "N-A"], "sex": ["m", "f"]}


def test_patient_data_of_a_long_table_have_one_row_per_scan(tmp_path):
    path = written(tmp_path, "scan_id,age_years,structure,hu_mean\na,40,liver,60\na,40,spleen,110\nb,50,liver,61\n")

    assert registry(path).to_dict("list") == {"scan_id": ["a", "b"], "age_years": ["40", "50"]}


def test_contradictory_patient_data_of_a_scan_are_rejected(tmp_path):
    path = written(tmp_path, "scan_id,age_years,structure,hu_mean\na,40,liver,60\na,41,spleen,110\n")

    with pytest.raises(ContractError, match=r"the rows of 'a' differ in age_years \(affected scans: 1\); correct"):
        registry(path)


def test_a_long_table_without_ids_is_rejected(tmp_path):
    with pytest.raises(
        ContractError, match="in long format requires column scan_id; found age_years, structure, hu_mean"
    ):
        registry(written(tmp_path, "age_years,structure,hu_mean\n40,liver,60\n"))


def test_the_command_writes_the_registry(tmp_path):
    path = written(tmp_path, "age_years,liver_volume_ml\n40,1500\n50,900\n")
    out = tmp_path / "registry.csv"

    ended = main(["patients", "--table", str(path), "--structures", "demo", "--out", str(out)])

    assert ended == 0
    assert out.read_text() == "age_years,scan_id\n40,row00001\n50,row00002\n"


def test_a_folder_of_statistics_contains_no_patient_data(tmp_path, capsys):
    ended = main(["patients", "--table", str(tmp_path), "--structures", "demo", "--out", str(tmp_path / "r.csv")])

    assert ended == 1
    assert "set study.registry" in capsys.readouterr().err


def test_spaces_around_column_names_and_ids_are_ignored(tmp_path):
    path = written(tmp_path, "scan_id , liver_volume_ml\n a ,1500\n")

    assert values(path)["a", "liver"][0] == 1500


@pytest.mark.parametrize("column", ["slice_thickness_mm", "heart_rate_variability_x", "kvp", "bmi", "exam_id"])
def test_patient_columns_are_kept_unless_they_begin_with_a_structure(tmp_path, column):
    path = written(tmp_path, f"scan_id,age_years,liver_hu_mean,{column}\na,40,60,1\n")

    assert list(registry(path).columns) == ["scan_id", "age_years", column]


@pytest.mark.parametrize(
    ("column", "suggestion"),
    [
        ("liver_vol_mm3", "liver_vol_mm3: liver_volume_mm3"),
        ("livr_volume_ml", "livr_volume_ml: liver_volume_ml"),
        ("Liver HU", '"Liver HU": liver_hu_mean'),
        ("liver", "for volumes (mL), set measure: {columns: {liver: liver_volume_ml}}"),
        ("mean_liver", "{columns: {mean_liver: liver_hu_mean}}"),
        ("hu_leber", "to exclude the column, set measure: {columns: {hu_leber: []}}"),
        ("liver_median_hu", "{columns: {liver_median_hu: liver_hu_p50}}"),
    ],
)
def test_a_column_that_resembles_a_measure_is_rejected_with_a_suggestion(tmp_path, column, suggestion):
    path = written(tmp_path, f"scan_id,age_years,spleen_hu_mean,{column}\na,40,60,1\n")

    message = refused(path)
    assert suggestion in message
    assert list(registry(path, {column: column}).columns) == ["scan_id", "age_years", column]


def test_columns_of_other_structures_are_omitted_and_listed(tmp_path, caplog):
    path = written(tmp_path, "scan_id,liver_hu_mean,skin_hu_mean,skin_volume_ml\na,60,5,5\n")

    with caplog.at_level("INFO"):
        assert values(path) == {("a", "liver"): (None, 60.0)}
    assert "columns of structures outside the label set are omitted: skin_hu_mean, skin_volume_ml" in caplog.text


def test_a_message_about_the_format_contains_the_section_measure(tmp_path):
    path = tmp_path / "measures.csv"
    path.write_text("scan_id;liver_volume_ml\na;1,450\n", encoding="utf-8")

    with pytest.raises(ContractError, match=r'measure: \{decimal: "\."\}'):
        measures_table.read(path, measures_reading_of({}, {}), ["liver"])


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("Left Kidney Volume (cm³)", "kidney_left_volume_cm3"),
        ("liver volume [mm^3]", "liver_volume_mm3"),
        ("Vertebrae L1 HU mean", "vertebrae_L1_hu_mean"),
    ],
)
def test_powers_case_and_word_order_do_not_change_a_column_name(column, name):
    table = measures_table.renamed(
        pd.DataFrame({column: ["1"]}), {}, ["kidney_left", "liver", "vertebrae_L1"], Path("a.csv")
    )

    assert list(table.columns) == [name]


@pytest.mark.parametrize("label_set", ["demo", "paper_104"])
def test_structures_of_a_larger_label_set_are_not_misspellings(tmp_path, label_set):
    wide = {f"{name}_volume_ml": "100" for name in label_sets.read("total_117").names}
    path = tmp_path / "mine.csv"
    pd.DataFrame({"scan_id": ["a", "b"], **wide}).to_csv(path, index=False)
    notes: list[str] = []

    table = measures_table.read(path, reading_of({}), label_sets.read(label_set).names, notes)

    assert "liver_volume_ml" in table.columns
    assert not {"vertebrae_S1_volume_ml", "kidney_cyst_left_volume_ml"} & set(table.columns)
    assert "outside the label set" in notes[0]


def test_other_spellings_of_structures_are_recognized_and_other_structures_listed(tmp_path):
    path = written(tmp_path, "scan_id,structure,volume_ml\na,Liver,1500\na,RIB LEFT 1,3\na,Leber,9\na,vertebrae_L1,9\n")
    notes: list[str] = []

    table = measures_table.read(path, reading_of({}), NAMES, notes)

    assert table["structure"].tolist() == ["liver", "rib_left_1", "Leber", "vertebrae_L1"]
    assert notes == [
        "structure Liver is read as liver",
        "structure RIB LEFT 1 is read as rib_left_1",
        "rows of structures outside the label set are omitted: Leber, vertebrae_L1",
    ]


def test_a_misspelled_structure_of_a_long_table_is_rejected(tmp_path):
    path = written(tmp_path, "scan_id,structure,volume_ml\na,livr,1500\na,spleen,200\n")

    assert "no label set contains livr (probably liver)" in refused(path)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("scan_id,structure,Volume,HU\na,liver,1500,60\n", "{Volume: volume_ml, HU: hu_mean}"),
        ("scan_id,structure,volume_ml,liver_hu_mean\na,liver,1500,60\n", "but contains both columns"),
        ("scan_id,livervolume\na,1500\n", "{livervolume: liver_volume_ml}"),
        ("scan_id,LiverHU\na,1500\n", "{LiverHU: liver_hu_mean}"),
        ("scan_id,hu_liver\na,60\n", "{hu_liver: liver_hu_mean}"),
        ("scan_id,structure,volume_ml\nx,liver,1500\n", "structure of the table: ['x'], ['liver']; first scan of"),
        ("scan_id,structure,volume_ml\nA,liver,1500\nb,liver,1400\n", "an ID in the table is 'A' instead of 'a'"),
    ],
)
def test_a_table_with_other_names_is_rejected_with_the_remedy(tmp_path, text, remedy):
    assert remedy in refused(written(tmp_path, text))


def test_a_structure_column_with_another_name_is_recognized():
    rows = {"scan_id": ["a", "a"], "organ": ["liver", "spleen"], "volume_ml": ["1500", "200"]}

    with pytest.raises(ContractError, match=r"measure: \{columns: \{organ: structure\}\}"):
        measures_table.patients_in(pd.DataFrame(rows), NAMES, Path("a.csv"))


def test_rows_named_after_their_position_are_reported_with_a_possible_id_column(tmp_path):
    notes: list[str] = []

    measures_table.read(written(tmp_path, "ID,liver_hu_mean\nx,60\n"), reading_of({}), NAMES, notes)

    assert notes == [
        "no column scan_id: scans are named after their rows (row00001, row00002, ...); if column ID contains the IDs,"
        " set measure: {columns: {ID: scan_id}}"
    ]


@pytest.mark.parametrize(
    "word",
    ["-999", "inf", "1e6"],
)
def test_an_impossible_volume_is_rejected_with_line_and_setting(tmp_path, word):
    message = refused(written(tmp_path, f"scan_id,liver_volume_ml\na,1500\nb,{word}\nc,1400\n"))

    assert message.startswith(
        f"mine.csv: line 3: column liver_volume_ml must be between 0 and 500000, but is '{word}' (affected rows: 1);"
    )
    assert message.endswith(f'cohort: {{missing: ["{word}"]}}')


def test_a_code_for_a_missing_volume_is_rejected(tmp_path):
    rows = "".join(
        f"{scan},{value}\n" for scan, value in zip("abcd", ("1500.5", "9999", "1480.2", "9999"), strict=True)
    )

    assert 'cohort: {missing: ["9999"]}' in refused(written(tmp_path, f"scan_id,liver_volume_ml\n{rows}"))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("scan_id,structure,hu_mean\na,liver,60\n,spleen,110\n", "line 3: column scan_id"),
        ("scan_id,structure,hu_mean\na,liver,60\na,,110\n", "line 3: column structure"),
        ("scan_id,liver_hu_mean\na,60\n,110\n", "line 3: column scan_id"),
    ],
)
def test_rows_without_a_scan_or_structure_are_rejected(tmp_path, text, place):
    message = refused(written(tmp_path, text))

    assert f"{place} must not be empty (affected rows: 1); fill in the cells" in message


@pytest.mark.parametrize("target", ["liver_volum_ml", "livr_volume_ml", "STRUCTURE_volume_ml", "liver_volume_dl"])
def test_a_column_map_with_an_unknown_measure_is_rejected(tmp_path, target):
    message = refused(written(tmp_path, "scan_id,v,spleen_hu_mean\na,1500,60\n"), {"v": target})

    assert f"measure.columns maps column v to {target}, which does not consist of a structure of the" in message
    if target in ("liver_volum_ml", "livr_volume_ml"):
        assert "did you mean measure: {columns: {v: liver_volume_ml}}?" in message


def test_a_column_map_can_contain_other_structures(tmp_path):
    path = written(tmp_path, "scan_id,age_years,v,w,spleen_hu_mean\na,40,1500,3,60\n")

    assert list(registry(path, {"v": "pancreas_volume_ml", "w": "bmi"}).columns) == ["scan_id", "age_years", "bmi"]


@pytest.mark.parametrize("column", ["liver_volume_dl", "liver_volume_index", "liver_volume_percent", "liver_volume_m3"])
def test_no_unit_is_suggested_that_is_not_in_the_column_name(tmp_path, column):
    message = refused(written(tmp_path, f"scan_id,{column},spleen_hu_mean\na,15,60\n"))

    assert "to use the suggested measure" not in message
    assert values(written(tmp_path, f"scan_id,{column},spleen_hu_mean\na,15,60\n"), {column: []}) == {
        ("a", "spleen"): (None, 60.0)
    }


@pytest.mark.parametrize(
    "text",
    [
        "scan_id,l_rib_1_hu_mean,rib_12_L_volume_ml\na,300,5\n",
        "scan_id,structure,hu_mean,volume_ml\na,Rib 1 L,300,\na,L rib 12,,5\n",
    ],
)
def test_letters_for_sides_are_recognized(tmp_path, text):
    found = values(written(tmp_path, text))

    assert found[("a", "rib_left_1")][1] == 300
    assert found[("a", "rib_left_12")][0] == 5


def test_two_columns_of_one_structure_are_rejected_unless_one_is_excluded(tmp_path):
    path = written(tmp_path, "scan_id,liver_volume_ml,Liver volume (ml)\na,1500,1400\n")

    message = refused(path)
    assert 'to exclude the column, set measure: {columns: {"Liver volume (ml)": []}}' in message
    assert values(path, {"Liver volume (ml)": []})["a", "liver"][0] == 1500


def test_a_column_of_structure_names_is_recognized(tmp_path):
    message = refused(written(tmp_path, "scan_id,Mask,volume_mm3\na,liver,1500000\na,spleen,200000\n"))

    expected = (
        "column Mask contains names of structures, so the table is in long format; set measure: {columns: {Mask: str"
    )
    assert expected in message


def test_a_number_declared_as_missing_is_missing_with_a_decimal_comma(tmp_path):
    rows = "".join(f"s{number};{60 + number},5\n" for number in range(9))
    path = written(tmp_path, f"scan_id;liver_hu_mean\n{rows}t1;-99,0\nt2;-99,0\n")
    with pytest.raises(ContractError, match=r'cohort: \{missing: \["-99.0"\]\}'):
        read_external_measures(path, ["s1"], NAMES, measures_reading_of({}, {}))

    reading = measures_reading_of({}, {"missing": ["-99.0"]})
    found = read_external_measures(path, ["s1", "t1"], NAMES, reading).set_index(["scan_id", "structure"])

    assert found["hu_mean"]["s1", "liver"] == 61.5
    assert pd.isna(found["hu_mean"]["t1", "liver"])


def test_a_table_with_a_row_per_measure_is_rejected_with_the_remedy(tmp_path):
    text = "scan_id,structure,measure,value\na,liver,volume,1500\na,liver,hu,60\n"

    assert "or pivot a table with one row per measure" in refused(written(tmp_path, text))


def test_columns_without_patient_data_can_be_excluded(tmp_path):
    path = written(tmp_path, "scan_id,age_years,structure,hu_mean,Median\na,40,liver,60,1\na,40,spleen,110,2\n")

    with pytest.raises(ContractError, match=r"measure: \{columns: \{Median: \[\]\}\}"):
        registry(path)
    assert list(registry(path, {"Median": []}).columns) == ["scan_id", "age_years"]

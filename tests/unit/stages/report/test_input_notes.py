"""Tests of the notes on the interpretation of the tables of a user."""

from ctpop.stages.report.input_notes import notes_of
from ctpop.study import configuration


def configured(folder, text, name="mine.csv"):
    (folder / name).write_text(text, encoding="cp1252")
    study = {"name": "x", "start_from": "measures", "measures": str(folder / name)}
    return configuration.validated({"study": study, "structures": "demo"})


def test_each_inference_about_a_table_is_a_sentence(tmp_path):
    config = configured(tmp_path, "Scan ID;age_years;sex;liver_hu_mean;clinic\na;045Y;F;61,5;Z\xfcrich\n")

    [(name, notes)] = notes_of(config, ["liver"])

    assert name == "mine.csv"
    assert notes == [
        "the encoding is Windows-1252 (byte 58 is not valid UTF-8)",
        "the separator is a semicolon",
        "column Scan ID is read as scan_id",
        "column liver_hu_mean contains decimal commas: 61,5 is read as 61.5",
        "age_years: ages with a unit, such as 045Y, are converted to years (cells: 1)",
        "sex: F is read as female",
    ]


def test_a_table_in_the_standard_format_has_no_notes(tmp_path):
    assert notes_of(configured(tmp_path, "scan_id,age_years,liver_hu_mean\na,45,61.5\n"), ["liver"]) == []


def test_label_sets_and_decisions_of_reviewers_have_separate_notes(tmp_path):
    config = configured(tmp_path, "scan_id,age_years,liver_hu_mean\na,45,61.5\n")
    (tmp_path / "labels.csv").write_text("label;structure;side;group;lower_bound_ml\n1;liver;;abdomen;50\n")
    (tmp_path / "review.csv").write_text("scan_id\tstructure\tdecision\treason\treviewer\tdate\n")
    config["structures"] = str(tmp_path / "labels.csv")
    config["screen"]["review"] = str(tmp_path / "review.csv")

    assert notes_of(config, ["liver"]) == [
        ("labels.csv", ["the separator is a semicolon"]),
        ("review.csv", ["the separator is a tab"]),
    ]


def test_spelling_variants_in_label_sets_and_decisions_are_noted(tmp_path):
    config = configured(tmp_path, "scan_id,age_years,liver_hu_mean\na,45,61.5\n")
    (tmp_path / "labels.csv").write_text("Label,structure,side,group,lower_bound_ml\n1,liver,,abdomen,50\n")
    (tmp_path / "review.csv").write_text(
        "scan_id,structure,decision,reason,reviewer,Date\na,Liver,keep,x,AB,31.05.2024\n"
    )
    config["structures"] = str(tmp_path / "labels.csv")
    config["screen"]["review"] = str(tmp_path / "review.csv")

    assert notes_of(config, ["liver"]) == [
        ("labels.csv", ["column Label is read as label"]),
        (
            "review.csv",
            [
                "column Date is read as date",
                "structure Liver is read as liver",
                "dates such as 31.05.2024 are read as day, month, year (cells: 1)",
            ],
        ),
    ]


def test_a_table_that_has_changed_since_the_run_is_reported(tmp_path):
    config = configured(tmp_path, "scan_id,age_years,liver_hu_mean\na,45,x\n,,\n,9,\n")

    assert notes_of(config, ["liver"]) == [("mine.csv", ["the file has changed since the study was run"])]

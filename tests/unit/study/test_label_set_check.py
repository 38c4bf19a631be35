"""All errors of a label set are reported together, each with its line and a remedy."""

import pytest

from ctpop.foundation.errors import ContractError
from ctpop.study import configuration, label_set_check, label_sets

GOOD = "label,structure,side,group,lower_bound_ml\n1,kidney_left,left,abdomen,40\n2,liver,,abdomen,\n"
BAD = {
    "a missing column": (
        GOOD.replace(",group", "").replace(",abdomen", ""),
        "line 1: missing from the header: group (",
    ),
    "two missing columns": (
        "label,structure,group\n1,liver,a\n",
        "line 1: missing from the header: side, lower_bound_ml (found label, structure, group); write the header",
    ),
    "a duplicate column": (
        GOOD.replace("_ml\n", "_ml,side\n", 1),
        "column names must be unique, but side is the name of columns 3, 6",
    ),
    "a repeated label": (GOOD.replace("2,liver", "1,liver"), "line 3: each label and each structure must occur only"),
    "a label with a leading zero": (
        GOOD.replace("2,liver", "01,liver"),
        "line 3: each label and each structure must occur only once, but label 01 is also in line 2",
    ),
    "a repeated name": (
        GOOD.replace("2,liver", "2,kidney_left"),
        "line 3: each label and each structure must occur only once, but structure kidney_left",
    ),
    "a bound that is not a number": (
        GOOD.replace(",40", ",4O"),
        "line 2: lower_bound_ml must be a volume in mL",
    ),
    "a bound that is not finite": (GOOD.replace(",40", ",inf"), "line 2: lower_bound_ml must be a volume in mL"),
    "an ambiguous bound": (
        GOOD.replace(",40", ',"1,450"'),
        "line 2: lower_bound_ml is '1,450', which is ambiguous; write 1.450 or 1450",
    ),
    "a label that is text": (
        GOOD.replace("2,liver", "two,liver"),
        "line 3: label must be a whole number from 1",
    ),
    "a label beyond 16 bits": (GOOD.replace("2,liver", "65536,liver"), "line 3: label must be a whole number from 1"),
    "no name": (
        GOOD.replace("2,liver", "2,"),
        "line 3: structure must consist of letters, digits, and '_', but is ''",
    ),
    "no group": (GOOD.replace("abdomen,\n", ",\n"), "line 3: group is empty"),
    "a misspelled contralateral structure": (
        GOOD + "3,kidny_right,right,abdomen,40\n",
        "line 2: the contralateral structure of kidney_left must be named kidney_right, found kidny_right; correct",
    ),
    "an included structure of the label set": (
        "label,structure,side,group,lower_bound_ml,includes\n1,kidney_left,left,a,,\n2,liver,,a,,kidney_left\n",
        "line 3: column 'includes' contains kidney_left, which is also a structure of the label set; remove one",
    ),
    "two structures with one name": (
        "label,structure,name,side,group,lower_bound_ml\n1,liver,Liver,,a,\n2,liver_2,,,a,\n3,liver_3,liver,,a,\n",
        "line 4: values of column name must be unique, but 'liver' is also in line 2; correct one of the two lines",
    ),
    "two structures with one abbreviation": (
        "label,structure,abbreviation,side,group,lower_bound_ml\n1,aorta,Ao,,a,\n2,aorta_2,Ao,,a,\n",
        "line 3: values of column abbreviation must be unique, but 'Ao' is also in line 2; correct one of the two"
        " lines",
    ),
    "a short line": (GOOD + "3,spleen\n", "line 4: group is empty"),
    "an empty file": ("", "line 1: the table is empty; add a header and rows"),
    "blank lines": ("\n\n", "line 1: the table is empty; add a header and rows"),
    "only a header": (GOOD.splitlines()[0], "line 1: one line per label is expected, but the file has only a header"),
}


@pytest.mark.parametrize("kind", BAD)
def test_an_error_is_reported_before_the_run_and_by_the_reader(tmp_path, kind):
    text, expected = BAD[kind]
    path = tmp_path / "mine.csv"
    path.write_text(text)

    [*problems] = label_set_check.problems_of(path)
    with pytest.raises(ContractError) as planned:
        configuration.validated(
            {"study": {"name": "x", "start_from": "measures", "measures": "m.csv"}, "structures": str(path)}
        )
    with pytest.raises(ContractError) as read:
        label_sets.read(str(path))

    assert problems[0].startswith(f"{path}: {expected}")
    assert f"structures: {problems[0]}" in str(planned.value)
    assert str(read.value) == problems[0]


def test_all_errors_of_a_file_are_reported(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(GOOD.replace(",40", ",x").replace("2,liver", "0,li ver"))

    assert [problem.split(": ")[1] for problem in label_set_check.problems_of(path)] == ["line 2", "line 3", "line 3"]


def test_an_ambiguous_upper_bound_is_reported_before_the_run(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(GOOD.replace("_ml\n", "_ml,upper_bound_ml\n").replace(",40", ',40,"1,450"'))

    problem = f"{path}: line 2: upper_bound_ml is '1,450', which is ambiguous; write 1.450 or 1450"

    assert label_set_check.problems_of(path) == [problem]


def test_a_comma_is_interpreted_according_to_other_bounds(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(GOOD.replace(",40", ',"1,450"').replace("abdomen,\n", 'abdomen,"40,5"\n'))

    assert label_set_check.problems_of(path) == []
    assert label_sets.read(str(path)).table["lower_bound_ml"].tolist() == [1.45, 40.5]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
def test_other_separators_decimal_marks_and_encodings_are_read(tmp_path, encoding):
    path = tmp_path / "mine.csv"
    path.write_bytes(GOOD.replace(",", ";").replace(";40", ";40,5").replace("abdomen", "Brücke").encode(encoding))

    assert label_set_check.problems_of(path) == []
    assert label_sets.read(str(path)).table[["group", "lower_bound_ml"]].iloc[0].tolist() == ["Brücke", 40.5]


def test_a_missing_file_is_an_error(tmp_path):
    assert "cannot be read (No such file" in label_set_check.problems_of(tmp_path / "absent.csv")[0]


@pytest.mark.parametrize("name", ["demo", "paper_104", "total_117"])
def test_shipped_label_sets_have_no_errors(name):
    assert label_set_check.problems_of(configuration.label_set_file(name)) == []


def test_unpaired_sides_and_spreadsheet_numbers_are_accepted(tmp_path):
    lines = ["3.0,rib_left_1,left,ribs,", "4.0,rib_right_2,right,ribs,", "5,lung_upper_lobe_left,left,lungs,"]
    path = tmp_path / "mine.csv"
    path.write_text(GOOD + "\n".join([*lines, "6,lung_lower_lobe_right,right,lungs,", ""]), encoding="utf-8-sig")

    assert label_set_check.problems_of(path) == []
    assert label_sets.read(str(path)).label_of["rib_right_2"] == 4

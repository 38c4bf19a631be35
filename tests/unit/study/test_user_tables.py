"""Label sets and ground truth tables can have any format that is supported for users' tables."""

import pandas as pd
import pytest

from ctpop.contracts.all_tables import TRUTH
from ctpop.foundation.errors import ContractError
from ctpop.study import configuration, label_sets
from ctpop.study.user_tables import read_reference_rows, read_user_table

ROWS = pd.DataFrame(
    {
        "label": ["1", "2"],
        "structure": ["liver", "kidney_left"],
        "side": ["", "left"],
        "group": ["abdomen", "abdömen"],
        "lower_bound_ml": ["450.5", ""],
    }
)
FORMS = {
    "csv": lambda frame, path: frame.to_csv(path, index=False),
    "semicolon": lambda frame, path: frame.replace("450.5", "450,5").to_csv(path, index=False, sep=";"),
    "utf-16": lambda frame, path: frame.to_csv(path, index=False, encoding="utf-16", sep="\t"),
    "cp1252": lambda frame, path: frame.to_csv(path, index=False, encoding="cp1252"),
    "row numbers": lambda frame, path: frame.to_csv(path),
    "parquet": lambda frame, path: frame.replace("", None).to_parquet(path, index=False),
    "xlsx": lambda frame, path: (
        frame.to_excel(path.with_suffix(".xlsx"), index=False),
        path.with_suffix(".xlsx").rename(path),
    ),
}


@pytest.fixture(params=FORMS)
def form(request):
    return FORMS[request.param]


def test_a_label_set_is_read_in_every_format(tmp_path, form):
    path = tmp_path / "mine.csv"
    form(ROWS, path)

    found = label_sets.read(str(path)).table

    assert found["label"].to_list() == [1, 2]
    assert found["structure"].to_list() == ["liver", "kidney_left"]
    assert found["group"].to_list() == ["abdomen", "abdömen"]
    assert found["lower_bound_ml"].fillna(-1).to_list() == [450.5, -1]
    rows = configuration.label_rows(str(path))
    assert [(row["structure"], row["side"]) for row in rows] == [("liver", ""), ("kidney_left", "left")]


def test_the_ground_truth_is_read_in_every_format(tmp_path, form):
    path = tmp_path / "ground_truth.csv"
    frame = pd.DataFrame(
        {"scan_id": ["007", "NA"], "structure": "liver", "volume_ml": ["450.5", "1500"], "hu_mean": ["", "60"]}
    )
    form(frame, path)

    found = read_user_table(TRUTH, path)

    assert found["scan_id"].to_list() == ["007", "NA"]
    assert found["volume_ml"].to_list() == [450.5, 1500.0]
    assert found["hu_mean"].fillna(-1).to_list() == [-1, 60]


def test_a_word_instead_of_a_number_is_reported_with_line_and_column(tmp_path):
    ROWS.replace("450.5", "much").to_csv(tmp_path / "mine.csv", index=False)

    expected = r"mine\.csv: line 2: lower_bound_ml must be a volume in mL .* is 'much'; correct the cell"
    with pytest.raises(ContractError, match=expected):
        label_sets.read(str(tmp_path / "mine.csv"))


def test_the_message_about_an_ambiguous_number_contains_no_setting(tmp_path):
    ROWS.replace("450.5", "1,450").to_csv(tmp_path / "mine.csv", index=False)

    with pytest.raises(
        ContractError, match=r"is ambiguous \(1\.450 or 1450\); write all numbers with a decimal point$"
    ):
        read_user_table(label_sets.STRUCTURES, tmp_path / "mine.csv")


def test_a_trailing_separator_in_rows_of_a_label_set_is_rejected(tmp_path):
    ROWS.to_csv(tmp_path / "mine.csv", index=False)
    header, *rows = (tmp_path / "mine.csv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "mine.csv").write_text("\n".join([header, *(f"{row}," for row in rows)]), encoding="utf-8")

    for read in (label_sets.read, configuration.label_rows):
        with pytest.raises(ContractError, match="remove the separator at the end of these rows"):
            read(str(tmp_path / "mine.csv"))


def test_columns_of_every_user_table_can_differ_in_spelling(tmp_path, caplog):
    (tmp_path / "ground_truth.csv").write_text("Scan ID;Structure;Volume (ml);HU mean\ns1;liver;1500,5;60\n")
    (tmp_path / "references.csv").write_text("Scan-ID,Reference Path\ns1,s1.nii.gz\n")
    (tmp_path / "labels.csv").write_text(
        "Label;Structure;Side;Group;Lower bound (ml);Upper bound (ml)\n1;liver;;Organs;500,5;5000\n"
    )

    with caplog.at_level("INFO"):
        ground_truth = read_user_table(TRUTH, tmp_path / "ground_truth.csv")
    references = read_reference_rows(tmp_path / "references.csv")
    labels = label_sets.read(str(tmp_path / "labels.csv"))

    assert ground_truth[["scan_id", "volume_ml"]].values.tolist() == [["s1", 1500.5]]
    assert references.to_dict("records") == [{"scan_id": "s1", "reference_path": "s1.nii.gz"}]
    assert labels.names == ["liver"]
    assert labels.largest_ml == {"liver": 5000.0}
    assert configuration.label_rows(str(tmp_path / "labels.csv"))[0]["structure"] == "liver"
    assert "column Scan ID is read as scan_id" in caplog.text


def test_an_error_in_a_user_table_is_reported_with_the_line(tmp_path):
    path = tmp_path / "ground_truth.csv"
    path.write_text("scan_id,structure,volume_ml,hu_mean\n\ns1,liver,1500,60\ns1,spleen,-5,60\n")
    with pytest.raises(ContractError, match=r"found -5 in 1 row, first .* 's1 spleen' in line 4"):
        read_user_table(TRUTH, path)
    path.write_text("scan_id,structure,volume_ml,hu_mean\ns1,liver,1,60\ns1,spleen,1,60\ns1,liver,1,60\n")
    with pytest.raises(ContractError, match="first 's1 liver' in lines 2, 4; remove"):
        read_user_table(TRUTH, path)

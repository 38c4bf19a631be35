"""Table 1: counts, quartiles, and means of each group, and counts of missing values."""

import numpy as np
import pandas as pd
import pytest

from ctpop.contracts import all_tables
from ctpop.documents.table1 import MOST_LEVELS, OTHER, table1
from ctpop.documents.table1_text import printed
from ctpop.foundation.errors import ContractError
from ctpop.stages.cohort.table1_files import write_table1
from support import study_tables


def patients(**columns):
    n = len(next(iter(columns.values())))
    frame = study_tables.registry(n, sexes=("male",)).assign(**columns)
    return all_tables.COHORT.check(frame.astype({"sex": "str"}))


def eight(**further):
    sexes = ["female", "female", "male", "male", "male", "male", "male", None]
    return patients(age_years=[20.0, 30, 40, 50, 60, 70, 80, 90], sex=sexes, **further)


def cells(table, **where):
    rows = table
    for column, value in where.items():
        rows = rows[rows[column] == value]
    return rows


def one(table, **where):
    [row] = cells(table, **where).to_dict("records")
    return row


def test_ages_by_sex_are_those_of_each_sex():
    table = table1(eight(), [], "right_closed")

    men = one(table, variable="age_years", level="known", group="male")
    assert (men["n"], men["median"], men["q1"], men["q3"], men["mean"]) == (5, 60, 50, 70, 60)
    assert men["sd"] == pytest.approx(np.sqrt(250))  # (400 + 100 + 0 + 100 + 400) / 4
    assert (men["lowest"], men["highest"]) == (40, 80)
    unknown = one(table, variable="age_years", level="known", group="not_known")
    assert (unknown["n"], unknown["median"]) == (1, 90)
    assert np.isnan(unknown["sd"])


def test_patients_of_each_line_and_group_are_counted_once():
    table = table1(eight(patient_id=["p", "p", "q", "q", "q", "r", None, None]), [], "right_closed")

    assert one(table, variable="scans", group="all")["n_patients"] == 5
    assert one(table, variable="sex", level="male", group="all")["n_patients"] == 3
    assert one(table, variable="sex", level="missing", group="all")["n_patients"] == 1
    men = one(table, variable="age_years", level="known", group="male")
    assert (men["n"], men["n_patients"]) == (5, 3)


def test_a_printed_table_1_has_the_patients_in_brackets_where_these_are_repeated():
    several = printed(table1(eight(patient_id=["p", "p", "q", "q", "q", "r", "r", "s"]), [], "right_closed")).frame
    alone = printed(table1(eight(), [], "right_closed")).frame

    rows = several.set_index("")
    assert several.columns[1] == "Missing, n [patients]"
    assert rows.loc["Scans, n [patients] (%)", "All"] == "8 [4] (100.0%)"
    assert rows.loc["Patients, n", "All"] == "4"
    assert rows.loc["Sex: men, n [patients] (%)", ["Missing, n [patients]", "All"]].to_list() == [
        "1 [1]",
        "5 [2] (71.4%)",
    ]
    assert "[patients]" not in "".join([*alone.columns, *alone[""]])
    assert alone.set_index("").loc["Scans, n (%)", "All"] == "8 (100.0%)"


def test_with_one_scan_per_patient_the_patients_of_table_1_are_its_scans():
    table = table1(eight(), [], "right_closed")

    assert table["n_patients"].eq(table["n"]).all()


def test_quartiles_are_those_of_the_statistics_and_include_every_scan():
    table = table1(eight(), [], "right_closed")

    scans = cells(table, variable="scans", grouping="age_quartile")
    assert scans["n"].to_list() == [2, 2, 2, 2]
    assert scans["age_range"].to_list() == ["≤ 37.5", "> 37.5 to ≤ 55", "> 55 to ≤ 72.5", "> 72.5"]


@pytest.mark.parametrize(("closed", "n"), [("right_closed", [2, 1, 1, 1]), ("left_closed", [1, 1, 1, 2])])
def test_a_cut_point_belongs_to_the_side_that_is_set(closed, n):
    table = table1(patients(age_years=[1.0, 2, 3, 4, 5]), [], closed)

    assert cells(table, variable="scans", grouping="age_quartile")["n"].to_list() == n


def test_unknown_ages_have_a_group_and_a_missing_count():
    table = table1(patients(age_years=[1.0, 2, 3, np.nan]), [], "right_closed")

    assert one(table, variable="scans", grouping="age_quartile", group="not_known")["n"] == 1
    assert one(table, variable="age_years", level="missing", group="all")["n"] == 1


def test_numbers_are_described_and_words_are_counted():
    bmi = ["20.5", "30", None, "25", "25", "25", "25", "25"]
    site = ["x", "y", "x", "x", None, None, "y", "x"]
    table = table1(eight(bmi=bmi, site=site), ["bmi", "site", "contrast"], "right_closed")

    assert one(table, variable="bmi", level="known", group="female")["median"] == 25.25
    assert one(table, variable="bmi", level="missing", group="male")["n"] == 1
    x = one(table, variable="site", level="x", group="male")
    assert (x["n"], x["share"]) == (2, pytest.approx(2 / 3))  # of three men with a known site
    assert one(table, variable="site", level="missing", group="all")["n"] == 2
    assert one(table, variable="contrast", level="true", group="all")["n"] == 8


def test_levels_and_missing_of_each_variable_sum_to_the_scans_of_each_group():
    cohort = study_tables.registry(200, sexes=("female", "male", None))
    random = np.random.default_rng(3)
    cohort["site"] = pd.Series(random.choice(np.array(["a", "b", None], dtype=object), 200), dtype="str")
    table = table1(cohort, ["site"], "right_closed")

    sums = table[~table["variable"].isin(["scans", "patients"])].groupby(["variable", "group_order"])["n"].sum()
    scans = table[table["variable"] == "scans"].set_index("group_order")["n"]
    for variable in ("age_years", "sex", "site"):
        assert sums[variable].to_list() == scans.to_list()
    for grouping in ("sex", "age_quartile"):
        assert cells(table, variable="scans", grouping=grouping)["n"].sum() == 200


def test_rare_categories_share_a_row():
    words = [f"w{number:02d}" for number in range(MOST_LEVELS + 5)] * 2 + ["w00"]
    table = table1(patients(age_years=[50.0] * len(words), site=words), ["site"], "right_closed")

    levels = cells(table, variable="site", group="all").set_index("level")["n"]
    assert len(levels) == MOST_LEVELS + 2  # including other categories and missing values
    assert levels["w00"] == 3
    assert levels[OTHER] == 10


def test_patients_are_counted_only_where_all_are_recorded():
    known = patients(age_years=[50.0, 60, 70], patient_id=["a", "a", "b"])
    unknown = patients(age_years=[50.0, 60], patient_id=["a", None])

    assert one(table1(known, [], "right_closed"), variable="patients", group="all")["n"] == 2
    assert "patients" not in set(table1(unknown, [], "right_closed")["variable"])


def test_an_empty_cohort_has_a_table_of_zeros():
    table = table1(all_tables.COHORT.check(study_tables.registry(3)).head(0), [], "right_closed")

    assert (table["n"] == 0).all()
    assert printed(table).rows[0] == ("Scans, n", ["–", *["0"] * 7])


def test_a_column_that_does_not_exist_is_named():
    with pytest.raises(ContractError, match=r"cohort\.table1: the registry has no column bmi; found scan_id"):
        table1(eight(), ["bmi"], "right_closed")


def test_the_printed_table_has_a_column_of_missing_counts_and_no_p_values():
    table = printed(table1(eight(site=["x"] * 6 + [None] * 2), ["site"], "right_closed"))

    assert table.columns[:5] == ["Missing, n", "All", "Women", "Men", "Sex not recorded"]
    rows = dict(table.rows)
    assert rows["Scans, n (%)"][:5] == ["–", "8 (100.0%)", "2 (25.0%)", "5 (62.5%)", "1 (12.5%)"]
    assert rows["Age (y), median [IQR]"][:4] == ["0", "55.0 [37.5, 72.5]", "25.0 [22.5, 27.5]", "60.0 [50.0, 70.0]"]
    assert rows["Age (y), mean (SD)"][3] == "60.0 (15.8)"
    assert rows["Sex: women, n (%)"][:3] == ["1", "2 (28.6%)", "2 (100.0%)"]
    assert rows["site: x, n (%)"][:2] == ["2", "6 (100.0%)"]
    assert not any(name.startswith("P") and name != "Patients, n" for name in [*rows, *table.columns])


def test_the_pages_contain_the_same_cells_and_no_markup_of_the_registry(tmp_path):
    hostile = "<script>alert(1)</script>"
    table = printed(table1(eight(site=[hostile, *["=1+1"] * 7]), ["site"], "right_closed"))

    write_table1(table, tmp_path, "synthetic <b>")

    page = (tmp_path / "table1.html").read_text()
    assert "<script>" not in page
    assert "synthetic &lt;b&gt;" in page
    assert page.count("<tr>") == 1 + len(table.rows)
    read = pd.read_csv(tmp_path / "table1.csv")
    assert list(read.columns[1:]) == table.columns
    assert read.iloc[:, 1:].fillna("").to_numpy().tolist() == [cells for _, cells in table.rows]

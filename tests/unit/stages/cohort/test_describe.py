"""Tests of the command `describe`: Table 1 and the flow diagram from the tables of the cohort."""

import pandas as pd

from ctpop.cli import main
from ctpop.contracts import all_tables
from support import study_tables
from support.config_files import config_option

STUDY = {"name": "s", "start_from": "measures", "measures": "m.csv", "banner": "synthetic"}


def described(folder, patients, **sections):
    tables = study_tables.study(patients, study_tables.label_set(1, 1))
    study_tables.write(tables, folder / "tables", "cohort", "exclusions", "flow")
    files = [
        word for name in ("cohort", "exclusions", "flow") for word in (f"--{name}", f"{folder}/tables/{name}.parquet")
    ]
    out = ["--table1", f"{folder}/table1.parquet", "--report", f"{folder}/report", "--figures", f"{folder}/figures"]
    assert main(["describe", *files, *out, *config_option(report={"dpi": 72}, **sections)]) == 0
    return folder


def patients():
    found = study_tables.registry(40)
    found.loc[0:2, "complete"] = False
    return found.assign(bmi=[str(20 + number % 7) for number in range(40)])


def test_the_command_writes_the_table_its_files_and_the_figure(tmp_path):
    described(tmp_path, patients(), cohort={"table1": ["bmi"]}, study=STUDY)

    table = all_tables.TABLE1.read(tmp_path / "table1.parquet")
    assert table["variable"].drop_duplicates().to_list() == ["scans", "patients", "age_years", "sex", "bmi"]
    assert pd.read_csv(tmp_path / "report" / "table1.csv").shape[1] == 1 + 1 + 1 + 2 + 4
    assert "synthetic" in (tmp_path / "report" / "table1.html").read_text()
    for suffix in ("pdf", "svg", "png", "csv"):
        assert (tmp_path / "figures" / f"cohort_flow.{suffix}").stat().st_size > 100
    steps = pd.read_csv(tmp_path / "figures" / "cohort_flow.csv")
    assert list(zip(steps["step"], steps["n"], strict=True))[:5] == [
        ("registry", 40),
        ("excluded", 0),
        ("excluded", 3),
        ("excluded", 0),
        ("included", 37),
    ]


def test_equal_tables_give_equal_bytes(tmp_path):
    one, two = (described(tmp_path / name, patients()) for name in ("one", "two"))

    for place in ("table1.parquet", "report/table1.csv", "report/table1.html", "figures/cohort_flow.pdf"):
        assert (one / place).read_bytes() == (two / place).read_bytes(), place


def test_an_empty_cohort_has_a_table_1(tmp_path):
    described(tmp_path, patients().assign(age_years=float("nan")))

    assert pd.read_csv(tmp_path / "report" / "table1.csv").iloc[0, 2] == 0

"""IDs that resemble missing values, numbers, or Boolean values remain unchanged in every table of a study."""

import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.contracts.columns import text
from ctpop.contracts.table_files import write_csv
from ctpop.contracts.tables import Table
from ctpop.stages.operate import benchmarks
from ctpop.study import measures_table
from ctpop.study.registry import read_registry
from ctpop.study.registry_options import Reading

IDS = ["nan", "NA", "null", "None", "007", "1e5", "TRUE", "1.0", "N-A", "inf"]


def test_a_registry_keeps_unusual_identifiers(tmp_path):
    (tmp_path / "r.csv").write_text("scan_id,patient_id,age_years\n" + "".join(f"{name},{name},60\n" for name in IDS))

    found = read_registry(tmp_path / "r.csv")

    assert found["scan_id"].to_list() == sorted(IDS)
    assert found["patient_id"].to_list() == sorted(IDS)


@pytest.mark.parametrize("long", [True, False])
def test_commands_keep_unusual_identifiers_of_a_table_of_measures(tmp_path, monkeypatch, long):
    monkeypatch.chdir(tmp_path)
    columns = "scan_id,age_years,structure,hu_mean" if long else "scan_id,age_years,liver_hu_mean"
    middle = ",liver" if long else ""
    (tmp_path / "m.csv").write_text(f"{columns}\n" + "".join(f"{name},60{middle},55\n" for name in IDS))
    outputs = [f"--{name}={name}.parquet" for name in ("cohort", "exclusions", "flow")]
    (tmp_path / "all.yaml").write_text("cohort: {criteria: []}")

    assert main(["patients", "--table", "m.csv", "--structures", "demo", "--out", "r.csv"]) == 0
    assert main(["cohort", "--registry", "r.csv", "--start-from", "measures", "--config", "all.yaml", *outputs]) == 0
    measured = ["--registry", "r.csv", "--table", "m.csv", "--structures", "demo", "--config", "all.yaml"]
    assert main(["measure", *measured, "--out", "measures.parquet"]) == 0

    assert pd.read_parquet("cohort.parquet")["scan_id"].to_list() == sorted(IDS)
    measures = pd.read_parquet("measures.parquet").query("structure == 'liver'")
    assert measures["scan_id"].to_list() == sorted(IDS)
    assert measures["status"].eq("measured").all()


def test_csv_files_keep_unusual_identifiers(tmp_path):
    table = Table("ids", ("scan_id",), "rows", {"scan_id": text("scan")})
    write_csv(pd.DataFrame({"scan_id": IDS}), tmp_path / "ids.csv")

    assert table.read_csv(tmp_path / "ids.csv")["scan_id"].to_list() == sorted(IDS)


def test_run_times_keep_unusual_identifiers(tmp_path):
    steps = ",".join(f"{step}_seconds" for step in benchmarks.STEPS)
    row = ",".join("1" for _ in benchmarks.STEPS)
    text = f"scan_id,{steps},gpu_mb,reused\n" + "".join(f"{name},{row},,False\n" for name in IDS)
    (tmp_path / "1-of-1_scans.csv").write_text(text)

    assert benchmarks.of_scans(tmp_path)["scan_id"].to_list() == IDS


def test_parquet_files_keep_unusual_identifiers(tmp_path):
    pd.DataFrame({"scan_id": IDS, "age_years": 60, "liver_hu_mean": 55.0}).to_parquet(tmp_path / "m.parquet")

    assert measures_table.read(tmp_path / "m.parquet", Reading(), ["liver"])["scan_id"].to_list() == IDS

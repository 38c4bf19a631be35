"""Tests of added and removed scans in the real workflow, with a workbook and a small label map per scan."""

import nibabel as nib
import numpy as np
import openpyxl
import pandas as pd
import pytest

from ctpop.study import shards
from support.studies import Study

TABLES = ("cohort", "segments", "measures")
CRITERIA = [
    "age_known",
    {"name": "adult", "sentence": "Younger than 18 years", "column": "age_years", "at_least": 18},
    {"name": "one", "sentence": "Another scan of the patient", "one_per_patient": "first"},
]
COHORT = {
    "columns": {"image": "scan_id", "case": "patient_id", "age": "age_years", "gender": "sex"},
    "values": {"sex": {"m": "male", "f": "female"}},
    "missing": ["N-A"],
    "paths": {"segmentation_path": "{scan_id}.nii.gz"},
    "criteria": CRITERIA,
}
PATIENTS = [(f"s{n}", f"p{n}", "N-A" if n == 3 else 12 if n == 4 else 40 + n, "m" if n % 2 else "f") for n in range(10)]


def draw(folder, scan, seed):
    labels = np.random.default_rng(seed).integers(0, 4, (6, 6, 6)).astype(np.uint8)
    nib.save(nib.Nifti1Image(labels, np.diag([5.0, 5, 5, 1])), folder / f"{scan}.nii.gz")


def write(folder, patients):
    book = openpyxl.Workbook()
    for row in (("image", "case", "age", "gender"), *patients):
        book.active.append(row)
    book.save(folder / "registry.xlsx")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("growth")
    for seed, (scan, *_) in enumerate([*PATIENTS, ("new",)]):
        draw(folder, scan, seed)
    write(folder, PATIENTS)
    described = {"name": "growth", "start_from": "segmentations", "registry": str(folder / "registry.xlsx")}
    found = Study(folder, {"study": described, "structures": "demo", "cohort": COHORT, "segment": {"shards": 3}})
    build(found)
    return found


def targets(study):
    return [f"results/growth/tables/{name}.parquet" for name in TABLES]


def build(study):
    study.run(*targets(study))
    tables = {name: pd.read_parquet(study.results / "tables" / f"{name}.parquet") for name in TABLES}
    parts = {path.name: path.read_bytes() for path in (study.results / "shards").rglob("*.parquet")}
    return tables, parts


def test_a_workbook_with_custom_columns_is_read(study):
    tables, _ = build(study)

    assert tables["cohort"]["scan_id"].to_list() == ["s0", "s1", "s2", "s5", "s6", "s7", "s8", "s9"]
    assert set(tables["segments"]["status"]) == {"existing"}
    assert "nothing to be done" in study.run("--dry-run", *targets(study)).lower()


def test_a_new_patient_changes_only_one_shard_and_can_be_removed(study):
    before, parts_before = build(study)
    write(study.folder, [("new", "p-new", 33, "f"), *PATIENTS])

    after, parts_after = build(study)

    home = shards.shard_names(3)[shards.shard_of("p-new", 3)]
    assert {name for name in parts_before if parts_before[name] != parts_after[name]} == {f"{home}.parquet"}
    for name in TABLES:
        kept = after[name][after[name]["scan_id"] != "new"].reset_index(drop=True)
        pd.testing.assert_frame_equal(kept, before[name])
        assert "new" in set(after[name]["scan_id"])

    write(study.folder, PATIENTS)
    again, parts_again = build(study)

    assert parts_again == parts_before
    for name in TABLES:
        pd.testing.assert_frame_equal(again[name], before[name])


def test_a_removed_scan_is_removed_from_all_tables(study):
    build(study)
    write(study.folder, [row for row in PATIENTS if row[0] != "s5"])

    tables, _ = build(study)

    for name in TABLES:
        assert "s5" not in set(tables[name]["scan_id"]), name
        assert "s6" in set(tables[name]["scan_id"]), name

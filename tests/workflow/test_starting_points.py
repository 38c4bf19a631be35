"""Tests of the starting points `segmentations` (real patients) and `measures`; test_demo.py tests `images`."""

import html
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from support.real_data import ABDOMEN, write_masks
from support.studies import QUICK_FIGURES, Study, few_structures

WITHOUT = ("torch", "nnunetv2", "functorch", "timm", "batchgenerator", "dynamic_network", "acvl", "triton")


def registry(folder: Path, *rows: dict) -> str:
    path = folder / "registry.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return str(path)


def real_scans(folder: Path) -> str:
    known = {"complete": "true", "contrast": "true"}
    return registry(
        folder,
        {
            "scan_id": "abdomen",
            "age_years": 60,
            "sex": "male",
            "ct_path": ABDOMEN / "ct.nii.gz",
            "segmentation_path": ABDOMEN / "segmentation_v1_104.nii.gz",
            **known,
        },
        {
            "scan_id": "s0327",
            "age_years": 72,
            "sex": "male",
            "ct_path": None,
            "segmentation_path": write_masks(folder / "s0327"),
            **known,
        },
        {
            "scan_id": "short",
            "age_years": 61,
            "sex": "female",
            "ct_path": ABDOMEN / "ct_short.nii.gz",
            "segmentation_path": ABDOMEN / "segmentation_v1_104.nii.gz",
            **known,
        },
    )


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    study = {"name": "real", "start_from": "segmentations", "registry": real_scans(folder)}
    found = Study(folder, {"study": study, "structures": "paper_104", "segment": {"shards": 2}})
    found.run("gather_segments", "aging")
    return found


def measures_of(study: Study) -> pd.DataFrame:
    return pd.read_parquet(study.results / "tables" / "measures.parquet").set_index(["scan_id", "structure"])


def test_a_real_ct_with_labels_stored_as_float64_is_measured(real):
    measures = measures_of(real)

    liver = measures.loc[("abdomen", "liver")]
    assert liver["status"] == "measured"
    assert 0 < liver["volume_ml"] < 3000
    assert 20 < liver["hu_mean"] < 150
    assert measures.loc[("abdomen", "kidney_left"), "volume_ml"] == pytest.approx(138.89, abs=0.01)
    assert (
        measures.loc[("abdomen", "brain"), "status"] == "not_requested"
    )  # the only label map has no names, and no brain
    assert pd.isna(measures.loc[("abdomen", "brain"), "n_voxels"])


def test_a_folder_of_masks_without_a_ct_has_only_volumes(real):
    measures = measures_of(real).loc["s0327"]

    assert measures.loc["spleen", "volume_ml"] == pytest.approx(194.98, abs=0.01)
    assert measures["hu_mean"].isna().all()
    assert measures.loc["face", "status"] == "not_in_model"


def test_a_label_map_with_a_different_grid_is_rejected_and_the_study_continues(real):
    segments = pd.read_parquet(real.results / "tables" / "segments.parquet").set_index("scan_id")

    assert segments.loc["short", "status"] == "grid_mismatch"
    assert measures_of(real).loc["short", "volume_ml"].isna().all()
    assert set(measures_of(real).loc["short", "detail"]) == {segments.loc["short", "detail"]}
    assert (real.results / "tables" / "associations.parquet").is_file()


@pytest.fixture(scope="module")
def python_without_torch(tmp_path_factory):
    """Create a virtual environment with the packages of this environment, except torch and its dependents."""
    home = tmp_path_factory.mktemp("without_torch")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    packages = Path(pd.__file__).parents[1]
    new_packages = next(home.glob("lib/python*/site-packages"))
    for package in packages.iterdir():
        if not package.name.lower().startswith(WITHOUT):
            (new_packages / package.name).symlink_to(package)
    python = str(home / "bin" / "python")
    missing = subprocess.run([python, "-c", "import torch"], capture_output=True, text=True, check=False)
    assert "No module named 'torch'" in missing.stderr
    return python


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_of_measures_results_in_the_same_statistics_without_torch(demo, tmp_path, python_without_torch, suffix):
    shutil.copy(demo.folder / "cohort" / "registry.csv", tmp_path / "registry.csv")
    shutil.copy(demo.results / "tables" / f"measures.{suffix}", tmp_path / f"mine.{suffix}")
    config = {
        **demo.config,
        "study": {
            "name": "again",
            "start_from": "measures",
            "registry": str(tmp_path / "registry.csv"),
            "measures": str(tmp_path / f"mine.{suffix}"),
        },
    }
    again = Study(tmp_path, config)

    again.run("aging", python=python_without_torch)

    for name in ("associations", "groups", "posthoc", "normality"):
        found, expected = (pd.read_parquet(study.results / "tables" / f"{name}.parquet") for study in (again, demo))
        pd.testing.assert_frame_equal(found, expected)
    assert not (again.results / "masks").exists()


def test_a_folder_of_statistics_is_a_starting_point_and_changes_are_detected(tmp_path):
    scans = [f"scan{number:02d}" for number in range(14)]
    patients = [{"scan_id": scan, "age_years": 20 + 5 * place} for place, scan in enumerate(scans)]
    for place, scan in enumerate(scans[:12]):
        kidneys = {f"kidney_{side}": {"volume": 150000.0 + place, "intensity": 180.5} for side in ("left", "right")}
        (tmp_path / "statistics" / scan).mkdir(parents=True)
        content = {"liver": {"volume": 1500000.0 - 1000 * place, "intensity": 60.0}, **kidneys}
        (tmp_path / "statistics" / scan / "statistics.json").write_text(json.dumps(content))
    changed = tmp_path / "statistics" / scans[3] / "statistics.json"
    changed.write_text(
        json.dumps({**json.loads(changed.read_text()), "kidney_left": {"volume": 0.0, "intensity": 0.0}})
    )
    (tmp_path / "statistics" / scans[12]).mkdir()
    (tmp_path / "statistics" / scans[12] / "statistics.json").write_bytes(changed.read_bytes()[:40])
    (tmp_path / "statistics" / scans[13] / "statistics.json").mkdir(parents=True)
    study = {
        "name": "statistics",
        "start_from": "measures",
        "registry": registry(tmp_path, *patients),
        "measures": str(tmp_path / "statistics"),
    }
    criteria, label_set = {"criteria": ["age_known"]}, few_structures(tmp_path)
    start_from = Study(tmp_path, {"study": study, "structures": label_set, "cohort": criteria, "report": QUICK_FIGURES})

    start_from.run()

    measures = measures_of(start_from)
    assert measures["status"].value_counts().to_dict() == {
        "measured": 3 * 12 - 1,
        "zero_in_statistics": 1,
        "not_in_table": 4 * 12,
        "unreadable": 7 * 2,
    }
    assert_damaged_files_have_rows_with_their_reason(start_from, measures)
    rho = pd.read_parquet(start_from.results / "tables" / "associations.parquet").set_index(["structure", "measure"])
    assert rho.loc[("liver", "volume_ml"), ["n", "rho"]].tolist() == [12, -1]
    assert rho.loc[("kidneys", "volume_ml"), ["n", "rho"]].tolist() == [11, 1]
    assert rho.loc[("kidneys", "hu_mean"), "n"] == 12
    assert start_from.planned() == {}
    changed.write_text(changed.read_text().replace("0.0", "1.0"))
    assert {"measure", "screen", "aging", "report"} <= set(start_from.planned())


def assert_damaged_files_have_rows_with_their_reason(study: Study, measures: pd.DataFrame) -> None:
    """Check the reason in measures, verdicts, the flow, the report, and the output of `ctpop status`."""
    details = measures.loc[["scan12", "scan13"], "detail"].unique()
    assert [detail.partition(" (")[0] for detail in details] == [
        "the statistics file is not valid JSON",
        "the path of the statistics file is a folder or a device",
    ]
    verdicts = pd.read_parquet(study.results / "tables" / "verdicts.parquet").set_index("scan_id")
    assert set(verdicts.loc[["scan12", "scan13"], "reason"]) == {"not_segmented"}
    assert list(verdicts.loc[["scan12", "scan13"], "detail"].unique()) == [f"unreadable: {text}" for text in details]
    page = html.unescape((study.results / "report" / "index.html").read_text(encoding="utf-8"))
    assert "Not measured (n = 2). File not readable (n = 2)" in page
    for scan, detail in zip(("scan12", "scan13"), details, strict=True):
        row = f'<th scope="row">{scan}</th><td class="text">file not readable</td><td class="text wrap">{detail}</td>'
        assert row in page
    (study.folder / "study.yaml").write_text(json.dumps(study.config))
    command = [sys.executable, "-m", "ctpop", "status", "study.yaml"]
    lines = subprocess.run(command, cwd=study.folder, capture_output=True, text=True, check=True).stdout.splitlines()
    assert lines[1:4] == [
        "not measured: 2 scans (2 unreadable)",
        *[f"  {scan}: unreadable: {detail}" for scan, detail in zip(("scan12", "scan13"), details, strict=True)],
    ]


def one_table(folder: Path, *, wide: bool) -> str:
    """Write a table of 60 patients with decreasing liver and increasing spleen volume, with custom column names."""
    patients = pd.DataFrame(
        {"Case": [f"c{n:03d}" for n in range(60)], "Age": [20 + n for n in range(60)], "sex": "male"}
    )
    patients.loc[7, "Age"] = None
    frame = patients.assign(liver_mm3=1_600_000 - 1000 * patients.index, spleen_mm3=150_000 + 500 * patients.index)
    if not wide:
        frame = frame.melt(["Case", "Age", "sex"], var_name="organ", value_name="mm3")
        frame["organ"] = frame["organ"].str.removesuffix("_mm3")
    path = folder / "mine.csv"
    frame.to_csv(path, index=False)
    return str(path)


@pytest.mark.parametrize(
    ("wide", "targets"), [(True, []), pytest.param(False, ["aging"], marks=pytest.mark.exhaustive)]
)
def test_a_table_with_ages_is_a_study_without_torch(tmp_path, python_without_torch, wide, targets):
    columns = {"*_mm3": "*_volume_mm3"} if wide else {"organ": "structure", "mm3": "volume_mm3"}
    config = {
        "study": {"name": "one", "start_from": "measures", "measures": one_table(tmp_path, wide=wide)},
        "structures": few_structures(tmp_path),
        "measure": {"columns": {"Case": "scan_id", "Age": "age_years", **columns}},
        "report": QUICK_FIGURES,
    }
    study = Study(tmp_path, config)

    study.run(*targets, python=python_without_torch)

    flow = pd.read_parquet(study.results / "tables" / "flow.parquet")
    assert flow[["criterion", "n_before", "n_after"]].values.tolist() == [["age_known", 60, 59]]
    rho = pd.read_parquet(study.results / "tables" / "associations.parquet").set_index(["structure", "measure"])
    assert rho.loc[("liver", "volume_ml"), ["n", "rho"]].tolist() == [59, -1]
    assert rho.loc[("spleen", "volume_ml"), ["n", "rho"]].tolist() == [59, 1]
    assert rho.loc[("liver", "hu_mean"), "n"] == 0
    assert measures_of(study).loc[("c000", "liver"), "volume_ml"] == 1600
    assert (study.results / "report" / "index.html").is_file() == wide
    assert study.planned(*targets) == {}

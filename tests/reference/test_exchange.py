"""Tests that exported statistics are identical to those of the TotalSegmentator formula for the same files."""

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.contracts.all_tables import MEASURES_TABLE
from ctpop.study import label_sets
from support.config_files import config_file, config_option
from support.real_data import ABDOMEN

SCANS = {
    "paper_104": ("ct.nii.gz", "segmentation_v1_104.nii.gz"),
    "total_117": ("ct_short.nii.gz", "segmentation_v2_117_short.nii.gz"),
}
THREE_LAYERS = {"border_layers": 3}


def run(command, **options):
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    assert main([command, *words]) == 0


@pytest.fixture(scope="module", params=SCANS)
def measured(request, tmp_path_factory):
    """Measure a scan; return the name of its label set, the folder of the table, and the paths of CT and label map."""
    folder = tmp_path_factory.mktemp(request.param)
    ct, labels = (ABDOMEN / name for name in SCANS[request.param])
    scan = {"scan_id": "abdomen", "age_years": 60, "ct_path": ct, "segmentation_path": labels}
    pd.DataFrame([scan]).to_csv(folder / "registry.csv", index=False)
    common = {
        "registry": folder / "registry.csv",
        "config": config_file(cohort={"criteria": ["age_known"]}, measure=THREE_LAYERS),
        "structures": request.param,
        "masks": folder / "masks",
    }
    run("segment", engine="existing", out=folder / "segments.parquet", **common)
    files = {"segments": folder / "segments.parquet", "out": folder / "measures.parquet"}
    run("measure", **files, **common)
    return request.param, folder, ct, labels


def by_their_formula(label_set, ct_path, labels_path, decimals, border_rule):
    """Return volume (mm³) and mean attenuation of each structure with the formulas of `get_basic_statistics`."""
    image = nib.load(ct_path)
    hu = image.get_fdata().astype(np.int16)
    labels = np.asarray(nib.load(labels_path).dataobj).astype(np.uint8)
    voxel_mm3 = float(np.prod(image.header.get_zooms()))
    inner = np.zeros(labels.shape, bool)
    inner[3:-3, 3:-3, 3:-3] = True
    near_the_border = set(np.unique(labels[~inner]))
    found = {}
    for name, label in label_sets.read(label_set).label_of.items():
        inside = hu[labels == label]
        dropped = border_rule and label in near_the_border
        found[name] = {
            "volume": 0.0 if dropped else float(inside.size * voxel_mm3),
            "intensity": 0.0 if dropped or not inside.size else float(np.round(inside.mean(dtype=float), decimals)),
        }
    return found


def exported(measured, *options):
    name, folder, _, _ = measured
    files = ["--measures", str(folder / "measures.parquet"), "--structures", name, "--out", str(folder / "out")]
    assert main(["export-statistics", *files, *options]) == 0
    return (folder / "out" / "abdomen" / "statistics.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("decimals", [5, 2])
def test_with_zeros_the_file_is_identical_to_that_of_totalsegmentator(measured, decimals):
    name, _, ct, labels = measured
    theirs = by_their_formula(name, ct, labels, decimals, border_rule=True)

    text = exported(measured, "--zeros", *config_option(measure=THREE_LAYERS), "--decimals", str(decimals))

    assert text == json.dumps(theirs, indent=4)
    assert sum(entry["volume"] > 0 for entry in theirs.values()) >= 5
    assert sum(entry["volume"] == 0 for entry in theirs.values()) >= 10


def test_without_zeros_only_the_attenuation_of_absent_structures_differs(measured):
    name, _, ct, labels = measured
    theirs = by_their_formula(name, ct, labels, 5, border_rule=False)

    ours = json.loads(exported(measured))

    absent = {structure for structure, entry in theirs.items() if entry["volume"] == 0}
    assert absent
    assert {structure for structure in theirs if ours[structure] != theirs[structure]} == absent
    assert all(ours[structure] == {"volume": 0.0, "intensity": None} for structure in absent)


def test_a_statistics_file_of_totalsegmentator_yields_the_measures_that_it_contains(measured):
    name, folder, ct, labels = measured
    theirs = by_their_formula(name, ct, labels, 5, border_rule=True)
    (folder / "theirs").mkdir(exist_ok=True)
    (folder / "theirs" / "abdomen.json").write_text(json.dumps(theirs), encoding="utf-8")

    run(
        "measure",
        registry=folder / "registry.csv",
        config=config_file(cohort={"criteria": ["age_known"]}),
        structures=name,
        table=folder / "theirs",
        out=folder / "read.parquet",
    )

    known = MEASURES_TABLE.read(folder / "measures.parquet", "volume_ml", "hu_mean", "border_voxels")
    read = MEASURES_TABLE.read(folder / "read.parquet", "status", "volume_ml", "hu_mean")
    whole = (known["border_voxels"].eq(0) & known["volume_ml"].gt(0)).astype(bool)
    assert whole.sum() >= 5
    np.testing.assert_allclose(read["volume_ml"][whole], known["volume_ml"][whole], rtol=1e-12)
    np.testing.assert_allclose(read["hu_mean"][whole], known["hu_mean"][whole], atol=5.1e-6)
    assert read["status"].eq("measured").equals(whole)
    assert set(read["status"][~whole]) == {"zero_in_statistics"}
    assert read.loc[~whole, ["volume_ml", "hu_mean"]].isna().all(axis=None)

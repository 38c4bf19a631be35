"""Tests from a DICOM folder to the report: `index` and Snakemake, rejected scans, new patients, and privacy."""

import os
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from support import dicom_files, planted
from support.studies import REPO, Study, demo_config, draw_cohort, few_structures

SPACING_MM = (4.0, 4.0)
SLICES = slice(30, 80)  # of the drawn slices: from the hips to the heart


def write_patient(folder: Path, volume: Path, number: int, *, skip: int | None = None, **elements) -> None:
    """Write a CT volume as a planted series, one file per slice."""
    image = nib.as_closest_canonical(nib.load(volume))
    hu, affine = image.get_fdata().astype("int16"), image.affine
    shared = planted.planted_header(PixelSpacing=list(SPACING_MM), SliceThickness="4", **elements)
    shared.PatientID = f"{planted.WORD}{number}"
    shared.StudyInstanceUID, shared.SeriesInstanceUID = f"{planted.ROOT}.{number}.1", f"{planted.ROOT}.{number}.2"
    if "ContrastBolusAgent" in elements:
        for name in [element.keyword for element in shared if element.keyword.startswith("Contrast")]:
            delattr(shared, name)
    else:
        shared.ContrastBolusAgent = "Ultravist 370"  # the planted word is not an agent
    home = folder / f"{planted.WORD}_{number}"
    home.mkdir(parents=True)
    for place in (place for place in range(hu.shape[2]) if place != skip):
        corner = affine @ [hu.shape[0] - 1, hu.shape[1] - 1, place, 1]
        shared.SOPInstanceUID = f"{planted.ROOT}.{number}.3.{place}"
        position = (-corner[0], -corner[1], corner[2])
        dicom_files.write_image(home / f"{place}.dcm", shared, position, hu[::-1, ::-1, place].T, number=place + 1)


def with_another_voxel(volume: Path) -> Path:
    """Write a volume with another value in one voxel, which prevents exclusion as a duplicate, and return its path."""
    image = nib.load(volume)
    hu = image.get_fdata().astype(np.int16)
    hu[0, 0, 0] += 1
    path = volume.with_name(f"other_{volume.name}")
    nib.save(nib.Nifti1Image(hu, image.affine), path)
    return path


def index(folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(REPO / "workflow")}
    command = [sys.executable, "-m", "ctpop", "index", "dicom", "--registry", "cohort/registry.csv"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    """Return a folder of eight patients: four are valid, and the others lack a slice, the age, the agent, or HU."""
    folder = tmp_path_factory.mktemp("hospital")
    draw_cohort(folder / "drawn", patients=3)
    volumes = sorted((folder / "drawn").rglob("*.nii.gz"))
    for path in volumes:
        cut = nib.load(path).slicer[:, :, SLICES]
        nib.save(nib.Nifti1Image(cut.get_fdata().astype(np.int16), cut.affine), path)
    volumes.append(with_another_voxel(volumes[0]))
    given = [{"PatientAge": f"0{40 + 5 * number}Y"} for number in range(8)]
    given[4]["skip"] = 20
    given[5]["PatientAge"] = "N-A"
    given[6]["ContrastBolusAgent"] = ""
    given[7]["RescaleIntercept"] = "0"
    for number, elements in enumerate(given):
        write_patient(folder / "dicom", volumes[number % 4], number, **elements)
    (folder / "dicom" / f"{planted.WORD}.txt").write_text(planted.WORD)
    return folder


@pytest.fixture(scope="module")
def study(hospital):
    printed = index(hospital)
    config = demo_config(hospital / "drawn")
    config["study"] = {
        "name": "hospital",
        "registry": "cohort/registry.csv",
        "dicom": "dicom",
        "banner": "synthetic",
    }
    config["structures"] = few_structures(hospital)
    config["segment"]["shards"] = 2
    config["report"] |= {"dpi": 72, "formats": ["svg"]}  # a format with searchable text
    config["aging"]["n_min"] = 4
    config["cohort"].pop("table1", None)  # refers to a column of the registry of the demo
    found = Study(hospital, config)
    printed += found.run()
    (hospital / "printed.txt").write_text(printed)
    return found


def table(study: Study, name: str) -> pd.DataFrame:
    return pd.read_parquet(study.results / "tables" / f"{name}.parquet")


def test_dicom_is_processed_to_the_flow(study):
    flow = table(study, "flow").set_index("criterion")

    assert flow["n_before"].iloc[0] == 8
    assert flow["n_removed"].to_dict() == {"age_known": 1, "complete": 1, "contrast_enhanced": 1}
    assert flow["n_after"].iloc[-1] == 5
    assert (study.results / "report" / "index.html").is_file()
    assert table(study, "cohort")["age_years"].sort_values().tolist() == [40, 45, 50, 55, 75]


def test_a_scan_without_hounsfield_units_has_a_reason_in_every_table(study):
    conversions, segments = table(study, "conversions"), table(study, "segments").set_index("scan_id")

    assert conversions["status"].value_counts().to_dict() == {"converted": 4, "not_hu": 1}
    refused = conversions.loc[conversions["status"] == "not_hu", "scan_id"].item()
    assert segments.loc[refused, "status"] == "not_converted"
    assert segments.loc[refused, "detail"].startswith("not_hu: no voxel is below")
    assert table(study, "measures").set_index("scan_id").loc[refused, "volume_ml"].isna().all()
    assert not (study.folder / "cohort" / "images" / f"{refused}.nii.gz").exists()


def test_converted_volumes_equal_the_drawn_volumes(study):
    def voxels_and_place(path):
        image = nib.as_closest_canonical(nib.load(path))
        return image.get_fdata().tobytes(), image.affine.tobytes()

    drawn = {voxels_and_place(path) for path in (study.folder / "drawn").rglob("*.nii.gz")}
    made = [voxels_and_place(path) for path in (study.folder / "cohort" / "images").glob("*.nii.gz")]

    assert len(made) == 4
    assert set(made) == drawn


def test_scans_with_different_voxels_are_not_duplicates(study):
    converted = table(study, "conversions").query("status == 'converted'")["scan_id"]

    assert table(study, "measures")["image_digest"].nunique() == len(converted)
    assert "duplicate_images" not in set(table(study, "verdicts")["reason"])


def test_no_output_contains_planted_identifiers(study):
    printed = (study.folder / "printed.txt").read_text()

    assert planted.leaks(study.folder / "results", printed) == []
    assert planted.leaks(study.folder / "cohort") == []
    assert planted.leaks(study.folder / "ctpop_private") == []
    assert len(planted.leaks(study.folder / "dicom")) > 100


def test_a_new_patient_changes_one_shard(study):
    assert study.planned() == {}
    before = study.files("shards")
    volume = sorted((study.folder / "drawn").rglob("*.nii.gz"))[0]

    write_patient(study.folder / "dicom", volume, 99, PatientAge="066Y")
    index(study.folder)

    planned = study.planned()
    assert (planned["convert"], planned["segment"]) == (1, 1)
    study.run("--until", "gather_conversions")
    assert len(table(study, "conversions")) == 6
    after = study.files("shards/convert")
    assert sum(after[name] != before[name] for name in after if name.endswith(".parquet")) == 1

"""Tests of the demo model: accuracy, size, and agreement with the nnU-Net command."""

import os
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from make_cohort import members
from phantom import LABEL, make_phantom
from support.studies import REPO

MODEL = REPO / "workflow" / "ctpop" / "resources" / "models" / "demo" / "nnUNetTrainer__nnUNetPlans__3d_fullres"
EVALUATED = (1, 2, 4, 5, 6, 7, 9, 10)


@pytest.fixture(scope="module")
def dice(demo):
    """Return the Dice coefficients in eight patients who were not used for training, shape (patients, structures)."""
    found = []
    for member in (member for member in members() if member.number in EVALUATED):
        stored = nib.load(demo.results / "masks" / f"{member.scan_id}.nii.gz")
        predicted = np.asarray(nib.as_closest_canonical(stored).dataobj)
        reference = make_phantom(member.person).labels
        pairs = [(predicted == label, reference == label) for label in LABEL.values()]
        found.append([2 * (a & b).sum() / (a.sum() + b.sum()) for a, b in pairs])
    return np.array(found)


def test_the_mean_dice_of_unseen_patients_is_at_least_092(dice):
    assert dice.mean() >= 0.92


def test_the_dice_of_the_aorta_is_at_least_085(dice):
    assert dice[:, LABEL["aorta"] - 1].mean() >= 0.85


def test_the_model_folder_is_small(dice):
    assert sum(path.stat().st_size for path in MODEL.rglob("*") if path.is_file()) < 3_000_000


def test_labels_equal_those_of_the_nnunetv2_predict_command(demo, tmp_path):
    scans = ["demo-001"]
    (tmp_path / "in").mkdir()
    for scan in scans:
        image = demo.folder / "cohort" / "images" / f"{scan}.nii.gz"
        (tmp_path / "in" / f"{scan}_0000.nii.gz").symlink_to(image)
    results = tmp_path / "results" / "Dataset999_CTPhantom"
    results.mkdir(parents=True)
    (results / MODEL.name).symlink_to(MODEL)
    where = {"nnUNet_raw": str(tmp_path), "nnUNet_preprocessed": str(tmp_path), "nnUNet_results": str(results.parent)}
    command = str(Path(sys.executable).with_name("nnUNetv2_predict"))
    files = ["-i", str(tmp_path / "in"), "-o", str(tmp_path / "out")]
    model = ["-d", "999", "-c", "3d_fullres", "-f", "0"]
    workers = ["-device", "cpu", "-npp", "1", "-nps", "1"]

    subprocess.run([command, *files, *model, *workers], check=True, capture_output=True, env={**os.environ, **where})

    for scan in scans:
        expected = nib.load(tmp_path / "out" / f"{scan}.nii.gz")
        found = nib.load(demo.results / "masks" / f"{scan}.nii.gz")
        np.testing.assert_array_equal(np.asarray(found.dataobj), np.asarray(expected.dataobj))
        np.testing.assert_array_equal(found.affine, expected.affine)
        assert found.get_data_dtype() == expected.get_data_dtype() == np.uint8

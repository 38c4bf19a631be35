"""Synthetic patients with CT scans and label maps: a cohort that requires no model and a few seconds per shard."""

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd

from phantom import LABEL, make_phantom, random_person
from support.studies import FEW_STRUCTURES, QUICK_FIGURES, few_structures

FINER = 2  # number of voxels per original voxel along each axis, so that processing can be interrupted


def write_patients(folder: Path, patients: int) -> Path:
    """Write CT and label maps of synthetic patients with a few structures, and return the path of the registry."""
    rows, kept = [], [LABEL[name] for name in FEW_STRUCTURES]
    few_structures(folder)
    for number in range(1, patients + 1):
        name = f"p{number:02d}"
        phantom = make_phantom(random_person(number))
        affine = phantom.affine.copy()
        affine[:3, :3] /= FINER
        labels = np.where(np.isin(phantom.labels, kept), phantom.labels, 0)
        for kind, voxels in (("ct", np.rint(phantom.hu).astype(np.int16)), ("labels", labels)):
            image = nib.Nifti1Image(voxels.repeat(FINER, 0).repeat(FINER, 1).repeat(FINER, 2), affine)
            image.set_qform(affine, code=1)
            image.set_sform(affine, code=1)
            nib.save(image, folder / f"{name}_{kind}.nii.gz")
        rows.append(
            {
                "scan_id": name,
                "patient_id": name,
                "age_years": 20 + 5 * number,
                "sex": ("female", "male")[number % 2],
                "ct_path": folder / f"{name}_ct.nii.gz",
                "segmentation_path": folder / f"{name}_labels.nii.gz",
            }
        )
    pd.DataFrame(rows).to_csv(folder / "registry.csv", index=False)
    return folder / "registry.csv"


def study_of(registry: Path, shards: int) -> dict[str, Any]:
    """Return the configuration of a study of these patients."""
    study = {"name": "synthetic", "start_from": "segmentations", "registry": str(registry), "banner": "synthetic"}
    return {
        "study": study,
        "structures": str(registry.with_name("few_structures.csv")),
        "cohort": {"criteria": ["age_known"]},
        "segment": {"shards": shards},
        "aging": {"n_min": 5},
        "report": QUICK_FIGURES,
    }

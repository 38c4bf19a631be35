"""Real images, masks and a registry, shipped in `tests/data/` with their licenses (`tests/data/README.md`)."""

import csv
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from isal import igzip

DATA = Path(__file__).parents[1] / "data"
ABDOMEN = DATA / "ct_abdomen"
DICOM = DATA / "dicom_ct3slice"
PHANTOM = DATA / "ibsi_digital_phantom"
TOTALSEGMENTATOR = DATA / "totalsegmentator_dataset"
EXAMINATIONS = TOTALSEGMENTATOR / "totalsegmentator_dataset_1228.tsv"
S0327 = TOTALSEGMENTATOR / "s0327"


def masks_of_s0327() -> Iterator[tuple[str, bytes]]:
    """Return the structure and the uncompressed NIfTI file of each of the 117 masks as in the dataset."""
    images = {name: nib.load(S0327 / name) for name in ("labels.nii.gz", "overlaps.nii.gz")}
    first, second = (np.asarray(image.dataobj) for image in images.values())
    for mask in pd.read_csv(S0327 / "masks.csv").itertuples():
        inside = (first == mask.label) | (second == mask.label)
        image = nib.Nifti1Image(inside.astype(np.uint8), None, images[mask.header_of].header)
        yield mask.structure, image.to_bytes()


def write_masks(folder: Path) -> Path:
    """Write the 117 masks of subject s0327, one file per structure, and return their folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for structure, content in masks_of_s0327():
        (folder / f"{structure}.nii.gz").write_bytes(igzip.compress(content, 1, mtime=0))
    return folder


def write_meta(folder: Path) -> Path:
    """Write the shipped table as `meta.csv` of the downloaded dataset: semicolons, a byte order mark, no comments."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = list(csv.reader(EXAMINATIONS.read_text(encoding="utf-8").splitlines(), delimiter="\t"))
    comments = rows[0].index("Comments")
    with (folder / "meta.csv").open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, delimiter=";").writerows(row[:comments] + row[comments + 1 :] for row in rows)
    return folder / "meta.csv"

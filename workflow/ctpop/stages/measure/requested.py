"""Structures of label maps without structure names that were possibly not requested from the model.

A label map with structure names lists all structures that the model segments. Without names, an unused label can
represent an absent structure or a structure that was not requested, for example after segmentation of a subset of
structures. The status is `not_requested` if the label occurs in no label map without names of the study, or if the
label map is incomplete: every CT of the trunk shows vertebrae and the deep back muscles of both sides.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from ctpop.contracts import parquet_rows

NOT_REQUESTED = "not_requested"
PRODUCER, LABEL_SET = "producer", "label_set"  # source of the structure names
KEPT = ("scan_id", "structure", "status", "label_names", "hu_scale")
# ASSUME: unless the image is cropped, every CT of these organs includes the spine and the adjacent muscles
OF_TRUNK = (
    *("spleen", "kidney_right", "kidney_left", "liver", "stomach", "pancreas", "aorta", "inferior_vena_cava"),
    *("gallbladder", "duodenum", "small_bowel", "colon", "heart", "esophagus", "adrenal_gland_right"),
    *("adrenal_gland_left", "lung_upper_lobe_left", "lung_lower_lobe_left", "lung_upper_lobe_right"),
    *("lung_middle_lobe_right", "lung_lower_lobe_right", "portal_vein_and_splenic_vein"),
)
EVERYWHERE = (r"autochthon_left", r"autochthon_right", r"vertebrae_\w+")  # at least one of each in CT of the trunk


def without_unrequested(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a label map without names; if it is incomplete, absent structures are `not_requested`."""
    present = rows["n_voxels"].gt(0).fillna(False).astype(bool)
    if not (present & rows["structure"].isin(OF_TRUNK)).any():
        return rows
    families = [rows["structure"].str.fullmatch(name) for name in EVERYWHERE]
    if all((family & present).any() for family in families if family.any()):
        return rows
    return blanked(rows, ~present)


def never_labeled(shards: list[Path]) -> set[str]:
    """Return the structures that occur in no label map without names, if the study contains such label maps."""
    absent, present = set[str](), set[str]()
    for shard in shards:
        rows = parquet_rows.read(shard, ["structure", "n_voxels"], [("label_names", "==", LABEL_SET)])
        rows = rows[rows["n_voxels"].notna()]
        occurs = rows["n_voxels"].gt(0).astype(bool)
        present |= set(rows.loc[occurs, "structure"])
        absent |= set(rows.loc[~occurs, "structure"])
    return absent - present


def without_never_labeled(rows: pd.DataFrame, structures: set[str]) -> pd.DataFrame:
    """Return measures with the status `not_requested` for these structures in label maps without names."""
    if not structures:
        return rows
    of_them = rows["structure"].isin(structures) & rows["label_names"].eq(LABEL_SET).fillna(False).astype(bool)
    return blanked(rows, of_them & rows["n_voxels"].eq(0).fillna(False).astype(bool))


def blanked(rows: pd.DataFrame, chosen: "pd.Series[bool]") -> pd.DataFrame:
    """Return rows in which the chosen rows have the status `not_requested` and no values."""
    if not chosen.any():
        return rows
    values = [name for name in rows.columns if name not in KEPT]
    found = rows.assign(**{name: rows[name].mask(chosen) for name in values})
    return found.assign(status=np.where(chosen, NOT_REQUESTED, rows["status"]))

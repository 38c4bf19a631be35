"""Structures that a label map without names may not have been asked for, so that their absence is not established.

A label map that names its labels lists what its producer could find. Without names, a label that does not occur may
stand for an absent structure or for one that was never looked for, as after a run for a part of the structures. It is
taken as not requested if the label occurs in no label map without names of the study, or if the label map cannot be
complete: every CT of the trunk shows vertebrae and the deep back muscles of both sides.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from ctpop.contracts import parquet_rows

NOT_REQUESTED = "not_requested"
PRODUCER, LABEL_SET = "producer", "label_set"  # where the names of labels come from
KEPT = ("scan_id", "structure", "status", "label_names", "hu_scale")
# ASSUME: none of them is imaged without the spine and the muscles beside it, unless the image was cropped
OF_TRUNK = (
    *("spleen", "kidney_right", "kidney_left", "liver", "stomach", "pancreas", "aorta", "inferior_vena_cava"),
    *("gallbladder", "duodenum", "small_bowel", "colon", "heart", "esophagus", "adrenal_gland_right"),
    *("adrenal_gland_left", "lung_upper_lobe_left", "lung_lower_lobe_left", "lung_upper_lobe_right"),
    *("lung_middle_lobe_right", "lung_lower_lobe_right", "portal_vein_and_splenic_vein"),
)
EVERYWHERE = (r"autochthon_left", r"autochthon_right", r"vertebrae_\w+")  # one of each in every CT of the trunk


def without_unrequested(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a label map without names; if it cannot be complete, absent structures are `not_requested`."""
    present = rows["n_voxels"].gt(0).fillna(False).astype(bool)
    if not (present & rows["structure"].isin(OF_TRUNK)).any():
        return rows
    families = [rows["structure"].str.fullmatch(name) for name in EVERYWHERE]
    if all((family & present).any() for family in families if family.any()):
        return rows
    return blanked(rows, ~present)


def never_labelled(shards: list[Path]) -> set[str]:
    """Return the structures that occur in none of the label maps without names of a study, if there are such maps."""
    absent, present = set[str](), set[str]()
    for shard in shards:
        rows = parquet_rows.read(shard, ["structure", "n_voxels"], [("label_names", "==", LABEL_SET)])
        rows = rows[rows["n_voxels"].notna()]
        occurs = rows["n_voxels"].gt(0).astype(bool)
        present |= set(rows.loc[occurs, "structure"])
        absent |= set(rows.loc[~occurs, "structure"])
    return absent - present


def without_never_labelled(rows: pd.DataFrame, structures: set[str]) -> pd.DataFrame:
    """Return measures in which these structures are `not_requested` in label maps without names."""
    if not structures:
        return rows
    of_them = rows["structure"].isin(structures) & rows["label_names"].eq(LABEL_SET).fillna(False).astype(bool)
    return blanked(rows, of_them & rows["n_voxels"].eq(0).fillna(False).astype(bool))


def blanked(rows: pd.DataFrame, chosen: "pd.Series[bool]") -> pd.DataFrame:
    """Return rows of which those chosen have the status `not_requested` and no values."""
    if not chosen.any():
        return rows
    values = [name for name in rows.columns if name not in KEPT]
    found = rows.assign(**{name: rows[name].mask(chosen) for name in values})
    return found.assign(status=np.where(chosen, NOT_REQUESTED, rows["status"]))

"""Measures made elsewhere, taken over in place of images: the third door of a study."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from ctpop.contracts.all_tables import MEASURES_TABLE
from ctpop.foundation.errors import ContractError
from ctpop.stages.measure import totalsegmentator_statistics
from ctpop.study import measures_table
from ctpop.study.registry_options import AS_OURS, Reading

LOG = logging.getLogger(__name__)


def read_external_measures(
    path: Path, scan_ids: list[str], names: list[str], reading: Reading = AS_OURS
) -> pd.DataFrame:
    """Return the rows of `measures` of a table, or of a folder with TotalSegmentator's statistics of each scan.

    Raises
    ------
    ContractError
        If a folder has settings for columns, or the table cannot be read (`measures_table.read`) or has no row of the
        study (`external_rows`).

    """
    if path.is_dir():
        if reading.columns:
            raise ContractError(f"measure.columns: is set, but {path} is a folder of statistics, which have no columns")
        return totalsegmentator_statistics.read_folder(path, scan_ids, names)
    notes: list[str] = []
    table = measures_table.read(path, reading, names, notes)
    for note in notes:
        LOG.info("%s: %s", path, note)
    return external_rows(measures_table.as_long(table, names, path), scan_ids, names, path)


def external_rows(table: pd.DataFrame, scan_ids: list[str], names: list[str], place: Path) -> pd.DataFrame:
    """Return a user's table of measures as `measures`: every scan of the cohort with every structure.

    A scan and structure without a row, or with neither volume nor attenuation, is `not_in_table`. Rows of scans
    outside the cohort and of structures outside the label set are set aside.

    Raises
    ------
    ContractError
        If a needed column is missing, or no row belongs to the cohort and the label set.

    """
    needed = [name for name in ("scan_id", "structure") if name not in table.columns]
    if needed or not {"volume_ml", "hu_mean"} & set(table.columns):
        raise ContractError(
            f"{place}: columns scan_id, structure and volume_ml or hu_mean are needed, found {', '.join(table.columns)}"
        )
    known = table[[name for name in MEASURES_TABLE.columns if name in table.columns and name != "status"]]
    known = known.astype({"scan_id": str, "structure": str})
    ours = known[known["scan_id"].isin(scan_ids) & known["structure"].isin(names)]
    if ours.empty:
        raise ContractError(f"{place}: no row has a scan_id of the cohort and a structure of the label set")
    LOG.info("%d rows taken over, %d of other scans or structures set aside", len(ours), len(known) - len(ours))
    values = [name for name in ("n_voxels", "volume_ml", "hu_mean") if name in ours.columns]
    present = ours[values].notna().any(axis=1)
    typed = ours.assign(status=np.where(present, "measured", "not_in_table")).reindex(
        columns=list(MEASURES_TABLE.columns)
    )
    checked = MEASURES_TABLE.check(typed, where=place)
    every = pd.MultiIndex.from_product([scan_ids, names], names=["scan_id", "structure"])
    whole = checked.set_index(["scan_id", "structure"]).reindex(every).reset_index()
    return whole.assign(status=whole["status"].fillna("not_in_table"))

"""Failed scans of a study with status and detail, from the tables that exist so far."""

from collections import Counter
from pathlib import Path

import pandas as pd

from ctpop.contracts import parquet_rows
from ctpop.contracts.all_tables import SEGMENTS, USABLE_STATUS
from ctpop.figures.formatting import count
from ctpop.stages.operate.configured_study import ConfiguredStudy
from ctpop.study import label_sets
from ctpop.study.unmeasured_scans import unmeasured_scans

COLUMNS = ["scan_id", "status", "detail"]
SHOWN = 10


def lines_of(study: ConfiguredStudy) -> list[str]:
    """Return lines with the number of unmeasured scans by status and the first failed scans with their detail."""
    segmented, measured = not_segmented(study), not_measured(study)
    counts = Counter(measured["status"])
    reasons = ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))
    failed = pd.concat([measured, segmented]).drop_duplicates("scan_id").sort_values("scan_id")
    shown = failed.head(SHOWN).fillna("").to_numpy().tolist()
    return [
        *([f"not measured: {count(counts.total(), 'scan')} ({reasons})"] if counts else []),
        *["  " + ": ".join(filter(None, cells)) for cells in shown],
        *([f"  and {len(failed) - SHOWN} more; the table measures lists all"] if len(failed) > SHOWN else []),
    ]


def not_segmented(study: ConfiguredStudy) -> pd.DataFrame:
    """Return the scans of the cohort without a label map in finished shards."""
    tables = sorted((study.results / "shards" / "segments").glob("[!.]*.parquet"))
    rows = _in_cohort(study, [SEGMENTS.read(path, "status", "detail") for path in tables])
    return rows[~rows["status"].isin(USABLE_STATUS)]


def not_measured(study: ConfiguredStudy) -> pd.DataFrame:
    """Return the scans of the cohort without any measurement, from the complete table or from finished shards.

    Only rows without a measurement are read, because a study of 100,000 scans has 12 million rows. A scan without any
    measurement has one such row per structure.
    """
    whole = study.results / "tables" / "measures.parquet"
    shards = sorted((study.results / "shards" / "measures").glob("[!.]*.parquet"))
    rows = _in_cohort(study, [_without_measurement(path) for path in ([whole] if whole.is_file() else shards)])
    n_rows = rows.groupby("scan_id")["scan_id"].transform("size")
    return unmeasured_scans(rows[n_rows.eq(len(label_sets.read(study.config["structures"]).names))])


def _without_measurement(path: Path) -> pd.DataFrame:
    return parquet_rows.read(path, COLUMNS, [("status", "!=", "measured")])


def _in_cohort(study: ConfiguredStudy, tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of scans of the cohort; without rows, the registry is not read because it may not exist yet."""
    rows = pd.concat([pd.DataFrame(columns=COLUMNS, dtype="str"), *tables], ignore_index=True)
    return rows if rows.empty else rows[rows["scan_id"].isin(study.cohort["scan_id"])]

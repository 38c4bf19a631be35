"""Who is in the study, and why the others are not.

In: the registry, a CSV with one row per scan. Out: the cohort, every failed criterion of every excluded scan, and the
flow. Scans in the registry = scans in the cohort + excluded scans, always.
"""

import argparse
import logging
from pathlib import Path

import pandas as pd

from ctpop import settings
from ctpop.errors import ContractError
from ctpop.registry import CRITERIA, included, read_registry
from ctpop.schema import COHORT, EXCLUSIONS, FLOW

LOG = logging.getLogger(__name__)

PROBED_FILES = 20
PATH_COLUMN = {"images": "ct_path", "segmentations": "segmentation_path"}


def failed_criteria(registry: pd.DataFrame, criteria: list[str]) -> pd.DataFrame:
    """Return one row per scan and criterion that it fails; what is not recorded counts as not met."""
    failed = []
    for order, name in enumerate(criteria, start=1):
        criterion = CRITERIA[name]
        out = registry.loc[~criterion.holds(registry[criterion.column]), ["scan_id", criterion.column]]
        found = out[criterion.column].astype("string").str.lower()
        failed.append(
            pd.DataFrame(
                {
                    "scan_id": out["scan_id"],
                    "criterion": name,
                    "order": order,
                    "found": found,
                    "limit": criterion.limit,
                }
            )
        )
    return EXCLUSIONS.check(pd.concat(failed, ignore_index=True) if failed else EXCLUSIONS.empty())


def count_flow(n_scans: int, exclusions: pd.DataFrame, criteria: list[str]) -> pd.DataFrame:
    """Return the flow: each excluded scan is counted once, at the first criterion that it fails."""
    first = exclusions.groupby("scan_id")["order"].min()
    removed = [int((first == order).sum()) for order in range(1, len(criteria) + 1)]
    left = n_scans - pd.Series(removed, dtype="int64").cumsum()
    return FLOW.check(
        pd.DataFrame(
            {
                "order": range(1, len(criteria) + 1),
                "criterion": criteria,
                "n_before": [n_scans, *left[:-1]] if criteria else [],
                "n_removed": removed,
                "n_after": left,
            }
        )
    )


def check_columns(registry_path: Path, door: str, criteria: list[str]) -> None:
    """Refuse a registry that lacks the columns which the criteria and the entrance of the study need."""
    present = pd.read_csv(registry_path, dtype=str, nrows=0, encoding="utf-8-sig").columns.str.strip()
    needed = {CRITERIA[name].column: f"criterion {name}" for name in criteria}
    if door in PATH_COLUMN:
        needed[PATH_COLUMN[door]] = f"start_from {door}"
    for column, purpose in needed.items():
        if column not in present:
            raise ContractError(
                f"{registry_path}: {purpose} needs column {column}, found {', '.join(present)};"
                " add the column or change the configuration"
            )


def check_some_file_exists(cohort: pd.DataFrame, folder: Path, door: str) -> None:
    """Refuse a cohort none of whose first files exists: then the paths are wrong, not the scans."""
    column = PATH_COLUMN.get(door, "")
    probed = cohort[column].dropna().head(PROBED_FILES) if column else pd.Series(dtype=str)
    if len(probed) and not any((folder / path).exists() for path in probed):
        raise ContractError(
            f"{column}: none of the first {len(probed)} files exists, beginning with {folder / probed.iloc[0]};"
            " paths are absolute or relative to the registry's folder"
        )


def run(options: argparse.Namespace) -> None:
    """Read the registry, decide, and write cohort, exclusions and flow."""
    criteria = settings.section("cohort", options.settings)["criteria"]
    registry = read_registry(options.registry)
    check_columns(options.registry, options.start_from, criteria)
    LOG.info("%d scans in %s, criteria %s", len(registry), options.registry.name, ", ".join(criteria) or "none")
    exclusions = failed_criteria(registry, criteria)
    cohort = included(registry, criteria)
    flow = count_flow(len(registry), exclusions, criteria)
    check_some_file_exists(cohort, options.registry.parent, options.start_from)
    COHORT.write(cohort, options.cohort)
    EXCLUSIONS.write(exclusions, options.exclusions)
    FLOW.write(flow, options.flow)
    excluded = exclusions["scan_id"].nunique()
    LOG.info("%d scans in = %d in the cohort + %d excluded", len(registry), len(cohort), excluded)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this stage."""
    parser.add_argument("--registry", type=Path, required=True, help="CSV with one row per scan (docs/data.md)")
    parser.add_argument(
        "--start-from",
        choices=["images", "segmentations", "measures"],
        default="images",
        help="entrance of the study, which decides the path column that is needed (default %(default)s)",
    )
    parser.add_argument("--settings", default="{}", help="section cohort of the configuration, as JSON")
    parser.add_argument("--cohort", type=Path, required=True, help="Parquet to write: included scans")
    parser.add_argument("--exclusions", type=Path, required=True, help="Parquet to write: failed criteria")
    parser.add_argument("--flow", type=Path, required=True, help="Parquet to write: counts per criterion")

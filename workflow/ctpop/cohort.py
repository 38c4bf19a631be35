"""Who is in the study, and why the others are not.

In: the registry, a CSV with one row per scan. Out: the cohort, every failed criterion of every excluded scan, and the
flow. Scans in the registry = scans in the cohort + excluded scans, always.
"""

import argparse
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ctpop import settings
from ctpop.errors import ContractError, in_one_line
from ctpop.schema import COHORT, EXCLUSIONS, FLOW, REGISTRY, REGISTRY_COLUMNS, SCAN_ID_PATTERN

LOG = logging.getLogger(__name__)

TRUE_WORDS = ("true", "yes", "1")
FALSE_WORDS = ("false", "no", "0")
LONGEST_ID = 100  # file systems allow 255 bytes, and temporary names need some of them
PROBED_FILES = 20
PATH_COLUMN = {"images": "ct_path", "segmentations": "segmentation_path"}


@dataclass(frozen=True)
class Criterion:
    """A condition that a scan must be known to meet: the column it reads, what it asks for, and the test."""

    column: str
    limit: str
    holds: Callable[[pd.Series], pd.Series]


CRITERIA = {
    "age_known": Criterion("age_years", "known", lambda values: values.notna()),
    "complete": Criterion("complete", "true", lambda values: values.fillna(False).astype(bool)),
    "contrast_enhanced": Criterion("contrast", "true", lambda values: values.fillna(False).astype(bool)),
}


def read_registry(path: Path) -> pd.DataFrame:
    """Return the registry with typed columns.

    Raises
    ------
    ContractError
        Naming file, column, rule and first rows, for ids that repeat (in upper or lower case) or do not fit a file
        name, unreadable numbers or truth values, and ages outside 0 to 120.

    """
    if not path.is_file():
        raise ContractError(
            f"{path}: the registry does not exist; set study.registry (the demo's is made by make demo)"
        )
    text = read_cells(path)
    for name in ("scan_id", "age_years"):
        if name not in text.columns:
            raise ContractError(f"{path}: column {name} is missing; found {', '.join(text.columns)}")
    if text.empty:
        raise ContractError(f"{path}: at least one scan is expected, found a header without rows")
    check_ids(text["scan_id"], path)
    return REGISTRY.check(typed(text, path), where=path)


def read_cells(path: Path) -> pd.DataFrame:
    """Return the cells of a CSV as text without blanks around them; empty cells are missing, empty rows left out.

    The header is read as a row like any other: else pandas would take a row with one cell too many for a row with
    an index, and move each of its cells to the neighbouring column. The index is the line in the file minus 2.

    Raises
    ------
    ContractError
        If the file is not CSV in UTF-8, a row has more cells than the header, or a column no name or one of another.

    """
    try:
        raw = pd.read_csv(
            path,
            header=None,
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=False,
            skipinitialspace=True,
            encoding="utf-8-sig",
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ContractError(
            f"{path}: a CSV in UTF-8 is expected, no row with more cells than the header; found: {in_one_line(error)}"
        ) from None
    cells: pd.DataFrame = raw.apply(lambda column: column.str.strip()).replace("", pd.NA)
    cells = cells.set_index(cells.index - 1).dropna(how="all", axis="index").dropna(how="all", axis="columns")
    if cells.empty:
        raise ContractError(f"{path}: a header is expected, found no cell that is filled in")
    header = cells.iloc[0]
    if header.isna().any() or header.duplicated().any():
        found = ", ".join(header.fillna("(none)"))
        raise ContractError(f"{path}: each column has one name of its own, found {found}")
    return cells.set_axis(list(header), axis="columns").iloc[1:]


def check_ids(ids: pd.Series, path: Path) -> None:
    """Refuse ids that cannot name a file, or that would name the same file as another."""
    unfit = ~ids.fillna("").str.fullmatch(SCAN_ID_PATTERN) | (ids.str.len() > LONGEST_ID)
    _refuse(
        unfit,
        f"{path}: scan_id names files: letters, digits, '.', '_' and '-', not beginning with '.' or '-',"
        f" at most {LONGEST_ID} characters",
        ids,
    )
    _refuse(
        ids.str.lower().duplicated(keep=False),
        f"{path}: scan_id must be unique, also when upper and lower case are the same",
        ids,
    )


def typed(text: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return the registry's text as numbers, truth values and words; columns it lacks are missing throughout."""
    frame = text.copy()
    for name, column in REGISTRY_COLUMNS.items():
        if name not in frame.columns:
            frame[name] = pd.Series(pd.NA, index=frame.index, dtype=str(column.dtype))
    numbers = pd.to_numeric(frame["age_years"], errors="coerce")
    _refuse(
        numbers.isna() & frame["age_years"].notna(),
        f"{path}: age_years must be a number, or empty where it is not known",
        text["scan_id"],
        frame["age_years"],
    )
    frame["age_years"] = numbers.astype("float64")
    frame["sex"] = frame["sex"].str.lower()
    for name in ("complete", "contrast"):
        frame[name] = as_truth(frame[name], text["scan_id"], f"{path}: {name}")
    return frame


def as_truth(words: pd.Series, ids: pd.Series, place: str) -> pd.Series:
    """Return words as true, false or missing; any other word is an error."""
    lower = words.astype("string").str.lower()
    yes, no = lower.isin(TRUE_WORDS), lower.isin(FALSE_WORDS)
    unreadable = lower.notna() & ~yes & ~no
    _refuse(unreadable, f"{place} must be one of {', '.join(TRUE_WORDS + FALSE_WORDS)} or empty", ids, words)
    return yes.astype("boolean").mask(lower.isna())


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
    cohort = registry[~registry["scan_id"].isin(exclusions["scan_id"])]
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


def _refuse(rows: pd.Series, rule: str, ids: pd.Series, found: pd.Series | None = None) -> None:
    if not rows.any():
        return
    first = rows[rows].index[:3]
    shown = [repr(ids[row]) + (f" ({found[row]!r})" if found is not None else "") for row in first]
    lines = ", ".join(str(row + 2) for row in first)
    raise ContractError(f"{rule}; found {int(rows.sum())} rows that are not, first {', '.join(shown)} in line {lines}")

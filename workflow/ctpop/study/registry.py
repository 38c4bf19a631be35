"""The registry of a study, read and checked, and which of its scans are included.

The cohort stage writes down what is decided here. The stages over images decide the same anew for their shard: were
they to wait for the table `cohort`, every change of the registry would rerun all of them.
"""

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ctpop.contracts.all_tables import REGISTRY, REGISTRY_COLUMNS, SCAN_ID_PATTERN
from ctpop.foundation.errors import ContractError, in_one_line
from ctpop.study import configuration, criteria, header_fallback, inclusion, registry_files
from ctpop.study.criteria import Criterion
from ctpop.study.inclusion import FALSE_WORDS, TRUE_WORDS, as_truths
from ctpop.study.registry_mapping import mapped
from ctpop.study.registry_options import AS_OURS, Reading, reading_of

LONGEST_ID = 100  # file systems allow 255 bytes, and temporary names need some of them
DEVICES = r"(?i)(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?"  # SOURCE: names that Windows reserves, with any ending
TRUTHS = ("complete", "contrast", "complete_header", "contrast_header")


def included(registry: pd.DataFrame, asked: Sequence[Criterion]) -> pd.DataFrame:
    """Return the scans that are known to meet every criterion."""
    return registry[~inclusion.failed(registry, asked).any(axis="columns").astype(bool)]


def read_registry(path: Path, reading: Reading = AS_OURS) -> pd.DataFrame:
    """Return the registry with typed columns.

    Raises
    ------
    ContractError
        Naming file, column, rule and first rows, for ids that repeat (in upper or lower case) or do not fit a file
        name, unreadable numbers or truth values, and ages outside 0 to 120.

    """
    return checked(read_words(path, reading), path, reading)


def read_words(path: Path, reading: Reading) -> pd.DataFrame:
    """Return the registry as text, with our columns and words, and no more columns than the file gives."""
    if not path.is_file():
        raise ContractError(
            f"{path}: the registry does not exist; set study.registry (the demo's is made by make demo)"
        )
    text = mapped(read_cells(path, reading), reading, path)
    for name in ("scan_id", "age_years"):
        if name not in text.columns:
            raise ContractError(f"{path}: column {name} is missing; found {', '.join(text.columns)}")
    if text.empty:
        raise ContractError(f"{path}: at least one scan is expected, found a header without rows")
    return text


def checked(text: pd.DataFrame, path: Path, reading: Reading) -> pd.DataFrame:
    """Return the registry's text as a table that keeps its promise; `complete` and `contrast` are what counts."""
    check_ids(text["scan_id"], path)
    return REGISTRY.check(header_fallback.decided(typed(text, path), reading), where=path)


def read_cells(path: Path, reading: Reading = AS_OURS) -> pd.DataFrame:
    """Return the cells of a table as text without blanks around them; empty cells are missing, empty rows left out.

    The header is read as a row like any other: else pandas would take a row with one cell too many for a row with
    an index, and move each of its cells to the neighbouring column. The index is the line in the file minus 2.

    Raises
    ------
    ContractError
        If the file is neither text in UTF-8 nor a spreadsheet, a row has more cells than the header, or a column no
        name or one of another.

    """
    raw = (
        pd.DataFrame(registry_files.sheet_rows(path, reading), dtype=str)
        if registry_files.is_spreadsheet(path)
        else _raw(path, reading)
    )
    cells: pd.DataFrame = raw.apply(lambda column: column.str.strip()).replace("", pd.NA)
    cells = cells.set_index(cells.index - 1).dropna(how="all", axis="index").dropna(how="all", axis="columns")
    if cells.empty:
        raise ContractError(f"{path}: a header is expected, found no cell that is filled in")
    header = cells.iloc[0]
    if header.isna().any() or header.duplicated().any():
        found = ", ".join(header.fillna("(none)"))
        raise ContractError(f"{path}: each column has one name of its own, found {found}")
    return cells.set_axis(list(header), axis="columns").iloc[1:]


def _raw(path: Path, reading: Reading) -> pd.DataFrame:
    separator = registry_files.separator_of(path, reading)
    try:
        return pd.read_csv(
            path,
            sep=separator,
            header=None,
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=False,
            skipinitialspace=separator != "\t",
            encoding="utf-8-sig",
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, csv.Error) as error:
        kind = "TSV" if separator == "\t" else "CSV"
        raise ContractError(
            f"{path}: a {kind} in UTF-8 is expected, no row with more cells than the header;"
            f" found: {in_one_line(error)}"
        ) from None


def check_ids(ids: pd.Series, path: Path) -> None:
    """Refuse ids that cannot name a file, or that would name the same file as another."""
    unfit = ~ids.fillna("").str.fullmatch(SCAN_ID_PATTERN) | (ids.str.len() > LONGEST_ID)
    _refuse(
        unfit,
        f"{path}: scan_id names files: letters, digits, '.', '_' and '-', not beginning with '.' or '-',"
        f" at most {LONGEST_ID} characters",
        ids,
    )
    _refuse(ids.str.fullmatch(DEVICES), f"{path}: scan_id names files, and no device of Windows, as NUL or COM1", ids)
    _refuse(ids.str.endswith("."), f"{path}: scan_id names files, and does not end with '.'", ids)
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
            frame[name] = pd.Series(pd.NA, index=frame.index, dtype=column.dtype)
    numbers = pd.to_numeric(frame["age_years"], errors="coerce")
    _refuse(
        numbers.isna() & frame["age_years"].notna(),
        f"{path}: age_years must be a number, or empty where it is not known",
        text["scan_id"],
        frame["age_years"],
    )
    frame["age_years"] = numbers.astype("float64")
    frame["sex"] = frame["sex"].str.lower()
    for name in TRUTHS:
        frame[name] = as_truth(frame[name], text["scan_id"], f"{path}: {name}")
    return frame


def as_truth(words: pd.Series, ids: pd.Series, place: str) -> pd.Series:
    """Return words as true, false or missing; any other word is an error."""
    truths = as_truths(words)
    unreadable = words.notna() & truths.isna()
    _refuse(unreadable, f"{place} must be one of {', '.join(TRUE_WORDS + FALSE_WORDS)} or empty", ids, words)
    return truths


def add_registry_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which scans a stage over images is about."""
    parser.add_argument("--registry", type=Path, required=True, help="CSV with one row per scan (docs/data.md)")


def included_scans(registry: Path, config: Path | None) -> pd.DataFrame:
    """Return the scans of a registry that meet the criteria of a configuration file; without a file, all scans."""
    cohort = configuration.section("cohort", config)
    asked = criteria.read(cohort["criteria"]) if config else []
    return included(read_registry(registry, reading_of(cohort)), asked)


def _refuse(rows: pd.Series, rule: str, ids: pd.Series, found: pd.Series | None = None) -> None:
    if not rows.any():
        return
    first = rows[rows].index[:3]
    shown = [repr(ids[row]) + (f" ({found[row]!r})" if found is not None else "") for row in first]
    lines = ", ".join(str(row + 2) for row in first)
    raise ContractError(f"{rule}; found {int(rows.sum())} rows that are not, first {', '.join(shown)} in line {lines}")

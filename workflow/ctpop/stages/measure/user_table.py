"""Somebody's table of measures under our names: long or wide, with or without the people in it.

A long table has a row per scan and structure (`structure`, `volume_ml`, `hu_mean`, …), a wide one a row per scan and a
column per structure and measure (`liver_volume_ml`, `liver_hu_mean`). A column map (`measure.columns`) gives our names
by those of the table; a `*` on both sides stands for the name of a structure: `vol_*: "*_volume_ml"`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from ctpop.contracts.all_tables import MEASURES_TABLE
from ctpop.foundation.errors import ContractError, in_one_line

KEY = ("scan_id", "structure")
VOLUME_MM3 = "volume_mm3"  # as TotalSegmentator's statistics have it
MM3_PER_ML = 1000
MEASURED = (*(name for name in MEASURES_TABLE.columns if name not in (*KEY, "status")), VOLUME_MM3)
TABBED = (".tsv", ".tab")
STAR = "*"
SHOWN = 8

Columns = Mapping[str, str]


def read(path: Path, columns: Columns, names: list[str], *, as_text: bool = False) -> pd.DataFrame:
    """Return a table from CSV, TSV or Parquet under our names; `as_text` keeps every cell as it is written.

    A wide table without `scan_id` has a person in each row, who is called after it: row00001 and so on.

    Raises
    ------
    ContractError
        If the file does not exist or is no table, or the column map does not fit it.

    """
    cells = _cells(path, columns, as_text=as_text)
    table = renamed(cells.set_axis([str(name).strip() for name in cells.columns], axis="columns"), columns, names, path)
    table = table.assign(**{name: table[name].astype("str").str.strip() for name in KEY if name in table.columns})
    if "scan_id" in table.columns or "structure" in table.columns:
        return table
    return table.assign(scan_id=[f"row{number:05d}" for number in range(1, len(table) + 1)])


def renamed(table: pd.DataFrame, columns: Columns, names: list[str], place: Path) -> pd.DataFrame:
    """Return a table with our names for its columns; those that are not mapped keep theirs.

    Raises
    ------
    ContractError
        If a mapped column does not exist, a pattern fits none, or two columns would have one name.

    """
    found = {column: name for column in table.columns if (name := our_name(str(column), columns, names)) != column}
    exact = {theirs for theirs in columns if STAR not in theirs}
    used = exact.intersection(table.columns) | {_pattern_of(str(column), columns, names) for column in found}
    unused = [theirs for theirs in columns if theirs not in used]
    if unused:
        raise ContractError(
            f"{place}: measure.columns names {', '.join(unused)}, which fits no column; {_columns_text(table)}"
        )
    ours = [found.get(column, str(column)) for column in table.columns]
    twice = sorted({name for name in ours if ours.count(name) > 1})
    if twice:
        raise ContractError(
            f"{place}: each column has one name of its own, found {', '.join(twice[:3])} twice; change measure.columns"
        )
    return table.set_axis(ours, axis="columns")


def our_name(column: str, columns: Columns, names: list[str]) -> str:
    """Return what a column is called by us: as the map says, by name first and then by pattern."""
    if column in columns:
        return columns[column]
    pattern = _pattern_of(column, columns, names)
    return columns[pattern].replace(STAR, _middle(column, pattern)) if pattern else column


def as_long(table: pd.DataFrame, names: list[str], place: Path) -> pd.DataFrame:
    """Return a table with a row per scan and structure, and volumes in ml.

    Raises
    ------
    ContractError
        If it is neither long nor wide, or has a volume twice, in ml and in mm³.

    """
    if "structure" in table.columns:
        return in_ml(table, place)
    measured = measured_columns(table.columns, names)
    if not measured:
        raise ContractError(
            f"{place}: a column structure (long table), or columns STRUCTURE_volume_ml or STRUCTURE_hu_mean (wide"
            f" table) are needed; {_columns_text(table)}; measure.columns can say which column is which"
        )
    by_structure: dict[str, dict[str, str]] = {}
    for column, (structure, measure) in measured.items():
        by_structure.setdefault(structure, {})[column] = measure
    parts = [
        in_ml(table[["scan_id", *ours]].rename(columns=ours).assign(structure=structure), place)
        for structure, ours in by_structure.items()
    ]
    return pd.concat(parts, ignore_index=True)


def measured_columns(columns: Iterable[str], names: list[str]) -> dict[str, tuple[str, str]]:
    """Return structure and measure of each column of a wide table that holds one, such as `liver_hu_mean`."""
    known = set(names)
    return {
        column: (column.removesuffix(f"_{measure}"), measure)
        for column in columns
        for measure in MEASURED
        if column.endswith(f"_{measure}") and column.removesuffix(f"_{measure}") in known
    }


def in_ml(table: pd.DataFrame, place: Path) -> pd.DataFrame:
    """Return a long table whose volumes are in ml, wherever they were in mm³."""
    if VOLUME_MM3 not in table.columns:
        return table
    if "volume_ml" in table.columns:
        raise ContractError(f"{place}: volumes are given twice, as volume_ml and {VOLUME_MM3}; leave one of them out")
    mm3 = pd.to_numeric(table[VOLUME_MM3], errors="coerce")
    return table.assign(volume_ml=(mm3 / MM3_PER_ML).where(mm3.notna(), table[VOLUME_MM3])).drop(columns=VOLUME_MM3)


def patients_in(table: pd.DataFrame, names: list[str], place: Path) -> pd.DataFrame:
    """Return one row per scan with all that a table (as text) says of people: the columns that are no measures.

    Raises
    ------
    ContractError
        If a long table has no ids, or rows of one scan differ in what they say of the person.

    """
    if "scan_id" not in table.columns:
        raise ContractError(f"{place}: a long table needs column scan_id; {_columns_text(table)}; see measure.columns")
    measures = {*MEASURED, "structure", "status"} if "structure" in table.columns else set()
    measures |= set(measured_columns(table.columns, names))
    of_patients = table[[column for column in table.columns if column not in measures]].drop_duplicates()
    repeated = of_patients[of_patients["scan_id"].duplicated(keep=False)]
    if repeated.empty:
        return of_patients
    first = repeated[repeated["scan_id"].eq(repeated["scan_id"].iloc[0])]
    differing = [column for column in first.columns if len(first[column].drop_duplicates()) > 1]
    n = repeated["scan_id"].nunique()
    raise ContractError(
        f"{place}: all rows of a scan must say the same of its person, found {n} scans where they do"
        f" not, first {first['scan_id'].iloc[0]!r} ({', '.join(differing[:3])}); correct the rows, or give a"
        " registry of its own (study.registry)"
    )


def _cells(path: Path, columns: Columns, *, as_text: bool) -> pd.DataFrame:
    if not path.is_file():
        raise ContractError(f"{path}: the table of measures does not exist; set study.measures")
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    ids = {theirs for theirs, ours in columns.items() if ours in KEY} | set(KEY)
    separator = "\t" if path.suffix.lower() in TABBED else ","
    try:
        if as_text:
            return pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig")
        return pd.read_csv(path, sep=separator, dtype=dict.fromkeys(ids, str), encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ContractError(f"{path}: a CSV in UTF-8 is expected, found: {in_one_line(error)}") from None


def _pattern_of(column: str, columns: Columns, names: list[str]) -> str:
    """Return the first pattern of a column map that a column fits, or nothing."""
    fitting = (theirs for theirs in columns if STAR in theirs and _middle(column, theirs) in names)
    return "" if column in columns else next(fitting, "")


def _middle(column: str, pattern: str) -> str:
    """Return what stands in a column for the star of a pattern, or nothing if the rest differs."""
    head, _, tail = pattern.partition(STAR)
    fits = column.startswith(head) and column.endswith(tail) and len(column) > len(head) + len(tail)
    return column[len(head) : len(column) - len(tail)] if fits else ""


def _columns_text(table: pd.DataFrame) -> str:
    shown = ", ".join(map(str, table.columns[:SHOWN]))
    return f"found {shown}" + (f" and {len(table.columns) - SHOWN} more" if len(table.columns) > SHOWN else "")

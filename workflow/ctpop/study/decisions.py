"""Readers for the QC decisions of reviewers (`screen.review`) and for the known absences in the registry."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from ctpop.contracts.all_tables import DECISIONS, REVIEW
from ctpop.foundation.errors import ContractError
from ctpop.study import measure_names
from ctpop.study.registry import read_cells
from ctpop.study.table_cells import line_of
from ctpop.study.user_tables import named_as, report

EVERY = "*"
DAY_BEFORE_MONTH = r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})"  # a date written with periods begins with the day
SEPARATORS = r"[\s,;]+"
SHOWN = 3


def read_review(path: Path, scan_ids: Iterable[str], elsewhere: Iterable[str], names: Iterable[str]) -> pd.DataFrame:
    r"""Read and check the QC decisions, and return the decisions for scans of the cohort.

    Decisions for excluded scans are omitted. Case and spaces in column names, structure names, and decisions are
    ignored.

    Parameters
    ----------
    path : Path
        Table with the columns of `REVIEW`.
    scan_ids : iterable of str
        Scans of the cohort.
    elsewhere : iterable of str
        Excluded scans of the registry.
    names : iterable of str
        Structures of the label set.

    Returns
    -------
    pandas.DataFrame
        Rows with the columns of `REVIEW` and any additional columns of the file.

    Raises
    ------
    ContractError
        If the file does not exist, a decision is not an allowed word, a scan or structure is unknown, or rows
        contradict each other.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "review.csv")
    ...     _ = path.write_text(
    ...         "Scan ID;Structure;Decision;Reason;Reviewer;Date\ns1;Liver;Exclude;metal;AB;31.05.2024\n"
    ...     )
    ...     read_review(path, ["s1"], [], ["liver"])[["structure", "decision", "date"]].values.tolist()
    [['liver', 'exclude', '2024-05-31']]

    """
    if not path.is_file():
        raise ContractError(
            f"{path}: the file of QC decisions does not exist; correct the path, or remove screen: {{review: ...}} from"
            " the study file"
        )
    names, place = list(names), str(path)
    cells = decision_cells(path, names)
    if {*REVIEW.key, "decision"} <= set(cells.columns):
        _refuse_contradictions(cells, place)
        words = f"{place}: decision must be one of {', '.join(DECISIONS)} (delete rows without a final decision)"
        _refuse(cells, cells["decision"].notna() & ~cells["decision"].isin(DECISIONS), words, "decision")
    review = REVIEW.check(cells, where=path, numbered=True)
    scan_ids = list(scan_ids)
    unknown = ~cells["scan_id"].isin({*scan_ids, *elsewhere})
    _refuse(cells, unknown, f"{place}: scan_id must be a scan of the registry")
    fit = cells["structure"].isin([*names, EVERY])
    _refuse(cells, ~fit, f"{place}: structure must be a structure of the label set or {EVERY}")
    senseless = cells["decision"].eq("absent") & cells["structure"].eq(EVERY)
    _refuse(cells, senseless, f"{place}: a row with the decision absent must name a structure, not {EVERY}")
    return review[review["scan_id"].isin(scan_ids)].reset_index(drop=True)


def decision_cells(path: Path, names: Iterable[str], notes: list[str] | None = None) -> pd.DataFrame:
    r"""Read the cells of a table of QC decisions with standard column names, structure names, and decisions.

    Parameters
    ----------
    path : Path
        Table with the columns of `REVIEW`.
    names : iterable of str
        Structures of the label set.
    notes : list of str, optional
        Receives one note per inference. Without this list, the notes are logged.

    Returns
    -------
    pandas.DataFrame of str
        One row per row of the file. The index is the line number in the file minus 2.

    Raises
    ------
    ContractError
        If the file cannot be read (`table_cells.cells_of`).

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "review.csv")
    ...     _ = path.write_text("scan_id,structure,Decision\ns1,Left kidney,KEEP\n")
    ...     decision_cells(path, ["kidney_left"]).to_dict("records")
    [{'scan_id': 's1', 'structure': 'kidney_left', 'decision': 'keep'}]

    """
    found: list[str] = []
    cells = named_as(REVIEW.columns, read_cells(path, notes=found), path, found)
    if "structure" in cells.columns:
        words = [str(word) for word in cells["structure"].dropna().unique()]
        spelled = measure_names.spelled(words, list(names))
        found += [f"structure {word} is read as {name}" for word, name in spelled.items()]
        cells["structure"] = cells["structure"].replace(spelled)
    if "decision" in cells.columns:
        cells["decision"] = cells["decision"].str.lower()
    if "date" in cells.columns:
        days = cells["date"].str.extract(f"^{DAY_BEFORE_MONTH}$").dropna()
        if len(days):
            first = cells["date"][days.index[0]]
            found.append(f"dates such as {first} are read as day, month, year (cells: {len(days)})")
            read = days[2] + "-" + days[1].str.zfill(2) + "-" + days[0].str.zfill(2)
            cells.loc[days.index, "date"] = read
    report(found, path, notes)
    return cells


def known_absences(cohort: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """Return one row per scan and structure listed in the registry column `known_absent`.

    Parameters
    ----------
    cohort : pandas.DataFrame
        One row per scan, with `scan_id` and `known_absent`.
    names : iterable of str
        Structures of the label set.

    Returns
    -------
    pandas.DataFrame of str
        Columns `scan_id` and `structure`.

    Raises
    ------
    ContractError
        If a name is not a structure of the label set.

    Examples
    --------
    >>> cohort = pd.DataFrame({"scan_id": ["s1", "s2"], "known_absent": ["Spleen, gallbladder", None]})
    >>> known_absences(cohort, ["spleen", "gallbladder"])["structure"].tolist()
    ['spleen', 'gallbladder']

    """
    names = list(names)
    absent = cohort.loc[cohort["known_absent"].notna(), ["scan_id", "known_absent"]]
    words = absent.assign(structure=absent["known_absent"].astype("str").str.split(SEPARATORS)).explode("structure")
    absences = words.loc[words["structure"].fillna("").ne(""), ["scan_id", "structure"]]
    spelled = measure_names.spelled(absences["structure"].unique(), names)
    absences = absences.assign(structure=absences["structure"].replace(spelled)).drop_duplicates()
    unknown = absences[~absences["structure"].isin(names)]
    if len(unknown):
        first = ", ".join(f"{row.scan_id!r} ({row.structure!r})" for row in unknown.head(SHOWN).itertuples())
        raise ContractError(
            "registry: column known_absent must contain structures of the label set, separated by spaces, commas, or"
            f" semicolons; number of unknown names: {len(unknown)}, first: {first}; correct the cells of the registry"
        )
    return absences.reset_index(drop=True)


def _refuse_contradictions(cells: pd.DataFrame, place: str) -> None:
    recorded = cells.groupby(list(REVIEW.key))["decision"].agg(lambda words: ", ".join(map(str, words.unique())))
    against = recorded[recorded.str.contains(", ")].reset_index()
    if len(against):
        first = "; ".join(f"{row.scan_id} {row.structure}: {row.decision}" for row in against.head(SHOWN).itertuples())
        rows = cells.index[cells["scan_id"].eq(against["scan_id"][0]) & cells["structure"].eq(against["structure"][0])]
        raise ContractError(
            f"{place}: {_lines(rows)}: decisions contradict each other: {first} (affected structures: {len(against)});"
            " keep one row per scan and structure"
        )


def _refuse(cells: pd.DataFrame, wrong: "pd.Series[bool]", rule: str, word: str = "") -> None:
    if wrong.any():
        rows = cells[wrong]
        shown = [f"{row['scan_id']} {row['structure']}" for _, row in rows.head(SHOWN).iterrows()]
        first = ", ".join(map(repr, shown)) + (f" ({rows[word].iloc[0]!r})" if word else "")
        raise ContractError(
            f"{rule}; affected rows: {int(wrong.sum())}, first in {_lines(rows.index)}: {first}; correct or delete"
            " these rows"
        )


def _lines(rows: "pd.Index[int]") -> str:
    """Return the first line numbers, such as `line 2` or `lines 2, 3`."""
    return f"line{'s' if len(rows) > 1 else ''} {', '.join(str(line_of(row)) for row in rows[:SHOWN])}"

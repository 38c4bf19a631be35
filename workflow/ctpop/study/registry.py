"""The registry of a study, read and checked, and which of its scans are included.

The cohort stage writes the decisions of this module to a table. The stages over images make the same decisions again
for their shard: if they used the table `cohort`, every change of the registry would rerun all of them.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ctpop.contracts.all_tables import REGISTRY, REGISTRY_COLUMNS, SCAN_ID_PATTERN
from ctpop.contracts.columns import OLDEST_YEARS
from ctpop.foundation.errors import ContractError
from ctpop.study import codings, column_names, configuration, criteria, header_fallback, identifiers, inclusion
from ctpop.study.codings import FALSE_WORDS, TRUE_WORDS, truths_of
from ctpop.study.criteria import Criterion
from ctpop.study.patient_consistency import BIRTH_DATES, refuse_contradictions
from ctpop.study.registry_mapping import mapped
from ctpop.study.registry_options import AS_OURS, WITHOUT_SETTINGS, Reading, reading_of
from ctpop.study.table_cells import cells_of, line_of

LONGEST_ID = 100  # file systems allow 255 bytes, and temporary names need some of them
DEVICES = r"(?i)(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?"  # SOURCE: names that Windows reserves, with any ending
MOST_WORDS = 5  # in the line of an error
PATIENT = ("sex", "height_cm", "weight_kg", "patient_id")  # a registry without them is read, and adjusted for less
TRUTHS = ("complete", "contrast", "complete_header", "contrast_header")


def included(registry: pd.DataFrame, asked: Sequence[Criterion]) -> pd.DataFrame:
    """Return the scans that are known to meet every criterion.

    Parameters
    ----------
    registry : pandas.DataFrame
        One row per scan, with `scan_id` and the columns of the criteria.
    asked : sequence of Criterion
        Criteria.

    Returns
    -------
    pandas.DataFrame
        Rows of the registry that meet every criterion.

    Raises
    ------
    ContractError
        If a criterion needs a column that the registry does not have, or needs numbers and a cell is not a number.

    Examples
    --------
    >>> registry = pd.DataFrame({"scan_id": ["s1", "s2"], "age_years": [61.0, 15.0]})
    >>> adult = Criterion("adult", "Younger than 18 years", "age_years", "at_least", 18)
    >>> included(registry, [adult])["scan_id"].tolist()
    ['s1']

    """
    return registry[~inclusion.failed(registry, asked).any(axis="columns").astype(bool)]


def read_registry(path: Path, reading: Reading = AS_OURS, notes: list[str] | None = None) -> pd.DataFrame:
    r"""Return the registry with typed columns.

    Parameters
    ----------
    path : Path
        Text table, spreadsheet or Parquet with one row per scan.
    reading : Reading
        Settings for reading the registry.
    notes : list of str, optional
        Receives a sentence for each inference.

    Returns
    -------
    pandas.DataFrame
        One row per scan with the columns of `REGISTRY` (among them `scan_id` and `age_years` in years),
        `source_conflict` and any further columns of the file.

    Raises
    ------
    ContractError
        If the file does not exist, cannot be read or lacks a column, ids repeat (in upper or lower case) or do not fit
        a file name, numbers or truth values are unreadable, an age is outside 0 to 120 years, or the scans of a patient
        cannot be those of one person. The message names file, column, rule and first rows.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "registry.csv")
    ...     _ = path.write_text("scan_id,age_years,complete\ns1,61,yes\n")
    ...     read_registry(path)[["scan_id", "age_years", "complete"]].values.tolist()
    [['s1', 61.0, True]]

    """
    return checked(read_words(path, reading, notes), path, reading, notes)


def read_words(path: Path, reading: Reading, notes: list[str] | None = None) -> pd.DataFrame:
    r"""Return the registry as text, with the columns and words of this package; columns that the file lacks are absent.

    Parameters
    ----------
    path : Path
        Text table, spreadsheet or Parquet with one row per scan.
    reading : Reading
        Settings for reading the registry.
    notes : list of str, optional
        Receives a sentence for each inference.

    Returns
    -------
    pandas.DataFrame of str
        One row per scan; empty cells are missing.

    Raises
    ------
    ContractError
        If the file does not exist or cannot be read, `scan_id` or `age_years` is missing, the settings do not fit the
        file, or it has no scan.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "registry.csv")
    ...     _ = path.write_text("scan_id,age\ns1,61\n")
    ...     read_words(path, Reading(columns={"age": ("age_years",)})).to_dict("records")
    [{'scan_id': 's1', 'age_years': '61'}]

    """
    if not path.is_file():
        if path.is_dir():
            raise ContractError(f"{path}: the registry is a folder; set study.registry to a file with one row per scan")
        raise ContractError(
            f"{path}: the registry does not exist; set study.registry (the demo's is made by make demo)"
        )
    return words_of(read_cells(path, reading, notes), path, reading, notes)


def words_of(cells: pd.DataFrame, path: Path, reading: Reading, notes: list[str] | None = None) -> pd.DataFrame:
    """Return cells of a registry as text, with the columns and words of this package.

    Parameters
    ----------
    cells : pandas.DataFrame of str
        Cells as text, missing where empty; the index is the line in the file minus 2.
    path : Path
        File of the cells, for messages.
    reading : Reading
        Settings for reading the registry.
    notes : list of str, optional
        Receives a sentence for each inference.

    Returns
    -------
    pandas.DataFrame of str
        One row per scan.

    Raises
    ------
    ContractError
        If `scan_id` or `age_years` is missing, the settings do not fit the cells, or there is no scan.

    Examples
    --------
    >>> cells = pd.DataFrame({"scan_id": ["s1"], "age": ["61"]})
    >>> words_of(cells, Path("registry.csv"), Reading(columns={"age": ("age_years",)})).to_dict("records")
    [{'scan_id': 's1', 'age_years': '61'}]

    """
    text = mapped(cells, reading, path, notes)
    if notes is not None:
        meant = {
            column: name for column, name in column_names.overlooked(list(text.columns)).items() if name in PATIENT
        }
        notes += [
            f"column {theirs} keeps its name, and is not read as {ours}; if it is that, state"
            f" {column_names.mapping_line({theirs: ours}, reading.section)}"
            for theirs, ours in meant.items()
            if theirs not in reading.columns
        ]
    _refuse_absent(text, path)
    if text.empty:
        raise ContractError(f"{path}: at least one scan is expected, found a header without rows")
    return text


def check_text(cells: pd.DataFrame, path: Path, reading: Reading, notes: list[str]) -> None:
    """Refuse cells that are no registry, such as those of the patients in a table of measures.

    Parameters
    ----------
    cells : pandas.DataFrame of str
        Cells as text, missing where empty; the index is the line in the file minus 2.
    path : Path
        File of the cells, for messages.
    reading : Reading
        Settings for reading the registry.
    notes : list of str
        Receives a sentence for each inference.

    Raises
    ------
    ContractError
        As `read_registry`.

    Examples
    --------
    >>> check_text(pd.DataFrame({"scan_id": ["s1"], "age_years": ["61"]}), Path("measures.csv"), AS_OURS, [])

    """
    checked(words_of(cells, path, reading, notes), path, reading, notes)


def checked(text: pd.DataFrame, path: Path, reading: Reading, notes: list[str] | None = None) -> pd.DataFrame:
    """Return the registry as a table that conforms to `REGISTRY`; `complete` and `contrast` have the values that count.

    Parameters
    ----------
    text : pandas.DataFrame of str
        Registry as text, as `read_words` returns it.
    path : Path
        File of the registry, for messages.
    reading : Reading
        Settings for reading the registry.
    notes : list of str, optional
        Receives a sentence for each inference.

    Returns
    -------
    pandas.DataFrame
        One row per scan with the columns of `REGISTRY`, `source_conflict` and any further columns.

    Raises
    ------
    ContractError
        If ids repeat or do not fit a file name, numbers or truth values are unreadable, an age is outside 0 to 120
        years or stands for a missing one, ids of patients are unfit (`identifiers.refuse_unfit_patients`), or the scans
        of a patient cannot be those of one person.

    Examples
    --------
    >>> text = pd.DataFrame({"scan_id": ["s1"], "age_years": ["61"], "sex": ["Female"]})
    >>> checked(text, Path("registry.csv"), AS_OURS)[["age_years", "sex"]].values.tolist()
    [[61.0, 'female']]

    """
    check_ids(text["scan_id"], path)
    frame = typed(text, path, notes)
    identifiers.refuse_ages_for_none(frame["age_years"], text["age_years"], path, reading)
    identifiers.refuse_unfit_patients(frame["patient_id"], path, reading)
    registry = REGISTRY.check(header_fallback.decided(frame, reading), where=path)
    refuse_contradictions(frame, path)
    return registry


def read_cells(path: Path, reading: Reading = WITHOUT_SETTINGS, notes: list[str] | None = None) -> pd.DataFrame:
    r"""Return the cells of a table as text without blanks around them; empty cells are missing.

    Parameters
    ----------
    path : Path
        CSV or another text file with separators, spreadsheet, or Parquet file.
    reading : Reading
        Settings for reading the table; without them, all is inferred.
    notes : list of str, optional
        Receives a sentence for each inference.

    Returns
    -------
    pandas.DataFrame of str
        One row per row of the file; the index is the line in the file minus 2.

    Raises
    ------
    ContractError
        As `table_cells.cells_of`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "registry.csv")
    ...     _ = path.write_text("scan_id, age_years\n s1 , 61\n")
    ...     read_cells(path).to_dict("index")
    {0: {'scan_id': 's1', 'age_years': '61'}}

    """
    cells = cells_of(path, reading)
    if notes is not None:
        notes += cells.notes
    index = pd.Index(cells.lines, dtype="int64") - 2
    columns = zip(*cells.rows, strict=True) if cells.rows else [()] * len(cells.header)
    texts = {
        name: pd.Series(column, index=index, dtype="str") for name, column in zip(cells.header, columns, strict=True)
    }
    return pd.DataFrame(texts, index=index).replace("", pd.NA)


def check_ids(ids: pd.Series, path: Path) -> None:
    """Refuse ids that cannot name a file, or that would name the same file as another id.

    Parameters
    ----------
    ids : pandas.Series of str, shape (scans,)
        Ids of the scans.
    path : Path
        File of the registry, for messages.

    Raises
    ------
    ContractError
        If an id is missing, was rounded by a spreadsheet, is a word for a summary of rows, has other characters than
        letters, digits, '.', '_' and '-', begins with '.' or '-', ends with '.', has more than 100 characters, is a
        device name of Windows, or repeats in upper or lower case.

    Examples
    --------
    >>> check_ids(pd.Series(["s1", "s2"]), Path("registry.csv"))
    >>> check_ids(pd.Series(["s1", "s2."]), Path("registry.csv"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ctpop.foundation.errors.ContractError: registry.csv: scan_id names files, and does not end with '.'; ...

    """
    identifiers.refuse_rounded(ids, "scan_id", path)
    unfit = ~ids.fillna("").str.fullmatch(SCAN_ID_PATTERN) | (ids.str.len() > LONGEST_ID)
    _refuse(
        unfit,
        f"{path}: scan_id names files: letters, digits, '.', '_' and '-', not beginning with '.' or '-',"
        f" at most {LONGEST_ID} characters",
        ids,
    )
    _refuse(
        identifiers.is_summary(ids),
        f"{path}: scan_id must name a scan, not a summary of rows (mean, total); delete these rows",
        ids,
    )
    _refuse(ids.str.fullmatch(DEVICES), f"{path}: scan_id names files, and no device of Windows, as NUL or COM1", ids)
    _refuse(ids.str.endswith("."), f"{path}: scan_id names files, and does not end with '.'", ids)
    _refuse(
        ids.str.lower().duplicated(keep=False),
        f"{path}: scan_id must be unique, also when upper and lower case are the same",
        ids,
    )


def typed(text: pd.DataFrame, path: Path, notes: list[str] | None = None) -> pd.DataFrame:
    """Return the text of the registry as numbers, truth values and words; columns that it lacks are missing throughout.

    Parameters
    ----------
    text : pandas.DataFrame of str
        Registry as text, with `scan_id` and `age_years`.
    path : Path
        File of the registry, for messages.
    notes : list of str, optional
        Receives a sentence for each conversion.

    Returns
    -------
    pandas.DataFrame
        One row per scan; `age_years` as float (years), `sex` in lower case, and the columns of `TRUTHS` as truth
        values.

    Raises
    ------
    ContractError
        If an age is not a number, or a truth value is not readable.

    Examples
    --------
    >>> text = pd.DataFrame({"scan_id": ["s1"], "age_years": ["61"], "contrast": ["no"]})
    >>> typed(text, Path("registry.csv"))[["age_years", "contrast"]].values.tolist()
    [[61.0, False]]

    """
    frame = text.copy()
    for name, column in REGISTRY_COLUMNS.items():
        if name not in frame.columns:
            frame[name] = pd.Series(pd.NA, index=frame.index, dtype=column.dtype)
    found: list[str] = []
    ages, of_age = codings.years_of(frame["age_years"], f"{path}: age_years")
    odd_age = ages.isna() & frame["age_years"].notna() & ~frame["age_years"].map(codings.is_age).astype(bool)
    stating = f"state the meaning of other words, as in {_values_line('age_years', frame['age_years'][odd_age])}"
    if odd_age.sum() > frame["age_years"].notna().sum() / 2:
        stating = "compute ages from dates, and write them as numbers of years; from groups of ages no age is known"
    _refuse(
        odd_age,
        f'{path}: age_years must be a number, or empty where it is not known; {stating} (null: not known, or "90")',
        text["scan_id"],
        frame["age_years"],
    )
    beyond = ages.notna() & ~ages.between(0, OLDEST_YEARS)
    first = next(iter(frame["age_years"][beyond]), "")
    _refuse(
        beyond,
        f"{path}: age_years must be 0 to {OLDEST_YEARS} years; write the unit of other ages, as 540M, or state what"
        f" stands for a missing age, as in {column_names.missing_line('age_years', [first])}",
        text["scan_id"],
        frame["age_years"],
    )
    frame["age_years"] = ages
    sexes = codings.without_missing(frame["sex"], f"{path}: sex", found)
    frame["sex"], of_sex = codings.sexes_of(sexes, f"{path}: sex")
    odd = frame["sex"].notna() & ~frame["sex"].isin(("female", "male"))
    _refuse(
        odd,
        f"{path}: sex must be female or male, or empty where it is not recorded; state the meaning of other words, as"
        f" in {_values_line('sex', sexes[odd])} (null: not recorded; or female or male)",
        text["scan_id"],
        frame["sex"],
    )
    codings.refuse_other_units(frame, str(path))
    for name in TRUTHS:
        words = codings.without_missing(frame[name], f"{path}: {name}", found)
        frame[name] = as_truth(words, text["scan_id"], f"{path}: {name}")
    if notes is not None:
        notes += [*of_age, *of_sex, *found]
    return frame


def as_truth(words: pd.Series, ids: pd.Series, place: str) -> pd.Series:
    """Return words as true, false or missing; any other word is an error.

    Parameters
    ----------
    words : pandas.Series of str, shape (scans,)
        Words, missing where nothing is recorded.
    ids : pandas.Series of str, shape (scans,)
        Ids of the scans, for messages.
    place : str
        File and column, for messages.

    Returns
    -------
    pandas.Series of boolean, shape (scans,)
        Truth values, missing where nothing is recorded.

    Raises
    ------
    ContractError
        If a word is none of `TRUE_WORDS` and `FALSE_WORDS`.

    Examples
    --------
    >>> as_truth(pd.Series(["yes", None, "0"]), pd.Series(["s1", "s2", "s3"]), "registry.csv: complete").tolist()
    [True, <NA>, False]

    """
    words = codings.without_missing(words, place, [])
    truths = truths_of(words)
    unreadable = words.notna() & truths.isna()
    line = _values_line(place.rpartition(" ")[2], words[unreadable])
    _refuse(
        unreadable,
        f"{place} must be one of {', '.join(TRUE_WORDS + FALSE_WORDS)} or empty; state the meaning of other words, as"
        f' in {line} (null: not recorded; or "true" or "false")',
        ids,
        words,
    )
    return truths


def add_registry_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option `--registry`, which names the registry of the scans that a stage over images processes.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Parser of a command, which is changed.

    Examples
    --------
    >>> parser = argparse.ArgumentParser()
    >>> add_registry_argument(parser)
    >>> parser.parse_args(["--registry", "registry.csv"]).registry.name
    'registry.csv'

    """
    parser.add_argument(
        "--registry",
        type=Path,
        required=True,
        help="text table, spreadsheet or Parquet with one row per scan (docs/data.md)",
    )


def included_scans(registry: Path, config: Path | None) -> pd.DataFrame:
    r"""Return the scans of a registry that meet the criteria of a configuration file; without a file, all scans.

    Parameters
    ----------
    registry : Path
        Text table, spreadsheet or Parquet with one row per scan.
    config : Path or None
        Configuration of the study (YAML).

    Returns
    -------
    pandas.DataFrame
        Rows of the registry that meet every criterion, with the columns that `read_registry` returns.

    Raises
    ------
    ContractError
        If the configuration or the registry has errors, or a criterion does not fit the registry.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     registry, config = Path(folder, "registry.csv"), Path(folder, "study.yaml")
    ...     _ = registry.write_text("scan_id,age_years\ns1,61\ns2,\n")
    ...     _ = config.write_text("cohort: {criteria: [age_known]}")
    ...     len(included_scans(registry, None)), len(included_scans(registry, config))
    (2, 1)

    """
    cohort = configuration.section("cohort", config)
    asked = criteria.read(cohort["criteria"]) if config else []
    return included(read_registry(registry, reading_of(cohort)), asked)


def _refuse(rows: pd.Series, rule: str, ids: pd.Series, found: pd.Series | None = None) -> None:
    if not rows.any():
        return
    first = rows[rows].index[:3]
    shown = [repr(ids[row]) + (f" ({found[row]!r})" if found is not None else "") for row in first]
    lines = ", ".join(str(line_of(row)) for row in first)
    raise ContractError(f"{rule}; found {int(rows.sum())} rows that are not, first {', '.join(shown)} in line {lines}")


def _values_line(column: str, words: pd.Series) -> str:
    """Return the line of the configuration in which words of a column are missing."""
    return column_names.missing_line(column, list(dict.fromkeys(map(str, words)))[:MOST_WORDS])


def _refuse_absent(text: pd.DataFrame, path: Path) -> None:
    """Refuse a registry without ids or ages, naming columns that may be meant."""
    absent = [name for name in ("scan_id", "age_years") if name not in text.columns]
    if not absent:
        return
    meant = {found[0]: name for name in absent if (found := column_names.candidates(name, text.columns))}
    pairs = meant or {"COLUMN": absent[0]}
    normal = {column_names.normalised(column) for column in text.columns}
    dates = sorted(normal & set(BIRTH_DATES))
    remedy = (
        f"; or compute the ages from {dates[0]} and the date of the scan, and add them as age_years" if dates else ""
    )
    raise ContractError(
        f"{path}: column {' and '.join(absent)} is missing; found {', '.join(text.columns)}; state which column it is,"
        f" as in {column_names.mapping_line(pairs)}{remedy if 'age_years' in absent else ''}"
    )

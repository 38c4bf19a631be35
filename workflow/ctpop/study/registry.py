"""Reading and validation of the registry of a study, and selection of the included scans.

The cohort stage writes the result of this module to the table `cohort`. The stages that process images select the scans
of their shard again, because every change of the registry would rerun all of them if they used this table.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ctpop.contracts.all_tables import REGISTRY, REGISTRY_COLUMNS, SCAN_ID_PATTERN
from ctpop.contracts.columns import OLDEST_YEARS
from ctpop.foundation.alternatives import alternative
from ctpop.foundation.errors import ContractError, count
from ctpop.study import (
    codings,
    column_names,
    configuration,
    criteria,
    header_fallback,
    identifiers,
    inclusion,
    patient_units,
)
from ctpop.study.codings import FALSE_WORDS, TRUE_WORDS, truths_of
from ctpop.study.criteria import Criterion
from ctpop.study.patient_consistency import BIRTH_DATES, refuse_contradictions
from ctpop.study.registry_mapping import mapped
from ctpop.study.registry_options import AS_OURS, WITHOUT_SETTINGS, Reading, reading_of
from ctpop.study.table_cells import cells_of, line_of

LONGEST_ID = 100  # file systems allow 255 bytes, some of which temporary names require
DEVICES = r"(?i)(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?"  # SOURCE: names that Windows reserves, with any suffix
MOST_WORDS = 5  # largest number of words in the YAML line of an error message
MEANING = "declare the meaning of other values in the study file:"
PATIENT = ("sex", "height_cm", "weight_kg", "patient_id")  # optional columns, which allow further adjustments
TRUTHS = ("complete", "contrast", "complete_header", "contrast_header")


def included(registry: pd.DataFrame, chosen: Sequence[Criterion]) -> pd.DataFrame:
    """Return the scans that meet every criterion.

    Parameters
    ----------
    registry : pandas.DataFrame
        One row per scan, with `scan_id` and the columns of the criteria.
    chosen : sequence of Criterion
        Inclusion criteria.

    Returns
    -------
    pandas.DataFrame
        Rows of the registry that meet every criterion.

    Raises
    ------
    ContractError
        If a criterion requires a column that the registry does not contain, or requires numbers and a cell is not a
        number.

    Examples
    --------
    >>> registry = pd.DataFrame({"scan_id": ["s1", "s2"], "age_years": [61.0, 15.0]})
    >>> adult = Criterion("adult", "Younger than 18 years", "age_years", "at_least", 18)
    >>> included(registry, [adult])["scan_id"].tolist()
    ['s1']

    """
    return registry[~inclusion.failed(registry, chosen).any(axis="columns").astype(bool)]


def read_registry(path: Path, reading: Reading = AS_OURS, notes: list[str] | None = None) -> pd.DataFrame:
    r"""Return the registry with typed columns.

    Parameters
    ----------
    path : Path
        Text table, spreadsheet, or Parquet file with one row per scan.
    reading : Reading
        Settings for reading the registry.
    notes : list of str, optional
        Receives one note per inference.

    Returns
    -------
    pandas.DataFrame
        One row per scan with the columns of `REGISTRY` (including `scan_id` and `age_years` in years),
        `source_conflict`, and any other columns of the file.

    Raises
    ------
    ContractError
        If the file does not exist, cannot be read, or lacks a column; if identifiers are duplicated (ignoring case) or
        cannot be used in file names; if numbers or Boolean values are unreadable; if an age is outside 0 to 120 years;
        or if the scans of a patient contradict each other. The message contains the file, the column, the rule, and the
        first rows.

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
    r"""Return the registry as text, with the column names and values of this package; missing columns are not added.

    Parameters
    ----------
    path : Path
        Text table, spreadsheet, or Parquet file with one row per scan.
    reading : Reading
        Settings for reading the registry.
    notes : list of str, optional
        Receives one note per inference.

    Returns
    -------
    pandas.DataFrame of str
        One row per scan; empty cells are missing.

    Raises
    ------
    ContractError
        If the file does not exist or cannot be read, the column `scan_id` or `age_years` is missing, the settings do
        not match the file, or the file contains no scans.

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
            f"{path}: the registry does not exist; set study.registry to the path of the registry (make demo writes"
            f" the registry of the demo){alternative('study.registry', str(path))}"
        )
    return words_of(read_cells(path, reading, notes), path, reading, notes)


def words_of(cells: pd.DataFrame, path: Path, reading: Reading, notes: list[str] | None = None) -> pd.DataFrame:
    """Return the cells of a registry as text, with the column names and values of this package.

    Parameters
    ----------
    cells : pandas.DataFrame of str
        Cells as text, missing if empty; the index is the line number in the file minus 2.
    path : Path
        Path of the table, for messages.
    reading : Reading
        Settings for reading the registry.
    notes : list of str, optional
        Receives one note per inference.

    Returns
    -------
    pandas.DataFrame of str
        One row per scan.

    Raises
    ------
    ContractError
        If the column `scan_id` or `age_years` is missing, the settings do not match the table, or the table contains no
        scans.

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
            f"column {theirs} keeps its name and is not used as {ours}; to use it as {ours}, set"
            f" {column_names.mapping_line({theirs: ours}, reading.section)}"
            for theirs, ours in meant.items()
            if theirs not in reading.columns
        ]
    _refuse_absent(text, path)
    if text.empty:
        raise ContractError(f"{path}: the table contains a header but no rows; add one row per scan")
    return text


def check_text(cells: pd.DataFrame, path: Path, reading: Reading, notes: list[str]) -> None:
    """Reject cells that are not a valid registry, such as invalid patient columns of a table of measures.

    Parameters
    ----------
    cells : pandas.DataFrame of str
        Cells as text, missing if empty; the index is the line number in the file minus 2.
    path : Path
        Path of the table, for messages.
    reading : Reading
        Settings for reading the registry.
    notes : list of str
        Receives one note per inference.

    Raises
    ------
    ContractError
        For the same reasons as in `read_registry`.

    Examples
    --------
    >>> check_text(pd.DataFrame({"scan_id": ["s1"], "age_years": ["61"]}), Path("measures.csv"), AS_OURS, [])

    """
    checked(words_of(cells, path, reading, notes), path, reading, notes)


def checked(text: pd.DataFrame, path: Path, reading: Reading, notes: list[str] | None = None) -> pd.DataFrame:
    """Return the registry as a table that conforms to `REGISTRY`, with the final values of `complete` and `contrast`.

    Parameters
    ----------
    text : pandas.DataFrame of str
        Registry as text, as returned by `read_words`.
    path : Path
        Path of the registry, for messages.
    reading : Reading
        Settings for reading the registry.
    notes : list of str, optional
        Receives one note per inference.

    Returns
    -------
    pandas.DataFrame
        One row per scan with the columns of `REGISTRY`, `source_conflict`, and any other columns.

    Raises
    ------
    ContractError
        If identifiers are duplicated or cannot be used in file names; if numbers or Boolean values are unreadable; if
        an age is outside 0 to 120 years or is a code for a missing age; if patient identifiers are unsuitable
        (`identifiers.refuse_unfit_patients`); or if the scans of a patient contradict each other.

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
    r"""Return the cells of a table as text without surrounding white space; empty cells are missing.

    Parameters
    ----------
    path : Path
        CSV file or other delimited text file, spreadsheet, or Parquet file.
    reading : Reading
        Settings for reading the table; without settings, everything is inferred.
    notes : list of str, optional
        Receives one note per inference.

    Returns
    -------
    pandas.DataFrame of str
        One row per row of the file; the index is the line number in the file minus 2.

    Raises
    ------
    ContractError
        For the same reasons as in `table_cells.cells_of`.

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
    """Reject scan identifiers that cannot be used in file names or would name the same file as another identifier.

    Parameters
    ----------
    ids : pandas.Series of str, shape (scans,)
        Scan identifiers.
    path : Path
        Path of the registry, for messages.

    Raises
    ------
    ContractError
        If an identifier is missing, was rounded by a spreadsheet program, names a summary of rows, contains characters
        other than letters, digits, '.', '_', and '-', begins with '.' or '-', ends with '.', has more than 100
        characters, is a Windows device name, or is duplicated (ignoring case).

    Examples
    --------
    >>> check_ids(pd.Series(["s1", "s2"]), Path("registry.csv"))
    >>> check_ids(pd.Series(["s1", "s2."]), Path("registry.csv"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ctpop.foundation.errors.ContractError: registry.csv: scan_id is used in file names and must not end with '.', ...

    """
    identifiers.refuse_rounded(ids, "scan_id", path)
    unfit = ~ids.fillna("").str.fullmatch(SCAN_ID_PATTERN) | (ids.str.len() > LONGEST_ID)
    use = f"{path}: scan_id is used in file names and must"
    _refuse(
        unfit,
        f"{use} contain only letters, digits, '.', '_', and '-', begin with a letter, a digit, or '_', and have at"
        f" most {LONGEST_ID} characters",
        ids,
    )
    _refuse(
        identifiers.is_summary(ids),
        f"{path}: scan_id must identify a scan, not a summary of rows (such as mean or total)",
        ids,
        remedy="delete these rows",
    )
    _refuse(ids.str.fullmatch(DEVICES), f"{use} not be a Windows device name (such as NUL or COM1)", ids)
    _refuse(ids.str.endswith("."), f"{use} not end with '.'", ids)
    _refuse(ids.str.lower().duplicated(keep=False), f"{path}: scan_id must be unique (ignoring case)", ids)


def typed(text: pd.DataFrame, path: Path, notes: list[str] | None = None) -> pd.DataFrame:
    """Convert the text of the registry to numbers, Boolean values, and words; add missing columns without values.

    Parameters
    ----------
    text : pandas.DataFrame of str
        Registry as text, with `scan_id` and `age_years`.
    path : Path
        Path of the registry, for messages.
    notes : list of str, optional
        Receives one note per conversion.

    Returns
    -------
    pandas.DataFrame
        One row per scan; `age_years` as float (years), `sex` in lower case, and the columns of `TRUTHS` as Boolean
        values.

    Raises
    ------
    ContractError
        If an age is not a number or a Boolean value is unreadable.

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
    remedy = (
        f"{MEANING} {_values_line('age_years', frame['age_years'][odd_age])} (null for an unknown age, or a number in"
        ' quotation marks, such as "90")'
    )
    if odd_age.sum() > frame["age_years"].notna().sum() / 2:
        remedy = "if the column contains dates, replace them with ages in years; age groups cannot be used"
    _refuse(
        odd_age,
        f"{path}: age_years must be a number or empty",
        text["scan_id"],
        frame["age_years"],
        remedy,
    )
    beyond = ages.notna() & ~ages.between(0, OLDEST_YEARS)
    first = next(iter(frame["age_years"][beyond]), "")
    _refuse(
        beyond,
        f"{path}: age_years must be from 0 to {OLDEST_YEARS} years",
        text["scan_id"],
        frame["age_years"],
        "add the unit to ages that are not in years (such as 540M for 540 months), or declare the value as missing in"
        f" the study file: {column_names.missing_line('age_years', [first])}",
    )
    frame["age_years"] = ages
    sexes = codings.without_missing(frame["sex"], f"{path}: sex", found)
    frame["sex"], of_sex = codings.sexes_of(sexes, f"{path}: sex")
    odd = frame["sex"].notna() & ~frame["sex"].isin(("female", "male"))
    _refuse(
        odd,
        f"{path}: sex must be female, male, or empty",
        text["scan_id"],
        frame["sex"],
        f"{MEANING} {_values_line('sex', sexes[odd])} (female, male, or null for a sex that is not recorded)",
    )
    patient_units.refuse_other_units(frame, str(path))
    for name in TRUTHS:
        words = codings.without_missing(frame[name], f"{path}: {name}", found)
        frame[name] = as_truth(words, text["scan_id"], f"{path}: {name}")
    if notes is not None:
        notes += [*of_age, *of_sex, *found]
    return frame


def as_truth(words: pd.Series, ids: pd.Series, place: str) -> pd.Series:
    """Convert words to true, false, or missing.

    Parameters
    ----------
    words : pandas.Series of str, shape (scans,)
        Words, missing if not recorded.
    ids : pandas.Series of str, shape (scans,)
        Scan identifiers, for messages.
    place : str
        File and column, for messages.

    Returns
    -------
    pandas.Series of boolean, shape (scans,)
        Boolean values, missing if not recorded.

    Raises
    ------
    ContractError
        If a word is neither in `TRUE_WORDS` nor in `FALSE_WORDS`.

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
        f"{place} must be {', '.join(TRUE_WORDS + FALSE_WORDS)}, or empty",
        ids,
        words,
        f'{MEANING} {line} ("true", "false", or null for a value that is not recorded)',
    )
    return truths


def add_registry_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option `--registry` to a stage that processes images.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Parser of a command, modified in place.

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
        help="registry with one row per scan: text table, spreadsheet, or Parquet file (docs/data.md)",
    )


def included_scans(registry: Path, config: Path | None) -> pd.DataFrame:
    r"""Return the scans of a registry that meet the criteria of a study file, or all scans if no file is given.

    Parameters
    ----------
    registry : Path
        Text table, spreadsheet, or Parquet file with one row per scan.
    config : Path or None
        Configuration of the study (YAML).

    Returns
    -------
    pandas.DataFrame
        Rows of the registry that meet every criterion, with the columns of `read_registry`.

    Raises
    ------
    ContractError
        If the configuration or the registry contains errors, or a criterion does not match the registry.

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
    chosen = criteria.read(cohort["criteria"]) if config else []
    return included(read_registry(registry, reading_of(cohort)), chosen)


def _refuse(rows: pd.Series, rule: str, ids: pd.Series, found: pd.Series | None = None, remedy: str = "") -> None:
    if not rows.any():
        return
    n, first = int(rows.sum()), rows[rows].index[:3]
    shown = [f"line {line_of(row)} (scan {ids[row]!r}{_value(found, row)})" for row in first]
    violating = f"{count(n, 'row')} {'violates' if n == 1 else 'violate'} this rule"
    places = ", ".join([*shown, *(["…"] if n > len(shown) else [])])
    raise ContractError(f"{rule}, but {violating}: {places}{remedy and '; '}{remedy}")


def _value(found: pd.Series | None, row: int) -> str:
    return "" if found is None else f", value {found[row]!r}"


def _values_line(column: str, words: pd.Series) -> str:
    """Return the YAML line that declares words of a column as missing."""
    return column_names.missing_line(column, list(dict.fromkeys(map(str, words)))[:MOST_WORDS])


def _refuse_absent(text: pd.DataFrame, path: Path) -> None:
    """Reject a registry without scan identifiers or ages; the message suggests columns with similar names."""
    absent = [name for name in ("scan_id", "age_years") if name not in text.columns]
    if not absent:
        return
    meant = {found[0]: name for name in absent if (found := column_names.candidates(name, text.columns))}
    pairs = meant or {"COLUMN": absent[0]}
    normal = {column_names.normalized(column) for column in text.columns}
    dates = sorted(normal & set(BIRTH_DATES))
    remedy = f", or compute the ages from {dates[0]} and the scan date and add them as age_years" if dates else ""
    missing = f"columns {' and '.join(absent)} are" if len(absent) > 1 else f"column {absent[0]} is"
    raise ContractError(
        f"{path}: {missing} missing; the file contains {', '.join(text.columns)}; assign the corresponding"
        f" {'columns' if len(absent) > 1 else 'column'} in the study file:"
        f" {column_names.mapping_line(pairs)}{remedy if 'age_years' in absent else ''}"
    )

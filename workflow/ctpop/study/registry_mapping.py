"""The conversion of the columns and words of a user's table to those of the registry."""

import string
from pathlib import Path

import pandas as pd

from ctpop.foundation.errors import ContractError
from ctpop.study import codings, column_names
from ctpop.study.registry_options import Reading

# Columns, and words at the end of the names of further ones, whose cells are texts even where they look like numbers.
TEXTS = ("scan_id", "patient_id", "ct_path", "segmentation_path", "known_absent")
ENDS_OF_TEXTS = ("id", "ids", "uid", "number", "nr", "no", "code", "name", "path", "file", "date", "time", "version")


def mapped(cells: pd.DataFrame, reading: Reading, path: Path, notes: list[str] | None = None) -> pd.DataFrame:
    """Return cells with the columns and words of the registry, and numbers with a decimal point.

    Columns whose names differ from those of the registry in spelling alone get these; others keep theirs.

    Parameters
    ----------
    cells : pandas.DataFrame of str
        Cells of the file as text, missing where empty.
    reading : Reading
        Settings for reading the registry.
    path : Path
        File of the registry, for messages.
    notes : list of str, optional
        Receives a sentence for each inference.

    Returns
    -------
    pandas.DataFrame of str
        One row per row of `cells`, under the names of the registry.

    Raises
    ------
    ContractError
        If a column that is to be mapped does not exist, two columns would have the same name, a pattern of paths or
        words for values name a column that does not exist, a name is almost one of the registry, or numbers are
        ambiguous (`codings.numbers_as_text`).

    Examples
    --------
    >>> cells = pd.DataFrame({"scan_id": ["s1"], "gender": ["W"]})
    >>> words, paths = {"sex": {"w": "female"}}, {"ct_path": "{scan_id}.nii"}
    >>> reading = Reading(columns={"gender": ("sex",)}, values=words, paths=paths)
    >>> mapped(cells, reading, Path("registry.csv")).to_dict("records")
    [{'scan_id': 's1', 'sex': 'female', 'ct_path': 's1.nii'}]

    """
    found: list[str] = []
    frame = with_spelling(renamed(cells, reading, path), reading, found)
    _refuse_settings_of_none(list(map(str, frame.columns)), reading, path)
    written = frame.copy()
    for name in frame.columns:
        if reading.missing or name in reading.values:
            frame[name] = translated(frame[name], name, reading)
    for name, pattern in reading.paths.items():
        frame[name] = with_paths(frame, name, pattern, path)
    numbers = [str(name) for name in frame.columns if not is_text(str(name))]
    frame, of_numbers = codings.with_numbers(frame, numbers, str(path), reading)
    for name in numbers:  # in the form of this package, which messages print
        frame[name] = without_stated(frame[name], name, reading, written[name])
    found += of_numbers
    if notes is not None:
        notes += found
    return frame


def with_spelling(frame: pd.DataFrame, reading: Reading, notes: list[str]) -> pd.DataFrame:
    """Return a table with the names of the registry for columns that differ from them in spelling alone.

    The column `gender` is `sex` if all of its words are those of sexes.

    Parameters
    ----------
    frame : pandas.DataFrame of str
        Cells of the file, after the settings were applied to its columns.
    reading : Reading
        Settings for reading the registry; columns that they name are left alone.
    notes : list of str
        Receives a sentence for each column.

    Returns
    -------
    pandas.DataFrame of str
        The same rows.

    Examples
    --------
    >>> notes = []
    >>> frame = pd.DataFrame({"Scan ID": ["s1"], "gender": ["F"]})
    >>> list(with_spelling(frame, Reading(), notes).columns), notes
    (['scan_id', 'sex'], ['column Scan ID is read as scan_id', 'column gender is read as sex'])

    """
    set_by_user = {name for names in reading.columns.values() for name in names}
    columns = [str(column) for column in frame.columns]
    names = column_names.respelled(columns, set_by_user)
    taken = {*columns, *names.values()}
    for column in column_names.candidates("sex", [name for name in columns if name not in set_by_user]):
        words = frame[column].dropna().str.lower()
        if "sex" not in taken and len(words) and words.isin(codings.SEXES).all():
            names[column] = "sex"
            break
    notes += [f"column {theirs} is read as {ours}" for theirs, ours in names.items()]
    return frame.rename(columns=names)


def renamed(cells: pd.DataFrame, reading: Reading, path: Path) -> pd.DataFrame:
    """Return cells under the column names of the registry; one column of the file can provide several columns.

    Parameters
    ----------
    cells : pandas.DataFrame of str
        Cells of the file as text.
    reading : Reading
        Settings for reading the registry; `columns` has the names.
    path : Path
        File of the registry, for messages.

    Returns
    -------
    pandas.DataFrame of str
        One row per row of `cells`.

    Raises
    ------
    ContractError
        If a column that is to be mapped does not exist, or two columns would have the same name.

    Examples
    --------
    >>> reading = Reading(columns={"id": ("scan_id", "patient_id")})
    >>> renamed(pd.DataFrame({"id": ["s1"]}), reading, Path("registry.csv")).to_dict("records")
    [{'scan_id': 's1', 'patient_id': 's1'}]

    """
    absent = [column for column in reading.columns if column not in cells.columns]
    if absent:
        found = ", ".join(cells.columns)
        raise ContractError(f"{path}: cohort.columns names {', '.join(absent)}, which the file lacks; found {found}")
    pairs = [(name, column) for column in cells.columns for name in reading.names(column)]
    names = [name for name, _ in pairs]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        columns = ", ".join(column for name, column in pairs if name in repeated)
        raise ContractError(
            f"{path}: each column has one name of its own, found {', '.join(repeated)} for {columns};"
            " change cohort.columns"
        )
    return cells[[column for _, column in pairs]].set_axis(names, axis="columns")


def translated(cells: pd.Series, name: str, reading: Reading) -> pd.Series:
    """Return a column of the registry in the words of this package.

    Parameters
    ----------
    cells : pandas.Series of str, shape (rows,)
        Cells in the words of the file, missing where empty.
    name : str
        Name of the column.
    reading : Reading
        Settings for reading the registry; `values` and `missing` have the words.

    Returns
    -------
    pandas.Series of str, shape (rows,)
        Cells in the words of this package, missing where the word stands for a missing value.

    Examples
    --------
    >>> reading = Reading(values={"sex": {"w": "female"}}, missing=frozenset({"unknown"}))
    >>> translated(pd.Series(["W", "Unknown"]), "sex", reading).tolist()
    ['female', nan]

    """
    words = {word: reading.word(name, word) or pd.NA for word in cells.dropna().unique()}
    return cells.map(words).astype("str")  # else a column that says nothing became numbers


def without_stated(cells: pd.Series, name: str, reading: Reading, written: pd.Series | None = None) -> pd.Series:
    """Return a column of numbers without those that the settings call missing, in whatever form they are written.

    Parameters
    ----------
    cells : pandas.Series of str, shape (rows,)
        Cells with a decimal point, missing where empty.
    name : str
        Name of the column.
    reading : Reading
        Settings for reading the table; `values` and `missing` have the words.
    written : pandas.Series of str, shape (rows,), optional
        Cells as they are in the file; those that `values` has as they are written already have their meaning.

    Returns
    -------
    pandas.Series of str, shape (rows,)
        Cells, missing where they are a number that stands for a missing value: `0.0` where `0` does.

    Examples
    --------
    >>> reading = Reading(values={"age_years": {"0": ""}}, missing=frozenset({"-99"}))
    >>> without_stated(pd.Series(["61", "0.0", "-99.00"]), "age_years", reading).tolist()
    ['61', nan, nan]

    """
    words = reading.values.get(name, {})
    stated = {*reading.missing, *(word for word, meaning in words.items() if not meaning)}
    if not stated:
        return cells
    numbers = pd.to_numeric(pd.Series(sorted(stated)).str.replace(",", "."), errors="coerce").dropna()
    same = pd.to_numeric(cells, errors="coerce").isin(numbers)
    if written is not None:
        same &= ~written.str.lower().isin(list(words))
    return cells.mask(same | cells.str.lower().isin(reading.missing))


def with_paths(frame: pd.DataFrame, name: str, pattern: str, path: Path) -> pd.Series:
    """Return a column of paths: the cell itself, else the pattern filled in.

    A path is missing where the cell and a part of the pattern are missing.

    Parameters
    ----------
    frame : pandas.DataFrame of str
        Registry as text.
    name : str
        Name of the column of paths.
    pattern : str
        Pattern with names of columns in braces, such as `{scan_id}.nii.gz`.
    path : Path
        File of the registry, for messages.

    Returns
    -------
    pandas.Series of str, shape (rows,)
        Path in each row.

    Raises
    ------
    ContractError
        If the pattern names a column that does not exist.

    Examples
    --------
    >>> frame = pd.DataFrame({"scan_id": ["s1", "s2"], "ct_path": [None, "other.nii"]})
    >>> with_paths(frame, "ct_path", "images/{scan_id}.nii", Path("registry.csv")).tolist()
    ['images/s1.nii', 'other.nii']

    """
    parts = [(text, column) for text, column, _, _ in string.Formatter().parse(pattern)]
    absent = [column for _, column in parts if column is not None and column not in frame.columns]
    if absent:
        found = ", ".join(frame.columns)
        raise ContractError(f"{path}: cohort.paths.{name} names column {', '.join(absent)}, found {found}")
    filled = pd.Series("", index=frame.index, dtype="string")
    for text, column in parts:
        filled += text
        filled += frame[column].astype("string") if column is not None else ""
    own = frame[name].astype("string") if name in frame.columns else pd.Series(pd.NA, frame.index, dtype="string")
    return own.fillna(filled)


def _refuse_settings_of_none(columns: list[str], reading: Reading, path: Path) -> None:
    """Refuse words for values of a column that does not exist, and names that are almost one of the registry."""
    unused = [name for name in reading.values if name not in columns and name not in column_names.KNOWN]
    if unused:
        likely = column_names.closest_known(unused[0]) or "COLUMN"
        raise ContractError(
            f"{path}: cohort.values names column {', '.join(unused)}, found {', '.join(columns)}; write the name that"
            f" the column has in the study, as in cohort: {{values: {{{likely}: {{WORD: MEANING}}}}}}"
        )
    given = {name: theirs for theirs, names in reading.columns.items() for name in names if name != theirs}
    for name, theirs in given.items():
        close = column_names.misspelt_known(name)
        if close and close not in columns and name not in column_names.KNOWN:
            line = column_names.mapping_line({theirs: close}, reading.section)
            raise ContractError(
                f"{path}: the settings give column {theirs} the name {name}, which is almost {close}; if that is meant,"
                f" state {line}, else give it another name"
            )


def is_text(name: str) -> bool:
    """Return whether the cells of a column are texts even where they look like numbers, by its name.

    Parameters
    ----------
    name : str
        Name of the column.

    Returns
    -------
    bool
        Whether it is a column of `TEXTS`, or ends with a word of `ENDS_OF_TEXTS`.

    Examples
    --------
    >>> is_text("scan_id"), is_text("Exam number"), is_text("age_years")
    (True, True, False)

    """
    return name in TEXTS or column_names.normalised(name).split("_")[-1] in ENDS_OF_TEXTS

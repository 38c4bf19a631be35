"""Conversion of the columns and words of a user's table to the columns and values of the registry."""

import difflib
import string
from pathlib import Path

import pandas as pd

from ctpop.foundation.errors import ContractError
from ctpop.study import codings, column_names
from ctpop.study.registry_options import Reading

# Columns whose cells are text even if they look like numbers, and last words of the names of other text columns.
TEXTS = ("scan_id", "patient_id", "ct_path", "segmentation_path", "known_absent")
ENDS_OF_TEXTS = ("id", "ids", "uid", "number", "nr", "no", "code", "name", "path", "file", "date", "time", "version")


def mapped(cells: pd.DataFrame, reading: Reading, path: Path, notes: list[str] | None = None) -> pd.DataFrame:
    """Convert the columns and words of a table to those of the registry, and write numbers with a decimal point.

    Columns whose names differ from those of the registry only in spelling are renamed; all others keep their names.

    Parameters
    ----------
    cells : pandas.DataFrame of str
        Cells of the file as text, missing if empty.
    reading : Reading
        Settings for reading the registry.
    path : Path
        Path of the registry, for messages.
    notes : list of str, optional
        Receives one note per inference.

    Returns
    -------
    pandas.DataFrame of str
        One row per row of `cells`, with the column names of the registry.

    Raises
    ------
    ContractError
        If a mapped column does not exist, two columns would have the same name, a path pattern or the setting `values`
        names a column that does not exist, a name is similar to a name of the registry, or numbers are ambiguous
        (`codings.numbers_as_text`).

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
    for name in numbers:  # messages contain numbers in this form, so words in the settings can have this form
        frame[name] = without_stated(
            with_stated(frame[name], name, reading, written[name]), name, reading, written[name]
        )
    found += of_numbers
    if notes is not None:
        notes += found
    return frame


def with_spelling(frame: pd.DataFrame, reading: Reading, notes: list[str]) -> pd.DataFrame:
    """Rename columns whose names differ from those of the registry only in spelling.

    The column `gender` is renamed `sex` if all of its values are codes for sex.

    Parameters
    ----------
    frame : pandas.DataFrame of str
        Cells of the file, with the columns renamed according to the settings.
    reading : Reading
        Settings for reading the registry; columns named in the settings remain unchanged.
    notes : list of str
        Receives one note per column.

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
    """Rename columns according to the settings; one column of the file can provide several columns of the registry.

    Parameters
    ----------
    cells : pandas.DataFrame of str
        Cells of the file as text.
    reading : Reading
        Settings for reading the registry; `columns` contains the names.
    path : Path
        Path of the registry, for messages.

    Returns
    -------
    pandas.DataFrame of str
        One row per row of `cells`.

    Raises
    ------
    ContractError
        If a mapped column does not exist, or two columns would have the same name.

    Examples
    --------
    >>> reading = Reading(columns={"id": ("scan_id", "patient_id")})
    >>> renamed(pd.DataFrame({"id": ["s1"]}), reading, Path("registry.csv")).to_dict("records")
    [{'scan_id': 's1', 'patient_id': 's1'}]

    """
    absent = [column for column in reading.columns if column not in cells.columns]
    if absent:
        found = ", ".join(cells.columns)
        close = difflib.get_close_matches(absent[0], list(cells.columns), n=1)
        remedy = f"replace {absent[0]} with {close[0]}" if close else f"remove {absent[0]} from this setting"
        raise ContractError(
            f"{path}: cohort.columns contains {', '.join(absent)}, but the file has no such column; columns of the"
            f" file: {found}; {remedy}"
        )
    pairs = [(name, column) for column in cells.columns for name in reading.names(column)]
    names = [name for name, _ in pairs]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        columns = ", ".join(column for name, column in pairs if name in repeated)
        raise ContractError(
            f"{path}: column names must be unique, but {', '.join(repeated)} is assigned to the columns {columns};"
            " correct cohort.columns"
        )
    return cells[[column for _, column in pairs]].set_axis(names, axis="columns")


def translated(cells: pd.Series, name: str, reading: Reading) -> pd.Series:
    """Replace the words of a column with the values of this package.

    Parameters
    ----------
    cells : pandas.Series of str, shape (rows,)
        Cells in the words of the file, missing if empty.
    name : str
        Name of the column.
    reading : Reading
        Settings for reading the registry; `values` and `missing` contain the words.

    Returns
    -------
    pandas.Series of str, shape (rows,)
        Values of this package, missing if the word represents a missing value.

    Examples
    --------
    >>> reading = Reading(values={"sex": {"w": "female"}}, missing=frozenset({"unknown"}))
    >>> translated(pd.Series(["W", "Unknown"]), "sex", reading).tolist()
    ['female', nan]

    """
    words = {word: reading.word(name, word) or pd.NA for word in cells.dropna().unique()}
    return cells.map(words).astype("str")  # otherwise, an empty column would become numeric


def with_stated(cells: pd.Series, name: str, reading: Reading, written: pd.Series) -> pd.Series:
    """Replace numbers with the numbers that the settings state for them, regardless of their format.

    Parameters
    ----------
    cells : pandas.Series of str, shape (rows,)
        Cells with a decimal point, missing if empty.
    name : str
        Name of the column.
    reading : Reading
        Settings for reading the table; `values` contains the numbers.
    written : pandas.Series of str, shape (rows,)
        Original cells of the file; cells whose exact text is in `values` are already converted.

    Returns
    -------
    pandas.Series of str, shape (rows,)
        Cells; a number equal to a number in the settings has the stated value (for example, `1,72` if `1.72` is set).

    Examples
    --------
    >>> reading = Reading(values={"height_cm": {"1.72": "172"}})
    >>> with_stated(pd.Series(["1.720", "165"]), "height_cm", reading, pd.Series(["1,720", "165"])).tolist()
    ['172', '165']

    """
    if name not in reading.values:
        return cells
    words = pd.Series(reading.values[name], dtype="str")
    numbers = pd.to_numeric(pd.Series(words.index, dtype="str").str.replace(",", "."), errors="coerce").to_numpy()
    stated = pd.to_numeric(words, errors="coerce").notna().to_numpy() & ~pd.isna(numbers)
    meanings = dict(zip(numbers[stated], words[stated], strict=True))
    found = pd.to_numeric(cells, errors="coerce").map(meanings)
    return cells.mask(found.notna() & ~written.str.lower().isin(list(words.index)), found).astype("str")


def without_stated(cells: pd.Series, name: str, reading: Reading, written: pd.Series | None = None) -> pd.Series:
    """Replace the numbers that the settings declare as missing with missing values, regardless of their format.

    Parameters
    ----------
    cells : pandas.Series of str, shape (rows,)
        Cells with a decimal point, missing if empty.
    name : str
        Name of the column.
    reading : Reading
        Settings for reading the table; `values` and `missing` contain the words.
    written : pandas.Series of str, shape (rows,), optional
        Original cells of the file; cells whose exact text is in `values` are already converted.

    Returns
    -------
    pandas.Series of str, shape (rows,)
        Cells; numbers equal to a declared missing value are missing (for example, `0.0` if `0` is declared).

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
    """Return a column of paths: the cell if it is not empty, otherwise the completed pattern.

    A path is missing if the cell and a part of the pattern are missing.

    Parameters
    ----------
    frame : pandas.DataFrame of str
        Registry as text.
    name : str
        Name of the column of paths.
    pattern : str
        Pattern with column names in braces, such as `{scan_id}.nii.gz`.
    path : Path
        Path of the registry, for messages.

    Returns
    -------
    pandas.Series of str, shape (rows,)
        Path of each row.

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
        raise ContractError(
            f"{path}: cohort.paths.{name} uses {', '.join(absent)}, but the registry has no such column; available"
            f" columns: {found}"
        )
    filled = pd.Series("", index=frame.index, dtype="string")
    for text, column in parts:
        filled += text
        filled += frame[column].astype("string") if column is not None else ""
    own = frame[name].astype("string") if name in frame.columns else pd.Series(pd.NA, frame.index, dtype="string")
    return own.fillna(filled)


def _refuse_settings_of_none(columns: list[str], reading: Reading, path: Path) -> None:
    """Reject `values` of a column that does not exist, and column names that are similar to a name of the registry."""
    unused = [name for name in reading.values if name not in columns and name not in column_names.KNOWN]
    if unused:
        likely = column_names.closest_known(unused[0]) or "COLUMN"
        raise ContractError(
            f"{path}: cohort.values contains {', '.join(unused)}, but the registry has no such column; available"
            f" columns: {', '.join(columns)}; use the column name of the study, for example, cohort: {{values:"
            f" {{{likely}: {{WORD: MEANING}}}}}}"
        )
    given = {name: theirs for theirs, names in reading.columns.items() for name in names if name != theirs}
    for name, theirs in given.items():
        close = column_names.misspelled_known(name)
        if close and close not in columns and name not in column_names.KNOWN:
            line = column_names.mapping_line({theirs: close}, reading.section)
            raise ContractError(
                f"{path}: the settings rename column {theirs} to {name}, which is similar to {close}; if {close} is"
                f" intended, set {line}; otherwise, choose another name"
            )


def is_text(name: str) -> bool:
    """Return whether the cells of a column are text even if they look like numbers, according to its name.

    Parameters
    ----------
    name : str
        Name of the column.

    Returns
    -------
    bool
        Whether the name is in `TEXTS` or its last word is in `ENDS_OF_TEXTS`.

    Examples
    --------
    >>> is_text("scan_id"), is_text("Exam number"), is_text("age_years")
    (True, True, False)

    """
    return name in TEXTS or column_names.normalized(name).split("_")[-1] in ENDS_OF_TEXTS

"""Conversion of numbers, ages, sexes, and Boolean values from users' notations to standard form.

A value with one possible meaning is converted, and a note describes the conversion. A value with several possible
meanings raises an error that contains the line of the study file that resolves the ambiguity.
"""

import re
from collections.abc import Sequence

import pandas as pd

from ctpop.foundation.errors import ContractError
from ctpop.study.registry_options import Reading

TRUE_WORDS = ("true", "yes", "1")
FALSE_WORDS = ("false", "no", "0")
FURTHER_TRUE_WORDS = ("t", "y", "1.0", "ja", "j", "oui", "si", "sí")
FURTHER_FALSE_WORDS = ("f", "n", "0.0", "nein", "non")
SEXES = {
    **dict.fromkeys(("female", "f", "woman", "w", "weiblich", "femme", "feminin", "mujer", "femenino"), "female"),
    **dict.fromkeys(("females", "women", "girl", "frau", "féminin", "femminile", "mulher", "feminino"), "female"),
    **dict.fromkeys(("male", "m", "man", "männlich", "maennlich", "homme", "masculin", "hombre", "masculino"), "male"),
    **dict.fromkeys(("males", "men", "boy", "mann", "maschile", "homem"), "male"),
}
SEX_CODES = {"0", "1", "2", "0.0", "1.0", "2.0"}  # codes whose meaning differs between tables
# Words for a missing value in a column whose other cells are numbers. Columns of text, such as IDs, keep these words.
NO_NUMBER = {
    *("na", "n/a", "n.a.", "#n/a", "nan", "null", "none", "nil", "missing", "unknown", "unbekannt", "k.a."),
    *("n.d.", "nd", "not done", "not available", "#div/0!", "#value!", "#ref!", "#num!", "#name?", "#null!"),
    *("-", "--", "–", "—", ".", "?", "*"),
}
NO_TEXT = {"na", "n/a", "n.a.", "#n/a", "nan", "null", "unknown", "unbekannt", "missing", "k.a.", "?", "not recorded"}
SPACES = re.compile("[\\s'’_\u00a0\u2009\u202f](?=[0-9]{3}(?:\\D|$))")  # thousands separators
PLAIN = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
COMMA_DECIMAL = r"[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?"
GROUPS_BY_COMMA = r"[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?"
GROUPS_BY_POINT = r"[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+(?:,[0-9]+)?"
# ASSUME: among this many numbers with three decimals, at least one ends in 0, and programs omit a final 0
FEWEST_GROUPED = 5
SAMPLE_ROWS = 1000  # number of rows, sufficient to identify the decimal mark of nearly every column
AGE = re.compile(
    r"([0-9]{1,4}(?:[.,][0-9]+)?)\s*(y|yr|yrs|year|years|yo|ans|años|a|j|jahre|m|mo|months?|w|weeks?|d|days?)\.?", re.I
)
# SOURCE: DICOM PS3.5, value representation AS (age string), defines the units Y, M, W, and D
UNITS_PER_YEAR = {"y": 1.0, "m": 12.0, "w": 365.25 / 7, "d": 365.25}
SHOWN = 3
WRITE_POINTS = "write all numbers with a decimal point"


def with_numbers(
    frame: pd.DataFrame, names: Sequence[str], place: str, reading: Reading
) -> tuple[pd.DataFrame, list[str]]:
    """Convert the numbers in the named columns of a table to the form 1234.5.

    The decimal mark of an ambiguous number, such as 1.234, is inferred from the other columns of the table.

    Parameters
    ----------
    frame : pandas.DataFrame of str
        Cells as text, missing where empty.
    names : sequence of str
        Columns that can contain numbers.
    place : str
        File of the table, for messages.
    reading : Reading
        Settings for reading the table.

    Returns
    -------
    frame : pandas.DataFrame of str
        The same rows with converted numbers.
    notes : list of str
        One note per conversion.

    Raises
    ------
    ContractError
        If the numbers of a column are ambiguous or inconsistent (`numbers_as_text`).

    Examples
    --------
    >>> frame = pd.DataFrame({"liver": ["1.516.400", "980.000"], "spleen": ["210.200", "198.300"]})
    >>> with_numbers(frame, ["liver", "spleen"], "a.csv", Reading())[0]["spleen"].tolist()
    ['210200', '198300']

    """
    begins = {name: frame[name].dropna().head(SAMPLE_ROWS) for name in names}
    shown = {mark for name in names if (mark := _shown_mark(begins[name]) or _shown_mark(frame[name]))}
    mark = shown.pop() if len(shown) == 1 else ""
    found, notes = frame.copy(), []
    for name in names:
        found[name], of_column = numbers_as_text(frame[name], name, place, reading.decimal, reading.section, mark)
        notes += of_column
    return found, notes


def numbers_as_text(
    column: pd.Series, name: str, place: str, decimal: str | None, section: str = "cohort", shown: str = ""
) -> tuple[pd.Series, list[str]]:
    """Convert a column to numbers in the form 1234.5 if all its cells are numbers or missing.

    Parameters
    ----------
    column : pandas.Series of str, shape (rows,)
        Cells as text, missing where empty.
    name : str
        Name of the column.
    place : str
        File of the table, for messages.
    decimal : str or None
        Decimal mark, `.` or `,`. None means that the decimal mark is inferred from the column.
    section : str
        Section of the study file that can set the decimal mark, for messages; empty if no section can.
    shown : str
        Decimal mark found in other columns of the table; empty if unknown.

    Returns
    -------
    column : pandas.Series of str, shape (rows,)
        Numbers with a decimal point and without thousands separators. Words that denote a missing number are replaced
        by missing values. A column that contains other text is returned unchanged.
    notes : list of str
        One note per conversion.

    Raises
    ------
    ContractError
        If a mark can be either a decimal mark or a thousands separator, or if the column contains both decimal marks.

    Examples
    --------
    >>> numbers_as_text(pd.Series(["61,5", "NA", "70"]), "age", "a.csv", None)[0].tolist()
    ['61.5', nan, '70']
    >>> numbers_as_text(pd.Series(["1,234"]), "volume", "a.csv", None)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ctpop.foundation.errors.ContractError: a.csv: column volume: '1,234' is ambiguous (1.234 or 1234); set the ...

    """
    words = column.dropna().astype("str")
    if words.empty or not words.str.contains(r"[0-9]").any() or _has_one_meaning(words, decimal or shown):
        return column, []
    missing = words.str.lower().isin(NO_NUMBER)
    numbers = words[~missing].str.replace(SPACES, "", regex=True)
    if numbers.empty or not _are_numbers(numbers):
        return column, []
    mark = (
        _stated_mark(numbers, name, place, decimal)
        if decimal
        else _decimal_mark(numbers, name, place, Reading(section=section), shown)
    )
    converted = numbers
    if mark == ",":
        converted = numbers.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
    elif mark == ".":
        converted = numbers.str.replace(",", "", regex=False)
    notes = _notes_of_numbers(name, words[missing], words[~missing], converted, mark)
    found = column.copy()
    found[words.index[missing]] = pd.NA
    found[converted.index] = converted
    return found.astype("str"), notes


def years_of(column: pd.Series, place: str) -> tuple[pd.Series, list[str]]:
    """Convert ages to years, including ages with a unit such as `45Y`, `045Y`, `540M`, and `45 years`.

    Any other text becomes a missing value.

    Parameters
    ----------
    column : pandas.Series of str, shape (scans,)
        Ages as text, missing where empty.
    place : str
        File and column, for the notes.

    Returns
    -------
    years : pandas.Series of float, shape (scans,)
        Ages (years).
    notes : list of str
        One note per conversion.

    Examples
    --------
    >>> years, notes = years_of(pd.Series(["045Y", "54M", None]), "a.csv: age_years")
    >>> years.tolist(), notes
    ([45.0, 4.5, nan], ['a.csv: age_years: ages with a unit, such as 045Y, are converted to years (cells: 2)'])

    """
    years = pd.to_numeric(column, errors="coerce").astype("float64")
    others = column[years.isna() & column.notna()]
    ages = {word: age for word in others.unique() if (age := _age_in_years(word)) is not None}
    read = others[others.isin(ages)]
    years[read.index] = read.map(ages).astype("float64")
    if not len(read):
        return years, []
    notes = [f"{place}: ages with a unit, such as {read.iloc[0]}, are converted to years (cells: {len(read)})"]
    zero = years[read.index].eq(0)
    if zero.any():
        years[zero[zero].index] = float("nan")
        notes.append(
            f"{place}: ages of zero with a unit, such as 000Y, are placeholders and are read as missing"
            f" (cells: {int(zero.sum())})"
        )
    return years, notes


def is_age(word: object) -> bool:
    """Return whether a cell is an age with a unit, such as `045Y` or the placeholder `000Y`.

    Parameters
    ----------
    word : object
        Cell of a column of ages.

    Returns
    -------
    bool
        Whether `years_of` recognizes the cell as an age.

    Examples
    --------
    >>> is_age("000Y"), is_age("old"), is_age(None)
    (True, False, False)

    """
    return isinstance(word, str) and _age_in_years(word) is not None


def sexes_of(column: pd.Series, place: str) -> tuple[pd.Series, list[str]]:
    """Convert sexes to `female` and `male`, and other words to lower case.

    Parameters
    ----------
    column : pandas.Series of str, shape (scans,)
        Sexes as text, missing where empty.
    place : str
        File and column, for messages.

    Returns
    -------
    sexes : pandas.Series of str, shape (scans,)
        `female`, `male`, any other word in lower case, or missing.
    notes : list of str
        One note that lists the conversions; empty if there are none.

    Raises
    ------
    ContractError
        If sexes are coded as numbers, because numeric codes are ambiguous.

    Examples
    --------
    >>> sexes_of(pd.Series(["F", "m", None]), "a.csv: sex")
    (0    female
    1      male
    2       NaN
    dtype: str, ['a.csv: sex: F is read as female, m as male'])

    """
    words = [str(word) for word in column.dropna().unique()]
    codes = sorted(word for word in words if word in SEX_CODES)
    if codes:
        meaning = ", ".join(f'"{code}": {sex}' for code, sex in zip(codes, ("male", "female", "female"), strict=False))
        raise ContractError(
            f"{place}: numeric codes for sex are ambiguous (found {', '.join(codes)}); define each code, for example,"
            f" cohort: {{values: {{sex: {{{meaning}}}}}}}"
        )
    meanings = {word: SEXES.get(word.lower(), word.lower()) for word in words}
    renamed = [
        f"{word} {'is read ' if not number else ''}as {sex}"
        for number, (word, sex) in enumerate(
            (word, sex) for word, sex in sorted(meanings.items()) if sex != word.lower()
        )
    ]
    return column.map(meanings).astype("str"), [f"{place}: {', '.join(renamed)}"] if renamed else []


def without_missing(words: pd.Series, place: str, notes: list[str]) -> pd.Series:
    """Replace words that denote a missing value with missing values in a column of sexes or Boolean values.

    Parameters
    ----------
    words : pandas.Series of str, shape (scans,)
        Words, missing where empty.
    place : str
        File and column, for the note.
    notes : list of str
        Receives a note if words were replaced.

    Returns
    -------
    pandas.Series of str, shape (scans,)
        Remaining words; missing where a word denotes a missing value.

    Examples
    --------
    >>> notes = []
    >>> without_missing(pd.Series(["F", "unknown"]), "a.csv: sex", notes).tolist(), notes
    (['F', nan], ["a.csv: sex: words read as missing values: 'unknown' (cells: 1)"])

    """
    missing = words.astype("string").str.lower().isin(NO_TEXT).fillna(False).astype(bool)
    if missing.any():
        found = ", ".join(repr(str(word)) for word in sorted(words[missing].unique())[:SHOWN])
        notes.append(f"{place}: words read as missing values: {found} (cells: {int(missing.sum())})")
    return words.mask(missing)


def truths_of(words: pd.Series) -> pd.Series:
    """Convert words to true, false, or missing. Any unrecognized word becomes a missing value.

    Parameters
    ----------
    words : pandas.Series, shape (scans,)
        Words in upper or lower case, or Boolean values.

    Returns
    -------
    pandas.Series of boolean, shape (scans,)
        Boolean values.

    Examples
    --------
    >>> truths_of(pd.Series(["Yes", "n", "maybe", None])).tolist()
    [True, False, <NA>, <NA>]

    """
    meanings = {
        **dict.fromkeys((*TRUE_WORDS, *FURTHER_TRUE_WORDS), True),
        **dict.fromkeys((*FALSE_WORDS, *FURTHER_FALSE_WORDS), False),
    }
    return words.astype("string").str.lower().map(meanings).astype("boolean")


def _are_numbers(words: pd.Series) -> bool:
    fits = words.str.fullmatch(f"{PLAIN}|{COMMA_DECIMAL}|{GROUPS_BY_COMMA}|{GROUPS_BY_POINT}")
    return bool(fits.all())


def _stated_mark(numbers: pd.Series, name: str, place: str, decimal: str) -> str:
    """Return the decimal mark set in the study file after checking that all numbers of the column agree with it."""
    pattern = f"{PLAIN}|{GROUPS_BY_COMMA}" if decimal == "." else f"[+-]?[0-9]+|{COMMA_DECIMAL}|{GROUPS_BY_POINT}"
    unfit = numbers[~numbers.str.fullmatch(pattern)]
    if len(unfit):
        raise ContractError(
            f"{place}: column {name}: {unfit.iloc[0]!r} does not agree with the decimal mark {decimal!r} set in the"
            f" study file (affected rows: {len(unfit)}); correct the cells or the setting `decimal`"
        )
    return decimal


def _has_one_meaning(words: pd.Series, mark: str) -> bool:
    """Return whether all words are numbers in standard form without a point that could be a thousands separator."""
    if not words.str.fullmatch(PLAIN).all():
        return False
    if mark == ".":
        return True
    pointed = words[words.str.contains(".", regex=False)]
    if mark == "," or pointed.empty:
        return pointed.empty
    whole = len(pointed) < len(words)  # programs that write three decimals also write them for whole numbers
    return not (whole and len(pointed) >= FEWEST_GROUPED and pointed.str.fullmatch(GROUPS_BY_POINT).all())


def _shown_mark(column: pd.Series) -> str:
    """Return the decimal mark of a column's unambiguous numbers; empty if there are none or if the marks differ."""
    words = column.dropna().astype("str")
    numbers = words[~words.str.lower().isin(NO_NUMBER)]
    marked = numbers[numbers.str.contains("[.,]", regex=True)]
    if marked.empty or not _are_numbers(marked):
        return ""
    comma = marked.str.fullmatch(f"{COMMA_DECIMAL}|{GROUPS_BY_POINT}") & ~marked.str.fullmatch(
        f"{PLAIN}|{GROUPS_BY_COMMA}"
    )
    point = marked.str.fullmatch(f"{PLAIN}|{GROUPS_BY_COMMA}") & ~marked.str.fullmatch(
        f"{COMMA_DECIMAL}|{GROUPS_BY_POINT}"
    )
    return "" if comma.any() == point.any() else "," if comma.any() else "."


def _decimal_mark(numbers: pd.Series, name: str, place: str, reading: Reading, shown: str) -> str:
    """Return the decimal mark of a column; empty if its numbers contain neither mark."""
    own = _shown_mark(numbers)
    if own or not numbers.str.contains("[.,]", regex=True).any():
        return own
    by_comma, by_point = (
        numbers[numbers.str.contains(mark, regex=False) & ~numbers.str.fullmatch(groups)]
        for mark, groups in ((",", GROUPS_BY_COMMA), (".", GROUPS_BY_POINT))
    )
    if len(by_comma) and len(by_point):
        raise ContractError(
            f"{place}: column {name} contains two decimal marks, for example, {by_comma.iloc[0]!r} and"
            f" {by_point.iloc[0]!r}; {WRITE_POINTS}"
        )
    if shown:
        return shown
    mark = "," if numbers.str.contains(",", regex=False).any() else "."
    first = numbers[numbers.str.contains(mark, regex=False)].iloc[0]
    raise ContractError(
        f"{place}: column {name}: {first!r} is ambiguous ({first.replace(mark, '.')} or {first.replace(mark, '')});"
        f" {reading.remedy('decimal', '.', 'set the decimal mark', WRITE_POINTS)}"
    )


def _notes_of_numbers(name: str, missing: pd.Series, before: pd.Series, after: pd.Series, mark: str) -> list[str]:
    notes = []
    if len(missing):
        words = ", ".join(repr(word) for word in sorted(missing.unique())[:SHOWN])
        notes.append(f"column {name}: words read as missing values: {words} (cells: {len(missing)})")
    changed = before[before.ne(after)]
    if len(changed):
        first = changed.index[0]
        marks = "decimal commas" if mark == "," and "," in before[first] else "thousands separators"
        notes.append(f"column {name} contains {marks}: {before[first]} is read as {after[first]}")
    return notes


def _age_in_years(word: str) -> float | None:
    matched = AGE.fullmatch(word.strip())
    if not matched:
        return None
    number, unit = float(matched[1].replace(",", ".")), matched[2].lower()
    return number / UNITS_PER_YEAR.get(unit[0], 1.0)

"""Numbers, ages, sexes and truth values as researchers write them, converted to those of this package.

A coding with one possible meaning is converted, and a sentence states the conversion. One with several is an error with
the line of the configuration that decides it.
"""

import re
from collections.abc import Sequence

import pandas as pd

from ctpop.foundation.errors import ContractError
from ctpop.study import column_names
from ctpop.study.registry_options import Reading
from ctpop.study.table_cells import line_of

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
SEX_CODES = {"0", "1", "2", "0.0", "1.0", "2.0"}  # which stand for different sexes in different tables
# Words for a missing value in a column whose other cells are numbers; texts, and ids above all, keep them.
NO_NUMBER = {
    *("na", "n/a", "n.a.", "#n/a", "nan", "null", "none", "nil", "missing", "unknown", "unbekannt", "k.a."),
    *("n.d.", "nd", "not done", "not available", "#div/0!", "#value!", "#ref!", "#num!", "#name?", "#null!"),
    *("-", "--", "–", "—", ".", "?", "*"),
}
NO_TEXT = {"na", "n/a", "n.a.", "#n/a", "nan", "null", "unknown", "unbekannt", "missing", "k.a.", "?", "not recorded"}
SPACES = re.compile("[\\s'’_\u00a0\u2009\u202f](?=[0-9]{3}(?:\\D|$))")  # between groups of three digits
PLAIN = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
COMMA_DECIMAL = r"[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?"
GROUPS_BY_COMMA = r"[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?"
GROUPS_BY_POINT = r"[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+(?:,[0-9]+)?"
# ASSUME: of so many numbers with three decimals, one at least ends with 0, which programs leave out
FEWEST_GROUPED = 5
SAMPLE_ROWS = 1000  # whose numbers show the decimal mark of nearly every column
AGE = re.compile(
    r"([0-9]{1,4}(?:[.,][0-9]+)?)\s*(y|yr|yrs|year|years|yo|ans|años|a|j|jahre|m|mo|months?|w|weeks?|d|days?)\.?", re.I
)
# SOURCE: DICOM PS3.5, value representation AS, has years to days
UNITS_PER_YEAR = {"y": 1.0, "m": 12.0, "w": 365.25 / 7, "d": 365.25}
SHOWN = 3
WRITE_POINTS = "write all numbers with a decimal point"
ADULT_YEARS, SHORTEST_ADULTS_CM, SHORTEST_INCHES = 18, 110, 40  # of medians
LARGEST_BODY_MASS_INDEX = 48  # of medians (kg/m²); cohorts of bariatric surgery have 40 to 45
UNITS_OF_PATIENTS = {  # medians between which a column can have its unit; else the likely unit and what to do
    "height_cm": (20.0, 300.0, ("m", "multiply the values by 100"), ("mm", "divide the values by 10")),
    "weight_kg": (0.4, 400.0, ("t", "multiply the values by 1000"), ("g", "divide the values by 1000")),
}


def with_numbers(
    frame: pd.DataFrame, names: Sequence[str], place: str, reading: Reading
) -> tuple[pd.DataFrame, list[str]]:
    """Return a table with the numbers of some columns in the form 1234.5.

    A number that can be read in two ways, such as 1.234, is read as the other columns of the table show.

    Parameters
    ----------
    frame : pandas.DataFrame of str
        Cells as text, missing where empty.
    names : sequence of str
        Columns that may contain numbers.
    place : str
        File of the table, for messages.
    reading : Reading
        Settings for reading the table.

    Returns
    -------
    frame : pandas.DataFrame of str
        The same rows.
    notes : list of str
        A sentence for each conversion.

    Raises
    ------
    ContractError
        As `numbers_as_text`.

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
    """Return a column of text with its numbers in the form 1234.5, if all its cells are numbers or missing.

    Parameters
    ----------
    column : pandas.Series of str, shape (rows,)
        Cells as text, missing where empty.
    name : str
        Name of the column.
    place : str
        File of the table, for messages.
    decimal : str or None
        Decimal mark, `.` or `,`; None infers it from the column.
    section : str
        Section of the configuration that can state the decimal mark, for messages; empty if none can.
    shown : str
        Decimal mark that other columns of the table show; empty if none is known.

    Returns
    -------
    column : pandas.Series of str, shape (rows,)
        Numbers with a decimal point, without separators of thousands, and missing where a word stands for a missing
        number; the same column if it contains other texts.
    notes : list of str
        A sentence for each conversion.

    Raises
    ------
    ContractError
        If a comma can be a decimal mark or a separator of thousands, or both marks are used as decimal mark.

    Examples
    --------
    >>> numbers_as_text(pd.Series(["61,5", "NA", "70"]), "age", "a.csv", None)[0].tolist()
    ['61.5', nan, '70']
    >>> numbers_as_text(pd.Series(["1,234"]), "volume", "a.csv", None)
    Traceback (most recent call last):
    ctpop.foundation.errors.ContractError: a.csv: column volume: '1,234' can be 1.234 or 1234; state the decimal \
mark, for example cohort: {decimal: "."}, or write all numbers with a decimal point

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
    """Return ages in years; `45Y`, `045Y`, `540M` and `45 years` are read, other texts are missing.

    Parameters
    ----------
    column : pandas.Series of str, shape (scans,)
        Ages as text, missing where empty.
    place : str
        File and column, for the sentences.

    Returns
    -------
    years : pandas.Series of float, shape (scans,)
        Ages (years).
    notes : list of str
        A sentence for each conversion.

    Examples
    --------
    >>> years, notes = years_of(pd.Series(["045Y", "54M", None]), "a.csv: age_years")
    >>> years.tolist(), notes
    ([45.0, 4.5, nan], ['a.csv: age_years: 2 ages with a unit, such as 045Y, are read in that unit'])

    """
    years = pd.to_numeric(column, errors="coerce").astype("float64")
    others = column[years.isna() & column.notna()]
    ages = {word: age for word in others.unique() if (age := _age_in_years(word)) is not None}
    read = others[others.isin(ages)]
    years[read.index] = read.map(ages).astype("float64")
    if not len(read):
        return years, []
    notes = [f"{place}: {len(read)} ages with a unit, such as {read.iloc[0]}, are read in that unit"]
    zero = years[read.index].eq(0)
    if zero.any():
        years[zero[zero].index] = float("nan")
        notes.append(
            f"{place}: {int(zero.sum())} ages of zero with a unit, such as 000Y, are placeholders, read as missing"
        )
    return years, notes


def is_age(word: object) -> bool:
    """Return whether a cell is an age with a unit, such as `045Y`; the placeholder `000Y` is one, too.

    Parameters
    ----------
    word : object
        Cell of a column of ages.

    Returns
    -------
    bool
        Whether `years_of` reads it.

    Examples
    --------
    >>> is_age("000Y"), is_age("old"), is_age(None)
    (True, False, False)

    """
    return isinstance(word, str) and _age_in_years(word) is not None


def sexes_of(column: pd.Series, place: str) -> tuple[pd.Series, list[str]]:
    """Return sexes as `female` and `male`; other words are returned in lower case.

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
        A sentence for each conversion.

    Raises
    ------
    ContractError
        If sexes are numbers, which have several meanings.

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
            f"{place}: {', '.join(codes)} can stand for either sex; state which, as in cohort:"
            f" {{values: {{sex: {{{meaning}}}}}}}"
        )
    meanings = {word: SEXES.get(word.lower(), word.lower()) for word in words}
    renamed = [
        f"{word} {'is read ' if not number else ''}as {sex}"
        for number, (word, sex) in enumerate(
            (word, sex) for word, sex in sorted(meanings.items()) if sex != word.lower()
        )
    ]
    return column.map(meanings).astype("str"), [f"{place}: {', '.join(renamed)}"] if renamed else []


def refuse_other_units(frame: pd.DataFrame, place: str) -> None:
    """Refuse heights and weights whose median shows another unit than that in the name of their column.

    Parameters
    ----------
    frame : pandas.DataFrame
        Registry with columns under the names of this package.
    place : str
        File of the registry, for messages.

    Raises
    ------
    ContractError
        If heights are in m, mm or inches, or weights in g or lb, or if a single value is impossible.

    Examples
    --------
    >>> refuse_other_units(pd.DataFrame({"height_cm": ["1.75"]}), "a.csv")
    Traceback (most recent call last):
    ctpop.foundation.errors.ContractError: a.csv: column height_cm has the median 1.75, which is not cm but probably \
m; multiply the values by 100

    """
    ages = pd.to_numeric(frame.get("age_years", pd.Series(dtype=float)), errors="coerce")
    heights = pd.to_numeric(frame.get("height_cm", pd.Series(dtype=float)), errors="coerce")
    if ages.median() >= ADULT_YEARS and SHORTEST_INCHES < heights.median() < SHORTEST_ADULTS_CM:
        raise ContractError(
            f"{place}: column height_cm has the median {heights.median():g} in adults, which is not cm but probably"
            " inches; multiply the values by 2.54"
        )
    for name, (low, high, smaller, larger) in UNITS_OF_PATIENTS.items():
        if name not in frame.columns:
            continue
        median = pd.to_numeric(frame[name], errors="coerce").median()
        if median < low or median > high:
            unit, remedy = smaller if median < low else larger
            raise ContractError(
                f"{place}: column {name} has the median {median:g}, which is not {name.rpartition('_')[2]} but probably"
                f" {unit}; {remedy}"
            )
        _refuse_impossible(frame[name], name, (low, high), place)
    _refuse_pounds(frame, ages, heights, place)


def without_missing(words: pd.Series, place: str, notes: list[str]) -> pd.Series:
    """Return a column of sexes or truth values that is missing where a word says that nothing is recorded.

    Parameters
    ----------
    words : pandas.Series of str, shape (scans,)
        Words, missing where empty.
    place : str
        File and column, for the sentence.
    notes : list of str
        Receives a sentence if there are such words.

    Returns
    -------
    pandas.Series of str, shape (scans,)
        The other words.

    Examples
    --------
    >>> notes = []
    >>> without_missing(pd.Series(["F", "unknown"]), "a.csv: sex", notes).tolist(), notes
    (['F', nan], ["a.csv: sex: 1 cells with 'unknown' are read as missing"])

    """
    missing = words.astype("string").str.lower().isin(NO_TEXT).fillna(False).astype(bool)
    if missing.any():
        found = ", ".join(repr(str(word)) for word in sorted(words[missing].unique())[:SHOWN])
        notes.append(f"{place}: {int(missing.sum())} cells with {found} are read as missing")
    return words.mask(missing)


def truths_of(words: pd.Series) -> pd.Series:
    """Return words as true, false or missing; a word that is neither is missing, too.

    Parameters
    ----------
    words : pandas.Series, shape (scans,)
        Words in upper or lower case, or truth values.

    Returns
    -------
    pandas.Series of boolean, shape (scans,)
        Truth values.

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


def _refuse_impossible(words: pd.Series, name: str, limits: tuple[float, float], place: str) -> None:
    values = pd.to_numeric(words, errors="coerce")
    wrong = words[values.notna() & ~values.between(*limits)]
    if len(wrong):
        first = wrong.iloc[0]
        raise ContractError(
            f"{place}: column {name} must be {limits[0]:g} to {limits[1]:g}, found others in {len(wrong)} rows, first"
            f" {first!r} in line {line_of(wrong.index[0])}; correct the cells, or state what stands for a missing"
            f" value, as in {column_names.missing_line(name, [first])}"
        )


def _refuse_pounds(frame: pd.DataFrame, ages: pd.Series, heights: pd.Series, place: str) -> None:
    """Refuse weights of adults that no cohort has as kg, given the heights."""
    weights = pd.to_numeric(frame.get("weight_kg", pd.Series(dtype=float)), errors="coerce")
    if not ages.median() >= ADULT_YEARS or heights.empty or weights.empty:
        return
    index = (weights / (heights / 100) ** 2).median()
    if index > LARGEST_BODY_MASS_INDEX:
        raise ContractError(
            f"{place}: columns weight_kg and height_cm give a median body mass index of {index:.0f} in adults, so that"
            " the weights are probably in lb; multiply them by 0.4536"
        )


def _are_numbers(words: pd.Series) -> bool:
    fits = words.str.fullmatch(f"{PLAIN}|{COMMA_DECIMAL}|{GROUPS_BY_COMMA}|{GROUPS_BY_POINT}")
    return bool(fits.all())


def _stated_mark(numbers: pd.Series, name: str, place: str, decimal: str) -> str:
    """Return the decimal mark that the configuration states, after a check that all numbers of a column fit it."""
    pattern = f"{PLAIN}|{GROUPS_BY_COMMA}" if decimal == "." else f"[+-]?[0-9]+|{COMMA_DECIMAL}|{GROUPS_BY_POINT}"
    unfit = numbers[~numbers.str.fullmatch(pattern)]
    if len(unfit):
        raise ContractError(
            f"{place}: column {name}: {unfit.iloc[0]!r} does not have the decimal mark {decimal!r} that the"
            f" configuration states, found others in {len(unfit)} rows; correct the cells or the setting `decimal`"
        )
    return decimal


def _has_one_meaning(words: pd.Series, mark: str) -> bool:
    """Return whether all words are numbers in the form of this package, and no point can separate thousands."""
    if not words.str.fullmatch(PLAIN).all():
        return False
    if mark == ".":
        return True
    pointed = words[words.str.contains(".", regex=False)]
    if mark == "," or pointed.empty:
        return pointed.empty
    whole = len(pointed) < len(words)  # programs that write three decimals write them for whole numbers, too
    return not (whole and len(pointed) >= FEWEST_GROUPED and pointed.str.fullmatch(GROUPS_BY_POINT).all())


def _shown_mark(column: pd.Series) -> str:
    """Return the decimal mark that a number of a column can only have; empty if there is none, or if both are."""
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
    """Return the decimal mark that the numbers of a column show; empty if they are whole or have one already."""
    own = _shown_mark(numbers)
    if own or not numbers.str.contains("[.,]", regex=True).any():
        return own
    by_comma, by_point = (
        numbers[numbers.str.contains(mark, regex=False) & ~numbers.str.fullmatch(groups)]
        for mark, groups in ((",", GROUPS_BY_COMMA), (".", GROUPS_BY_POINT))
    )
    if len(by_comma) and len(by_point):
        raise ContractError(
            f"{place}: column {name} has two decimal marks, as in {by_comma.iloc[0]!r} and {by_point.iloc[0]!r}; write"
            " all of its numbers with a point"
        )
    if shown:
        return shown
    mark = "," if numbers.str.contains(",", regex=False).any() else "."
    first = numbers[numbers.str.contains(mark, regex=False)].iloc[0]
    raise ContractError(
        f"{place}: column {name}: {first!r} can be {first.replace(mark, '.')} or {first.replace(mark, '')};"
        f" {reading.remedy('decimal', '.', 'state the decimal mark', WRITE_POINTS)}"
    )


def _notes_of_numbers(name: str, missing: pd.Series, before: pd.Series, after: pd.Series, mark: str) -> list[str]:
    notes = []
    if len(missing):
        words = ", ".join(repr(word) for word in sorted(missing.unique())[:SHOWN])
        notes.append(f"column {name}: {len(missing)} cells with {words} are read as missing")
    changed = before[before.ne(after)]
    if len(changed):
        first = changed.index[0]
        marks = "a decimal comma" if mark == "," and "," in before[first] else "separators of thousands"
        notes.append(f"column {name} has {marks}: {before[first]} is read as {after[first]}")
    return notes


def _age_in_years(word: str) -> float | None:
    matched = AGE.fullmatch(word.strip())
    if not matched:
        return None
    number, unit = float(matched[1].replace(",", ".")), matched[2].lower()
    return number / UNITS_PER_YEAR.get(unit[0], 1.0)

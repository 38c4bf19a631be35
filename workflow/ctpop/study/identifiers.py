"""Ids of patients and scans: what spreadsheets and exports make of them, and words that stand for none.

An id that is written in two ways makes two patients of one, or leaves a scan without measures. A word for "unknown"
makes one patient of many. Neither has a second sign in the data, so that both are errors.
No id of a patient is in a message.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from ctpop.foundation.errors import ContractError
from ctpop.study import column_names
from ctpop.study.codings import NO_NUMBER, NO_TEXT
from ctpop.study.registry_options import Reading
from ctpop.study.table_cells import line_of

# What spreadsheets have below their columns
SUMMARIES = (
    *("mean", "average", "median", "sum", "total", "sd", "std", "min", "max", "minimum", "maximum"),
    *("n", "count", "se", "sem", "stdev", "stddev", "std_dev", "mean_sd", "iqr", "median_iqr", "subtotal"),
    *("grand_total", "range", "variance", "cv", "p_value"),
    *("mittelwert", "durchschnitt", "summe", "gesamt", "anzahl", "standardabweichung"),
    *("moyenne", "ecart_type", "media", "promedio"),
)
LAST_ROWS = 12  # in which summaries of a table without ids are looked for
ROUNDED = r"[+-]?[0-9](?:\.[0-9]+)?[eE]\+[0-9]+"  # 1.23457E+12, as spreadsheets show long numbers
NO_PATIENT = {*NO_NUMBER, *NO_TEXT, "x", "xx", "xxx", "anon", "anonymous", "anonymized", "anonymised", "patient"}
NUMBERS_FOR_NONE = r"(?:0+|-1|-?9{2,})(?:\.0+)?"
OLDEST_USUAL, YOUNGEST_OF_ADULTS, YOUNGEST_USUAL = 95, 18, 10  # years
FEWEST_ADULTS = 10  # beside whom a single age of 0 is looked at
COUNTED = re.compile(r"^([a-z]*)0+([0-9]+)$")  # letters and a number with zeros before it, unlike parts of a hash
SHOWN = 3
LETTER, DIGIT = r"[^\W\d_]", r"[0-9]"


def is_summary(words: pd.Series) -> "pd.Series[bool]":
    """Return which words name a summary of rows, such as the mean.

    Parameters
    ----------
    words : pandas.Series of str, shape (rows,)
        Words, missing where empty.

    Returns
    -------
    pandas.Series of bool, shape (rows,)
        Whether they do.

    Examples
    --------
    >>> is_summary(pd.Series(["Mean (SD)", "Mean", "P0001", None])).tolist()
    [True, True, False, False]

    """
    return words.map(lambda word: column_names.normalised(str(word)) in SUMMARIES, na_action="ignore").eq(True)


def refuse_summaries_without_ids(table: pd.DataFrame, place: Path) -> None:
    """Refuse a table without ids whose last rows are summaries: each row would be a scan.

    Parameters
    ----------
    table : pandas.DataFrame of str
        Table without `scan_id`; the index is the line in the file minus 2.
    place : Path
        File of the table, for messages.

    Raises
    ------
    ContractError
        If the first column, or one that may have ids, has a word for a summary in one of the last rows, whose other
        cells have no words. A category, such as `total` of an operation, has those of its patient beside it.

    Examples
    --------
    >>> refuse_summaries_without_ids(pd.DataFrame({"Name": ["A", "B"], "age_years": ["61", "50"]}), Path("a.csv"))

    """
    last = table.tail(LAST_ROWS)
    named = [*column_names.candidates("scan_id", table.columns), *column_names.candidates("patient_id", table.columns)]
    for column in dict.fromkeys([*table.columns[:1], *named]):
        wordless = ~last.drop(columns=column).apply(_are_words).any(axis="columns").astype(bool)
        found = last.index[is_summary(last[column]) & wordless]
        if len(found):
            raise ContractError(
                f"{place}: line {line_of(found[0])}: each row must be a scan, found {last[column][found[0]]!r} in"
                f" column {column}, which names a summary of rows; delete these {len(found)} rows, or write"
                " another word if it is a value of a scan"
            )


def refuse_unfit_patients(ids: pd.Series, path: Path, reading: Reading) -> None:
    """Refuse ids of patients that a program has rounded, that stand for none, or that are written in two ways.

    Words that `cohort.values` maps are taken as they are.

    Parameters
    ----------
    ids : pandas.Series of str, shape (scans,)
        Ids of patients, missing where not recorded; the index is the line in the file minus 2.
    path : Path
        File of the registry, for messages.
    reading : Reading
        Settings for reading the registry.

    Raises
    ------
    ContractError
        If there are such ids.

    Examples
    --------
    >>> refuse_unfit_patients(pd.Series(["p1", "p1", "p2"]), Path("registry.csv"), Reading())
    >>> refuse_unfit_patients(pd.Series(["p1", "P1"]), Path("registry.csv"), Reading())  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ctpop.foundation.errors.ContractError: registry.csv: patient_id must be written in one way in all rows of a ...

    """
    known = ids.dropna().astype("str")
    refuse_rounded(known, "patient_id", path)
    stated = {*reading.values.get("patient_id", {}), *reading.values.get("patient_id", {}).values()}
    known = known[~known.isin(stated)]
    _refuse_placeholders(known, path)
    written = {key: words for key, words in _by_key(known.unique()).items() if len(words) > 1}
    if written:
        first, second, *_ = next(iter(written.values()))
        rows = known[known.isin((first, second))].drop_duplicates()
        raise ContractError(
            f"{path}: patient_id must be written in one way in all rows of a patient, found {len(written)} patients"
            " with ids that differ in upper and lower case, zeros or marks alone, the first in line"
            f" {_lines(rows)}; if the two ids (ID1 and ID2) are of one patient, write one of them, or state"
            ' cohort: {values: {patient_id: {"ID2": "ID1"}}}; if they are of two patients, state'
            ' cohort: {values: {patient_id: {"ID1": "ID1", "ID2": "ID2"}}}'
        )


def refuse_rounded(ids: pd.Series, column: str, place: Path) -> None:
    """Refuse ids that a spreadsheet has rounded, such as 1.23457E+12: several ids may have become one.

    Parameters
    ----------
    ids : pandas.Series of str, shape (rows,)
        Ids, missing where empty; the index is the line in the file minus 2.
    column : str
        Name of the column, for messages.
    place : Path
        File of the table, for messages.

    Raises
    ------
    ContractError
        If there are such ids.

    Examples
    --------
    >>> refuse_rounded(pd.Series(["1234567890123", None]), "scan_id", Path("registry.csv"))
    >>> refuse_rounded(pd.Series(["s1", "1.23457E+12"]), "scan_id", Path("registry.csv"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ctpop.foundation.errors.ContractError: registry.csv: line 3: scan_id must be the whole id, found 1 numbers of ...

    """
    known = ids.dropna().astype("str")
    rounded = known[known.str.fullmatch(ROUNDED)]
    if len(rounded):
        raise ContractError(
            f"{place}: line {_line(rounded)}: {column} must be the whole id, found {len(rounded)} numbers of the form"
            " 1.23E+12, which a spreadsheet has rounded; export the column as text"
        )


def refuse_near_ids(absent: Iterable[str], others: Iterable[str], place: Path, what: str) -> None:
    """Refuse ids of scans without measures that measures have in another spelling.

    Parameters
    ----------
    absent : iterable of str
        Scans of the study of which there is nothing.
    others : iterable of str
        Ids that no scan of the study has.
    place : Path
        File or folder with the measures, for messages.
    what : str
        What has the other ids, for messages.

    Raises
    ------
    ContractError
        If ids differ in upper and lower case, zeros at the beginning, marks or the ending of a file alone.

    Examples
    --------
    >>> refuse_near_ids(["s1"], ["s2"], Path("a.csv"), "the table")
    >>> refuse_near_ids(["007"], ["7"], Path("a.csv"), "the table")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ctpop.foundation.errors.ContractError: a.csv: ids must be written as in the registry, found 1 scans whose id ...

    """
    elsewhere = _by_key(others)
    pairs = [(scan_id, elsewhere[key][0]) for scan_id in absent if (key := _key(scan_id)) in elsewhere]
    if pairs:
        raise ContractError(
            f"{place}: ids must be written as in the registry, found {len(pairs)} scans whose id {what} has in another"
            f" spelling, first {pairs[0][0]!r} of the registry and {pairs[0][1]!r}; write them alike in both"
        )


def refuse_ages_for_none(ages: pd.Series, words: pd.Series, path: Path, reading: Reading) -> None:
    """Refuse ages of 0 and 99 that probably stand for a missing age, since no other age is near them.

    Words that are a meaning in `cohort.values` are taken as they are, as in `{"0": "0"}`.

    Parameters
    ----------
    ages : pandas.Series of float, shape (scans,)
        Ages (years), missing where not known; the index is the line in the file minus 2.
    words : pandas.Series of str, shape (scans,)
        Cells of the same ages, after `cohort.values` were applied.
    path : Path
        File of the registry, for messages.
    reading : Reading
        Settings for reading the registry.

    Raises
    ------
    ContractError
        If there are such ages.

    Examples
    --------
    >>> words = pd.Series(["61", "0", "3"])
    >>> refuse_ages_for_none(words.astype(float), words, Path("registry.csv"), Reading())
    >>> words = pd.Series(["61", "0", "0"])
    >>> refuse_ages_for_none(words.astype(float), words, Path("registry.csv"), Reading())  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ctpop.foundation.errors.ContractError: registry.csv: line 3: age_years is 0 in 2 rows, and no other age is near ...

    """
    stated = {meaning.lower() for meaning in reading.values.get("age_years", {}).values()}
    zero, oldest = ages[ages.eq(0)], ages[ages.eq(99)]
    others = ages[ages.gt(0) & ages.ne(99)]
    of_adults = len(others) >= FEWEST_ADULTS and others.min() >= YOUNGEST_OF_ADULTS
    suspect = {
        "0": zero if of_adults or (len(zero) > 1 and others.min() >= YOUNGEST_USUAL) else zero[:0],
        "99": oldest if len(oldest) > 1 and others.max() < OLDEST_USUAL else oldest[:0],
    }
    for years, found in suspect.items():
        cells = words[found.index].astype("str")
        rows = cells[~cells.str.lower().isin(stated)]
        if len(rows):
            forms = list(dict.fromkeys(rows))
            raise ContractError(
                f"{path}: line {_line(rows)}: age_years is {years} in {len(rows)} rows, and no other age is near it, so"
                f" that it probably stands for a missing age; state {column_names.missing_line('age_years', forms)},"
                f" or {column_names.as_they_are(forms)} if it is the age"
            )


def _are_words(cells: pd.Series) -> "pd.Series[bool]":
    """Return which cells are words, unlike numbers, numbers with units or spreads, and words for nothing."""
    texts = cells.fillna("").astype("str").str.strip().str.lower()
    return texts.str.contains(LETTER) & ~texts.str.contains(DIGIT) & ~texts.isin(NO_TEXT)


def _refuse_placeholders(known: pd.Series, path: Path) -> None:
    counts = known.value_counts()
    words = [str(word) for word in counts.index[counts.gt(1)] if str(word).lower() in NO_PATIENT]
    numbers = counts[counts.index.str.fullmatch(NUMBERS_FOR_NONE)]
    usual = max([1, *counts[~counts.index.isin(numbers.index)]])
    words += [str(word) for word in numbers.index[numbers.gt(2 * usual)]]
    if words:
        word = words[0]
        rows = known[known.eq(word)]
        raise ContractError(
            f"{path}: patient_id is {word!r} in {len(rows)} rows, first line {_lines(rows)}, and probably stands for"
            f" no patient; state {column_names.missing_line('patient_id', [word])}, or"
            f" {column_names.as_they_are([word])} if it is one"
        )


def _by_key(words: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word in words:
        found.setdefault(_key(str(word)), []).append(str(word))
    return found


def _key(word: str) -> str:
    """Return what is left of an id without case, zeros before digits, the `.0` of a number and the ending of a file."""
    plain = re.sub(r"\.nii(\.gz)?$|\.json$|(?<=[0-9])\.0$", "", word.strip().lower())
    return "-".join(COUNTED.sub(r"\1\2", part) for part in re.split(r"[-_.\s]+", plain))


def _line(rows: pd.Series) -> int:
    return line_of(rows.index[0])


def _lines(rows: pd.Series) -> str:
    return ", ".join(str(line_of(row)) for row in rows.index[:SHOWN])

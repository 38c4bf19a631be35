"""Checks of patient and scan IDs for damage by spreadsheets or exports and for words that denote a missing ID.

Two spellings of one ID split a patient into two patients or leave a scan without measures. A word for "unknown" merges
many patients into one. The rest of the data does not reveal either problem, so both raise an error. Messages never
contain a patient ID.
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

# Words for summary rows below the columns of a spreadsheet
SUMMARIES = (
    *("mean", "average", "median", "sum", "total", "sd", "std", "min", "max", "minimum", "maximum"),
    *("n", "count", "se", "sem", "stdev", "stddev", "std_dev", "mean_sd", "iqr", "median_iqr", "subtotal"),
    *("grand_total", "range", "variance", "cv", "p_value"),
    *("mittelwert", "durchschnitt", "summe", "gesamt", "anzahl", "standardabweichung"),
    *("moyenne", "ecart_type", "media", "promedio"),
)
LAST_ROWS = 12  # number of last rows that are searched for summaries in a table without IDs
ROUNDED = r"[+-]?[0-9](?:\.[0-9]+)?[eE]\+[0-9]+"  # 1.23457E+12: spreadsheets display long numbers in this form
NO_PATIENT = {*NO_NUMBER, *NO_TEXT, "x", "xx", "xxx", "anon", "anonymous", "anonymized", "anonymised", "patient"}
NUMBERS_FOR_NONE = r"(?:0+|-1|-?9{2,})(?:\.0+)?"
OLDEST_USUAL, YOUNGEST_OF_ADULTS, YOUNGEST_USUAL = 95, 18, 10  # years
FEWEST_ADULTS = 10  # smallest number of adults for which a single age of 0 is checked
COUNTED = re.compile(r"^([a-z]*)0+([0-9]+)$")  # letters and a number with leading zeros; excludes parts of a hash
SHOWN = 3
LETTER, DIGIT = r"[^\W\d_]", r"[0-9]"


def is_summary(words: pd.Series) -> "pd.Series[bool]":
    """Return which words denote a summary of rows, such as the mean.

    Parameters
    ----------
    words : pandas.Series of str, shape (rows,)
        Words, missing where empty.

    Returns
    -------
    pandas.Series of bool, shape (rows,)
        Whether each word denotes a summary.

    Examples
    --------
    >>> is_summary(pd.Series(["Mean (SD)", "Mean", "P0001", None])).tolist()
    [True, True, False, False]

    """
    return words.map(lambda word: column_names.normalized(str(word)) in SUMMARIES, na_action="ignore").eq(True)


def refuse_summaries_without_ids(table: pd.DataFrame, place: Path) -> None:
    """Reject a table without IDs whose last rows are summaries, which would be read as scans.

    Parameters
    ----------
    table : pandas.DataFrame of str
        Table without `scan_id`. The index is the line number in the file minus 2.
    place : Path
        File of the table, for messages.

    Raises
    ------
    ContractError
        If the first column, or a column that can contain IDs, has a word for a summary in one of the last rows and the
        other cells of the row contain no words. Rows with other words are accepted because such a word can also be a
        category, for example, `total` for a total colectomy.

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
                f"{place}: line {line_of(found[0])}: each row must represent a scan, but column {column} contains"
                f" {last[column][found[0]]!r}, which denotes a summary of rows (affected rows: {len(found)}); delete"
                " the summary rows, or use another word if the row is a scan"
            )


def refuse_unfit_patients(ids: pd.Series, path: Path, reading: Reading) -> None:
    """Reject patient IDs that were rounded, that denote a missing ID, or that have several spellings.

    Words that `cohort.values` maps are accepted without these checks, except the check for rounded numbers.

    Parameters
    ----------
    ids : pandas.Series of str, shape (scans,)
        Patient IDs, missing where not recorded. The index is the line number in the file minus 2.
    path : Path
        File of the registry, for messages.
    reading : Reading
        Settings for reading the registry.

    Raises
    ------
    ContractError
        If the column contains such IDs.

    Examples
    --------
    >>> refuse_unfit_patients(pd.Series(["p1", "p1", "p2"]), Path("registry.csv"), Reading())
    >>> refuse_unfit_patients(pd.Series(["p1", "P1"]), Path("registry.csv"), Reading())  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ctpop.foundation.errors.ContractError: registry.csv: lines 2, 3: patient_id must have the same spelling in all ...

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
            f"{path}: lines {_lines(rows)}: patient_id must have the same spelling in all rows of a patient, but two"
            " IDs (ID1 and ID2) differ only in case, leading zeros, or punctuation (affected patients:"
            f" {len(written)}); if both IDs belong to one patient, use the same ID in the file or set"
            ' cohort: {values: {patient_id: {"ID2": "ID1"}}}; if the IDs belong to two patients, set'
            ' cohort: {values: {patient_id: {"ID1": "ID1", "ID2": "ID2"}}}'
        )


def refuse_rounded(ids: pd.Series, column: str, place: Path) -> None:
    """Reject IDs that a spreadsheet has rounded, such as 1.23457E+12, because different IDs can become identical.

    Parameters
    ----------
    ids : pandas.Series of str, shape (rows,)
        IDs, missing where empty. The index is the line number in the file minus 2.
    column : str
        Name of the column, for messages.
    place : Path
        File of the table, for messages.

    Raises
    ------
    ContractError
        If the column contains such IDs.

    Examples
    --------
    >>> refuse_rounded(pd.Series(["1234567890123", None]), "scan_id", Path("registry.csv"))
    >>> refuse_rounded(pd.Series(["s1", "1.23457E+12"]), "scan_id", Path("registry.csv"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ctpop.foundation.errors.ContractError: registry.csv: line 3: scan_id must be the complete ID, but is a number ...

    """
    known = ids.dropna().astype("str")
    rounded = known[known.str.fullmatch(ROUNDED)]
    if len(rounded):
        raise ContractError(
            f"{place}: line {_line(rounded)}: {column} must be the complete ID, but is a number of the form 1.23E+12,"
            f" which a spreadsheet has rounded (affected rows: {len(rounded)}); export the column as text"
        )


def refuse_near_ids(absent: Iterable[str], others: Iterable[str], place: Path, what: str) -> None:
    """Reject IDs of scans without measures if the measures contain the same IDs in a different spelling.

    Parameters
    ----------
    absent : iterable of str
        Scans of the study without measures.
    others : iterable of str
        IDs in the measures that do not belong to a scan of the study.
    place : Path
        File or folder with the measures, for messages.
    what : str
        Noun phrase for the other IDs, for messages.

    Raises
    ------
    ContractError
        If IDs differ only in case, leading zeros, punctuation, or file extension.

    Examples
    --------
    >>> refuse_near_ids(["s1"], ["s2"], Path("a.csv"), "an ID in the table")
    >>> refuse_near_ids(["007"], ["7"], Path("a.csv"), "an ID in the table")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ctpop.foundation.errors.ContractError: a.csv: IDs must have the same spelling as in the registry, but an ID in ...

    """
    elsewhere = _by_key(others)
    pairs = [(scan_id, elsewhere[key][0]) for scan_id in absent if (key := _key(scan_id)) in elsewhere]
    if pairs:
        raise ContractError(
            f"{place}: IDs must have the same spelling as in the registry, but {what} is {pairs[0][1]!r} instead"
            f" of {pairs[0][0]!r} (affected scans: {len(pairs)}); use the spelling of the registry"
        )


def refuse_ages_for_none(ages: pd.Series, words: pd.Series, path: Path, reading: Reading) -> None:
    """Reject ages of 0 and 99 that probably denote a missing age because no other age is near them.

    Ages that `cohort.values` declares as valid, for example, `{"0": "0"}`, are accepted.

    Parameters
    ----------
    ages : pandas.Series of float, shape (scans,)
        Ages (years), missing where unknown. The index is the line number in the file minus 2.
    words : pandas.Series of str, shape (scans,)
        Cells of the same ages after `cohort.values` was applied.
    path : Path
        File of the registry, for messages.
    reading : Reading
        Settings for reading the registry.

    Raises
    ------
    ContractError
        If the column contains such ages.

    Examples
    --------
    >>> words = pd.Series(["61", "0", "3"])
    >>> refuse_ages_for_none(words.astype(float), words, Path("registry.csv"), Reading())
    >>> words = pd.Series(["61", "0", "0"])
    >>> refuse_ages_for_none(words.astype(float), words, Path("registry.csv"), Reading())  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ctpop.foundation.errors.ContractError: registry.csv: line 3: age_years is 0, which probably denotes a missing ...

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
                f"{path}: line {_line(rows)}: age_years is {years}, which probably denotes a missing age because no"
                f" other age is near it (affected rows: {len(rows)}); set"
                f" {column_names.missing_line('age_years', forms)}, or {column_names.as_they_are(forms)} if"
                f" {years} is the age"
            )


def _are_words(cells: pd.Series) -> "pd.Series[bool]":
    """Return which cells are words, excluding numbers with units or spreads and words for a missing value."""
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
            f"{path}: lines {_lines(rows)}: patient_id is {word!r}, which probably denotes a missing ID (affected rows:"
            f" {len(rows)}); set {column_names.missing_line('patient_id', [word])}, or"
            f" {column_names.as_they_are([word])} if it is the ID of a patient"
        )


def _by_key(words: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word in words:
        found.setdefault(_key(str(word)), []).append(str(word))
    return found


def _key(word: str) -> str:
    """Return an ID in lower case without leading zeros, a trailing `.0`, and a file extension."""
    plain = re.sub(r"\.nii(\.gz)?$|\.json$|(?<=[0-9])\.0$", "", word.strip().lower())
    return "-".join(COUNTED.sub(r"\1\2", part) for part in re.split(r"[-_.\s]+", plain))


def _line(rows: pd.Series) -> int:
    return line_of(rows.index[0])


def _lines(rows: pd.Series) -> str:
    return ", ".join(str(line_of(row)) for row in rows.index[:SHOWN])

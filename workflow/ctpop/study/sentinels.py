"""Detection of codes for missing values, such as 9999 or -99, which the user must confirm or remove."""

from collections.abc import Iterable, Sequence

import pandas as pd

from ctpop.foundation.errors import ContractError, count
from ctpop.study import column_names
from ctpop.study.table_cells import line_of

NINES = r"-?9{3,}(?:\.0+)?"
SHORT = r"-(?:1|9|8|88|77|66|9[6-9])(?:\.0+)?|-?(?:8{3,}|7{3,})(?:\.0+)?"
MOST_WHOLE = 0.8  # largest proportion of integers in a column that is not rounded to integers
FEWEST_OTHERS = 5  # smallest number of other values with which a single value is compared
FAR = 2  # smallest ratio of the absolute value of a code to the largest absolute value of the other numbers
FAR_FROM_WHOLE = 5  # the same ratio for a single 999 in a column of integers, such as platelet counts
FAR_FROM_SPREAD = 0.5  # smallest distance of a code from the other numbers, as a multiple of their range
FAR_FOR_ONE_DIGIT = 1.0  # the same distance for -1, -8, and -9, which are more often valid values
LARGEST_DIGIT, LEAST_OF_NINES = 9, 999


def refuse_sentinels(
    words: pd.Series, column: str, place: str, section: str = "measure", real: Iterable[str] = ()
) -> None:
    """Reject numbers such as 9999, -999, or -1 that are probably codes for missing values.

    Parameters
    ----------
    words : pandas.Series of str, shape (rows,)
        Numbers with a decimal point, missing if empty.
    column : str
        Name of the column, for messages.
    place : str
        Path of the table, for messages.
    section : str
        Section of the configuration in which missing values of the column are declared: `cohort` for a column of the
        registry, `measure` for a column of a table of measures.
    real : iterable of str
        Numbers that are declared as valid values in the settings.

    Raises
    ------
    ContractError
        If several cells contain the same number that consists only of nines and is far from all other numbers, or
        occurs in a column of decimal numbers; if a single such number is very far from the others; or if several cells
        contain another common code that is negative while all other numbers are not, or that is distant from the other
        numbers in a column of decimal numbers. For -1, -8, and -9, the distance must exceed the range of the other
        numbers.

    Examples
    --------
    >>> refuse_sentinels(pd.Series(["1500.5", "999", "1480.2"]), "liver_volume_ml", "a.csv")
    >>> refuse_sentinels(pd.Series(["1500.5", "9999", "9999"]), "liver_volume_ml", "a.csv")
    Traceback (most recent call last):
    ctpop.foundation.errors.ContractError: a.csv: line 3: column liver_volume_ml: 9999 in 2 rows is probably a code \
for a missing value; empty these cells, or set cohort: {missing: ["9999"]}, which applies to all columns of this \
table and of the registry; if these numbers are measured values, set measure: {confirmed: [liver_volume_ml]}
    >>> refuse_sentinels(pd.Series(["24.5", "-99", "31.2", "-99"]), "bmi", "a.csv", "cohort")
    Traceback (most recent call last):
    ctpop.foundation.errors.ContractError: a.csv: line 3: column bmi: -99 in 2 rows is probably a code for a missing \
value; set cohort: {values: {bmi: {"-99": null}}}, or {"-99": "-99"} if the number is a valid value
    >>> refuse_sentinels(pd.Series(["24.5", "-99", "31.2", "-99"]), "bmi", "a.csv", "cohort", real=["-99"])

    """
    cells = words.dropna().astype("str")
    candidates = cells[cells.str.fullmatch(f"{NINES}|{SHORT}")]
    if candidates.empty:
        return
    numbers = pd.to_numeric(cells, errors="coerce")
    values = set(pd.to_numeric(pd.Series(list(real), dtype="str"), errors="coerce"))
    for value in candidates.astype(float).unique():
        same = numbers.eq(value)
        others = numbers[~same].dropna()
        n, nines = int(same.sum()), bool(cells[same].str.fullmatch(NINES).any())
        if len(others) and value not in values and _stands_for_none(float(value), others, n, nines=nines):
            forms = list(dict.fromkeys(cells[same]))
            raise ContractError(
                f"{place}: line {line_of(same[same].index[0])}: column {column}: {' or '.join(forms)} in"
                f" {count(n, 'row')} is probably a code for a missing value; {_remedy(forms, column, section)}"
            )


def _remedy(forms: Sequence[str], column: str, section: str) -> str:
    if section == "cohort":
        missing = column_names.missing_line(column, forms)
        return f"set {missing}, or {column_names.as_they_are(forms)} if the number is a valid value"
    missing = ", ".join(f'"{word}"' for word in forms)
    return (
        f"empty these cells, or set cohort: {{missing: [{missing}]}}, which applies to all columns of this table and of"
        " the registry; if these numbers are measured values, set"
        f" measure: {{confirmed: [{column_names.quoted(column)}]}}"
    )


def _stands_for_none(value: float, others: pd.Series, n: int, *, nines: bool) -> bool:
    low, high = others.min(), others.max()
    if low <= value <= high:
        return False
    largest, gap, spread = others.abs().max(), max(low - value, value - high), high - low
    whole = (others % 1).eq(0).mean() > MOST_WHOLE
    if nines and n > 1:
        return bool(abs(value) > FAR * largest or not whole)
    if nines:
        far = FAR_FROM_WHOLE if whole and value == LEAST_OF_NINES else FAR
        return bool(len(others) >= FEWEST_OTHERS and abs(value) > far * largest and gap > spread)
    one_digit = abs(value) <= LARGEST_DIGIT
    apart = gap > (FAR_FOR_ONE_DIGIT if one_digit else FAR_FROM_SPREAD) * spread
    below = value < -1 and low >= 0 and (apart or not one_digit)
    return bool(n > 1 and (below or (apart and not whole)))

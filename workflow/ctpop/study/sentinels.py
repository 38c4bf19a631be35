"""Numbers that stand for a missing value, such as 9999 or -99: they are errors, since nothing else reveals them."""

from collections.abc import Iterable, Sequence

import pandas as pd

from ctpop.foundation.errors import ContractError
from ctpop.study import column_names

NINES = r"-?9{3,}(?:\.0+)?"
SHORT = r"-(?:1|9|8|88|77|66|9[6-9])(?:\.0+)?|-?(?:8{3,}|7{3,})(?:\.0+)?"
MOST_WHOLE = 0.8  # share of whole numbers in a column that is not rounded to whole numbers
FEWEST_OTHERS = 5  # numbers beside which a single number far away is looked at
FAR = 2  # times the largest of the others, in size
FAR_FROM_WHOLE = 5  # the same for a single 999 beside whole numbers, such as counts of platelets
FAR_FROM_SPREAD = 0.5  # of the range of the others, between it and a number that is no value of theirs
FAR_FOR_ONE_DIGIT = 1.0  # the same for -1, -8 and -9, which are values more often
LARGEST_DIGIT, LEAST_OF_NINES = 9, 999


def refuse_sentinels(
    words: pd.Series, column: str, place: str, section: str = "measure", real: Iterable[str] = ()
) -> None:
    """Refuse numbers such as 9999, -999 or -1 that stand for a missing value in a column.

    Parameters
    ----------
    words : pandas.Series of str, shape (rows,)
        Numbers with a decimal point, missing where empty.
    column : str
        Name of the column, for messages.
    place : str
        File of the table, for messages.
    section : str
        Section of the configuration that says of the column what is missing: `cohort` for a column of the registry,
        `measure` for one of a table of measures.
    real : iterable of str
        Numbers that are values, as the settings state.

    Raises
    ------
    ContractError
        If several cells have one number of nines alone, which is far from all others, or is whole where most others
        are not; if a single one of many is very far; or if several cells have another usual number for a missing value
        that is apart from all others and whole where they are not. Of -1, -8 and -9, the distance to the others must be
        larger than their range.

    Examples
    --------
    >>> refuse_sentinels(pd.Series(["1500.5", "999", "1480.2"]), "liver_volume_ml", "a.csv")
    >>> refuse_sentinels(pd.Series(["1500.5", "9999", "9999"]), "liver_volume_ml", "a.csv")
    Traceback (most recent call last):
    ctpop.foundation.errors.ContractError: a.csv: column liver_volume_ml: 9999 in 2 rows probably stands for a missing \
value; empty these cells, or state cohort: {missing: ["9999"]}, which counts in all columns of this table and of the \
registry; if these are values, state measure: {confirmed: [liver_volume_ml]}
    >>> refuse_sentinels(pd.Series(["24.5", "-99", "31.2", "-99"]), "bmi", "a.csv", "cohort")
    Traceback (most recent call last):
    ctpop.foundation.errors.ContractError: a.csv: column bmi: -99 in 2 rows probably stands for a missing value; state \
cohort: {values: {bmi: {"-99": null}}}, or {"-99": "-99"} if it is a value
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
                f"{place}: column {column}: {' or '.join(forms)} in {n} rows probably stands for a missing"
                f" value; {_remedy(forms, column, section)}"
            )


def _remedy(forms: Sequence[str], column: str, section: str) -> str:
    if section == "cohort":
        missing = column_names.missing_line(column, forms)
        return f"state {missing}, or {column_names.as_they_are(forms)} if it is a value"
    missing = ", ".join(f'"{word}"' for word in forms)
    return (
        f"empty these cells, or state cohort: {{missing: [{missing}]}}, which counts in all columns of this table and"
        f" of the registry; if these are values, state measure: {{confirmed: [{column_names.quoted(column)}]}}"
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

"""Numbers that stand for a missing value, such as 9999 or -99: they are errors, since nothing else reveals them."""

import pandas as pd

from ctpop.foundation.errors import ContractError

NINES = r"-?9{3,}(?:\.0+)?"
SHORT = r"-(?:1|9|8|88|77|66|9[6-9])(?:\.0+)?|-?(?:8{3,}|7{3,})(?:\.0+)?"
MOST_WHOLE = 0.8  # share of whole numbers in a column that is not rounded to whole numbers
FEWEST_OTHERS = 5  # numbers beside which a single number far away is looked at
FAR = 2  # times the largest of the others, in size
FAR_FROM_SPREAD = 0.5  # of the range of the others, between it and a number that is no value of theirs


def refuse_sentinels(words: pd.Series, column: str, place: str) -> None:
    """Refuse numbers such as 9999, -999 or -1 that stand for a missing value in a column.

    Parameters
    ----------
    words : pandas.Series of str, shape (rows,)
        Numbers with a decimal point, missing where empty.
    column : str
        Name of the column, for messages.
    place : str
        File of the table, for messages.

    Raises
    ------
    ContractError
        If several cells have one number of nines alone, which is far from all others, or is whole where most others
        are not; if a single one of many is very far; or if several cells have another usual number for a missing value
        that is apart from all others and whole where they are not.

    Examples
    --------
    >>> refuse_sentinels(pd.Series(["1500.5", "999", "1480.2"]), "liver_volume_ml", "a.csv")
    >>> refuse_sentinels(pd.Series(["1500.5", "9999", "9999"]), "liver_volume_ml", "a.csv")
    Traceback (most recent call last):
    ctpop.foundation.errors.ContractError: a.csv: column liver_volume_ml: 9999 in 2 rows probably stands for a missing \
value; state it, as in cohort: {missing: ["9999"]}
    >>> refuse_sentinels(pd.Series(["61.5", "-99", "55.2", "-99"]), "liver_hu_mean", "a.csv")
    Traceback (most recent call last):
    ctpop.foundation.errors.ContractError: a.csv: column liver_hu_mean: -99 in 2 rows probably stands for a missing \
value; state it, as in cohort: {missing: ["-99"]}

    """
    cells = words.dropna().astype("str")
    candidates = cells[cells.str.fullmatch(f"{NINES}|{SHORT}")]
    if candidates.empty:
        return
    numbers = pd.to_numeric(cells, errors="coerce")
    for word in candidates.unique():
        others = numbers[numbers.ne(float(word))].dropna()
        n = int(cells.eq(word).sum())
        if len(others) and _stands_for_none(
            float(word), others, n, nines=bool(pd.Series([word]).str.fullmatch(NINES)[0])
        ):
            raise ContractError(
                f"{place}: column {column}: {word} in {n} rows probably stands for a missing value; state it, as in"
                f' cohort: {{missing: ["{word}"]}}'
            )


def _stands_for_none(value: float, others: pd.Series, n: int, *, nines: bool) -> bool:
    low, high = others.min(), others.max()
    if low <= value <= high:
        return False
    largest, gap = others.abs().max(), max(low - value, value - high)
    whole = (others % 1).eq(0).mean() > MOST_WHOLE
    apart = not whole and gap > FAR_FROM_SPREAD * (high - low)
    if not nines:
        return n > 1 and (apart or (value < -1 and low >= 0))
    if n > 1:
        return bool(abs(value) > FAR * largest or not whole)
    return bool(len(others) >= FEWEST_OTHERS and abs(value) > FAR * largest and gap > high - low)

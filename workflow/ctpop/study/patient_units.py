"""Check of the units of heights, weights, and tube voltages in a registry.

A value is accepted if it is possible in the unit of the column name. Values in other units are rejected and never
converted, because the registry of a study must contain what its tables state.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ctpop.foundation.errors import ContractError
from ctpop.study import column_names
from ctpop.study.table_cells import line_of

ADULT_YEARS = 18
SHOWN = 10
LARGEST_BODY_MASS_INDEX = 48  # limit for the median (kg/m²); medians of bariatric surgery cohorts are 40 to 45


@dataclass(frozen=True)
class OtherUnit:
    """A unit in which a value outside the limits is probably given.

    Attributes
    ----------
    low, high : float
        Range of values in this unit.
    name : str
        Name of the unit.
    factor : float
        Factor of the conversion to the unit of the column.
    remedy : str
        Conversion in words.

    Examples
    --------
    >>> round(OtherUnit(0.3, 2.5, "m", 100, "multiply the values by 100").factor * 1.72)
    172

    """

    low: float
    high: float
    name: str
    factor: float
    remedy: str


@dataclass(frozen=True)
class Limits:
    """Possible values of a column, and units of values outside these limits.

    Attributes
    ----------
    adults, others : tuple of float
        Smallest and largest possible value in adults (18 years or older), and in children and patients of unknown age.
    unit : str
        Unit of the column in words.
    units : tuple of OtherUnit
        Units of values outside the limits.

    Examples
    --------
    >>> LIMITS["height_cm"].adults
    (100.0, 230.0)

    """

    adults: tuple[float, float]
    others: tuple[float, float]
    unit: str
    units: tuple[OtherUnit, ...]

    def of(self, age_years: float | None) -> tuple[float, float]:
        """Return the smallest and largest possible value at an age (years), which is None or NaN if unknown."""
        return self.adults if age_years is not None and age_years >= ADULT_YEARS else self.others

    @property
    def words(self) -> str:
        """Unit and limits in words."""
        low, high = self.adults
        if self.adults == self.others:
            return f"{self.unit} ({low:g} to {high:g})"
        child = f"{self.others[0]:g} to {self.others[1]:g} in children or if the age is unknown"
        return f"{self.unit} ({low:g} to {high:g} in adults, {child})"


# ASSUME: adults are 100 to 230 cm tall, children are at least 30 cm tall, and adults weigh at least 20 kg. A correct
# value beyond the limits is extremely rare and can be declared as missing
LIMITS = {
    "height_cm": Limits(
        (100.0, 230.0),
        (30.0, 230.0),
        "centimeters",
        (
            OtherUnit(0.3, 2.5, "m", 100.0, "multiply the values by 100"),
            OtherUnit(40.0, 90.0, "inches", 2.54, "multiply the values by 2.54"),
            OtherUnit(1000.0, 2300.0, "mm", 0.1, "divide the values by 10"),
        ),
    ),
    "weight_kg": Limits(
        (20.0, 400.0),
        (0.4, 400.0),
        "kilograms",
        (
            OtherUnit(0.02, 0.4, "t", 1000.0, "multiply the values by 1000"),
            OtherUnit(1000.0, 400_000.0, "g", 0.001, "divide the values by 1000"),
        ),
    ),
    "kvp": Limits(
        (40.0, 200.0),
        (40.0, 200.0),
        "kilovolts",
        (
            OtherUnit(0.04, 0.2, "MV", 1000.0, "multiply the values by 1000"),
            OtherUnit(40_000.0, 200_000.0, "V", 0.001, "divide the values by 1000"),
        ),
    ),
}


def possible(name: str, value: float | None, age_years: float | None) -> float | None:
    """Return a value of a column if it is possible at an age, otherwise None.

    Parameters
    ----------
    name : str
        Column (one of `LIMITS`).
    value : float or None
        Value in the unit of the column, None if unknown.
    age_years : float or None
        Age of the patient (years), None if unknown.

    Returns
    -------
    float or None
        The value, or None if it is impossible or unknown.

    Examples
    --------
    >>> possible("height_cm", 70.0, 1.5), possible("height_cm", 70.0, 60.0)
    (70.0, None)

    """
    low, high = LIMITS[name].of(age_years)
    return value if value is not None and low <= value <= high else None


def refuse_other_units(frame: pd.DataFrame, place: str) -> None:
    """Reject heights, weights, and tube voltages that are impossible in the unit of their column.

    Cells that are not numbers are ignored.

    Parameters
    ----------
    frame : pandas.DataFrame
        Registry with standard column names; the index is the line number in the file minus 2. Without the column
        `age_years`, all ages are unknown.
    place : str
        File of the registry, for messages.

    Raises
    ------
    ContractError
        If values are impossible in the unit of their column. The message contains the first row and the likely unit,
        or the median if most values of the column are in another unit.

    Examples
    --------
    >>> refuse_other_units(pd.DataFrame({"height_cm": ["172", "55"], "age_years": [61.0, 0.2]}), "a.csv")
    >>> refuse_other_units(pd.DataFrame({"height_cm": ["1.75"]}), "a.csv")
    Traceback (most recent call last):
    ctpop.foundation.errors.ContractError: a.csv: column height_cm has a median of 1.75, so the unit is probably m, \
not cm; multiply the values by 100
    >>> refuse_other_units(pd.DataFrame({"height_cm": ["172", "1.72", "165"]}), "a.csv")
    Traceback (most recent call last):
    ctpop.foundation.errors.ContractError: a.csv: line 3: height_cm is '1.72'; expected centimeters (100 to 230 in \
adults, 30 to 230 in children or if the age is unknown); the unit is probably m (affected rows: 1); correct the cells, \
or state the correct values in the study file: cohort: {values: {height_cm: {"1.72": "172"}}}

    """
    ages = pd.to_numeric(frame.get("age_years", pd.Series(np.nan, index=frame.index)), errors="coerce")
    for name, limits in LIMITS.items():
        if name in frame.columns:
            _refuse_beyond(frame[name], ages.ge(ADULT_YEARS), name, limits, place)
    if {"height_cm", "weight_kg"} <= set(frame.columns):
        _refuse_pounds(frame, ages, place)


def _refuse_beyond(words: pd.Series, adult: pd.Series, name: str, limits: Limits, place: str) -> None:
    values = pd.to_numeric(words, errors="coerce")
    wrong = values.notna() & ~values.between(*limits.others)
    wrong |= values.notna() & adult & ~values.between(*limits.adults)
    if not wrong.any():
        return
    median = values.median()
    unit = _unit_of(median, limits)
    if unit and wrong.sum() > values.notna().sum() / 2 and _unit_of(values[wrong].median(), limits) == unit:
        raise ContractError(
            f"{place}: column {name} has a median of {median:g}{' in adults' * bool(adult[wrong].all())}, so the unit"
            f" is probably {unit.name}, not {_short(name)}; {unit.remedy}"
        )
    first = words[wrong].iloc[0]
    raise ContractError(
        f"{place}: line {line_of(wrong[wrong].index[0])}: {name} is {str(first)!r}; expected {limits.words};"
        f" {_remedy(words[wrong], name, limits)}"
    )


def _remedy(words: pd.Series, name: str, limits: Limits) -> str:
    """Return the likely unit, the number of rows, and the line of the study file that corrects the first values."""
    cells = list(dict.fromkeys(map(str, words)))
    correct = f"(affected rows: {len(words)}); correct the cells, or"
    unit = _unit_of(float(cells[0]), limits)
    if not unit:
        return f"{correct} declare the values as missing: {column_names.missing_line(name, cells[:SHOWN])}"
    same = [cell for cell in cells if _unit_of(float(cell), limits) == unit][:SHOWN]
    pairs = ", ".join(f'"{cell}": "{float(cell) * unit.factor:.6g}"' for cell in same)
    line = f"cohort: {{values: {{{name}: {{{pairs}}}}}}}"
    return f"the unit is probably {unit.name} {correct} state the correct values in the study file: {line}"


def _unit_of(value: float, limits: Limits) -> OtherUnit | None:
    return next((unit for unit in limits.units if unit.low <= value <= unit.high), None)


def _short(name: str) -> str:
    return {"kvp": "kV"}.get(name, name.rpartition("_")[2])


def _refuse_pounds(frame: pd.DataFrame, ages: pd.Series, place: str) -> None:
    """Reject weights of adults that are implausible in kg for the given heights."""
    heights, weights = (pd.to_numeric(frame[name], errors="coerce") for name in ("height_cm", "weight_kg"))
    if not ages.median() >= ADULT_YEARS:
        return
    index = (weights / (heights / 100) ** 2).median()
    if index > LARGEST_BODY_MASS_INDEX:
        raise ContractError(
            f"{place}: columns weight_kg and height_cm result in a median body mass index of {index:.0f} kg/m² in"
            " adults, so the unit of the weights is probably lb, not kg; multiply the weights by 0.4536"
        )

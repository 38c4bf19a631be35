"""Check that the values of a table of measures are in milliliters and Hounsfield units.

Values in other units yield the same correlations but wrong volumes, attenuation, and screening. Most checks use medians
of many values. A single wrong value has no effect on these checks; segmentation screening detects it.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from ctpop.foundation.errors import ContractError
from ctpop.study.confirmed_measures import is_confirmed, refuse_unknown
from ctpop.study.registry_options import AS_OURS, Reading
from ctpop.study.their_volumes import TheirVolumes

SHOWN = 3
FEWEST = 5  # smallest number of values of a structure for which the median is used
LARGEST_RATIO = 300.0  # largest ratio of the median volume to the lower bound of a structure; 1 to 30 for whole organs
SMALLEST_RATIO = 0.02
# Organs and muscles whose mean attenuation is between those of fat and bone, with and without contrast material.
SOFT = (
    *("liver", "spleen", "pancreas", "kidney_left", "kidney_right", "heart", "stomach", "urinary_bladder", "prostate"),
    *("autochthon_left", "autochthon_right", "iliopsoas_left", "iliopsoas_right", "spinal_cord", "esophagus"),
    *("gluteus_maximus_left", "gluteus_maximus_right", "gluteus_medius_left", "gluteus_medius_right", "aorta"),
)
SOFT_HU = (-200.0, 600.0)
NARROWEST_HU = 3.0  # smallest range of the medians of structures; smaller for values on a scale from 0 to 1


WHOLE = ("liver", "spleen")  # unlike vessels, these organs are rarely imaged only in part
SMALLEST_PART = 0.05  # smallest ratio of the median volume to the lower bound, for structures in `WHOLE`
ML_PER_UNIT = {"volume_l": 1000.0, "volume_dl": 100.0}  # units larger than mL
MOST_PLAUSIBLE = 0.8  # minimum proportion of values between the bounds of a structure after conversion
# Organs without contents that contrast material can make denser than bone
OF_ONE_DENSITY = tuple(name for name in SOFT if name not in ("stomach", "urinary_bladder", "esophagus"))
ONE_SOFT_HU = (-500.0, 900.0)  # range for a single structure; an offset of 1000 or 1024 HU exceeds this range
LARGEST_TIMES = 10  # a volume more than 10 times the upper bound of its structure is in another unit
MOST_OF_ANOTHER_UNIT = 0.9  # from this proportion, all values of a structure are considered to be in another unit
FEWEST_OF_ANOTHER_UNIT = 2  # a single wrong value is only reported (`implausible_values`)


def refuse_other_units(
    rows: pd.DataFrame,
    bounds_ml: Mapping[str, float],
    place: Path,
    largest_ml: Mapping[str, float] = MappingProxyType({}),
    reading: Reading = AS_OURS,
) -> None:
    """Reject volumes that cannot be in mL and attenuation that cannot be in HU, overall, by structure, or by scan.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of `measures` with `scan_id`, `structure`, `volume_ml`, and `hu_mean`.
    bounds_ml : mapping of str to float
        Lower bound of the volume (mL) of each structure that has a lower bound.
    place : Path
        File or folder of the values, for messages.
    largest_ml : mapping of str to float
        Upper bound of the volume (mL) of each structure that has an upper bound.
    reading : Reading
        Settings for reading the table; measures in `confirmed` are not checked.

    Raises
    ------
    ContractError
        If medians of structures, or several values of a structure, are impossible in these units, or `confirmed`
        contains a name that is not a measure.

    Examples
    --------
    >>> rows = pd.DataFrame({"scan_id": list("abcde"), "structure": "liver", "volume_ml": 1500.0, "hu_mean": 60.0})
    >>> refuse_other_units(rows, {"liver": 600.0}, Path("measures.csv"))

    """
    refuse_unknown(reading.confirmed, list(bounds_ml), place)
    rows = _unconfirmed(rows, reading.confirmed)
    volumes, means = _medians(rows, "volume_ml"), _medians(rows, "hu_mean")
    upper = rows["structure"].map(dict(largest_ml)).astype("float64")
    _refuse_some(rows, rows["volume_ml"] > upper * LARGEST_TIMES, "volume_ml", place)
    dense = rows["structure"].isin(OF_ONE_DENSITY) & (rows["hu_mean"] > ONE_SOFT_HU[1])
    _refuse_some(rows, dense, "hu_mean", place)
    table = TheirVolumes(place, reading, tuple(bounds_ml))
    _refuse_volumes(volumes, bounds_ml, table)
    lower = rows["structure"].map(dict(bounds_ml)).astype("float64")
    small = {unit: _are_plausible(rows, lower, upper, ml) for unit, ml in ML_PER_UNIT.items()}
    _refuse_volumes_of_one(volumes, bounds_ml, set().union(*small.values()), table)
    _refuse_attenuation(means, place)
    _refuse_attenuation_of_one(means, place)


def _unconfirmed(rows: pd.DataFrame, confirmed: Collection[str]) -> pd.DataFrame:
    """Return the rows; measures that the settings confirm are set to missing."""
    for measure in ("volume_ml", "hu_mean") if confirmed else ():
        names = [name for name in rows["structure"].unique() if is_confirmed(str(name), measure, confirmed)]
        rows = rows.assign(**{measure: rows[measure].mask(rows["structure"].isin(names))})
    return rows


def _are_plausible(rows: pd.DataFrame, lower: pd.Series, upper: pd.Series, ml: float) -> set[str]:
    """Return the structures with volumes mostly between the bounds if one unit of the values equals `ml` milliliters.

    Volumes of small parts of a structure vary over orders of magnitude, unlike volumes of whole structures.
    """
    known = rows["volume_ml"].notna() & rows["volume_ml"].ne(0)
    within = (rows["volume_ml"] * ml).between(lower, upper.fillna(np.inf))[known]
    shares = within.groupby(rows["structure"][known]).mean()
    return set(shares.index[shares >= MOST_PLAUSIBLE])


def _medians(rows: pd.DataFrame, measure: str) -> "pd.Series[float]":
    values = rows.loc[rows[measure].notna() & rows[measure].ne(0), ["structure", measure]]
    groups = values.groupby("structure")[measure]
    return groups.median()[groups.size() >= FEWEST]


def _rounded(number: float) -> str:
    """Return a number with three significant digits, as an integer from 100, and with commas from 10,000."""
    return f"{number:,.0f}" if abs(number) >= 10_000 else f"{number:.0f}" if abs(number) >= 100 else f"{number:.3g}"


def _ratios(medians: "pd.Series[float]", bounds_ml: Mapping[str, float]) -> "pd.Series[float]":
    bounds = pd.Series(dict(bounds_ml), dtype=float).reindex(medians.index)
    return (medians / bounds).replace(np.inf, np.nan).dropna()


def _refuse_volumes(medians: "pd.Series[float]", bounds_ml: Mapping[str, float], table: TheirVolumes) -> None:
    ratios = _ratios(medians, bounds_ml)
    if ratios.empty:
        return
    ratio, first = float(ratios.median()), str(ratios.index[0])
    if SMALLEST_RATIO <= ratio <= LARGEST_RATIO:
        return
    large = ratio > LARGEST_RATIO
    unit = "mm³ (or in mL but labeled as liters)" if large else "liters or dL (or in mL but labeled as mm³)"
    raise ContractError(
        f"{table.place}: the median volume of {first} is {_rounded(medians[first])} mL, and volumes are typically"
        f" {_rounded(ratio)} times the lower bound of the structure, so the volumes are probably in {unit};"
        f" {table.remedy_of_all(large=large)}; if the volumes are correct, set"
        " measure: {confirmed: [volume_ml]}"
    )


def _refuse_volumes_of_one(
    medians: "pd.Series[float]", bounds_ml: Mapping[str, float], smaller: Collection[str], table: TheirVolumes
) -> None:
    """Reject a structure whose volumes are in a different unit from those of the other structures."""
    ratios = _ratios(medians, bounds_ml)
    small = ratios.index.isin(WHOLE) & ratios.index.isin(smaller) & (ratios < SMALLEST_PART)
    for name in map(str, ratios.index[small | (ratios > LARGEST_RATIO)]):
        large = float(ratios[name]) > 1
        raise ContractError(
            f"{table.place}: the median volume of {name} is {_rounded(medians[name])} mL, which is"
            f" {_rounded(ratios[name])} times its lower bound, so the volumes are probably in"
            f" {'mm³' if large else 'liters or dL'}; {table.remedy_of_one(name, large=large)}; if the volumes are"
            f" correct, set measure: {{confirmed: [{name}_volume_ml]}}"
        )


def _refuse_attenuation(medians: "pd.Series[float]", place: Path) -> None:
    soft = medians[medians.index.isin(SOFT)]
    if soft.empty:
        return
    typical = float(soft.median())
    found = (
        f"{place}: the median attenuation of {soft.index[0]} is {soft.iloc[0]:g}, and that of soft tissue is"
        f" {typical:g}"
    )
    if not SOFT_HU[0] <= typical <= SOFT_HU[1]:
        raise ContractError(
            f"{found}, which is outside the possible range in HU ({SOFT_HU[0]:g} to {SOFT_HU[1]:g}); subtract the"
            " offset (for example, 1024) from the values in the table; if the values are correct, set"
            " measure: {confirmed: [hu_mean]}"
        )
    if np.ptp(medians) < NARROWEST_HU and len(medians) > 1 and medians.abs().max() < NARROWEST_HU:
        raise ContractError(f"{found}, so the values are on a scale from 0 to 1; convert the values to HU in the table")


def _refuse_attenuation_of_one(medians: "pd.Series[float]", place: Path) -> None:
    soft = medians[medians.index.isin(OF_ONE_DENSITY)]
    beyond = soft[~soft.between(*ONE_SOFT_HU)]
    if len(beyond):
        raise ContractError(
            f"{place}: the median attenuation of {beyond.index[0]} is {beyond.iloc[0]:g}, which is outside the possible"
            f" range in HU ({ONE_SOFT_HU[0]:g} to {ONE_SOFT_HU[1]:g}); subtract the offset (for example, 1024) from the"
            " values of this structure in the table; if the values are correct, set"
            f" measure: {{confirmed: [{beyond.index[0]}_hu_mean]}}"
        )


def _refuse_some(rows: pd.DataFrame, beyond: "pd.Series[bool]", measure: str, place: Path) -> None:
    """Reject several but not most values of a structure that are impossible in its unit, as in pooled data sets."""
    counts = rows["structure"][beyond].value_counts()
    known = rows["structure"][rows[measure].notna() & rows[measure].ne(0)].value_counts().reindex(counts.index)
    for name in counts.index[(counts >= FEWEST_OF_ANOTHER_UNIT) & (counts < MOST_OF_ANOTHER_UNIT * known)]:
        wrong = rows[beyond & rows["structure"].eq(name)]
        unit, remedy = {
            "volume_ml": ("mL", "are probably in mm³; convert them to the unit of the other values"),
            "hu_mean": ("HU", "probably have an offset; subtract the offset (for example, 1024)"),
        }[measure]
        first, scans = _rounded(wrong[measure].iloc[0]), ", ".join(wrong["scan_id"].astype(str).head(SHOWN))
        raise ContractError(
            f"{place}: {len(wrong)} of {int(known[name])} values of"
            f" {measure} of {name} are impossible (first: {first} {unit}; first scans: {scans});"
            f" these values {remedy}, or empty the cells; if the values are correct, set"
            f" measure: {{confirmed: [{name}_{measure}]}}"
        )

"""Whether the values of a table of measures can be millilitres and Hounsfield units.

A table in other units gives the same correlations and wrong volumes, attenuations and screening. Most checks look at
the medians of many values; a single wrong value, which screening finds, decides nothing.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from ctpop.foundation.errors import ContractError

SHOWN = 3
FEWEST = 5  # values of a structure from which its median counts
LARGEST_RATIO = 300.0  # of a median volume to the lower bound of its structure; whole organs have 1 to 30
SMALLEST_RATIO = 0.02
# Organs and muscles, whose mean attenuation with and without contrast agent is between those of fat and of bone.
SOFT = (
    *("liver", "spleen", "pancreas", "kidney_left", "kidney_right", "heart", "stomach", "urinary_bladder", "prostate"),
    *("autochthon_left", "autochthon_right", "iliopsoas_left", "iliopsoas_right", "spinal_cord", "esophagus"),
    *("gluteus_maximus_left", "gluteus_maximus_right", "gluteus_medius_left", "gluteus_medius_right", "aorta"),
)
SOFT_HU = (-200.0, 600.0)
NARROWEST_HU = 3.0  # between the medians of structures and values of a scale from 0 to 1


WHOLE = ("liver", "spleen", "aorta", "heart")  # of which small parts alone are seen in few kinds of CT
SMALLEST_PART = 0.05  # of the lower bound, as the median of a structure of `WHOLE`
# Organs without contents that a contrast agent can make denser than bone
OF_ONE_DENSITY = tuple(name for name in SOFT if name not in ("stomach", "urinary_bladder", "esophagus"))
ONE_SOFT_HU = (-500.0, 900.0)  # of a single structure; an offset of 1000 or 1024 HU leads beyond
LARGEST_TIMES = 10  # a volume of so many times the upper bound of its structure is in another unit
MOST_OF_ANOTHER_UNIT = 0.9  # share of the values of a structure that are all in another unit
FEWEST_OF_ANOTHER_UNIT = 2  # a single wrong value is reported (implausible_values)


def refuse_other_units(
    rows: pd.DataFrame,
    bounds_ml: Mapping[str, float],
    place: Path,
    largest_ml: Mapping[str, float] = MappingProxyType({}),
) -> None:
    """Refuse rows whose volumes cannot be ml, or whose attenuation cannot be HU: in all, in a structure, or in scans.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of `measures` with scan_id, structure, volume_ml and hu_mean.
    bounds_ml : mapping of str to float
        Lower bound of the volume (ml) of each structure that has one.
    place : Path
        File or folder of the values, for messages.
    largest_ml : mapping of str to float
        Upper bound of the volume (ml) of each structure that has one.

    Raises
    ------
    ContractError
        If medians of structures, or several values of one, are beyond what these units allow.

    Examples
    --------
    >>> rows = pd.DataFrame({"scan_id": list("abcde"), "structure": "liver", "volume_ml": 1500.0, "hu_mean": 60.0})
    >>> refuse_other_units(rows, {"liver": 600.0}, Path("measures.csv"))

    """
    volumes, means = _medians(rows, "volume_ml"), _medians(rows, "hu_mean")
    upper = rows["structure"].map(dict(largest_ml)).astype("float64") * LARGEST_TIMES
    _refuse_some(rows, rows["volume_ml"] > upper, "volume_ml", place)
    dense = rows["structure"].isin(OF_ONE_DENSITY) & (rows["hu_mean"] > ONE_SOFT_HU[1])
    _refuse_some(rows, dense, "hu_mean", place)
    _refuse_volumes(volumes, bounds_ml, place)
    _refuse_volumes_of_one(volumes, bounds_ml, place)
    _refuse_attenuation(means, place)
    _refuse_attenuation_of_one(means, place)


def _medians(rows: pd.DataFrame, measure: str) -> "pd.Series[float]":
    values = rows.loc[rows[measure].notna() & rows[measure].ne(0), ["structure", measure]]
    groups = values.groupby("structure")[measure]
    return groups.median()[groups.size() >= FEWEST]


def _ratios(medians: "pd.Series[float]", bounds_ml: Mapping[str, float]) -> "pd.Series[float]":
    bounds = pd.Series(dict(bounds_ml), dtype=float).reindex(medians.index)
    return (medians / bounds).replace(np.inf, np.nan).dropna()


def _refuse_volumes(medians: "pd.Series[float]", bounds_ml: Mapping[str, float], place: Path) -> None:
    ratios = _ratios(medians, bounds_ml)
    if ratios.empty:
        return
    ratio = float(ratios.median())
    first = str(ratios.index[0])
    found = f"{place}: the median volume of {first} is {medians[first]:g} ml, and of all structures {ratio:g} times the"
    if place.is_dir() and not SMALLEST_RATIO <= ratio <= LARGEST_RATIO:
        raise ContractError(
            f"{found} lower bound: the volumes of TotalSegmentator's statistics are mm³; convert those in the files,"
            " or make a table of them and name their unit, as in STRUCTURE_volume_ml"
        )
    if ratio > LARGEST_RATIO:
        raise ContractError(
            f"{found} lower bound: they are probably in mm³; name the columns STRUCTURE_volume_mm3 (volume_mm3 in"
            ' a long table), as in measure: {columns: {"*_volume_ml": "*_volume_mm3"}}'
        )
    if ratio < SMALLEST_RATIO:
        raise ContractError(
            f"{found} lower bound: they are probably in ml or litres; call the columns STRUCTURE_volume_ml or"
            ' STRUCTURE_volume_l, as in measure: {columns: {"*_volume_mm3": "*_volume_ml"}}'
        )


def _refuse_volumes_of_one(medians: "pd.Series[float]", bounds_ml: Mapping[str, float], place: Path) -> None:
    """Refuse a structure whose volumes are in another unit than those of the others."""
    ratios = _ratios(medians, bounds_ml)
    small = ratios.index.isin(WHOLE) & (ratios < SMALLEST_PART)
    for name in map(str, ratios.index[small | (ratios > LARGEST_RATIO)]):
        ratio = float(ratios[name])
        unit = "mm³; name its column" if ratio > 1 else "litres or dl; name its column (for dl, after a conversion)"
        end = "volume_mm3" if ratio > 1 else "volume_l"
        raise ContractError(
            f"{place}: the median volume of {name} is {medians[name]:g} ml, {ratio:g} times its lower bound, so that"
            f" its volumes are probably in {unit} {name}_{end}, or leave it out, as in"
            f" measure: {{columns: {{{name}_volume_ml: []}}}}"
        )


def _refuse_attenuation(medians: "pd.Series[float]", place: Path) -> None:
    soft = medians[medians.index.isin(SOFT)]
    if soft.empty:
        return
    typical = float(soft.median())
    found = f"{place}: the median attenuation of {soft.index[0]} is {soft.iloc[0]:g}, and of soft tissue {typical:g}"
    if not SOFT_HU[0] <= typical <= SOFT_HU[1]:
        raise ContractError(
            f"{found}, which cannot be HU ({SOFT_HU[0]:g} to {SOFT_HU[1]:g}); subtract the offset of the values, as"
            " 1024, in the table"
        )
    if np.ptp(medians) < NARROWEST_HU and len(medians) > 1 and medians.abs().max() < NARROWEST_HU:
        raise ContractError(f"{found}: the values lie on a scale of 0 to 1 and are not HU; correct the table")


def _refuse_attenuation_of_one(medians: "pd.Series[float]", place: Path) -> None:
    soft = medians[medians.index.isin(OF_ONE_DENSITY)]
    beyond = soft[~soft.between(*ONE_SOFT_HU)]
    if len(beyond):
        raise ContractError(
            f"{place}: the median attenuation of {beyond.index[0]} is {beyond.iloc[0]:g}, which cannot be HU"
            f" ({ONE_SOFT_HU[0]:g} to {ONE_SOFT_HU[1]:g}); subtract the offset of its values, as 1024, in the table"
        )


def _refuse_some(rows: pd.DataFrame, beyond: "pd.Series[bool]", measure: str, place: Path) -> None:
    """Refuse several values of a structure, but not most, that its unit does not allow, as of scans from elsewhere."""
    counts = rows["structure"][beyond].value_counts()
    known = rows["structure"][rows[measure].notna() & rows[measure].ne(0)].value_counts().reindex(counts.index)
    for name in counts.index[(counts >= FEWEST_OF_ANOTHER_UNIT) & (counts < MOST_OF_ANOTHER_UNIT * known)]:
        wrong = rows[beyond & rows["structure"].eq(name)]
        unit, remedy = {
            "volume_ml": ("ml", "are probably in mm³, others not; write all values of a column in one unit"),
            "hu_mean": ("HU", "probably have an offset, others not; subtract it, as 1024"),
        }[measure]
        scans = ", ".join(wrong["scan_id"].astype(str).head(SHOWN))
        raise ContractError(
            f"{place}: {len(wrong)} of {int(known[name])} values of"
            f" {measure} of {name} are impossible ({wrong[measure].iloc[0]:g} {unit}), first of {scans}: they {remedy},"
            " or empty the cells"
        )

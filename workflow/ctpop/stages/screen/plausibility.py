"""Detection of structures with values that are implausible for their names.

Possible causes are a label set of another version, shifted label numbers, and other units. Mean attenuation is compared
with the range of the tissue, and volume with the lower and upper limits of the label set. The limits are wide. Disease,
contrast phase, and failed segmentations do not exceed them in a large part of a cohort, whereas a wrong name does. The
comparison reports values without excluding them.
"""

from collections.abc import Iterator
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctpop.contracts.all_tables import IMPLAUSIBLE, IMPLAUSIBLE_VALUES, PLAUSIBILITY
from ctpop.foundation.resources import resource
from ctpop.stages.screen.rows import MeasureRows
from ctpop.stages.screen.sizes import count_scans, distinct_patients, numbers_of_patients
from ctpop.study import label_sets
from ctpop.study.configuration import LABEL_SETS
from ctpop.study.label_sets import LabelSet

# ASSUME: ranges of the mean over a whole structure, including any contrast phase, partial volume, disease, and gas or
# contrast agent in hollow organs. The ranges are specified by tissue because no publication lists them for 117
# structures.
ATTENUATION = resource("plausible_attenuation.csv")
LEAST_ML = 1.0  # ASSUME: the attenuation of a smaller volume depends mostly on the surrounding tissue
MOST_BELOW = 0.5  # ASSUME: small false segmentations outside the field of view are frequent, but not in most scans
FEWEST = 5  # smallest number of implausible structures for a comparison with other label sets
FINDINGS = {  # finding by implausible volume and implausible attenuation
    (True, True): "both",
    (True, False): "volume",
    (False, True): "attenuation",
    (False, False): "plausible",
}
NUMBER = {"volume_ml": "volumes", "hu_mean": "attenuations"}  # part of column names
NO_NAME = "no name: {}"


def limits_of(label_set: LabelSet) -> pd.DataFrame:
    """Return the plausible limits of each structure (columns volume_ml_low to hu_mean_high), with NaN for no limit."""
    hu = _attenuation().reindex(label_set.names)
    table = label_set.table.set_index("structure")
    high = table["upper_bound_ml"] if "upper_bound_ml" in table else pd.Series(np.nan, index=table.index)
    limits = {"volume_ml_low": table["lower_bound_ml"], "volume_ml_high": high}
    return pd.DataFrame({**limits, "hu_mean_low": hu["hu_low"], "hu_mean_high": hu["hu_high"]}, index=table.index)


@cache
def _attenuation() -> pd.DataFrame:
    return pd.read_csv(ATTENUATION, index_col="structure").astype({"hu_low": float, "hu_high": float})


def assessable(rows: MeasureRows) -> dict[str, NDArray[np.bool_]]:
    """Return which values can be compared with limits: volumes of whole structures, and attenuation from 1 mL."""
    volume, border = rows.numbers("volume_ml"), rows.numbers("border_voxels")
    whole = ~(border > 0) & rows.measures["faces"].isna().to_numpy()
    padded = rows.numbers("padding_share") > 0
    return {
        "volume_ml": (volume > 0) & whole,
        "hu_mean": np.isfinite(rows.numbers("hu_mean")) & ~(volume < LEAST_ML) & ~padded,
    }


def beyond(
    rows: MeasureRows, limits: pd.DataFrame, measure: str, known: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which assessable values of a measure are below and above their limits."""
    of_row = limits.reindex(rows.names)
    low, high = (of_row[f"{measure}_{end}"].to_numpy(float)[rows.structure] for end in ("low", "high"))
    values = rows.numbers(measure)
    return known & (values < low), known & (values > high)


def plausibility_table(
    rows: MeasureRows, label_set: LabelSet, share: float, cohort: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return the table `plausibility`, with the number of values outside the limits and the finding per structure.

    Parameters
    ----------
    rows
        The rows of measures.
    label_set
        Structures of the study.
    share
        Smallest proportion of implausible values for a structure to be reported.
    cohort
        The scans of the study with their patients; if None, each scan has a different patient.

    """
    limits = limits_of(label_set)
    known = counted(rows, limits, share, numbers_of_patients(rows, cohort)).reindex(label_set.names)
    counts = {name: known[name].fillna(0).astype(int) for name in known.columns if name.startswith("n_")}
    found = known.assign(**counts, **limits, finding=known["finding"].fillna("not_assessable"))
    other = suggested_names(rows, label_set, found, share)
    return PLAUSIBILITY.check(found.assign(suggestion=found.index.map(other)).rename_axis("structure").reset_index())


def counted(
    rows: MeasureRows, limits: pd.DataFrame, share: float, patients: NDArray[np.int32] | None = None
) -> pd.DataFrame:
    """Return the counts and findings of structures, including counts of patients if `patients` is given."""
    counts, parts = limits.reindex(rows.names), {}
    for measure, known in assessable(rows).items():
        members = dict(zip(("", "_below", "_above"), (known, *beyond(rows, limits, measure, known)), strict=True))
        n, below, above = (count_scans(rows, chosen) for chosen in members.values())
        median = pd.Series(rows.numbers(measure)).where(known).groupby(rows.structure).median()
        counts = counts.assign(
            **{
                f"{measure}_median": median.reindex(range(len(rows.names))).to_numpy(),
                f"n_{NUMBER[measure]}": n,
                f"n_{NUMBER[measure]}_below": below,
                f"n_{NUMBER[measure]}_above": above,
            }
        )
        if patients is not None:
            of_patients = {end: distinct_patients(rows, chosen, patients) for end, chosen in members.items()}
            counts = counts.assign(**{f"n_patients_{NUMBER[measure]}{end}": each for end, each in of_patients.items()})
        at_once = below + above if measure == "hu_mean" else above
        parts[measure] = (n > 0) & ((at_once >= share * n) & (at_once > 0) | (below > MOST_BELOW * n))
    finding = [FINDINGS[pair] for pair in zip(parts["volume_ml"], parts["hu_mean"], strict=True)]
    assessed = counts[[f"n_{word}" for word in NUMBER.values()]].sum(axis=1).gt(0)
    return counts.assign(finding=pd.Series(finding, index=counts.index).where(assessed, "not_assessable"))


def implausible_values(rows: MeasureRows, label_set: LabelSet) -> pd.DataFrame:
    """Return the table `implausible_values`, with one row per value outside the limits, sorted by key."""
    limits, parts = limits_of(label_set), [IMPLAUSIBLE_VALUES.empty()]
    for measure, known in assessable(rows).items():
        outside = np.logical_or(*beyond(rows, limits, measure, known))
        chosen = outside.nonzero()[0]
        names = rows.names[rows.structure[chosen]]
        values = {
            "scan_id": rows.scan_ids[rows.scan[chosen]],
            "structure": names,
            "measure": measure,
            "value": rows.numbers(measure)[chosen],
            "scan_share": _share_of_scan(rows, outside, known & _limited(rows, limits, measure))[rows.scan[chosen]],
        }
        ends = {end: limits[f"{measure}_{end}"].reindex(names).to_numpy() for end in ("low", "high")}
        parts.append(pd.DataFrame({**values, **ends}))
    filled = [part for part in parts if len(part)] or parts[:1]
    return IMPLAUSIBLE_VALUES.check(
        pd.concat(filled, ignore_index=True).sort_values(list(IMPLAUSIBLE_VALUES.key), ignore_index=True)
    )


def _limited(rows: MeasureRows, limits: pd.DataFrame, measure: str) -> NDArray[np.bool_]:
    """Return which rows have a structure with a limit for the measure."""
    with_limit = limits[[f"{measure}_low", f"{measure}_high"]].notna().any(axis=1).reindex(rows.names, fill_value=False)
    found: NDArray[np.bool_] = with_limit.to_numpy(bool)[rows.structure]
    return found


def _share_of_scan(rows: MeasureRows, outside: NDArray[np.bool_], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the proportion of comparable values outside their limits for each scan."""
    n = len(rows.scan_ids)
    known_in, outside_in = (np.bincount(rows.scan[chosen], minlength=n) for chosen in (known, outside))
    return outside_in / np.maximum(known_in, 1)


def suggested_names(rows: MeasureRows, label_set: LabelSet, found: pd.DataFrame, share: float) -> dict[str, str]:
    """Return names from another label set, or shifted by one label, that match the values better.

    Names are suggested if at least five structures are implausible and the suggested names reduce this number to one
    quarter or less.
    """
    n_implausible = _n_implausible(found)
    if n_implausible < FEWEST:
        return {}
    tried = [
        (_n_implausible(counted(_renamed(rows, names), limits, share)), where, names)
        for where, limits, names in other_names(label_set)
    ]
    least, where, names = min(tried, key=lambda one: one[0])
    if least > n_implausible / 4:
        return {}
    implausible = found.index[found["finding"].isin(IMPLAUSIBLE)]
    return {name: f"{names[name]} {where}" for name in implausible if name in names}


def other_names(label_set: LabelSet) -> Iterator[tuple[str, pd.DataFrame, dict[str, str]]]:
    """Yield the source of other names, their limits, and the other name of each structure with the same label."""
    name_of = {label: name for name, label in label_set.label_of.items()}
    for file in sorted(LABEL_SETS.glob("*.csv")):
        other = label_sets.read(file.stem)
        known = {label: name for name, label in other.label_of.items()}
        yield f"in {file.stem}", limits_of(other), {name: known[n] for n, name in name_of.items() if n in known}
    for step in (-1, 1):
        shifted = {name: name_of[label + step] for label, name in name_of.items() if label + step in name_of}
        yield f"(label {step:+d})", limits_of(label_set), shifted


def _renamed(rows: MeasureRows, names: dict[str, str]) -> MeasureRows:
    renamed = pd.Index([names.get(name, NO_NAME.format(name)) for name in rows.names])
    return MeasureRows(rows.measures, rows.scan, rows.structure, rows.scan_ids, renamed, rows.place)


def _n_implausible(found: pd.DataFrame) -> int:
    """Return the number of implausible structures, including structures with values but without a name."""
    nameless = found.index.str.startswith(NO_NAME.format("")) & found["finding"].ne("not_assessable")
    return int((found["finding"].isin(IMPLAUSIBLE) | nameless).sum())

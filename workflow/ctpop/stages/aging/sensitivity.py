"""Sensitivity analyses: correlations with age for other values, scans, or weights than those of the main analysis."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from ctpop.stages.aging.age_series import Series, sizes
from ctpop.stages.aging.aging_settings import AgingSettings
from ctpop.stages.aging.associations import correlation
from ctpop.stages.aging.p_values import with_p
from ctpop.stages.aging.scan_times import precise_ages, scan_years
from ctpop.stats.correlation import Correlation, spearman
from ctpop.stats.patient_sums import has_repeats, scans_per_patient
from ctpop.study.patients import patient_numbers

ERODED = "eroded"
DECADE = 10
CENTRAL = (0.025, 0.975)  # percentiles of age whose decades limit the uniform age distribution


@dataclass(frozen=True)
class Selection:
    """Scans of a series in a sensitivity analysis, as positions, with their weights or the reason for no result."""

    scans: np.ndarray
    weights: np.ndarray | None = None
    reason: str = "ok"


Select = Callable[[Series], Selection]


def first_scans(cohort: pd.DataFrame) -> Select:
    """Return a selection of the first scan of each patient: by date, by age, and then by position in the table.

    Dates are used if all scans of the patient in the cohort have a complete date.
    """
    ages = cohort["age_years"].to_numpy(dtype=float)
    moments = pd.Series(precise_ages(ages, scan_years(cohort), patient_numbers(cohort)), cohort["scan_id"])

    def select(each: Series) -> Selection:
        in_order = np.argsort(moments.loc[each.rows["scan_id"].to_numpy()].to_numpy(), kind="stable")
        first = np.unique(each.patients[in_order], return_index=True)[1]
        return Selection(np.sort(in_order[first]))

    return select


def equally_weighted_patients(each: Series) -> Selection:
    """Return all scans with weights of 1/(number of scans of the patient)."""
    return Selection(np.arange(len(each.rows)), 1 / scans_per_patient(each.patients))


def uniform_ages(ages: np.ndarray) -> Select:
    """Return a selection that weights the scans to equal proportions of the decades of age of a cohort.

    The decades are those from the 2.5th to the 97.5th percentile of the ages of the cohort. Scans outside these decades
    are excluded, because a few scans would represent a whole decade.
    """
    # ASSUME: a decade of the target begins at a multiple of 10 years
    first, last = np.floor_divide(np.quantile(ages, CENTRAL), DECADE).astype(int) if len(ages) else (0, -1)

    def select(each: Series) -> Selection:
        decade = np.floor_divide(each.ages, DECADE).astype(int) - first
        scans = np.flatnonzero((decade >= 0) & (decade <= last - first))
        found = np.bincount(decade[scans], minlength=last - first + 1)
        if not found.all():
            return Selection(scans, reason="empty_decade")
        return Selection(scans, 1 / found[decade[scans]])

    return select


def selections(cohort: pd.DataFrame) -> dict[str, Select]:
    """Return the analyses of other scans or weights; two of them only if patients have several scans.

    `cohort` contains the scans of known age.
    """
    by_patient: dict[str, Select] = {}
    if has_repeats(patient_numbers(cohort)):
        by_patient["one_scan_per_patient"] = first_scans(cohort)
        by_patient["patients_equally_weighted"] = equally_weighted_patients
    return {**by_patient, "uniform_age": uniform_ages(cohort["age_years"].to_numpy(dtype=float))}


def all_correlations(
    sets: Iterable[tuple[str, list[Series]]], series: list[Series], cohort: pd.DataFrame, settings: AgingSettings
) -> list[dict[str, Any]]:
    """Return the rows of `sensitivity`: the correlations under each rule set and those of other scans or weights.

    `sets` contains the names and series of the rule sets, which are used one at a time, and `series` contains the
    values of the main analysis. Eroded values consist of attenuation only and can be absent.
    """
    rows: list[dict[str, Any]] = []
    for name, found in sets:
        if name != ERODED:
            rows += correlations(name, found, settings)
        elif any(len(each.rows) for each in found):
            rows += correlations(name, [each for each in found if each.measure == "hu_mean"], settings)
    return rows + selected_correlations(selections(cohort.dropna(subset="age_years")), series, settings)


def correlations(analysis: str, series: Iterable[Series], settings: AgingSettings) -> list[dict[str, Any]]:
    """Return the correlation of all values of each series, as rows of `sensitivity`."""
    return [
        {**each.name, "analysis": analysis, **_result(correlation(each, settings), len(each.rows), settings.n_min)}
        for each in series
    ]


def selected_correlations(
    chosen: Mapping[str, Select], series: Iterable[Series], settings: AgingSettings
) -> list[dict[str, Any]]:
    """Return the correlation of the selected scans of each series in each analysis, as rows of `sensitivity`."""
    return [
        {
            "structure": each.structure,
            "measure": each.measure,
            "analysis": analysis,
            **_of_selection(each, select(each), settings),
        }
        for each in series
        for analysis, select in chosen.items()
    ]


def sensitivity_table(rows: list[dict[str, Any]], associations: pd.DataFrame) -> pd.DataFrame:
    """Return the table `sensitivity`: correlations in all analyses and their differences from `associations`."""
    table = pd.DataFrame(rows)
    own = associations.set_index(["structure", "measure"])["rho"]
    of_study = own.reindex(pd.MultiIndex.from_frame(table[["structure", "measure"]])).to_numpy()
    return with_p(table).assign(difference=table["rho"] - of_study)


def _of_selection(each: Series, selection: Selection, settings: AgingSettings) -> dict[str, Any]:
    """Return the sizes and the correlation of a selection."""
    scans, counts = selection.scans, sizes(each.patients[selection.scans])
    if selection.reason != "ok" and len(each.rows) >= settings.n_min:
        return {**counts, **_result(Correlation(), counts["n"], settings.n_min), "reason": selection.reason}
    found = Correlation()
    if len(scans) >= settings.n_min:
        patients = each.patients[scans]
        found = spearman(each.values[scans], each.ages[scans], settings.confidence, patients, selection.weights)
    return {**counts, **_result(found, len(scans), settings.n_min, selection.weights)}


def _result(found: Correlation, n: int, n_min: int, weights: np.ndarray | None = None) -> dict[str, Any]:
    """Return a correlation with the effective number of scans and the reason for a missing result."""
    if weights is None or math.isnan(found.rho):
        weights = np.array([math.nan])
    effective = float(weights.sum() ** 2 / (weights @ weights))
    return {"effective_n": effective, **asdict(found), "reason": _reason(found, n, n_min)}


def _reason(found: Correlation, n: int, n_min: int) -> str:
    """Return `ok`, or the reason for a missing correlation or interval."""
    if n < n_min:
        return "too_few"
    if math.isnan(found.rho):
        return "all_equal"
    if abs(found.rho) == 1:
        return "perfect_order"
    return "too_few" if math.isnan(found.ci_low) else "ok"

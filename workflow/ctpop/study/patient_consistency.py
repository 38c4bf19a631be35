"""Consistency of the scans of a patient: one sex, one date of birth, and ages that agree with the dates of the scans.

Dates are used only if their format is unambiguous; if day and month could be exchanged, only the year is used. Messages
contain no dates and no patient identifiers.
"""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from ctpop.foundation.errors import ContractError, count
from ctpop.study.column_names import normalized

DAYS_PER_YEAR = 365.25
# ASSUME: the error of an age in whole years, and of the difference between two such ages, is less than a year; two days
# account for leap years
TOLERANCE_YEARS = 1 + 2 / DAYS_PER_YEAR
SCAN_DATES = (
    *("study_date", "scan_date", "exam_date", "examination_date", "acquisition_date", "series_date", "ct_date"),
    *("studydate", "acquisitiondate", "seriesdate", "date_of_scan", "date_of_study", "date_of_exam", "date", "year"),
)
BIRTH_DATES = (
    "birth_date",
    "date_of_birth",
    "dob",
    "birthdate",
    "patient_birth_date",
    "patientbirthdate",
    "geburtsdatum",
)
DAY = re.compile(r"(?P<y>[12][0-9]{3})([-/.]?)(?P<m>[0-9]{2})\2(?P<d>[0-9]{2})(?:[T ].*)?")
GERMAN_DAY = re.compile(r"(?P<d>[0-9]{1,2})\.(?P<m>[0-9]{1,2})\.(?P<y>[12][0-9]{3})(?:[T ].*)?")
YEAR = re.compile(r"(?:[0-9]{1,2}[-/ ][0-9]{1,2}[-/ ])?(?P<y>[12][0-9]{3})(?:\.0)?(?:[T ].*)?")
REPORTED_BY_INDEX = (
    "several_birth_dates",
    "several_sexes",
    "ages_contradict",
)  # reasons that the index of DICOM files reports
SHARED_STUDY = (
    "study_of_several_patients"  # the index also reports this reason, which does not affect the data of the patient
)


def refuse_contradictions(registry: pd.DataFrame, path: Path) -> None:
    """Reject a registry in which the scans of a patient contradict each other.

    Patients with a reason of the DICOM index in column `patient_reason` are not checked again.

    Parameters
    ----------
    registry : pandas.DataFrame
        One row per scan, with `scan_id`, `patient_id`, `age_years`, and `sex`; the index is the line number in the file
        minus 2. Dates of scans and dates of birth are read from columns with common names.
    path : Path
        Path of the registry, for messages.

    Raises
    ------
    ContractError
        If a patient has two sexes or two dates of birth, if the ages and the dates of the scans disagree by more than
        a year, or if a patient is younger at a later date.

    Examples
    --------
    >>> scans = {"scan_id": ["s1", "s2"], "patient_id": ["p", "p"], "age_years": [61.0, 58.0]}
    >>> registry = pd.DataFrame({**scans, "sex": ["male", "male"], "study_date": ["2020-05-01", "2021-05-01"]})
    >>> refuse_contradictions(registry.drop(columns="study_date"), Path("registry.csv"))
    >>> refuse_contradictions(registry, Path("registry.csv"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ctpop.foundation.errors.ContractError: registry.csv: age_years must agree with study_date in all scans of a ...

    """
    known = registry["patient_id"].notna()
    if "patient_reason" in registry.columns:
        known &= registry["patient_reason"].fillna("ok").isin(["ok", SHARED_STUDY])
    scans = registry[known]
    scans = scans[scans["patient_id"].duplicated(keep=False)]
    if scans.empty:
        return
    several = scans.groupby("patient_id")["sex"].transform("nunique").gt(1)
    _refuse(scans[several], f"{path}: sex must be the same", lambda row: row["sex"])
    for name in _named(scans, BIRTH_DATES):
        _refuse(_contradicting(scans, *days_of(scans[name])), f"{path}: {name} must be the same", lambda _: "")
    for name in _named(scans, SCAN_DATES):
        first, last = days_of(scans[name])
        found = _younger_later(scans, first, last)
        if found.empty:
            found = _contradicting(scans, first - scans["age_years"], last - scans["age_years"], TOLERANCE_YEARS)
        _refuse(found, f"{path}: age_years must agree with {name}", lambda row: f"{row['age_years']:g} years")


def days_of(words: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return the earliest and the latest time, in years, that each date can represent.

    Parameters
    ----------
    words : pandas.Series, shape (scans,)
        Dates as text, missing if not recorded.

    Returns
    -------
    first, last : pandas.Series of float, shape (scans,)
        Decimal years; equal for a complete date, one year apart if only the year is used, and missing if the text is
        not a date.

    Examples
    --------
    >>> first, last = days_of(pd.Series(["2020-07-01", "03/04/2020", "unknown"]))
    >>> first.round(2).tolist(), last.round(2).tolist()
    ([2020.5, 2020.0, nan], [2020.5, 2021.0, nan])

    """
    texts = words.astype("string").str.strip()
    bounds = {word: _moments(word) for word in texts.dropna().unique()}
    ends = [texts.map({word: pair[end] for word, pair in bounds.items()}).astype("float64") for end in (0, 1)]
    return ends[0], ends[1]


def ages_contradict(ages: list[float | None], days: list[int | None]) -> bool:
    """Return whether the ages on different days disagree by more than a year.

    Parameters
    ----------
    ages : list of (float or None)
        Ages (years), None if unknown.
    days : list of (int or None)
        Days since an arbitrary reference day, None if unknown.

    Returns
    -------
    bool
        True if the ages cannot belong to the same patient.

    Examples
    --------
    >>> ages_contradict([61.0, 58.0], [0, 365]), ages_contradict([61.0, 61.0], [0, 365])
    (True, False)

    """
    births = [
        day / DAYS_PER_YEAR - age for age, day in zip(ages, days, strict=True) if age is not None and day is not None
    ]
    return bool(births) and max(births) - min(births) > TOLERANCE_YEARS


def _moments(word: str) -> tuple[float, float]:
    found = DAY.fullmatch(word) or GERMAN_DAY.fullmatch(word)
    if found:
        day = pd.to_datetime("-".join(found[part] for part in "ymd"), format="%Y-%m-%d", errors="coerce")
        moment = np.nan if pd.isna(day) else day.year + (day.day_of_year - 1) / (365 + day.is_leap_year)
        return moment, moment
    year = YEAR.fullmatch(word)
    return (float(year["y"]), float(year["y"]) + 1) if year else (np.nan, np.nan)


def _named(scans: pd.DataFrame, names: tuple[str, ...]) -> list[str]:
    return [column for column in scans.columns if normalized(str(column)) in names]


def _contradicting(scans: pd.DataFrame, first: pd.Series, last: pd.Series, tolerance: float = 0.0) -> pd.DataFrame:
    """Return the scans of patients with two time intervals that are farther apart than the tolerance."""
    patients = scans["patient_id"]
    latest = first.groupby(patients).transform("max")
    earliest = last.groupby(patients).transform("min")
    return scans[(latest - earliest) > tolerance + 1e-9]


def _younger_later(scans: pd.DataFrame, first: pd.Series, last: pd.Series) -> pd.DataFrame:
    """Return the scans between which the age of a patient decreases, even if by less than a year.

    Only ages and dates of equal precision are compared: an age in whole years can follow a higher age with decimals.
    """
    ages = scans["age_years"]
    alike = [scans["patient_id"], ages.mod(1).eq(0), first.eq(last)]
    keys = [key.rename(name) for key, name in zip(alike, ("patient", "whole", "day"), strict=True)]
    known = ages.notna() & first.notna()
    by_date = ages[known].groupby([*(key[known] for key in keys), first[known].rename("first")])
    limits = pd.DataFrame({"high": by_date.max(), "low": by_date.min()})  # sorted by date within each group
    names = [key.name for key in keys]
    before = limits.groupby(names)["high"].cummax().groupby(names).shift()
    after = limits[::-1].groupby(names)["low"].cummin().groupby(names).shift()[::-1]
    place = pd.MultiIndex.from_arrays([*keys, first])
    is_younger = ages.to_numpy() < before.reindex(place).to_numpy() - 1e-9
    was_older = ages.to_numpy() > after.reindex(place).to_numpy() + 1e-9
    return scans[is_younger | was_older]


def _refuse(scans: pd.DataFrame, rule: str, found: Callable[[pd.Series], str]) -> None:
    if scans.empty:
        return
    patients = scans["patient_id"].nunique()
    of_first = scans[scans["patient_id"].eq(scans["patient_id"].iloc[0])]
    lines = of_first.index.to_numpy(dtype=int) + 2
    shown = [(line, row["scan_id"], found(row)) for line, (_, row) in zip(lines, of_first.iterrows(), strict=True)]
    places = ", ".join(f"line {line} ({scan}{', ' * bool(word)}{word})" for line, scan, word in shown[:4])
    raise ContractError(
        f"{rule} in all scans of a patient, which is not the case for {count(patients, 'patient')}; scans of the first"
        f" such patient: {places}; correct these rows or their patient_id; if patient_id does not identify patients,"
        " rename the column with cohort: {columns: {patient_id: group}} (for a table of measures, use measure:"
        " instead of cohort:)"
    )

"""Checks of the patients of a study before a run: criteria, age, sex, repeated patients, covariates, and paths."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ctpop.documents.table1 import refuse_absent
from ctpop.figures.formatting import count, scans_of_patients
from ctpop.stages.operate.configured_study import ConfiguredStudy
from ctpop.stages.operate.findings import ERROR, OK, WARNING, Check, checks_or_error
from ctpop.stats.covariates import COLLINEAR, collinear_with_age, covariates_of
from ctpop.stats.design import Covariate
from ctpop.study import criteria, inclusion
from ctpop.study.column_names import quoted

MUCH_MISSING = 0.2  # ASSUME: share of missing values above which a column is reported with a warning
ADULT_YEARS = 18
SHOWN = 3
PATHS = ("ct_path", "segmentation_path")
ONE_SCAN = "{name: one_scan, sentence: Another scan of the patient, one_per_patient: first}"


def of_patients(
    study: ConfiguredStudy, registry: pd.DataFrame, columns: list[str]
) -> tuple[list[Check], pd.DataFrame | None]:
    """Return the findings on the patients, and the cohort (None if it is empty or the criteria cannot be applied).

    Parameters
    ----------
    study
        Study.
    registry
        Registry with typed columns.
    columns
        Columns of the file.

    """
    start_from = "dicom" if study.dicom else study.start_from
    asked = criteria.read(study.config["cohort"]["criteria"])
    try:
        inclusion.refuse_absent_columns(columns, study.patients_file, start_from, asked)
        fails = inclusion.failed(registry, asked)
    except ValueError as error:
        return [Check("criteria", ERROR, str(error))], None
    cohort = registry[~fails.any(axis="columns").astype(bool)]
    if cohort.empty:
        counts = ", ".join(f"{name} excludes {number}" for name, number in fails.sum().items())
        return [
            Check(
                "criteria",
                ERROR,
                f"cohort.criteria: the criteria exclude all of {count(len(registry), 'scan')} in"
                f" {study.patients_file}: {counts}; remove or change the criterion that excludes most scans, or fill"
                " in its column",
            )
        ], None
    checks = [
        *_of_criteria(fails, len(cohort)),
        _of_ages(cohort["age_years"]),
        _of_sexes(cohort["sex"]),
        *_of_repeated_patients(cohort),
        *_of_paths(registry),
        *checks_or_error("table1", lambda: _of_table1(study, cohort)),
        *checks_or_error("covariates", lambda: list(_of_covariates(study, cohort))),
    ]
    return checks, cohort


def _of_criteria(fails: pd.DataFrame, n: int) -> Iterator[Check]:
    excluded = [f"{name} excludes {int(number)}" for name, number in fails.sum().items()]
    level = OK if n >= len(fails) / 2 else WARNING
    yield Check("criteria", level, f"{n} of {len(fails)} scans included: {', '.join(excluded) or 'no criteria'}")


def _of_ages(ages: pd.Series) -> Check:
    known = ages.dropna()
    if known.empty:
        return Check("age", ERROR, "no scan has an age; declare the column: cohort: {columns: {COLUMN: age_years}}")
    low, middle, high = (f"{value:g}" for value in (known.min(), known.median(), known.max()))
    found = f"{low} to {high} years, median {middle}; {_missing(ages)}"
    young = int((known < ADULT_YEARS).sum())
    found += f"; {young} younger than {ADULT_YEARS} years" if young else ""
    if known.min() == known.max():
        return Check("age", WARNING, f"{found}; all ages are identical; check the column age_years")
    return Check("age", WARNING if ages.isna().mean() > MUCH_MISSING else OK, found)


def _of_sexes(sexes: pd.Series) -> Check:
    counts = ", ".join(f"{n} {sex}" for sex, n in sexes.value_counts().sort_index().items())
    if not counts:
        return Check(
            "sex",
            WARNING,
            "not recorded; results will not be adjusted for sex. If the registry has such a column, declare it:"
            " cohort: {columns: {COLUMN: sex}}",
        )
    suspect = sexes.isna().mean() > MUCH_MISSING or len(sexes.value_counts()) == 1
    return Check("sex", WARNING if suspect else OK, f"{counts}; {_missing(sexes)}")


def _of_repeated_patients(cohort: pd.DataFrame) -> Iterator[Check]:
    known = cohort["patient_id"].dropna()
    if known.empty:
        yield Check("patients", OK, "patient_id is not recorded; each scan is treated as a different patient")
    elif known.duplicated().any():
        yield Check(
            "patients",
            WARNING,
            f"{scans_of_patients(len(known), known.nunique())}: scans of the same patient are not independent; to"
            f" include one scan per patient, add to cohort.criteria: {ONE_SCAN}",
        )
    else:
        patients = count(known.nunique(), "patient")
        yield Check("patients", OK, f"{patients} with one scan each; {_missing(cohort['patient_id'])}")


def _of_paths(registry: pd.DataFrame) -> Iterator[Check]:
    """Yield findings on paths shared by several scans, which would count the same images as several patients."""
    for column in (column for column in PATHS if column in registry.columns):
        repeated = registry[registry[column].notna() & registry[column].duplicated(keep=False)]
        if len(repeated):
            first = ", ".join(repeated["scan_id"].head(SHOWN))
            yield Check(
                column,
                WARNING,
                f"{len(repeated)} scans have the same {column} as another scan, including {first};"
                " correct the paths or remove the rows",
            )


def _of_table1(study: ConfiguredStudy, cohort: pd.DataFrame) -> list[Check]:
    further = study.config["cohort"].get("table1", [])
    refuse_absent(cohort, further)
    return [Check("table1", OK, f"age, sex, {', '.join(further)}")] if further else []


def _of_covariates(study: ConfiguredStudy, cohort: pd.DataFrame) -> Iterator[Check]:
    aging = study.config["aging"]
    meanings = study.config["cohort"].get("values", {})
    covariates = covariates_of(cohort, aging.get("covariates"), aging["categorical"], meanings)
    collinear = collinear_with_age(covariates, cohort["age_years"].to_numpy(dtype=float))
    for covariate in covariates:
        known = covariate.values[np.isfinite(covariate.values)]
        complete = covariate.varies and len(known) >= aging["covariate_share"] * len(cohort)
        level = OK if complete and covariate.suitable and covariate.name not in collinear else WARNING
        found = f"{_values(covariate, known)}; {_missing(covariate.values)}"
        if covariate.name in collinear:
            others = ", ".join(quoted(part.name) for part in covariates if part is not covariate)
            found += f"; {COLLINEAR}; set aging: {{covariates: [{others}]}}"
        if covariate.name != "sex" and (len(known) or aging.get("covariates") is not None):
            yield Check(f"covariate {covariate.name}", level, found)


def _values(covariate: Covariate, known: np.ndarray) -> str:
    if not len(known):
        return "no value"
    if not covariate.suitable:
        return "dates or identifiers, for which no result is adjusted"
    if not covariate.of_kinds:
        return f"numbers from {known.min():g} to {known.max():g}, median {np.median(known):g}"
    _, sizes = np.unique(known, return_counts=True)
    if len(sizes) == 1:
        return "one level"
    return f"{len(sizes)} levels with {sizes.min()} to {sizes.max()} scans"


def _missing(values: "pd.Series[str] | pd.Series[float] | np.ndarray") -> str:
    n = int(pd.isna(values).sum())
    return f"missing in {count(n, 'scan')} ({n / len(values):.0%})" if n else "none missing"

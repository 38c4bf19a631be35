"""Checks of the tables of a study before a run: label set, registry, and table of measures or folder of statistics.

All tables are read with the readers of the workflow, so a table that passes the checks does not fail later. Patient
data are printed only in the errors of these readers. Levels of covariates are counted but not printed because a column
may contain names.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import pandas as pd

from ctpop.contracts.all_tables import REGISTRY_COLUMNS, TRUTH
from ctpop.figures.formatting import count
from ctpop.foundation.errors import ContractError, in_one_line
from ctpop.stages.operate.configured_study import ConfiguredStudy
from ctpop.stages.operate.findings import ERROR, LONGEST, OK, WARNING, Check, checks_or_error
from ctpop.stages.operate.patient_checks import of_patients
from ctpop.study import (
    decisions,
    external_measures,
    label_sets,
    measures_table,
    missing_inputs,
    registry,
    rule_sets,
    user_tables,
)
from ctpop.study.label_sets import LabelSet
from ctpop.study.registry_options import measures_reading_of, reading_of
from ctpop.study.table_units import refuse_other_units

Found = TypeVar("Found")
SHOWN = 3


@dataclass(frozen=True)
class StudyTables:
    """Tables of a study; an attribute is None if an error prevented reading.

    Attributes
    ----------
    label_set : LabelSet or None
        Structures.
    scans : pandas.DataFrame or None
        Included scans; all scans of the registry if its cells have errors.
    checks : list of Check
        Findings.

    """

    label_set: LabelSet | None
    scans: pd.DataFrame | None
    checks: list[Check]


def read_tables(study: ConfiguredStudy) -> StudyTables:
    """Return the label set and the scans of a study, and the findings on its tables."""
    checks: list[Check] = []
    label_set = _or_none(checks, "structures", lambda: label_sets.read(study.config["structures"]))
    if label_set is None:
        return StudyTables(None, None, checks)
    checks.append(Check("structures", OK, f"{label_set.name}: {count(len(label_set.names), 'structure')}"))
    absent = list(_absent_tables(study))
    if absent:
        return StudyTables(label_set, None, [*checks, *absent])
    checks += checks_or_error("screen.rules", lambda: [_of_rules(study, label_set)])
    table = _or_none(checks, "measures", lambda: _measures_text(study, label_set.names, checks))
    text = (
        None
        if study.one_file and table is None
        else _or_none(checks, "registry", lambda: _registry_text(study, label_set.names, table, checks))
    )
    if text is None:
        return StudyTables(label_set, None, checks)
    cohort = _cohort(study, text, checks)
    scans = text if cohort is None else cohort
    for name, read in _of_other_tables(study, text, cohort, label_set.names).items():
        _or_none(checks, name, read)
    if study.measures and table is not None and cohort is not None:
        recorded = external_measures.Recorded(cohort, reading=reading_of(study.config["cohort"]))
        _or_none(checks, "measures", partial(external_measures.refuse_other_patients, table, recorded, study.measures))
    if study.measures and (table is not None or study.measures.is_dir()):
        ids = list(scans["scan_id"].dropna().drop_duplicates())
        excluded = set(text["scan_id"].dropna()) - set(ids)
        checks += checks_or_error("measures", lambda: list(_of_measures(study, table, (ids, excluded), label_set)))
    return StudyTables(label_set, scans, checks)


def _absent_tables(study: ConfiguredStudy) -> Iterator[Check]:
    """Yield an error for the registry and the table of measures if they do not exist."""
    config = study.config["study"]
    for name in ("registry", "measures"):
        path = config.get(name)
        if path and not (name == "registry" and study.dicom) and not Path(path).exists():
            yield Check(name, ERROR, missing_inputs.problem_of(f"study.{name}", path, study.config))


def _or_none(checks: list[Check], name: str, read: Callable[[], Found]) -> Found | None:
    try:
        return read()
    except (OSError, ValueError) as error:
        checks.append(Check(name, ERROR, in_one_line(error, longest=LONGEST)))
        return None


def _of_rules(study: ConfiguredStudy, label_set: LabelSet) -> Check:
    screen = study.config["screen"]
    rules = rule_sets.read(screen["rules"])
    rule_sets.refuse_unknown_structures(rules, label_set.names)
    label_sets.lower_bounds(label_set, screen["lower_bound_ml"])
    return Check("screen.rules", OK, str(screen["rules"]))


def _measures_text(study: ConfiguredStudy, names: list[str], checks: list[Check]) -> pd.DataFrame | None:
    """Return the table of measures as text, or None if the study has no such table or a folder of statistics."""
    if study.measures is None:
        return None
    if study.measures.is_dir():
        if study.one_file:
            raise ContractError(
                f"{study.measures}: a folder of statistics.json files contains no ages; set study.registry to a table"
                " with scan_id and age_years"
            )
        return None
    notes: list[str] = []
    reading = measures_reading_of(study.config["measure"], study.config["cohort"])
    try:
        return measures_table.read_words(study.measures, reading, names, notes)
    finally:
        checks += _of_notes(notes, study.measures)


def _registry_text(
    study: ConfiguredStudy, names: list[str], table: pd.DataFrame | None, checks: list[Check]
) -> pd.DataFrame:
    """Return the registry as text, from the table of measures if this table describes the patients."""
    notes: list[str] = []
    try:
        if table is None or not study.one_file:
            return registry.read_words(study.registry, study.reading, notes)
        patients = measures_table.patients_in(table, names, study.patients_file)
        return registry.words_of(patients, study.patients_file, study.reading, notes)
    finally:
        checks += _of_notes(notes, study.patients_file)


def _of_notes(notes: list[str], path: Path) -> list[Check]:
    return [Check("read as", OK, note if str(path) in note else f"{path}: {note}") for note in notes]


def _of_other_tables(
    study: ConfiguredStudy, text: pd.DataFrame, cohort: pd.DataFrame | None, names: list[str]
) -> dict[str, Callable[[], object]]:
    """Return the readers of the other tables by the setting or column that names the table."""
    paths = {
        "screen.review": study.config["screen"].get("review"),
        "study.truth": study.config["study"].get("truth"),
        "evaluate.reference": study.config.get("evaluate", {}).get("reference"),
    }
    ids = list(text["scan_id"].dropna())
    readers: dict[str, Callable[[Path], object]] = {
        "screen.review": lambda path: decisions.read_review(path, ids, [], names),
        "study.truth": lambda path: user_tables.read_user_table(TRUTH, path),
        "evaluate.reference": _existing_references,
    }
    found: dict[str, Callable[[], object]] = {
        name: partial(readers[name], Path(path)) for name, path in paths.items() if path and Path(path).is_file()
    }
    if cohort is not None:
        found["known_absent"] = lambda: decisions.known_absences(cohort, names)
    return found


def _existing_references(path: Path) -> None:
    """Raise an error if reference masks do not exist."""
    rows = user_tables.read_reference_rows(path)
    absent = rows[[not (path.parent / reference).exists() for reference in rows["reference_path"]]]
    if len(absent):
        first = absent["scan_id"].iloc[0]
        raise ContractError(
            f"{path}: {count(len(rows), 'path')} checked, {len(absent)} missing (first: reference_path of {first!r});"
            " correct the paths, which are absolute or relative to the folder of this table"
        )


def _cohort(study: ConfiguredStudy, text: pd.DataFrame, checks: list[Check]) -> pd.DataFrame | None:
    """Return the included scans, or None if cells have errors; append findings on the patients to `checks`."""
    path, notes = study.patients_file, list[str]()
    try:
        frame = registry.checked(text, path, study.reading, notes)
    except (OSError, ValueError) as error:
        whole = in_one_line(error, longest=LONGEST)
        checks += [Check("registry", ERROR, found) for found in dict.fromkeys([*_errors_of_columns(text, path), whole])]
        return None
    checks += _of_notes(notes, path)
    found, cohort = of_patients(study, frame, list(text.columns))
    checks += found
    return cohort


def _errors_of_columns(text: pd.DataFrame, path: Path) -> Iterator[str]:
    """Yield the errors of each column; the reader itself stops at the first error."""
    parts: dict[str, Callable[[], object]] = {"scan_id": lambda: registry.check_ids(text["scan_id"], path)}
    for name in (name for name in REGISTRY_COLUMNS if name in text.columns and name != "scan_id"):
        part = text[["scan_id", name]] if name == "age_years" else text[["scan_id", name]].assign(age_years=None)
        parts[name] = lambda part=part: registry.typed(part.astype("str").where(part.notna()), path)  # type: ignore[misc]
    for check in parts.values():
        try:
            check()
        except ValueError as error:
            yield in_one_line(error, longest=LONGEST)


def _of_measures(
    study: ConfiguredStudy, table: pd.DataFrame | None, scans: tuple[list[str], set[str]], label_set: LabelSet
) -> Iterator[Check]:
    """Yield the findings on the measures of the included scans; `scans` contains included and excluded IDs."""
    ids, excluded = scans
    path, zero_hu = Path(str(study.measures)), study.config["measure"]["zero_hu"]
    names = label_set.names
    reading = measures_reading_of(study.config["measure"], study.config["cohort"])
    if table is None:
        recorded = external_measures.Recorded(pd.DataFrame(), excluded)
        rows = external_measures.read_external_measures(path, ids, names, reading, zero_hu, recorded)
    else:
        measures_table.refuse_numbers_for_none(table, reading, names, path)
        long = measures_table.as_long(table, names, path)
        known = set(long["structure"]) if "structure" in long.columns else set()
        present = [name for name in names if name in known] or names  # rows of other structures contain no values
        rows = external_measures.external_rows(long, ids, present, path, zero_hu, excluded)
    yield from _of_rows(rows, label_set, path)
    bounds = dict(zip(names, label_set.table["lower_bound_ml"], strict=True))
    refuse_other_units(rows, bounds, path, label_set.largest_ml, reading)
    units = [unit for unit, column in (("mL", "volume_ml"), ("HU", "hu_mean")) if rows[column].notna().any()]
    plausible = f"the medians of the structures are compatible with {' and '.join(units)}"
    yield Check("units", OK, plausible if units else "not checked: there are no values")


def _of_failures(rows: pd.DataFrame) -> Iterator[Check]:
    """Yield a finding for each status of files and entries that cannot be read, which have a detail."""
    failed = rows[rows["detail"].notna()]
    for status, of_status in failed.groupby("status", sort=True):
        first = of_status.iloc[0]
        n = of_status["scan_id"].nunique()
        yield Check("measures", WARNING, f"{status}: {count(n, 'scan')}, first {first['scan_id']}: {first['detail']}")


def _of_rows(rows: pd.DataFrame, label_set: LabelSet, path: Path) -> Iterator[Check]:
    measured = rows[rows["status"].eq("measured")]
    n_scans, n_structures = rows["scan_id"].nunique(), len(label_set.names)
    with_values, structures = measured["scan_id"].nunique(), measured["structure"].nunique()
    counts = f"{path}: values of {with_values} of {n_scans} scans and of {structures} of {n_structures} structures"
    if not with_values:
        counts += "; no value is usable: correct the table or the files, or the path study.measures"
    yield Check("measures", OK if with_values == n_scans else WARNING if with_values else ERROR, counts)
    yield from _of_failures(rows)
    if structures < n_structures:
        measured_names = set(measured["structure"].unique())
        absent = [name for name in label_set.names if name not in measured_names]
        named = ", ".join(absent[:SHOWN])
        yield Check(
            "measures",
            WARNING,
            f"{count(len(absent), 'structure')} without values, including {named}; if the table was created with"
            " another label set, set structures: to that label set",
        )
    zeros = int(rows["status"].eq("zero_in_statistics").sum())
    if zeros:
        yield Check(
            "measures",
            WARNING,
            f"{count(zeros, 'attenuation value')} of 0.0 without a volume excluded: TotalSegmentator writes 0.0 for"
            " absent, truncated, and failed structures; to keep these values, set measure: {zero_hu: value}",
        )
    for column in ("volume_ml", "hu_mean"):
        known = measured[column].notna()
        if not known.any():
            yield Check("measures", WARNING, f"no values of {column}; results that require {column} are not computed")
        same = measured[known].groupby("structure")[column].agg(["nunique", "size"])
        constant = same.index[same["nunique"].eq(1) & same["size"].gt(2)]
        if len(constant):
            yield Check(
                "measures",
                WARNING,
                f"{column} is constant in {count(len(constant), 'structure')}, including {constant[0]};"
                " check the column of the table",
            )

"""Scores of new patients: z scores and centiles from the stored centile models of another study.

The command reads the table `centile_models` of a study and values of new patients of the same label set, segmentation
model, and units. With local reference patients, the z scores are adapted to the site of the new patients. It writes the
table `scores` and, with reference patients, the table `site_shifts`.
"""

import argparse
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr

from ctpop.contracts import all_tables
from ctpop.foundation.errors import ContractError, count
from ctpop.stages.aging.centile_models import StoredModel, stored_model
from ctpop.stages.aging.centiles import level_texts
from ctpop.stages.aging.new_values import Given, NewValues, Origin, origin_of, read_values
from ctpop.stats.site_shift import SiteShift, site_shift
from ctpop.study.patients import patient_numbers

LOG = logging.getLogger(__name__)
ALLOW = "--allow-other-model"
NO_LEVEL = object()  # level of a covariate that the registry does not contain
SERIES = ["structure", "measure"]

Models = Mapping[tuple[str, str, str], StoredModel]
Shifts = Mapping[tuple[str, str], SiteShift]


def scored(new: NewValues, models: Models) -> pd.DataFrame:
    """Return the table `scores` without adaptation."""
    facts = new.scans.reindex(columns=["age_years", "sex"])
    table = new.values.join(facts, on="scan_id").reset_index(drop=True)
    columns = level_columns_of(new.scans, models)
    keys = pd.MultiIndex.from_frame(table[[*SERIES, "sex"]].fillna({"sex": ""}))
    parts = [part for key, part in table.groupby(keys, sort=False)]
    return pd.concat([_scored_part(part, models, columns) for part in parts]) if parts else all_tables.SCORES.empty()


def _scored_part(table: pd.DataFrame, models: Models, columns: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Return the scores of values of one structure, measure, and sex."""
    structure, measure, sex = table[[*SERIES, "sex"]].iloc[0]
    model = None if pd.isna(sex) else models.get((structure, measure, sex))
    ages = table["age_years"].to_numpy(dtype=float)
    reasons = _reasons(table["value"].to_numpy(dtype=float), ages, sex, model)
    found = table.assign(z_se=np.nan, adaptation="none", reason=reasons)
    usable = found["reason"].eq("ok").to_numpy()
    blank = {"model": None, "z": np.nan, "centile": np.nan, "outside_age_range": pd.NA, "unknown_level": pd.NA}
    found = found.assign(**{name: pd.Series(value, found.index, dtype=object) for name, value in blank.items()})
    if model is None or not usable.any():
        return found
    scans = found.loc[usable, "scan_id"]
    levels = {name: columns[name].reindex(scans).to_numpy(dtype=object) for name in model.levels.groups}
    effects, known = model.levels.indicators(levels) if levels else (None, np.ones(len(scans), dtype=bool))
    values = found.loc[usable, "value"].to_numpy(dtype=float)
    z = model.curves.z_of(values, ages[usable], effects)
    outside = (ages[usable] < model.age_min) | (ages[usable] > model.age_max)
    for name, part in {"z": z, "outside_age_range": outside, "unknown_level": ~known}.items():
        found.loc[usable, name] = part
    found.loc[usable, "model"], found.loc[usable, "z_se"] = model.name, 0.0
    return found


def _reasons(values: np.ndarray, ages: np.ndarray, sex: object, model: StoredModel | None) -> np.ndarray:
    """Return `ok`, or the reason for a missing z score, for each value of one structure, measure, and sex."""
    reasons = np.full(len(values), "ok", dtype=object)
    if model is None:
        reasons[:] = "no_curves"
    elif model.curves.model.positive:
        reasons[values <= 0] = "not_positive"
    if sex not in ("female", "male"):
        reasons[:] = "no_sex"
    reasons[np.isnan(ages)] = "no_age"
    return reasons


def level_columns_of(scans: pd.DataFrame, models: Models) -> dict[str, pd.Series]:
    """Return the level of each scan by the covariates of all models; `NO_LEVEL` for a column that is missing."""
    names = {name for model in models.values() for name in model.levels.groups}
    absent = sorted(name for name in names if name not in scans.columns)
    if absent:
        LOG.warning("the registry has no column %s; the mean of its levels is used", ", ".join(absent))
    texts = {name: level_texts(scans[name]) if name in scans.columns else [NO_LEVEL] * len(scans) for name in names}
    return {name: pd.Series(column, scans.index, dtype=object) for name, column in texts.items()}


def shifts_of(scores: pd.DataFrame, scans: pd.DataFrame) -> Shifts:
    """Return the shift of each structure and measure from the first scan of each reference patient."""
    number = pd.Series(patient_numbers(scans.reset_index()), scans.index)
    known = scores[scores["reason"].eq("ok")]
    known = known.assign(patient=known["scan_id"].map(number)).drop_duplicates([*SERIES, "patient"])
    return {
        (str(structure), str(measure)): site_shift(part["z"].to_numpy(dtype=float))
        for (structure, measure), part in known.groupby(SERIES)
    }


def adapted(scores: pd.DataFrame, shifts: Shifts) -> pd.DataFrame:
    """Return the scores after adaptation to the site of the reference patients."""
    if scores.empty:
        return scores
    return pd.concat([_adapted_part(part, shifts.get((str(s), str(m)))) for (s, m), part in scores.groupby(SERIES)])


def _adapted_part(part: pd.DataFrame, shift: SiteShift | None) -> pd.DataFrame:
    if shift is None:
        return part
    usable = part["reason"].eq("ok")
    z, error = shift.adapted(part.loc[usable, "z"].to_numpy(dtype=float))
    part = part.assign(adaptation=shift.adaptation)
    part.loc[usable, "z"], part.loc[usable, "z_se"] = z, error
    return part


def with_centiles(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the scores with the centile of each z score, checked."""
    centile = 100 * ndtr(scores["z"].to_numpy(dtype=float))
    return all_tables.SCORES.check(scores.assign(centile=centile)[list(all_tables.SCORES.columns)])


def shift_rows(shifts: Shifts) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table `site_shifts`."""
    for (structure, measure), shift in shifts.items():
        yield {
            **{"structure": structure, "measure": measure, "n": shift.n, "n_patients": shift.n},
            **{"shift": shift.mean, "shift_low": shift.mean_low, "shift_high": shift.mean_high},
            **{"sd": shift.sd, "sd_low": shift.sd_low, "sd_high": shift.sd_high, "adaptation": shift.adaptation},
        }


def read_models(path: Path) -> tuple[Models, Origin]:
    """Return the chosen models of a study by structure, measure, and sex, and the origin of their values.

    Raises
    ------
    ContractError
        If the file is missing or invalid, or contains no chosen model.

    """
    file = path / "tables" / "centile_models.parquet" if path.is_dir() else path
    if not file.is_file():
        raise ContractError(f"{file}: the file does not exist; enter the table centile_models of a study")
    models_table = all_tables.CENTILE_MODELS_TABLE
    table = models_table.read_csv(file) if file.suffix == ".csv" else models_table.read(file)
    rows: list[dict[Any, Any]] = table[table["chosen"]].to_dict("records")
    if not rows:
        raise ContractError(f"{file}: the table contains no fitted model; the study has too few patients of each sex")
    models = {(row["structure"], row["measure"], row["sex"]): stored_model(row) for row in rows}
    first, model = rows[0], rows[0]["segmentation_model"]
    return models, Origin(first["label_set"], first["label_set_digest"], None if pd.isna(model) else str(model))


def check_origin(models: Origin, values: Origin, place: Path, *, allowed: bool) -> None:
    """Reject values of another label set or segmentation model, or log a warning if they are allowed.

    Raises
    ------
    ContractError
        If the label set or the segmentation model differs from that of the models or is not known.

    """
    problems = []
    if values.label_set_digest is None:
        problems.append("the label set is not known; add --structures with the label set of the values")
    elif values.label_set_digest != models.label_set_digest:
        problems.append(f"the label set is {values.label_set}, but that of the models is {models.label_set}")
    if models.segmentation_model is None:
        LOG.warning("the models contain no segmentation model; make sure that the values are from the same model")
    elif values.segmentation_model is None:
        problems.append(
            "the segmentation model is not known; add --segments or --segmentation-model (that of the centile models"
            f" is {models.segmentation_model})"
        )
    elif values.segmentation_model != models.segmentation_model:
        found = f"the segmentation model is {values.segmentation_model}, but that of the centile models is"
        problems.append(f"{found} {models.segmentation_model}")
    if problems and not allowed:
        raise ContractError(
            f"{place}: {'; '.join(problems)}. z scores are valid only for the same label set and segmentation model;"
            f" add {ALLOW} to compute them nevertheless"
        )
    for problem in problems:
        LOG.warning("%s: %s; the z scores can be biased", place, problem)


def refuse_shared(new: NewValues, reference: NewValues) -> None:
    """Reject reference patients that are to be scored.

    Raises
    ------
    ContractError
        If a scan or a patient is in both tables.

    """
    scans = new.scans.index.intersection(reference.scans.index)
    both = [frame.get("patient_id", pd.Series(dtype=object)).dropna() for frame in (new.scans, reference.scans)]
    patients = sorted(set(both[0]) & set(both[1]))
    if len(scans) or patients:
        first = f"scan {scans[0]!r}" if len(scans) else f"patient {patients[0]!r}"
        raise ContractError(
            f"{reference.place}: {count(len(scans), 'scan')} and {count(len(patients), 'patient')} are also in"
            f" {new.place}, first {first}; reference patients must not be scored, because their own values would shift"
            " their z scores. Remove them from one of the tables"
        )


@dataclass(frozen=True)
class ScoreOptions:
    """Options of the command `score`; `ctpop score --help` explains them."""

    models: Path
    table: Path
    registry: Path | None
    structures: str | None
    segments: Path | None
    segmentation_model: str | None
    reference: Path | None
    reference_registry: Path | None
    allow_other_model: bool
    out: Path


def run(options: ScoreOptions) -> None:
    """Read models and values, compute z scores, adapt them to the site, and write the tables."""
    models, origin = read_models(options.models)
    given = Given(options.table, options.registry)
    new = read_values(given)
    of_values = origin_of(given, options.structures, options.segments, options.segmentation_model)
    check_origin(origin, of_values, new.place, allowed=options.allow_other_model)
    scores = scored(new, models)
    if options.reference is not None:
        of_site = Given(options.reference, options.reference_registry)
        if of_site.registry is None and of_site.folder is None:
            of_site = Given(options.reference, options.registry)
        reference = read_values(of_site)
        of_values = origin_of(of_site, options.structures, options.segments, options.segmentation_model)
        check_origin(origin, of_values, reference.place, allowed=options.allow_other_model)
        refuse_shared(new, reference)
        shifts = shifts_of(scored(reference, models), reference.scans)
        scores = adapted(scores, shifts)
        write_shifts(shifts, options.out)
    table = with_centiles(scores)
    all_tables.SCORES.write(table, options.out)
    done, outside = int(table["reason"].eq("ok").sum()), int(table["outside_age_range"].fillna(value=False).sum())
    LOG.info("%d values = %d with a z score + %d without (column reason)", len(table), done, len(table) - done)
    LOG.info("%s outside the age range of the models", count(outside, "value"))


def write_shifts(shifts: Shifts, out: Path) -> None:
    """Write the table `site_shifts` next to the scores, and log each shift."""
    columns = list(all_tables.SITE_SHIFTS.columns)
    path = out.with_name(f"{out.stem}_site_shifts.parquet")
    table = all_tables.SITE_SHIFTS.write(pd.DataFrame(list(shift_rows(shifts)), columns=columns), path)
    for row in table.to_dict("records"):
        LOG.info(
            "%s %s: shift of the reference patients %.2f (95%% CI: %.2f, %.2f), n = %d; adaptation: %s",
            *(row[name] for name in ("structure", "measure", "shift", "shift_low", "shift_high", "n", "adaptation")),
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    table = "text table, spreadsheet, or Parquet file"
    parser.add_argument(
        "models",
        type=Path,
        metavar="MODELS",
        help="table centile_models of a study (Parquet or CSV), or its result folder",
    )
    parser.add_argument(
        "table",
        type=Path,
        metavar="VALUES",
        help=f"values of new patients: result folder of a study, its table analysis, or a {table} with scan_id,"
        " structure, measure, and value",
    )
    parser.add_argument("--registry", type=Path, help=f"registry of the new patients with ages and sexes: {table}")
    parser.add_argument("--structures", metavar="LABEL_SET", help="label set of the values (name or CSV file)")
    parser.add_argument("--segments", type=Path, help="table segments of the study that produced the values (Parquet)")
    parser.add_argument(
        "--segmentation-model", help="segmentation model of the values, as in the column model of segments"
    )
    parser.add_argument(
        "--reference",
        type=Path,
        help="values of local reference patients, in the form of VALUES, to adapt the z scores to the site",
    )
    parser.add_argument(
        "--reference-registry", type=Path, help="registry of the reference patients (default: that of --registry)"
    )
    parser.add_argument(
        ALLOW, action="store_true", help="compute z scores of values of another label set or segmentation model"
    )
    parser.add_argument("--out", type=Path, required=True, help="scores to write (Parquet, and a CSV copy)")

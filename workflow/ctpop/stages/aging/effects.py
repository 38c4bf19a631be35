"""Effects: average differences per decade of age, differences between the sexes, and relations with body height.

The stage reads the usable values (`analysis`) and the cohort with its covariates. It writes `age_effects`, `age_models`
(the fitted curves, from which other effects can be computed without data of patients), `sex_differences`, `body_size`,
and `detectable_effects`. Volumes are modeled on the natural logarithmic scale, so effects are percentages. Each model
is fitted without covariates other than sex, and adjusted for all covariates together.
"""

import argparse
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ctpop.contracts import all_tables
from ctpop.foundation.errors import ContractError
from ctpop.foundation.progress import Progress
from ctpop.stages.aging.age_models import age_sample, knots_of, sex_codes, without_sex
from ctpop.stages.aging.age_series import Series, size_of, split
from ctpop.stages.aging.detectable import detectable_rows
from ctpop.stages.aging.effect_rows import (
    EffectSettings,
    FittedCurve,
    difference_row,
    effect_rows,
    fitted_curves,
    model_row,
)
from ctpop.stages.aging.effect_units import LOGARITHMIC
from ctpop.stages.aging.p_values import adjusted, with_p
from ctpop.stages.aging.samples import covariates_of_study, with_positions
from ctpop.stages.aging.sensitivity import Select, first_scans
from ctpop.stages.aging.size_rows import body_size_row
from ctpop.stats import families
from ctpop.stats.age_effects import central_ages
from ctpop.stats.covariates import covariates_of, joint, named
from ctpop.stats.design import Covariate
from ctpop.stats.patient_sums import has_repeats
from ctpop.study import configuration, label_sets
from ctpop.study.patients import patient_numbers

LOG = logging.getLogger(__name__)
HEIGHT = "height_cm"
ADULT_YEARS = 18
TABLES = ("age_effects", "age_models", "sex_differences", "body_size")
WRITTEN = (*TABLES, "detectable_effects")
EFFECT_KEY = ("adjusted_for", "sex", "form", "window")
ONE_SCAN = {name: f"{name}_one_scan" for name in ("effect", "ci_low", "ci_high")}
WITHIN = {  # columns that define a family of tests in addition to `family`
    "age_effects": ("adjusted_for", "sex", "form", "window"),
    "sex_differences": ("adjusted_for", "form"),
    "body_size": (),
}


@dataclass(frozen=True)
class EffectCohort:
    """Sexes, sets of covariates, and height of the scans of the cohort; `sexes` is None for models without sex.

    `first` selects the first scan of each patient in a series; None if each patient has one scan.
    """

    sexes: np.ndarray | None
    sets: list[list[Covariate]]
    height: list[Covariate]
    first: Select | None = None


def effect_cohort(cohort: pd.DataFrame, covariates: Sequence[Covariate], share: float) -> EffectCohort:
    """Return the sexes, the sets of covariates, and the height of the scans of a cohort."""
    together = without_sex(joint(covariates, share))
    known = [covariate for covariate in covariates if covariate.name == HEIGHT]
    if not known and HEIGHT in cohort.columns:
        known = covariates_of(cohort, [HEIGHT], [])
    height = [covariate for covariate in known if not covariate.of_kinds]
    dated = cohort.dropna(subset="age_years")
    first = first_scans(dated) if has_repeats(patient_numbers(dated)) else None
    return EffectCohort(sex_codes(cohort, share), [[], together] if together else [[]], height, first)


def curves_of(each: Series, cohort: EffectCohort, settings: EffectSettings) -> Iterator[FittedCurve]:
    """Yield the fitted curves of a series, one for each set of covariates and form."""
    for covariates in cohort.sets:
        sample = age_sample(each, covariates, cohort.sexes, settings.n_min, settings.category_n_min)
        yield from fitted_curves(sample, cohort.sexes is not None, settings)


def effects_of_first_scans(
    each: Series, cohort: EffectCohort, settings: EffectSettings
) -> dict[tuple[str, ...], dict[str, float]]:
    """Return the effects with the first scan of each patient, by `EFFECT_KEY`; empty with one scan per patient."""
    if not each.repeats or cohort.first is None:
        return {}
    first = replace(each, rows=each.rows.iloc[cohort.first(each).scans])
    rows = [row for curve in curves_of(first, cohort, settings) for row in effect_rows(curve, settings)]
    return {tuple(row[name] for name in EFFECT_KEY): {ONE_SCAN[name]: row[name] for name in ONE_SCAN} for row in rows}


def effect_tables(series: Sequence[Series], cohort: EffectCohort, settings: EffectSettings) -> dict[str, pd.DataFrame]:
    """Return the tables of effects of all series, with P values adjusted within each family."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    progress = Progress(LOG, len(series), "structures and measures")
    for each in series:
        first = effects_of_first_scans(each, cohort, settings)
        for curve in curves_of(each, cohort, settings):
            found = effect_rows(curve, settings)
            rows["age_effects"] += [row | first.get(tuple(row[name] for name in EFFECT_KEY), {}) for row in found]
            rows["age_models"].append(model_row(curve, settings))
            rows["sex_differences"].append(difference_row(curve, settings))
        if each.measure == LOGARITHMIC:
            tall = age_sample(each, cohort.height, cohort.sexes, settings.n_min, settings.category_n_min)
            rows["body_size"].append(body_size_row(tall, settings))
        progress.add()
    family_of = {each.structure: each.family for each in series}
    tables = {name: table_of(name, rows[name], family_of) for name in TABLES}
    detectable = list(detectable_rows(series, tables["age_effects"], settings.alpha))
    return {**tables, "detectable_effects": table_of("detectable_effects", detectable, family_of)}


def table_of(name: str, rows: list[dict[str, Any]], family_of: dict[str, str]) -> pd.DataFrame:
    """Return a table of rows with families and, for tables of tests, with P values adjusted within each family."""
    columns = list(getattr(all_tables, name.upper()).columns)
    table = pd.DataFrame(rows)
    table = table.reindex(columns=[*table.columns, *(column for column in columns if column not in table)])
    table["family"] = table["structure"].map(family_of)
    if name in WITHIN:
        table = with_p(table)
        table["p_bonferroni"] = adjusted(table, "p", families.bonferroni, *WITHIN[name])
        table["q_bh"] = adjusted(table, "p", families.benjamini_hochberg, *WITHIN[name])
    return table[columns]


def checked(settings: EffectSettings) -> EffectSettings:
    """Return the settings.

    Raises
    ------
    ContractError
        If the knots do not increase, or the limits of an age range do not increase or are listed twice.

    """
    for name, ages, example in (
        ("knots", settings.knots, [25, 45, 65, 85]),
        ("childhood_knots", settings.childhood_knots, [5, 15]),
    ):
        if np.any(np.diff(ages) <= 0):
            raise ContractError(
                f"aging.{name}: the ages must increase, found {ages}; write, for example, aging: {{{name}: {example}}}"
            )
    for low, high in settings.windows:
        if low >= high:
            raise ContractError(
                f"aging.windows: lower limit {low:g} is not below upper limit {high:g}; write, for example,"
                " aging: {windows: [[30, 80]]}"
            )
    pairs = [(low, high) for low, high in settings.windows]
    if len(set(pairs)) < len(pairs):
        raise ContractError(
            f"aging.windows: an age range is listed twice, found {settings.windows}; remove one of them"
        )
    return settings


def warn_of_growth(ages: pd.Series, settings: EffectSettings) -> None:
    """Log a warning if curves that are straight below the first knot also describe the growth of children."""
    known = ages.dropna().to_numpy(dtype=float)
    low = central_ages(known)[0] if len(known) else ADULT_YEARS
    first = knots_of(known, settings)[0]
    if low < ADULT_YEARS <= first:
        LOG.warning(
            "the 2.5th percentile of age is %.0f years, but the first knot of the age curves is at %g years; curves are"
            " straight below this knot, and growth in children biases the effects in adults; set, for example, aging:"
            " {childhood_knots: [5, 15]}, or include only adults (cohort.criteria)",
            *(low, first),
        )


@dataclass(frozen=True)
class EffectsOptions:
    """Options of the command `effects`; `ctpop effects --help` explains them."""

    analysis: Path
    cohort: Path
    structures: str
    config: Path | None
    age_effects: Path
    age_models: Path
    sex_differences: Path
    body_size: Path
    detectable_effects: Path


def run(options: EffectsOptions) -> None:
    """Read values, ages, and covariates, fit the models, and write the tables of effects."""
    settings = checked(configuration.chosen(EffectSettings, "aging", options.config))
    label_set = label_sets.read(options.structures)
    cohort, analysis = all_tables.COHORT.read(options.cohort), all_tables.ANALYSIS.read(options.analysis)
    covariates = covariates_of_study(cohort, settings, options.config)
    known = effect_cohort(cohort, covariates, settings.covariate_share)
    LOG.info(
        "%d values from a cohort of %s; models %s sex; joint adjustment: %s",
        *(len(analysis), size_of(cohort), "without" if known.sexes is None else "with", named(known.sets[-1])),
    )
    warn_of_growth(cohort["age_years"], settings)
    series = split(with_positions(analysis, cohort), label_set.names, list(label_set.groups))
    tables = effect_tables(series, known, settings)
    for name, table in tables.items():
        getattr(all_tables, name.upper()).write(table, getattr(options, name))
    reasons = tables["age_effects"]["reason"].value_counts()
    listed = " + ".join(f"{number} {reason}" for reason, number in reasons.items())
    LOG.info("%d rows in table age_effects = %s", len(tables["age_effects"]), listed)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--analysis", type=Path, required=True, help="usable values (Parquet)")
    parser.add_argument("--cohort", type=Path, required=True, help="included scans with ages and covariates (Parquet)")
    parser.add_argument("--structures", required=True, help="name of a built-in label set, or CSV file")
    configuration.add_config_argument(parser, "aging", "cohort")
    also_csv = "(Parquet, and a CSV copy)"
    parser.add_argument(
        "--age-effects", type=Path, required=True, help=f"effects per decade of age to write {also_csv}"
    )
    parser.add_argument("--age-models", type=Path, required=True, help=f"fitted age curves to write {also_csv}")
    parser.add_argument(
        "--sex-differences", type=Path, required=True, help=f"differences between the sexes to write {also_csv}"
    )
    parser.add_argument("--body-size", type=Path, required=True, help=f"relations with body height to write {also_csv}")
    parser.add_argument(
        "--detectable-effects", type=Path, required=True, help=f"smallest detectable effects to write {also_csv}"
    )

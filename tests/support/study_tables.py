"""Artificial studies with simulated effects of age, as tables from the screening and aging stages."""

import pickle
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from ctpop.contracts import all_tables
from ctpop.documents.table1 import table1
from ctpop.stages.aging import adjust, centiles, change_points, effects, missing, published, repeats
from ctpop.stages.aging import age_series as series
from ctpop.stages.aging import command as aging
from ctpop.stages.aging.missing_reasons import value_reasons
from ctpop.stages.aging.truth_comparison import truth_table
from ctpop.stages.cohort import command as cohort
from ctpop.stages.screen import command as screen
from ctpop.stages.screen import contrast, plausibility
from ctpop.stages.screen import exclusions as losses
from ctpop.stages.screen.attributes import facts_of
from ctpop.stages.screen.extremes import extreme_table
from ctpop.stages.screen.groups import Groups
from ctpop.stages.screen.rows import numbered
from ctpop.stats.covariates import covariates_of, joint
from ctpop.stats.groups import quartile_cuts
from ctpop.study import criteria, rule_sets
from ctpop.study.configuration import chosen, section
from ctpop.study.label_sets import LabelSet

SIZES_ML = (180.0, 1500.0, 90.0, 420.0, 8.0)
ATTENUATION_HU = (110.0, 45.0, 160.0, -780.0, 60.0)
_MADE: dict[bytes, dict[str, pd.DataFrame]] = {}  # studies by their arguments


def label_set(n_pairs: int = 2, n_single: int = 2) -> LabelSet:
    """Return structures `organ_1` … and pairs `muscle_1_left`, `muscle_1_right` …, with a bound on the first."""
    singles = [(f"organ_{number}", None, "abdomen") for number in range(1, n_single + 1)]
    pairs = [
        (f"muscle_{number}_{side}", side, "muscles") for number in range(1, n_pairs + 1) for side in ("left", "right")
    ]
    table = pd.DataFrame(singles + pairs, columns=["structure", "side", "group"])
    table.insert(0, "label", range(1, len(table) + 1))
    bounds = [20.0, *[np.nan] * (len(table) - 1)]
    return LabelSet("made_up", table.assign(lower_bound_ml=bounds).astype({"side": "str"}))


def registry(n: int, seed: int = 1, sexes: tuple[str | None, ...] = ("female", "male")) -> pd.DataFrame:
    """Return n adults of 18 to 95 years."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "scan_id": [f"s{number:04d}" for number in range(n)],
            "patient_id": [f"p{number:04d}" for number in range(n)],
            "age_years": random.uniform(18, 95, n).round(1),
            "sex": pd.Series(random.choice(np.array(sexes, dtype=object), n), dtype="str"),
            "ct_path": pd.Series([None] * n, dtype="str"),
            "segmentation_path": pd.Series([None] * n, dtype="str"),
            "complete": pd.Series([True] * n, dtype="boolean"),
            "contrast": pd.Series([True] * n, dtype="boolean"),
            "complete_header": pd.Series([None] * n, dtype="boolean"),
            "contrast_header": pd.Series([None] * n, dtype="boolean"),
            "known_absent": pd.Series([None] * n, dtype="str"),
            "source_conflict": pd.Series([None] * n, dtype="str"),
        }
    )


def of_repeated_patients(patients: pd.DataFrame, per_patient: int) -> pd.DataFrame:
    """Return the same scans with a given number of consecutive scans per patient, all with one sex."""
    first = [number - number % per_patient for number in range(len(patients))]
    return patients.assign(
        patient_id=patients["patient_id"].iloc[first].to_numpy(), sex=patients["sex"].iloc[first].to_numpy()
    )


def true_values(patients: pd.DataFrame, labels: LabelSet, seed: int = 2) -> pd.DataFrame:
    """Return the table `truth`: volumes and attenuation with a different effect of age for each structure."""
    random = np.random.default_rng(seed)
    decades = (patients["age_years"].fillna(50).to_numpy() - 50) / 30
    frames = []
    bounds = labels.table["lower_bound_ml"].to_numpy(dtype=float)
    for number, (structure, bound) in enumerate(zip(labels.names, bounds, strict=True)):
        slope = 0.25 * np.cos(number)
        spread = 0.08 + 0.02 * decades
        size = 3 * bound if bound > 0 else SIZES_ML[number % 5]
        volume = size * (1 + slope * decades + spread * random.standard_normal(len(patients)))
        hu = ATTENUATION_HU[number % 5] - 25 * np.sin(number + 1) * decades + 12 * random.standard_normal(len(patients))
        frames.append(
            pd.DataFrame({"scan_id": patients["scan_id"], "structure": structure, "volume_ml": volume, "hu_mean": hu})
        )
    return all_tables.TRUTH.check(pd.concat(frames, ignore_index=True))


def measures_of(truth: pd.DataFrame, seed: int = 3, failed: dict[str, str] | None = None) -> pd.DataFrame:
    """Return measures close to the ground truth; `failed` scans have a status instead."""
    random = np.random.default_rng(seed)
    status = status_of(truth["scan_id"], failed or {}, "measured")
    done = status.eq("measured")
    volume = truth["volume_ml"] * (0.97 + 0.03 * random.standard_normal(len(truth)))
    frame = pd.DataFrame(
        {
            "scan_id": truth["scan_id"],
            "structure": truth["structure"],
            "status": status,
            "n_voxels": (volume / 0.064).round().astype("Int64").where(done),
            "volume_ml": volume.where(done),
            "hu_mean": (truth["hu_mean"] - 3 + 4 * random.standard_normal(len(truth))).where(done),
        }
    )
    center = frame["hu_mean"] + 3 + np.sin(np.arange(len(truth)))  # without the surface layer
    frame = frame.assign(eroded_voxels=(frame["n_voxels"] // 2).astype("Int64"), hu_mean_eroded=center)
    return all_tables.MEASURES_TABLE.check(frame.reindex(columns=list(all_tables.MEASURES_TABLE.columns)))


def status_of(scans: pd.Series, failed: dict[str, str], otherwise: str) -> pd.Series:
    """Return the status of each scan."""
    return pd.Series([failed.get(scan, otherwise) for scan in scans], index=scans.index, dtype="str")


def study(
    patients: pd.DataFrame,
    labels: LabelSet,
    failed: dict[str, str] | None = None,
    curves_of: Collection[str] | None = None,
) -> dict[str, pd.DataFrame]:
    """Return all tables of a study of these patients and `truth`; equal studies are computed once per process.

    Centile curves are fitted for all structures or only for those in `curves_of`. A caller can change its tables
    without affecting other callers, because pandas copies a frame before the first change.
    """
    asked = pickle.dumps((patients, labels, sorted((failed or {}).items()), curves_of))
    if asked not in _MADE:
        tables = computed(patients, labels, failed or {})
        curves = centile_tables(tables["cohort"], tables["analysis"], labels, curves_of)
        _MADE[asked] = {**tables, **curves}
    return {name: table.copy(deep=False) for name, table in _MADE[asked].items()}


def computed(patients: pd.DataFrame, labels: LabelSet, failed: dict[str, str]) -> dict[str, pd.DataFrame]:
    """Return all tables of a study of these patients except the centiles, and `truth`."""
    asked = criteria.read(all_tables.CRITERIA)
    exclusions = cohort.failed_criteria(patients, asked)
    included = patients.loc[~patients["scan_id"].isin(exclusions["scan_id"])].reset_index(drop=True)
    truth = true_values(included, labels)
    measures = measures_of(truth, failed=failed)
    screening, sets = screened(measures, labels, included), compared_sets(measures, labels, included)
    results = statistics(included, screening["analysis"], sets, truth, labels)
    flow = cohort.count_flow(patients, exclusions, asked)
    ours = published.Ours(flow, included, results["associations"], labels, alpha=1e-4, confidence=0.95, margin=0.1)
    return {
        "cohort": all_tables.COHORT.check(included),
        "exclusions": exclusions,
        "flow": flow,
        "overlap": cohort.count_overlap(exclusions, asked),
        "segments": segments_of(included, failed),
        "measures": measures,
        **screening,
        "table1": table1(included, [], "right_closed"),
        "contrast_check": contrast.contrast_check(included, measures, screening["verdicts"], section("cohort", None)),
        **results,
        **adjusted_tables(included, screening["analysis"], labels),
        **effect_tables(included, screening["analysis"], labels),
        **missing_tables(included, screening, labels),
        **repeat_tables(included, screening["analysis"], results["associations"], labels),
        "compare_published": all_tables.COMPARE_PUBLISHED.check(
            published.compare(all_tables.PUBLISHED.read_csv(published.RESULTS_FILE), ours)
        ),
        "truth": truth,
    }


def screened(
    measures: pd.DataFrame, labels: LabelSet, patients: pd.DataFrame, review: pd.DataFrame | None = None
) -> dict[str, pd.DataFrame]:
    """Return the tables that the screening stage computes with the standard rule set."""
    rows, rules = numbered(measures), rule_sets.read("standard")
    found = screen.screened(rows, rules, facts_of(labels, {}, patients), review)
    flow = losses.structure_flow(rows, found.final, rules, patients, with_review=review is not None)
    groups = Groups(labels.groups, 0.5)
    return {
        "verdicts": all_tables.VERDICTS.check(screen.verdicts_of(found)),
        "analysis": all_tables.ANALYSIS.check(screen.analysis_of(rows, found.final, groups)),
        "group_members": all_tables.GROUP_MEMBERS.check(labels.group_members),
        "group_values": all_tables.GROUP_VALUES.check(screen.groups_of(rows, found.final, groups)),
        "failures": all_tables.FAILURES.check(losses.failure_table(rows, found.final, patients)),
        "structure_flow": all_tables.STRUCTURE_FLOW.check(flow),
        "extremes": all_tables.EXTREMES.check(extreme_table(rows, found.by_rules, patients, 3)),
        "plausibility": plausibility.plausibility_table(rows, labels, 0.25, patients),
        "implausible_values": plausibility.implausible_values(rows, labels),
    }


def compared_sets(measures: pd.DataFrame, labels: LabelSet, patients: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the values under each rule set that the screening stage compares."""
    rows, facts = numbered(measures), facts_of(labels, {}, patients)
    found = screen.screened(rows, rule_sets.read("standard"), facts)
    sets = screen.compared_sets(found, facts, Groups(labels.groups, 0.5))
    return {rules: all_tables.ANALYSIS.check(values) for rules, values in sets}


def segments_of(patients: pd.DataFrame, failed: dict[str, str]) -> pd.DataFrame:
    """Return the table `segments`."""
    status = status_of(patients["scan_id"], failed, "segmented")
    done = status.eq("segmented")
    return all_tables.SEGMENTS.check(
        pd.DataFrame(
            {
                "scan_id": patients["scan_id"],
                "status": status,
                "mask_path": ("masks/" + patients["scan_id"] + ".nii.gz").where(done),
                "mask_sha256": pd.Series("0" * 64, index=patients.index, dtype="str").where(done),
                "model": pd.Series("made_up 0123456789ab", index=patients.index, dtype="str").where(done),
                "detail": pd.Series("the file ends early", index=patients.index, dtype="str").where(~done),
            }
        )
    )


def statistics(
    patients: pd.DataFrame,
    analysis: pd.DataFrame,
    sets: dict[str, pd.DataFrame],
    truth: pd.DataFrame,
    labels: LabelSet,
) -> dict[str, pd.DataFrame]:
    """Return the result tables of the aging stage."""
    settings = chosen(aging.AgingSettings, "aging", None)
    observations = aging.with_ages(analysis, patients)
    series = aging.split(observations, labels.names, labels.groups)
    cuts = quartile_cuts(patients["age_years"].dropna().to_numpy(dtype=float))
    associations = all_tables.ASSOCIATIONS.check(aging.association_table(series, settings))
    under = {
        name: aging.split(aging.with_ages(values, patients), labels.names, labels.groups)
        for name, values in sets.items()
    }
    compared = aging.all_correlations(under.items(), series, patients, settings)
    return {
        "normality": all_tables.NORMALITY.check(aging.normality_table(series, settings)),
        "associations": associations,
        "groups": all_tables.GROUPS.check(aging.group_table(series, cuts, settings)),
        "posthoc": all_tables.POSTHOC.check(aging.posthoc_table(series, cuts, settings)),
        "sensitivity": all_tables.SENSITIVITY.check(aging.sensitivity_table(compared, associations)),
        "compare_truth": all_tables.COMPARE_TRUTH.check(
            truth_table(observations, truth, labels.names, settings.confidence, settings.n_min)
        ),
    }


def adjusted_tables(patients: pd.DataFrame, analysis: pd.DataFrame, labels: LabelSet) -> dict[str, pd.DataFrame]:
    """Return the tables of statistics by sex and adjusted for covariates."""
    settings = chosen(adjust.AdjustmentSettings, "aging", None)
    covariates = covariates_of(patients, settings.covariates, settings.categorical)
    cuts = series.cut_points(patients["age_years"].dropna().to_numpy(dtype=float), settings.cut_years)
    known = adjust.Patients(patients, covariates, joint(covariates, settings.covariate_share), cuts)
    split = series.split(adjust.with_positions(analysis, patients), labels.names, list(labels.groups))
    family_of = {each.structure: each.family for each in split}
    rows = {
        name: adjust.table_of([row for each in split for row in make(each, known, settings)], family_of, p, *within)
        for name, make, p, within in (
            ("adjusted", adjust.adjusted_rows, "p_independence", ["adjusted_for"]),
            ("rank_ancova", adjust.ancova_rows, "p", []),
            ("age_curves", adjust.curve_rows, "p", ["term"]),
        )
    }
    by_sex = [row for each in split for row in adjust.by_sex_rows(each, known, settings)]
    rows["associations_by_sex"] = adjust.by_sex_table(by_sex, family_of)
    contracts = {table.name: table for table in all_tables.TABLES}
    return {name: contracts[name].check(table) for name, table in rows.items()}


def effect_tables(patients: pd.DataFrame, analysis: pd.DataFrame, labels: LabelSet) -> dict[str, pd.DataFrame]:
    """Return the tables of effects per decade of age, age curves, sex differences, and body size."""
    settings = chosen(effects.EffectSettings, "aging", None)
    covariates = covariates_of(patients, settings.covariates, settings.categorical)
    split = series.split(adjust.with_positions(analysis, patients), labels.names, list(labels.groups))
    known = effects.effect_cohort(patients, covariates, settings.covariate_share)
    contracts = {table.name: table for table in all_tables.TABLES}
    return {name: contracts[name].check(table) for name, table in effects.effect_tables(split, known, settings).items()}


def missing_tables(
    patients: pd.DataFrame, screening: dict[str, pd.DataFrame], labels: LabelSet
) -> dict[str, pd.DataFrame]:
    """Return the tables of missing values under the standard rule set."""
    rules, names = rule_sets.read("standard"), [*labels.names, *labels.groups]
    found = value_reasons(screening["verdicts"], screening["analysis"], patients, labels, rules)
    scans = missing.scans_of(patients)
    table = missing.sensitivity_table(found, names, scans, chosen(missing.MissingSettings, "aging", None))
    columns = list(all_tables.MISSING_SENSITIVITY.columns)
    return {
        "missingness": all_tables.MISSINGNESS.check(missing.missingness_table(found, names, scans)),
        "missing_sensitivity": all_tables.MISSING_SENSITIVITY.check(table.reindex(columns=columns)),
    }


def centile_tables(
    patients: pd.DataFrame, analysis: pd.DataFrame, labels: LabelSet, of: Collection[str] | None = None
) -> dict[str, pd.DataFrame]:
    """Return the tables of centiles of these patients; no curves for a sex with too few patients."""
    settings = chosen(centiles.CentileSettings, "aging", None)
    if of is not None:
        analysis = analysis[analysis["structure"].isin(of)]
    split = series.split(series.with_ages(analysis, patients), labels.names, list(labels.groups))
    source = centiles.Source(labels.name, "0" * 16, None)
    tables = centiles.tables_of(centiles.outcomes_of(split, patients, settings), source)
    return {name: table for name, table in tables.items() if name != "z_scores"}  # the report does not read z scores


def repeat_tables(
    patients: pd.DataFrame, analysis: pd.DataFrame, associations: pd.DataFrame, labels: LabelSet
) -> dict[str, pd.DataFrame]:
    """Return the tables of changes within patients and of repeatability; both are empty without repeated scans."""
    settings = chosen(repeats.RepeatSettings, "aging", None)
    covariates = joint(covariates_of(patients, settings.covariates, settings.categorical), settings.covariate_share)
    split = series.split(adjust.with_positions(analysis, patients), labels.names, list(labels.groups))
    return repeats.tables_of(split, patients, covariates, associations, settings)


def change_point_tables(tables: dict[str, pd.DataFrame], labels: LabelSet, of: list[str]) -> dict[str, pd.DataFrame]:
    """Return the change points and age curves of the structures `of` in a study, adjusted for the usual covariates."""
    settings = replace(chosen(change_points.ChangePointSettings, "aging", None), change_points=of)
    patients = tables["cohort"]
    covariates = joint(covariates_of(patients, settings.covariates, settings.categorical), settings.covariate_share)
    split = series.split(adjust.with_positions(tables["analysis"], patients), labels.names, list(labels.groups))
    return change_points.tables_of([each for each in split if each.structure in of], patients, covariates, settings)


def write(tables: dict[str, pd.DataFrame], folder: Path, *names: str) -> None:
    """Write all or the named tables of a study in the format of its stages, and truth.csv next to the folder."""
    for table in all_tables.TABLES:
        if table.name in tables and (not names or table.name in names):
            table.write(tables[table.name], folder / f"{table.name}.parquet")
    if "truth" in tables:
        tables["truth"].to_csv(folder.parent / "truth.csv", index=False)

"""Centiles: centile curves of each sex over age, their models and calibration, and the z score of each value.

The stage reads the usable values (`analysis`) and the cohort. It writes `centiles` (curves with confidence intervals),
`centile_models` (candidate models with the parameters for new patients, see `ctpop score`), `centile_calibration` (with
the reason for missing curves), `centile_worms`, and `z_scores`. Each model is chosen by BIC among distributions for the
measure (`stats.centile_choice`).
"""

import argparse
import difflib
import logging
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ctpop import __version__
from ctpop.contracts import all_tables
from ctpop.contracts.tables import Table
from ctpop.foundation.errors import ContractError
from ctpop.foundation.processes import end_with_parent
from ctpop.foundation.progress import Progress
from ctpop.stages.aging.age_series import Series, size_of, split, with_ages
from ctpop.stages.aging.centile_outcomes import CentileSettings, Task
from ctpop.stages.aging.centile_tables import Outcome, outcome_of, score_rows
from ctpop.stats.age_effects import BOTH
from ctpop.stats.centile_misfit import FOLDS
from ctpop.study import configuration, label_sets
from ctpop.study.label_sets import LabelSet

LOG = logging.getLogger(__name__)
NOT_LEVELS = ("scan_id", "age_years", "sex", "patient_id")
AHEAD = 4  # tasks per process that are prepared before their results are needed
TABLES = {
    "centiles": all_tables.CENTILES,
    "centile_models": all_tables.CENTILE_MODELS_TABLE,
    "centile_calibration": all_tables.CENTILE_CALIBRATION,
    "centile_worms": all_tables.CENTILE_WORMS,
    "z_scores": all_tables.Z_SCORES,
}


@dataclass(frozen=True)
class Source:
    """Origin of the values, as stored with the models: label set, segmentation models, and version of ctpop."""

    label_set: str
    label_set_digest: str
    segmentation_model: str | None

    @property
    def columns(self) -> dict[str, Any]:
        """Columns of the table `centile_models`."""
        return {
            "label_set": self.label_set,
            "label_set_digest": self.label_set_digest,
            "segmentation_model": self.segmentation_model,
            "ctpop_version": __version__,
        }


def source_of(structures: str, segments: Path | None) -> Source:
    """Return the origin of the values of a study from its label set and its table `segments`, if any."""
    label_set = label_sets.read(structures)
    return Source(label_set.name, configuration.labels_digest(structures), segmentation_model_of(segments))


def segmentation_model_of(segments: Path | None) -> str | None:
    """Return the models that produced the label maps of a study, or None if they are not known."""
    if segments is None:
        return None
    models = sorted(all_tables.SEGMENTS.read(segments, "model")["model"].dropna().unique())
    return ";".join(models) or None


def level_columns(cohort: pd.DataFrame, names: Sequence[str], setting: str) -> dict[str, pd.Series]:
    """Return the level of each scan as text by technical covariate, indexed by `scan_id`; None if it is missing.

    Raises
    ------
    ContractError
        If a covariate is not a column of the cohort, or identifies the scan or the patient, or is the age or the sex.

    """
    known = [name for name in cohort.columns if name not in NOT_LEVELS]
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]!r}? Replace {name} with {close[0]}" if close else ""
            raise ContractError(
                f"{setting}: {name!r} is not a column of the registry that can be a technical covariate; found"
                f" {', '.join(known)}{hint}"
            )
    return {name: pd.Series(level_texts(cohort[name]), index=cohort["scan_id"], dtype=object) for name in names}


def level_texts(column: pd.Series) -> list[str | None]:
    """Return levels as text; numbers without trailing zeros, so 120 and 120.0 are the same level."""
    numbers = pd.to_numeric(column, errors="coerce") if column.dtype.kind != "b" else pd.Series(np.nan, column.index)
    return [
        None if pd.isna(cell) else (f"{number:.15g}" if pd.notna(number) else str(cell))
        for cell, number in zip(column, numbers, strict=True)
    ]


def tasks_of(
    series: Iterable[Series], cohort: pd.DataFrame, settings: CentileSettings
) -> Iterator[tuple[np.ndarray, Task]]:
    """Yield the scans and the task of each sex in each series."""
    sex_of = cohort.set_index("scan_id")["sex"]
    levels = level_columns(cohort, settings.centiles_covariates, "aging.centiles_covariates")
    for each in series:
        sexes = each.rows["scan_id"].map(sex_of)
        for sex in BOTH:
            rows = each.rows[sexes.eq(sex).to_numpy()]
            scans = rows["scan_id"]
            columns = {name: scans.map(level).to_numpy(dtype=object) for name, level in levels.items()}
            columns = {name: np.array([None if pd.isna(x) else x for x in c], object) for name, c in columns.items()}
            yield (
                scans.to_numpy(),
                Task(
                    {"structure": each.structure, "measure": each.measure, "sex": sex},
                    rows["value"].to_numpy(dtype=float),
                    rows["age_years"].to_numpy(dtype=float),
                    rows["patient"].to_numpy(),
                    columns,
                    settings,
                ),
            )


def outcomes_of(
    series: Sequence[Series], cohort: pd.DataFrame, settings: CentileSettings, threads: int = 1
) -> Iterator[tuple[np.ndarray, Outcome]]:
    """Yield the scans and the outcome of each sex in each series, and log the progress.

    The outcomes do not depend on the number of processes (`threads`).
    """
    progress = Progress(LOG, len(BOTH) * len(series), "fits")
    tasks = tasks_of(series, cohort, settings)
    if threads == 1:
        for scans, task in tasks:
            yield scans, outcome_of(task)
            progress.add()
        return
    with ProcessPoolExecutor(threads, initializer=end_with_parent) as pool:
        yield from _by_processes(pool, tasks, AHEAD * threads, progress)


def _by_processes(
    pool: Executor, tasks: Iterator[tuple[np.ndarray, Task]], most: int, progress: Progress
) -> Iterator[tuple[np.ndarray, Outcome]]:
    """Yield the outcomes in the order of the tasks; at most `most` tasks wait, so they do not fill the memory."""
    waiting = deque((scans, pool.submit(outcome_of, task)) for scans, task in islice(tasks, most))
    while waiting:
        scans, future = waiting.popleft()
        waiting.extend((scans, pool.submit(outcome_of, task)) for scans, task in islice(tasks, 1))
        yield scans, future.result()
        progress.add()


def tables_of(outcomes: Iterable[tuple[np.ndarray, Outcome]], source: Source) -> dict[str, pd.DataFrame]:
    """Return the checked tables of this command by name."""
    curves: list[pd.DataFrame] = []
    scores: list[pd.DataFrame] = []
    rows: dict[str, list[dict[str, Any]]] = {"centile_models": [], "centile_calibration": [], "centile_worms": []}
    for scans, outcome in outcomes:
        rows["centile_models"] += [{**row, **source.columns} for row in outcome.models]
        rows["centile_calibration"] += outcome.calibration
        rows["centile_worms"] += outcome.worms
        if outcome.curves is not None:
            curves.append(outcome.curves)
            scores.append(score_rows(outcome, scans))
    tables = {name: pd.DataFrame(part, columns=list(TABLES[name].columns)) for name, part in rows.items()}
    tables |= {"centiles": joined(TABLES["centiles"], curves), "z_scores": joined(TABLES["z_scores"], scores)}
    return {name: contract.check(tables[name]) for name, contract in TABLES.items()}


def joined(table: Table, frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the concatenated data frames, or an empty table without data frames."""
    return pd.concat(frames, ignore_index=True) if frames else table.empty()


@dataclass(frozen=True)
class CentilesOptions:
    """Options of the command `centiles`; `ctpop centiles --help` explains them."""

    analysis: Path
    cohort: Path
    structures: str
    segments: Path | None
    config: Path | None
    threads: int
    centiles: Path
    models: Path
    calibration: Path
    worms: Path
    z_scores: Path


def run(options: CentilesOptions) -> None:
    """Read values, ages, and sexes, fit curves, and write curves, models, calibration, worm plots, and z scores."""
    settings = configuration.chosen(CentileSettings, "aging", options.config)
    label_set: LabelSet = label_sets.read(options.structures)
    cohort, analysis = all_tables.COHORT.read(options.cohort), all_tables.ANALYSIS.read(options.analysis)
    LOG.info("%d values from a cohort of %s", len(analysis), size_of(cohort))
    series = split(with_ages(analysis, cohort), label_set.names, list(label_set.groups))
    source = source_of(options.structures, options.segments)
    tables = tables_of(outcomes_of(series, cohort, settings, options.threads), source)
    paths = {
        "centiles": options.centiles,
        "centile_models": options.models,
        "centile_calibration": options.calibration,
        "centile_worms": options.worms,
        "z_scores": options.z_scores,
    }
    for name, path in paths.items():
        TABLES[name].write(tables[name], path)
    report(len(analysis), tables)


def report(n: int, tables: Mapping[str, pd.DataFrame]) -> None:
    """Log the numbers of z scores, curves, misfits, and outliers."""
    whole, scores = tables["centile_calibration"], len(tables["z_scores"])
    whole = whole[whole["band"].eq("all")]
    chosen = tables["centile_models"][tables["centile_models"]["chosen"]]
    LOG.info(
        "%d values read = %d with a z score + %d without (age or sex unknown, or no curves); %d of %d fits have curves",
        *(n, scores, n - scores, len(chosen), len(whole)),
    )
    if len(chosen):
        LOG.info(
            "curves marked as misfit in the %d-fold cross-validation: %d of %d; values set aside as outliers: %d",
            *(FOLDS, int(whole["misfit"].fillna(value=False).sum()), len(chosen), int(chosen["n_outliers"].sum())),
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--analysis", type=Path, required=True, help="usable values (Parquet)")
    parser.add_argument("--cohort", type=Path, required=True, help="included scans with ages and sexes (Parquet)")
    parser.add_argument("--structures", required=True, help="name of a built-in label set, or CSV file")
    parser.add_argument("--segments", type=Path, help="label maps with the names of their models (Parquet)")
    configuration.add_config_argument(parser, "aging")
    parser.add_argument("--threads", type=int, default=1, help="number of processes (default: %(default)s)")
    also_csv = "(Parquet, and a CSV copy)"
    parser.add_argument("--centiles", type=Path, required=True, help=f"centile curves to write {also_csv}")
    parser.add_argument("--models", type=Path, required=True, help=f"models of the curves to write {also_csv}")
    parser.add_argument(
        "--calibration", type=Path, required=True, help=f"calibration of the curves to write {also_csv}"
    )
    parser.add_argument("--worms", type=Path, required=True, help=f"worm plots of the curves to write {also_csv}")
    parser.add_argument("--z-scores", type=Path, required=True, help=f"z score of each value to write {also_csv}")

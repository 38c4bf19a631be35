"""Compare predicted label maps with the reference masks of a validation set, and compare two models.

Input: a CSV file of references, and the label maps of one or two models. Output: Dice score and normalized surface
distance (NSD) of every structure of every scan, their means with bootstrap intervals, and, for two models, the Wilcoxon
signed-rank test. A scan that cannot be compared has rows with the reason, and the other scans are compared.

The metrics and tests are those of Wasserthal et al., Radiol Artif Intell 2023;5(5):e230024. docs/methods/evaluation.md
describes the choices that the paper does not specify.
"""

import argparse
import logging
import math
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ctpop.contracts.all_tables import METRICS, SCAN_ID_PATTERN, SEGMENTS
from ctpop.contracts.evaluation import EVALUATION, EVALUATION_COMPARISON, EVALUATION_SUMMARY, OVERALL
from ctpop.foundation.errors import ContractError, ScanError
from ctpop.foundation.progress import Progress
from ctpop.imaging.existing_segmentations import Segmentation
from ctpop.stages.evaluate.agreement import compare
from ctpop.stages.evaluate.label_map_pairs import Predictions, Reference, by_scan, read_references
from ctpop.stages.evaluate.patient_counts import PatientCounts, read_patients
from ctpop.stats import families
from ctpop.stats.bootstrap import generator_for, interval_of_mean
from ctpop.stats.signed_rank import is_equal, signed_rank
from ctpop.stats.tails import p_of_log10
from ctpop.study import configuration, label_sets

LOG = logging.getLogger(__name__)
ONE_SIDED = ("only_in_reference", "only_in_prediction")
UNKNOWN = ("not_in_reference", "not_in_model")
END_OF = {  # outcome of each status; all other statuses are failures
    **{status: status for status in ("compared", *ONE_SIDED, "absent")},
    **dict.fromkeys(UNKNOWN, "unknown"),
}


@dataclass(frozen=True)
class EvaluationSettings:
    """Settings of this command; the section `evaluate` of the configuration schema describes them."""

    tolerance_mm: float
    confidence: float
    iterations: int
    seed: int


def evaluate_scan(
    reference: Reference, models: list[Predictions], names: list[str], tolerance_mm: float
) -> Iterator[dict[str, Any]]:
    """Yield a row of `evaluation` for each model and structure of a scan.

    A scan that cannot be compared has rows with the reason. One reference and one prediction are in memory at a time.
    """
    wanted = None
    for predictions in models:
        try:
            wanted = wanted or reference.read()
            rows = compare_with(wanted, predictions, reference.scan_id, names, tolerance_mm)
        except ScanError as error:
            LOG.warning("%s, model %s: not compared: %s", reference.scan_id, predictions.model, error)
            rows = [{"structure": name, "status": error.reason, "detail": error.detail} for name in names]
        yield from ({"model": predictions.model, "scan_id": reference.scan_id, **row} for row in rows)


def compare_with(
    wanted: Segmentation, predictions: Predictions, scan_id: str, names: list[str], tolerance_mm: float
) -> list[dict[str, Any]]:
    """Return a row per structure for one prediction, with the remarks about the two label maps in `detail`.

    Raises
    ------
    ScanError
        If the prediction cannot be read or has another grid.

    """
    found = predictions.read(scan_id)
    remarks = [
        f"{which}: {label_map.detail}"
        for which, label_map in (("reference", wanted), ("prediction", found))
        if label_map.detail
    ]
    detail = "; ".join(remarks) or None
    return [{**row, "detail": detail} for row in compare(wanted, found, names, tolerance_mm)]


def evaluation_table(
    references: list[Reference], models: list[Predictions], names: list[str], tolerance_mm: float
) -> pd.DataFrame:
    """Return the table `evaluation`, and report the progress."""
    rows: list[dict[str, Any]] = []
    progress = Progress(LOG, len(references), "scans")
    for reference in references:
        rows += evaluate_scan(reference, models, names, tolerance_mm)
        progress.add()
    return pd.DataFrame(rows, columns=list(EVALUATION.columns))


def summary_table(
    evaluation: pd.DataFrame, names: list[str], settings: EvaluationSettings, patients: PatientCounts
) -> pd.DataFrame:
    """Return the table `evaluation_summary`: for each model, one row per structure and one row for all structures."""
    # ASSUME: the bootstrap draws scans, because structures of one scan are correlated and scans are independent
    rows = []
    for model, of_model in evaluation.groupby("model"):
        for structure, values in per_scan(of_model, names):
            found = of_model if structure == OVERALL else of_model[of_model["structure"].eq(structure)]
            n = {"n": len(values), "n_patients": patients.among(values.index), **counts(found, patients)}
            rows.append({"model": model, "structure": structure, **n, **means(values, settings, str(model), structure)})
    return pd.DataFrame(rows, columns=list(EVALUATION_SUMMARY.columns))


def per_scan(values: pd.DataFrame, names: list[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the metrics of all scans with values: first the mean over the structures, then each structure."""
    of_structure = dict(iter(values.groupby("structure")))
    for structure in (OVERALL, *names):
        found = values if structure == OVERALL else of_structure.get(structure, values.iloc[:0])
        yield structure, found.groupby("scan_id")[list(METRICS)].mean().dropna()


def counts(found: pd.DataFrame, patients: PatientCounts) -> dict[str, int | None]:
    """Return the number of comparisons, and of their patients, for each outcome other than `compared`."""
    end = found["status"].map(END_OF).fillna("failed")
    ends = (*ONE_SIDED, "absent", "unknown", "failed")
    return {
        **{f"n_{name}": int(end.eq(name).sum()) for name in ends},
        **{f"n_patients_{name}": patients.among(found.loc[end.eq(name), "scan_id"]) for name in ends},
    }


def means(values: pd.DataFrame, settings: EvaluationSettings, *names: str) -> dict[str, float]:
    """Return the mean and bootstrap interval of each metric; both metrics use the same draws of scans."""
    found: dict[str, float] = {}
    for metric in METRICS:
        of_metric, random = values[metric].to_numpy(dtype=float), generator_for(settings.seed, *names)
        low, high = interval_of_mean(of_metric, settings.confidence, settings.iterations, random)
        found |= {f"{metric}_mean": mean(of_metric), f"{metric}_ci_low": low, f"{metric}_ci_high": high}
    return found


def comparison_table(
    evaluation: pd.DataFrame,
    models: tuple[str, str],
    names: list[str],
    settings: EvaluationSettings,
    patients: PatientCounts,
) -> pd.DataFrame:
    """Return the table `evaluation_comparison`: the Wilcoxon signed-rank test of two models, first minus second.

    Scans are paired. The test of a structure uses scans in which both models have a value. The test of all structures
    uses scans with at least one such structure, and the mean difference over these structures.
    """
    # ASSUME: pairs are scans. Pairs of scans and structures would treat the structures of one patient as independent
    # patients, and P would be too small.
    rows = [
        {"structure": structure, "metric": metric, "model_a": models[0], "model_b": models[1]}
        | difference_of(
            values[metric].to_numpy(dtype=float), settings, generator_for(settings.seed, *models, structure)
        )
        | {
            "n_patients": patients.among(values.index),
            "n_patients_equal": patients.among(values.index[is_equal(values[metric].to_numpy(dtype=float))]),
        }
        for structure, values in per_scan(differences_of(evaluation, models), names)
        for metric in METRICS
    ]
    table = pd.DataFrame(rows)
    table["p"] = table["log10_p"].map(p_of_log10)
    family = table.groupby(table["structure"].eq(OVERALL))["p"]
    table["p_bonferroni"] = family.transform(lambda p: families.bonferroni(p.to_numpy()))
    return table


def differences_of(evaluation: pd.DataFrame, models: tuple[str, str]) -> pd.DataFrame:
    """Return the metrics of the first minus the second model for scans and structures with values of both models."""
    keys = ["scan_id", "structure"]
    first, second = (evaluation.loc[evaluation["model"].eq(model), [*keys, *METRICS]] for model in models)
    joined = first.merge(second, on=keys, validate="one_to_one", suffixes=("_a", "_b"))
    apart = {metric: joined[f"{metric}_a"] - joined[f"{metric}_b"] for metric in METRICS}
    return joined[keys].assign(**apart).dropna()


def difference_of(differences: np.ndarray, settings: EvaluationSettings, random: np.random.Generator) -> dict[str, Any]:
    """Return the mean, interval, and test of paired differences."""
    low, high = interval_of_mean(differences, settings.confidence, settings.iterations, random)
    return {
        "n": len(differences),
        "mean_difference": mean(differences),
        "ci_low": low,
        "ci_high": high,
        "median_difference": float(np.median(differences)) if len(differences) else math.nan,
        **asdict(signed_rank(differences)),
    }


def mean(values: np.ndarray) -> float:
    """Return the mean, or NaN without values."""
    return float(values.mean()) if len(values) else math.nan


def structures_of(label_set: label_sets.LabelSet, chosen: list[str]) -> list[str]:
    """Return the structures to evaluate: the chosen structures, or all structures of the label set.

    Raises
    ------
    ContractError
        If a chosen structure is not in the label set.

    """
    unknown = [name for name in chosen if name not in label_set.names]
    if unknown:
        raise ContractError(
            f"evaluate.structures: unknown names: {', '.join(unknown)}; use structures of label set {label_set.name}"
        )
    return chosen or label_set.names


def parse_model(text: str) -> tuple[str, Path]:
    """Return the name and folder from NAME=FOLDER, and reject other texts."""
    name, _, folder = text.partition("=")
    if not folder or not re.fullmatch(SCAN_ID_PATTERN, name):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not of the form NAME=FOLDER, where NAME matches {SCAN_ID_PATTERN}"
        )
    return name, Path(folder)


@dataclass(frozen=True)
class EvaluateOptions:
    """Options of the command `evaluate`; `ctpop evaluate --help` explains them."""

    reference: Path
    predictions: list[tuple[str, Path]]
    segments: Path | None
    cohort: Path | None
    exclusions: Path | None
    structures: str
    config: Path | None
    evaluation: Path
    summary: Path
    comparison: Path | None


def run(options: EvaluateOptions) -> None:
    """Compare all scans, and write the results, the summary, and, for two models, the test of their difference."""
    model_names = [name for name, _ in options.predictions]
    refuse_wrong_models(model_names, options)
    chosen = configuration.section("evaluate", options.config)
    settings = EvaluationSettings(*(chosen[field.name] for field in fields(EvaluationSettings)))
    label_set = label_sets.read(options.structures)
    names = structures_of(label_set, chosen["structures"])
    segments = by_scan(SEGMENTS.read(options.segments)) if options.segments else None
    models = [
        Predictions(name, folder, label_set, segments if name == model_names[0] else None)
        for name, folder in options.predictions
    ]
    references = read_references(options.reference, label_set)
    LOG.info("scans: %d, structures: %d, models: %s", len(references), len(names), ", ".join(model_names))
    written = EVALUATION.write(evaluation_table(references, models, names, settings.tolerance_mm), options.evaluation)
    patients = read_patients([reference.scan_id for reference in references], options.cohort, options.exclusions)
    EVALUATION_SUMMARY.write(summary_table(written, names, settings, patients), options.summary)
    if options.comparison:
        compared = comparison_table(written, (model_names[0], model_names[1]), names, settings, patients)
        EVALUATION_COMPARISON.write(compared, options.comparison)
    ends = ", ".join(f"{number} {status}" for status, number in written["status"].value_counts().sort_index().items())
    LOG.info(
        "scans: %d, models: %d, structures: %d; rows by status: %s", len(references), len(models), len(names), ends
    )


def refuse_wrong_models(names: list[str], options: EvaluateOptions) -> None:
    """Reject an invalid number of models or repeated names of models.

    Raises
    ------
    ContractError
        If there are more than two models, both have the same name, or `--comparison` does not match their number.

    """
    if len(names) > 2 or len(set(names)) < len(names):
        raise ContractError(f"--predictions: name one or two models with different names, found {', '.join(names)}")
    if (options.comparison is not None) != (len(names) == 2):
        raise ContractError("--comparison: the option is required for two models and not permitted for one model")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--reference", type=Path, required=True, help="CSV file with the columns scan_id and reference_path"
    )
    parser.add_argument(
        "--predictions",
        type=parse_model,
        nargs="+",
        required=True,
        metavar="NAME=FOLDER",
        help="label maps of one or two models: the masks folder of a study, or a folder with SCAN_ID.nii.gz or a folder"
        " of masks for each scan",
    )
    parser.add_argument(
        "--segments", type=Path, help="Parquet file with the table segments of the study of the first model"
    )
    parser.add_argument(
        "--cohort", type=Path, help="Parquet file with the included scans of the study, for patient counts"
    )
    parser.add_argument(
        "--exclusions", type=Path, help="Parquet file with the excluded scans of the study, for patient counts"
    )
    parser.add_argument("--structures", required=True, help="name of a built-in label set, or CSV file")
    configuration.add_config_argument(parser, "evaluate")
    parser.add_argument(
        "--evaluation",
        type=Path,
        required=True,
        help="output Parquet file with the metrics of each scan and structure, with a CSV file next to it",
    )
    parser.add_argument(
        "--summary",
        type=Path,
        required=True,
        help="output Parquet file with the means and intervals, with a CSV file next to it",
    )
    parser.add_argument(
        "--comparison", type=Path, help="output Parquet file with the tests of two models, with a CSV file next to it"
    )

"""Input and output tables of the evaluation against reference masks."""

from ctpop.contracts.all_tables import EVALUATION_STATUS, METRICS, SCAN, SCAN_ID_PATTERN, STRUCTURE
from ctpop.contracts.columns import Column, count, number, p_value, text
from ctpop.contracts.tables import Table

OVERALL = "(overall)"  # names of structures contain no parentheses

MODEL = text("name of the model: `study.name`, or the name in `evaluate.compare_with`", pattern=SCAN_ID_PATTERN)
PART = text(f"structure, or `{OVERALL}` for the mean over the structures of each scan")
NO_VALUE = (
    "neither the reference nor the prediction contains the structure, one of them does not include it, or the scan was"
    " not compared"
)
NO_SCAN = "no scan has a value"
ONE_SCAN = "fewer than two scans have a value"
NO_PATIENTS = "`ctpop evaluate` was run without `--cohort`"
NO_DIFFERENCE = "no scan has a value for both models, or all differences are 0"


def _patients(meaning: str) -> Column:
    return count(f"number of patients among {meaning}", "patients", missing=NO_PATIENTS)


REFERENCE = Table(
    "reference",
    ("scan_id",),
    "reference masks of the validation set (setting `evaluate.reference`): one row per scan. Additional columns are"
    " ignored",
    {
        "scan_id": SCAN,
        "reference_path": text(
            "path of the reference label map (with the labels of the label set) or of the folder of reference masks,"
            " relative to the CSV file"
        ),
    },
    open=True,
)
EVALUATION = Table(
    "evaluation",
    ("model", "scan_id", "structure"),
    "agreement of the prediction with the reference: one row per model, scan of the validation set, and structure. The"
    " table is written only if the study file contains the section `evaluate`",
    {
        "model": MODEL,
        "scan_id": SCAN,
        "structure": STRUCTURE,
        "status": text("`compared`, or the reason for a missing comparison", among=EVALUATION_STATUS),
        "dice": number("Dice score", low=0, high=1, missing=NO_VALUE),
        "nsd": number(
            "normalized surface distance at a tolerance of `evaluate.tolerance_mm`", low=0, high=1, missing=NO_VALUE
        ),
        "n_reference_voxels": count("number of voxels of the structure in the reference", missing="not compared"),
        "n_predicted_voxels": count("number of voxels of the structure in the prediction", missing="not compared"),
        "detail": text("explanation of the status", missing="no explanation is needed"),
    },
)
EVALUATION_SUMMARY = Table(
    "evaluation_summary",
    ("model", "structure"),
    "mean agreement over all scans: one row per model and structure, and one row per model for all structures together."
    f" The table is written only if the study file contains the section `evaluate`. In the rows `{OVERALL}`, `n` is the"
    " number of scans, the other scan counts are numbers of pairs of scan and structure, and each patient counts once"
    " in the patient counts",
    {
        "model": MODEL,
        "structure": PART,
        "n": count("number of scans with a value", "scans"),
        "n_patients": _patients("the `n` scans. Each scan without `patient_id` counts as a separate patient"),
        "n_only_in_reference": count(
            "number of these scans in which only the reference contains the structure (value 0)", "scans"
        ),
        "n_patients_only_in_reference": _patients("the `n_only_in_reference` scans"),
        "n_only_in_prediction": count(
            "number of these scans in which only the prediction contains the structure (value 0)", "scans"
        ),
        "n_patients_only_in_prediction": _patients("the `n_only_in_prediction` scans"),
        "n_absent": count(
            "number of scans without a value because neither the reference nor the prediction contains the structure",
            "scans",
        ),
        "n_patients_absent": _patients("the `n_absent` scans"),
        "n_unknown": count(
            "number of scans without a value because the reference or the model does not include the structure", "scans"
        ),
        "n_patients_unknown": _patients("the `n_unknown` scans"),
        "n_failed": count(
            "number of scans without a value because a label map is missing, unreadable, or on another grid", "scans"
        ),
        "n_patients_failed": _patients("the `n_failed` scans"),
        "dice_mean": number("mean Dice score", low=0, high=1, missing=NO_SCAN),
        "dice_ci_low": number("lower limit of the bootstrap interval of `dice_mean`", low=0, high=1, missing=ONE_SCAN),
        "dice_ci_high": number("upper limit of the bootstrap interval of `dice_mean`", low=0, high=1, missing=ONE_SCAN),
        "nsd_mean": number("mean normalized surface distance", low=0, high=1, missing=NO_SCAN),
        "nsd_ci_low": number("lower limit of the bootstrap interval of `nsd_mean`", low=0, high=1, missing=ONE_SCAN),
        "nsd_ci_high": number("upper limit of the bootstrap interval of `nsd_mean`", low=0, high=1, missing=ONE_SCAN),
    },
)
EVALUATION_COMPARISON = Table(
    "evaluation_comparison",
    ("structure", "metric"),
    "Wilcoxon signed-rank test of the differences between two models, paired by scan: one row per structure (and one"
    " for all structures together) and metric. Differences are `model_a` minus `model_b`. The table is written only if"
    " `evaluate.compare_with` is set",
    {
        "structure": PART,
        "metric": text("compared metric", among=METRICS),
        "model_a": MODEL,
        "model_b": MODEL,
        "n": count("number of scans with a value for both models", "scans"),
        "n_patients": _patients("the `n` scans. Each scan without `patient_id` counts as a separate patient"),
        "n_equal": count("number of these scans with a difference of 0, which the test excludes", "scans"),
        "n_patients_equal": _patients("the `n_equal` scans"),
        "mean_difference": number("mean of the differences `model_a` minus `model_b`", low=-1, high=1, missing=NO_SCAN),
        "ci_low": number(
            "lower limit of the bootstrap interval of `mean_difference`", low=-1, high=1, missing=ONE_SCAN
        ),
        "ci_high": number(
            "upper limit of the bootstrap interval of `mean_difference`", low=-1, high=1, missing=ONE_SCAN
        ),
        "median_difference": number(
            "median of the differences `model_a` minus `model_b`", low=-1, high=1, missing=NO_SCAN
        ),
        "w": number("sum of the ranks of the positive differences", low=0, missing=NO_DIFFERENCE),
        "log10_p": number("base-10 logarithm of the P value", high=0, missing=NO_DIFFERENCE),
        "p": p_value("two-sided P value", NO_DIFFERENCE),
        "p_bonferroni": p_value(
            f"P value multiplied by the number of tests of all structures and metrics, at most 1. `{OVERALL}` is a"
            " separate family",
            NO_DIFFERENCE,
        ),
        "rank_biserial": number(
            "rank-biserial correlation (effect size): 1 if `model_a` is better in all scans with a difference, and -1"
            " if `model_b` is better in all of these scans",
            low=-1,
            high=1,
            missing=NO_DIFFERENCE,
        ),
    },
)

TABLES = (EVALUATION, EVALUATION_SUMMARY, EVALUATION_COMPARISON)

"""The tables of an evaluation: what goes in and what comes out. `docs/data.md` is generated from it, too."""

from ctpop.contracts.all_tables import EVALUATION_STATUS, METRICS, SCAN, SCAN_ID_PATTERN, STRUCTURE
from ctpop.contracts.columns import Column, count, number, p_value, text
from ctpop.contracts.tables import Table

OVERALL = "(overall)"  # brackets: no structure has such a name

MODEL = text("name of the model: study.name, or the one in evaluate.compare_with", pattern=SCAN_ID_PATTERN)
PART = text(f"anatomical structure, or {OVERALL} for the mean over the structures of each scan")
NO_VALUE = "neither has the structure, one does not know it, or the scan could not be compared"
NO_SCAN = "no scan has a value"
ONE_SCAN = "fewer than two scans have a value"
NO_PATIENTS = "`ctpop evaluate` was run without --cohort, the table that has the patients"
NO_DIFFERENCE = "no scan has a value of both models, or all differences are 0"


def _patients(meaning: str) -> Column:
    return count(f"different patients of {meaning}", "patients", missing=NO_PATIENTS)


REFERENCE = Table(
    "reference",
    ("scan_id",),
    "input (evaluate.reference): one row per scan of the validation set; further columns are ignored",
    {
        "scan_id": SCAN,
        "reference_path": text("label map in the numbers of the label set, or folder of masks; relative to the CSV"),
    },
    open=True,
)
EVALUATION = Table(
    "evaluation",
    ("model", "scan_id", "structure"),
    "only with the section evaluate: one row per model, scan of the references and structure: how both agree",
    {
        "model": MODEL,
        "scan_id": SCAN,
        "structure": STRUCTURE,
        "status": text("compared, or why not", among=EVALUATION_STATUS),
        "dice": number("Dice similarity coefficient", low=0, high=1, missing=NO_VALUE),
        "nsd": number("normalized surface distance at evaluate.tolerance_mm", low=0, high=1, missing=NO_VALUE),
        "n_reference_voxels": count("voxels of the reference", missing="not compared"),
        "n_predicted_voxels": count("voxels of the prediction", missing="not compared"),
        "detail": text("explanation for people", missing="nothing to explain"),
    },
)
EVALUATION_SUMMARY = Table(
    "evaluation_summary",
    ("model", "structure"),
    f"only with the section evaluate: one row per model and structure, and one for all; in {OVERALL}, n counts scans"
    " and the other numbers count structures of scans; those of patients count patients in all rows",
    {
        "model": MODEL,
        "structure": PART,
        "n": count("scans with a value", "scans"),
        "n_patients": _patients("the n scans; a scan without patient_id counts as a patient of its own"),
        "n_only_in_reference": count("of these, the prediction misses the structure: counted as 0", "scans"),
        "n_patients_only_in_reference": _patients("the n_only_in_reference scans"),
        "n_only_in_prediction": count("of these, the reference has no voxel of it: counted as 0", "scans"),
        "n_patients_only_in_prediction": _patients("the n_only_in_prediction scans"),
        "n_absent": count("neither has the structure: no value", "scans"),
        "n_patients_absent": _patients("the n_absent scans"),
        "n_unknown": count("reference or model does not know the structure: no value", "scans"),
        "n_patients_unknown": _patients("the n_unknown scans"),
        "n_failed": count("a label map is missing, unreadable or on another grid: no value", "scans"),
        "n_patients_failed": _patients("the n_failed scans"),
        "dice_mean": number("mean Dice", low=0, high=1, missing=NO_SCAN),
        "dice_ci_low": number("lower limit of its bootstrap interval", low=0, high=1, missing=ONE_SCAN),
        "dice_ci_high": number("upper limit", low=0, high=1, missing=ONE_SCAN),
        "nsd_mean": number("mean NSD", low=0, high=1, missing=NO_SCAN),
        "nsd_ci_low": number("lower limit of its bootstrap interval", low=0, high=1, missing=ONE_SCAN),
        "nsd_ci_high": number("upper limit", low=0, high=1, missing=ONE_SCAN),
    },
)
EVALUATION_COMPARISON = Table(
    "evaluation_comparison",
    ("structure", "metric"),
    "only with evaluate.compare_with: one row per structure (and one for all) and metric: the Wilcoxon signed-rank"
    " test of model_a minus model_b, paired by scan",
    {
        "structure": PART,
        "metric": text("what is compared", among=METRICS),
        "model_a": MODEL,
        "model_b": MODEL,
        "n": count("scans with a value of both models", "scans"),
        "n_patients": _patients("the n scans; a scan without patient_id counts as a patient of its own"),
        "n_equal": count("of these, the difference is 0; the test leaves them out", "scans"),
        "n_patients_equal": _patients("the n_equal scans"),
        "mean_difference": number("mean of model_a minus model_b", low=-1, high=1, missing=NO_SCAN),
        "ci_low": number("lower limit of its bootstrap interval", low=-1, high=1, missing=ONE_SCAN),
        "ci_high": number("upper limit", low=-1, high=1, missing=ONE_SCAN),
        "median_difference": number("median of model_a minus model_b", low=-1, high=1, missing=NO_SCAN),
        "w": number("sum of the ranks of positive differences", low=0, missing=NO_DIFFERENCE),
        "log10_p": number("decimal logarithm of P", high=0, missing=NO_DIFFERENCE),
        "p": p_value("P value, two-sided", NO_DIFFERENCE),
        "p_bonferroni": p_value(
            f"P times the tests of all structures and metrics, at most 1; {OVERALL} is a family of its own",
            NO_DIFFERENCE,
        ),
        "rank_biserial": number(
            "effect size: 1 if model_a is better wherever they differ, -1 if model_b is",
            low=-1,
            high=1,
            missing=NO_DIFFERENCE,
        ),
    },
)

TABLES = (EVALUATION, EVALUATION_SUMMARY, EVALUATION_COMPARISON)

"""The tables of a study, in the order in which they come to exist.

This file is the contract between the stages and with the scripts of users; `docs/data.md` is generated from it.
"""

from typing import Any

from ctpop import codes
from ctpop.columns import count, number, p_value, text, truth
from ctpop.tables import Table

SCAN_ID_PATTERN = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
MEASURES = tuple(codes.MEASURES)
CRITERIA = tuple(codes.CRITERIA)
SEGMENT_STATUS = tuple(codes.SEGMENT_STATUS)
USABLE_STATUS = ("segmented", "existing")
MEASURE_STATUS = tuple(codes.MEASURE_STATUS)
EVALUATION_STATUS = tuple(codes.EVALUATION_STATUS)
METRICS = tuple(codes.METRICS)
REASONS = tuple(codes.REASONS)
FACES = tuple(codes.FACES)
NORMALITY_METHODS = tuple(codes.NORMALITY_METHODS)

SCAN = text("pseudonymous identifier of the scan", pattern=SCAN_ID_PATTERN)
STRUCTURE = text("anatomical structure, a name out of the study's label set")
MEASURE = text("what was measured: volume (ml) or mean attenuation (HU)", among=MEASURES)
FEW = "too few usable values, or all of them equal"
NO_INTERVAL = f"{FEW}, or rho is exactly -1 or 1"

REGISTRY_COLUMNS: dict[str, Any] = {
    "scan_id": SCAN,
    "patient_id": text("pseudonymous identifier of the patient", missing="not recorded"),
    "age_years": number("age at the scan", "years", low=0, high=120, missing="not known"),
    "sex": text("sex as recorded", among=("female", "male"), missing="not recorded"),
    "ct_path": text("CT volume (NIfTI), absolute or relative to the registry's folder", missing="no CT"),
    "segmentation_path": text(
        "label map (NIfTI) or folder of masks, absolute or relative to the registry's folder",
        missing="none exists",
    ),
    "complete": truth("the images are complete", missing="not recorded"),
    "contrast": truth("a contrast agent was given", missing="not recorded"),
}

REGISTRY = Table(
    "registry",
    ("scan_id",),
    "one row per scan of the registry as it was read; further columns of the registry are kept",
    REGISTRY_COLUMNS,
    open=True,
)
COHORT = Table(
    "cohort",
    ("scan_id",),
    "one row per scan that entered the study; further columns of the registry are kept",
    REGISTRY_COLUMNS,
    open=True,
)
EXCLUSIONS = Table(
    "exclusions",
    ("scan_id", "order"),
    "one row per scan and criterion that it fails; the first one counts in the flow",
    {
        "scan_id": SCAN,
        "criterion": text("criterion that the scan fails", among=CRITERIA),
        "order": count("position of the criterion, as configured", low=1),
        "found": text("what the registry says", missing="the registry says nothing"),
        "limit": text("what the criterion asks for"),
    },
)
FLOW = Table(
    "flow",
    ("order",),
    "one row per criterion: scans before, removed and after it; n_after = n_before - n_removed",
    {
        "order": count("position of the criterion, as configured", low=1),
        "criterion": text("criterion", among=CRITERIA),
        "n_before": count("scans before the criterion", "scans"),
        "n_removed": count("scans that it removed", "scans"),
        "n_after": count("scans after it", "scans"),
    },
)
SEGMENTS = Table(
    "segments",
    ("scan_id",),
    "one row per scan of the cohort: is there a label map, and why not",
    {
        "scan_id": SCAN,
        "status": text("outcome", among=SEGMENT_STATUS),
        "mask_path": text("label map, relative to the study's folder", missing="there is none"),
        "mask_sha256": text("SHA-256 of the label map", pattern="[0-9a-f]{64}", missing="there is none"),
        "model": text("model that made it, with the first digits of its SHA-256", missing="not made here"),
        "detail": text("explanation for people", missing="nothing to explain"),
    },
)
MEASURES_TABLE = Table(
    "measures",
    ("scan_id", "structure"),
    "one row per scan of the cohort and structure: what is there, not yet judged",
    {
        "scan_id": SCAN,
        "structure": STRUCTURE,
        "status": text("measured, or why not", among=MEASURE_STATUS),
        "n_voxels": count("voxels carrying the label; 0 is a measured absence", missing="not measured"),
        "volume_ml": number("voxels times |det(affine)|", "ml", low=0, missing="not measured"),
        "hu_mean": number("mean attenuation", "HU", missing="no voxel, or no CT"),
        "hu_sd": number("standard deviation of the voxels (divided by n)", "HU", low=0, missing="no voxel, or no CT"),
        "hu_p05": number("5th percentile, linear interpolation", "HU", missing="no voxel, or no CT"),
        "hu_p25": number("25th percentile", "HU", missing="no voxel, or no CT"),
        "hu_p50": number("median", "HU", missing="no voxel, or no CT"),
        "hu_p75": number("75th percentile", "HU", missing="no voxel, or no CT"),
        "hu_p95": number("95th percentile", "HU", missing="no voxel, or no CT"),
        "hu_min": number("lowest value", "HU", missing="no voxel, or no CT"),
        "hu_max": number("highest value", "HU", missing="no voxel, or no CT"),
        "border_voxels": count("voxels in the outermost layers of the image", missing="not measured"),
        "faces": text(
            f"faces of the image that the structure reaches, separated by spaces: {', '.join(FACES)}",
            missing="none, or not measured",
        ),
        "centroid_x_mm": number("centre of mass, world x (RAS+: to the right)", "mm", missing="no voxel"),
        "centroid_y_mm": number("centre of mass, world y (anterior)", "mm", missing="no voxel"),
        "centroid_z_mm": number("centre of mass, world z (superior)", "mm", missing="no voxel"),
    },
)
VERDICTS = Table(
    "verdicts",
    ("scan_id", "structure"),
    "one row per row of measures: may it be used, and why not",
    {
        "scan_id": SCAN,
        "structure": STRUCTURE,
        "usable_volume": truth("the volume may enter the statistics"),
        "usable_hu": truth("the attenuation may enter the statistics"),
        "reason": text("why, or why not", among=REASONS),
    },
)
ANALYSIS = Table(
    "analysis",
    ("scan_id", "structure", "measure"),
    "one row per value that may enter the statistics",
    {
        "scan_id": SCAN,
        "structure": STRUCTURE,
        "measure": MEASURE,
        "value": number("volume (ml) or mean attenuation (HU)"),
    },
)
NORMALITY = Table(
    "normality",
    ("structure", "measure"),
    "one row per structure and measure: Kolmogorov-Smirnov test of normality",
    {
        "structure": STRUCTURE,
        "measure": MEASURE,
        "n": count("usable values"),
        "d": number("largest distance between the distribution functions", low=0, high=1, missing=FEW),
        "p": p_value("P value", FEW),
        "method": text("variant of the test", among=NORMALITY_METHODS),
        "skewness": number("moment coefficient of skewness", missing=FEW),
    },
)
ASSOCIATIONS = Table(
    "associations",
    ("structure", "measure"),
    "one row per structure and measure: Spearman rank correlation with age",
    {
        "structure": STRUCTURE,
        "measure": MEASURE,
        "n": count("usable values"),
        "rho": number("Spearman rank correlation with age", low=-1, high=1, missing=FEW),
        "ci_low": number("lower limit of its confidence interval", low=-1, high=1, missing=NO_INTERVAL),
        "ci_high": number("upper limit", low=-1, high=1, missing=NO_INTERVAL),
        "log10_p": number("decimal logarithm of P, exact far below 1e-308", high=0, missing=FEW),
        "p": p_value("P value, two-sided", FEW),
        "p_bonferroni": p_value("P times the tests of the family, at most 1", FEW),
        "p_holm": p_value("P adjusted by Holm", FEW),
        "q_bh": p_value("false discovery rate by Benjamini and Hochberg", FEW),
        "significant": truth("P is below aging.alpha, as in the paper", missing=FEW),
    },
)
GROUPS = Table(
    "groups",
    ("structure", "measure"),
    "one row per structure and measure: Kruskal-Wallis test over the age quartiles of the cohort",
    {
        "structure": STRUCTURE,
        "measure": MEASURE,
        "n": count("usable values"),
        "h": number("H, corrected for ties", low=0, missing=FEW),
        "df": count("degrees of freedom", low=1, missing=FEW),
        "log10_p": number("decimal logarithm of P", high=0, missing=FEW),
        "p": p_value("P value", FEW),
        "p_bonferroni": p_value("P times the tests of the family, at most 1", FEW),
        "epsilon_squared": number("effect size H/(n-1)", low=0, high=1, missing=FEW),
        "n_1": count("values in the first (youngest) quartile"),
        "n_2": count("values in the second quartile"),
        "n_3": count("values in the third quartile"),
        "n_4": count("values in the fourth (oldest) quartile"),
        "cut_1": number("age between first and second quartile", "years", missing="no ages"),
        "cut_2": number("age between second and third quartile", "years", missing="no ages"),
        "cut_3": number("age between third and fourth quartile", "years", missing="no ages"),
    },
)
POSTHOC = Table(
    "posthoc",
    ("structure", "measure", "group_a", "group_b"),
    "one row per structure, measure and pair of age quartiles: Wilcoxon rank-sum test",
    {
        "structure": STRUCTURE,
        "measure": MEASURE,
        "group_a": count("younger quartile", low=1),
        "group_b": count("older quartile", low=2),
        "u": number("Mann-Whitney U of the younger quartile", low=0, missing=FEW),
        "z": number("standardised U, corrected for ties and continuity", missing=FEW),
        "log10_p": number("decimal logarithm of P", high=0, missing=FEW),
        "p": p_value("P value, two-sided", FEW),
        "p_bonferroni": p_value("P times the tests of the family, at most 1", FEW),
        "auc": number("probability that the older quartile has the larger value", low=0, high=1, missing=FEW),
        "cliffs_delta": number("2 auc - 1", low=-1, high=1, missing=FEW),
        "shift": number("Hodges-Lehmann shift, older minus younger", "ml or HU", missing=FEW),
    },
)
COMPARE_TRUTH = Table(
    "compare_truth",
    ("structure", "measure"),
    "only where the truth is known (study.truth): measured against true values of the same scans",
    {
        "structure": STRUCTURE,
        "measure": MEASURE,
        "n": count("scans with a usable measured and a true value"),
        "pearson_r": number("correlation of measured and true values", low=-1, high=1, missing=FEW),
        "bias": number("mean of measured minus true", "ml or HU", missing=FEW),
        "bias_percent": number("bias in percent of the mean true volume", "%", missing=f"{FEW}, or not a volume"),
        "rho_true": number("Spearman correlation of the true values with age", low=-1, high=1, missing=FEW),
        "rho_measured": number("Spearman correlation of the measured values with age", low=-1, high=1, missing=FEW),
        "ci_low": number("lower limit of the confidence interval of rho_measured", low=-1, high=1, missing=NO_INTERVAL),
        "ci_high": number("upper limit", low=-1, high=1, missing=NO_INTERVAL),
        "truth_inside": truth("rho_true lies inside the interval", missing=NO_INTERVAL),
    },
)
TRUTH = Table(
    "truth",
    ("scan_id", "structure"),
    "input (study.truth): true volume and attenuation, where a simulation knows them",
    {
        "scan_id": SCAN,
        "structure": STRUCTURE,
        "volume_ml": number("true volume", "ml", low=0),
        "hu_mean": number("mean attenuation inside the true outline", "HU", missing="no voxel"),
    },
)

TABLES = (
    COHORT,
    EXCLUSIONS,
    FLOW,
    SEGMENTS,
    MEASURES_TABLE,
    VERDICTS,
    ANALYSIS,
    NORMALITY,
    ASSOCIATIONS,
    GROUPS,
    POSTHOC,
    COMPARE_TRUTH,
)
INPUTS = (REGISTRY, TRUTH)

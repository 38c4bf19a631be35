"""Tables of the ground truth of simulated studies, and of the comparison with it."""

from ctpop.contracts.columns import count, number, truth
from ctpop.contracts.keys import FEW, MEASURE, NO_INTERVAL, PATIENTS, SCAN, STRUCTURE
from ctpop.contracts.tables import Table

COMPARE_TRUTH = Table(
    "compare_truth",
    ("structure", "measure"),
    "comparison of measured values with the ground truth of the same scans: one row per structure and measure. The"
    " table is written only for simulated studies with ground truth",
    {
        "structure": STRUCTURE,
        "measure": MEASURE,
        "n": count("number of scans with a usable measured value and a true value"),
        "n_patients": PATIENTS,
        "pearson_r": number("Pearson correlation between the measured and true values", low=-1, high=1, missing=FEW),
        "bias": number("mean of the measured minus the true values", "mL or HU", missing=FEW),
        "bias_percent": number(
            "bias as a percentage of the mean true volume",
            "%",
            missing="too few usable values, all values are equal, or the measure is not a volume",
        ),
        "rho_true": number("Spearman rank correlation of the true values with age", low=-1, high=1, missing=FEW),
        "rho_measured": number(
            "Spearman rank correlation of the measured values with age", low=-1, high=1, missing=FEW
        ),
        "ci_low": number(
            "lower limit of the confidence interval of `rho_measured`", low=-1, high=1, missing=NO_INTERVAL
        ),
        "ci_high": number(
            "upper limit of the confidence interval of `rho_measured`", low=-1, high=1, missing=NO_INTERVAL
        ),
        "truth_inside": truth(
            "whether `rho_true` is within the confidence interval of `rho_measured`", missing=NO_INTERVAL
        ),
    },
)
TRUTH = Table(
    "truth",
    ("scan_id", "structure"),
    "ground truth of volume and attenuation (setting `study.truth`): one row per simulated scan and structure",
    {
        "scan_id": SCAN,
        "structure": STRUCTURE,
        "volume_ml": number("true volume", "mL", low=0),
        "hu_mean": number("mean attenuation within the true outline", "HU", missing="the structure has no voxel"),
    },
)

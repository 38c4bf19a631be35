"""Tables of patients with several scans: changes within patients, and repeatability of the measures."""

from ctpop.contracts.adjustment import ADJUSTED_FOR, COMPLETE, LEFT_OUT, OUTCOME, PATIENTS_LEFT_OUT
from ctpop.contracts.columns import Column, count, number, p_value
from ctpop.contracts.effects import UNIT
from ctpop.contracts.keys import ANALYZED, MEASURE, PATIENTS
from ctpop.contracts.tables import Table

NONE = "no result was obtained (see `reason`)"
OF_VOLUMES = "no result was obtained (see `reason`), or the measure is not the volume"
NOT_DEFINED = "no result was obtained (see `reason`), or the corrected correlation would not be between -1 and 1"
PER_DECADE = "HU or % per decade"
NATURAL = "HU or ln mL"


def _with_limits(name: str, meaning: str, unit: str, missing: str = NONE) -> dict[str, Column]:
    return {
        name: number(meaning, unit, missing=missing),
        f"{name}_low": number(f"lower limit of the confidence interval of `{name}`", unit, missing=missing),
        f"{name}_high": number(f"upper limit of the confidence interval of `{name}`", unit, missing=missing),
    }


WITHIN_PATIENT = Table(
    "within_patient",
    ("structure", "measure"),
    "changes within patients: one row per structure and measure, if patients have several scans. Patients with repeated"
    " CT are a selected group, and their changes are not the aging of the cohort",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "adjusted_for": ADJUSTED_FOR,
        "n": COMPLETE,
        "n_patients": PATIENTS,
        "n_left_out": LEFT_OUT,
        "n_patients_left_out": PATIENTS_LEFT_OUT,
        "n_repeated": count("number of scans of patients with at least two scans in the model"),
        "n_patients_repeated": count("number of patients among the `n_repeated` scans", "patients"),
        "n_long": count("number of scans of patients with two scans at least half a year apart"),
        "n_patients_long": count("number of patients among the `n_long` scans", "patients"),
        "interval_years": number(
            "median time between the first and last scan of these patients", "years", low=0, missing="no such patients"
        ),
        **_with_limits("within", "average change within patients per decade", PER_DECADE),
        **_with_limits("between", "average difference between patients per decade of their mean age", PER_DECADE),
        **_with_limits("contrast", "difference of these slopes (within minus between)", PER_DECADE),
        "log10_p": number("base-10 logarithm of the P value for equal slopes", high=0, missing=NONE),
        "p": p_value("P value for equal slopes within and between patients", NONE),
        **_with_limits("fixed", "average change within patients with an indicator for each patient", PER_DECADE),
        "unit": UNIT,
        "sd_between": number("standard deviation between patients", NATURAL, low=0, missing=NONE),
        "sd_within": number("residual standard deviation within patients", NATURAL, low=0, missing=NONE),
        "share_changed": number(
            "proportion of patients whose change between the first and last scan exceeds the repeatability coefficient",
            low=0,
            high=1,
            missing="the repeatability is unknown (table `retest`)",
        ),
        "reason": OUTCOME,
    },
)
RETEST = Table(
    "retest",
    ("structure", "measure"),
    "repeatability: one row per structure and measure, if patients have two scans within seven days",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "n": count("number of scans: two per patient"),
        "n_patients": PATIENTS,
        **_with_limits("sd_within", "standard deviation within patients", NATURAL),
        "sd_between": number("standard deviation between patients", NATURAL, low=0, missing=NONE),
        "change_low": number(
            "largest decrease that is expected without a true change (repeatability coefficient)",
            "HU or %",
            missing=NONE,
        ),
        "change_high": number("largest increase that is expected without a true change", "HU or %", missing=NONE),
        "cv": number("coefficient of variation within patients", "%", low=0, missing=OF_VOLUMES),
        "cv_rms": number(
            "root mean square of the coefficients of variation of the patients", "%", low=0, missing=OF_VOLUMES
        ),
        **_with_limits("icc", "intraclass correlation of absolute agreement, ICC(A,1)", ""),
        "bias": number("mean difference, later minus earlier scan", "HU or %", missing=NONE),
        "agreement_low": number("lower limit of agreement of both scans", "HU or %", missing=NONE),
        "agreement_high": number("upper limit of agreement of both scans", "HU or %", missing=NONE),
        "reliability": number("intraclass correlation of the normal scores, ICC(1,1)", missing=NONE),
        **_with_limits("rho", "correlation with age, corrected for the measurement error", "", NOT_DEFINED),
        "reason": OUTCOME,
    },
)

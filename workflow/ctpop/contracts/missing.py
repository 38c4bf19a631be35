"""Tables of missing values by age and sex, and of results that take the missing values into account."""

from ctpop.contracts.columns import count, number, p_value, text
from ctpop.contracts.effects import UNIT
from ctpop.contracts.keys import (
    ANALYZED,
    LOG10_P_RHO0,
    MEASURE,
    MISSING_CATEGORIES,
    MISSING_REASONS,
    OUTCOMES,
    P_RHO0,
    PATIENTS,
)
from ctpop.contracts.tables import Table

NO_WEIGHTS = "no weights were computed (see `reason`)"
NO_WEIGHTED_INTERVAL = "no weights were computed, or rho has no confidence interval (see `reason`)"
NO_BOUNDS = "no bounds were computed (see `bounds_reason`)"
NO_SLOPE = "too few values, all values or all ages are equal, or a volume is 0"
NO_SCAN = "there is no such scan"

MISSINGNESS = Table(
    "missingness",
    ("structure", "measure", "sex", "age_decade", "reason"),
    "numbers of used and missing values by sex and age: one row per structure, measure, sex, age decade, and reason."
    " Each scan of the cohort is counted exactly once for each structure and measure",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "sex": text("recorded sex, or `unknown`", among=("female", "male", "unknown")),
        "age_decade": text("age range in years, such as `50-59`, or `unknown`", pattern=r"[0-9]+-[0-9]+|unknown"),
        "reason": text("reason for the use or absence of the value", among=MISSING_REASONS),
        "category": text("category of the reason", among=MISSING_CATEGORIES),
        "n_with_reason": count("number of scans of this sex and age with this reason", "scans", low=1),
        "n_patients_with_reason": count("number of patients among the `n_with_reason` scans", "patients"),
        "n": count("number of scans of this sex and age in the cohort", "scans", low=1),
        "n_patients": PATIENTS,
    },
)
MISSING_SENSITIVITY = Table(
    "missing_sensitivity",
    ("structure", "measure"),
    "influence of missing values on the association with age: one row per structure and measure. All numbers refer to"
    " scans of known age in which the structure is neither absent nor excluded from the segmentation",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "n": count("number of scans with a used or a missing value", "scans"),
        "n_patients": PATIENTS,
        "n_used": count("number of scans with a used value", "scans"),
        "n_patients_used": count("number of patients among the `n_used` scans", "patients"),
        "n_missing": count("number of scans with a missing value", "scans"),
        "n_patients_missing": count("number of patients among the `n_missing` scans", "patients"),
        "n_absent": count(
            "number of scans of known age without a value because the structure is absent (category `absent`). These"
            " scans are not among the `n` scans",
            "scans",
        ),
        "n_patients_absent": count("number of patients among the `n_absent` scans", "patients"),
        "share_missing": number("proportion of missing values", low=0, high=1, missing=NO_SCAN),
        "age_missing_years": number("median age of scans with a missing value", "years", low=0, missing=NO_SCAN),
        "age_used_years": number("median age of scans with a used value", "years", low=0, missing=NO_SCAN),
        "rho": number(
            "Spearman rank correlation of the used values with age, without weights",
            low=-1,
            high=1,
            missing="too few values, or all values or all ages are equal",
        ),
        "rho_weighted": number(
            "Spearman rank correlation of the used values with age, weighted by the inverse of the probability of"
            " having a value given age and sex",
            low=-1,
            high=1,
            missing=NO_WEIGHTS,
        ),
        "ci_low": number(
            "lower limit of the confidence interval of `rho_weighted`", low=-1, high=1, missing=NO_WEIGHTED_INTERVAL
        ),
        "ci_high": number(
            "upper limit of the confidence interval of `rho_weighted`", low=-1, high=1, missing=NO_WEIGHTED_INTERVAL
        ),
        "log10_p_rho0": number(f"{LOG10_P_RHO0} of `rho_weighted`", high=0, missing=NO_WEIGHTED_INTERVAL),
        "p_rho0": p_value(f"{P_RHO0} of `rho_weighted`", NO_WEIGHTED_INTERVAL),
        "difference": number("`rho_weighted` minus `rho`", low=-2, high=2, missing=NO_WEIGHTS),
        "effective_n": number(
            "number of scans with equal weights that would be as informative as the weighted scans",
            "scans",
            low=1,
            missing=NO_WEIGHTS,
        ),
        "largest_weight": number("largest weight after truncation", low=1, missing=NO_WEIGHTS),
        "weights_from": text(
            "columns of the logistic model of having a value, separated by semicolons", missing=NO_WEIGHTS
        ),
        "reason": text("`ok`, or the reason for missing weights", among=OUTCOMES),
        "slope": number(
            "difference per decade of age in a model of the used values with a straight line of age, and sex",
            "HU or %",
            missing=NO_SLOPE,
        ),
        "slope_low": number(
            "smallest difference per decade of age if all missing values were extreme (fitted value plus the 5th or"
            " 95th percentile of the residuals). The bounds are not a confidence interval",
            "HU or %",
            missing=NO_BOUNDS,
        ),
        "slope_high": number(
            "largest difference per decade of age if all missing values were extreme", "HU or %", missing=NO_BOUNDS
        ),
        "unit": UNIT,
        "bounds_reason": text("`ok`, or the reason for missing bounds", among=OUTCOMES),
    },
)

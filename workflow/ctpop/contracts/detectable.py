"""Table of the smallest effects that a study detects with a given power."""

from ctpop.contracts import codes
from ctpop.contracts.adjustment import ADJUSTED_FOR
from ctpop.contracts.columns import count, number, text
from ctpop.contracts.effects import UNIT
from ctpop.contracts.keys import ANALYZED, FAMILY, MEASURE, PATIENTS
from ctpop.contracts.tables import Table

NO_SLOPE = "no slope was estimated (see `age_effects`)"

DETECTABLE_EFFECTS = Table(
    "detectable_effects",
    ("structure", "measure", "power"),
    "smallest effects that a two-sided test detects: one row per structure, measure, and power. They describe the"
    " precision of the study, not its results",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "power": number("probability of a significant result", low=0, high=1),
        "alpha": number("significance level of each test (`aging.alpha`)", low=0, high=1),
        "n": count("number of usable values (one per scan)"),
        "n_patients": PATIENTS,
        "rho": number(
            "smallest absolute Spearman rank correlation with age, from the number of patients",
            low=0,
            high=1,
            missing="fewer than four patients have a usable value",
        ),
        "adjusted_for": ADJUSTED_FOR,
        "sex": text("sex to which `slope` applies", among=tuple(codes.EFFECT_SEXES), missing=NO_SLOPE),
        "slope": number(
            "smallest absolute difference per decade of age (straight line), from the standard error of the slope; for"
            " volumes, an increase",
            "HU or %",
            low=0,
            missing=NO_SLOPE,
        ),
        "unit": UNIT,
        "n_slope": count("number of scans in the model of the slope", missing=NO_SLOPE),
        "n_patients_slope": count("number of patients among the `n_slope` scans", "patients", missing=NO_SLOPE),
        "family": FAMILY,
    },
)

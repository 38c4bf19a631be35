"""Tables that describe the cohort: Table 1, and the check of recorded contrast administration against attenuation."""

from ctpop.contracts import codes
from ctpop.contracts.columns import count, number, text, truth
from ctpop.contracts.keys import SCAN
from ctpop.contracts.tables import Table

CONTRAST_LOOKS = tuple(codes.CONTRAST_LOOKS)
NO_NUMBERS = "the row contains a count, or no value is recorded"
NOT_USABLE = "not measured, or excluded for a reason that affects the attenuation"

TABLE1 = Table(
    "table1",
    ("order", "group_order"),
    "values of Table 1: one row per variable, level, and group of scans. The folder `report` contains a formatted"
    " version (`table1.csv`, `table1.html`, `table1.docx`)",
    {
        "order": count("position of the variable and level", low=1),
        "variable": text("described variable: `scans`, `patients`, or a column of the registry"),
        "level": text("category of the variable, `all`, `known` (numeric variables), or `missing`"),
        "group_order": count("position of the group", low=1),
        "grouping": text("variable that defines the groups", among=("all", "sex", "age_quartile")),
        "group": text("group of scans: `all`, a sex, an age quartile (1 is the youngest), or `not_known`"),
        "age_range": text("age range of the quartile (years)", missing="the group is not an age quartile"),
        "n": count(
            "number of scans of the group at this level (number of patients for the variable `patients`)",
            missing="the registry contains no patient identifiers",
        ),
        "n_patients": count(
            "number of patients among the `n` scans. Each scan without `patient_id` counts as a separate patient",
            "patients",
        ),
        "share": number(
            "`n` divided by the number of scans of the group with a recorded value (for the variable `scans`, divided"
            " by the number of all scans)",
            low=0,
            missing="the level is not a category",
        ),
        "median": number("median", missing=NO_NUMBERS),
        "q1": number("25th percentile", missing=NO_NUMBERS),
        "q3": number("75th percentile", missing=NO_NUMBERS),
        "mean": number("mean", missing=NO_NUMBERS),
        "sd": number(
            "standard deviation (divisor n - 1)",
            low=0,
            missing="the row contains a count, or fewer than two values are recorded",
        ),
        "lowest": number("smallest value", missing=NO_NUMBERS),
        "highest": number("largest value", missing=NO_NUMBERS),
    },
)
CONTRAST_CHECK = Table(
    "contrast_check",
    ("scan_id",),
    "comparison of recorded contrast administration with the attenuation of vessels and kidneys: one row per scan of"
    " the cohort. No scan is excluded on this basis",
    {
        "scan_id": SCAN,
        "contrast": truth(
            "whether a contrast agent was administered, as recorded and used by the study", missing="not recorded"
        ),
        "aorta_hu": number("mean attenuation of the aorta", "HU", missing=NOT_USABLE),
        "kidneys_hu": number("volume-weighted mean attenuation of both kidneys", "HU", missing=NOT_USABLE),
        "portal_vein_hu": number("mean attenuation of the portal and splenic veins", "HU", missing=NOT_USABLE),
        "looks": text("finding based on attenuation", among=CONTRAST_LOOKS),
        "agrees": truth(
            "whether the recorded contrast administration and the finding agree",
            missing="contrast administration is not recorded, or the finding is neither `enhanced` nor `unenhanced`",
        ),
    },
)

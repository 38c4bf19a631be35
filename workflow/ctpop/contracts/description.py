"""Who is in the study, and whether vessels and kidneys look like what is said of contrast agent."""

from ctpop.contracts import codes
from ctpop.contracts.columns import count, number, text, truth
from ctpop.contracts.keys import SCAN
from ctpop.contracts.tables import Table

CONTRAST_LOOKS = tuple(codes.CONTRAST_LOOKS)
NO_NUMBERS = "the row counts words, or no value is known"

TABLE1 = Table(
    "table1",
    ("order", "group_order"),
    "Table 1, one row per variable, level and group of scans; report/table1 (.csv, .html, .docx) is a table for print",
    {
        "order": count("position of variable and level", low=1),
        "variable": text("what is described: scans, patients, or a column of the registry"),
        "level": text("a word of the variable; all, known (of numbers) or missing"),
        "group_order": count("position of the group", low=1),
        "grouping": text("what the groups are made by", among=("all", "sex", "age_quartile")),
        "group": text("the group: all, a sex, an age quartile (1: the youngest), or not_known"),
        "age_range": text("ages of the quartile (years)", missing="the group is no quartile"),
        "n": count("scans of the group at this level (of patients: patients)", missing="patients are not recorded"),
        "n_patients": count(
            "different patients of the n scans; a scan without patient_id counts as a patient of its own", "patients"
        ),
        "share": number(
            "n, as a share of those of the group whose value is known (of scans: of all)",
            low=0,
            missing="it is no word",
        ),
        "median": number("median", missing=NO_NUMBERS),
        "q1": number("25th percentile", missing=NO_NUMBERS),
        "q3": number("75th percentile", missing=NO_NUMBERS),
        "mean": number("mean", missing=NO_NUMBERS),
        "sd": number("standard deviation (n - 1)", low=0, missing=f"{NO_NUMBERS}, or only one"),
        "lowest": number("smallest value", missing=NO_NUMBERS),
        "highest": number("largest value", missing=NO_NUMBERS),
    },
)
CONTRAST_CHECK = Table(
    "contrast_check",
    ("scan_id",),
    "one row per scan of the cohort: what is said of contrast agent, and what vessels and kidneys look like; nobody is"
    " excluded by it",
    {
        "scan_id": SCAN,
        "contrast": truth("a contrast agent was given, as the study takes it", missing="not recorded"),
        "aorta_hu": number("mean attenuation of the aorta", "HU", missing="not measured, or not to be trusted"),
        "kidneys_hu": number(
            "mean attenuation of the kidneys, weighted by volume", "HU", missing="not measured, or not to be trusted"
        ),
        "portal_vein_hu": number(
            "mean attenuation of portal and splenic vein", "HU", missing="not measured, or not to be trusted"
        ),
        "looks": text("what they look like", among=CONTRAST_LOOKS),
        "agrees": truth(
            "what is said and what it looks like agree", missing="nothing is said, or it cannot be told by looks"
        ),
    },
)

"""Tables of segmentation screening: verdicts, exclusions, and the values used in the statistics."""

from ctpop.contracts.cohort import REGISTRY_COLUMNS
from ctpop.contracts.columns import OLDEST_YEARS, count, number, text, truth
from ctpop.contracts.keys import (
    ANALYZED,
    DECISIONS,
    ENDS,
    FLOW_REASONS,
    MEASURE,
    REASONS,
    RULES,
    SCAN,
    STRUCTURE,
    VALUE_SETS,
)
from ctpop.contracts.tables import Table

NO_REVIEW = "not reviewed"
NO_AGE = "no such scan, or no recorded age"
NO_RULE = "the rule set of the study does not contain the rule"
NO_SEX = "no such scan, or no recorded sex"
SHARES = {"usable": "a usable {}", "removed": "an excluded {}"}
VALUES = {"volume": "volume", "hu": "attenuation"}

REVIEW = Table(
    "review",
    ("scan_id", "structure"),
    "quality control (QC) decisions of reviewers (setting `screen.review`): one row per decision. Additional columns"
    " are ignored",
    {
        "scan_id": SCAN,
        "structure": text("structure, or `*` for all structures without a separate row", pattern=r"[A-Za-z0-9_]+|\*"),
        "decision": text("QC decision", among=DECISIONS),
        "reason": text("reason for the decision"),
        "reviewer": text("reviewer; initials or a number are sufficient"),
        "date": text("date of the decision (for example, 2024-05-31)", pattern=r"\d{4}-\d{2}-\d{2}"),
    },
    open=True,
)
VERDICTS = Table(
    "verdicts",
    ("scan_id", "structure"),
    "usability of the measured values, with the reason: one row per scan and structure",
    {
        "scan_id": SCAN,
        "structure": STRUCTURE,
        "usable_volume": truth("whether the volume can be used in the statistics"),
        "usable_hu": truth("whether the attenuation can be used in the statistics"),
        "reason": text("first applicable reason", among=REASONS),
        "detail": text(
            "status and detail in the table `measures` if the scan or the structure was not measured",
            missing="measured, or no explanation is needed",
        ),
        "rule_reason": text("reason according to the rules, without QC decisions", among=REASONS),
        "reviewer": text("reviewer of the structure in this scan", missing=NO_REVIEW),
        "review_reason": text("reason for the QC decision", missing=NO_REVIEW),
    },
)
ANALYSIS = Table(
    "analysis",
    ("scan_id", "structure", "measure"),
    "input values of the statistics: one row per usable value",
    {
        "scan_id": SCAN,
        "structure": ANALYZED,
        "measure": MEASURE,
        "value": number("volume (mL) or mean attenuation (HU)"),
    },
)
FAILURES = Table(
    "failures",
    ("structure",),
    "numbers of usable and excluded values with the reasons, and age and sex of the affected patients: one row per"
    " structure",
    {
        "structure": STRUCTURE,
        "n_scans": count("number of scans of the cohort", "scans"),
        "n_measured": count("number of scans in which the structure was measured", "scans"),
        **{
            f"n_usable_{name}": count(f"number of scans with {SHARES['usable'].format(VALUES[name])}", "scans")
            for name in VALUES
        },
        "n_patients": count("number of patients among the `n_scans` scans", "patients"),
        "n_patients_measured": count("number of patients among the `n_measured` scans", "patients"),
        **{
            f"n_patients_usable_{name}": count(f"number of patients among the `n_usable_{name}` scans", "patients")
            for name in VALUES
        },
        **{
            f"n_patients_removed_{name}": count(
                f"number of patients who have a scan with {SHARES['removed'].format(VALUES[name])}. Another scan of the"
                " same patient may have a usable value",
                "patients",
            )
            for name in VALUES
        },
        **{f"n_{reason}": count(f"number of verdicts with the reason `{reason}`", "scans") for reason in REASONS},
        **{
            f"n_patients_{reason}": count(f"number of patients among the `n_{reason}` scans", "patients")
            for reason in REASONS
        },
        **{
            f"n_unjudged_{rule}": count(
                f"number of scans to which the rule `{rule}` could not be applied because the evidence is missing,"
                " among scans without an earlier applicable reason",
                "scans",
                missing=NO_RULE,
            )
            for rule in RULES
        },
        **{
            f"n_patients_unjudged_{rule}": count(
                f"number of patients among the `n_unjudged_{rule}` scans", "patients", missing=NO_RULE
            )
            for rule in RULES
        },
        **{
            f"age_{share}_{name}_years": number(
                f"mean age of the patients in the scans with {words.format(VALUES[name])}",
                "years",
                low=0,
                high=OLDEST_YEARS,
                missing=NO_AGE,
            )
            for name in VALUES
            for share, words in SHARES.items()
        },
        **{
            f"women_{share}_{name}": number(
                f"proportion of scans of women among the scans with a recorded sex and {words.format(VALUES[name])}",
                low=0,
                high=1,
                missing=NO_SEX,
            )
            for name in VALUES
            for share, words in SHARES.items()
        },
    },
)
EXTREMES = Table(
    "extremes",
    ("structure", "measure", "end", "rank"),
    "smallest and largest values of each structure: one row per extreme value. Only values that no rule excludes are"
    " listed, regardless of QC decisions",
    {
        "structure": STRUCTURE,
        "measure": MEASURE,
        "end": text("end of the distribution", among=ENDS),
        "rank": count("rank of the value, counted from the most extreme value", low=1),
        "scan_id": SCAN,
        "value": number("volume (mL) or mean attenuation (HU)"),
        **{name: REGISTRY_COLUMNS[name] for name in ("age_years", "sex")},
    },
)
STRUCTURE_FLOW = Table(
    "structure_flow",
    ("structure", "measure", "order"),
    "numbers of values that are excluded for each reason and that remain: one row per structure, measure, and exclusion"
    " reason that is in use. The rows lead from all scans of the cohort to the values in the statistics. Each value is"
    " counted at the first reason that excludes it",
    {
        "structure": STRUCTURE,
        "measure": MEASURE,
        "order": count("position of the reason", low=1),
        "reason": text("exclusion reason", among=FLOW_REASONS),
        "n_before": count("number of scans before the exclusion", "scans"),
        "n_patients_before": count("number of patients among the `n_before` scans", "patients"),
        "n_removed": count("number of scans whose value is excluded for this reason", "scans"),
        "n_patients_removed": count(
            "number of patients among the `n_removed` scans. Values of other scans of these patients may remain",
            "patients",
        ),
        "n_after": count("number of scans after the exclusion", "scans"),
        "n_patients_after": count("number of patients among the `n_after` scans", "patients"),
    },
)
ANALYSIS_SETS = Table(
    "analysis_sets",
    ("rules", "scan_id", "structure", "measure"),
    "usable values under each rule set: one row per rule set and value. The table is written only as Parquet",
    {
        "rules": text(
            "rule set, or `eroded` for the mean attenuation without the surface layer (`hu_mean_eroded`) under the rule"
            " set of the study",
            among=VALUE_SETS,
        ),
        "scan_id": SCAN,
        "structure": ANALYZED,
        "measure": MEASURE,
        "value": number("volume (mL) or mean attenuation (HU)"),
    },
)

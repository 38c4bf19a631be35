"""Which measures can be trusted, and the values that enter the statistics."""

from ctpop.contracts.cohort import REGISTRY_COLUMNS
from ctpop.contracts.columns import OLDEST_YEARS, count, number, text, truth
from ctpop.contracts.keys import (
    ANALYSED,
    DECISIONS,
    ENDS,
    FLOW_REASONS,
    MEASURE,
    REASONS,
    RULE_SETS,
    RULES,
    SCAN,
    STRUCTURE,
)
from ctpop.contracts.tables import Table

NO_REVIEW = "not reviewed"
NOBODY = "none of them has a recorded age, or there are none"
NOT_ASKED = "the rules of the study do not ask for it"
NO_SEX = "none of them has a recorded sex, or there are none"
SHARES = {"usable": "whose {} is used", "removed": "whose {} is not"}
VALUES = {"volume": "volume", "hu": "attenuation"}

REVIEW = Table(
    "review",
    ("scan_id", "structure"),
    "input (screen.review): one row per decision of a reviewer; further columns are ignored",
    {
        "scan_id": SCAN,
        "structure": text("structure, or `*` for all that have no row of their own", pattern=r"[A-Za-z0-9_]+|\*"),
        "decision": text("what the reviewer decided", among=DECISIONS),
        "reason": text("why, in the reviewer's words"),
        "reviewer": text("who decided; initials or a number are enough"),
        "date": text("day of the decision, as 2024-05-31", pattern=r"\d{4}-\d{2}-\d{2}"),
    },
    open=True,
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
        "reason": text("why, or why not: the first that holds", among=REASONS),
        "detail": text(
            "status in measures and its detail, where the scan or the structure was not measured",
            missing="measured, or nothing to explain",
        ),
        "rule_reason": text("what the rules say without the reviewer", among=REASONS),
        "reviewer": text("who reviewed the row", missing=NO_REVIEW),
        "review_reason": text("why the reviewer decided so", missing=NO_REVIEW),
    },
)
ANALYSIS = Table(
    "analysis",
    ("scan_id", "structure", "measure"),
    "one row per value that may enter the statistics",
    {
        "scan_id": SCAN,
        "structure": ANALYSED,
        "measure": MEASURE,
        "value": number("volume (ml) or mean attenuation (HU)"),
    },
)
FAILURES = Table(
    "failures",
    ("structure",),
    "one row per structure: what was used of it, what was lost and why, and who the people are",
    {
        "structure": STRUCTURE,
        "n_scans": count("scans of the cohort", "scans"),
        "n_measured": count("scans in which it was looked for", "scans"),
        **{f"n_usable_{name}": count(f"scans {SHARES['usable'].format(VALUES[name])}", "scans") for name in VALUES},
        "n_patients": count("different patients of the n_scans scans", "patients"),
        "n_patients_measured": count("different patients of the n_measured scans", "patients"),
        **{
            f"n_patients_usable_{name}": count(f"different patients of the n_usable_{name} scans", "patients")
            for name in VALUES
        },
        **{
            f"n_patients_removed_{name}": count(
                f"different patients of scans {SHARES['removed'].format(VALUES[name])}; another scan of them may be",
                "patients",
            )
            for name in VALUES
        },
        **{f"n_{reason}": count(f"verdicts with the reason {reason}", "scans") for reason in REASONS},
        **{
            f"n_patients_{reason}": count(f"different patients of the n_{reason} scans", "patients")
            for reason in REASONS
        },
        **{
            f"n_unjudged_{rule}": count(
                f"scans with nothing against them so far that {rule} could not be judged for: the evidence is missing",
                "scans",
                missing=NOT_ASKED,
            )
            for rule in RULES
        },
        **{
            f"n_patients_unjudged_{rule}": count(
                f"different patients of the n_unjudged_{rule} scans", "patients", missing=NOT_ASKED
            )
            for rule in RULES
        },
        **{
            f"age_{share}_{name}_years": number(
                f"mean age of the scans {words.format(VALUES[name])}", "years", low=0, high=OLDEST_YEARS, missing=NOBODY
            )
            for name in VALUES
            for share, words in SHARES.items()
        },
        **{
            f"women_{share}_{name}": number(
                f"share of women among the scans of recorded sex {words.format(VALUES[name])}",
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
    "one row per extreme value of a structure that the rules let through, whatever a reviewer says (screen.extremes)",
    {
        "structure": STRUCTURE,
        "measure": MEASURE,
        "end": text("at which end of the values it stands", among=ENDS),
        "rank": count("its place, from the outermost value on", low=1),
        "scan_id": SCAN,
        "value": number("volume (ml) or mean attenuation (HU)"),
        **{name: REGISTRY_COLUMNS[name] for name in ("age_years", "sex")},
    },
)
STRUCTURE_FLOW = Table(
    "structure_flow",
    ("structure", "measure", "order"),
    "one row per structure, measure and reason that the study asks for: values before, removed and after it, from all"
    " scans of the cohort to those in the statistics; a value is removed by the first reason that takes it away",
    {
        "structure": STRUCTURE,
        "measure": MEASURE,
        "order": count("position of the reason", low=1),
        "reason": text("reason", among=FLOW_REASONS),
        "n_before": count("scans before it", "scans"),
        "n_patients_before": count("different patients among the n_before scans", "patients"),
        "n_removed": count("scans whose value it removed", "scans"),
        "n_patients_removed": count(
            "different patients among the n_removed scans; a value of another scan of them may remain", "patients"
        ),
        "n_after": count("scans after it", "scans"),
        "n_patients_after": count("different patients among the n_after scans", "patients"),
    },
)
ANALYSIS_SETS = Table(
    "analysis_sets",
    ("rules", "scan_id", "structure", "measure"),
    "one row per rule set and value that it lets into the statistics; tables/analysis_sets.parquet, no CSV",
    {
        "rules": text("rule set", among=RULE_SETS),
        "scan_id": SCAN,
        "structure": ANALYSED,
        "measure": MEASURE,
        "value": number("volume (ml) or mean attenuation (HU)"),
    },
)

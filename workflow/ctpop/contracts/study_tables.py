"""The tables of a study, each declared once with the rule that writes it and a flag for tables of single scans.

The workflow rules read their outputs from this list, the Snakemake report shows the tables whose rows are not single
scans, and the data dictionary follows the same order. This module imports only the standard library, because it is read
whenever the Snakefile is parsed.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """A section of tables in the Snakemake report.

    Attributes
    ----------
    title : str
        Title of the section.
    caption : str
        Caption of the tables in the section.
    name : str
        Name of the caption file.

    """

    title: str
    caption: str
    name: str


@dataclass(frozen=True)
class StudyTable:
    """A table in the folder `tables` of the results of a study.

    Attributes
    ----------
    name : str
        Name of the table and of its files.
    rule : str
        Rule that writes the table, or the parts that a gathering rule joins.
    per_scan : bool
        Whether rows are single scans; the Snakemake report does not show tables with rows of single scans.
    needs : str
        Part of the configuration without which the table is not written; empty if there is no condition.
    csv : bool
        Whether the table is also written as CSV.

    Examples
    --------
    >>> BY_NAME["verdicts"].rule, BY_NAME["verdicts"].per_scan
    ('screen', True)

    """

    name: str
    rule: str
    per_scan: bool = False
    needs: str = ""
    csv: bool = True


TABLES = (
    StudyTable("cohort", "cohort", per_scan=True),
    StudyTable("exclusions", "cohort", per_scan=True),
    StudyTable("flow", "cohort"),
    StudyTable("overlap", "cohort"),
    StudyTable("table1", "describe"),
    StudyTable("conversions", "convert", per_scan=True),
    StudyTable("segments", "segment", per_scan=True),
    StudyTable("measures", "measure", per_scan=True),
    StudyTable("verdicts", "screen", per_scan=True),
    StudyTable("review_cases", "review", per_scan=True),
    StudyTable("group_members", "screen"),
    StudyTable("group_values", "screen", per_scan=True),
    StudyTable("analysis", "screen", per_scan=True),
    StudyTable("failures", "screen"),
    StudyTable("structure_flow", "screen"),
    StudyTable("extremes", "screen", per_scan=True),
    StudyTable("plausibility", "screen"),
    StudyTable("implausible_values", "screen", per_scan=True),
    StudyTable("contrast_check", "contrast", per_scan=True),
    StudyTable("normality", "aging"),
    StudyTable("associations", "aging"),
    StudyTable("groups", "aging"),
    StudyTable("posthoc", "aging"),
    StudyTable("sensitivity", "aging"),
    StudyTable("adjusted", "adjust"),
    StudyTable("associations_by_sex", "adjust"),
    StudyTable("rank_ancova", "adjust"),
    StudyTable("age_curves", "adjust"),
    StudyTable("age_effects", "effects"),
    StudyTable("age_models", "effects"),
    StudyTable("sex_differences", "effects"),
    StudyTable("body_size", "effects"),
    StudyTable("detectable_effects", "effects"),
    StudyTable("missingness", "missing"),
    StudyTable("missing_sensitivity", "missing"),
    StudyTable("centiles", "centiles"),
    StudyTable("centile_calibration", "centiles"),
    StudyTable("centile_models", "centiles"),
    StudyTable("centile_worms", "centiles"),
    StudyTable("z_scores", "centiles", per_scan=True),
    StudyTable("change_points", "change_points"),
    StudyTable("change_point_curves", "change_points"),
    StudyTable("within_patient", "repeats"),
    StudyTable("retest", "repeats"),
    StudyTable("compare_published", "published"),
    StudyTable("compare_truth", "aging", needs="truth"),
    StudyTable("analysis_sets", "screen", per_scan=True, csv=False),
    StudyTable("evaluation", "evaluate", per_scan=True),
    StudyTable("evaluation_summary", "evaluate"),
    StudyTable("evaluation_comparison", "evaluate", needs="compare_with"),
)
BY_NAME = {table.name: table for table in TABLES}
PARTICIPANTS = Section(
    "Participants",
    "Selection and characteristics of the patients: one row per step of the flow, pair of criteria, or variable and"
    " group.",
    "participants",
)
SECTIONS = {
    "cohort": PARTICIPANTS,
    "describe": PARTICIPANTS,
    "screen": Section(
        "Screening",
        "Exclusions by segmentation screening: one row per structure and step, rule, or group.",
        "screening",
    ),
    "aging": Section(
        "Age", "Associations with age: one row per structure and measure, test, or sensitivity analysis.", "statistics"
    ),
    "adjust": Section(
        "Confounders",
        "Associations with age by sex and after adjustment for covariates: one row per structure, measure, and set of"
        " covariates.",
        "confounders",
    ),
    "effects": Section(
        "Effects of age",
        "Average differences per decade of age, fitted age curves, differences between men and women, and relations"
        " with body height: one row per structure, measure, and model.",
        "effects",
    ),
    "missing": Section(
        "Missing values",
        "Missing values by age and sex, and their influence on associations with age: one row per structure, measure,"
        " and stratum.",
        "missing",
    ),
    "centiles": Section("Centiles", "Centile curves: one row per structure, measure, sex, and age.", "centiles"),
    "change_points": Section(
        "Change points", "Ages at which slopes change: one row per structure, measure, and sex.", "change_points"
    ),
    "repeats": Section(
        "Repeated scans", "Changes within patients, and repeatability: one row per structure and measure.", "repeats"
    ),
    "published": Section("Comparison", "Results of the original study and of this study.", "paper"),
    "evaluate": Section(
        "Evaluation", "Agreement of label maps with reference masks: one row per structure.", "evaluation"
    ),
}


def of_rule(rule: str, *present: str) -> list[StudyTable]:
    """Return the tables that a rule writes.

    Parameters
    ----------
    rule : str
        Name of the rule.
    *present : str
        Parts of the configuration that the study contains (values of `StudyTable.needs`).

    Returns
    -------
    list of StudyTable
        The tables in the order of `TABLES`.

    Examples
    --------
    >>> [table.name for table in of_rule("evaluate")]
    ['evaluation', 'evaluation_summary']

    """
    return [table for table in TABLES if table.rule == rule and (not table.needs or table.needs in present)]

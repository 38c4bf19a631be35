"""The tables of a study in the order in which they are written.

The tables are the interface between the stages and to scripts of users; `docs/data.md` is generated from them. Other
modules import tables and lists of codes from this module. The modules of `contracts/` declare the tables of each stage.
"""

from ctpop.contracts import study_tables
from ctpop.contracts.adjustment import ADJUSTED, AGE_CURVES, ASSOCIATIONS_BY_SEX, RANK_ANCOVA
from ctpop.contracts.centiles import (
    CENTILE_CALIBRATION,
    CENTILE_MODELS_TABLE,
    CENTILE_WORMS,
    CENTILES,
    CENTILES_SHOWN,
    Z_SCORES,
)
from ctpop.contracts.change_points import CHANGE_POINT_CURVES, CHANGE_POINTS
from ctpop.contracts.cohort import COHORT, EXCLUSIONS, FLOW, OVERLAP, REGISTRY, REGISTRY_COLUMNS
from ctpop.contracts.comparison import COMPARISON, COMPARISON_REASONS, COUNTERPARTS
from ctpop.contracts.description import CONTRAST_CHECK, CONTRAST_LOOKS, TABLE1
from ctpop.contracts.detectable import DETECTABLE_EFFECTS
from ctpop.contracts.dicom import CONVERSIONS
from ctpop.contracts.effects import AGE_EFFECTS, AGE_MODELS, BODY_SIZE, SEX_DIFFERENCES
from ctpop.contracts.grouping import GROUP_MEMBERS, GROUP_VALUES
from ctpop.contracts.keys import (
    ADAPTATIONS,
    AGE_FORMS,
    ANALYSES,
    CENTILE_MODELS,
    CENTILE_STATUS,
    CHANGES,
    CHOSEN,
    CRITERIA,
    CURVE_TERMS,
    DECIDING_TESTS,
    DECISIONS,
    EFFECT_SEXES,
    ENDS,
    EVALUATION_STATUS,
    FACES,
    FAMILIES,
    FLOW_REASONS,
    INTERVALS,
    MEASURE,
    MEASURE_STATUS,
    MEASURES,
    METRICS,
    MISSING_CATEGORIES,
    MISSING_REASONS,
    NORMALITY_METHODS,
    NOTES,
    OUTCOMES,
    PLAUSIBILITY_FINDINGS,
    REASONS,
    RULE_SETS,
    RULES,
    SCAN,
    SCAN_ID_PATTERN,
    SCORE_OUTCOMES,
    SEGMENT_STATUS,
    STRUCTURE,
    USABLE_STATUS,
    VALUE_SETS,
)
from ctpop.contracts.measures import HISTOGRAMS, MEASURES_TABLE, SEGMENTS
from ctpop.contracts.missing import MISSING_SENSITIVITY, MISSINGNESS
from ctpop.contracts.plausibility import IMPLAUSIBLE, IMPLAUSIBLE_VALUES, PLAUSIBILITY
from ctpop.contracts.pooling import POOLED, POOLED_ROWS
from ctpop.contracts.published import AGREEMENTS, COMPARE_PUBLISHED, PUBLISHED, QUANTITIES
from ctpop.contracts.quality import REVIEW_CASES
from ctpop.contracts.repeats import RETEST, WITHIN_PATIENT
from ctpop.contracts.scores import SCORES, SITE_SHIFTS
from ctpop.contracts.statistics import ASSOCIATIONS, GROUPS, NORMALITY, POSTHOC, SENSITIVITY
from ctpop.contracts.tables import Table
from ctpop.contracts.truth import COMPARE_TRUTH, TRUTH
from ctpop.contracts.verdicts import ANALYSIS, ANALYSIS_SETS, EXTREMES, FAILURES, REVIEW, STRUCTURE_FLOW, VERDICTS

_CONTRACTS = {value.name: value for value in list(vars().values()) if isinstance(value, Table)}
TABLES = tuple(_CONTRACTS[table.name] for table in study_tables.TABLES if table.name in _CONTRACTS)
INPUTS = (REGISTRY, REVIEW, TRUTH)

__all__ = [
    "ADAPTATIONS",
    "ADJUSTED",
    "AGE_CURVES",
    "AGE_EFFECTS",
    "AGE_FORMS",
    "AGE_MODELS",
    "AGREEMENTS",
    "ANALYSES",
    "ANALYSIS",
    "ANALYSIS_SETS",
    "ASSOCIATIONS",
    "ASSOCIATIONS_BY_SEX",
    "BODY_SIZE",
    "CENTILES",
    "CENTILES_SHOWN",
    "CENTILE_CALIBRATION",
    "CENTILE_MODELS",
    "CENTILE_MODELS_TABLE",
    "CENTILE_STATUS",
    "CENTILE_WORMS",
    "CHANGES",
    "CHANGE_POINTS",
    "CHANGE_POINT_CURVES",
    "CHOSEN",
    "COHORT",
    "COMPARE_PUBLISHED",
    "COMPARE_TRUTH",
    "COMPARISON",
    "COMPARISON_REASONS",
    "CONTRAST_CHECK",
    "CONTRAST_LOOKS",
    "CONVERSIONS",
    "COUNTERPARTS",
    "CRITERIA",
    "CURVE_TERMS",
    "DECIDING_TESTS",
    "DECISIONS",
    "DETECTABLE_EFFECTS",
    "EFFECT_SEXES",
    "ENDS",
    "EVALUATION_STATUS",
    "EXCLUSIONS",
    "EXTREMES",
    "FACES",
    "FAILURES",
    "FAMILIES",
    "FLOW",
    "FLOW_REASONS",
    "GROUPS",
    "GROUP_MEMBERS",
    "GROUP_VALUES",
    "HISTOGRAMS",
    "IMPLAUSIBLE",
    "IMPLAUSIBLE_VALUES",
    "INPUTS",
    "INTERVALS",
    "MEASURE",
    "MEASURES",
    "MEASURES_TABLE",
    "MEASURE_STATUS",
    "METRICS",
    "MISSINGNESS",
    "MISSING_CATEGORIES",
    "MISSING_REASONS",
    "MISSING_SENSITIVITY",
    "NORMALITY",
    "NORMALITY_METHODS",
    "NOTES",
    "OUTCOMES",
    "OVERLAP",
    "PLAUSIBILITY",
    "PLAUSIBILITY_FINDINGS",
    "POOLED",
    "POOLED_ROWS",
    "POSTHOC",
    "PUBLISHED",
    "QUANTITIES",
    "RANK_ANCOVA",
    "REASONS",
    "REGISTRY",
    "REGISTRY_COLUMNS",
    "RETEST",
    "REVIEW",
    "REVIEW_CASES",
    "RULES",
    "RULE_SETS",
    "SCAN",
    "SCAN_ID_PATTERN",
    "SCORES",
    "SCORE_OUTCOMES",
    "SEGMENTS",
    "SEGMENT_STATUS",
    "SENSITIVITY",
    "SEX_DIFFERENCES",
    "SITE_SHIFTS",
    "STRUCTURE",
    "STRUCTURE_FLOW",
    "TABLE1",
    "TABLES",
    "TRUTH",
    "USABLE_STATUS",
    "VALUE_SETS",
    "VERDICTS",
    "WITHIN_PATIENT",
    "Z_SCORES",
]

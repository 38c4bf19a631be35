"""The tables of a study in the order in which they are written.

The tables are the interface between the stages and to scripts of users; `docs/data.md` is generated from them. Other
modules import tables and lists of codes from this module. The modules of `contracts/` declare the tables of each stage.
"""

from ctpop.contracts import study_tables
from ctpop.contracts.adjustment import ADJUSTED, AGE_CURVES, ASSOCIATIONS_BY_SEX, RANK_ANCOVA
from ctpop.contracts.centiles import CENTILE_CALIBRATION, CENTILES, CENTILES_SHOWN, Z_SCORES
from ctpop.contracts.cohort import COHORT, EXCLUSIONS, FLOW, OVERLAP, REGISTRY, REGISTRY_COLUMNS
from ctpop.contracts.description import CONTRAST_CHECK, CONTRAST_LOOKS, TABLE1
from ctpop.contracts.dicom import CONVERSIONS
from ctpop.contracts.ground_truth import COMPARE_TRUTH, TRUTH
from ctpop.contracts.grouping import GROUP_MEMBERS, GROUP_VALUES
from ctpop.contracts.keys import (
    ANALYSES,
    CENTILE_MODELS,
    CHOSEN,
    CRITERIA,
    CURVE_TERMS,
    DECIDING_TESTS,
    DECISIONS,
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
    NORMALITY_METHODS,
    NOTES,
    OUTCOMES,
    PLAUSIBILITY_FINDINGS,
    REASONS,
    RULE_SETS,
    RULES,
    SCAN,
    SCAN_ID_PATTERN,
    SEGMENT_STATUS,
    STRUCTURE,
    USABLE_STATUS,
    VALUE_SETS,
)
from ctpop.contracts.measures import HISTOGRAMS, MEASURES_TABLE, SEGMENTS
from ctpop.contracts.plausibility import IMPLAUSIBLE, IMPLAUSIBLE_VALUES, PLAUSIBILITY
from ctpop.contracts.published import AGREEMENTS, COMPARE_PUBLISHED, COMPARISON, COUNTERPARTS, PUBLISHED, QUANTITIES
from ctpop.contracts.quality import REVIEW_CASES
from ctpop.contracts.statistics import ASSOCIATIONS, GROUPS, NORMALITY, POSTHOC, SENSITIVITY
from ctpop.contracts.tables import Table
from ctpop.contracts.verdicts import ANALYSIS, ANALYSIS_SETS, EXTREMES, FAILURES, REVIEW, STRUCTURE_FLOW, VERDICTS

_CONTRACTS = {value.name: value for value in list(vars().values()) if isinstance(value, Table)}
TABLES = tuple(_CONTRACTS[table.name] for table in study_tables.TABLES if table.name in _CONTRACTS)
INPUTS = (REGISTRY, REVIEW, TRUTH)

__all__ = [
    "ADJUSTED",
    "AGE_CURVES",
    "AGREEMENTS",
    "ANALYSES",
    "ANALYSIS",
    "ANALYSIS_SETS",
    "ASSOCIATIONS",
    "ASSOCIATIONS_BY_SEX",
    "CENTILES",
    "CENTILES_SHOWN",
    "CENTILE_CALIBRATION",
    "CENTILE_MODELS",
    "CHOSEN",
    "COHORT",
    "COMPARE_PUBLISHED",
    "COMPARE_TRUTH",
    "COMPARISON",
    "CONTRAST_CHECK",
    "CONTRAST_LOOKS",
    "CONVERSIONS",
    "COUNTERPARTS",
    "CRITERIA",
    "CURVE_TERMS",
    "DECIDING_TESTS",
    "DECISIONS",
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
    "NORMALITY",
    "NORMALITY_METHODS",
    "NOTES",
    "OUTCOMES",
    "OVERLAP",
    "PLAUSIBILITY",
    "PLAUSIBILITY_FINDINGS",
    "POSTHOC",
    "PUBLISHED",
    "QUANTITIES",
    "RANK_ANCOVA",
    "REASONS",
    "REGISTRY",
    "REGISTRY_COLUMNS",
    "REVIEW",
    "REVIEW_CASES",
    "RULES",
    "RULE_SETS",
    "SCAN",
    "SCAN_ID_PATTERN",
    "SEGMENTS",
    "SEGMENT_STATUS",
    "SENSITIVITY",
    "STRUCTURE",
    "STRUCTURE_FLOW",
    "TABLE1",
    "TABLES",
    "TRUTH",
    "USABLE_STATUS",
    "VALUE_SETS",
    "VERDICTS",
    "Z_SCORES",
]

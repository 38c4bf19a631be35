"""The tables of a study, in the order in which they come to exist.

They are the contract between the stages and with the scripts of users; `docs/data.md` is generated from them. What each
table promises stands in `contracts/`, stage by stage; who needs a table or a list of codes takes it from here.
"""

from ctpop.contracts.cohort import COHORT, EXCLUSIONS, FLOW, REGISTRY, REGISTRY_COLUMNS
from ctpop.contracts.grouping import GROUP_MEMBERS, GROUP_VALUES
from ctpop.contracts.keys import (
    CHOSEN,
    CRITERIA,
    DECISIONS,
    EVALUATION_STATUS,
    FACES,
    FAMILIES,
    LOSSES,
    MEASURE,
    MEASURE_STATUS,
    MEASURES,
    METRICS,
    NORMALITY_METHODS,
    REASONS,
    RULE_SETS,
    RULES,
    SCAN,
    SCAN_ID_PATTERN,
    SEGMENT_STATUS,
    STRUCTURE,
    USABLE_STATUS,
)
from ctpop.contracts.measures import HISTOGRAMS, MEASURES_TABLE, SEGMENTS
from ctpop.contracts.quality import QC
from ctpop.contracts.statistics import (
    ASSOCIATIONS,
    COMPARE_TRUTH,
    GROUPS,
    NORMALITY,
    POSTHOC,
    SENSITIVITY,
    TRUTH,
)
from ctpop.contracts.verdicts import ANALYSIS, ANALYSIS_SETS, FAILURES, REVIEW, STRUCTURE_FLOW, VERDICTS

TABLES = (
    COHORT,
    EXCLUSIONS,
    FLOW,
    SEGMENTS,
    MEASURES_TABLE,
    VERDICTS,
    QC,
    GROUP_MEMBERS,
    GROUP_VALUES,
    ANALYSIS,
    FAILURES,
    STRUCTURE_FLOW,
    NORMALITY,
    ASSOCIATIONS,
    GROUPS,
    POSTHOC,
    SENSITIVITY,
    COMPARE_TRUTH,
)
INPUTS = (REGISTRY, REVIEW, TRUTH)

__all__ = [
    "ANALYSIS",
    "ANALYSIS_SETS",
    "ASSOCIATIONS",
    "CHOSEN",
    "COHORT",
    "COMPARE_TRUTH",
    "CRITERIA",
    "DECISIONS",
    "EVALUATION_STATUS",
    "EXCLUSIONS",
    "FACES",
    "FAILURES",
    "FAMILIES",
    "FLOW",
    "GROUPS",
    "GROUP_MEMBERS",
    "GROUP_VALUES",
    "HISTOGRAMS",
    "INPUTS",
    "LOSSES",
    "MEASURE",
    "MEASURES",
    "MEASURES_TABLE",
    "MEASURE_STATUS",
    "METRICS",
    "NORMALITY",
    "NORMALITY_METHODS",
    "POSTHOC",
    "QC",
    "REASONS",
    "REGISTRY",
    "REGISTRY_COLUMNS",
    "REVIEW",
    "RULES",
    "RULE_SETS",
    "SCAN",
    "SCAN_ID_PATTERN",
    "SEGMENTS",
    "SEGMENT_STATUS",
    "SENSITIVITY",
    "STRUCTURE",
    "STRUCTURE_FLOW",
    "TABLES",
    "TRUTH",
    "USABLE_STATUS",
    "VERDICTS",
]

"""Columns that identify the rows of most tables, and the closed lists of codes."""

from ctpop.contracts import codes
from ctpop.contracts.columns import count, text
from ctpop.contracts.reasons import Reason, SegmentStatus

SCAN_ID_PATTERN = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
MEASURES = tuple(codes.MEASURES)
CRITERIA = tuple(codes.CRITERIA)
SEGMENT_STATUS = tuple(codes.SEGMENT_STATUS)
USABLE_STATUS = tuple(status.name for status in SegmentStatus if status.usable)
MEASURE_STATUS = tuple(codes.MEASURE_STATUS)
EVALUATION_STATUS = tuple(codes.EVALUATION_STATUS)
METRICS = tuple(codes.METRICS)
REASONS = tuple(codes.REASONS)
RULES = tuple(reason.name for reason in Reason if reason.rule)
FLOW_REASONS = tuple(codes.FLOW_REASONS)
MISSING_REASONS = tuple(codes.MISSING_REASONS)
MISSING_CATEGORIES = tuple(codes.MISSING_CATEGORIES)
DECISIONS = tuple(codes.DECISIONS)
CHOSEN = tuple(codes.CHOSEN)
ENDS = tuple(codes.ENDS)
PLAUSIBILITY_FINDINGS = tuple(codes.PLAUSIBILITY_FINDINGS)
RULE_SETS = tuple(codes.RULE_SETS)
VALUE_SETS = (*RULE_SETS, "eroded")
FACES = tuple(codes.FACES)
FAMILIES = tuple(codes.FAMILIES)
NORMALITY_METHODS = tuple(codes.NORMALITY_METHODS)
INTERVALS = tuple(codes.INTERVALS)
DECIDING_TESTS = tuple(codes.DECIDING_TESTS)
NOTES = tuple(codes.NOTES)
ANALYSES = tuple(codes.ANALYSES)
OUTCOMES = tuple(codes.OUTCOMES)
CHANGES = tuple(codes.CHANGES)
CURVE_TERMS = tuple(codes.CURVE_TERMS)
CENTILE_MODELS = tuple(codes.CENTILE_MODELS)
AGE_FORMS = tuple(codes.AGE_FORMS)
EFFECT_SEXES = tuple(codes.EFFECT_SEXES)
CENTILE_STATUS = tuple(codes.CENTILE_STATUS)
SCORE_OUTCOMES = tuple(codes.SCORE_OUTCOMES)
ADAPTATIONS = tuple(codes.ADAPTATIONS)

SCAN = text("pseudonymous identifier of the scan", pattern=SCAN_ID_PATTERN)
STRUCTURE = text("structure, as named in the label set of the study")
ANALYZED = text("structure of the label set, or group of structures (table `group_members`)")
# ASSUME: scans without patient_id are scans of different patients
PATIENTS = count("number of patients among the `n` scans. Each scan without `patient_id` counts as a separate patient")
FAMILY = text(
    "family of tests for the adjustment of P values: individual structures or groups of structures", among=FAMILIES
)
MEASURE = text("measured variable: volume (mL) or mean attenuation (HU)", among=MEASURES)
LOG10_P_RHO0 = "base-10 logarithm of the P value for a rho of 0, which agrees with the confidence interval"
P_RHO0 = "two-sided P value for a rho of 0, which agrees with the confidence interval"
LOG10_P_INDEPENDENCE = "base-10 logarithm of the P value for independence of value and age"
P_INDEPENDENCE = "two-sided P value for independence of value and age, the test of the original study"
FEW = "too few usable values, or all values are equal"
NO_INTERVAL = "too few usable values or patients, all values are equal, or rho is exactly -1 or 1"
REPEATED = "too few usable values, all values are equal, or patients have several scans, so that the test is not valid"
NO_DECISION = "too few usable values or patients, or all values are equal"
NO_NOTE = "there is no result or no restriction"

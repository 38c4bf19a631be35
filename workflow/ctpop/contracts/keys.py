"""What identifies the rows of most tables, and the closed lists of codes."""

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
DECISIONS = tuple(codes.DECISIONS)
CHOSEN = tuple(codes.CHOSEN)
ENDS = tuple(codes.ENDS)
PLAUSIBILITY_FINDINGS = tuple(codes.PLAUSIBILITY_FINDINGS)
RULE_SETS = tuple(codes.RULE_SETS)
FACES = tuple(codes.FACES)
FAMILIES = tuple(codes.FAMILIES)
NORMALITY_METHODS = tuple(codes.NORMALITY_METHODS)
INTERVALS = tuple(codes.INTERVALS)
OUTCOMES = tuple(codes.OUTCOMES)
CURVE_TERMS = tuple(codes.CURVE_TERMS)
CENTILE_MODELS = tuple(codes.CENTILE_MODELS)

SCAN = text("pseudonymous identifier of the scan", pattern=SCAN_ID_PATTERN)
STRUCTURE = text("anatomical structure, a name out of the study's label set")
ANALYSED = text("structure of the study's label set, or group of structures (table group_members)")
# ASSUME: scans without patient_id are of different patients
PATIENTS = count("different patients among the n scans; a scan without patient_id counts as a patient of its own")
FAMILY = text("rows that P is adjusted over: those of single structures, or those of groups", among=FAMILIES)
MEASURE = text("what was measured: volume (ml) or mean attenuation (HU)", among=MEASURES)
FEW = "too few usable values, or all of them equal"
NO_INTERVAL = f"{FEW}, or rho is exactly -1 or 1"

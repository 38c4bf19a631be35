"""The lists of codes in the order of the data dictionary: title, the columns that use them, and the codes."""

from ctpop.contracts import codes, dicom_codes

CODE_LISTS = (
    ("Measured variables", "column `measure` of all tables", codes.MEASURES),
    (
        "Criteria",
        "short names for the setting `cohort.criteria`; other criteria have user-defined names",
        codes.CRITERIA,
    ),
    ("Scan status", "column `status` of `segments`", codes.SEGMENT_STATUS),
    ("Measurement status", "column `status` of `measures`", codes.MEASURE_STATUS),
    ("Verdict reasons", "columns `reason` and `rule_reason` of `verdicts`", codes.REASONS),
    ("Exclusion reasons", "column `reason` of `structure_flow`", codes.FLOW_REASONS),
    ("QC decisions", "column `decision` of `review`", codes.DECISIONS),
    ("Gallery cases", "column `chosen` of `review_cases`", codes.CHOSEN),
    ("Ends of the distribution", "column `end` of `extremes`", codes.ENDS),
    ("Plausibility findings", "column `finding` of `plausibility`", codes.PLAUSIBILITY_FINDINGS),
    ("Rule sets", "column `rules` of `analysis_sets`", codes.RULE_SETS),
    ("Sensitivity analyses", "column `analysis` of `sensitivity`", codes.ANALYSES),
    (
        "Deciding tests",
        "column `test` of `associations`, `associations_by_sex`, `groups`, and `posthoc`: the test whose P value is"
        " adjusted and determines `significant`",
        codes.DECIDING_TESTS,
    ),
    ("Notes", "column `note` of `associations`, `associations_by_sex`, `groups`, and `posthoc`", codes.NOTES),
    ("Test families", "column `family` of the tables of statistics", codes.FAMILIES),
    ("Image faces", "column `faces` of `measures`", codes.FACES),
    ("Evaluation status", "column `status` of `evaluation`", codes.EVALUATION_STATUS),
    ("Metrics", "column `metric` of `evaluation_comparison`", codes.METRICS),
    ("Published quantities", "column `quantity` of `published_results`", codes.QUANTITIES),
    ("Agreement with published results", "column `verdict` of `compare_published`", codes.AGREEMENTS),
    ("Counterparts", "column `counterpart` of `comparison`", codes.COUNTERPARTS),
    (
        "Outcomes of statistics",
        "column `reason` of the tables of adjusted statistics, sensitivity analyses, and centiles",
        codes.OUTCOMES,
    ),
    (
        "Hypotheses about age curves",
        "column `term` of `age_curves`; a small P value is evidence against the hypothesis",
        codes.CURVE_TERMS,
    ),
    ("Centile models", "column `model` of `centiles` and `centile_calibration`", codes.CENTILE_MODELS),
    ("Contrast findings", "column `looks` of `contrast_check`", codes.CONTRAST_LOOKS),
    ("Conversion status", "column `status` of `conversions`", dicom_codes.CONVERSION_STATUS),
    ("Converter warnings", "column `warnings` of `conversions`", dicom_codes.WARNINGS),
    ("File status", "column `status` of `dicom_files`", dicom_codes.FILE_STATUS),
    (
        "Series exclusion reasons",
        "column `reason` of `dicom_excluded`; setting `dicom.exclude`",
        dicom_codes.SERIES_REASONS,
    ),
    ("Completeness reasons", "column `complete_header_reason` of `dicom_registry`", dicom_codes.COMPLETE_REASONS),
    ("Contrast reasons", "column `contrast_header_reason` of `dicom_registry`", dicom_codes.CONTRAST_REASONS),
    ("Age reasons", "column `age_reason` of `dicom_registry`", dicom_codes.AGE_REASONS),
    ("Patient identifier reasons", "column `patient_reason` of `dicom_registry`", dicom_codes.PATIENT_REASONS),
    ("Series identification", "column `series_source` of `dicom_registry`", dicom_codes.SERIES_SOURCES),
    ("Normality tests", "column `method` of `normality`; setting `aging.normality`", codes.NORMALITY_METHODS),
    ("Confidence intervals", "column `interval` of `associations`; setting `aging.interval`", codes.INTERVALS),
)

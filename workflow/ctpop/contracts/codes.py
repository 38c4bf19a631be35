"""The closed lists of codes in tables and their meanings; `docs/data.md` prints them.

Codes that also have labels or colors are declared in `reasons`.
"""

from ctpop.contracts import reasons

MEASURES = {
    "volume_ml": "volume of the structure (mL)",
    "hu_mean": "mean attenuation of the structure (HU)",
}
CRITERIA = {
    "age_known": "the registry contains the age of the patient at the time of the scan",
    "complete": "the images are recorded as complete",
    "contrast_enhanced": "the administration of a contrast agent is recorded",
}
SEGMENT_STATUS = {status.name: status.meaning for status in reasons.SegmentStatus}
_failed = {status.name: status.meaning for status in reasons.FAILED}
MEASURE_STATUS = {**{status.name: status.meaning for status in reasons.MeasureStatus}, **_failed}
EVALUATION_STATUS = {
    "compared": "both the reference and the prediction contain the structure",
    "only_in_reference": "only the reference contains the structure; the Dice score and the NSD are 0",
    "only_in_prediction": "only the prediction contains the structure; the Dice score and the NSD are 0",
    "absent": "neither the reference nor the prediction contains the structure; the Dice score and the NSD are missing",
    "not_in_reference": "the reference is a folder of masks that contains no mask of the structure",
    "not_in_model": "the model, or the folder of masks of the prediction, does not include the structure",
    **_failed,
}
METRICS = {
    "dice": "Dice score (Dice similarity coefficient): twice the number of shared voxels, divided by the total number"
    " of voxels in both masks",
    "nsd": "normalized surface distance: proportion of both surfaces that is within `evaluate.tolerance_mm` of the"
    " other surface",
}
REASONS = {reason.name: reason.meaning for reason in reasons.VERDICT_REASONS}
FLOW_REASONS = {reason.name: reason.meaning for reason in reasons.EXCLUSION_REASONS}
DECISIONS = {
    "keep": "the measured values are used, regardless of the rules",
    "exclude": "neither the volume nor the attenuation is used, regardless of the rules",
    "absent": "the patient does not have the structure; its absence does not count as a failure",
}
CHOSEN = {
    "flagged": "a rule applies to the structure",
    "extreme": "no rule applies; the value is among the smallest or largest of the structure (table `extremes`)",
    "sample": "no rule applies; the case was drawn at random (`review.sample_share`)",
}
ENDS = {
    "smallest": "one of the smallest values; rank 1 is the smallest",
    "largest": "one of the largest values; rank 1 is the largest",
}
PLAUSIBILITY_FINDINGS = {
    "plausible": "the proportion of values beyond the limits is below the thresholds",
    "volume": "the proportion of volumes above the upper limit is at least `screen.implausible_share`, or more than"
    " half of the volumes are below the lower limit",
    "attenuation": "the proportion of mean attenuation values beyond the limits is at least"
    " `screen.implausible_share`, or more than half of the values are below the lower limit",
    "both": "the conditions of `volume` and of `attenuation` are met",
    "not_assessable": "no value can be compared with a limit",
}
RULE_SETS = {
    "none": "built-in rule set without rules: all measured values",
    "paper": "built-in rule set that corresponds to the original study: lower bounds only",
    "strict": "built-in rule set with all rules",
    "study": "rule set of this study (`screen.rules`) with the QC decisions (`screen.review`)",
}
FAMILIES = {
    "structures": "individual structures, as in the original study",
    "groups": "groups of structures, which are not included in the adjustment of individual structures",
}
FACES = {
    "left": "face of the image on the left side of the patient",
    "right": "face of the image on the right side of the patient",
    "posterior": "face of the image toward the back of the patient",
    "anterior": "face of the image toward the front of the patient",
    "inferior": "face of the image toward the feet of the patient",
    "superior": "face of the image toward the head of the patient",
}
NORMALITY_METHODS = {
    "lilliefors": "the mean and SD are estimated from the values, and the P value accounts for the estimation",
    "ks_fitted": "the mean and SD are estimated from the values, and the P value does not account for the estimation;"
    " the test rejects normality too rarely",
    "ks_standard": "the values are compared with the standard normal distribution without standardization; the test"
    " always rejects normality of volumes (mL) and attenuation values (HU)",
}
INTERVALS = {
    "influence": "Fisher z interval with a standard error based on the influence of each patient on rho; valid for data"
    " with any distribution",
    "bonett_wright": "Fisher z interval with a standard error based on rho and n; too narrow if the spread changes with"
    " age",
    "bootstrap": "percentile interval from bootstrap samples of patients; valid for data with any distribution, but"
    " with a long computing time",
}
QUANTITIES = {
    "rho": "Spearman rank correlation of a structure with age",
    "registry": "number of scans in the registry",
    "removed_age_known": "number of scans excluded by the criterion `age_known`",
    "removed_complete": "number of scans excluded by the criterion `complete`",
    "removed_contrast_enhanced": "number of scans excluded by the criterion `contrast_enhanced`",
    "cohort": "number of scans in the cohort",
    "men": "number of men among the patients with recorded sex",
    "women": "number of women among the patients with recorded sex",
    "age_min": "lowest age (years)",
    "age_max": "highest age (years)",
    "structures": "number of structures in the label set",
    "alpha": "significance level of each test",
    "age_groups": "number of age groups that are compared",
    "none": "the original study reports no number",
}
AGREEMENTS = {
    "consistent": "the absolute value of z is at most the normal quantile for `aging.confidence`; numbers without"
    " sampling error are identical",
    "differs": "the absolute value of z exceeds this quantile; numbers without sampling error are different",
    "not_reported": "the original study reports no number, or no number for this structure",
    "not_measured_here": "this study does not provide the number: the label set differs, too few values are usable, or"
    " the criterion is not applied",
}
COUNTERPARTS = {
    "same": "both studies contain the structure or group with the same definition",
    "only_in_a": "only study A contains the structure or group",
    "only_in_b": "only study B contains the structure or group",
    "other_extent": "the structure has the same name but a larger extent in one label set (sacrum of v1 and v2)",
    "other_members": "the group has different members in the two label sets",
}
OUTCOMES = {
    "ok": "a result was obtained",
    "too_few": "the number of values minus the number of fitted covariate columns is below `aging.n_min`; for centiles,"
    " the number of patients is below `aging.centiles_n_min`",
    "all_equal": "all values or all ages are equal",
    "no_covariate": "the registry contains no covariate, or no covariate varies and is recorded in enough patients",
    "constant_covariate": "all covariates are constant in these patients, and no adjustment is possible",
    "explained": "the covariates fully explain the ages or the values, and no residual variation remains",
    "perfect_order": "the values are in perfect monotonic order of age; the confidence interval and the P value are"
    " undefined",
    "one_sex": "the sex of these patients is missing, is not adjusted for, or is the same in all patients",
    "few_ages": "the number of different ages is too small to fit a curve",
    "not_positive": "a volume is 0, which the model of volumes does not allow",
    "not_converged": "the model fit did not converge",
    "too_few_values": "fewer than 20 different values, too few for a continuous distribution",
    "deterministic": "the values are a function of age without variation between patients",
    "at_limit": "in each model that converged, the spread, skewness, or tail parameter is at a limit of its range",
}
CURVE_TERMS = {
    "age": "the value does not depend on age in either sex",
    "nonlinear": "the value depends linearly on age in each sex",
    "interaction": "the difference between the sexes is the same at all ages",
}
CENTILE_MODELS = {
    "bccg": "Box-Cox Cole-Green distribution (LMS method), for volumes",
    "bccg_skew": "Box-Cox Cole-Green distribution whose skewness parameter is linear in age, for volumes",
    "bct": "Box-Cox t distribution, for volumes with heavy tails",
    "normal": "normal distribution, for attenuation",
    "shash": "sinh-arcsinh distribution, for attenuation",
    "shash_skew": "sinh-arcsinh distribution whose skewness parameter is linear in age, for attenuation",
}
CENTILE_STATUS = {
    "ok": "the fit converged, and no parameter is at a limit of its range",
    "at_limit": "the fit converged, but the spread, skewness, or tail parameter is at a limit of its range",
    "not_converged": "the fit did not converge",
    "few_patients": "a skewness parameter that depends on age requires at least 500 patients of a sex",
    "no_tail": "more than 1% of the values are outliers, and only models with a tail parameter are fitted",
    "not_fitted": "no model was fitted (see `reason`)",
}
SCORE_OUTCOMES = {
    "ok": "a z score was computed",
    "no_curves": "the models contain no curves for this structure, measure, and sex",
    "no_age": "the age of the scan is not recorded",
    "no_sex": "the sex of the patient is not recorded",
    "not_positive": "the volume is 0, which the model of volumes does not allow",
}
ADAPTATIONS = {
    "none": "the z scores are not adapted to the site",
    "offset": "the mean z score of the reference patients is subtracted",
    "offset_and_scale": "the mean z score of the reference patients is subtracted, and the difference is divided by the"
    " standard deviation of their z scores",
}
CONTRAST_LOOKS = {
    "enhanced": "the attenuation of the aorta, kidneys, or portal vein is at least `cohort.contrast_enhanced_from_hu`",
    "unenhanced": "all measured attenuation values, including that of the aorta, are below"
    " `cohort.contrast_unenhanced_below_hu`",
    "unclear": "no attenuation value reaches `cohort.contrast_enhanced_from_hu`, and either a value is not below"
    " `cohort.contrast_unenhanced_below_hu` or the aorta was not measured",
    "not_measured": "no attenuation of the aorta, kidneys, or portal vein is usable",
}
AGE_FORMS = {
    "spline": "natural cubic spline of age for each sex, or a straight line if the age range contains too few knots",
    "line": "straight line of age for each sex",
}
EFFECT_SEXES = {
    "female": "effect in women",
    "male": "effect in men",
    "standardized": "mean of the effects in women and in men, each with weight 1/2",
    "difference": "effect in men minus effect in women",
    "all": "effect in all patients of a model without sex",
}

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
MISSING_REASONS = {
    "used": "the value is used in the statistics",
    **FLOW_REASONS,
    "other_rule": "a rule after the first applicable reason excludes the value; the first applicable reason is only"
    " flagged or excludes only the other measure",
    "members_missing": "the group has no value because the value of at least one member is missing",
    "members_not_included": "the group has no value because a member is not included in the segmentation; no value of a"
    " member is missing",
    "members_absent": "the group has no value because a member is absent; no value of a member is missing",
}
MISSING_CATEGORIES = {
    "used": "the value is used in the statistics",
    "missing": "the structure was expected, but it has no usable value",
    "absent": "the structure has no voxel or is known to be absent, and no value is expected",
    "not_included": "the segmentation or table of the scan (`not_in_table`: of every scan) does not include the"
    " structure, or another scan with the same images is used instead",
}
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
    " the test rejects normality too rarely. The P value is exact; `ks.test` in R uses the asymptotic distribution for"
    " 100 or more values, so its P value is slightly larger",
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
DECIDING_TESTS = {
    "independence": "t test of rho for independence of value and age, with one scan per patient",
    "rho0": "test of a rho of 0 with the standard error by patient, because patients have several scans",
    "kruskal_wallis": "Kruskal-Wallis test, with one scan per patient",
    "rank_sum": "Wilcoxon rank-sum test, with one scan per patient",
    "score_by_patient": "score test with sums over the scans of each patient, because patients have several scans",
}
NOTES = {
    "few_patients": "patients have several scans, and fewer than 50 patients have a usable value; the confidence"
    " interval and the P value are approximate. An analysis of one scan per patient is preferable",
    "small_n": "fewer than 30 values; the confidence interval and the P value for a rho of 0 are approximate",
    "too_few_patients": "patients have several scans, and the test by patient is not defined, for example, because all"
    " values of an age quartile belong to one patient",
}
ANALYSES = {
    **RULE_SETS,
    "eroded": "mean attenuation without the surface layer of each structure (`hu_mean_eroded`), which contains voxels"
    " that the structure only partly fills; values that are usable under the rule set of this study",
    "one_scan_per_patient": "first scan of each patient with a usable value: by date if all scans of the patient"
    " have a complete date, otherwise by age, and then by position in the table",
    "patients_equally_weighted": "all scans, with weights of 1/(number of scans of the patient)",
    "uniform_age": "scans weighted to equal proportions of all decades of age, from the decade of the 2.5th to that of"
    " the 97.5th percentile of age in the cohort",
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
    "equivalent": "the interval of the difference at the level 2 x `aging.confidence` - 1 (90% for 0.95) is between the"
    " margins",
    "different": "the confidence interval of the difference is entirely outside the margins",
    "inconclusive": "neither equivalence nor a difference beyond the margins is shown",
    "not_comparable": "the ages of the patients or the definitions of the structure differ too much, or a result has"
    " no interval",
    "not_reported": "the original study reports no number, or no number for this structure",
    "not_measured_here": "this study does not provide the number: the label set differs, too few values are usable, or"
    " the criterion is not applied",
    "not_counted": "the number describes the registry, the patients, or the configuration; it is listed without an"
    " assessment",
}
COMPARISON_REASONS = {
    "ok": "a result was obtained",
    "not_counterpart": "the structure or group is not the same in the studies (column `counterpart` of `comparison`)",
    "no_model": "at least one study has no age curve with the same covariates",
    "sexes_differ": "the age curves of the studies have no sex in common",
    "short_overlap": "the age ranges of the studies (2.5th to 97.5th percentile) overlap by less than 10 years",
    "ages_differ": "the standard deviations of age differ by 10% or more, or the mean ages differ by 3 years or more",
    "no_interval": "at least one correlation is missing or has no confidence interval",
    "adjusted": "the row is for a model with covariates; the correlations are in the row without covariates",
    "no_values": "the tables of single scans are not available",
    "empty_age_range": "a study has no patient in a part of the common age range, or too few patients",
    "few_studies": "the number of studies is too small",
}
POOLED_ROWS = {
    "study": "effect of one study in the common age range",
    "pooled": "mean effect of all studies (random effects)",
    "difference": "effect of the second study minus effect of the first, if there are only two studies",
    "without": "mean effect of all studies except the named study (random effects)",
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
    "too_few": "the number of values (for adjusted results, of patients) minus the number of fitted covariate columns"
    " is below `aging.n_min`; for centiles, the number of patients is below `aging.centiles_n_min`; for effects in an"
    " age range, fewer than 25 patients of a sex (50 without sex) have an age in this range; for change points, the"
    " number of patients minus that of columns is below 50",
    "all_equal": "all values or all ages are equal",
    "no_covariate": "the registry contains no covariate, or no covariate varies and is recorded in enough patients",
    "constant_covariate": "all covariates are constant in these patients, or all of their categories are combined"
    " because each has fewer than `aging.category_n_min` patients; no adjustment is possible",
    "unsuitable_covariate": "the covariate was selected automatically, but contains dates or identifiers",
    "continuous_covariate": "a covariate contains numbers, but `aging.adjust` is `strata`; set `aging.adjust` to"
    " `model`, or list the covariate in `aging.categorical`",
    "too_many_levels": "a covariate has more categories than a tenth of the number of patients",
    "too_few_patients": "an age group contains scans of only one patient",
    "not_applicable": "the test compares values adjusted for covariates, and no covariate is available",
    "explained": "the covariates fully explain the ages or the values, and no residual variation remains",
    "perfect_order": "the values are in perfect monotonic order of age, or the estimate within strata is -1 or 1; the"
    " confidence interval and the P value are undefined",
    "one_sex": "the sex of these patients is missing, is not adjusted for, or is the same in all patients",
    "few_ages": "the number of different ages, or the range of ages, is too small to fit a curve",
    "ages_outside": "the age, or the age range, is not between the 2.5th and 97.5th percentiles of age",
    "no_height": "body height is not recorded",
    "few_repeats": "fewer than 50 patients have two scans at least half a year apart; for repeatability, fewer than 20"
    " patients have two scans within seven days",
    "narrow_ages": "the ages cover less than 25 years or fewer than three of the `aging.knots`, or the 10th and 90th"
    " percentiles of age differ by less than 10 years",
    "not_positive": "a volume is 0, which the model of volumes does not allow",
    "not_converged": "the model fit did not converge",
    "too_few_values": "fewer than 20 different values, too few for a continuous distribution",
    "deterministic": "the values are a function of age without variation between patients",
    "at_limit": "in each model that converged, the spread, skewness, or tail parameter is at a limit of its range",
    "none_missing": "no value is missing",
    "few_missing": "fewer than 10 values are missing, which is too few to estimate weights",
    "many_missing": "more than 30% of the values are missing, and bounds would be too wide",
    "separated": "in more than 1% of the scans, the estimated probability of having a value given age and sex is below"
    " 1%; the used values do not represent these scans",
    "empty_decade": "a decade of age in the target age distribution contains no usable value",
}
CHANGES = {
    "no_break": "no evidence of a change of slope: a straight line is not rejected, or fits better than two lines, or"
    " the best age is within 5 years of the lowest or highest candidate age",
    "smooth_curve": "a smooth curve fits better than two straight lines (BIC smaller by more than 2)",
    "break": "two straight lines fit better than a smooth curve (BIC smaller by more than 2)",
    "break_or_curve": "two straight lines and a smooth curve fit about equally well (BIC differs by at most 2)",
}
CURVE_TERMS = {
    "age": "the value does not depend on age in either sex",
    "nonlinear": "the value depends linearly on age in each sex",
    "nonlinear_female": "the value depends linearly on age in women",
    "nonlinear_male": "the value depends linearly on age in men",
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
    "spline": "natural cubic spline of age for each sex, or a straight line if the age range contains too few knots, or"
    " a sex has too few patients",
    "line": "straight line of age for each sex",
}
EFFECT_SEXES = {
    "female": "effect in female patients",
    "male": "effect in male patients",
    "standardized": "mean of the effects in women and in men, each with weight 1/2",
    "difference": "effect in men minus effect in women",
    "all": "effect in all patients of a model without sex",
}

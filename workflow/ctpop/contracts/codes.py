"""The closed lists of codes that tables use, each with its meaning; `docs/data.md` prints them.

Codes that also have labels or colours are declared in `reasons`.
"""

from ctpop.contracts import reasons

MEASURES = {
    "volume_ml": "volume of the structure (ml)",
    "hu_mean": "mean attenuation of the structure (HU)",
}
CRITERIA = {
    "age_known": "the registry gives the age of the patient at the scan",
    "complete": "the registry says that the images are complete",
    "contrast_enhanced": "the registry says that a contrast agent was given",
}
SEGMENT_STATUS = {status.name: status.meaning for status in reasons.SegmentStatus}
_failed = {status.name: status.meaning for status in reasons.FAILED}
MEASURE_STATUS = {**{status.name: status.meaning for status in reasons.MeasureStatus}, **_failed}
EVALUATION_STATUS = {
    "compared": "reference and prediction have the structure",
    "only_in_reference": "the prediction misses the structure: Dice and NSD are 0",
    "only_in_prediction": "the reference has no voxel of the structure: Dice and NSD are 0",
    "absent": "neither has a voxel of the structure: Dice and NSD have no value",
    "not_in_reference": "the reference, a folder of masks, has no mask of the structure",
    "not_in_model": "the prediction comes from a model, or a folder of masks, that does not know the structure",
    **_failed,
}
METRICS = {
    "dice": "Dice similarity coefficient: twice the shared voxels over the sum of both",
    "nsd": "normalized surface distance: share of both surfaces that lies within evaluate.tolerance_mm of the other",
}
REASONS = {reason.name: reason.meaning for reason in reasons.VERDICT_REASONS}
FLOW_REASONS = {reason.name: reason.meaning for reason in reasons.EXCLUSION_REASONS}
DECISIONS = {
    "keep": "use what was measured, whatever the rules say",
    "exclude": "use neither volume nor attenuation, whatever the rules say",
    "absent": "the patient does not have the structure: its absence is no failure",
}
CHOSEN = {
    "flagged": "the rules hold something against it",
    "extreme": "nothing speaks against it; among the smallest or largest values of its structure (table extremes)",
    "sample": "nothing speaks against it; drawn at random (review.sample_share)",
}
ENDS = {
    "smallest": "one of the smallest values, counted from the smallest",
    "largest": "one of the largest values, counted from the largest",
}
PLAUSIBILITY_FINDINGS = {
    "plausible": "few values are beyond the limits",
    "volume": "screen.implausible_share of the volumes, or more, are too large, or more than half of them too small",
    "attenuation": "screen.implausible_share of the mean attenuations, or more, are beyond the limits",
    "both": "volumes and mean attenuations",
    "not_assessable": "no value can be compared with a limit",
}
RULE_SETS = {
    "none": "shipped rule set: every value that was measured",
    "paper": "shipped rule set: lower bounds only, as in the paper",
    "strict": "shipped rule set: every rule there is",
    "study": "the study's own: screen.rules and the decisions of screen.review",
}
FAMILIES = {
    "structures": "single structures, as in the paper",
    "groups": "groups of structures: they repeat what their members show, and cost these nothing",
}
FACES = {
    "left": "the image ends towards the left of the patient",
    "right": "the image ends towards the right",
    "posterior": "the image ends towards the back",
    "anterior": "the image ends towards the front",
    "inferior": "the image ends towards the feet",
    "superior": "the image ends towards the head",
}
NORMALITY_METHODS = {
    "lilliefors": "mean and sd come from the values, and P accounts for that",
    "ks_fitted": "mean and sd come from the values, and P ignores that: too rarely significant",
    "ks_standard": "against the standard normal distribution, without any fit: always significant for ml and HU",
}
INTERVALS = {
    "influence": "Fisher's z, with a standard error from the influence of each patient on rho: any shape of data",
    "bonett_wright": "Fisher's z, with a standard error from rho and n: too narrow where spread changes with age",
    "bootstrap": "percentiles of rho in draws of patients with replacement: any shape of data, at a cost",
}
QUANTITIES = {
    "rho": "Spearman correlation of a structure with age",
    "registry": "scans in the registry",
    "removed_age_known": "scans that criterion age_known removes",
    "removed_complete": "scans that criterion complete removes",
    "removed_contrast_enhanced": "scans that criterion contrast_enhanced removes",
    "cohort": "scans in the study",
    "men": "men among those whose sex is recorded",
    "women": "women among those whose sex is recorded",
    "age_min": "lowest age (years)",
    "age_max": "highest age (years)",
    "structures": "structures of the label set",
    "alpha": "level of significance of a single test",
    "age_groups": "age groups that are compared",
    "none": "the paper prints no number",
}
AGREEMENTS = {
    "consistent": "z is within the quantile of aging.confidence; a number without sampling error is the same",
    "differs": "z is beyond that quantile; a number without sampling error is another one",
    "not_reported": "the paper prints no number, or none for this structure",
    "not_measured_here": "this study does not have the number: another label set, too few values, no such criterion",
}
COUNTERPARTS = {
    "same": "both studies have it, and it means the same",
    "only_in_a": "only the first study has it",
    "only_in_b": "only the second study has it",
    "other_extent": "a structure of the same name that one label set draws larger: sacrum of v1 and v2",
    "other_members": "a group of which the two label sets do not have the same members",
}
OUTCOMES = {
    "ok": "there is a result",
    "too_few": "fewer patients than aging.n_min (centiles: aging.centiles_n_min), fitted covariates deducted",
    "all_equal": "all values are equal, or all ages",
    "no_covariate": "the registry has no covariate to adjust for, or none that varies and is known often enough",
    "constant_covariate": "all these patients have the same covariates, so that there is nothing to adjust for",
    "explained": "covariates explain the ages or the values wholly, and nothing is left to test",
    "perfect_order": "age and value rise together without an exception: neither interval nor P is defined",
    "one_sex": "the sexes of these patients are not known, or not adjusted for, or the same",
    "few_ages": "too few different ages for a curve",
    "not_positive": "a volume is 0, which the model of volumes does not allow",
    "not_converged": "the model could not be fitted",
}
CURVE_TERMS = {
    "age": "the value does not depend on age, in either sex",
    "nonlinear": "the value depends on age along a straight line, in each sex",
    "interaction": "the distance between the sexes is the same at all ages",
}
CENTILE_MODELS = {
    "bccg": "Box-Cox Cole and Green (LMS), for volumes",
    "shash": "sinh-arcsinh, for attenuation",
}
CONTRAST_LOOKS = {
    "enhanced": "aorta, kidneys or portal vein have at least cohort.contrast_enhanced_from_hu",
    "unenhanced": "all of them that were measured are below cohort.contrast_unenhanced_below_hu, the aorta among them",
    "unclear": "they lie between the two limits, or the aorta is not measured and nothing else is enhanced",
    "not_measured": "none of the three can be used",
}

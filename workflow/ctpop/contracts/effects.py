"""Tables of effects per decade of age, of their models, of differences between the sexes, and of body size."""

from ctpop.contracts.columns import OLDEST_YEARS, count, number, p_value, text
from ctpop.contracts.keys import AGE_FORMS, ANALYZED, EFFECT_SEXES, FAMILY, MEASURE, OUTCOMES, PATIENTS
from ctpop.contracts.tables import Table

NO_EFFECT = "no effect was estimated (see `reason`)"
ADJUSTED_FOR = text(
    'covariates in the model in addition to age and sex, joined by " + ", or `none` if there are no such covariates.'
    " Categories with fewer than `aging.category_n_min` patients are combined"
)
FORM = text("form of the relation with age", among=AGE_FORMS)
SEXES_WITH_EFFECT = text("sex to which the effect applies", among=EFFECT_SEXES)
UNIT = text("unit of the effect: HU per decade of age, or percent per decade of age (volume)")
LEFT_OUT = count(
    "number of usable values that are not in the model, because the sex or a covariate is missing, a sex has too few"
    " patients, or the value is the only one in a category of a covariate"
)
PATIENTS_LEFT_OUT = count("number of patients among the `n_left_out` scans", "patients")
BONFERRONI = p_value("P value multiplied by the number of tests of the family, at most 1", NO_EFFECT)
BENJAMINI_HOCHBERG = p_value("P value adjusted with the Benjamini-Hochberg method (false discovery rate)", NO_EFFECT)
ONE_SCAN = "no patient has several scans with a value, or no effect was estimated"
REASON = text("`ok`, or the reason for a missing result", among=OUTCOMES)

AGE_EFFECTS = Table(
    "age_effects",
    ("structure", "measure", "adjusted_for", "sex", "form", "window"),
    "average difference per decade of age: one row per structure, measure, set of covariates, sex, form, and age range."
    " The effects are differences between patients of different ages, not changes within patients",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "adjusted_for": ADJUSTED_FOR,
        "sex": SEXES_WITH_EFFECT,
        "form": FORM,
        "window": text("age range in years, such as `30-80`, or `all` for the slope of a straight line"),
        "n": count("number of scans in the model; of this sex for effects in women or men"),
        "n_patients": PATIENTS,
        "n_left_out": LEFT_OUT,
        "n_patients_left_out": PATIENTS_LEFT_OUT,
        "n_window": count("number of the `n` scans with an age in the age range"),
        "n_patients_window": count("number of patients among the `n_window` scans", "patients"),
        "effect": number("average difference per decade of age", "HU or %", missing=NO_EFFECT),
        "ci_low": number("lower limit of the confidence interval of `effect`", "HU or %", missing=NO_EFFECT),
        "ci_high": number("upper limit of the confidence interval of `effect`", "HU or %", missing=NO_EFFECT),
        "effect_one_scan": number("`effect` with the first scan of each patient", "HU or %", missing=ONE_SCAN),
        "ci_low_one_scan": number("lower limit of its confidence interval", "HU or %", missing=ONE_SCAN),
        "ci_high_one_scan": number("upper limit of its confidence interval", "HU or %", missing=ONE_SCAN),
        "unit": UNIT,
        "error": number(
            "standard error of the difference per decade (HU, or of the natural logarithm of mL)",
            low=0,
            missing=NO_EFFECT,
        ),
        "df": number("degrees of freedom of the t distribution", low=0, missing=NO_EFFECT),
        "effect_sd": number(
            "effect in residual standard deviations per decade (of the logarithm for volumes)", missing=NO_EFFECT
        ),
        "log10_p": number("base-10 logarithm of the P value for no effect", high=0, missing=NO_EFFECT),
        "p": p_value("two-sided P value for no effect", NO_EFFECT),
        "p_bonferroni": BONFERRONI,
        "q_bh": BENJAMINI_HOCHBERG,
        "reason": REASON,
        "family": FAMILY,
    },
)
AGE_MODELS = Table(
    "age_models",
    ("structure", "measure", "adjusted_for", "form"),
    "fitted age curves: one row per structure, measure, set of covariates, and form. The table contains no data of"
    " patients; the effect in any age range, with its standard error, can be computed from it",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "adjusted_for": ADJUSTED_FOR,
        "form": FORM,
        "sexes": text(
            "sexes with a curve, separated by semicolons, or `all` if sex is not in the model", missing=NO_EFFECT
        ),
        "knots": text(
            "knots of the natural cubic spline (years), separated by semicolons. A straight line has two knots",
            missing=NO_EFFECT,
        ),
        "coefficients": text(
            "heights of the curve at the knots (HU, or natural logarithm of mL) for mean values of the covariates,"
            " separated by semicolons: all knots of the first sex, then all knots of the second sex",
            missing=NO_EFFECT,
        ),
        "covariance": text(
            "upper triangle of the covariance matrix of `coefficients`, row by row, separated by semicolons",
            missing=NO_EFFECT,
        ),
        "residual_sd": number(
            "residual standard deviation (HU, or of the natural logarithm of mL)", low=0, missing=NO_EFFECT
        ),
        "df": number(
            "degrees of freedom of the t quantile: patients minus columns of the model; with several scans per patient"
            " and fewer than 600 patients, those of the mean slope of all curves between the first and the last knot",
            low=0,
            missing=NO_EFFECT,
        ),
        "omitted": text(
            "covariates without an effect on the model, because they are constant in its scans (also if all categories"
            " are combined), or because the preceding covariates determine them, separated by semicolons",
            missing="none, or no effect was estimated",
        ),
        "log10_p_nonlinear": number(
            "base-10 logarithm of the P value for a straight line in each sex",
            high=0,
            missing="no effect was estimated, or the model is a straight line",
        ),
        "unit": UNIT,
        "n": count("number of scans in the model"),
        "n_patients": PATIENTS,
        "n_left_out": LEFT_OUT,
        "n_patients_left_out": PATIENTS_LEFT_OUT,
        "n_female": count("number of scans of women in the model"),
        "n_patients_female": count("number of patients among the `n_female` scans", "patients"),
        "n_male": count("number of scans of men in the model"),
        "n_patients_male": count("number of patients among the `n_male` scans", "patients"),
        "age_low": number("2.5th percentile of age in the model", "years", missing=NO_EFFECT),
        "age_high": number("97.5th percentile of age in the model", "years", missing=NO_EFFECT),
        "age_mean": number("mean age in the model", "years", missing=NO_EFFECT),
        "age_sd": number("standard deviation of age in the model", "years", low=0, missing=NO_EFFECT),
        "reason": REASON,
        "family": FAMILY,
    },
)
NO_DIFFERENCE = "no difference was estimated (see `reason`)"
SEX_DIFFERENCES = Table(
    "sex_differences",
    ("structure", "measure", "adjusted_for", "form"),
    "difference between men and women at the age of 50 years: one row per structure, measure, set of covariates, and"
    " form of the age curve",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "adjusted_for": ADJUSTED_FOR,
        "form": FORM,
        "age_years": number("age at which the sexes are compared", "years", low=0, high=OLDEST_YEARS),
        "n": count("number of scans in the model"),
        "n_patients": PATIENTS,
        "n_left_out": LEFT_OUT,
        "n_patients_left_out": PATIENTS_LEFT_OUT,
        "difference": number(
            "men minus women: difference in HU, or difference in percent of the volume in women",
            "HU or %",
            missing=NO_DIFFERENCE,
        ),
        "ci_low": number("lower limit of the confidence interval of `difference`", "HU or %", missing=NO_DIFFERENCE),
        "ci_high": number("upper limit of the confidence interval of `difference`", "HU or %", missing=NO_DIFFERENCE),
        "unit": text("unit of the difference: HU, or percent (volume)"),
        "difference_sd": number(
            "difference in residual standard deviations (of the logarithm for volumes)", missing=NO_DIFFERENCE
        ),
        "ci_low_sd": number("lower limit of the confidence interval of `difference_sd`", missing=NO_DIFFERENCE),
        "ci_high_sd": number("upper limit of the confidence interval of `difference_sd`", missing=NO_DIFFERENCE),
        "log10_p": number("base-10 logarithm of the P value for no difference", high=0, missing=NO_DIFFERENCE),
        "p": p_value("two-sided P value for no difference", NO_DIFFERENCE),
        "p_bonferroni": p_value("P value multiplied by the number of tests of the family, at most 1", NO_DIFFERENCE),
        "q_bh": p_value("P value adjusted with the Benjamini-Hochberg method (false discovery rate)", NO_DIFFERENCE),
        "reason": REASON,
        "family": FAMILY,
    },
)
NO_EXPONENT = "no exponent was estimated (see `reason`)"
NO_SEX = "no exponent was estimated, or fewer than 4 patients of this sex or equal heights"
BODY_SIZE = Table(
    "body_size",
    ("structure",),
    "relation of the volume with body height, adjusted for sex and age: one row per structure or group of structures",
    {
        "structure": ANALYZED,
        "n": count("number of scans in the model: a usable volume, and known age, height, and sex"),
        "n_patients": PATIENTS,
        "n_left_out": count("number of usable volumes that are not in the model"),
        "n_patients_left_out": PATIENTS_LEFT_OUT,
        "exponent": number(
            "allometric exponent b of the model in which the volume is proportional to height^b. An exponent of 1, 2,"
            " or 3 corresponds to scaling with length, area, or volume",
            missing=NO_EXPONENT,
        ),
        "ci_low": number("lower limit of the confidence interval of `exponent`", missing=NO_EXPONENT),
        "ci_high": number("upper limit of the confidence interval of `exponent`", missing=NO_EXPONENT),
        "log10_p": number("base-10 logarithm of the P value for an exponent of 0", high=0, missing=NO_EXPONENT),
        "p": p_value("two-sided P value for an exponent of 0", NO_EXPONENT),
        "log10_p_square": number("base-10 logarithm of the P value for an exponent of 2", high=0, missing=NO_EXPONENT),
        "p_square": p_value("two-sided P value for an exponent of 2", NO_EXPONENT),
        "p_bonferroni": p_value(
            "P value for an exponent of 0, multiplied by the number of tests of the family, at most 1", NO_EXPONENT
        ),
        "q_bh": p_value(
            "P value for an exponent of 0, adjusted with the Benjamini-Hochberg method (false discovery rate)",
            NO_EXPONENT,
        ),
        "index_effect": number(
            "difference of the index volume/height^2 per decade of age, adjusted for sex", "%", missing=NO_EXPONENT
        ),
        "index_ci_low": number("lower limit of the confidence interval of `index_effect`", "%", missing=NO_EXPONENT),
        "index_ci_high": number("upper limit of the confidence interval of `index_effect`", "%", missing=NO_EXPONENT),
        "log10_p_index": number(
            "base-10 logarithm of the P value for no difference of the index with age", high=0, missing=NO_EXPONENT
        ),
        "p_index": p_value("two-sided P value for no difference of the index with age", NO_EXPONENT),
        **{
            f"{name}_{sex}": column
            for sex, who in (("female", "women"), ("male", "men"))
            for name, column in {
                "n": count(f"number of scans of {who} in the model"),
                "n_patients": count(f"number of patients among the `n_{sex}` scans", "patients"),
                "index_median": number(f"median of the index volume/height^2 in {who}", "mL/m^2", missing=NO_SEX),
                "index_q1": number(f"25th percentile of the index in {who}", "mL/m^2", missing=NO_SEX),
                "index_q3": number(f"75th percentile of the index in {who}", "mL/m^2", missing=NO_SEX),
                "rho_volume": number(
                    f"Spearman rank correlation of height with the volume in {who}", low=-1, high=1, missing=NO_SEX
                ),
                "rho_index": number(
                    f"Spearman rank correlation of height with volume/height^2 in {who}; about 0 if the index is"
                    " independent of height",
                    low=-1,
                    high=1,
                    missing=NO_SEX,
                ),
                "rho_exponent_index": number(
                    f"Spearman rank correlation of height with volume/height^b in {who}, where b is `exponent`",
                    low=-1,
                    high=1,
                    missing=NO_SEX,
                ),
            }.items()
        },
        "reason": REASON,
        "family": FAMILY,
    },
)

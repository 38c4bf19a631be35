"""Tables of effects per decade of age, and of the fitted models from which other effects can be computed."""

from ctpop.contracts import codes
from ctpop.contracts.columns import count, number, p_value, text
from ctpop.contracts.keys import ANALYZED, FAMILY, MEASURE, OUTCOMES, PATIENTS
from ctpop.contracts.tables import Table

NO_EFFECT = "no effect was estimated (see `reason`)"
ADJUSTED_FOR = text(
    'covariates in the model in addition to age and sex, joined by " + ", or `none` if there are no such covariates'
)
FORM = text("form of the relation with age", among=tuple(codes.AGE_FORMS))
UNIT = text("unit of the effect: HU per decade of age, or percent per decade of age (volume)")

AGE_EFFECTS = Table(
    "age_effects",
    ("structure", "measure", "adjusted_for", "sex", "form", "window"),
    "average difference per decade of age: one row per structure, measure, set of covariates, sex, form, and age range."
    " The effects are differences between patients of different ages, not changes within patients",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "adjusted_for": ADJUSTED_FOR,
        "sex": text("sex to which the effect applies", among=tuple(codes.EFFECT_SEXES)),
        "form": FORM,
        "window": text("age range in years, such as `30-80`, or `all` for the slope of a straight line"),
        "n": count("number of scans in the model"),
        "n_patients": PATIENTS,
        "effect": number("average difference per decade of age", "HU or %", missing=NO_EFFECT),
        "ci_low": number("lower limit of the confidence interval of `effect`", "HU or %", missing=NO_EFFECT),
        "ci_high": number("upper limit of the confidence interval of `effect`", "HU or %", missing=NO_EFFECT),
        "unit": UNIT,
        "effect_sd": number(
            "effect in residual standard deviations per decade (of the logarithm for volumes)", missing=NO_EFFECT
        ),
        "log10_p": number("base-10 logarithm of the P value for no effect", high=0, missing=NO_EFFECT),
        "p": p_value("two-sided P value for no effect", NO_EFFECT),
        "p_bonferroni": p_value("P value multiplied by the number of tests of the family, at most 1", NO_EFFECT),
        "q_bh": p_value("P value adjusted with the Benjamini-Hochberg method (false discovery rate)", NO_EFFECT),
        "reason": text("`ok`, or the reason for a missing result", among=OUTCOMES),
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
        "sexes": text("sexes with a curve, separated by semicolons, or `all` if sex is not in the model"),
        "knots": text(
            "knots of the natural cubic spline (years), separated by semicolons. A straight line has two knots"
        ),
        "coefficients": text(
            "heights of the curve at the knots (HU, or natural logarithm of mL), separated by semicolons: all knots of"
            " the first sex, then all knots of the second sex",
            missing=NO_EFFECT,
        ),
        "covariance": text(
            "upper triangle of the covariance matrix of `coefficients`, row by row, separated by semicolons",
            missing=NO_EFFECT,
        ),
        "residual_sd": number(
            "residual standard deviation (HU, or of the natural logarithm of mL)", low=0, missing=NO_EFFECT
        ),
        "df": number("degrees of freedom of the t quantile", low=1, missing=NO_EFFECT),
        "log10_p_nonlinear": number(
            "base-10 logarithm of the P value for a straight line in each sex",
            high=0,
            missing="no effect was estimated, or the model is a straight line",
        ),
        "unit": UNIT,
        "n": count("number of scans in the model"),
        "n_patients": PATIENTS,
        "n_female": count("number of scans of women in the model"),
        "n_patients_female": count("number of patients among the `n_female` scans", "patients"),
        "n_male": count("number of scans of men in the model"),
        "n_patients_male": count("number of patients among the `n_male` scans", "patients"),
        "age_low": number("2.5th percentile of age in the model", "years", missing=NO_EFFECT),
        "age_high": number("97.5th percentile of age in the model", "years", missing=NO_EFFECT),
        "age_mean": number("mean age in the model", "years", missing=NO_EFFECT),
        "age_sd": number("standard deviation of age in the model", "years", low=0, missing=NO_EFFECT),
        "reason": text("`ok`, or the reason for a missing result", among=OUTCOMES),
        "family": FAMILY,
    },
)

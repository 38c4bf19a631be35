"""The statistics against age, adjusted for covariates and by sex."""

from ctpop.contracts.columns import count, number, p_value, text
from ctpop.contracts.keys import ANALYSED, CURVE_TERMS, FAMILY, MEASURE, OUTCOMES, PATIENTS
from ctpop.contracts.tables import Table

NONE = "no result; reason says why"
BY_COVARIATE = "no result, or no interval; reason says why"
ADJUSTED_FOR = text('the covariates, joined by " + "; none: there is nothing to adjust for')
COMPLETE = count("scans with a usable value of which all these covariates are known")
LEFT_OUT = count("scans with a usable value that are left out, since a covariate is not known; nothing is imputed")
PATIENTS_LEFT_OUT = count("different patients of the n_left_out scans", "patients")
OUTCOME = text("ok, or why there is no result", among=OUTCOMES)

ADJUSTED = Table(
    "adjusted",
    ("structure", "measure", "adjusted_for"),
    "one row per structure, measure and set of covariates (each alone, and all together): Spearman correlation with"
    " age, adjusted by probability-scale residuals",
    {
        "structure": ANALYSED,
        "measure": MEASURE,
        "adjusted_for": ADJUSTED_FOR,
        "n": COMPLETE,
        "n_patients": PATIENTS,
        "n_left_out": LEFT_OUT,
        "n_patients_left_out": PATIENTS_LEFT_OUT,
        "rho_crude": number("Spearman correlation with age of these scans, not adjusted", low=-1, high=1, missing=NONE),
        "rho": number("adjusted Spearman correlation with age", low=-1, high=1, missing=NONE),
        "ci_low": number("lower limit of its confidence interval", low=-1, high=1, missing=BY_COVARIATE),
        "ci_high": number("upper limit", low=-1, high=1, missing=BY_COVARIATE),
        "log10_p": number("decimal logarithm of P", high=0, missing=BY_COVARIATE),
        "p": p_value("P value, two-sided", BY_COVARIATE),
        "p_bonferroni": p_value("P times the tests of the family with these covariates, at most 1", BY_COVARIATE),
        "p_holm": p_value("P adjusted by Holm", BY_COVARIATE),
        "q_bh": p_value("false discovery rate by Benjamini and Hochberg", BY_COVARIATE),
        "reason": OUTCOME,
        "family": FAMILY,
    },
)
ASSOCIATIONS_BY_SEX = Table(
    "associations_by_sex",
    ("structure", "measure", "sex"),
    "one row per structure, measure and sex: Spearman correlation with age",
    {
        "structure": ANALYSED,
        "measure": MEASURE,
        "sex": text("sex as recorded", among=("female", "male")),
        "n": count("usable values of this sex"),
        "n_patients": PATIENTS,
        "rho": number("Spearman correlation with age", low=-1, high=1, missing=NONE),
        "ci_low": number("lower limit of its confidence interval", low=-1, high=1, missing=BY_COVARIATE),
        "ci_high": number("upper limit", low=-1, high=1, missing=BY_COVARIATE),
        "log10_p": number("decimal logarithm of P", high=0, missing=NONE),
        "p": p_value("P value, two-sided", NONE),
        "p_bonferroni": p_value("P times the tests of the family in this sex, at most 1", NONE),
        "reason": OUTCOME,
        "family": FAMILY,
    },
)
RANK_ANCOVA = Table(
    "rank_ancova",
    ("structure", "measure"),
    "one row per structure and measure: Quade's rank analysis of covariance over the age quartiles of the cohort",
    {
        "structure": ANALYSED,
        "measure": MEASURE,
        "adjusted_for": ADJUSTED_FOR,
        "n": COMPLETE,
        "n_patients": PATIENTS,
        "n_left_out": LEFT_OUT,
        "n_patients_left_out": PATIENTS_LEFT_OUT,
        "f": number("F of the residual ranks between the quartiles", low=0, missing=NONE),
        "df_between": count("degrees of freedom between the quartiles", low=1, missing=NONE),
        "df_within": count("degrees of freedom within them", low=1, missing=NONE),
        "log10_p": number("decimal logarithm of P", high=0, missing=NONE),
        "p": p_value("P value", NONE),
        "p_bonferroni": p_value("P times the tests of the family, at most 1", NONE),
        "eta_squared": number(
            "share of the variance of the residual ranks that lies between the quartiles", low=0, high=1, missing=NONE
        ),
        "reason": OUTCOME,
        "family": FAMILY,
    },
)
AGE_CURVES = Table(
    "age_curves",
    ("structure", "measure", "term"),
    "one row per structure, measure and hypothesis: tests of the age curve, a natural spline for each sex beside the"
    " other covariates, with HC3 standard errors",
    {
        "structure": ANALYSED,
        "measure": MEASURE,
        "term": text("what is tested", among=CURVE_TERMS),
        "adjusted_for": ADJUSTED_FOR,
        "n": COMPLETE,
        "n_patients": PATIENTS,
        "n_left_out": LEFT_OUT,
        "n_patients_left_out": PATIENTS_LEFT_OUT,
        "f": number("F of the Wald test", low=0, missing=NONE),
        "df_1": count("its degrees of freedom, numerator", low=1, missing=NONE),
        "df_2": count("denominator", low=1, missing=NONE),
        "log10_p": number("decimal logarithm of P", high=0, missing=NONE),
        "p": p_value("P value", NONE),
        "p_bonferroni": p_value("P times the tests of this term in the family, at most 1", NONE),
        "partial_r_squared": number(
            "share of the variance left by the model without the term that the term explains",
            low=0,
            high=1,
            missing=NONE,
        ),
        "reason": OUTCOME,
        "family": FAMILY,
    },
)

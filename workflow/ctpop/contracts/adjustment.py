"""Tables of statistics against age, adjusted for covariates or stratified by sex."""

from ctpop.contracts.columns import count, number, p_value, text
from ctpop.contracts.keys import (
    ANALYZED,
    CURVE_TERMS,
    FAMILY,
    LOG10_P_INDEPENDENCE,
    LOG10_P_RHO0,
    MEASURE,
    NO_NOTE,
    NOTES,
    OUTCOMES,
    P_INDEPENDENCE,
    P_RHO0,
    PATIENTS,
    REPEATED,
)
from ctpop.contracts.tables import Table

NONE = "no result was obtained (see `reason`)"
BY_COVARIATE = "no result or no confidence interval was obtained (see `reason`)"
ADJUSTED_FOR = text(
    'covariates in the model, joined by " + ", or `none` if there are no covariates. Categories with fewer than'
    " `aging.category_n_min` patients are combined, except with `adjust: strata`"
)
COMPLETE = count("number of scans with a usable value and without a missing covariate")
LEFT_OUT = count(
    "number of scans with a usable value that are excluded because a covariate is missing. No value is imputed"
)
PATIENTS_LEFT_OUT = count("number of patients among the `n_left_out` scans", "patients")
INFORMATIVE = "no model was fitted, or no strata were formed (see `reason`)"
ONLY_STRATA = "the method is `model`, or no strata were formed (see `reason`)"
LEVELS_MERGED = count(
    "number of categories with fewer than `aging.category_n_min` patients that are combined into one category of their"
    " covariate, summed over the covariates"
)
EXPLAINED_BY = text(
    'covariates that explain all variation of the ages or of the values, joined by " + "',
    missing="the reason is not `explained`",
)
OUTCOME = text("`ok`, or the reason for a missing result", among=OUTCOMES)

NOT_INDEPENDENT = f"{BY_COVARIATE}, a patient has several scans, or the method is `strata`"

ADJUSTED = Table(
    "adjusted",
    ("structure", "measure", "adjusted_for"),
    "Spearman rank correlation with age, adjusted for covariates: one row per structure, measure, and set of covariates"
    " (each covariate separately, and all covariates together). The adjustment is based on probability-scale residuals"
    " of a model, or on patients with equal values of all covariates (`aging.adjust`)",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "adjusted_for": ADJUSTED_FOR,
        "n": COMPLETE,
        "n_patients": PATIENTS,
        "n_left_out": LEFT_OUT,
        "n_patients_left_out": PATIENTS_LEFT_OUT,
        "method": text(
            "`model`: cumulative probability model with the main effects of the covariates; `strata`: patients with"
            " equal values of all covariates",
            among=("model", "strata"),
        ),
        "n_informative": count(
            "number of scans that contribute to `rho`: scans that the model does not fit exactly, or scans in strata of"
            " three or more patients",
            missing=INFORMATIVE,
        ),
        "n_patients_informative": count(
            "number of patients among the `n_informative` scans", "patients", missing=INFORMATIVE
        ),
        "n_strata": count("number of strata of three or more patients", "strata", missing=ONLY_STRATA),
        "median_stratum": number(
            "median number of patients of the strata of three or more patients", low=3, missing=ONLY_STRATA
        ),
        "levels_merged": LEVELS_MERGED,
        "n_merged": count("number of scans in the combined categories"),
        "n_patients_merged": count("number of patients among the `n_merged` scans", "patients"),
        "omitted": text(
            'covariates without an effect of their own in the model, joined by " + ": they are constant, or the'
            " preceding covariates imply them. The number of omitted columns follows in parentheses if the covariate"
            " has other columns",
            missing="no column was omitted, or no model was fitted",
        ),
        "rho_crude": number(
            "unadjusted Spearman rank correlation with age in the `n_informative` scans", low=-1, high=1, missing=NONE
        ),
        "rho": number("adjusted Spearman rank correlation with age", low=-1, high=1, missing=NONE),
        "ci_low": number("lower limit of the confidence interval of `rho`", low=-1, high=1, missing=BY_COVARIATE),
        "ci_high": number("upper limit of the confidence interval of `rho`", low=-1, high=1, missing=BY_COVARIATE),
        "log10_p_rho0": number(LOG10_P_RHO0, high=0, missing=BY_COVARIATE),
        "p_rho0": p_value(P_RHO0, BY_COVARIATE),
        "log10_p_independence": number(LOG10_P_INDEPENDENCE, high=0, missing=NOT_INDEPENDENT),
        "p_independence": p_value(P_INDEPENDENCE, NOT_INDEPENDENT),
        "test": text(
            "P value to which the following columns refer: `independence` (`p_independence`) with one scan per patient"
            " and the method `model`, otherwise `rho0` (`p_rho0`)",
            among=("independence", "rho0"),
        ),
        "p_bonferroni": p_value(
            "P value multiplied by the number of tests of the family with these covariates, at most 1", BY_COVARIATE
        ),
        "p_holm": p_value("P value adjusted with the Holm method", BY_COVARIATE),
        "q_bh": p_value("P value adjusted with the Benjamini-Hochberg method (false discovery rate)", BY_COVARIATE),
        "explained_by": EXPLAINED_BY,
        "reason": OUTCOME,
        "family": FAMILY,
    },
)
ASSOCIATIONS_BY_SEX = Table(
    "associations_by_sex",
    ("structure", "measure", "sex"),
    "Spearman rank correlation with age in women and in men: one row per structure, measure, and sex",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "sex": text("recorded sex", among=("female", "male")),
        "n": count("number of usable values of patients of this sex"),
        "n_patients": PATIENTS,
        "rho": number("Spearman rank correlation with age", low=-1, high=1, missing=NONE),
        "ci_low": number("lower limit of the confidence interval of `rho`", low=-1, high=1, missing=BY_COVARIATE),
        "ci_high": number("upper limit of the confidence interval of `rho`", low=-1, high=1, missing=BY_COVARIATE),
        "log10_p_rho0": number(LOG10_P_RHO0, high=0, missing=BY_COVARIATE),
        "p_rho0": p_value(P_RHO0, BY_COVARIATE),
        "p_rho0_holm": p_value("`p_rho0` adjusted with the Holm method", BY_COVARIATE),
        "log10_p_independence": number(LOG10_P_INDEPENDENCE, high=0, missing=REPEATED),
        "p_independence": p_value(P_INDEPENDENCE, REPEATED),
        "test": text("test whose P value is adjusted", among=("independence", "rho0")),
        "p_bonferroni": p_value(
            "P value multiplied by the number of tests of the family in this sex, at most 1", BY_COVARIATE
        ),
        "p_holm": p_value("P value adjusted with the Holm method", BY_COVARIATE),
        "q_bh": p_value("P value adjusted with the Benjamini-Hochberg method (false discovery rate)", BY_COVARIATE),
        "reason": OUTCOME,
        "family": FAMILY,
        "note": text("restriction of the result", among=NOTES, missing=NO_NOTE),
    },
)
RANK_ANCOVA = Table(
    "rank_ancova",
    ("structure", "measure"),
    "Quade test (rank analysis of covariance) across the age quartiles of the cohort: one row per structure and"
    " measure. If patients have several scans, a score test of the same residual ranks with sums by patient",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "adjusted_for": ADJUSTED_FOR,
        "n": COMPLETE,
        "n_patients": PATIENTS,
        "n_left_out": LEFT_OUT,
        "n_patients_left_out": PATIENTS_LEFT_OUT,
        "levels_merged": LEVELS_MERGED,
        "method": text(
            "`quade`: F test, with one scan per patient; `score`: score test with sums by patient, if patients have"
            " several scans",
            among=("quade", "score"),
        ),
        "f": number(
            "F statistic for the comparison of the residual ranks between the quartiles, or the chi-square statistic of"
            " the score test divided by `df_between`",
            low=0,
            missing=NONE,
        ),
        "df_between": count("degrees of freedom between the quartiles", low=1, missing=NONE),
        "df_within": count(
            "degrees of freedom within the quartiles", low=1, missing="no result was obtained, or the method is `score`"
        ),
        "log10_p": number("base-10 logarithm of the P value", high=0, missing=NONE),
        "p": p_value("P value", NONE),
        "p_bonferroni": p_value("P value multiplied by the number of tests of the family, at most 1", NONE),
        "p_holm": p_value("P value adjusted with the Holm method", NONE),
        "q_bh": p_value("P value adjusted with the Benjamini-Hochberg method (false discovery rate)", NONE),
        "eta_squared": number(
            "proportion of the variance of the residual ranks that is between the quartiles",
            low=0,
            high=1,
            missing=NONE,
        ),
        "explained_by": EXPLAINED_BY,
        "reason": OUTCOME,
        "family": FAMILY,
    },
)
AGE_CURVES = Table(
    "age_curves",
    ("structure", "measure", "term"),
    "tests of the age curves: one row per structure, measure, and hypothesis. The model contains one natural spline of"
    " age per sex and the other covariates. The natural logarithm of volumes is modeled, so that the interaction"
    " compares percentages. Tests are robust to unequal spread and to several scans per patient",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "term": text("tested hypothesis", among=CURVE_TERMS),
        "adjusted_for": text(
            'covariates in the model in addition to age and sex, joined by " + ", or `none` if there are no such'
            " covariates. Categories with fewer than `aging.category_n_min` patients are combined"
        ),
        "n": count("number of scans in the model"),
        "n_patients": PATIENTS,
        "n_left_out": count(
            "number of usable values that are not in the model, because the sex or a covariate is missing, a sex has"
            " too few patients, or the value is the only one in a category of a covariate"
        ),
        "n_patients_left_out": PATIENTS_LEFT_OUT,
        "f": number("F statistic of the Wald test", low=0, missing=NONE),
        "df_1": count("numerator degrees of freedom", low=1, missing=NONE),
        "df_2": number(
            "denominator degrees of freedom: patients minus columns of the model, or an approximation if patients have"
            " several scans and there are fewer than 600 patients",
            low=0,
            missing=NONE,
        ),
        "log10_p": number("base-10 logarithm of the P value", high=0, missing=NONE),
        "p": p_value("P value", NONE),
        "p_bonferroni": p_value(
            "P value multiplied by the number of tests of this term in the family, at most 1", NONE
        ),
        "p_holm": p_value("P value adjusted with the Holm method", NONE),
        "q_bh": p_value("P value adjusted with the Benjamini-Hochberg method (false discovery rate)", NONE),
        "partial_r_squared": number(
            "proportion of the residual variance of the model without the term that is explained by the term",
            low=0,
            high=1,
            missing=NONE,
        ),
        "reason": OUTCOME,
        "family": FAMILY,
    },
)

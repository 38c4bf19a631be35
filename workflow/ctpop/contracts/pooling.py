"""Table of the meta-analysis of several studies."""

from ctpop.contracts import codes
from ctpop.contracts.columns import count, number, p_value, text
from ctpop.contracts.comparison import COMPARISON_REASONS
from ctpop.contracts.effects import ADJUSTED_FOR, UNIT
from ctpop.contracts.keys import ANALYZED, FAMILY, MEASURE
from ctpop.contracts.tables import Table

POOLED_ROWS = tuple(codes.POOLED_ROWS)

WITHHELD = "the export of a study withholds its count"
NO_RESULT = "no result (see `reason`)"
NOT_POOLED = "the row is not a random-effects estimate, or no result (see `reason`)"
NO_PREDICTION = f"{NOT_POOLED}, or fewer than five studies"

POOLED = Table(
    "pooled",
    ("structure", "measure", "adjusted_for", "kind", "study"),
    "random-effects meta-analysis of the effect per decade of age: for each structure or group of structures, measure,"
    " and set of covariates, one row per study, one pooled row, and one row without each study. The table is written by"
    " `ctpop pool`",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "adjusted_for": ADJUSTED_FOR,
        "kind": text("content of the row", among=POOLED_ROWS),
        "study": text("name of the study, of the omitted study (`without`), or `all` (`pooled` and `difference`)"),
        "sex": text("sex to which the effects apply", among=tuple(codes.EFFECT_SEXES), missing=NO_RESULT),
        "window_low": number("lower limit of the common age range of all studies", "years", missing=NO_RESULT),
        "window_high": number("upper limit of the common age range of all studies", "years", missing=NO_RESULT),
        "studies": count("number of studies of the estimate", "studies"),
        "n": count("number of scans in the age curves; of this sex for effects in women or men", missing=WITHHELD),
        "n_patients": count("number of patients among the `n` scans", missing=WITHHELD),
        "slope": number("difference per decade of age (HU, or of the natural logarithm of mL)", missing=NO_RESULT),
        "slope_se": number("standard error of `slope`", low=0, missing=NO_RESULT),
        "effect": number("difference per decade of age", "HU or %", missing=NO_RESULT),
        "ci_low": number("lower limit of the confidence interval of `effect`", "HU or %", missing=NO_RESULT),
        "ci_high": number("upper limit of the confidence interval of `effect`", "HU or %", missing=NO_RESULT),
        "prediction_low": number(
            "lower limit of the prediction interval of the effect in another study", "HU or %", missing=NO_PREDICTION
        ),
        "prediction_high": number(
            "upper limit of the prediction interval of the effect in another study", "HU or %", missing=NO_PREDICTION
        ),
        "unit": UNIT,
        "weight": number(
            "weight of the study in the pooled estimate, as a proportion",
            low=0,
            high=1,
            missing="the row is not a study, or no pooled estimate",
        ),
        "tau_squared": number("variance of `slope` between studies (REML)", low=0, missing=NOT_POOLED),
        "tau_squared_low": number(
            "lower limit of the confidence interval of `tau_squared` (Q profile)", low=0, missing=NOT_POOLED
        ),
        "tau_squared_high": number(
            "upper limit of the confidence interval of `tau_squared` (Q profile)", low=0, missing=NOT_POOLED
        ),
        "i_squared": number(
            "percentage of the variance of the estimates that is due to differences between studies",
            "%",
            low=0,
            high=100,
            missing=NOT_POOLED,
        ),
        "q": number("Cochran Q, with `studies` - 1 degrees of freedom", low=0, missing=NOT_POOLED),
        "log10_p_q": number(
            "base-10 logarithm of the P value for equal effects in all studies", high=0, missing=NOT_POOLED
        ),
        "p_q": p_value("P value for equal effects in all studies", NOT_POOLED),
        "reason": text("`ok`, or the reason for a missing result", among=COMPARISON_REASONS),
        "family": FAMILY,
    },
)

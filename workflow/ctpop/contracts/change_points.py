"""Tables of ages at which the slope of a measure changes, and of the corresponding age curves."""

from ctpop.contracts.adjustment import ADJUSTED_FOR, COMPLETE, LEFT_OUT, OUTCOME, PATIENTS_LEFT_OUT
from ctpop.contracts.centiles import SEX
from ctpop.contracts.columns import OLDEST_YEARS, Column, count, number, p_value, text
from ctpop.contracts.effects import UNIT
from ctpop.contracts.keys import ANALYZED, CHANGES, MEASURE, PATIENTS
from ctpop.contracts.tables import Table

NO_FIT = "no model was fitted (see `reason`)"
NO_CHANGE = "`outcome` is neither `break` nor `break_or_curve`"
NO_AGES = "there are no such ages, or no model was fitted (see `reason`)"
PER_DECADE = "HU or % per decade"


def _age(meaning: str, missing: str) -> Column:
    return number(meaning, "years", low=0, high=OLDEST_YEARS, missing=missing)


def _slope(meaning: str, missing: str = NO_CHANGE) -> Column:
    return number(meaning, PER_DECADE, missing=missing)


CHANGE_POINTS = Table(
    "change_points",
    ("structure", "measure", "sex"),
    "ages at which the slope of a measure changes: one row per structure in `aging.change_points`, measure, and sex. An"
    " age is given only if a straight line is rejected and a smooth curve does not fit better",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "sex": SEX,
        "adjusted_for": ADJUSTED_FOR,
        "n": COMPLETE,
        "n_patients": PATIENTS,
        "n_left_out": LEFT_OUT,
        "n_patients_left_out": PATIENTS_LEFT_OUT,
        "outcome": text("result of the comparison of models", among=CHANGES, missing=NO_FIT),
        "age_years": _age("age at which the slope changes", NO_CHANGE),
        "age_low_years": _age("lower limit of the confidence interval of `age_years`", NO_CHANGE),
        "age_high_years": _age("upper limit of the confidence interval of `age_years`", NO_CHANGE),
        "slope_before": _slope("average difference per decade before this age"),
        "slope_before_low": _slope("lower limit of the confidence interval of `slope_before`"),
        "slope_before_high": _slope("upper limit of the confidence interval of `slope_before`"),
        "slope_after": _slope("average difference per decade after this age"),
        "slope_after_low": _slope("lower limit of the confidence interval of `slope_after`"),
        "slope_after_high": _slope("upper limit of the confidence interval of `slope_after`"),
        "unit": UNIT,
        "score": number("largest score statistic for a change of slope", low=0, missing=NO_FIT),
        "p": p_value("P value for a straight line, from random multiples of the scores", NO_FIT),
        "bic_line": number("Bayesian information criterion (BIC) of a straight line", missing=NO_FIT),
        "bic_break": number("BIC of two straight lines that meet", missing=NO_FIT),
        "bic_curve": number("BIC of a natural cubic spline", missing=NO_FIT),
        "search_low_years": _age("lowest candidate age (10th percentile of age)", NO_FIT),
        "search_high_years": _age("highest candidate age (90th percentile of age)", NO_FIT),
        "decreasing_ages": text(
            "age ranges (years) in which the pointwise confidence interval of the derivative of the spline is below 0,"
            " separated by semicolons",
            missing=NO_AGES,
        ),
        "increasing_ages": text("age ranges (years) in which this interval is above 0", missing=NO_AGES),
        "reason": OUTCOME,
    },
)
CHANGE_POINT_CURVES = Table(
    "change_point_curves",
    ("structure", "measure", "sex", "age"),
    "age curves of the structures in `aging.change_points`: one row per structure, measure, sex, and year of age from"
    " the 2.5th to the 97.5th percentile of age",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "sex": SEX,
        "age": count("age (years)"),
        "curve": number("natural cubic spline at the mean of the covariates (geometric mean for volumes)", "mL or HU"),
        "two_lines": number(
            "two straight lines that meet, at the mean of the covariates", "mL or HU", missing=NO_CHANGE
        ),
        "derivative": number("derivative of the spline", PER_DECADE),
        "derivative_low": number("lower pointwise confidence limit of `derivative`", PER_DECADE),
        "derivative_high": number("upper pointwise confidence limit of `derivative`", PER_DECADE),
        "n": COMPLETE,
        "n_patients": PATIENTS,
    },
)

"""Table of the comparison of two studies."""

from ctpop.contracts import codes
from ctpop.contracts.columns import Column, count, number, p_value, text, truth
from ctpop.contracts.effects import ADJUSTED_FOR, UNIT
from ctpop.contracts.keys import ANALYZED, FAMILY, FEW, MEASURE, NO_INTERVAL
from ctpop.contracts.tables import Table

COUNTERPARTS = tuple(codes.COUNTERPARTS)
COMPARISON_REASONS = tuple(codes.COMPARISON_REASONS)
OUTCOMES_OF_EFFECTS = ("equivalent", "different", "inconclusive", "not_comparable")

PERCENT = " For volumes, 100 (exp(x) - 1), where x is the difference between the slopes of the natural logarithm"
NO_MODEL = "the study has no age curve"
NOT_COMPARED = "the effects were not compared (see `reason`)"
NO_RHO_DIFFERENCE = "the correlations were not compared (see `rho_reason`)"
NO_WINDOW = "no common age range, a row with covariates, or no tables of single scans"
NO_UNIFORM = "not computed (see `rho_uniform_reason`)"


def _rho(meaning: str, missing: str, limit: int = 1) -> Column:
    return number(meaning, low=-limit, high=limit, missing=missing)


def _ages(name: str) -> dict[str, Column]:
    study = f"study {name.upper()}"
    return {
        f"n_{name}": count(f"number of scans in the age curve of {study}", missing=NO_MODEL),
        f"n_patients_{name}": count(f"number of patients among the `n_{name}` scans", missing=NO_MODEL),
        f"age_low_{name}": number(f"2.5th percentile of age in {study}", "years", missing=NO_MODEL),
        f"age_high_{name}": number(f"97.5th percentile of age in {study}", "years", missing=NO_MODEL),
        f"age_mean_{name}": number(f"mean age in {study}", "years", missing=NO_MODEL),
        f"age_sd_{name}": number(f"standard deviation of age in {study}", "years", low=0, missing=NO_MODEL),
        f"share_women_{name}": number(
            f"proportion of scans of women in {study}", low=0, high=1, missing=f"{NO_MODEL}, or no sex is recorded"
        ),
    }


def _effect(name: str) -> dict[str, Column]:
    study = f"study {name.upper()}"
    return {
        f"form_{name}": text(f"form of the age curve of {study}", among=tuple(codes.AGE_FORMS), missing=NOT_COMPARED),
        f"effect_{name}": number(
            f"average difference per decade of age in the window in {study}", "HU or %", missing=NOT_COMPARED
        ),
        f"effect_low_{name}": number(
            f"lower limit of the confidence interval of `effect_{name}`", "HU or %", missing=NOT_COMPARED
        ),
        f"effect_high_{name}": number(
            f"upper limit of the confidence interval of `effect_{name}`", "HU or %", missing=NOT_COMPARED
        ),
    }


def _correlation(name: str) -> dict[str, Column]:
    study = f"study {name.upper()}"
    absent = "the study does not include the structure, or the row is for a model with covariates"
    return {
        f"n_rho_{name}": count(f"number of usable values in {study}", missing=absent),
        f"n_patients_rho_{name}": count(f"number of patients among the `n_rho_{name}` scans", missing=absent),
        f"rho_{name}": _rho(f"Spearman rank correlation with age in {study}", f"{absent}, or {FEW}"),
        f"rho_low_{name}": _rho(
            f"lower limit of the confidence interval of `rho_{name}`", f"{absent}, or {NO_INTERVAL}"
        ),
        f"rho_high_{name}": _rho(
            f"upper limit of the confidence interval of `rho_{name}`", f"{absent}, or {NO_INTERVAL}"
        ),
    }


def _in_window(name: str) -> dict[str, Column]:
    study = f"study {name.upper()}"
    return {
        f"n_window_{name}": count(f"number of usable values within the window in {study}", missing=NO_WINDOW),
        f"n_patients_window_{name}": count(f"number of patients among the `n_window_{name}` scans", missing=NO_WINDOW),
        f"rho_window_{name}": _rho(f"rho of the patients within the window in {study}", f"{NO_WINDOW}, or {FEW}"),
        f"rho_window_low_{name}": _rho(
            f"lower limit of the confidence interval of `rho_window_{name}`", f"{NO_WINDOW}, or {NO_INTERVAL}"
        ),
        f"rho_window_high_{name}": _rho(
            f"upper limit of the confidence interval of `rho_window_{name}`", f"{NO_WINDOW}, or {NO_INTERVAL}"
        ),
        f"rho_uniform_{name}": _rho(
            f"rho in {study} for a uniform age distribution within the window (weighted)", NO_UNIFORM
        ),
        f"rho_uniform_low_{name}": _rho(f"lower limit of the confidence interval of `rho_uniform_{name}`", NO_UNIFORM),
        f"rho_uniform_high_{name}": _rho(f"upper limit of the confidence interval of `rho_uniform_{name}`", NO_UNIFORM),
        f"effective_{name}": number(
            f"effective number of scans of `rho_uniform_{name}`: (sum of weights)^2 / sum of squared weights",
            "scans",
            low=0,
            missing=NO_UNIFORM,
        ),
    }


COMPARISON = Table(
    "comparison",
    ("structure", "measure", "adjusted_for"),
    "comparison of two studies (A and B): one row per structure or group of structures, measure, and set of covariates"
    " that both studies adjust for. The table is written by `ctpop compare`",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "adjusted_for": ADJUSTED_FOR,
        "counterpart": text("correspondence of the structure or group between the studies", among=COUNTERPARTS),
        **_ages("a"),
        **_ages("b"),
        "window_low": number("lower limit of the common age range", "years", missing=NOT_COMPARED),
        "window_high": number("upper limit of the common age range", "years", missing=NOT_COMPARED),
        "sex": text("sex to which the effects apply", among=tuple(codes.EFFECT_SEXES), missing=NOT_COMPARED),
        **_effect("a"),
        **_effect("b"),
        "unit": UNIT,
        "difference": number(
            f"effect per decade in study B minus effect per decade in study A.{PERCENT}",
            "HU or %",
            missing=NOT_COMPARED,
        ),
        "difference_low": number(
            "lower limit of the confidence interval of `difference`", "HU or %", missing=NOT_COMPARED
        ),
        "difference_high": number(
            "upper limit of the confidence interval of `difference`", "HU or %", missing=NOT_COMPARED
        ),
        "inner_low": number(
            "lower limit of the interval of `difference` at the level 2 x `aging.confidence` - 1 (90% for 0.95)",
            "HU or %",
            missing=NOT_COMPARED,
        ),
        "inner_high": number(
            "upper limit of the interval of `difference` at the level 2 x `aging.confidence` - 1",
            "HU or %",
            missing=NOT_COMPARED,
        ),
        "df": number(
            "degrees of freedom of the t quantile of the intervals of `difference`",
            low=0,
            missing=f"the normal quantile was used because each patient has one scan, or {NOT_COMPARED}",
        ),
        "residual_sd": number(
            "residual standard deviation, pooled over both studies with the numbers of scans as weights (HU, or of the"
            " natural logarithm of mL)",
            low=0,
            missing=NOT_COMPARED,
        ),
        "margin_sd": number(
            "margin of equivalence in residual standard deviations per decade (`aging.equivalence_margin`)", low=0
        ),
        "margin_low": number("lower margin of `difference`", "HU or %", missing=NOT_COMPARED),
        "margin_high": number("upper margin of `difference`", "HU or %", missing=NOT_COMPARED),
        "smallest_margin": number(
            "smallest `margin_high` with which the outcome would be `equivalent`",
            "HU or %",
            low=0,
            missing=NOT_COMPARED,
        ),
        "smallest_margin_sd": number(
            "smallest margin with which the outcome would be `equivalent`, in residual standard deviations per decade",
            low=0,
            missing=NOT_COMPARED,
        ),
        "outcome": text("result of the comparison of the effects", among=OUTCOMES_OF_EFFECTS),
        "reason": text("`ok`, or the reason why the effects were not compared", among=COMPARISON_REASONS),
        "note": text(
            "`equivalence_not_attainable`: with this standard error, no difference can be classified as equivalent"
            " because the studies are too small or their common age range is too narrow",
            among=("equivalence_not_attainable",),
            missing=f"equivalence is attainable, or {NOT_COMPARED}",
        ),
        "log10_p": number("base-10 logarithm of the P value for equal effects", high=0, missing=NOT_COMPARED),
        "p": p_value("two-sided P value for equal effects. The outcome does not depend on this value", NOT_COMPARED),
        "p_bonferroni": p_value("P value multiplied by the number of tests of the family, at most 1", NOT_COMPARED),
        "q_bh": p_value("P value adjusted with the Benjamini-Hochberg method (false discovery rate)", NOT_COMPARED),
        **_correlation("a"),
        **_correlation("b"),
        "rho_difference": _rho("`rho_b` minus `rho_a`", NO_RHO_DIFFERENCE, 2),
        "rho_difference_low": _rho(
            "lower limit of the confidence interval of `rho_difference` (Zou method)", NO_RHO_DIFFERENCE, 2
        ),
        "rho_difference_high": _rho(
            "upper limit of the confidence interval of `rho_difference` (Zou method)", NO_RHO_DIFFERENCE, 2
        ),
        "rho_z": number(
            "difference between the Fisher-transformed correlations divided by its standard error",
            missing=NO_RHO_DIFFERENCE,
        ),
        "log10_p_rho": number("base-10 logarithm of the P value of `rho_z`", high=0, missing=NO_RHO_DIFFERENCE),
        "p_rho": p_value("two-sided P value of `rho_z`, not adjusted", NO_RHO_DIFFERENCE),
        "rho_reason": text("`ok`, or the reason why the correlations were not compared", among=COMPARISON_REASONS),
        **_in_window("a"),
        **_in_window("b"),
        "rho_uniform_difference": _rho("`rho_uniform_b` minus `rho_uniform_a`", NO_UNIFORM, 2),
        "rho_uniform_difference_low": _rho(
            "lower limit of the confidence interval of `rho_uniform_difference` (Zou method)", NO_UNIFORM, 2
        ),
        "rho_uniform_difference_high": _rho(
            "upper limit of the confidence interval of `rho_uniform_difference` (Zou method)", NO_UNIFORM, 2
        ),
        "rho_uniform_reason": text(
            "`ok`, or the reason why the correlations for a uniform age distribution are missing",
            among=COMPARISON_REASONS,
        ),
        "n_shared_scans": count(
            "number of scans in both studies, identified by `scan_id`, image digest, or checksum of the label map"
        ),
        "n_shared_patients": count("number of patients in both studies, identified by `patient_id` or a shared scan"),
        "independent": truth(
            "whether no patient is known to be in both studies. If false, the P values and intervals are not valid"
        ),
        "family": FAMILY,
    },
)

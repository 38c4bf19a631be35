"""Pooled effects of age of several studies, from their stored age curves."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ctpop.stages.aging.effect_comparison import LEAST_OVERLAP
from ctpop.stages.aging.effect_units import in_unit
from ctpop.stages.aging.pooled_studies import Pool
from ctpop.stages.aging.stored_models import curve_of, limits_in_unit, normal_if_one_scan_each, unit_of
from ctpop.stats.equivalence import Effect, EffectLimits, difference_of_effects, limits_of
from ctpop.stats.meta_analysis import FEWEST_STUDIES, Pooled, pooled
from ctpop.stats.stored_curves import StoredCurve, common_sex, effect_of

ALL = "all"
SEXES = ("female", "male")

Row = dict[str, Any]
Window = tuple[float, float]


@dataclass(frozen=True)
class Basis:
    """Curves of the studies that can be pooled, with the common age range and sex.

    `reason` is `ok`, or the reason why the studies cannot be pooled.
    """

    curves: dict[str, StoredCurve]
    window: Window
    sex: str
    reason: str


def pooled_rows(pool: Pool, confidence: float) -> list[Row]:
    """Return the rows of `pooled` for a measure of a structure with a set of covariates."""
    basis = basis_of(pool)
    effects = {name: effect_of(curve, basis.sex, basis.window) for name, curve in basis.curves.items()}
    known = {name: effect for name, effect in effects.items() if effect.error > 0}
    result = estimate(list(known.values()), confidence) if len(known) >= FEWEST_STUDIES else None
    weights = dict(zip(known, result.weights, strict=True)) if result else {}
    rows = [
        study_row(pool, basis, name, known.get(name), confidence) | {"weight": weights.get(name, math.nan)}
        for name in pool.models
    ]
    return [*rows, *summary_rows(pool, basis, known, result, confidence)]


def basis_of(pool: Pool) -> Basis:
    """Return the curves that can be pooled with the common age range and sex; no curves with a reason."""
    fitted = {name: curve for name, row in pool.models.items() if (curve := curve_of(row))}
    rows = [pool.models[name] for name in fitted]
    nothing: Window = (math.nan, math.nan)
    if not pool.same:
        return Basis({}, nothing, "", "not_counterpart")
    if not fitted:
        return Basis({}, nothing, "", "no_model")
    sex = common_sex([curve.sexes for curve in fitted.values()])
    if not sex:
        return Basis({}, nothing, "", "sexes_differ")
    low, high = max(float(row["age_low"]) for row in rows), min(float(row["age_high"]) for row in rows)
    if not high - low >= LEAST_OVERLAP:
        return Basis({}, nothing, "", "short_overlap")
    return Basis(fitted, (low, high), sex, "ok")


def study_row(pool: Pool, basis: Basis, name: str, effect: Effect | None, confidence: float) -> Row:
    """Return the row with the effect of a study."""
    row = named(pool, basis, [name], "study", name)
    if effect is None:
        absent = "no_interval" if name in basis.curves else "no_model"
        return row | {"reason": absent if basis.reason == "ok" else basis.reason}
    return row | common(basis) | estimated(effect, limits_of(effect, confidence), pool.measure)


def summary_rows(
    pool: Pool, basis: Basis, known: dict[str, Effect], result: Pooled | None, confidence: float
) -> list[Row]:
    """Return the pooled row, the rows without each study, and, for two studies, the row with their difference."""
    whole = named(pool, basis, list(known), "pooled", ALL)
    if result is None:
        reason = "few_studies" if basis.reason == "ok" else basis.reason
        both = [difference_row(pool, basis, known, confidence)] if len(known) == 2 else []
        return [*both, whole | {"reason": reason}]
    rows = [whole | common(basis) | of_pooled(result, pool.measure)]
    for name in known if len(known) > FEWEST_STUDIES else ():
        others = {other: effect for other, effect in known.items() if other != name}
        found = estimate(list(others.values()), confidence)
        rows.append(named(pool, basis, list(others), "without", name) | common(basis) | of_pooled(found, pool.measure))
    return rows


def difference_row(pool: Pool, basis: Basis, known: dict[str, Effect], confidence: float) -> Row:
    """Return the row with the difference between two studies."""
    first, second = (normal_if_one_scan_each(effect, pool.models[name]) for name, effect in known.items())
    gap = difference_of_effects(first, second)
    row = named(pool, basis, list(known), "difference", ALL) | common(basis)
    return row | estimated(gap, limits_of(gap, confidence), pool.measure)


def estimate(effects: list[Effect], confidence: float) -> Pooled:
    """Return the random-effects estimate of several effects."""
    return pooled(np.array([each.value for each in effects]), np.array([each.error for each in effects]), confidence)


def named(pool: Pool, basis: Basis, studies: list[str], kind: str, study: str) -> Row:
    """Return the columns that identify a row, with the numbers of studies, scans, and patients of its estimate.

    An estimate for one sex has the scans and patients of this sex.
    """
    models = [pool.models[name] for name in studies]
    of_sex = f"_{basis.sex}" if basis.sex in SEXES else ""
    return {
        **{"structure": pool.structure, "measure": pool.measure, "adjusted_for": pool.adjusted_for},
        **{"kind": kind, "study": study, "studies": len(studies)},
        **{name: total([model[f"{name}{of_sex}"] for model in models]) for name in ("n", "n_patients")},
        "unit": unit_of(list(pool.models.values()), pool.measure),
        "family": next(iter(pool.models.values()))["family"],
    }


def total(counts: list[Any]) -> Any:
    """Return the sum of counts, which is missing if a study withholds its count."""
    return pd.NA if any(pd.isna(count) for count in counts) else sum(map(int, counts))


def common(basis: Basis) -> Row:
    """Return the columns about the common age range and sex."""
    return {"sex": basis.sex, "window_low": basis.window[0], "window_high": basis.window[1], "reason": "ok"}


def estimated(effect: Effect, limits: EffectLimits, measure: str) -> Row:
    """Return the columns with an estimate and its confidence interval."""
    low, high = limits_in_unit(limits, measure)
    return {
        **{"slope": effect.value, "slope_se": effect.error},
        **{"effect": in_unit(effect.value, measure), "ci_low": low, "ci_high": high},
    }


def of_pooled(found: Pooled, measure: str) -> Row:
    """Return the columns with a pooled estimate, its intervals, and the heterogeneity."""
    prediction = limits_in_unit(found.prediction, measure)
    return {
        **estimated(Effect(found.mean, found.error), found.interval, measure),
        **{"prediction_low": prediction[0], "prediction_high": prediction[1]},
        **{"tau_squared": found.tau_squared, "i_squared": found.i_squared},
        "tau_squared_low": found.tau_squared_limits.low,
        "tau_squared_high": found.tau_squared_limits.high,
        **{"q": found.q, "log10_p_q": found.log10_p_q},
    }

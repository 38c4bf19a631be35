"""Comparison of effects per decade of age between two studies, from their stored age curves."""

import math
from dataclasses import dataclass
from typing import Any

from ctpop.stages.aging.effect_units import in_unit
from ctpop.stages.aging.stored_models import curve_of, limits_in_unit, normal_if_one_scan_each
from ctpop.stats.equivalence import (
    Effect,
    EffectLimits,
    attainable,
    difference_of_effects,
    inner_level,
    limits_of,
    log10_p_of_effect,
    outcome_of,
    pooled_sd,
)
from ctpop.stats.stored_curves import StoredCurve, common_sex, effect_of

LEAST_OVERLAP = 10.0  # ASSUME: years of a common age range
AGES = ("age_low", "age_high", "age_mean", "age_sd")
NOT_ATTAINABLE = "equivalence_not_attainable"

Row = dict[str, Any]
Window = tuple[float, float]


@dataclass(frozen=True)
class ComparisonLevels:
    """Confidence level, and margin of equivalence in residual SDs per decade."""

    confidence: float
    margin: float


def ages_of(model: Row | None, name: str) -> Row:
    """Return the columns with the size and the ages of a study (`a` or `b`); empty without a model."""
    if model is None:
        return {}
    by_sex = model["n_female"] + model["n_male"]
    return {
        f"n_{name}": model["n"],
        f"n_patients_{name}": model["n_patients"],
        **{f"{column}_{name}": model[column] for column in AGES},
        f"share_women_{name}": model["n_female"] / by_sex if by_sex else math.nan,
    }


def window_of(models: tuple[Row | None, Row | None]) -> Window | None:
    """Return the overlap of the age ranges of two models; None without ages."""
    if models[0] is None or models[1] is None:
        return None
    low = max(float(models[0]["age_low"]), float(models[1]["age_low"]))
    high = min(float(models[0]["age_high"]), float(models[1]["age_high"]))
    return None if math.isnan(low + high) else (low, high)


def why_not(models: tuple[Row | None, Row | None], counterpart: str) -> str:
    """Return `ok`, or the reason (one of `COMPARISON_REASONS`) why the effects of two studies are not compared."""
    if counterpart != "same":
        return "not_counterpart"
    curves = [None if model is None else curve_of(model) for model in models]
    window = window_of(models)
    if curves[0] is None or curves[1] is None or window is None:
        return "no_model"
    if not common_sex([curves[0].sexes, curves[1].sexes]):
        return "sexes_differ"
    return "short_overlap" if window[1] - window[0] < LEAST_OVERLAP else "ok"


def effects(models: tuple[Row | None, Row | None], counterpart: str, levels: ComparisonLevels) -> Row:
    """Return the columns of `comparison` about the effects per decade of two studies."""
    reason = why_not(models, counterpart)
    first, second = models
    window = window_of(models)
    if reason != "ok" or first is None or second is None or window is None:
        return {"outcome": "not_comparable", "reason": reason}
    pairs = [(model, curve) for model in (first, second) if (curve := curve_of(model))]
    sex = common_sex([curve.sexes for _, curve in pairs])
    found = [effect_of(curve, sex, window) for _, curve in pairs]
    measure = str(first["measure"])
    row: Row = {"reason": "ok", "sex": sex, "window_low": window[0], "window_high": window[1]}
    for name, (_, curve), effect in zip("ab", pairs, found, strict=True):
        row |= effect_columns(name, curve, effect, measure, levels.confidence)
    quantiles = [normal_if_one_scan_each(effect, model) for (model, _), effect in zip(pairs, found, strict=True)]
    spread = pooled_sd((first["residual_sd"], first["n"]), (second["residual_sd"], second["n"]))
    return row | difference(difference_of_effects(*quantiles), spread, measure, levels)


def effect_columns(name: str, curve: StoredCurve, effect: Effect, measure: str, confidence: float) -> Row:
    """Return the columns with the effect of a study (`a` or `b`) and its confidence interval."""
    low, high = limits_in_unit(limits_of(effect, confidence), measure)
    return {
        f"form_{name}": curve.form,
        f"effect_{name}": in_unit(effect.value, measure),
        f"effect_low_{name}": low,
        f"effect_high_{name}": high,
    }


def difference(gap: Effect, spread: float, measure: str, levels: ComparisonLevels) -> Row:
    """Return the columns with the difference between two effects, its intervals, the margins, and the outcome."""
    outer, level = limits_of(gap, levels.confidence), inner_level(levels.confidence)
    inner = limits_of(gap, level)
    margin = levels.margin * spread
    values = {
        **dict(zip(("difference_low", "difference_high"), limits_in_unit(outer, measure), strict=True)),
        **dict(zip(("inner_low", "inner_high"), limits_in_unit(inner, measure), strict=True)),
        **dict(zip(("margin_low", "margin_high"), limits_in_unit(EffectLimits(-margin, margin), measure), strict=True)),
    }
    return {
        "difference": in_unit(gap.value, measure),
        **values,
        "df": math.nan if math.isinf(gap.df) else gap.df,
        "residual_sd": spread,
        "smallest_margin": in_unit(inner.reach, measure),
        "smallest_margin_sd": inner.reach / spread if spread else math.nan,
        "outcome": outcome_of(outer, inner, margin),
        "note": None if attainable(gap.error, margin, level, gap.df) else NOT_ATTAINABLE,
        "log10_p": log10_p_of_effect(gap),
    }

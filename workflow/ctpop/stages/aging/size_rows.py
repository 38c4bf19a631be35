"""Rows of the table of body size: allometric exponents and indices of volume and height."""

from typing import Any

import numpy as np

from ctpop.stages.aging.age_models import AgeSample
from ctpop.stages.aging.age_series import sizes
from ctpop.stages.aging.effect_rows import AGE_YEARS, EffectSettings
from ctpop.stats.age_effects import BOTH, DECADE, in_percent
from ctpop.stats.body_size import allometric_model, correlations_with_height, volume_index
from ctpop.stats.linear_model import ModelFit, linear_model

EXPONENT, SQUARE = 1, 2.0  # position of the exponent among the coefficients; exponent of the index


def body_size_row(sample: AgeSample, settings: EffectSettings) -> dict[str, Any]:
    """Return the row of the table `body_size` for one structure; the only covariate of the sample is the height."""
    row = {"structure": sample.name["structure"]}
    of_sexes = {f"{name}_{sex}": n for sex in BOTH for name, n in sizes(sample.patients[_of(sample, sex)]).items()}
    reason, fit = _reason(sample, settings.n_min), None
    heights = sample.covariates[0].values if sample.covariates else np.empty(0)
    if reason == "ok":
        decades = (sample.ages - AGE_YEARS) / DECADE
        others = np.column_stack([*(sample.of_sex(sex) for sex in sample.sexes[1:]), decades]).astype(float)
        fit = allometric_model(sample.values, heights, others, sample.patients)
        reason = _reason_of_fit(fit, settings.n_min)
    if reason != "ok" or fit is None:
        return {**row, **sample.counts(None), **of_sexes, "reason": reason}
    return {
        **{**row, **sample.counts(None), **of_sexes, **_exponent(fit, settings.confidence)},
        **_index_effect(sample, heights, settings.confidence),
        **_by_sex(sample, heights, float(fit.coefficients[EXPONENT])),
        "reason": reason,
    }


def _of(sample: AgeSample, sex: str) -> np.ndarray:
    return sample.of_sex(sex) if sex in sample.sexes else np.zeros(len(sample.ages), dtype=bool)


def _reason(sample: AgeSample, n_min: int) -> str:
    if not sample.covariates:
        return "no_height"
    if len(sample.values) < n_min:
        return "too_few"
    if sample.values.min() <= 0:
        return "not_positive"
    if any(np.ptp(numbers) == 0 for numbers in (sample.values, sample.covariates[0].values, sample.ages)):
        return "all_equal"
    return "ok" if sample.sexes else "too_few"


def _reason_of_fit(fit: ModelFit, n_min: int) -> str:
    if fit.model.simple_df < n_min:
        return "too_few"
    return "explained" if fit.exact or not fit.model.kept.all() else "ok"


def _exponent(fit: ModelFit, confidence: float) -> dict[str, float]:
    unit = np.eye(len(fit.coefficients))[EXPONENT]
    found = fit.estimate(unit, confidence)
    return {
        **{"exponent": found.estimate, "ci_low": found.ci_low, "ci_high": found.ci_high, "log10_p": found.log10_p},
        "log10_p_square": fit.estimate(unit, confidence, SQUARE).log10_p,
    }


def _index_effect(sample: AgeSample, heights: np.ndarray, confidence: float) -> dict[str, float]:
    columns = [np.ones(len(heights)), *(sample.of_sex(sex) for sex in sample.sexes[1:]), sample.ages / DECADE]
    model = linear_model(np.column_stack(columns).astype(float), sample.patients)
    fit = model.fit(np.log(volume_index(sample.values, heights)))
    found = fit.estimate(np.eye(len(columns))[-1], confidence)
    names = ("index_effect", "index_ci_low", "index_ci_high")
    return {**dict(zip(names, in_percent(found), strict=True)), "log10_p_index": found.log10_p}


def _by_sex(sample: AgeSample, heights: np.ndarray, exponent: float) -> dict[str, float]:
    found: dict[str, float] = {}
    for sex in (sex for sex in BOTH if sex in sample.sexes):
        volumes, tall = sample.values[sample.of_sex(sex)], heights[sample.of_sex(sex)]
        quartiles = np.quantile(volume_index(volumes, tall), [0.25, 0.5, 0.75])
        found |= dict(zip((f"index_{name}_{sex}" for name in ("q1", "median", "q3")), quartiles, strict=True))
        found |= {
            f"rho_{name}_{sex}": rho for name, rho in vars(correlations_with_height(volumes, tall, exponent)).items()
        }
    return found

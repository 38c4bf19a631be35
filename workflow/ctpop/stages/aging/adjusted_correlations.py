"""Correlations with age that are adjusted for covariates, from probability-scale residuals."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from ctpop.stages.aging.age_series import Series
from ctpop.stages.aging.samples import AdjustmentSettings, Patients, Sample, sample_of
from ctpop.stats.correlation import Correlation, spearman
from ctpop.stats.design import design, strata_of
from ctpop.stats.ordinal import Ordinal
from ctpop.stats.psr import Residuals, WithinStrata, correlation_of_residuals

EXPLAINED = 0.01  # smallest SD of probability-scale residuals for a correlation; the SD is 0.58 without covariates


def adjusted_rows(each: Series, patients: Patients, settings: AdjustmentSettings) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table `adjusted` for one series, one for each set of covariates."""
    for covariates in patients.sets:
        sample = sample_of(each, covariates)
        reason = sample.why_not(settings.n_min)
        result, crude = Correlation(), Correlation()
        if reason == "ok":
            crude = spearman(sample.values, sample.ages, settings.confidence)
            result, reason = adjusted_correlation(sample, settings)
        yield {**each.name, **sample.counts, "rho_crude": crude.rho, **asdict(result), "reason": reason}


def adjusted_correlation(sample: Sample, settings: AdjustmentSettings) -> tuple[Correlation, str]:
    """Return the adjusted correlation with age, and `ok` or the reason for a missing result."""
    n = len(sample.values)
    if all(covariate.of_kinds for covariate in sample.covariates):
        strata = strata_of(sample.covariates, n)
        ages, values = WithinStrata(sample.ages, strata), WithinStrata(sample.values, strata)
        enough = n - ages.columns >= settings.n_min
        return correlation_left(ages, values, settings) if enough else (Correlation(), "too_few")
    columns = design(sample.covariates, n)
    if n - columns.shape[1] < settings.n_min:
        return Correlation(), "too_few"
    models = Ordinal(sample.ages, columns), Ordinal(sample.values, columns)
    settled = all(model.settled for model in models)
    return correlation_left(*models, settings) if settled else (Correlation(), "not_converged")


def correlation_left(ages: Residuals, values: Residuals, settings: AdjustmentSettings) -> tuple[Correlation, str]:
    """Return the correlation of residuals, and `ok` or the reason for a missing result."""
    if min(ages.values.std(), values.values.std()) < EXPLAINED:
        return Correlation(), "explained"
    result = correlation_of_residuals(ages, values, settings.confidence)
    return result, "perfect_order" if abs(result.rho) == 1 else "ok"

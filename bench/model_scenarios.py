"""Scenarios of models: slopes by age range, age distributions, adjusted correlations, centiles, and change points."""

import math
from functools import partial

import numpy as np
from scenarios import CONFIDENCE, Case, Scenario, correlated, holds, population_rho, rejects, scans_of

from ctpop.stats import change_points as lines
from ctpop.stats.age_effects import BOTH, age_model, central_ages, knots_in_use, line_knots
from ctpop.stats.age_spline import fit_spline
from ctpop.stats.centile_bands import band, covariance_of
from ctpop.stats.centile_choice import CANDIDATES, chosen_model
from ctpop.stats.centile_likelihood import CentileSample
from ctpop.stats.centile_misfit import cross_validated, deviating, shares_below, statistics_of
from ctpop.stats.change_point_limits import drawn_lines
from ctpop.stats.correlation import spearman
from ctpop.stats.design import Covariate, design, merged
from ctpop.stats.equivalence import Effect, difference_of_effects, inner_level, limits_of, outcome_of
from ctpop.stats.ordinal import Ordinal
from ctpop.stats.psr import correlation_of_residuals
from ctpop.stats.strata import within_strata

KNOTS = np.array([25.0, 45.0, 65.0, 85.0])
DECLINE = -0.05  # of ln(volume) per decade
SLOPE_HU, SPREAD_HU = -9.0, 17.0  # HU per decade, and residual SD
AGES = {  # ages of cohorts from uniform random numbers
    "18-100 y, uniform": lambda u: 18 + 82 * u,
    "18-100 y, right-skewed": lambda u: 18 + 82 * u**2,
    "40-80 y": lambda u: 40 + 40 * u,
    "55-74 y": lambda u: 55 + 19 * u,
}
MARGIN = 0.1 * SPREAD_HU  # HU per decade
PEARSON = -0.72  # of the standard normal variables of adjusted correlations
PERCENTS = np.array([3.0, 10.0, 25.0, 50.0, 75.0, 90.0, 97.0])
NORMAL = {3: -1.880793608, 50: 0.0, 97: 1.880793608}  # z scores of centiles
LARGEST = 3.5  # statistics of misfit
POINTS = 1500


def slopes(patients: int, scans: float, random: np.random.Generator) -> list[float]:
    """Return coverage of effects on ln(volume), and type I errors of the tests of the age curves.

    The decline in percent is the same in both sexes, so the decline in mL differs; the spread increases with age.
    """
    patient = scans_of(random, patients, scans)
    ages = random.uniform(20, 90, patients)[patient] + random.uniform(0, 3, len(patient))
    male = random.integers(0, 2, patients)[patient]
    spread = 0.12 + 0.002 * (ages - 20)
    values = math.log(150) + 0.3 * male + DECLINE * (ages - 50) / 10 + spread * correlated(random, patient)
    knots = knots_in_use(ages, KNOTS)
    curve = age_model(ages, BOTH, male, patient, knots)
    line = age_model(ages, BOTH, male, patient, line_knots(KNOTS))
    fits = line.model.fit(values), curve.model.fit(values)
    chosen = [(fits[0], line.window(25, 85)), (fits[1], curve.window(30, 80)), (fits[1], curve.window(55, 75))]
    found = [fit.estimate(window["standardized"], CONFIDENCE) for fit, window in chosen]
    tests = curve.tests(fits[1])
    return [
        *(holds(effect.ci_low, effect.ci_high, DECLINE) for effect in found),
        *(rejects(tests[term].log10_p) if term in tests else math.nan for term in ("nonlinear", "interaction")),
    ]


def hu_effect(ages: np.ndarray, values: np.ndarray, window: tuple[float, float]) -> tuple[Effect, float, float]:
    """Return the effect per decade in an age range with its confidence limits."""
    everyone = np.zeros(len(ages), dtype=int)
    model = age_model(ages, ("all",), everyone, np.arange(len(ages)), knots_in_use(ages, KNOTS))
    found = model.model.fit(values).estimate(model.window(*window)["all"], CONFIDENCE)
    return Effect(found.estimate, found.error, found.df), found.ci_low, found.ci_high


def age_ranges(name: str, n: int, truth: float, random: np.random.Generator) -> list[float]:
    """Return rho and the effect between 55 and 74 years in a cohort with an age distribution."""
    ages = AGES[name](random.random(n))
    values = SLOPE_HU * ages / 10 + SPREAD_HU * random.normal(size=n)
    rho, (effect, low, high) = spearman(ages, values, CONFIDENCE), hu_effect(ages, values, (55, 74))
    return [rho.rho, holds(rho.ci_low, rho.ci_high, truth), effect.value, holds(low, high, SLOPE_HU)]


def pairs(second: str, n: int, difference: float, random: np.random.Generator) -> list[float]:
    """Return the outcome of the comparison of a wide cohort with another one, and coverage of the difference."""
    ages = [AGES["18-100 y, uniform"](random.random(4004)), AGES[second](random.random(n))]
    per_decade = (SLOPE_HU, SLOPE_HU + difference)
    values = [
        slope * of / 10 + SPREAD_HU * random.normal(size=len(of)) for slope, of in zip(per_decade, ages, strict=True)
    ]
    ends = np.array([central_ages(of) for of in ages])
    window = float(ends[:, 0].max()), float(ends[:, 1].min())
    first, other = (hu_effect(of, measured, window)[0] for of, measured in zip(ages, values, strict=True))
    found = difference_of_effects(first, other)
    outer = limits_of(found, CONFIDENCE)
    outcome = outcome_of(outer, limits_of(found, inner_level(CONFIDENCE)), MARGIN)
    shares = [float(outcome == name) for name in ("equivalent", "inconclusive", "different")]
    return [*shares, holds(outer.low, outer.high, difference)]


def adjusted(n: int, levels: int, related: float, random: np.random.Generator) -> list[float]:
    """Return rho adjusted for a covariate with many levels: mean and coverage of two methods.

    `related` is the SD of the effects of the levels on both variables.
    """
    truth = 6 / math.pi * math.asin(PEARSON / 2)
    level, pair = random.integers(0, levels, n), random.normal(size=(n, 2))
    effects = related * random.normal(size=levels)[level]
    x, y = pair[:, 0], PEARSON * pair[:, 0] + math.sqrt(1 - PEARSON**2) * pair[:, 1]
    ages, values, patient = x + effects, y + effects, np.arange(n)
    small = merged([Covariate("site", level.astype(float), of_kinds=True)], patient, 10)
    columns = design(small.covariates, n)
    model = correlation_of_residuals(Ordinal(ages, columns), Ordinal(values, columns), CONFIDENCE)
    strata = within_strata(ages, values, level, patient, CONFIDENCE).correlation
    return [
        *(part for found in (model, strata) for part in (found.rho, holds(found.ci_low, found.ci_high, truth))),
        spearman(ages, values, CONFIDENCE).rho,
    ]


def centiles(measure: str, n: int, random: np.random.Generator) -> list[float]:
    """Return coverage of the bands of three centiles at 60 years, and whether a correct model is flagged as misfit."""
    ages, z = np.floor(random.uniform(20, 90, n)), random.normal(size=n)
    t = (ages - 50) / 10
    if measure == "volume_ml":  # Box-Cox Cole-Green distribution with a power of -0.3
        spread = 0.2 * np.exp(0.03 * t)
        values = np.exp(5.2 - 0.05 * t) * (1 - 0.3 * spread * z) ** (-1 / 0.3)
    else:
        values = 60 - 5 * t + 12 * np.exp(0.05 * t) * z
    sample = CentileSample(values, ages, np.arange(n), np.empty((n, 0)))
    choice = chosen_model(sample, CANDIDATES[measure])
    if choice.chosen is None or choice.chosen.fit is None:
        return [math.nan] * 4
    fit = choice.chosen.fit
    kept = sample.part(~choice.outliers)
    covariance, at = covariance_of(fit, kept.groups), np.array([60.0])
    limits = [band(fit, covariance, score, at, CONFIDENCE) for score in NORMAL.values()]
    if measure == "volume_ml":
        of = 0.2 * math.exp(0.03)
        truth = [math.exp(5.15) * (1 - 0.3 * of * score) ** (-1 / 0.3) for score in NORMAL.values()]
    else:
        truth = [55 + 12 * math.exp(0.05) * score for score in NORMAL.values()]
    covered = [holds(low[0], high[0], value) for (low, high), value in zip(limits, truth, strict=True)]
    return [*covered, misfit(cross_validated(fit, sample, choice.outliers), ages)]


def misfit(z: np.ndarray | None, ages: np.ndarray) -> float:
    """Return 1 if the percentages or a statistic of an age quartile deviate, and NaN without a cross-validation."""
    if z is None:
        return math.nan
    n = len(z)
    off = deviating(shares_below(z, np.ones(n), PERCENTS), PERCENTS, n).any()
    quartiles = np.searchsorted(np.quantile(ages, [0.25, 0.5, 0.75]), ages)
    statistics = np.array([statistics_of(z[quartiles == number]) for number in range(4)])
    return float(off or (np.abs(statistics) > LARGEST).any())


def change_point(law: str, n: int, random: np.random.Generator) -> list[float]:
    """Return the outcome, the age of the change, and the coverage of its interval; the residual SD is 40."""
    ages = np.floor(random.uniform(18, 100, n))
    laws = {
        "change at 42 y": -0.2 * np.minimum(ages - 42, 0) - 2.7 * np.maximum(ages - 42, 0),
        "straight line": -2.2 * ages,
        "quadratic": -0.02 * (ages - 18) ** 2,
    }
    values, patient, line = laws[law] + 40 * random.normal(size=n), np.arange(n), np.column_stack([np.ones(n), ages])
    grid = lines.grid_of(ages)
    bent = lines.hinges(ages, grid, line)
    profile = lines.profile_of(values, line, bent, grid)
    spline = fit_spline(values, ages, np.empty((n, 0)), patient, knots_in_use(ages, KNOTS))
    p = lines.score_test(lines.residuals_of(values, line), bent, patient, random)[1]
    rss = ((profile.rss_line, 3), (profile.rss, 5), (spline.rss, len(spline.knots) + 1))
    outcome = lines.outcome_of(p, profile, *(lines.bic(part, n, n, parameters) for part, parameters in rss))
    shares = [float(outcome == name) for name in ("break", "break_or_curve", "smooth_curve", "no_break")]
    if law != "change at 42 y" or outcome not in ("break", "break_or_curve"):
        return [*shares, float(p < 0.05) if law == "straight line" else math.nan, math.nan, math.nan]
    low, high = np.quantile(drawn_lines(values, line, patient, grid, random)[:, 0], [0.025, 0.975])
    return [*shares, math.nan, profile.age, holds(low, high, 42)]


def model_scenarios() -> list[Scenario]:
    """Return the scenarios."""
    probable = (np.arange(POINTS) + 0.5) / POINTS
    rho = {
        name: population_rho(SLOPE_HU * ages(probable) / 10, np.full(POINTS, SPREAD_HU)) for name, ages in AGES.items()
    }
    of_slopes = [(100, 1, 1.0), (300, 1, 1.0), (1000, 1, 0.5), (60, 2, 1.0), (120, 2, 1.0), (300, 4, 0.5)]
    of_pairs = [("55-74 y", 4004, 0.0), ("55-74 y", 500, 0.0), ("40-80 y", 4004, 0.0), ("40-80 y", 500, 0.0)]
    of_pairs += [("55-74 y", 4004, 3.4), ("40-80 y", 4004, 3.4)]
    of_levels = [(300, 4, 0.0), (300, 30, 0.0), (300, 60, 0.0), (600, 50, 0.0), (1000, 100, 0.0), (1000, 30, 1.0)]
    of_lines = [("change at 42 y", 500), ("change at 42 y", 1461), ("straight line", 1461), ("straight line", 2543)]
    of_lines += [("quadratic", 1461)]
    return [
        Scenario(
            "Effects per decade of age on volume: coverage of 95% confidence intervals and type I error of tests",
            "Effects are standardized to 50% women. The decline in percent is equal in both sexes, and the spread"
            " increases with age. The covariance is HC3, or CR2 with several scans per patient.",
            ("patients", "scans per patient"),
            {
                "straight line": "coverage",
                "spline, 30-80 y": "coverage",
                "spline, 55-75 y": "coverage",
                "P < .05, nonlinearity": "error",
                "P < .05, age by sex": "error",
            },
            tuple(Case((str(g), str(m)), partial(slopes, g, m), share) for g, m, share in of_slopes),
        ),
        Scenario(
            "One law in four age distributions: rho and effect per decade",
            "In all cohorts, the attenuation differs by -9 HU per decade of age (residual SD, 17 HU; n = 4004).",
            ("ages",),
            {
                "mean rho": "mean",
                "coverage of rho": "coverage",
                "mean effect, 55-74 y": "mean",
                "coverage of the effect": "coverage",
            },
            tuple(Case((name,), partial(age_ranges, name, 4004, truth), 0.5) for name, truth in rho.items()),
        ),
        Scenario(
            "Comparison of two cohorts by the effect per decade in the common age range",
            "The first cohort has 4004 patients of 18 to 100 years. The margin is 0.1 residual SDs (1.7 HU) per"
            " decade.",
            ("ages", "n", "difference (HU per decade)"),
            {
                "equivalent": "share",
                "inconclusive": "share",
                "different": "share",
                "coverage of the difference": "coverage",
            },
            tuple(Case((ages, str(n), str(d)), partial(pairs, ages, n, d), 0.3) for ages, n, d in of_pairs),
        ),
        Scenario(
            "Adjusted rho with a covariate of many levels",
            "The true adjusted correlation is -.703. The effects of the levels on both variables have the SD in the"
            " third column (0: the covariate is irrelevant). Levels with fewer than 10 patients are merged in the"
            " model.",
            ("n", "levels", "SD of effects"),
            {
                "mean rho, model": "mean",
                "coverage, model": "coverage",
                "mean rho, strata": "mean",
                "coverage, strata": "coverage",
                "mean rho, unadjusted": "mean",
            },
            tuple(Case((str(n), str(k), str(sd)), partial(adjusted, n, k, sd), 0.3) for n, k, sd in of_levels),
        ),
        Scenario(
            "Centile curves: coverage of 95% bands at 60 years, and correct models that are flagged",
            "",
            ("measure", "n"),
            {"3rd centile": "coverage", "50th centile": "coverage", "97th centile": "coverage", "misfit": "share"},
            tuple(
                Case((measure, str(n)), partial(centiles, measure, n), 0.2)
                for measure in ("volume_ml", "hu_mean")
                for n in (100, 300, 1000)
            ),
        ),
        Scenario(
            "Change points: outcomes, age of the change, and coverage of its 95% confidence interval",
            "The slope changes from -2 to -27 HU per decade at 42 years, or the relation is a straight line or a"
            " quadratic curve (residual SD, 40 HU). The type I error is that of the test of a straight line.",
            ("relation", "n"),
            {
                "break": "share",
                "break or curve": "share",
                "smooth curve": "share",
                "no break": "share",
                "P < .05": "error",
                "mean age": "mean",
                "coverage of 42 y": "coverage",
            },
            tuple(Case((law, str(n)), partial(change_point, law, n), 0.1) for law, n in of_lines),
        ),
    ]

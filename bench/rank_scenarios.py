"""Scenarios of rank statistics: repeated scans, two hypotheses on rho, effect sizes of groups, and missing values."""

import math
from functools import partial

import numpy as np
from scenarios import CONFIDENCE, Case, Scenario, correlated, holds, population_rho, rejects, scans_of
from scipy import special

from ctpop.stats.correlation import spearman
from ctpop.stats.epsilon_interval import epsilon_squared_error, epsilon_squared_interval
from ctpop.stats.groups import kruskal_wallis
from ctpop.stats.missing_values import inverse_weights, measured_model
from ctpop.stats.ranks import ranks_of
from ctpop.stats.ranksum import rank_sum
from ctpop.stats.score_test import score_test

CLUSTERS = ((50, 2), (100, 2), (200, 1.2), (200, 2), (200, 4), (1000, 2))  # patients, mean scans per patient
SLOPE = -0.04  # SD per year
SHIFTS = np.array([0.0, -0.3, -0.6, -0.9])  # means of the age groups in SDs
POINTS = 1500  # equally probable ages


def ages_of(random: np.random.Generator, patient: np.ndarray) -> np.ndarray:
    """Return ages at the scans, which are at most five years apart in a patient."""
    return random.uniform(20, 85, patient.max() + 1)[patient] + random.uniform(0, 5, len(patient))


def cluster_ages() -> np.ndarray:
    """Return equally probable ages of the distribution of `ages_of`."""
    parts = ((np.arange(2000) + 0.5) / 2000 * 65 + 20)[:, np.newaxis] + (np.arange(20) + 0.5) / 4
    return np.quantile(parts, (np.arange(POINTS) + 0.5) / POINTS)


def clustered_rho(patients: int, scans: float, truth: float, random: np.random.Generator) -> list[float]:
    """Return coverage and type I error of rho, with independent scans and with independent patients."""
    patient = scans_of(random, patients, scans)
    ages, noise = ages_of(random, patient), correlated(random, patient)
    effect = [spearman(ages, SLOPE * ages + noise, CONFIDENCE, patients=of) for of in (None, patient)]
    null = [spearman(ages, noise, CONFIDENCE, patients=of) for of in (None, patient)]
    return [
        *(holds(found.ci_low, found.ci_high, truth) for found in effect),
        *(rejects(found.log10_p_rho0) for found in null),
    ]


def clustered_groups(patients: int, scans: float, random: np.random.Generator) -> list[float]:
    """Return the type I errors of group tests, with independent scans and with independent patients."""
    patient = scans_of(random, patients, scans)
    ages, values = ages_of(random, patient), correlated(random, patient)
    quartiles = np.searchsorted(np.quantile(ages, [0.25, 0.5, 0.75]), ages) + 1
    ends = [quartiles == number for number in (1, 4)]
    pair, by = [values[end] for end in ends], (patient[ends[0]], patient[ends[1]])
    return [
        rejects(kruskal_wallis(values, quartiles).log10_p),
        rejects(score_test(ranks_of(values), quartiles, patient).log10_p),
        rejects(rank_sum(*pair).log10_p),
        rejects(rank_sum(*pair, patients=by).log10_p),
    ]


def two_hypotheses(shape: str, n: int, random: np.random.Generator) -> list[float]:
    """Return whether independence, and a rho of 0, are rejected in a relation with a rho of 0."""
    x, noise = random.uniform(-1, 1, n), random.normal(size=n)
    values = {"independent": noise, "U shape": 2 * x**2 + 0.7 * noise, "spread": noise * (0.4 + 2 * np.abs(x))}
    found = spearman(x, values[shape], CONFIDENCE)
    return [rejects(found.log10_p_independence), rejects(found.log10_p_rho0), holds(found.ci_low, found.ci_high, 0)]


def true_epsilon_squared(shifts: np.ndarray) -> float:
    """Return epsilon squared of four groups of equal size with normal values of SD 1."""
    means = special.ndtr(np.subtract.outer(shifts, shifts) / math.sqrt(2)).mean(axis=1)
    return float(12 * np.mean((means - 0.5) ** 2))


def group_effects(patients: int, scans: float, scale: float, random: np.random.Generator) -> list[float]:
    """Return coverage of epsilon squared and, for the first and last age groups, of AUC and shift."""
    patient = scans_of(random, patients, scans)
    ages, shifts = ages_of(random, patient), scale * SHIFTS
    groups = np.searchsorted(np.quantile(cluster_ages(), [0.25, 0.5, 0.75]), ages) + 1
    values = shifts[groups - 1] + correlated(random, patient)
    repeated = patient if scans > 1 else None
    ranks = ranks_of(values)
    test = kruskal_wallis(values, groups)
    statistic = test.h if repeated is None else score_test(ranks, groups, patient).q
    error = epsilon_squared_error(ranks, groups, repeated)
    limits = epsilon_squared_interval(test.epsilon_squared, error, statistic, 3, CONFIDENCE)
    ends = [groups == number for number in (1, 4)]
    by = None if repeated is None else (patient[ends[0]], patient[ends[1]])
    pair = rank_sum(values[ends[0]], values[ends[1]], confidence=CONFIDENCE, patients=by)
    difference = float(shifts[3] - shifts[0])
    return [
        holds(*limits, true_epsilon_squared(shifts)),
        holds(pair.auc_ci_low, pair.auc_ci_high, float(special.ndtr(difference / math.sqrt(2)))),
        holds(pair.shift_ci_low, pair.shift_ci_high, difference),
    ]


def missing_values(n: int, truth: float, random: np.random.Generator) -> list[float]:
    """Return mean and coverage of unweighted and weighted rho if missing values are more frequent in old patients."""
    ages, male = random.uniform(20, 90, n), (random.random(n) < 0.5).astype(float)
    values = -0.05 * ages + random.normal(size=n)
    measured = random.random(n) > 0.05 + 0.65 * ((ages - 20) / 70) ** 2
    model = measured_model(measured, ages, male)
    weights = inverse_weights(model.probability[measured])
    known = ages[measured], values[measured]
    plain, weighted = spearman(*known, CONFIDENCE), spearman(*known, CONFIDENCE, weights=weights)
    return [
        plain.rho - truth,
        weighted.rho - truth,
        holds(plain.ci_low, plain.ci_high, truth),
        holds(weighted.ci_low, weighted.ci_high, truth),
    ]


def rank_scenarios() -> list[Scenario]:
    """Return the scenarios."""
    ages = cluster_ages()
    of_clusters = population_rho(SLOPE * ages, np.ones(len(ages)))
    uniform = 20 + 70 * (np.arange(POINTS) + 0.5) / POINTS
    of_missing = population_rho(-0.05 * uniform, np.ones(POINTS))
    shapes = [("independent", 20), *((shape, n) for shape in ("U shape", "spread") for n in (100, 1000, 4004))]
    effects = [(100, 1, 0.0), (100, 1, 1.0), (400, 1, 1.0), (400, 1, 3.0), (100, 2, 1.0), (200, 4, 1.0)]
    return [
        Scenario(
            "Several scans per patient: rho",
            "The correlation between scans of a patient is .85. The intervals and P values (rho = 0) are computed as if"
            " the scans were independent, and from sums by patient.",
            ("patients", "scans per patient"),
            {
                "coverage, independent scans": "coverage",
                "coverage, by patient": "coverage",
                "P < .05, independent scans": "error",
                "P < .05, by patient": "error",
            },
            tuple(
                Case((str(g), str(m)), partial(clustered_rho, g, m, of_clusters), 1 if g < 1000 else 0.5)
                for g, m in CLUSTERS
            ),
        ),
        Scenario(
            "Several scans per patient: proportion of P < .05 in group tests without an effect of age",
            "",
            ("patients", "scans per patient"),
            {
                "Kruskal-Wallis": "error",
                "score test by patient": "error",
                "rank-sum, quartiles 1 and 4": "error",
                "rank-sum by patient": "error",
            },
            tuple(Case((str(g), str(m)), partial(clustered_groups, g, m), 1 if g < 1000 else 0.5) for g, m in CLUSTERS),
        ),
        Scenario(
            "Two hypotheses on rho: relations with a rho of 0",
            "Values are independent of age only in the first row. In the other rows, the test of independence may"
            " reject its hypothesis; the marks refer to its use as a test of a rho of 0.",
            ("relation", "n"),
            {"P < .05, independence": "error", "P < .05, rho = 0": "error", "coverage of 0": "coverage"},
            tuple(Case((shape, str(n)), partial(two_hypotheses, shape, n)) for shape, n in shapes),
        ),
        Scenario(
            "Coverage of 95% confidence intervals of effect sizes of age groups",
            "The means of four age groups of equal size decrease evenly from the first to the last group. AUC and shift"
            " are those of the last group compared with the first.",
            ("patients", "scans per patient", "last group (SD)"),
            {"epsilon squared": "coverage", "AUC": "coverage", "shift": "coverage"},
            tuple(
                Case(
                    (str(g), str(m), f"{scale * SHIFTS[-1]:.1f}" if scale else "0"), partial(group_effects, g, m, scale)
                )
                for g, m, scale in effects
            ),
        ),
        Scenario(
            "Missing values: rho with and without inverse-probability weights",
            "The proportion of missing values increases from 5% at 20 years to 70% at 90 years. Bias and coverage refer"
            " to the correlation in all patients.",
            ("n",),
            {
                "bias, unweighted": "mean",
                "bias, weighted": "mean",
                "coverage, unweighted": "coverage",
                "coverage, weighted": "coverage",
            },
            tuple(Case((str(n),), partial(missing_values, n, of_missing)) for n in (300, 2000)),
        ),
    ]

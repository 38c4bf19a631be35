"""Estimate the coverage of confidence intervals and the type I error of tests in simulated cohorts.

    python bench/validity.py > bench/validity.md                           # about 15 minutes on an idle machine
    python bench/validity.py --repeats 100 --sizes 50 200                  # short test
    python bench/validity.py --only "Adjusted rho"                         # one table

All data are simulated. Each row corresponds to a distribution and a cohort size. Each value is the proportion of
simulated cohorts in which the 95% confidence interval contains the true rank correlation, or in which P is below .05
under the null hypothesis. Values that differ from .95 or .05 by more than three Monte Carlo standard errors are marked:
"-" indicates intervals that are too narrow or too many false-positive results, and "+" indicates intervals that are too
wide or too few false-positive results. The random numbers depend only on the row, so each row can be computed
separately. The modules `rank_scenarios` and `model_scenarios` contain further scenarios: repeated scans, hypotheses on
rho, effect sizes, slopes, adjusted correlations, centiles, and change points.
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from machine import heading, load, table
from model_scenarios import model_scenarios
from rank_scenarios import rank_scenarios
from scenarios import ALPHA, CONFIDENCE, Scenario, marked, population_rho, row_of

from ctpop.stats.bootstrap import generator_for
from ctpop.stats.correlation import bonett_wright_error, fisher_interval, spearman
from ctpop.stats.groups import kruskal_wallis, quartile_cuts, quartile_of
from ctpop.stats.normality import kolmogorov_smirnov
from ctpop.stats.ordinal import Ordinal
from ctpop.stats.psr import correlation_of_residuals
from ctpop.stats.quade import quade
from ctpop.stats.rank_bootstrap import Ranked, drawn_correlations, percentile_intervals
from ctpop.stats.ranks import ranks_of
from ctpop.stats.ranksum import rank_sum

AGES = np.arange(18, 101)
SHARE = 0.5  # of the repeats, for the scenarios
DRAWS = 1000  # number of bootstrap draws, sufficient for the 2.5% and 97.5% quantiles
SIZES = (50, 200, 1000, 4004)
TOGETHER = 50  # number of cohorts that share bootstrap draws

Sampler = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Kind:
    """A distribution of ages and values with its population rank correlation."""

    name: str
    draw: Sampler
    rho: float


def normal(rho: float, random: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return samples of a bivariate normal distribution with a rank correlation."""
    pearson = 2 * math.sin(math.pi * rho / 6)
    x = random.normal(size=n)
    return x, pearson * x + math.sqrt(1 - pearson**2) * random.normal(size=n)


def by_age(mean: np.ndarray, sd: np.ndarray, random: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return uniformly distributed ages in whole years and normal values whose mean and SD depend on age."""
    index = random.integers(0, len(AGES), n)
    return AGES[index].astype(float), mean[index] + sd[index] * random.normal(size=n)


def kinds() -> list[Kind]:
    """Return the distributions: bivariate normal, heteroscedastic, nonlinear, and independent data."""
    years, flat = AGES - 18.0, np.ones(len(AGES))
    shapes = {
        "no effect of age": (0 * years, flat),
        "spread increases with age": (-0.055 * years, 0.2 + 0.02 * years),
        "spread increases with age, weaker": (-0.036 * years, 0.3 + 0.025 * years),
        "constant to 55 years, then decreasing": (-0.09 * np.maximum(AGES - 55.0, 0), flat),
    }
    of_age = [Kind(name, partial(by_age, *shape), population_rho(*shape)) for name, shape in shapes.items()]
    return [*(Kind("bivariate normal", partial(normal, rho), rho) for rho in (-0.786, -0.483)), *of_age]


def coverage(kind: Kind, n: int, repeats: int) -> list[str]:
    """Return the row of a distribution: the coverage of the intervals of four methods."""
    random, held, samples, boot = generator_for(1, kind.name, str(kind.rho), str(n)), np.zeros(3), [], []
    for _ in range(repeats):
        x, y = kind.draw(random, n)
        found = spearman(x, y, CONFIDENCE)
        errors = [math.sqrt(1 / (n - 3)), bonett_wright_error(found.rho, n)]
        others = [fisher_interval(found.rho, error, CONFIDENCE) for error in errors]
        held += [low <= kind.rho <= high for low, high in [(found.ci_low, found.ci_high), *others]]
        samples.append(Ranked(np.arange(n), ranks_of(y), ranks_of(x)))
        if len(samples) == TOGETHER:
            boot += bootstrap_holds(samples, n, kind.rho)
            samples = []
    shares = [*(held / repeats), np.mean(boot) if boot else math.nan]
    return [kind.name, f"{kind.rho:.3f}", str(n), *(marked(share, CONFIDENCE, repeats, -1) for share in shares)]


def bootstrap_holds(samples: list[Ranked], n: int, rho: float) -> list[bool]:
    """Return whether the bootstrap interval of each sample contains the true correlation."""
    drawn = np.concatenate(list(drawn_correlations(samples, n, DRAWS, 1, 1)), axis=1)
    low, high = percentile_intervals(drawn, CONFIDENCE)
    return [bool(inside) for inside in (low <= rho) & (rho <= high)]


def rank_tests(random: np.random.Generator, n: int) -> list[float]:
    """Return log10 P of the tests used in the paper without an effect of age: integer values, ages in whole years."""
    ages, values = random.choice(AGES, n).astype(float), np.round(random.normal(50, 12, n))
    quartiles = quartile_of(ages, quartile_cuts(ages), "right_closed")
    pair = rank_sum(values[quartiles == 1], values[quartiles == 4])
    return [
        spearman(ages, values, CONFIDENCE).log10_p_independence,
        kruskal_wallis(values, quartiles).log10_p,
        pair.log10_p,
    ]


def unequal_spread(random: np.random.Generator, n: int) -> list[float]:
    """Return log10 P of the rank-sum test with equal medians, SD 1 in 63% of the patients and SD 4 in the others."""
    first = round(0.63 * n)
    return [rank_sum(random.normal(0, 1, first), random.normal(0, 4, n - first)).log10_p]


def normality_tests(random: np.random.Generator, n: int) -> list[float]:
    """Return log10 P of the three variants of the normality test for normally distributed attenuations."""
    values = random.normal(50, 12, n)
    found = [kolmogorov_smirnov(values, method).p for method in ("lilliefors", "ks_fitted", "ks_standard")]
    return [math.log10(max(p, 1e-300)) for p in found]


def confounded(random: np.random.Generator, n: int) -> tuple[np.ndarray, ...]:
    """Return age, sex, height, and a volume that depends only on sex and height, which are associated with age."""
    ages = random.choice(AGES, n).astype(float)
    male = (random.random(n) < 0.84 - 0.4 * (ages - 18) / 82).astype(float)
    height = 166 + 12 * male - 0.08 * (ages - 18) + 6 * random.normal(size=n)
    volume = np.exp(0.15 * male + 0.012 * (height - 170) + 0.15 * random.normal(size=n))
    return ages, male, height, volume


def confounded_tests(random: np.random.Generator, n: int) -> list[float]:
    """Return log10 P of unadjusted, partly adjusted, and fully adjusted tests of `confounded`."""
    ages, male, height, volume = confounded(random, n)
    columns = np.column_stack([(of - of.mean()) / of.std() for of in (male, height)])
    by_sex = [Ordinal(sample, columns[:, :1]) for sample in (ages, volume)]
    by_both = [Ordinal(sample, columns) for sample in (ages, volume)]
    quartiles = quartile_of(ages, quartile_cuts(ages), "right_closed")
    return [
        spearman(ages, volume, CONFIDENCE).log10_p_independence,
        correlation_of_residuals(*by_sex, CONFIDENCE).log10_p_independence,
        correlation_of_residuals(*by_both, CONFIDENCE).log10_p_independence,
        quade(volume, quartiles, height[:, np.newaxis], male[:, np.newaxis]).log10_p,
    ]


def false_positives(tests: Callable[[np.random.Generator, int], list[float]], n: int, repeats: int) -> list[str]:
    """Return the sample size and the proportion of P values below .05 of each test."""
    random = generator_for(1, tests.__name__, str(n))
    found = np.array([tests(random, n) for _ in range(repeats)])
    return [str(n), *(marked(share, ALPHA, repeats, 1) for share in (found < math.log10(ALPHA)).mean(axis=0))]


def lines(sizes: list[int], repeats: int, jobs: int) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Yield the header and the rows of each table."""
    with ProcessPoolExecutor(jobs) as pool:
        cases = [(kind, n) for kind in KINDS for n in sizes]
        head = ["data", "rho", "n", "influence function", "Fisher", "Bonett-Wright", "bootstrap"]
        yield head, list(pool.map(coverage, *zip(*cases, strict=True), [repeats] * len(cases)))
        for tests, names in TESTS.items():
            yield ["n", *names], list(pool.map(partial(false_positives, tests), sizes, [repeats] * len(sizes)))


def scenarios() -> list[Scenario]:
    """Return the scenarios of the other modules."""
    return [*rank_scenarios(), *model_scenarios()]


def of_scenario(scenario: Scenario, repeats: int, jobs: int) -> str:
    """Return the section of a scenario: title, text, and table."""
    with ProcessPoolExecutor(jobs) as pool:
        rows = list(pool.map(partial(row_of, scenario), scenario.cases, [repeats] * len(scenario.cases)))
    return "\n\n".join(filter(None, [f"## {scenario.title}", scenario.text, table(scenario.head, rows)]))


KINDS = kinds()
TESTS = {
    rank_tests: ("Spearman", "Kruskal-Wallis", "rank-sum, quartiles 1 and 4"),
    unequal_spread: ("rank-sum, equal medians, SD 1 and 4",),
    normality_tests: ("lilliefors", "ks_fitted", "ks_standard"),
    confounded_tests: (
        "unadjusted",
        "residuals, adjusted for sex",
        "residuals, adjusted for sex and height",
        "Quade test, adjusted for sex and height",
    ),
}
TITLES = [
    "## Coverage of 95% confidence intervals of rho",
    "## Proportion of P < .05 without an effect of age (ages in whole years, integer values)",
    "## Proportion of P < .05 with equal medians and unequal spread",
    "## Proportion of P < .05 in tests of normality of normally distributed values",
    "## Proportion of P < .05 with effects of sex and height only\n\n"
    "Adjustment for sex alone does not remove the effect of height.",
]


def main() -> None:
    """Simulate and print the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=2000, help="cohorts per row (default: %(default)s)")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="cohort sizes of the first tables")
    parser.add_argument("--jobs", type=int, default=2, help="processes; they do not affect the results")
    parser.add_argument(
        "--only", metavar="WORDS", help="omit the first tables, and others without these words in the title"
    )
    options = parser.parse_args()
    before, parts = load(), []
    tables = [] if options.only else lines(options.sizes, options.repeats, options.jobs)
    for title, (head, rows) in zip(TITLES, tables, strict=options.only is None):
        sys.stderr.write(f"{title}\n")
        parts.append(f"{title}\n\n{table(head, rows)}")
    for scenario in scenarios():
        if (options.only or "") in scenario.title:
            sys.stderr.write(f"## {scenario.title}\n")
            parts.append(of_scenario(scenario, round(options.repeats * SHARE), options.jobs))
    error = 3 * math.sqrt(ALPHA * (1 - ALPHA) / options.repeats)
    note = (
        f"All data are simulated, with {options.repeats} cohorts per row unless a column contains another number."
        f" Values that differ from .95 or .05 by more than three standard errors ({error:.3f} for {options.repeats}"
        f' cohorts) are marked with "-" (invalid) or "+" (conservative). The bootstrap of rho uses {DRAWS} draws.'
    )
    sys.stdout.write("\n\n".join([heading(before), note, *parts]) + "\n")


if __name__ == "__main__":
    main()

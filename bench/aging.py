"""Measure time and memory of the aging statistics in comparison with a loop of SciPy calls, on simulated cohorts.

    python bench/aging.py > bench/aging.md                        # complete: about ten minutes on an idle machine
    python bench/aging.py --draws 640 --large 0                   # partial: fewer draws, no large cohort

The script computes the tests used in the paper (tables normality, associations, groups, posthoc) for 104 structures and
two measures, and bootstrap intervals of all correlations, in this process. It then runs the complete `aging` command,
which includes the start of Python and the reading and checking of tables, for both cohort sizes. The SciPy loop sorts
in each test and each draw; its bootstrap time is extrapolated from some of the draws. Five percent of the values are
missing, and attenuation values are integers. Finally, the script runs all commands of the aging stage for 4004 patients
with one scan each and for 1000 patients with four scans each.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from aging_commands import (
    CHANGE_POINTS,
    LABEL_SET,
    TIERS_A_AND_B,
    analysis_of,
    cohort_of,
    command_rows,
    cost_of,
    write_cohort,
)
from aging_commands import MOST_GB as LIMIT_GB
from aging_commands import MOST_SECONDS as LIMITS
from machine import grouped, heading, load, table
from scipy import stats
from statsmodels.stats.diagnostic import lilliefors

from ctpop.contracts import all_tables
from ctpop.stages.aging import command as aging
from ctpop.stages.aging import intervals
from ctpop.stages.aging.age_series import Series, split, with_ages
from ctpop.stats.groups import quartile_of
from ctpop.study import label_sets
from ctpop.study.configuration import chosen

MOST_SECONDS, MOST_BOOTSTRAP, LEAST_RATIO = 3, 120, 50  # targets for 4004 patients
MOST_LARGE, MOST_GB = 60, 6  # targets for 100,000 patients
REPEATED = (1000, 4)  # patients, and scans per patient
TEXT = (
    "All commands of the aging stage with 104 structures and 24 groups (256 outcomes), four covariates, and change"
    f" points of {CHANGE_POINTS} structures. Targets on two cores: {LIMITS['tiers A and B']} s for tiers A and B"
    f" ({', '.join(f'`{name}`' for name in TIERS_A_AND_B)}), {LIMITS['centiles']} s for `centiles`,"
    f" {LIMITS['change-points']} s for `change-points`, and {LIMIT_GB} GB of memory."
)
SCIPY_DRAWS, SCIPY_SERIES = 50, 8  # measured part of the SciPy loop


def timed(work: Callable[[], object]) -> tuple[float, object]:
    """Return the duration of a call (s) and its result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def ours(series: list[Series], cuts: np.ndarray, settings: aging.AgingSettings) -> dict[str, pd.DataFrame]:
    """Return the four tables of the tests in the paper."""
    return {
        "normality": aging.normality_table(series, settings),
        "associations": aging.association_table(series, settings),
        "groups": aging.group_table(series, cuts, settings),
        "posthoc": aging.posthoc_table(series, cuts, settings),
    }


def by_scipy(series: list[Series], cuts: np.ndarray, closed: str) -> pd.DataFrame:
    """Return the same tests computed one by one with SciPy, without intervals and effect sizes."""
    rows = []
    for each in series:
        values, ages = each.values, each.ages
        quartiles = quartile_of(ages, cuts, closed)
        groups = [values[quartiles == number] for number in (1, 2, 3, 4)]
        pairs = [stats.mannwhitneyu(*pair, method="asymptotic").pvalue for pair in combinations(groups, 2)]
        d, rho, h = lilliefors(values)[0], stats.spearmanr(values, ages).statistic, stats.kruskal(*groups).statistic
        rows.append({"d": d, "rho": rho, "h": h, "pairs": pairs})
    return pd.DataFrame(rows)


def draws_by_scipy(series: list[Series], draws: int) -> None:
    """Compute the correlations of some draws with SciPy."""
    random = np.random.default_rng(2)
    for each in series:
        size = len(each.rows)
        for _ in range(draws):
            drawn = random.integers(0, size, size)
            stats.spearmanr(each.values[drawn], each.ages[drawn])


def in_memory(options: argparse.Namespace, settings: aging.AgingSettings) -> list[list[str]]:
    """Return the table rows for the tests and for the bootstrap."""
    names = label_sets.read(LABEL_SET).names
    cohort = cohort_of(options.patients)
    observations = with_ages(all_tables.ANALYSIS.check(analysis_of(cohort, names)), cohort)
    cuts = aging.cut_points(cohort["age_years"].to_numpy(dtype=float), settings.cut_years)
    seconds, tables = timed(lambda: ours(split(observations, names), cuts, settings))
    series = split(observations, names)
    of_scipy, peer = timed(lambda: by_scipy(series, cuts, settings.quartiles))
    apart = largest_difference(tables, peer)
    draws = intervals.Draws(options.draws, 1, options.threads)
    table_of = tables["associations"]
    boot, _ = timed(lambda: intervals.bootstrap(table_of, series, options.patients, draws, settings.confidence))
    part, _ = timed(lambda: draws_by_scipy(series[:SCIPY_SERIES], SCIPY_DRAWS))
    plain = part / SCIPY_DRAWS / SCIPY_SERIES * options.draws * len(series)
    held = boot < MOST_BOOTSTRAP and plain > LEAST_RATIO * boot
    cells = [
        f"{options.draws:,} draws of {len(series)} correlations",
        f"{boot:.1f}",
        f"{plain:.0f}",
        f"{plain / boot:.0f}",
    ]
    return [
        [
            f"tests used in the paper, {len(series)} series",
            f"{seconds:.2f}",
            f"{of_scipy:.2f}",
            f"{of_scipy / seconds:.1f}",
            f"{apart:.0e}",
            answer(seconds < MOST_SECONDS),
        ],
        [*cells, "–", answer(held)],
    ]


def largest_difference(tables: dict[str, pd.DataFrame], peer: pd.DataFrame) -> float:
    """Return the largest difference from SciPy in D, rho, H (relative), and P values of pairs."""
    p = tables["posthoc"]["p"].to_numpy(dtype=float).reshape(len(peer), -1)
    gaps = [
        tables["normality"]["d"] - peer["d"],
        tables["associations"]["rho"] - peer["rho"],
        tables["groups"]["h"] / peer["h"] - 1,
        p - np.array(peer["pairs"].tolist()),
    ]
    return max(float(np.nanmax(np.abs(gap))) for gap in gaps)


def answer(held: bool) -> str:
    return "yes" if held else "no"


def aging_row(patients: int, work: Path, most: float) -> list[str]:
    """Return the row of the table for the complete command `aging`."""
    values = write_cohort(work, cohort_of(patients))
    cost = cost_of("aging", work)
    held = answer(cost.seconds < most and cost.gb < MOST_GB)
    return [grouped(patients), f"{values:,}", f"{cost.seconds:.1f}", f"{cost.gb:.1f}", held]


def main() -> None:
    """Measure and print the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=4004, help="size of the cohort (default: %(default)s)")
    parser.add_argument("--draws", type=int, default=10_000, help="bootstrap draws (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="threads of the bootstrap (default: %(default)s)")
    parser.add_argument(
        "--large", type=int, default=100_000, help="size of the large cohort; 0 omits it (default: %(default)s)"
    )
    options = parser.parse_args()
    before, settings = load(), chosen(aging.AgingSettings, "aging", None)
    rows = in_memory(options, settings)
    with tempfile.TemporaryDirectory() as folder:
        sizes = {options.patients: MOST_SECONDS, options.large: MOST_LARGE}
        rows_of_aging = [aging_row(size, Path(folder) / str(size), most) for size, most in sizes.items() if size]
        rows_of_commands = [
            row
            for patients, scans in ((options.patients, 1), REPEATED)
            for row in command_rows(patients, scans, Path(folder) / f"{patients}x{scans}")
        ]
    targets = (
        f"Targets for 4004 patients on two cores: tests in less than {MOST_SECONDS} s; 10,000 draws in less than"
        f" {MOST_BOOTSTRAP} s and at {LEAST_RATIO} times the speed of the SciPy loop. Targets for 100,000 patients:"
        f" less than {MOST_LARGE} s and {MOST_GB} GB. The four tables also contain confidence intervals of rho, epsilon"
        " squared, AUC, and shift, which the SciPy loop does not compute."
    )
    head = [
        f"{grouped(options.patients)} patients",
        "time (s)",
        "SciPy (s)",
        "ratio",
        "largest difference",
        "target met",
    ]
    whole = ["command `aging`, patients", "values", "time (s)", "memory (GB)", "target met"]
    of_commands = ["patients × scans", "values", "command", "time (s)", "memory (GB)", "target met"]
    parts = [targets, table(head, rows), table(whole, rows_of_aging), TEXT, table(of_commands, rows_of_commands)]
    sys.stdout.write("\n\n".join([heading(before), *parts]) + "\n")


if __name__ == "__main__":
    main()

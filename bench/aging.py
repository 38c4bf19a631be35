"""Measure time and memory of the aging statistics in comparison with a loop of SciPy calls, on simulated cohorts.

    python bench/aging.py > bench/aging.md                        # complete: about ten minutes on an idle machine
    python bench/aging.py --draws 640 --large 0                   # partial: fewer draws, no large cohort

The script computes the tests used in the paper (tables normality, associations, groups, posthoc) for 104 structures and
two measures, and bootstrap intervals of all correlations, in this process. It then runs the complete `aging` command,
which includes the start of Python and the reading and checking of tables, for both cohort sizes. The SciPy loop sorts
in each test and each draw; its bootstrap time is extrapolated from some of the draws. Five percent of the values are
missing, and attenuation values are integers.
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
import pyarrow as arrow
import pyarrow.parquet as parquet
from machine import grouped, heading, load, table
from runs import measured
from scipy import stats
from statsmodels.stats.diagnostic import lilliefors

from ctpop.contracts import all_tables
from ctpop.stages.aging import command as aging
from ctpop.stages.aging import intervals
from ctpop.stages.aging.age_series import Series, split, with_ages
from ctpop.stats.groups import quartile_of
from ctpop.study import label_sets
from ctpop.study.configuration import chosen

LABEL_SET = "paper_104"
MOST_SECONDS, MOST_BOOTSTRAP, LEAST_RATIO = 3, 120, 50  # targets for 4004 patients
MOST_LARGE, MOST_GB = 60, 6  # targets for 100,000 patients
SCIPY_DRAWS, SCIPY_SERIES = 50, 8  # measured part of the SciPy loop


def cohort_of(patients: int) -> pd.DataFrame:
    """Return a cohort with ages in whole years."""
    table = pd.DataFrame(dict.fromkeys(all_tables.COHORT.columns), index=range(patients))
    ages = np.random.default_rng(0).integers(18, 101, patients).astype(float)
    return all_tables.COHORT.check(
        table.assign(scan_id=[f"scan{number:06d}" for number in range(patients)], age_years=ages)
    )


def analysis_of(cohort: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return simulated values with various associations with age; the values of every second series are rounded."""
    random, ages = np.random.default_rng(1), cohort["age_years"].to_numpy(dtype=float)
    parts = []
    for name in names:
        for measure in all_tables.MEASURES:
            trend = random.normal(0, 0.4) * (ages - ages.mean()) / ages.std() + random.normal(size=len(ages))
            values = 100 * np.exp(0.2 * trend) if measure == "volume_ml" else np.round(50 + 12 * trend)
            kept = random.random(len(ages)) >= 0.05
            ids = cohort["scan_id"].to_numpy()[kept]
            parts.append(pd.DataFrame({"scan_id": ids, "structure": name, "measure": measure, "value": values[kept]}))
    return pd.concat(parts, ignore_index=True)


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


def command(patients: int, work: Path, most: float) -> list[str]:
    """Return the row of the table for the complete command."""
    cohort = cohort_of(patients)
    work.mkdir(parents=True, exist_ok=True)
    all_tables.COHORT.write(cohort, work / "cohort.parquet")
    values = analysis_of(cohort, label_sets.read(LABEL_SET).names).sort_values(list(all_tables.ANALYSIS.key))
    parquet.write_table(arrow.Table.from_pandas(values, preserve_index=False), work / "analysis.parquet")
    tables = ("normality", "associations", "groups", "posthoc")
    files = [word for name in tables for word in (f"--{name}", str(work / "tables" / f"{name}.parquet"))]
    given = ["--analysis", str(work / "analysis.parquet"), "--cohort", str(work / "cohort.parquet")]
    cost = measured([sys.executable, "-m", "ctpop", "aging", *given, "--structures", LABEL_SET, *files])
    gb = cost.host_mb / 1024
    held = answer(cost.seconds < most and gb < MOST_GB)
    return [grouped(patients), f"{len(values):,}", f"{cost.seconds:.1f}", f"{gb:.1f}", held]


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
        commands = [command(size, Path(folder) / str(size), most) for size, most in sizes.items() if size]
    targets = (
        f"Targets for 4004 patients on two cores: tests in less than {MOST_SECONDS} s; 10,000 draws in less than"
        f" {MOST_BOOTSTRAP} s and at {LEAST_RATIO} times the speed of the SciPy loop. Targets for 100,000 patients:"
        f" less than {MOST_LARGE} s and {MOST_GB} GB."
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
    sys.stdout.write(f"{heading(before)}\n\n{targets}\n\n{table(head, rows)}\n\n{table(whole, commands)}\n")


if __name__ == "__main__":
    main()

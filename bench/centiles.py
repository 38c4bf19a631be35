"""Measure time and memory of the centile curves, and how often correct and wrong models are marked as misfit.

    python bench/centiles.py > bench/centiles.md                      # complete: about ten minutes on an idle machine
    python bench/centiles.py --patients 1000 --cohorts 20             # short test

The script runs the complete `centiles` command for 128 structures and two measures of a simulated cohort: candidate
models, confidence bands, 10-fold cross-validation, and z scores. The comparison is a plain loop in which each candidate
and each fold is fitted with `scipy.optimize.minimize` and numerical gradients; its time is extrapolated from a few
fits. The second table contains the proportion of simulated cohorts in which the curves are marked as misfit, and the
third the coverage of the 95% confidence bands at nine combinations of age and centile.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from machine import grouped, heading, load, table
from runs import measured
from scipy import optimize, stats

from ctpop.contracts import all_tables
from ctpop.stages.aging.centile_outcomes import CentileSettings, Task
from ctpop.stages.aging.centile_tables import calibration_rows, modeled
from ctpop.stats.centile_bands import band
from ctpop.stats.centile_curves import LOCATION_KNOTS, SPREAD_KNOTS
from ctpop.stats.splines import natural_basis

STRUCTURES, FOLDS, SCIPY_FITS = 128, 10, 3
MOST_SECONDS, MOST_GB, MOST_FLAGS = 240, 4, 0.05  # targets for 4004 patients, and for a correct model at n = 300
Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]
SETTINGS = CentileSettings(100, 300, [], 0.95)
AGES, CENTILES = np.array([30.0, 60.0, 85.0]), (0.03, 0.5, 0.97)


def median_and_spread(ages: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the median volume (mL) and the coefficient of variation of the simulated patients."""
    decades = (ages - 50) / 10
    return np.exp(5.2 - 0.05 * decades), 0.2 * np.exp(0.03 * decades)


def volumes(kind: str, random: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return ages in whole years and volumes of the simulated patients."""
    ages = np.floor(random.uniform(20, 90, n))
    median, spread = median_and_spread(ages)
    z, skew = random.standard_normal(n), np.full(n, -0.3)
    if kind == "t with 3 degrees of freedom":
        return ages, median * np.exp(0.1 * random.standard_t(3, n))
    if kind == "skewness linear in age":
        skew = 1.51 - 3 * (ages - 20) / 70
    if kind == "skewness changes twice":
        skew = np.where(np.abs(ages - 55) < 15, 2.0, -2.0)
    if kind == "two groups of patients":
        z = np.where(random.random(n) < 0.5, -1.2, 1.2) + 0.3 * z
    return ages, median * np.maximum(1 + skew * spread * z, 0.05) ** (1 / skew)


def attenuations(random: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return ages in whole years and skewed attenuation of the simulated patients."""
    ages = np.floor(random.uniform(20, 90, n))
    return ages, 60 - 0.8 * ages + 15 * np.sinh((np.arcsinh(random.standard_normal(n)) - 0.2) / 0.95)


def outcome(measure: str, draw: Draw, n: int, seed: int) -> tuple[bool, bool, np.ndarray]:
    """Return whether curves are fitted, whether they are marked as misfit, and which bands contain the true centile."""
    ages, values = draw(np.random.default_rng(seed), n)
    name = {"structure": "organ", "measure": measure, "sex": "male"}
    found = modeled(Task(name, values, ages, np.arange(n), {}, SETTINGS))
    whole = next(iter(calibration_rows(found)))
    inside = np.zeros((len(CENTILES), len(AGES)), dtype=bool)
    median, spread = median_and_spread(AGES)
    for row, share in enumerate(CENTILES):
        z = float(stats.norm.ppf(share))
        if found.fit is not None and measure == "volume_ml":
            low, high = band(found.fit, found.covariance, z, AGES, 0.95)
            true = median * (1 - 0.3 * spread * z) ** (1 / -0.3)
            inside[row] = (low < true) & (true < high)
    return found.fit is not None, bool(whole.get("misfit", False)), inside


def simulated(options: argparse.Namespace) -> tuple[list[list[str]], list[list[str]]]:
    """Return the rows of the tables of misfits and of coverage."""
    kinds: list[tuple[str, str, Draw, int]] = [
        *(("correct volume", "volume_ml", partial(volumes, "correct"), n) for n in (100, 300, 2000)),
        *(("correct attenuation", "hu_mean", attenuations, n) for n in (100, 300, 2000)),
        *(
            (kind, "volume_ml", partial(volumes, kind), 2000)
            for kind in (
                *("skewness linear in age", "t with 3 degrees of freedom"),
                *("skewness changes twice", "two groups of patients"),
            )
        ),
    ]
    flags, coverage = [], []
    for name, measure, draw, n in kinds:
        number = options.cohorts if n < 2000 else max(1, options.cohorts // 5)
        with ProcessPoolExecutor(options.threads) as pool:
            found = list(pool.map(partial(outcome, measure, draw, n), range(number)))
        fitted, marked = (float(np.mean([each[place] for each in found])) for place in (0, 1))
        held = "–" if not name.startswith("correct") else answer(marked <= MOST_FLAGS)
        flags.append([name, grouped(n), str(number), f"{fitted:.2f}", f"{marked:.3f}", held])
        if name == "correct volume":
            inside = np.mean([each[2] for each in found], axis=0)
            coverage.append([grouped(n), str(number), *(f"{share:.3f}" for share in inside.ravel())])
    return flags, coverage


def answer(held: bool) -> str:
    """Return whether a target was met."""
    return "yes" if held else "no"


def command(options: argparse.Namespace, work: Path) -> tuple[float, list[str]]:
    """Return the time of the complete command (s) and its row of the table."""
    random, n = np.random.default_rng(1), options.patients
    cohort = pd.DataFrame(dict.fromkeys(all_tables.COHORT.columns), index=range(n))
    scans = [f"scan{number:06d}" for number in range(n)]
    ages = np.floor(random.uniform(18, 101, n))
    cohort = cohort.assign(scan_id=scans, age_years=ages, sex=np.where(random.random(n) < 0.4, "female", "male"))
    all_tables.COHORT.write(all_tables.COHORT.check(cohort), work / "cohort.parquet")
    rows, labels = [], []
    for number in range(options.structures):
        labels.append(f"{number + 1},organ_{number:03d},,abdomen,")
        z, trend = random.standard_normal((2, n)), random.normal(0, 0.004)
        kind = z[0] / np.sqrt(random.chisquare(6, n) / 6) if number % 4 == 0 else z[0]  # one fourth with heavy tails
        of_measure = {
            "volume_ml": 150 * np.exp(trend * ages + 0.2 * kind),
            "hu_mean": 60 - 200 * trend * ages + 15 * z[1],
        }
        for measure, values in of_measure.items():
            named = {"scan_id": scans, "structure": f"organ_{number:03d}", "measure": measure, "value": values}
            rows.append(pd.DataFrame(named))
    all_tables.ANALYSIS.write(pd.concat(rows), work / "analysis.parquet")
    (work / "labels.csv").write_text("label,structure,side,group,lower_bound_ml\n" + "\n".join(labels) + "\n")
    outputs = ("centiles", "models", "calibration", "worms", "z-scores")
    files = [word for name in outputs for word in (f"--{name}", str(work / f"{name}.parquet"))]
    given = ["--analysis", str(work / "analysis.parquet"), "--cohort", str(work / "cohort.parquet")]
    given += ["--structures", str(work / "labels.csv"), "--threads", str(options.threads)]
    cost = measured([sys.executable, "-m", "ctpop", "centiles", *given, *files])
    gb = cost.host_mb / 1024
    held = answer(cost.seconds < MOST_SECONDS and gb < MOST_GB)
    outcomes = f"{2 * options.structures} outcomes, {options.threads} processes"
    return cost.seconds, [f"{grouped(n)} patients, {outcomes}", f"{cost.seconds:.0f}", f"{gb:.1f}", held]


def plain_fit(n: int, seed: int) -> float:
    """Return the time (s) of one fit of the simplest candidate by SciPy with numerical gradients."""
    ages, values = volumes("correct", np.random.default_rng(seed), n)
    location, spread = (natural_basis(ages, np.quantile(ages, knots)) for knots in (LOCATION_KNOTS, SPREAD_KNOTS))

    def cost(parameters: np.ndarray) -> float:
        log_s, power = spread @ parameters[4:7], parameters[7] or 1e-9
        ratio = np.log(values) - location @ parameters[:4]
        z = np.expm1(power * ratio) / (power * np.exp(log_s))
        edge = 1 / (np.exp(log_s) * abs(power))
        return -float(np.mean(power * ratio - log_s - z**2 / 2 - stats.norm.logcdf(edge)))

    heights = np.linalg.lstsq(location, np.log(values))[0]
    start = time.perf_counter()
    optimize.minimize(cost, [*heights, -1.6, -1.6, -1.6, 0.1], method="L-BFGS-B")
    return time.perf_counter() - start


def main() -> None:
    """Measure and print the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=4004, help="size of the cohort (default: %(default)s)")
    parser.add_argument("--structures", type=int, default=STRUCTURES, help="structures (default: %(default)s)")
    parser.add_argument("--cohorts", type=int, default=200, help="simulated cohorts (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="processes (default: %(default)s)")
    options = parser.parse_args()
    before = load()
    with tempfile.TemporaryDirectory() as folder:
        seconds, row = command(options, Path(folder))
    each = float(np.median([plain_fit(options.patients // 2, seed) for seed in range(SCIPY_FITS)]))
    fits = options.structures * 2 * (3 + FOLDS) * 2  # three candidates and the folds, for both sexes and both measures
    plain = each * fits / options.threads
    flags, coverage = simulated(options) if options.cohorts else ([], [])
    targets = (
        f"Targets: less than {MOST_SECONDS} s and {MOST_GB} GB for 4004 patients on two cores, and at most"
        f" {100 * MOST_FLAGS:.0f}% of cohorts marked as misfit if the model is correct. The plain loop fits the same"
        " number of models one by one with SciPy and numerical gradients, without bands."
    )
    whole = ["command `centiles`", "time (s)", "memory (GB)", "target met", "plain loop (s)", "ratio"]
    row += [f"{plain:.0f}", f"{plain / seconds:.1f}"]
    marks = ["simulated values", "patients of one sex", "cohorts", "curves fitted", "marked as misfit", "target met"]
    points = [f"{100 * share:.0f}%, {age:.0f} y" for share in CENTILES for age in AGES]
    parts = [
        *(heading(before), targets, table(whole, [row]), "Proportions of cohorts:", table(marks, flags)),
        *("Coverage of the 95% confidence bands:", table(["patients", "cohorts", *points], coverage)),
    ]
    sys.stdout.write("\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main()

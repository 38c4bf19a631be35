"""Measure how often change points are found, and how often their intervals contain the true value.

    OPENBLAS_NUM_THREADS=1 python bench/change_points.py > bench/change_points.md

Ages are uniform in whole years from 18 to 99, and the residual standard deviation is 40 HU. The hinge has slopes of -2
and -27 HU per decade before and after 42 years, the straight line has -22 HU per decade, and the curve is quadratic. In
`clusters`, patients have three scans within three years, with an intraclass correlation of .85.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from machine import heading, load, table

from ctpop.stages.aging.change_points import ChangePointSettings, Relation, compared

KNOTS = [25.0, 45.0, 65.0, 85.0]
SETTINGS = ChangePointSettings(0.95, [], 0.5, KNOTS, [], [], 1, 10)
CHANGE_YEARS, BEFORE, AFTER, SPREAD = 42.0, -0.2, -2.7, 40.0
LAWS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "hinge": lambda ages: BEFORE * np.minimum(ages - CHANGE_YEARS, 0) + AFTER * np.maximum(ages - CHANGE_YEARS, 0),
    "line": lambda ages: -2.2 * ages,
    "curve": lambda ages: -0.02 * (ages - 18) ** 2,
}
OUTCOMES = ("break", "break_or_curve", "smooth_curve", "no_break")


@dataclass(frozen=True)
class Scenario:
    """A simulated relation: law, numbers of patients and of scans per patient, and whether the spread grows."""

    law: str
    patients: int
    scans: int = 1
    grows: bool = False


SCENARIOS = (
    *(Scenario("hinge", n) for n in (500, 1461, 5000)),
    Scenario("hinge", 1461, grows=True),
    Scenario("hinge", 500, scans=3),
    *(Scenario("line", n) for n in (100, 1461, 2543)),
    Scenario("line", 2543, grows=True),
    Scenario("line", 500, scans=3),
    *(Scenario("curve", n) for n in (1461, 5000)),
)


def sample(scenario: Scenario, random: np.random.Generator) -> Relation:
    """Return a simulated sample."""
    patients = np.repeat(np.arange(scenario.patients), scenario.scans)
    ages = np.floor(random.uniform(18, 100, scenario.patients))[patients]
    ages = ages + (random.uniform(0, 3, len(ages)) if scenario.scans > 1 else 0)
    shared = 0.85 if scenario.scans > 1 else 0.0
    noise = np.sqrt(shared) * random.standard_normal(scenario.patients)[patients]
    noise += np.sqrt(1 - shared) * random.standard_normal(len(ages))
    spread = SPREAD * (0.5 + (ages - 18) / 82 if scenario.grows else 1)
    return Relation("hu_mean", LAWS[scenario.law](ages) + spread * noise, ages, np.empty((len(ages), 0)), patients)


def row_of(scenario: Scenario, samples: int, seed: int) -> list[str]:
    """Return a row of the page."""
    random = np.random.default_rng([seed, SCENARIOS.index(scenario)])
    start = time.perf_counter()
    found = [compared(sample(scenario, random), SETTINGS, random)[0] for _ in range(samples)]
    seconds = (time.perf_counter() - start) / samples
    shares = [f"{np.mean([each['outcome'] == outcome for each in found]):.3f}" for outcome in OUTCOMES]
    rejected = f"{np.mean([each['p'] < 0.05 for each in found]):.3f}"
    breaks = [each for each in found if "age_years" in each]
    name = f"{scenario.law}{', growing spread' if scenario.grows else ''}"
    size = f"{scenario.patients}{f' x {scenario.scans}' if scenario.scans > 1 else ''}"
    if scenario.law != "hinge" or not breaks:
        return [name, size, *shares, rejected, "", "", "", "", f"{seconds:.2f}"]
    true = {"age": CHANGE_YEARS, "slope_before": 10 * BEFORE, "slope_after": 10 * AFTER}
    limits = {"age": ("age_low_years", "age_high_years")}
    covered = []
    for key, value in true.items():
        low, high = limits.get(key, (f"{key}_low", f"{key}_high"))
        covered.append(f"{np.mean([each[low] <= value <= each[high] for each in breaks]):.3f}")
    median = f"{np.median([each['age_years'] for each in breaks]):.1f}"
    return [name, size, *shares, rejected, median, *covered, f"{seconds:.2f}"]


def main() -> None:
    """Simulate and print the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=200, help="samples of each scenario (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random numbers (default: %(default)s)")
    options = parser.parse_args()
    before = load()
    rows = [row_of(scenario, options.samples, options.seed) for scenario in SCENARIOS]
    print(heading(before))
    print(f"\nProportions of {options.samples} samples; coverage of 95% intervals among samples with a reported age.\n")
    names = ["relation", "patients", *OUTCOMES, "P < .05", "median age", "age covered", "slope before", "slope after"]
    print(table([*names, "s per sample"], rows))


if __name__ == "__main__":
    main()

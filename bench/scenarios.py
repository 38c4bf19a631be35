"""Scenarios of simulated cohorts: columns of results, cases, and table rows in which invalid results are marked."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from ctpop.stats.bootstrap import generator_for

CONFIDENCE, ALPHA = 0.95, 0.05
NOMINAL = {"coverage": (CONFIDENCE, -1), "error": (ALPHA, 1)}  # by kind of column: nominal share and invalid direction

Draw = Callable[[np.random.Generator], Sequence[float]]


@dataclass(frozen=True)
class Case:
    """A row of a table: labels, simulation of one cohort that returns a result per column, and share of repeats.

    A result is 1 or 0 in columns of shares; a missing result (NaN) is left out.
    """

    labels: tuple[str, ...]
    draw: Draw
    share: float = 1.0


@dataclass(frozen=True)
class Scenario:
    """A table: title, text below it, labels of the rows, and columns by name with their kind.

    The kinds are `coverage` (of 95% confidence intervals), `error` (P < .05 without an effect), `share`, and `mean`.
    """

    title: str
    text: str
    labels: tuple[str, ...]
    columns: dict[str, str]
    cases: tuple[Case, ...]

    @property
    def head(self) -> list[str]:
        """Header of the table."""
        return [*self.labels, *self.columns, "cohorts"]


def row_of(scenario: Scenario, case: Case, repeats: int) -> list[str]:
    """Return the row of a case; the random numbers depend only on the scenario and the labels."""
    random, n = generator_for(1, scenario.title, *case.labels), max(round(repeats * case.share), 1)
    found = np.array([case.draw(random) for _ in range(n)], dtype=float)
    cells = [cell(values, kind) for values, kind in zip(found.T, scenario.columns.values(), strict=True)]
    return [*case.labels, *cells, str(n)]


def cell(values: np.ndarray, kind: str) -> str:
    """Return the mean of the known results, with a mark if a share is invalid or conservative."""
    known = values[~np.isnan(values)]
    if not len(known):
        return "–"
    share = float(known.mean())
    if kind not in NOMINAL:
        return f"{share:.3f}"
    nominal, worse = NOMINAL[kind]
    return marked(share, nominal, len(known), worse)


def marked(share: float, nominal: float, repeats: int, worse: int) -> str:
    """Return a proportion, marked if it differs by more than three standard errors.

    A deviation in the direction `worse` (1 or -1) is marked as invalid.
    """
    if math.isnan(share):
        return "–"
    off = share - nominal
    if abs(off) <= 3 * math.sqrt(nominal * (1 - nominal) / repeats):
        return f"{share:.3f}"
    return f"{share:.3f} {'-' if off * worse > 0 else '+'}"


def holds(low: float, high: float, truth: float) -> float:
    """Return 1 if an interval contains the true value, 0 if not, and NaN if there is no interval."""
    return math.nan if math.isnan(low) or math.isnan(high) else float(low <= truth <= high)


def rejects(log10_p: float) -> float:
    """Return 1 if P is below .05, 0 if not, and NaN without a P value."""
    return math.nan if math.isnan(log10_p) else float(log10_p < math.log10(ALPHA))


def population_rho(mean: np.ndarray, sd: np.ndarray) -> float:
    """Return the rank correlation of x and normal values, for equally probable ascending points x."""
    above = special.ndtr(np.subtract.outer(mean, mean) / np.hypot.outer(sd, sd)).mean(axis=1)
    ranks = (np.arange(len(mean)) + 0.5) / len(mean) - 0.5
    return float(np.mean(ranks * above) / math.sqrt(np.mean(ranks**2) / 12))


def scans_of(random: np.random.Generator, patients: int, mean_scans: float) -> np.ndarray:
    """Return the patient of each scan; the number of scans per patient is 1 plus a Poisson variable."""
    return np.repeat(np.arange(patients), 1 + random.poisson(mean_scans - 1, patients))


def correlated(random: np.random.Generator, patient: np.ndarray, within: float = 0.85) -> np.ndarray:
    """Return standard normal values with a correlation between scans of the same patient."""
    of_patient = random.normal(size=patient.max() + 1)[patient]
    return np.sqrt(within) * of_patient + np.sqrt(1 - within) * random.normal(size=len(patient))

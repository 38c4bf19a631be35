"""Covariates as the columns that models fit: numbers as natural splines, kinds as indicators, none redundant."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ctpop.stats.splines import natural_basis

KNOTS = (0.1, 0.5, 0.9)  # SOURCE: Harrell, Regression Modeling Strategies, 2nd ed. 2015, table 2.3, for three knots
REDUNDANT = 1e-7  # share of a column that is not a sum of others; below it, rounding alone


@dataclass(frozen=True)
class Covariate:
    """What is known of each patient beside age: numbers, or the codes of kinds (0, 1 …); NaN where not known."""

    name: str
    values: np.ndarray
    of_kinds: bool

    def among(self, rows: np.ndarray) -> "Covariate":
        """Return the covariate of some of the patients, by position or mask."""
        return Covariate(self.name, self.values[rows], self.of_kinds)

    @property
    def varies(self) -> bool:
        """Whether at least two patients are known to differ."""
        known = self.values[np.isfinite(self.values)]
        return len(known) > 0 and bool(np.ptp(known) > 0)


def complete(covariates: Sequence[Covariate], n: int) -> np.ndarray:
    """Return which of n patients have all of the covariates."""
    known = np.ones(n, dtype=bool)
    for covariate in covariates:
        known &= np.isfinite(covariate.values)
    return known


def strata_of(covariates: Sequence[Covariate], n: int) -> np.ndarray:
    """Return the number of each patient's stratum: those who share all kinds, of covariates that are complete."""
    strata = np.zeros(n, dtype=int)
    for covariate in covariates:
        _, kind = np.unique(covariate.values, return_inverse=True)
        _, strata = np.unique(strata * (kind.max(initial=0) + 1) + kind, return_inverse=True)
    return strata


def indicators(covariate: Covariate) -> np.ndarray:
    """Return one column of 0 and 1 for each kind but the first: (n, kinds - 1)."""
    kinds = np.unique(covariate.values)[1:]
    return np.asarray(covariate.values[:, np.newaxis] == kinds, dtype=float)


def smooth(covariate: Covariate) -> np.ndarray:
    """Return the columns of a natural spline with three knots (10, 50, 90 %), or of a line where these coincide."""
    knots = np.unique(np.quantile(covariate.values, KNOTS))
    if len(knots) < len(KNOTS):
        return covariate.values[:, np.newaxis]
    return natural_basis(covariate.values, knots)


def design(covariates: Sequence[Covariate], n: int, given: np.ndarray | None = None) -> np.ndarray:
    """Return the columns (n, q) of covariates that are complete, of mean 0 and sd 1, without redundant ones.

    A column that is a linear combination of a constant, of the columns `given` (n, p) and of those before it is left
    out: a constant, a covariate twice, kinds that others imply. The fit of a model is the same without it.
    """
    parts = [indicators(covariate) if covariate.of_kinds else smooth(covariate) for covariate in covariates]
    columns = np.column_stack([np.empty((n, 0)), *parts])
    kept = [column / column.std() for column in (columns - columns.mean(axis=0)).T if column.std() > 0]
    before = np.ones((n, 1)) if given is None else np.column_stack([np.ones(n), given])
    return independent(np.column_stack([np.empty((n, 0)), *kept]), before)


def independent(columns: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return the columns that are no linear combination of those before them, by Gram-Schmidt, done twice."""
    basis, _ = np.linalg.qr(before)
    kept = []
    for column in columns.T:
        left = column - basis @ (basis.T @ column)
        left -= basis @ (basis.T @ left)
        if np.linalg.norm(left) > REDUNDANT * np.linalg.norm(column):
            basis = np.column_stack([basis, left / np.linalg.norm(left)])
            kept.append(column)
    return np.column_stack([np.empty((len(columns), 0)), *kept])

"""The cumulative probability model: a logistic model of a variable of any distribution, which asks only for its order.

P(Y <= y | z) = G(alpha(y) - z beta), G(t) = 1 / (1 + exp(-t)), with one alpha for each distinct value but the largest:
proportional odds with as many categories as there are values (Liu, Shepherd, Li and Harrell, Stat Med 2017;36:4316;
`orm` of R's rms). A monotone transform of Y changes nothing.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solveh_banded
from scipy.special import expit, log_expit, logit

RIDGE = 1e-6  # on coefficients of columns of sd 1: keeps them finite where a column separates the values wholly
MOST_STEPS = 60
MOST_HALVINGS = 40
SETTLED = 1e-10  # decrement of Newton's method: twice the distance of the log likelihood from its maximum


class Ordinal:
    """Probability-scale residuals of a sample, given the columns (n, p) of its covariates.

    `values` are the residuals, in the order of the sample; `settled` tells whether the fit converged. The sample has
    two distinct values or more; the columns have mean 0 and are independent.
    """

    def __init__(self, sample: np.ndarray, columns: np.ndarray) -> None:
        self._order = np.argsort(sample, kind="stable")
        _, first, counts = np.unique(sample[self._order], return_index=True, return_counts=True)
        self._levels = Levels(first, counts)
        self._z = np.ascontiguousarray(columns[self._order])
        self.columns = columns.shape[1]
        self.settled = False
        self._fit()
        a, b = self._probabilities()
        self.values = np.empty(len(sample))
        self.values[self._order] = a + b - 1

    def carried(self, weights: np.ndarray) -> np.ndarray:
        """Return the influence of each patient on mean(weights * residuals) through the estimated coefficients."""
        a, b = self._probabilities()
        at_lower, at_upper = a * (1 - a), b * (1 - b)
        inside = weights[self._order]
        by_alpha = self._levels.to_alpha(inside * at_lower, inside * at_upper)
        by_beta = -self._z.T @ (inside * (at_lower + at_upper))
        alpha, beta = self._information(a, b).solve(by_alpha, by_beta)
        spread = self._levels.spread(_odds(self._gaps()))
        lower, upper = self._levels.to_rows(alpha)
        scores = (1 - b + spread) * upper - (a + spread) * lower + (a + b - 1) * (self._z @ beta)
        influence = np.empty(len(weights))
        influence[self._order] = scores
        return influence

    def _fit(self) -> None:
        """Find the maximum of the log likelihood, which is concave, by Newton's method with halved steps."""
        n = len(self._z)
        self._alpha = logit(np.cumsum(self._levels.counts)[:-1] / n)
        self._beta = np.zeros(self.columns)
        for _ in range(MOST_STEPS if self.columns else 0):
            a, b = self._probabilities()
            slope_alpha, slope_beta = self._slope(a, b)
            step_alpha, step_beta = self._information(a, b).solve(slope_alpha, slope_beta)
            decrement = float(slope_alpha @ step_alpha + slope_beta @ step_beta)
            self._walk(step_alpha, step_beta)
            if decrement < SETTLED:
                break
        self.settled = self.columns == 0 or decrement < SETTLED

    def _walk(self, step_alpha: np.ndarray, step_beta: np.ndarray) -> None:
        """Take a step, halved until the likelihood does not fall; none if it always falls."""
        start, alpha, beta = self._log_likelihood(), self._alpha, self._beta
        for halving in range(MOST_HALVINGS):
            self._alpha, self._beta = alpha + step_alpha / 2**halving, beta + step_beta / 2**halving
            if np.all(self._gaps() > 0) and self._log_likelihood() >= start - 1e-12 * abs(start):
                return
        self._alpha, self._beta = alpha, beta

    def _gaps(self) -> np.ndarray:
        return np.diff(self._alpha)

    def _probabilities(self) -> tuple[np.ndarray, np.ndarray]:
        """Return P(Y < y) and P(Y <= y) of each row."""
        lower, upper = self._levels.to_rows(self._alpha, -np.inf, np.inf)
        shift = self._z @ self._beta
        return expit(lower - shift), expit(upper - shift)

    def _log_likelihood(self) -> float:
        """Return the sum of ln(G(u) - G(l)) = ln G(u) + ln G(-l) + ln(1 - exp(l - u)), less the ridge."""
        lower, upper = self._levels.to_rows(self._alpha, -np.inf, np.inf)
        shift = self._z @ self._beta
        between = self._levels.counts[1:-1] @ np.log(-np.expm1(-self._gaps()))
        rows = log_expit(upper - shift).sum() + log_expit(shift - lower).sum()
        return float(rows + between - RIDGE / 2 * self._beta @ self._beta)

    def _slope(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        spread = self._levels.spread(_odds(self._gaps()))
        by_alpha = self._levels.to_alpha(-a - spread, 1 - b + spread)
        return by_alpha, self._z.T @ (a + b - 1) - RIDGE * self._beta

    def _information(self, a: np.ndarray, b: np.ndarray) -> "Information":
        at_lower, at_upper = a * (1 - a), b * (1 - b)
        odds = _odds(self._gaps())
        curve = odds * (1 + odds)
        spread = self._levels.spread(curve)
        diagonal = self._levels.to_alpha(at_lower + spread, at_upper + spread)
        beside = np.concatenate([[0.0], -self._levels.counts[1:-1] * curve])
        across = -self._levels.to_alpha(at_lower[:, np.newaxis] * self._z, at_upper[:, np.newaxis] * self._z)
        inner = (self._z * (at_lower + at_upper)[:, np.newaxis]).T @ self._z + RIDGE * np.eye(self.columns)
        return Information(np.vstack([beside, diagonal]), across, inner)


@dataclass(frozen=True)
class Levels:
    """The distinct values of a sorted sample: the first row of each, and how many rows have it.

    Level j lies between alpha[j - 1] and alpha[j]; the lowest has no alpha below it, the highest none above.
    """

    first: np.ndarray
    counts: np.ndarray

    def to_rows(self, alpha: np.ndarray, lowest: float = 0.0, highest: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Return the alpha below and above each row."""
        return (
            np.repeat(np.concatenate([[lowest], alpha]), self.counts),
            np.repeat(np.concatenate([alpha, [highest]]), self.counts),
        )

    def to_alpha(self, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
        """Return for each alpha the sum of what rows right above it and right below it contribute."""
        sums: np.ndarray = np.add.reduceat(upper, self.first)[:-1] + np.add.reduceat(lower, self.first)[1:]
        return sums

    def spread(self, between: np.ndarray) -> np.ndarray:
        """Return for each row a number that belongs to the gap between two alphas; 0 for the lowest and highest."""
        return np.repeat(np.concatenate([[0.0], between, [0.0]]), self.counts)


@dataclass(frozen=True)
class Information:
    """The information matrix: the band of the alphas (2, k), across (k, p) and of the betas (p, p)."""

    band: np.ndarray
    across: np.ndarray
    inner: np.ndarray

    def solve(self, alpha: np.ndarray, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the solution of information times (alpha, beta) = the given, in time that grows with k."""
        sides = np.column_stack([alpha, self.across])
        single = len(alpha) == 1  # two distinct values, which LAPACK's banded solver refuses
        solved = sides / self.band[1] if single else solveh_banded(self.band, sides, check_finite=False)
        part, columns = solved[:, 0], solved[:, 1:]
        found = np.linalg.solve(self.inner - self.across.T @ columns, beta - self.across.T @ part)
        return part - columns @ found, found


def _odds(gaps: np.ndarray) -> np.ndarray:
    """Return 1 / (exp(gap) - 1)."""
    result: np.ndarray = np.exp(-gaps) / -np.expm1(-gaps)
    return result

"""The cumulative probability model: a logistic model of a variable that uses only the order of its values.

P(Y <= y | z) = G(alpha(y) - z beta) and G(t) = 1 / (1 + exp(-t)), with one alpha for each distinct value except the
largest: proportional odds with as many categories as distinct values (Liu, Shepherd, Li, and Harrell, Stat Med
2017;36:4316; `orm` in the R package rms). Monotone transformations of Y do not affect the model.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solveh_banded
from scipy.special import expit, log_expit, logit

RIDGE = 1e-6  # penalty on coefficients of columns with SD 1: finite estimates if a column separates the values
MOST_STEPS = 60
MOST_HALVINGS = 40
SETTLED = 1e-10  # decrement of Newton's method: twice the difference of the log likelihood from its maximum


class Ordinal:
    """Probability-scale residuals of a sample, given the covariates of its members.

    The residuals result from the cumulative probability model of this module, which the constructor fits.

    Parameters
    ----------
    sample : np.ndarray of float, shape (n,)
        Values of the dependent variable, in any unit, with at least two distinct values.
    columns : np.ndarray of float, shape (n, p)
        Covariates, one column each, in the order of the sample. The columns have mean 0 and are linearly independent.

    Attributes
    ----------
    values : np.ndarray of float, shape (n,)
        Residuals from -1 to 1, in the order of the sample.
    columns : int
        Number of covariate columns, p.
    settled : bool
        Whether the fit converged.

    Examples
    --------
    >>> sample = np.array([1.0, 2.0, 2.0, 3.0])
    >>> without_covariates = Ordinal(sample, np.empty((4, 0)))
    >>> without_covariates.values.round(6).tolist()
    [-0.75, 0.0, 0.0, 0.75]
    >>> with_covariate = Ordinal(sample, np.array([[-1.0], [1.0], [-1.0], [1.0]]))
    >>> with_covariate.settled, with_covariate.columns
    (True, 1)

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
        """Return the influence of each scan on mean(weights * residuals) through the estimated coefficients.

        Parameters
        ----------
        weights : np.ndarray of float, shape (n,)
            Weight of each residual, in the order of the sample.

        Returns
        -------
        np.ndarray of float, shape (n,)
            Influence of each scan, in the order of the sample.

        Examples
        --------
        >>> fitted = Ordinal(np.array([1.0, 2.0, 2.0, 3.0]), np.empty((4, 0)))
        >>> fitted.carried(np.ones(4)).round(6).tolist()
        [0.75, 0.0, 0.0, -0.75]

        """
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
        """Maximize the log likelihood, which is concave, by Newton's method with step halving."""
        n = len(self._z)
        self._alpha = logit(np.cumsum(self._levels.counts)[:-1] / n)
        self._beta = np.zeros(self.columns)
        for _ in range(MOST_STEPS if self.columns else 0):
            a, b = self._probabilities()
            slope_alpha, slope_beta = self._slope(a, b)
            step_alpha, step_beta = self._information(a, b).solve(slope_alpha, slope_beta)
            decrement = float(slope_alpha @ step_alpha + slope_beta @ step_beta)
            self._step(step_alpha, step_beta)
            if decrement < SETTLED:
                break
        self.settled = self.columns == 0 or decrement < SETTLED

    def _step(self, step_alpha: np.ndarray, step_beta: np.ndarray) -> None:
        """Apply a step, halved until the likelihood does not decrease; apply none if it always decreases."""
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
        """Return the sum of ln(G(u) - G(l)) = ln G(u) + ln G(-l) + ln(1 - exp(l - u)), minus the ridge penalty."""
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
    """The distinct values of a sorted sample.

    Level j is between alpha[j - 1] and alpha[j]; the lowest level has no alpha below it, and the highest level has no
    alpha above it.

    Attributes
    ----------
    first : np.ndarray of int, shape (k + 1,)
        First row of each distinct value in the sorted sample, in ascending order of the values.
    counts : np.ndarray of int, shape (k + 1,)
        Number of rows with each distinct value.

    Examples
    --------
    >>> levels = Levels(np.array([0, 1, 3]), np.array([1, 2, 1]))  # of the sample 1, 2, 2, 3
    >>> levels.counts.sum().item()
    4

    """

    first: np.ndarray
    counts: np.ndarray

    def to_rows(self, alpha: np.ndarray, lowest: float = 0.0, highest: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Return the alpha below and the alpha above each row.

        Parameters
        ----------
        alpha : np.ndarray of float, shape (k,)
            One number for each distinct value except the largest.
        lowest : float
            Value of alpha below the lowest level.
        highest : float
            Value of alpha above the highest level.

        Returns
        -------
        below : np.ndarray of float, shape (n,)
            Alpha below each row of the sorted sample.
        above : np.ndarray of float, shape (n,)
            Alpha above each row of the sorted sample.

        Examples
        --------
        >>> below, above = Levels(np.array([0, 1, 3]), np.array([1, 2, 1])).to_rows(np.array([5.0, 6.0]))
        >>> below.tolist(), above.tolist()
        ([0.0, 5.0, 5.0, 6.0], [5.0, 6.0, 6.0, 0.0])

        """
        return (
            np.repeat(np.concatenate([[lowest], alpha]), self.counts),
            np.repeat(np.concatenate([alpha, [highest]]), self.counts),
        )

    def to_alpha(self, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
        """Return for each alpha the sum of the contributions of the rows directly above it and directly below it.

        Parameters
        ----------
        lower : np.ndarray of float, shape (n,) or (n, p)
            Contribution of each row of the sorted sample to the alpha below it.
        upper : np.ndarray of float, shape (n,) or (n, p)
            Contribution of each row of the sorted sample to the alpha above it.

        Returns
        -------
        np.ndarray of float, shape (k,) or (k, p)
            Sum for each alpha.

        Examples
        --------
        >>> levels = Levels(np.array([0, 1, 3]), np.array([1, 2, 1]))
        >>> levels.to_alpha(np.array([0.0, 1.0, 1.0, 1.0]), np.array([10.0, 10.0, 10.0, 0.0])).tolist()
        [12.0, 21.0]

        """
        sums: np.ndarray = np.add.reduceat(upper, self.first)[:-1] + np.add.reduceat(lower, self.first)[1:]
        return sums

    def spread(self, between: np.ndarray) -> np.ndarray:
        """Return for each row the value of the gap between its two alphas; 0 for the lowest and highest levels.

        Parameters
        ----------
        between : np.ndarray of float, shape (k - 1,)
            Value of each gap between two adjacent alphas.

        Returns
        -------
        np.ndarray of float, shape (n,)
            Value of each row of the sorted sample.

        Examples
        --------
        >>> Levels(np.array([0, 1, 3]), np.array([1, 2, 1])).spread(np.array([7.0])).tolist()
        [0.0, 7.0, 7.0, 0.0]

        """
        return np.repeat(np.concatenate([[0.0], between, [0.0]]), self.counts)


@dataclass(frozen=True)
class Information:
    """The information matrix of the coefficients, in blocks.

    Attributes
    ----------
    band : np.ndarray of float, shape (2, k)
        Tridiagonal block of the alphas: the off-diagonal elements (the first one is unused) and the diagonal.
    across : np.ndarray of float, shape (k, p)
        Block of the alphas (rows) and the betas (columns).
    inner : np.ndarray of float, shape (p, p)
        Block of the betas.

    Examples
    --------
    >>> information = Information(np.array([[0.0, 0.0], [2.0, 4.0]]), np.zeros((2, 1)), np.array([[5.0]]))
    >>> information.band.shape
    (2, 2)

    """

    band: np.ndarray
    across: np.ndarray
    inner: np.ndarray

    def solve(self, alpha: np.ndarray, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Solve information * (alpha, beta) = right-hand side, in time proportional to k.

        Parameters
        ----------
        alpha : np.ndarray of float, shape (k,)
            Right-hand side of the rows of the alphas.
        beta : np.ndarray of float, shape (p,)
            Right-hand side of the rows of the betas.

        Returns
        -------
        alpha : np.ndarray of float, shape (k,)
            Solution for the alphas.
        beta : np.ndarray of float, shape (p,)
            Solution for the betas.

        Examples
        --------
        >>> information = Information(np.array([[0.0, 0.0], [2.0, 4.0]]), np.zeros((2, 1)), np.array([[5.0]]))
        >>> alpha, beta = information.solve(np.array([2.0, 2.0]), np.array([10.0]))
        >>> alpha.tolist(), beta.tolist()
        ([1.0, 0.5], [2.0])

        """
        sides = np.column_stack([alpha, self.across])
        single = len(alpha) == 1  # two distinct values, which the banded solver of LAPACK rejects
        solved = sides / self.band[1] if single else solveh_banded(self.band, sides, check_finite=False)
        part, columns = solved[:, 0], solved[:, 1:]
        found = np.linalg.solve(self.inner - self.across.T @ columns, beta - self.across.T @ part)
        return part - columns @ found, found


def _odds(gaps: np.ndarray) -> np.ndarray:
    """Return 1 / (exp(gap) - 1)."""
    result: np.ndarray = np.exp(-gaps) / -np.expm1(-gaps)
    return result

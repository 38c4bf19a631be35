"""Least squares with standard errors that allow unequal spread and several scans per patient.

The covariance matrix is HC3 (MacKinnon and White, J Econometrics 1985;29:305) if each patient has one scan, and CR2
otherwise (Bell and McCaffrey, Surv Methodol 2002;28:169; Pustejovsky and Tipton, J Bus Econ Stat 2018;36:672). All
outcomes with the same rows and columns share the decomposition of the columns and the adjustment of the residuals.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import linalg, special

from ctpop.stats.f_tail import log10_p_of_f

ALONE = 1e-8  # limit of 1 - leverage for a row that is fitted exactly, such as the only member of a category
REDUNDANT = 1e-7  # relative norm of the independent part of a column; smaller norms are rounding errors
NO_RESIDUAL = 1e-20  # relative sum of squared residuals of an exact fit
# ASSUME: with 600 or more patients, the degrees of freedom are patients - columns; approximations are not necessary
FEW_PATIENTS = 600


@dataclass(frozen=True)
class LinearEstimate:
    """A linear combination of coefficients with its confidence interval; missing (NaN) if it is not defined.

    Attributes
    ----------
    estimate : float
        LinearEstimate, in the unit of the dependent variable.
    error : float
        Standard error of the estimate.
    df : float
        Degrees of freedom of the t distribution.
    ci_low, ci_high : float
        Limits of the confidence interval.
    log10_p : float
        Decimal logarithm of the two-sided P value.

    Examples
    --------
    >>> LinearEstimate().estimate
    nan

    """

    estimate: float = math.nan
    error: float = math.nan
    df: float = math.nan
    ci_low: float = math.nan
    ci_high: float = math.nan
    log10_p: float = math.nan


@dataclass(frozen=True)
class Wald:
    """F test that several linear combinations of coefficients are 0; missing (NaN) if it is not defined.

    Attributes
    ----------
    f : float
        F statistic.
    df_1 : float
        Degrees of freedom of the numerator: the number of linear combinations.
    df_2 : float
        Degrees of freedom of the denominator.
    log10_p : float
        Decimal logarithm of P.
    partial_r_squared : float
        Proportion of the residual variance of the model without the term that the term explains, from 0 to 1.

    Examples
    --------
    >>> Wald().f
    nan

    """

    f: float = math.nan
    df_1: float = math.nan
    df_2: float = math.nan
    log10_p: float = math.nan
    partial_r_squared: float = math.nan


@dataclass(frozen=True, eq=False)
class LinearModel:
    """The columns of a linear model, prepared for any number of dependent variables (see `linear_model`).

    Attributes
    ----------
    order : np.ndarray of int, shape (m,)
        Positions of the m rows that are used, sorted by patient.
    starts : np.ndarray of int, shape (g,)
        First row of each of the g patients in `order`.
    kept : np.ndarray of bool, shape (p,)
        Whether a column is used; the other columns are linear combinations of preceding columns.
    redundant : np.ndarray of bool, shape (p,)
        Whether a column is a linear combination of preceding columns before rows are excluded.
    orthogonal : np.ndarray of float, shape (m, k)
        Orthonormal basis of the k columns that are used (Q of their QR decomposition).
    triangle : np.ndarray of float, shape (k, k)
        R of the QR decomposition.
    adjusted : np.ndarray of float, shape (m, k)
        Rows of the basis with the weights by which residuals enter the covariance matrix.

    Examples
    --------
    >>> model = linear_model(np.column_stack([np.ones(4), [0.0, 0.0, 1.0, 1.0]]), np.arange(4))
    >>> model.patients, model.degrees, model.repeated
    (4, 2, False)

    """

    order: np.ndarray
    starts: np.ndarray
    kept: np.ndarray
    redundant: np.ndarray
    orthogonal: np.ndarray
    triangle: np.ndarray
    adjusted: np.ndarray

    @property
    def patients(self) -> int:
        """Number of patients."""
        return len(self.starts)

    @property
    def degrees(self) -> int:
        """Number of rows minus the number of columns."""
        return len(self.order) - len(self.triangle)

    @property
    def repeated(self) -> bool:
        """Whether a patient has several rows."""
        return self.patients < len(self.order)

    @property
    def approximated(self) -> bool:
        """Whether degrees of freedom are approximated: patients have several rows, and there are few patients."""
        return self.repeated and self.patients < FEW_PATIENTS

    @property
    def simple_df(self) -> int:
        """Number of patients minus the number of columns."""
        return self.patients - len(self.triangle)

    def sums(self, rows: np.ndarray) -> np.ndarray:
        """Return the sums of rows within each patient.

        Parameters
        ----------
        rows : np.ndarray of float, shape (m, ...)
            Rows in the order of `order`.

        Returns
        -------
        np.ndarray of float, shape (g, ...)
            Sums by patient.

        Examples
        --------
        >>> model = linear_model(np.ones((3, 1)), np.array([0, 0, 1]))
        >>> model.sums(np.array([1.0, 2.0, 4.0])).tolist()
        [3.0, 4.0]

        """
        sums: np.ndarray = np.add.reduceat(rows, self.starts, axis=0) if self.repeated else rows
        return sums

    def contrasts(self, combinations: np.ndarray) -> np.ndarray | None:
        """Return linear combinations of all coefficients in terms of the orthonormal basis.

        Parameters
        ----------
        combinations : np.ndarray of float, shape (q, p)
            One linear combination of the coefficients per row.

        Returns
        -------
        np.ndarray of float, shape (k, q), or None
            The combinations; None if one of them includes the coefficient of an omitted column.

        Examples
        --------
        >>> model = linear_model(np.ones((4, 2)), np.arange(4))
        >>> model.contrasts(np.array([[0.0, 1.0]])) is None
        True

        """
        if np.any(combinations[:, ~self.kept]):
            return None
        found: np.ndarray = linalg.solve_triangular(self.triangle, combinations[:, self.kept].T, trans="T")
        return found

    def fit(self, values: np.ndarray) -> "ModelFit":
        """Return the fit of a dependent variable.

        Parameters
        ----------
        values : np.ndarray of float, shape (n,)
            Values of the dependent variable in the order of the rows of the model, in any unit.

        Returns
        -------
        ModelFit
            The fit.

        Examples
        --------
        >>> model = linear_model(np.column_stack([np.ones(4), [0.0, 0.0, 1.0, 1.0]]), np.arange(4))
        >>> model.fit(np.array([1.0, 3.0, 6.0, 8.0])).coefficients.round(6).tolist()
        [2.0, 5.0]

        """
        y = values[self.order]
        projected = self.orthogonal.T @ y
        residuals = y - self.orthogonal @ projected
        scores = self.sums(self.adjusted * residuals[:, np.newaxis])
        exact = float(residuals @ residuals) <= NO_RESIDUAL * float(y @ y)
        return ModelFit(self, projected, residuals, scores.T @ scores, exact)


@dataclass(frozen=True, eq=False)
class ModelFit:
    """A linear model fitted to one dependent variable.

    Attributes
    ----------
    model : LinearModel
        The model.
    projected : np.ndarray of float, shape (k,)
        Coefficients of the orthonormal basis.
    residuals : np.ndarray of float, shape (m,)
        Residuals in the order of `model.order`.
    spread : np.ndarray of float, shape (k, k)
        Covariance matrix of `projected`.
    exact : bool
        Whether no residual variation remains.

    Examples
    --------
    >>> fit = linear_model(np.ones((4, 1)), np.arange(4)).fit(np.array([1.0, 2.0, 3.0, 4.0]))
    >>> fit.coefficients.tolist(), round(fit.residual_sd, 6)
    ([2.5], 1.290994)

    """

    model: LinearModel
    projected: np.ndarray
    residuals: np.ndarray
    spread: np.ndarray
    exact: bool

    @cached_property
    def coefficients(self) -> np.ndarray:
        """Coefficients of all columns, shape `(p,)`; NaN for omitted columns."""
        found = np.full(len(self.model.kept), np.nan)
        found[self.model.kept] = linalg.solve_triangular(self.model.triangle, self.projected)
        return found

    @cached_property
    def covariance(self) -> np.ndarray:
        """Covariance matrix of the coefficients, shape `(p, p)`; NaN for omitted columns."""
        half = linalg.solve_triangular(self.model.triangle, self.spread)
        places = np.flatnonzero(self.model.kept)
        found = np.full((len(self.model.kept),) * 2, np.nan)
        found[np.ix_(places, places)] = linalg.solve_triangular(self.model.triangle, half.T)
        return found

    @property
    def residual_sd(self) -> float:
        """Residual standard deviation, with rows minus columns as divisor; NaN without degrees of freedom."""
        degrees = self.model.degrees
        return math.sqrt(float(self.residuals @ self.residuals) / degrees) if degrees > 0 else math.nan

    def estimate(self, combination: np.ndarray, confidence: float, null: float = 0.0) -> LinearEstimate:
        """Return a linear combination of the coefficients with its confidence interval.

        The degrees of freedom are patients minus columns, or those of Satterthwaite's approximation if patients have
        several scans and there are fewer than 600 patients.

        Parameters
        ----------
        combination : np.ndarray of float, shape (p,)
            Factors of the coefficients.
        confidence : float
            Confidence level of the interval, between 0 and 1, such as 0.95.
        null : float
            Value of the combination under the hypothesis that P tests.

        Returns
        -------
        LinearEstimate
            The estimate; NaN if the coefficients are not defined or have no standard error.

        Examples
        --------
        >>> fit = linear_model(np.ones((4, 1)), np.arange(4)).fit(np.array([1.0, 2.0, 3.0, 4.0]))
        >>> found = fit.estimate(np.ones(1), 0.95)
        >>> found.estimate, found.df, round(found.error, 6), round(found.ci_low, 3)
        (2.5, 3, 0.745356, 0.128)

        """
        vectors = self.model.contrasts(combination[np.newaxis])
        if vectors is None or self.exact or self.model.simple_df < 1:
            return LinearEstimate()
        estimate = float(vectors[:, 0] @ self.projected)
        error = math.sqrt(max(0.0, float(vectors[:, 0] @ self.spread @ vectors[:, 0])))
        df = _wishart_df(self.model, vectors) if self.model.approximated else self.model.simple_df
        if not error > 0 or not df > 0:
            return LinearEstimate()
        quantile = float(special.stdtrit(df, (1 + confidence) / 2))
        p = log10_p_of_f(((estimate - null) / error) ** 2, 1, df)
        return LinearEstimate(estimate, error, df, estimate - quantile * error, estimate + quantile * error, p)

    def test(self, combinations: np.ndarray) -> Wald:
        """Return the F test that all linear combinations are 0.

        F is the Wald statistic divided by the number of combinations. If patients have several scans and there are
        fewer than 600 patients, it is the approximate Hotelling T-squared test (HTZ) of Pustejovsky and Tipton.

        Parameters
        ----------
        combinations : np.ndarray of float, shape (q, p)
            One linear combination of the coefficients per row, linearly independent.

        Returns
        -------
        Wald
            The test; NaN if the combinations are not defined or their covariance matrix is singular.

        Examples
        --------
        >>> columns = np.column_stack([np.ones(6), [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]])
        >>> fit = linear_model(columns, np.arange(6)).fit(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
        >>> test = fit.test(np.array([[0.0, 1.0]]))
        >>> round(test.f, 6), test.df_1, test.df_2, round(test.partial_r_squared, 6)
        (9.0, 1, 4.0, 0.771429)

        """
        vectors = self.model.contrasts(combinations)
        if vectors is None or self.exact or self.model.simple_df < 1:
            return Wald()
        covariance = vectors.T @ self.spread @ vectors
        size = len(combinations)
        if np.linalg.matrix_rank(covariance) < size:
            return Wald()
        broken = vectors.T @ self.projected
        f, df = float(broken @ np.linalg.solve(covariance, broken)) / size, float(self.model.simple_df)
        if self.model.approximated:
            wishart = _wishart_df(self.model, vectors)
            df = wishart - size + 1
            f *= df / wishart
        if not df > 0:
            return Wald()
        gained = float(broken @ np.linalg.solve(vectors.T @ vectors, broken))
        left = float(self.residuals @ self.residuals)
        return Wald(f, size, df, log10_p_of_f(f, size, df), gained / (gained + left))


def linear_model(columns: np.ndarray, patients: np.ndarray) -> LinearModel:
    """Return the columns of a linear model, prepared for fits.

    Rows with a leverage of 1, such as the only member of a category, are fitted exactly and are excluded. Columns that
    are linear combinations of preceding columns are omitted.

    Parameters
    ----------
    columns : np.ndarray of float, shape (n, p)
        Columns of the model, including the constant.
    patients : np.ndarray of int, shape (n,)
        Number that identifies the patient of each row.

    Returns
    -------
    LinearModel
        The model.

    Examples
    --------
    >>> columns = np.column_stack([np.ones(5), [1.0, 2.0, 3.0, 4.0, 5.0], [0.0, 0.0, 0.0, 0.0, 1.0]])
    >>> model = linear_model(columns, np.arange(5))  # the last row is the only one of its category
    >>> len(model.order), model.kept.tolist()
    (4, [True, True, False])

    """
    kept, orthogonal, triangle = _decomposed(columns)
    redundant, used = ~kept, (orthogonal**2).sum(axis=1) < 1 - ALONE
    if not used.all():
        kept, orthogonal, triangle = _decomposed(columns[used])
    places = np.flatnonzero(used)
    numbers = patients[places]
    by_patient = np.argsort(numbers, kind="stable")
    starts = np.flatnonzero(np.diff(numbers[by_patient], prepend=numbers.min(initial=0) - 1))
    orthogonal = orthogonal[by_patient]
    adjusted = _adjusted(orthogonal, starts)
    return LinearModel(places[by_patient], starts, kept, redundant, orthogonal, triangle, adjusted)


def leverage(columns: np.ndarray) -> np.ndarray:
    """Return the leverage of each row, which is 1 if the row is fitted exactly for any value.

    Parameters
    ----------
    columns : np.ndarray of float, shape (n, p)
        Columns of a linear model, which can be linearly dependent.

    Returns
    -------
    np.ndarray of float, shape (n,)
        Leverage of each row, from 0 to 1.

    Examples
    --------
    >>> leverage(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])).round(6).tolist()
    [0.5, 0.5, 1.0]

    """
    basis, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    result: np.ndarray = (basis[:, sizes > 1e-10 * sizes.max(initial=0)] ** 2).sum(axis=1)
    return result


def _decomposed(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which columns are independent of preceding columns, and the QR decomposition of these columns."""
    kept = np.ones(columns.shape[1], dtype=bool)
    while True:
        orthogonal, triangle = np.linalg.qr(columns[:, kept])
        sizes = np.linalg.norm(triangle, axis=0)  # norms of the columns
        own = np.zeros(len(sizes))
        own[: len(triangle)] = np.abs(np.diag(triangle))
        redundant = np.flatnonzero(own <= REDUNDANT * sizes)
        if not len(redundant):
            return kept, orthogonal, triangle
        kept[np.flatnonzero(kept)[redundant[0]]] = False


def _adjusted(orthogonal: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return the rows Q_g of each patient multiplied by (I - H_gg)^-1/2 (CR2), or by 1/(1 - h) (HC3)."""
    if len(starts) == len(orthogonal):
        divisors: np.ndarray = orthogonal / (1 - (orthogonal**2).sum(axis=1, keepdims=True))
        return divisors
    sizes = np.diff(starts, append=len(orthogonal))
    found = np.empty_like(orthogonal)
    for size in np.unique(sizes):
        rows = starts[sizes == size][:, np.newaxis] + np.arange(size)
        blocks = orthogonal[rows]
        if size <= orthogonal.shape[1]:
            found[rows] = _root_inverse(blocks @ blocks.swapaxes(1, 2)) @ blocks
        else:  # f(Q Q') Q = Q f(Q' Q), a smaller matrix
            found[rows] = blocks @ _root_inverse(blocks.swapaxes(1, 2) @ blocks)
    return found


def _root_inverse(matrices: np.ndarray) -> np.ndarray:
    """Return (I - H)^-1/2 of symmetric matrices H with eigenvalues from 0 to 1; the Moore-Penrose inverse at 1."""
    sizes, vectors = np.linalg.eigh(matrices)
    left = 1 - sizes
    factors = np.where(left > ALONE, 1 / np.sqrt(np.maximum(left, ALONE)), 0.0)
    product: np.ndarray = (vectors * factors[:, np.newaxis]) @ vectors.swapaxes(1, 2)
    return product


def _wishart_df(model: LinearModel, vectors: np.ndarray) -> float:
    """Return the degrees of freedom of the Wishart distribution that approximates the CR2 covariance of combinations.

    The mean and the total variance of the covariance matrix, normalized to a mean of I, are equal if all rows are
    independent with equal variance. With one combination, the result is Satterthwaite's approximation.
    """
    size = vectors.shape[1]
    covariance = vectors.T @ vectors  # of the combinations, apart from the variance of the rows
    values, axes = np.linalg.eigh(covariance)
    if not values[0] > REDUNDANT**2 * values[-1]:
        return math.nan
    weighted = model.adjusted @ (vectors @ (axes / np.sqrt(values)) @ axes.T)  # (m, q): u of each combination
    alone = model.sums(weighted[:, :, np.newaxis] * weighted[:, np.newaxis])  # (g, q, q): u_g' u_g
    shared = model.sums(weighted[:, :, np.newaxis] * model.orthogonal[:, np.newaxis])  # (g, q, k): u_g' Q_g
    own = shared @ shared.swapaxes(1, 2)
    flat = shared.reshape(len(shared), -1)
    products = (flat.T @ flat).reshape(size, -1, size, shared.shape[2])
    traces, of_own = np.trace(alone, axis1=1, axis2=2), np.trace(own, axis1=1, axis2=2)
    total = float((traces**2).sum() - 2 * (traces * of_own).sum() + (products**2).sum())
    total += float((alone * alone).sum() - 2 * (alone * own).sum() + (products * products.swapaxes(0, 2)).sum())
    df: float = size * (size + 1) / total
    return df

"""Design matrix of covariates: splines (continuous covariates) and indicators (categories), no redundant columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ctpop.stats.splines import natural_basis

KNOTS = (0.1, 0.5, 0.9)  # SOURCE: Harrell, Regression Modeling Strategies, 2nd ed. 2015, table 2.3, for three knots
REDUNDANT = (
    1e-7  # relative norm of the part of a column that is independent of the others; smaller norms are rounding errors
)


@dataclass(frozen=True)
class Covariate:
    """A property of each patient other than age: a number or the code of a category.

    Attributes
    ----------
    name : str
        Name of the covariate.
    values : np.ndarray
        Value of each patient, shape `(n,)`: a number in any unit, or the code of a category (0, 1, …); NaN if missing.
    of_kinds : bool
        Whether the values are codes of categories.

    Examples
    --------
    >>> sex = Covariate("sex", np.array([0.0, 1.0, np.nan]), of_kinds=True)
    >>> sex.varies
    True
    >>> sex.among(np.array([0, 2])).values
    array([ 0., nan])

    """

    name: str
    values: np.ndarray
    of_kinds: bool

    def among(self, rows: np.ndarray) -> "Covariate":
        """Return the covariate for a subset of the patients.

        Parameters
        ----------
        rows : np.ndarray
            Positions of the patients, shape `(m,)`, or a mask, shape `(n,)`.

        Returns
        -------
        Covariate
            The covariate with the values of these patients.

        """
        return Covariate(self.name, self.values[rows], self.of_kinds)

    @property
    def varies(self) -> bool:
        """Whether at least two patients have different known values."""
        known = self.values[np.isfinite(self.values)]
        return len(known) > 0 and bool(np.ptp(known) > 0)


def complete(covariates: Sequence[Covariate], n: int) -> np.ndarray:
    """Return whether each of n patients has values of all covariates.

    Parameters
    ----------
    covariates : Sequence[Covariate]
        Covariates, each with n values.
    n : int
        Number of patients.

    Returns
    -------
    np.ndarray
        Boolean mask, shape `(n,)`; all True if there are no covariates.

    Examples
    --------
    >>> sex = Covariate("sex", np.array([0.0, 1.0, np.nan]), of_kinds=True)
    >>> complete([sex], 3)
    array([ True,  True, False])

    """
    known = np.ones(n, dtype=bool)
    for covariate in covariates:
        known &= np.isfinite(covariate.values)
    return known


def strata_of(covariates: Sequence[Covariate], n: int) -> np.ndarray:
    """Return the number of the stratum of each patient; patients of a stratum share the values of all covariates.

    Parameters
    ----------
    covariates : Sequence[Covariate]
        Categorical covariates, each with n values without NaN.
    n : int
        Number of patients.

    Returns
    -------
    np.ndarray
        Number of the stratum of each patient, from 0, shape `(n,)`; all 0 if there are no covariates.

    Examples
    --------
    >>> sex = Covariate("sex", np.array([0.0, 1.0, 0.0, 1.0]), of_kinds=True)
    >>> scanner = Covariate("scanner", np.array([0.0, 0.0, 2.0, 0.0]), of_kinds=True)
    >>> strata_of([sex, scanner], 4)
    array([0, 2, 1, 2])

    """
    strata = np.zeros(n, dtype=int)
    for covariate in covariates:
        _, kind = np.unique(covariate.values, return_inverse=True)
        _, strata = np.unique(strata * (kind.max(initial=0) + 1) + kind, return_inverse=True)
    return strata


def indicators(covariate: Covariate) -> np.ndarray:
    """Return one column of 0 and 1 for each category except the first.

    Parameters
    ----------
    covariate : Covariate
        Covariate of n patients and k distinct categories, without NaN.

    Returns
    -------
    np.ndarray
        Indicator columns, shape `(n, k - 1)`, categories in ascending order of their codes.

    Examples
    --------
    >>> indicators(Covariate("scanner", np.array([0.0, 1.0, 2.0, 0.0]), of_kinds=True))
    array([[0., 0.],
           [1., 0.],
           [0., 1.],
           [0., 0.]])

    """
    kinds = np.unique(covariate.values)[1:]
    return np.asarray(covariate.values[:, np.newaxis] == kinds, dtype=float)


def smooth(covariate: Covariate) -> np.ndarray:
    """Return the columns of a natural spline with three knots, or the values if knots coincide.

    The knots are the 10th, 50th, and 90th percentiles of the values (Harrell, Regression Modeling Strategies, 2nd ed.
    2015, table 2.3).

    Parameters
    ----------
    covariate : Covariate
        Covariate of n numbers, without NaN.

    Returns
    -------
    np.ndarray
        Columns of the spline, shape `(n, 3)`, or of a straight line, shape `(n, 1)`.

    Examples
    --------
    >>> smooth(Covariate("height", np.array([160.0, 170.0, 180.0, 190.0]), of_kinds=False)).shape
    (4, 3)
    >>> smooth(Covariate("dose", np.array([0.0, 0.0, 0.0, 1.0]), of_kinds=False)).shape
    (4, 1)

    """
    knots = np.unique(np.quantile(covariate.values, KNOTS))
    if len(knots) < len(KNOTS):
        return covariate.values[:, np.newaxis]
    return natural_basis(covariate.values, knots)


def design(covariates: Sequence[Covariate], n: int, given: np.ndarray | None = None) -> np.ndarray:
    """Return the columns of covariates with mean 0 and SD 1, without redundant columns.

    Columns that are linear combinations of a constant, of the columns `given`, and of preceding columns are omitted,
    such as constants, duplicate covariates, and categories that other columns imply. They do not affect the fit of a
    model.

    Parameters
    ----------
    covariates : Sequence[Covariate]
        Covariates, each with n values without NaN.
    n : int
        Number of patients.
    given : np.ndarray, optional
        Columns that the model already contains, shape `(n, p)`; None for a constant only.

    Returns
    -------
    np.ndarray
        Columns of the covariates, shape `(n, q)`, in the order of the covariates.

    Examples
    --------
    >>> sex = Covariate("sex", np.array([0.0, 1.0, 0.0, 1.0]), of_kinds=True)
    >>> design([sex, sex], 4)
    array([[-1.],
           [ 1.],
           [-1.],
           [ 1.]])
    >>> design([], 4).shape
    (4, 0)

    """
    parts = [indicators(covariate) if covariate.of_kinds else smooth(covariate) for covariate in covariates]
    columns = np.column_stack([np.empty((n, 0)), *parts])
    kept = [column / column.std() for column in (columns - columns.mean(axis=0)).T if column.std() > 0]
    before = np.ones((n, 1)) if given is None else np.column_stack([np.ones(n), given])
    return independent(np.column_stack([np.empty((n, 0)), *kept]), before)


def independent(columns: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return the columns that are not linear combinations of preceding columns.

    The method is Gram-Schmidt orthogonalization, applied twice. A column is omitted if the norm of its orthogonal part
    is at most `REDUNDANT` times its norm.

    Parameters
    ----------
    columns : np.ndarray
        Columns to test, from left to right, shape `(n, q)`.
    before : np.ndarray
        Preceding columns, shape `(n, p)`, linearly independent.

    Returns
    -------
    np.ndarray
        The independent columns, unchanged, shape `(n, r)` with r of at most q.

    Examples
    --------
    >>> columns = np.array([[1.0, 2.0, 1.0], [2.0, 4.0, 0.0], [3.0, 6.0, 0.0]])
    >>> independent(columns, np.ones((3, 1)))
    array([[1., 1.],
           [2., 0.],
           [3., 0.]])

    """
    basis, _ = np.linalg.qr(before)
    kept = []
    for column in columns.T:
        left = column - basis @ (basis.T @ column)
        left -= basis @ (basis.T @ left)
        if np.linalg.norm(left) > REDUNDANT * np.linalg.norm(column):
            basis = np.column_stack([basis, left / np.linalg.norm(left)])
            kept.append(column)
    return np.column_stack([np.empty((len(columns), 0)), *kept])

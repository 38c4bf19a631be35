"""Design matrix of covariates: splines (continuous covariates) and indicators (categories), no redundant columns."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
    suitable : bool
        Whether an analysis can be adjusted for the covariate; false for dates and identifiers.

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
    suitable: bool = True

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
        return replace(self, values=self.values[rows])

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


@dataclass(frozen=True)
class Merged:
    """Covariates whose small categories are merged.

    Attributes
    ----------
    covariates : list of Covariate
        Covariates, in the given order.
    levels : int
        Number of categories that were merged with other categories, of all covariates.
    rows : np.ndarray of bool, shape (n,)
        Whether a category of the row was merged.

    Examples
    --------
    >>> Merged([], 0, np.array([False, False])).levels
    0

    """

    covariates: list[Covariate]
    levels: int
    rows: np.ndarray


def merged(covariates: Sequence[Covariate], patients: np.ndarray, n_min: int) -> Merged:
    """Return covariates in which the categories with fewer than a minimum number of patients are one category.

    A single small category remains, because there is no other small category to merge it with.

    Parameters
    ----------
    covariates : Sequence[Covariate]
        Covariates, each with n values without NaN. Continuous covariates are not changed.
    patients : np.ndarray of int
        Number of the patient of each row, shape `(n,)`.
    n_min : int
        Smallest number of patients of a category that is not merged.

    Returns
    -------
    Merged
        The covariates. The code of a merged category is the smallest of its codes.

    Examples
    --------
    >>> scanner = Covariate("scanner", np.array([0.0, 0.0, 0.0, 1.0, 2.0, 2.0]), of_kinds=True)
    >>> found = merged([scanner], np.arange(6), 3)
    >>> found.covariates[0].values.tolist(), found.levels, found.rows.sum().item()
    ([0.0, 0.0, 0.0, 1.0, 1.0, 1.0], 2, 3)

    """
    # ASSUME: small categories are similar enough for one indicator; the alternative is to exclude their patients
    levels, rows, changed = 0, np.zeros(len(patients), dtype=bool), []
    for covariate in covariates:
        small, n_small = _small_categories(covariate, patients, n_min)
        values = covariate.values
        if n_small > 1:
            values, levels, rows = np.where(small, values[small].min(), values), levels + n_small, rows | small
        changed.append(replace(covariate, values=values))
    return Merged(changed, levels, rows)


def _small_categories(covariate: Covariate, patients: np.ndarray, n_min: int) -> tuple[np.ndarray, int]:
    """Return whether the category of each row is small, and the number of small categories."""
    if not covariate.of_kinds or not len(patients):
        return np.zeros(len(patients), dtype=bool), 0
    _, kind = np.unique(covariate.values, return_inverse=True)
    _, patient = np.unique(patients, return_inverse=True)
    pairs = np.unique(kind * len(patients) + patient)  # one number for each pair of a category and a patient
    small = np.bincount(pairs // len(patients)) < n_min
    return small[kind], int(small.sum())


@dataclass(frozen=True)
class Design:
    """Columns of covariates with mean 0 and SD 1, without redundant columns.

    Attributes
    ----------
    columns : np.ndarray of float, shape (n, q)
        Columns, in the order of the covariates.
    omitted : tuple of str
        Names of covariates with redundant columns, in the order of the covariates. A name is followed by the number of
        omitted columns if other columns of the covariate are not redundant.

    Examples
    --------
    >>> sex = Covariate("sex", np.array([0.0, 1.0, 0.0, 1.0]), of_kinds=True)
    >>> copy = Covariate("gender", sex.values, of_kinds=True)
    >>> designed([sex, copy], 4).omitted
    ('gender',)

    """

    columns: np.ndarray
    omitted: tuple[str, ...]


def designed(covariates: Sequence[Covariate], n: int, given: np.ndarray | None = None) -> Design:
    """Return the columns of covariates, and the names of the covariates with redundant columns.

    Parameters
    ----------
    covariates : Sequence[Covariate]
        Covariates, each with n values without NaN.
    n : int
        Number of rows.
    given : np.ndarray, optional
        Columns that the model already contains, shape `(n, p)`; None for a constant only.

    Returns
    -------
    Design
        Columns and names, as in `design`.

    Examples
    --------
    >>> site = Covariate("site", np.array([0.0, 0.0, 1.0, 2.0]), of_kinds=True)
    >>> part = Covariate("part", np.array([0.0, 0.0, 0.0, 1.0]), of_kinds=True)
    >>> found = designed([part, site], 4)
    >>> found.columns.shape, found.omitted
    ((4, 2), ('site (1 of 2 columns)',))

    """
    before = np.ones((n, 1)) if given is None else np.column_stack([np.ones(n), given])
    fixed, parts, omitted = before.shape[1], [before], []
    for covariate in covariates:
        possible = indicators(covariate) if covariate.of_kinds else smooth(covariate)
        scaled = [column / column.std() for column in (possible - possible.mean(axis=0)).T if column.std() > 0]
        found = independent(np.column_stack([np.empty((n, 0)), *scaled]), np.column_stack(parts))
        parts.append(found)
        lacking = max(_rank_limit(covariate, possible) - found.shape[1], 0)
        if lacking:
            part = f" ({lacking} of {lacking + found.shape[1]} columns)" if found.shape[1] else ""
            omitted.append(f"{covariate.name}{part}")
    return Design(np.column_stack(parts)[:, fixed:], tuple(omitted))


def _rank_limit(covariate: Covariate, possible: np.ndarray) -> int:
    """Return the number of columns of a covariate beside a constant, at least 1 also for a constant covariate."""
    constant = 0 if covariate.of_kinds or possible.shape[1] == 1 else 1  # the columns of a spline include a constant
    return max(int(possible.shape[1]) - constant, 1)


def design(covariates: Sequence[Covariate], n: int, given: np.ndarray | None = None) -> np.ndarray:
    """Return the columns of covariates with mean 0 and SD 1, without redundant columns.

    Columns that are linear combinations of a constant, of the columns `given`, and of preceding columns are omitted,
    such as constants, duplicate covariates, and categories that other columns imply. They do not affect the fit of a
    model. `designed` also returns the names of their covariates.

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
    return designed(covariates, n, given).columns


def share_explained(values: np.ndarray, columns: np.ndarray) -> float:
    """Return the share of the variance of a variable, or of its ranks if larger, that columns explain.

    The share is that of a least-squares fit. A monotone function of a column has the same ranks as the column.

    Parameters
    ----------
    values : np.ndarray
        Variable, shape `(n,)`, in any unit.
    columns : np.ndarray
        Columns, shape `(n, q)`.

    Returns
    -------
    float
        Share from 0 to 1; 0 for a constant variable or without columns.

    Examples
    --------
    >>> age = np.array([20.0, 35.0, 50.0, 80.0])
    >>> round(share_explained(age, (2025 - age)[:, np.newaxis]), 6)
    1.0
    >>> share_explained(age, np.empty((4, 0)))
    0.0

    """
    from scipy.stats import rankdata

    if not columns.shape[1] or not len(values):
        return 0.0
    ranks = np.column_stack([rankdata(column) for column in columns.T])
    return max(_r_squared(values, columns), _r_squared(rankdata(values), ranks))


def _r_squared(values: np.ndarray, columns: np.ndarray) -> float:
    total = float(((values - values.mean()) ** 2).sum())
    terms = np.column_stack([np.ones(len(values)), columns])
    left = values - terms @ np.linalg.lstsq(terms, values)[0]
    return max(1 - float(left @ left) / total, 0.0) if total > 0 else 0.0


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

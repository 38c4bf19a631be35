"""Two straight lines that meet at a given age, and their uncertainty from bootstrap samples of patients."""

import numpy as np
from scipy import sparse

from ctpop.stats.change_points import FLAT

DRAWS = 500
DEPENDENT = 1e-10  # relative eigenvalue below which columns of a bootstrap sample are linearly dependent


def two_lines(values: np.ndarray, columns: np.ndarray, age: float) -> np.ndarray:
    """Return the coefficients of two straight lines that meet at a given age, by least squares.

    Parameters
    ----------
    values : np.ndarray of float, shape (n,)
        Values of the measure, in any unit.
    columns : np.ndarray of float, shape (n, p)
        Columns of the straight line: constant, age in years, and covariates, in this order.
    age : float
        Age at which the lines meet, in years.

    Returns
    -------
    np.ndarray of float, shape (p + 1,)
        Coefficients of the columns, of which the second is the slope before the change (per year), and the difference
        of the slopes (after minus before).

    Examples
    --------
    >>> ages = np.arange(20.0, 81.0)
    >>> line = np.column_stack([np.ones(61), ages])
    >>> two_lines(100 + ages - 2 * np.maximum(ages - 45, 0), line, 45.0).round(6).tolist()
    [100.0, 1.0, -2.0]

    """
    result: np.ndarray = np.linalg.lstsq(np.column_stack([columns, np.maximum(columns[:, 1] - age, 0)]), values)[0]
    return result


def drawn_lines(
    values: np.ndarray,
    columns: np.ndarray,
    patients: np.ndarray,
    grid: np.ndarray,
    random: np.random.Generator,
    draws: int = DRAWS,
) -> np.ndarray:
    """Return the two straight lines in bootstrap samples of patients, each with all scans of the patient.

    The age of the change is estimated in each sample. The sums that a fit requires are computed between neighboring
    candidate ages and then accumulated, so that a fit requires no column for each candidate age.

    Parameters
    ----------
    values : np.ndarray of float, shape (n,)
        Values of the measure, in any unit.
    columns : np.ndarray of float, shape (n, p)
        Columns of the straight line: constant, age in years, and covariates, in this order.
    patients : np.ndarray of int, shape (n,)
        Number of the patient of each scan.
    grid : np.ndarray of float, shape (k,)
        Candidate ages in years, in ascending order.
    random : np.random.Generator
        Generator of the samples; its state advances.
    draws : int
        Number of bootstrap samples.

    Returns
    -------
    np.ndarray of float, shape (draws, 3)
        Age of the change in years, and slopes before and after the change per year.

    Examples
    --------
    >>> ages = np.arange(20.0, 81.0)
    >>> line, values = np.column_stack([np.ones(61), ages]), 100 + ages - 2 * np.maximum(ages - 45, 0)
    >>> grid = np.arange(30.0, 70.5, 0.5)
    >>> drawn_lines(values, line, np.arange(61), grid, np.random.default_rng(1), 2).round(6).tolist()
    [[45.0, 1.0, -1.0], [45.0, 1.0, -1.0]]

    """
    ages, middle = columns[:, 1], (grid[0] + grid[-1]) / 2
    centered, steps = ages - middle, grid - middle
    base = np.column_stack([columns, values])
    moments = np.column_stack([base, base * centered[:, np.newaxis], centered, centered**2])
    # A hinge at a candidate age is larger than 0 for the scans of the parts that follow this age.
    part = np.searchsorted(grid, ages, side="left")
    parts = sparse.csr_array((np.ones(len(ages)), (part, np.arange(len(ages)))), shape=(len(grid) + 1, len(ages)))
    numbers, place = np.unique(patients, return_inverse=True)
    found = np.empty((draws, 3))
    for draw in range(draws):
        drawn = random.integers(0, len(numbers), len(numbers))
        weights = np.bincount(drawn, minlength=len(numbers))[place].astype(float)[:, np.newaxis]
        sums = (parts @ (weights * moments))[::-1].cumsum(axis=0)[::-1][1:]
        best, before, after = _best_lines(base.T @ (weights * base), sums, steps)
        found[draw] = grid[best], before, after
    return found


def _best_lines(cross: np.ndarray, sums: np.ndarray, steps: np.ndarray) -> tuple[int, float, float]:
    """Return the position of the best candidate age and the two slopes, from sums of products.

    `cross` contains the products of the columns and the values (last column), and `sums` those of the scans beyond each
    candidate age: of the columns and values, of their products with age, of age, and of squared age.
    """
    n_base = len(cross)
    with_base = sums[:, n_base : 2 * n_base] - steps[:, np.newaxis] * sums[:, :n_base]
    size = sums[:, -1] - 2 * steps * sums[:, -2] + steps**2 * sums[:, 0]  # the first column is the constant
    scale = np.sqrt(np.diag(cross)[:-1])
    scale = np.where(scale > 0, scale, 1.0)
    inverse = np.linalg.pinv(cross[:-1, :-1] / np.outer(scale, scale), rcond=DEPENDENT, hermitian=True)
    scaled, of_values = with_base[:, :-1] / scale, cross[:-1, -1] / scale
    explained = scaled @ inverse
    product = with_base[:, -1] - explained @ of_values
    left = size - (explained * scaled).sum(axis=1)
    used = left > FLAT * size
    best = int(np.argmax(np.divide(product**2, left, out=np.zeros(len(steps)), where=used)))
    change = product[best] / left[best] if used[best] else 0.0
    before = (inverse @ of_values - explained[best] * change)[1] / scale[1]
    return best, float(before), float(before + change)

"""Relation of volumes with body height: the allometric exponent, and indices of volume and height.

The allometric model is ln V = c + b ln(height / 170 cm) with sex and age. An exponent b of 1, 2, or 3 corresponds to
scaling with length, area, or volume.
"""

from dataclasses import dataclass

import numpy as np

from ctpop.stats.correlation import rho_of_ranks
from ctpop.stats.linear_model import ModelFit, linear_model
from ctpop.stats.ranks import ranks_of

REFERENCE_CM = 170.0
CM_PER_M = 100.0
SQUARE = 2.0  # exponent of the index that publications report


@dataclass(frozen=True)
class Indexed:
    """Spearman correlations of height with a volume and with two indices; about 0 if an index removes body size.

    Attributes
    ----------
    volume : float
        Correlation of height with the volume; NaN if it is not defined.
    index : float
        Correlation of height with volume / height^2.
    exponent_index : float
        Correlation of height with volume / height^b, where b is the allometric exponent.

    Examples
    --------
    >>> Indexed(0.5, 0.1, 0.0).index
    0.1

    """

    volume: float
    index: float
    exponent_index: float


def allometric_model(volumes: np.ndarray, heights: np.ndarray, others: np.ndarray, patients: np.ndarray) -> ModelFit:
    """Return the fit of ln(volume) to ln(height / 170 cm) and other columns.

    Parameters
    ----------
    volumes : np.ndarray of float, shape (n,)
        Positive volumes in mL.
    heights : np.ndarray of float, shape (n,)
        Heights in cm.
    others : np.ndarray of float, shape (n, q)
        Other columns of the model (sex, age), without the constant.
    patients : np.ndarray of int, shape (n,)
        Number that identifies the patient of each row.

    Returns
    -------
    ModelFit
        The fit. The first coefficient is the constant, the second is the exponent, and the coefficients of `others`
        follow.

    Examples
    --------
    >>> heights = np.array([160.0, 165.0, 170.0, 175.0, 180.0])
    >>> fit = allometric_model(heights**2 / 100, heights, np.empty((5, 0)), np.arange(5))
    >>> round(float(fit.coefficients[1]), 6)
    2.0

    """
    columns = np.column_stack([np.ones(len(volumes)), np.log(heights / REFERENCE_CM), others])
    return linear_model(columns, patients).fit(np.log(volumes))


def volume_index(volumes: np.ndarray, heights: np.ndarray, exponent: float = SQUARE) -> np.ndarray:
    """Return volumes divided by a power of height.

    Parameters
    ----------
    volumes : np.ndarray of float, shape (n,)
        Volumes in mL.
    heights : np.ndarray of float, shape (n,)
        Heights in cm.
    exponent : float
        Exponent of the height in m.

    Returns
    -------
    np.ndarray of float, shape (n,)
        Indices in mL/m^exponent.

    Examples
    --------
    >>> volume_index(np.array([200.0]), np.array([200.0])).tolist()
    [50.0]

    """
    index: np.ndarray = volumes / (heights / CM_PER_M) ** exponent
    return index


def correlations_with_height(volumes: np.ndarray, heights: np.ndarray, exponent: float) -> Indexed:
    """Return the Spearman correlations of height with the volume and with its indices.

    Parameters
    ----------
    volumes : np.ndarray of float, shape (n,)
        Volumes in mL.
    heights : np.ndarray of float, shape (n,)
        Heights in cm.
    exponent : float
        Allometric exponent.

    Returns
    -------
    Indexed
        The correlations.

    Examples
    --------
    >>> heights = np.array([160.0, 165.0, 170.0, 175.0, 180.0])
    >>> correlations_with_height(heights, heights, 1.5)
    Indexed(volume=1.0, index=-1.0, exponent_index=-1.0)

    """
    height = ranks_of(heights)
    indices = (volumes, volume_index(volumes, heights), volume_index(volumes, heights, exponent))
    return Indexed(*(rho_of_ranks(height, ranks_of(index)) for index in indices))

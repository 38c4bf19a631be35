"""Placement of labels that would overlap."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def apart(wanted: Floats, step: float, limits: tuple[float, float] = (-np.inf, np.inf)) -> Floats:
    """Return ascending positions at least a step apart and as close as possible to `wanted` (least squares).

    `wanted` is ascending. All positions are within the limits if the space between the limits is sufficient.
    """
    from scipy.optimize import isotonic_regression

    steps = step * np.arange(len(wanted))
    places = isotonic_regression(wanted - steps).x + steps
    return np.asarray(np.maximum(np.minimum(places, limits[1] - steps[::-1]), limits[0] + steps), dtype=np.float64)

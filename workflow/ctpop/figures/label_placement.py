"""Where labels go that would lie on each other."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def apart(wanted: Floats, step: float, limits: tuple[float, float] = (-np.inf, np.inf)) -> Floats:
    """Return ascending places at least a step apart, as near to the wanted ones (least squares) as that lets them be.

    `wanted` is ascending. All places lie within the limits as long as so many steps fit in between.
    """
    from scipy.optimize import isotonic_regression

    steps = step * np.arange(len(wanted))
    places = isotonic_regression(wanted - steps).x + steps
    return np.asarray(np.maximum(np.minimum(places, limits[1] - steps[::-1]), limits[0] + steps), dtype=np.float64)

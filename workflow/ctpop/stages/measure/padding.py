"""The edge of the field of view inside an image: voxels that no X-ray reached, and structures that end there.

Scanners fill the corners outside the reconstruction circle with a value that no tissue has, and programs that resample
or mask fill what they do not know with a constant. A structure that touches such voxels may continue beyond them, as
one that touches a face of the image may.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LOWEST_OF_AIR = -1100.0  # HU; noise around air and the values of scanners for air stay above
HIGHEST_OF_AIR = -900.0
SHARE_OF_PADDING = 0.001  # of the voxels, with a value below that of air
SHARE_OF_FILLING = 0.05  # of the voxels, with one value above that of air: measured tissue varies
SAMPLED = 2_000_000  # voxels from which the filling is looked for


def padding_value(hu: NDArray[Any]) -> float | None:
    """Return the value (HU) that stands for voxels outside the field of view; None if there is none.

    Parameters
    ----------
    hu
        Attenuation, shape (x, y, z).

    """
    lowest = hu.min()
    if lowest < LOWEST_OF_AIR and np.count_nonzero(hu == lowest) >= SHARE_OF_PADDING * hu.size:
        return float(lowest)
    step = int(np.ceil(max(1.0, hu.size / SAMPLED) ** (1 / 3)))
    values, counts = np.unique(hu[::step, ::step, ::step], return_counts=True)
    commonest = counts.argmax()
    if values[commonest] > HIGHEST_OF_AIR and counts[commonest] >= SHARE_OF_FILLING * counts.sum():
        return float(values[commonest])
    return None


def touching(
    labels: NDArray[np.unsignedinteger[Any]], hu: NDArray[Any], numbers: list[int], layers: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Return the voxels of structures that are in padding, or within some layers of it.

    Parameters
    ----------
    labels
        Label of each voxel, shape (x, y, z).
    hu
        Attenuation, same shape.
    numbers
        Labels of the structures.
    layers
        Number of voxels from padding, counted along the axes, that belong to the border.

    Returns
    -------
    (n, n_inner) or None
        Voxels of each structure that touch padding, and those of them that are in none of the outermost layers of the
        image; None if the image has no padding.

    """
    value = padding_value(hu)
    if value is None:
        return None
    near = hu == value
    for _ in range(layers):
        near = _dilated(near)
    length = int(max(labels.max(), *numbers)) + 1
    inner = tuple(slice(layers, -layers) for _ in range(3))
    counts = [
        np.bincount(part_of_labels[part].ravel(), minlength=length)[numbers].astype(np.int64)
        for part_of_labels, part in ((labels, near), (labels[inner], near[inner]))
    ]
    return counts[0], counts[1]


def _dilated(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask with the six neighbours of its voxels."""
    found = mask.copy()
    for axis in range(3):
        before = tuple(slice(None, -1) if k == axis else slice(None) for k in range(3))
        after = tuple(slice(1, None) if k == axis else slice(None) for k in range(3))
        found[after] |= mask[before]
        found[before] |= mask[after]
    return found

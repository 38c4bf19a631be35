"""A digest of the voxels of an image, used to detect the same image under two scan identifiers."""

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctpop.foundation import digests
from ctpop.imaging.images import Volume

SPACING_DECIMALS = 2  # in mm, because programs round spacings differently
INT16 = np.iinfo(np.int16)


def voxel_digest(volume: Volume, kind: str) -> str:
    """Return a digest of the values, shape, and voxel spacing of an image in RAS+.

    Two files with the same values have the same digest, regardless of compression, data type, axis order, origin, and
    header text. Because of noise, two different CT scans do not agree in all voxels.

    Parameters
    ----------
    volume : Volume
        Image of shape (x, y, z) in RAS+.
    kind : str
        Type of image, such as `ct`; images of different types have different digests.

    Returns
    -------
    str
        Digest in 16 hexadecimal digits.

    Examples
    --------
    >>> from ctpop.imaging.images import Grid
    >>> grid, moved = Grid((1, 1, 2), np.eye(4)), np.eye(4)
    >>> moved[2, 3] = 40.0
    >>> one = Volume(np.array([[[-1000, 40]]], np.int16), grid, np.eye(4))
    >>> other = Volume(np.array([[[-1000.0, 40.0]]], np.float32), Grid((1, 1, 2), moved), moved)
    >>> voxel_digest(one, "ct") == voxel_digest(other, "ct")
    True
    >>> voxel_digest(one, "ct") == voxel_digest(one, "labels")
    False

    """
    spacing = volume.grid.spacing_mm.round(SPACING_DECIMALS) + 0.0
    head = f"{kind} {volume.data.shape} {spacing.tolist()}".encode()
    return digests.short(digests.of_parts(itertools.chain([head], map(_stored, volume.data.T))))


def _stored(values: NDArray[Any]) -> memoryview:
    """Return values in C order, as int16 if they are whole numbers in the range of int16, otherwise as float32."""
    low, high = values.min(), values.max()
    whole = values.dtype.kind != "f" or np.array_equal(values, np.rint(values))
    fits = whole and low >= INT16.min and high <= INT16.max
    return np.ascontiguousarray(values, np.int16 if fits else np.float32).data

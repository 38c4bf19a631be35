"""A digest of the voxels of an image, by which the same image is found under two scan ids."""

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctpop.foundation import digests
from ctpop.imaging.images import Volume

SPACING_DECIMALS = 2  # of mm: programs round spacings in different ways
INT16 = np.iinfo(np.int16)


def voxel_digest(volume: Volume, kind: str) -> str:
    """Return a digest of values, shape and voxel spacing of an image in RAS+.

    Two files have the same digest if they contain the same values, whatever their compression, data type, order of
    axes, origin and header texts. Values of a CT have noise, so that no two scans agree in all voxels.

    Parameters
    ----------
    volume : Volume
        Image of shape (x, y, z) in RAS+.
    kind : str
        Kind of image, such as `ct`; images of two kinds have different digests.

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
    """Return values as int16 if they are whole numbers of that range, otherwise as float32, in one order of memory."""
    low, high = values.min(), values.max()
    whole = values.dtype.kind != "f" or np.array_equal(values, np.rint(values))
    fits = whole and low >= INT16.min and high <= INT16.max
    return np.ascontiguousarray(values, np.int16 if fits else np.float32).data

"""Joint histogram of structures and attenuation: the number of voxels per structure and whole HU.

All statistics of whole HU are computed from this histogram without error, and the image is traversed only once.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctpop.stages.measure.runs import Runs

LOWEST_HU, HIGHEST_HU = int(np.iinfo(np.int16).min), int(np.iinfo(np.int16).max)


class JointHistogram:
    """Counts by structure, depth, and HU; depth is 1 for voxels that remain after erosion and 0 for all others.

    Values outside the 16-bit range are set to the nearer limit, and `clipped` is their number. Fractional HU are
    rounded to the nearest whole HU (half to even), and `whole` is then false.
    """

    def __init__(self, n_rows: int) -> None:
        self.lowest = 0
        self.counts: NDArray[np.int64] = np.zeros((n_rows, 2, 0), np.int64)
        self.clipped: NDArray[np.int64] = np.zeros(n_rows, np.int64)
        self.whole = True

    def add(self, runs: Runs, hu: NDArray[Any], deep: NDArray[np.bool_] | None) -> None:
        """Count the voxels of runs by attenuation and by `deep`, the mask of voxels left by erosion (None: none)."""
        if not hu.size:
            return
        hu = self._whole_hu(runs, hu)
        low, high = int(hu.min()), int(hu.max())
        n_rows, span = len(self.counts), high - low + 1
        keys = np.repeat(runs.row * (2 * span) - low, runs.length)
        keys += hu
        if deep is not None:
            keys += deep * np.intp(span)
        found = np.bincount(keys, minlength=n_rows * 2 * span).reshape(n_rows, 2, span)
        self._make_room(low, high)
        self.counts[:, :, low - self.lowest : high - self.lowest + 1] += found

    def of(self, row: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the sorted HU of a structure, and their counts among all voxels and among voxels left by erosion."""
        counts = self.counts[row]
        present = np.flatnonzero(counts.any(axis=0))
        return present + self.lowest, np.stack([counts[:, present].sum(axis=0), counts[1, present]])

    def _whole_hu(self, runs: Runs, hu: NDArray[Any]) -> NDArray[Any]:
        if hu.dtype.kind == "f":
            rounded = np.rint(hu)
            self.whole = self.whole and bool(np.array_equal(rounded, hu))
            hu = rounded
        if np.can_cast(hu.dtype, np.int16):
            return hu
        outside = (hu < LOWEST_HU) | (hu > HIGHEST_HU)
        if outside.any():
            self.clipped += np.bincount(runs.row_of_voxels[outside], minlength=len(self.clipped))
        clipped: NDArray[np.int16] = np.clip(hu, LOWEST_HU, HIGHEST_HU).astype(np.int16)
        return clipped

    def _make_room(self, low: int, high: int) -> None:
        """Extend the table to include at least `low` to `high`."""
        if not self.counts.shape[2]:
            self.lowest = low
        before = max(0, self.lowest - low)
        after = max(0, high + 1 - self.lowest - self.counts.shape[2])
        self.counts = np.pad(self.counts, ((0, 0), (0, 0), (before, after)))
        self.lowest -= before

"""Suppression of small counts, and of further counts from which small counts could be computed.

Counts from 1 to 4 are suppressed. If counts add up to a published total, a single suppressed count could be computed;
therefore, a second count is suppressed. If the suppressed counts sum to less than 5, a further count is suppressed.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BELOW = 5  # SOURCE: docs/methods/cohort.md: common rule of statistical offices and registries
TOP_AGE = 90.0  # SOURCE: HIPAA safe harbor, 45 CFR 164.514(b)(2)(i)(C): ages over 89 are one category, 90 or older


@dataclass(frozen=True)
class Sum:
    """A count that is the sum of other counts, given by their positions in a list of counts."""

    total: int
    parts: tuple[int, ...]


def hidden(
    counts: Sequence[int], sums: Sequence[Sum], below: int = BELOW, public: Collection[int] = ()
) -> NDArray[np.bool_]:
    """Return whether each count must be suppressed; counts of 0 are not suppressed because they disclose no patient.

    `public` contains the positions of counts in other released tables. Suppressing these counts would have no effect;
    other counts are suppressed instead. If no further count can be suppressed, all other counts of the sum already are.
    """
    n = np.asarray(counts, dtype=np.int64)
    found = (n > 0) & (n < below)
    while wanted := {place for line in sums if (place := _next(n, found, line, below, public)) is not None}:
        found[list(wanted)] = True
    return found


def top_coded(ages: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ages (years) with ages above 89 set to 90; missing values remain missing."""
    return np.where(ages > TOP_AGE - 1, TOP_AGE, ages)


def _next(n: NDArray[np.int64], found: NDArray[np.bool_], line: Sum, below: int, public: Collection[int]) -> int | None:
    """Return the position of the smallest count of a sum that must also be suppressed, or None."""
    places = [line.total, *line.parts]
    covered = [place for place in places if found[place]]
    if not covered or (len(covered) > 1 and (found[line.total] or n[covered].sum() >= below)):
        return None
    free = [place for place in places if not found[place] and n[place] > 0 and place not in public]
    return min(free, key=lambda place: (n[place], -place)) if free else None

"""Which counts must stay hidden so that no small one can be read, or computed from the others.

A count from 1 to 4 is hidden. Where counts add up to a shown total, a single hidden one could be computed, so a second
one is hidden beside it; where the hidden ones together are fewer than 5, a further one is.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BELOW = 5  # SOURCE: docs/methods/cohort.md: the common rule of statistical offices and registries
TOP_AGE = 90.0  # SOURCE: HIPAA safe harbour, 45 CFR 164.514(b)(2)(i)(C): ages over 89 are one category, 90 or older


@dataclass(frozen=True)
class Sum:
    """A count that is the sum of others, by their places in a list of counts."""

    total: int
    parts: tuple[int, ...]


def hidden(
    counts: Sequence[int], sums: Sequence[Sum], below: int = BELOW, public: Collection[int] = ()
) -> NDArray[np.bool_]:
    """Return which counts must be hidden; those of 0 never are, since they are nobody.

    Places in `public` are those of counts that another released table shows: hiding them would protect nothing, so
    that others are hidden. Where nothing is left to protect a count by, all of its sum is hidden already.
    """
    n = np.asarray(counts, dtype=np.int64)
    found = (n > 0) & (n < below)
    while wanted := {place for line in sums if (place := _next(n, found, line, below, public)) is not None}:
        found[list(wanted)] = True
    return found


def top_coded(ages: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ages (years) with those above 89 as 90; missing stays missing."""
    return np.where(ages > TOP_AGE - 1, TOP_AGE, ages)


def _next(n: NDArray[np.int64], found: NDArray[np.bool_], line: Sum, below: int, public: Collection[int]) -> int | None:
    """Return the smallest count of a sum that must be hidden, too, or nothing."""
    places = [line.total, *line.parts]
    covered = [place for place in places if found[place]]
    if not covered or (len(covered) > 1 and (found[line.total] or n[covered].sum() >= below)):
        return None
    free = [place for place in places if not found[place] and n[place] > 0 and place not in public]
    return min(free, key=lambda place: (n[place], -place)) if free else None

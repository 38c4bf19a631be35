"""The failure policy: conditions under which the job of a shard fails although each of its scans has a row.

The conditions detect failures caused by a computer, a disk, or a folder instead of by the images.
"""

from collections.abc import Collection

import pandas as pd

PASSING = ("out_of_memory", "not_read", "not_written")  # reasons that can be absent in another attempt
NEVER_OF_A_SCAN = ("not_written",)  # a full disk must be corrected by the user and is not a result of the study
FEWEST = 5  # ASSUME: fewer failures do not indicate a defective computer, for example one bad scan in a shard of one


def failure(ends: "pd.Series[str]", good: Collection[str], most: float, attempts_left: int) -> str:
    """Return the reason for which the job of a shard should fail although each of its scans has a status.

    A job fails if at least `FEWEST` scans and more than the permitted proportion failed, if a failure can be temporary
    and attempts remain, or if a result cannot be written.

    Parameters
    ----------
    ends : pandas.Series of str
        Status of each scan.
    good : collection of str
        Statuses that are not failures.
    most : float
        Highest permitted proportion of failed scans, 0 to 1.
    attempts_left : int
        Number of remaining attempts after this job.

    Returns
    -------
    str
        The reason, with the number of scans by failure status; an empty string if the job should not fail.

    Examples
    --------
    >>> ends = pd.Series(["segmented", "not_read"])
    >>> failure(ends, {"segmented"}, most=0.5, attempts_left=2)
    '1 of 2 scans failed (1 not_read), some for reasons that can be temporary; the job is repeated (attempts left: 2)'
    >>> failure(ends, {"segmented"}, most=0.5, attempts_left=0)
    ''

    """
    failed = ends[~ends.isin(good)]
    counted = ", ".join(f"{number} {reason}" for reason, number in failed.value_counts().sort_index().items())
    text = f"{len(failed)} of {len(ends)} scans failed ({counted})"
    if len(failed) >= FEWEST and len(failed) > most * len(ends):
        return (
            f"{text}, which is more than segment.max_failed_share permits ({most:g}). The cause is more likely a"
            " computer or a folder than the images. Check the reasons above; if they are correct, increase"
            " segment.max_failed_share"
        )
    if attempts_left and failed.isin(PASSING).any():
        return f"{text}, some for reasons that can be temporary; the job is repeated (attempts left: {attempts_left})"
    if failed.isin(NEVER_OF_A_SCAN).any():
        return f"{text}: results cannot be written. Free disk space or correct the output folder, and run again"
    return ""

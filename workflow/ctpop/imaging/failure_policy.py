"""The rules by which the job of a shard fails although each of its scans has a row.

They apply where the cause of the failures is a machine and not the patients.
"""

from collections.abc import Collection

import pandas as pd

PASSING = ("out_of_memory", "not_read", "not_written")  # reasons that another time or another machine may not have
NEVER_OF_A_SCAN = ("not_written",)  # a full disk is put right by people, and no result of a study
FEWEST = 5  # ASSUME: fewer failures say nothing about a machine; one bad scan in a shard of one is no broken node


def failure(ends: "pd.Series[str]", good: Collection[str], most: float, attempts_left: int) -> str:
    """Return why the job of a shard should fail although each of its scans has a status, or an empty text.

    A job fails if at least `FEWEST` scans and more than the permitted share failed, if a reason may pass and attempts
    are left, or if a result cannot be written.

    Parameters
    ----------
    ends : pandas.Series of str
        Status of each scan.
    good : collection of str
        Statuses that are no failure.
    most : float
        Share of the scans that may fail, 0 to 1.
    attempts_left : int
        Number of jobs that may follow this one.

    Returns
    -------
    str
        The reason, with the number of scans of each status that is a failure; empty if the job should not fail.

    Examples
    --------
    >>> ends = pd.Series(["segmented", "not_read"])
    >>> failure(ends, {"segmented"}, most=0.5, attempts_left=2)
    '1 of 2 scans failed (1 not_read), some for reasons that may pass: the job is to be run again, 2 attempts are left'
    >>> failure(ends, {"segmented"}, most=0.5, attempts_left=0)
    ''

    """
    failed = ends[~ends.isin(good)]
    counted = ", ".join(f"{number} {reason}" for reason, number in failed.value_counts().sort_index().items())
    text = f"{len(failed)} of {len(ends)} scans failed ({counted})"
    if len(failed) >= FEWEST and len(failed) > most * len(ends):
        return (
            f"{text}, more than the share of {most:g} that segment.max_failed_share allows: a machine or a folder is"
            " more likely at fault than the patients. Look at the reasons above; if they are right, raise the share"
        )
    if attempts_left and failed.isin(PASSING).any():
        return f"{text}, some for reasons that may pass: the job is to be run again, {attempts_left} attempts are left"
    if failed.isin(NEVER_OF_A_SCAN).any():
        return f"{text}: results cannot be written. Make room on the disk, or put its folder right, and start again"
    return ""

"""When the job of a shard fails although each of its scans has a row: a machine is at fault, and not the patients."""

from collections.abc import Collection

import pandas as pd

PASSING = ("out_of_memory", "not_read", "not_written")  # reasons that another time or another machine may not have
NEVER_OF_A_SCAN = ("not_written",)  # a full disk is put right by people, and no result of a study
FEWEST = 5  # ASSUME: fewer failures say nothing about a machine; one bad scan in a shard of one is no broken node


def trouble(ends: "pd.Series[str]", good: Collection[str], most: float, attempts_left: int) -> str:
    """Return why a shard's job should fail although each of its scans has come to an end, or nothing.

    Parameters
    ----------
    ends
        The status of each scan.
    good
        The statuses that are no failure.
    most
        The share of the scans that may fail.
    attempts_left
        Jobs that may follow this one.

    """
    failed = ends[~ends.isin(good)]
    counted = ", ".join(f"{number} {reason}" for reason, number in failed.value_counts().sort_index().items())
    told = f"{len(failed)} of {len(ends)} scans failed ({counted})"
    if len(failed) >= FEWEST and len(failed) > most * len(ends):
        return (
            f"{told}, more than the share of {most:g} that segment.max_failed_share allows: a machine or a folder is"
            " more likely at fault than the patients. Look at the reasons above; if they are right, raise the share"
        )
    if attempts_left and failed.isin(PASSING).any():
        return f"{told}, some for reasons that may pass: the job is to be run again, {attempts_left} attempts are left"
    if failed.isin(NEVER_OF_A_SCAN).any():
        return f"{told}: results cannot be written. Make room on the disk, or put its folder right, and start again"
    return ""

"""Tests of the failure policy: the job of a shard fails because of the computer, not because of a scan."""

import pandas as pd
import pytest

from ctpop.contracts.codes import SEGMENT_STATUS
from ctpop.imaging.failure_policy import failure

GOOD = ("segmented", "existing")
REASONS = sorted(set(SEGMENT_STATUS) - set(GOOD))


def failure_of(statuses, most=0.5, attempts_left=0):
    return failure(pd.Series(statuses, dtype="str"), GOOD, most, attempts_left)


@pytest.mark.parametrize(
    ("statuses", "share", "fails"),
    [
        (["missing_file"] * 5 + ["existing"] * 5, 0.5, False),
        (["missing_file"] * 6 + ["existing"] * 4, 0.5, True),
        (["missing_file"] * 5 + ["segmented"] * 15, 0.2, True),
        (["unreadable"] * 4, 0.5, False),  # too few to indicate a defective computer
        (["unreadable"] * 100, 1, False),
        ([], 0.5, False),
    ],
)
def test_a_shard_fails_above_the_permitted_proportion_of_failed_scans(statuses, share, fails):
    assert bool(failure_of(statuses, share)) == fails


@pytest.mark.parametrize("reason", REASONS)
def test_a_temporary_failure_is_repeated_while_attempts_remain(reason):
    one = ["existing", "existing", "existing", reason]

    assert bool(failure_of(one, attempts_left=1)) == (reason in {"out_of_memory", "not_read", "not_written"})


@pytest.mark.parametrize("reason", REASONS)
def test_after_the_last_attempt_only_write_failures_stop_the_shard(reason):
    assert bool(failure_of(["existing", "existing", "existing", reason])) == (reason == "not_written")


def test_the_message_counts_the_reasons():
    statuses = ["unreadable"] * 3 + ["missing_file"] * 4 + ["existing"]

    expected = (
        "7 of 8 scans failed (4 missing_file, 3 unreadable), which is more than segment.max_failed_share permits (0.5)"
    )
    assert failure_of(statuses).startswith(expected)

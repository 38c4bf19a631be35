"""A shard's job fails when a machine is at fault, and not because of a patient."""

import pandas as pd
import pytest

from ctpop.contracts.codes import SEGMENT_STATUS
from ctpop.imaging.failure_policy import failure

GOOD = ("segmented", "existing")
REASONS = sorted(set(SEGMENT_STATUS) - set(GOOD))


def told(statuses, most=0.5, attempts_left=0):
    return failure(pd.Series(statuses, dtype="str"), GOOD, most, attempts_left)


@pytest.mark.parametrize(
    ("statuses", "share", "fails"),
    [
        (["missing_file"] * 5 + ["existing"] * 5, 0.5, False),
        (["missing_file"] * 6 + ["existing"] * 4, 0.5, True),
        (["missing_file"] * 5 + ["segmented"] * 15, 0.2, True),
        (["unreadable"] * 4, 0.5, False),  # too few to say anything about a machine
        (["unreadable"] * 100, 1, False),
        ([], 0.5, False),
    ],
)
def test_a_shard_fails_when_more_than_the_allowed_share_of_its_scans_fails(statuses, share, fails):
    assert bool(told(statuses, share)) == fails


@pytest.mark.parametrize("reason", REASONS)
def test_a_failure_that_may_pass_is_worth_another_job_while_attempts_are_left(reason):
    one = ["existing", "existing", "existing", reason]

    assert bool(told(one, attempts_left=1)) == (reason in {"out_of_memory", "not_read", "not_written"})


@pytest.mark.parametrize("reason", REASONS)
def test_at_the_last_attempt_only_a_full_disk_is_no_property_of_a_scan(reason):
    assert bool(told(["existing", "existing", "existing", reason])) == (reason == "not_written")


def test_the_reasons_are_counted():
    statuses = ["unreadable"] * 3 + ["missing_file"] * 4 + ["existing"]

    assert told(statuses).startswith("7 of 8 scans failed (4 missing_file, 3 unreadable), more than the share of 0.5")

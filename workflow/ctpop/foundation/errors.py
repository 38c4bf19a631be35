"""Errors that stop the run or exclude a scan, and the wording of their messages."""

import errno

PASSING_ERRORS = {  # temporary errors of a disk, network, or server, which are unrelated to the content of the file
    *(errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EREMOTEIO, errno.ENOLINK, errno.ENODEV, errno.ENXIO),
    *(errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ECONNRESET, errno.ENOTCONN),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EAGAIN, errno.EBUSY),
}


class ContractError(ValueError):
    """A table or a setting violates its contract; the run stops.

    The message states the place, the requirement, the value found, the number of rows, the first keys, and the remedy.
    """


class ScanError(Exception):
    """A scan cannot be processed; the failure is recorded in a table, and processing continues with the other scans.

    `reason` is one of the codes in `schema.SEGMENT_STATUS`; `detail` is a readable sentence without personal data.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def in_one_line(error: BaseException, longest: int = 200) -> str:
    """Return the message of an error as a single line, short enough for a table cell."""
    return (" ".join(str(error).split()) or type(error).__name__)[:longest]


def count(n: int, one: str, many: str = "") -> str:
    """Return a number and its noun in the singular or plural; numbers from 10,000 have commas.

    Examples
    --------
    >>> count(1, "row"), count(4004, "row"), count(12000, "entry", "entries")
    ('1 row', '4004 rows', '12,000 entries')

    """
    return f"{n:,} {many or one + 's'}" if n >= 10_000 else f"{n} {one if n == 1 else many or one + 's'}"

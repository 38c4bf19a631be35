"""The ways this pipeline refuses to go on."""

import errno

PASSING_ERRORS = {  # of a disk, a network or a server; they say nothing about the file
    *(errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EREMOTEIO, errno.ENOLINK, errno.ENODEV, errno.ENXIO),
    *(errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ECONNRESET, errno.ENOTCONN),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EAGAIN, errno.EBUSY),
}


class ContractError(ValueError):
    """A table or a setting does not keep its promise; the run stops.

    The message says where, what was promised, what was found, in how many rows, the first keys and what to do.
    """


class ScanError(Exception):
    """One scan cannot be processed; it becomes a row in a table and the others go on.

    `reason` is a code out of `schema.SEGMENT_STATUS`; `detail` is a sentence for people, without personal data.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def in_one_line(error: BaseException, longest: int = 200) -> str:
    """Return an error's own words in one line, fit for a cell of a table."""
    return (" ".join(str(error).split()) or type(error).__name__)[:longest]

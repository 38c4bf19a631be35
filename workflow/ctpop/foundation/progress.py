"""Progress of a long task: a bar on a terminal; otherwise, a log line once per minute."""

import logging
import sys
import time

PAUSE_S = 60  # seconds between two log lines
BAR = 40  # characters
MINUTE, HOUR = 60, 3600


class Progress:
    """A counter of completed items that reports progress and the remaining time.

    Parameters
    ----------
    log
        Log that receives a line once per minute and a final line.
    total
        Number of items.
    unit
        Name of the items in the plural, such as `scans`.

    """

    def __init__(self, log: logging.Logger, total: int, unit: str) -> None:
        self.log = log
        self.total = total
        self.unit = unit
        self.done = 0
        self.began = self.reported = time.monotonic()
        self.is_bar = sys.stderr.isatty()

    def add(self, number: int = 1, remark: str = "") -> None:
        """Count items as completed, and report progress if a minute has passed or all items are completed."""
        self.done += number
        now = time.monotonic()
        text = f"{self.done} of {self.total} {self.unit}{self._pace(now - self.began)}{remark and ', '}{remark}"
        if self.is_bar:
            filled = BAR * self.done // self.total
            end = "\n" if self.done == self.total else ""
            sys.stderr.write(f"\r[{'#' * filled}{'.' * (BAR - filled)}] {text}   {end}")
            sys.stderr.flush()
        elif now - self.reported >= PAUSE_S or self.done == self.total:
            self.reported = now
            self.log.info("%s", text)

    def _pace(self, seconds: float) -> str:
        each = seconds / self.done
        if self.done == self.total:
            return f" in {duration(seconds)}"
        pace = f"{each:.1f} s each, " if each >= 0.1 else ""
        return f", {pace}{duration(each * (self.total - self.done))} left"


def duration(seconds: float) -> str:
    """Return a duration as readable text.

    Examples
    --------
    >>> [duration(seconds) for seconds in (4.2, 119, 120, 4000)]
    ['4 s', '119 s', '2 min', '1 h 7 min']

    """
    if seconds < 2 * MINUTE:
        return f"{seconds:.0f} s"
    minutes = round(seconds / MINUTE)
    return f"{minutes} min" if seconds < HOUR else f"{minutes // MINUTE} h {minutes % MINUTE} min"

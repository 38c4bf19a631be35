"""A pipeline of three concurrent steps: reading the next scan, predicting a scan, and writing the previous scan.

Each step processes one scan, so memory use does not depend on the number of scans.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from ctpop.foundation.errors import ScanError, in_one_line
from ctpop.imaging.label_map_store import LabelMapNote, LabelMapStore
from ctpop.imaging.scans import without_file_names
from ctpop.stages.segment.sources import ScanToSegment

STEPS = ("read", "predict", "write")


class LabelMapSource(Protocol):
    """A source of label maps (`sources`)."""

    status: str
    store: LabelMapStore

    def read(self, scan: ScanToSegment) -> Any:
        """Return the note on a finished label map, or the input of `predict`."""

    def predict(self, work: Any) -> Any:
        """Return the input of `write`."""

    def write(self, work: Any) -> LabelMapNote:
        """Write a label map, and return its note."""

    def memory_mb(self) -> int | None:
        """Return the peak GPU memory (MB) since the last call; None without a GPU."""


@dataclass(frozen=True)
class Attempt:
    """The state of a scan, which ends with a note on its label map or an error."""

    scan: ScanToSegment
    work: Any = None
    note: LabelMapNote | None = None
    reused: bool = False
    error: ScanError | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    def then_do(self, step: str, function: Callable[[Any], Any]) -> "Attempt":
        """Return the attempt after a step; finished and failed attempts are returned unchanged."""
        if self.note or self.error:
            return self
        began = time.monotonic()
        after = self._after(function)
        return replace(after, seconds={**self.seconds, step: time.monotonic() - began})

    def _after(self, function: Callable[[Any], Any]) -> "Attempt":
        try:
            result = function(self.work)
        except ScanError as error:
            paths = {"ct_path": self.scan.ct_path, "segmentation_path": self.scan.segmentation_path}
            return replace(self, work=None, error=without_file_names(error, paths))
        except MemoryError as error:
            return replace(self, work=None, error=ScanError("out_of_memory", in_one_line(error)))
        if isinstance(result, LabelMapNote):
            return replace(self, work=None, note=result)
        return replace(self, work=result)


def attempts(scans: Iterable[ScanToSegment], source: LabelMapSource) -> Iterator[Attempt]:
    """Yield the finished or failed attempt at each scan, in order."""

    def read(scan: ScanToSegment) -> Attempt:
        attempt = Attempt(scan, scan).then_do("read", source.read)
        return replace(attempt, reused=attempt.note is not None)

    def write(attempt: Attempt) -> Attempt:
        return attempt.then_do("write", source.write)

    def predict(attempt: Attempt) -> Attempt:
        return attempt.then_do("predict", source.predict)

    with ThreadPoolExecutor(1, "read") as reading, ThreadPoolExecutor(1, "write") as writing:
        yield from _behind(writing, write, map(predict, _ahead(reading, read, scans)))


def _ahead(
    pool: ThreadPoolExecutor, function: Callable[[ScanToSegment], Attempt], scans: Iterable[ScanToSegment]
) -> Iterator[Attempt]:
    """Yield the result of a function for each scan while the result for the next scan is computed."""
    waiting: Future[Attempt] | None = None
    for scan in scans:
        following = pool.submit(function, scan)
        if waiting:
            yield waiting.result()
        waiting = following
    if waiting:
        yield waiting.result()


def _behind(
    pool: ThreadPoolExecutor, function: Callable[[Attempt], Attempt], attempts: Iterable[Attempt]
) -> Iterator[Attempt]:
    """Yield the result of a function for each attempt, computed during the next attempt."""
    waiting: Future[Attempt] | None = None
    for attempt in attempts:
        if waiting:
            yield waiting.result()
        waiting = pool.submit(function, attempt)
    if waiting:
        yield waiting.result()

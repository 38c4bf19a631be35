"""Drawing and writing of figures in parallel processes; the files do not depend on the number of processes."""

import logging
import multiprocessing
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctpop.figures import export
from ctpop.figures.catalog import patterns_that_vary
from ctpop.figures.export import Picture, Plan
from ctpop.figures.formats import FORMATS
from ctpop.figures.formatting import named_by, names_in_use, printed_in, style_in_use
from ctpop.foundation.processes import end_with_parent
from ctpop.foundation.progress import Progress
from ctpop.study.display_names import DisplayName

LOG = logging.getLogger(__name__)
FILES_PER_PROCESS = 30  # writing 30 files takes longer than starting another process (about 2 seconds)
AHEAD = 4  # queued figures per process, kept in memory with their values


@dataclass(frozen=True)
class Way:
    """Output settings of figures: folder, resolution (dpi), formats, number style, and names of structures."""

    folder: Path
    dpi: int
    formats: tuple[str, ...]
    style: str
    names: dict[str, DisplayName]


def processes_for(files: int, jobs: int) -> int:
    """Return the number of processes to start for a number of figure files, at most `jobs`."""
    return max(1, min(jobs, files // FILES_PER_PROCESS))


def save_all(plans: list[Plan], folder: Path, settings: Mapping[str, Any], jobs: int) -> list[Picture]:
    """Draw and write all figures in parallel processes, and remove the figures of an earlier configuration.

    Parameters
    ----------
    plans
        The figures.
    folder
        Output folder.
    settings
        Section `report` of the configuration: `dpi` and `formats`.
    jobs
        Number of processes.

    Returns
    -------
    list of Picture
        The figures in the order of the plans.

    """
    way = Way(folder, settings["dpi"], tuple(settings["formats"]), style_in_use(), names_in_use())
    pictures = []
    progress = Progress(LOG, len(plans), "figures")
    for picture in _pictures(plans, way, jobs):
        pictures.append(picture)
        progress.add()
    names = {picture.name for picture in pictures}
    for path in (path for pattern in patterns_that_vary() for path in folder.glob(f"{pattern}.*")):
        if path.stem not in names and path.suffix[1:] in (*FORMATS, "csv"):
            path.unlink()
    return pictures


def _pictures(plans: list[Plan], way: Way, jobs: int) -> Iterator[Picture]:
    if jobs == 1 or len(plans) == 1:
        yield from (_saved(plan, way) for plan in plans)
        return
    # Processes are spawned because a fork copies the locks of the threads of pyarrow and BLAS in an arbitrary state.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=end_with_parent) as pool:
        yield from _in_order(pool, plans, way, AHEAD * jobs)


def _in_order(pool: Executor, plans: list[Plan], way: Way, ahead: int) -> Iterator[Picture]:
    waiting: deque[Future[Picture]] = deque()
    for plan in plans:
        waiting.append(pool.submit(_saved, plan, way))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    yield from (future.result() for future in waiting)


def _saved(plan: Plan, way: Way) -> Picture:
    with printed_in(way.style), named_by(way.names):
        drawing = plan.drawing
    export.save(drawing, way.folder, way.dpi, way.formats)
    return drawing.picture

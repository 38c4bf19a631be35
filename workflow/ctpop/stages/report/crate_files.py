"""Files of a finished study, and the start and end times of its jobs."""

import csv
import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ctpop.foundation import digests
from ctpop.foundation.errors import ContractError

LISTED = ("tables", "figures", "report")  # only top-level files are listed; subfolders may have scan IDs as file names
HALF_WRITTEN = ".part"
KINDS = {
    ".parquet": "application/vnd.apache.parquet",
    ".md": "text/markdown",
    ".bib": "application/x-bibtex",
    ".csv": "text/csv",
    ".svg": "image/svg+xml",
    ".smk": "text/x-python",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
FOLDERS = {
    "masks": "label maps, one per scan, each with a record of its origin",
    "histograms": "attenuation histograms of each structure",
    "report/assets": "style sheet and scripts of the pages",
    "report/structures": "one page per structure",
    "report/review": "review gallery of masks with its images",
}


@dataclass(frozen=True)
class CratePart:
    """A file of a study, or a folder described as a whole; `place` is the path in the folder of the study."""

    place: str
    bytes: int | None = None
    sha256: str | None = None
    kind: str | None = None
    meaning: str | None = None


@dataclass(frozen=True)
class Times:
    """Start of the first job and end of the last job whose results are in a study."""

    start: datetime
    end: datetime


def parts_of(study: Path) -> list[CratePart]:
    """Return the files of a study in order, followed by the folders whose file names may contain scan IDs."""
    whole = [path for path in (study / "masks", study / "histograms") if path.is_dir()]
    whole += [path for folder in LISTED for path in sorted((study / folder).glob("*")) if path.is_dir()]
    places = [path.relative_to(study).as_posix() for path in whole]
    return [
        *(_described(path, study) for path in _listed(study)),
        *(CratePart(f"{place}/", meaning=FOLDERS.get(place)) for place in places),
    ]


def times_of(study: Path) -> Times:
    """Return the start and end of the run, to the second, from the Snakemake benchmark of each job.

    A job ended when its benchmark was written, and its start follows from the recorded run time. After a partial rerun,
    the run extends from the oldest remaining result to the newest result.

    Raises
    ------
    ContractError
        If the study has no benchmarks.

    """
    spans = [span for path in sorted((study / "benchmarks").rglob("*.tsv")) for span in _spans(path)]
    if not spans:
        raise ContractError(f"{study / 'benchmarks'}: the folder contains no benchmarks; run the workflow first")
    return Times(_to_the_second(min(began for began, _ in spans)), _to_the_second(max(ended for _, ended in spans)))


def _listed(study: Path) -> Iterator[Path]:
    yield study / "provenance.json"
    yield from (path for path in sorted((study / "code").rglob("*")) if _is_whole(path))
    yield from (path for folder in LISTED for path in sorted((study / folder).glob("*")) if _is_whole(path))


def _is_whole(path: Path) -> bool:
    return path.is_file() and path.suffix != HALF_WRITTEN


def _described(path: Path, study: Path) -> CratePart:
    kind = KINDS.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "text/plain"
    return CratePart(path.relative_to(study).as_posix(), path.stat().st_size, digests.of_file(path), kind)


def _spans(path: Path) -> Iterator[tuple[float, float]]:
    ended = path.stat().st_mtime
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            yield ended - float(row["s"]), ended


def _to_the_second(moment: float) -> datetime:
    return datetime.fromtimestamp(round(moment), tz=UTC)

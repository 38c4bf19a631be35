"""The files of a finished study, and when the jobs ran that made them."""

import csv
import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ctpop.foundation import digests
from ctpop.foundation.errors import ContractError

LISTED = ("tables", "figures", "report")  # the files right in them are named; further below, file names may be scans
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
    "masks": "label maps, one a scan, with a note on how each came about",
    "histograms": "attenuation of every structure as counts",
    "report/assets": "style and scripts of the pages",
    "report/structures": "one page for each structure",
    "report/review": "page on which a reviewer judges masks, with its pictures",
}


@dataclass(frozen=True)
class CratePart:
    """A file of a study, or a folder that is described as a whole, by its place in the study's folder."""

    place: str
    bytes: int | None = None
    sha256: str | None = None
    kind: str | None = None
    meaning: str | None = None


@dataclass(frozen=True)
class Times:
    """When the first job began and the last one ended, whose results are in a study."""

    start: datetime
    end: datetime


def parts_of(study: Path) -> list[CratePart]:
    """Return the files of a study in order, and the folders whose files may carry the name of a scan as a whole."""
    whole = [path for path in (study / "masks", study / "histograms") if path.is_dir()]
    whole += [path for folder in LISTED for path in sorted((study / folder).glob("*")) if path.is_dir()]
    places = [path.relative_to(study).as_posix() for path in whole]
    return [
        *(_described(path, study) for path in _listed(study)),
        *(CratePart(f"{place}/", meaning=FOLDERS.get(place)) for place in places),
    ]


def times_of(study: Path) -> Times:
    """Return begin and end of the run, to the second, by what Snakemake measured of each job.

    A job ended when its row was written, and began so many seconds before as the row says. After a partial rerun, the
    run reaches from the oldest result that was kept to the newest.

    Raises
    ------
    ContractError
        If no job was measured.

    """
    spans = [span for path in sorted((study / "benchmarks").rglob("*.tsv")) for span in _spans(path)]
    if not spans:
        raise ContractError(f"{study / 'benchmarks'}: no job of the workflow was measured; run the workflow first")
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

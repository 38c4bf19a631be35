"""Index a DICOM folder: write a registry with one row per selected CT series, and all other series with a reason.

Input: a folder of files at any depth. Output: the registry and, next to it, the excluded series and the counts of
files. Pixels are read only if the UID of an image is missing or repeated. No output or message contains a name, date,
or free text of the headers: identifiers are hashed with a key in the private folder, and texts are compared with closed
lists. The counts sum to the number of files in the folder, and selected and excluded series sum to all CT series.
"""

import argparse
import logging
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ctpop.contracts import dicom as contracts
from ctpop.contracts.table_files import write_csv
from ctpop.contracts.tables import Table
from ctpop.foundation import digests
from ctpop.foundation.errors import ContractError
from ctpop.stages.dicom import private_links
from ctpop.stages.dicom.folder_scan import Scanned, scan
from ctpop.stages.dicom.header_cache import NAME, Cache
from ctpop.stages.dicom.pseudonyms import Pseudonyms, key_of, open_private
from ctpop.stages.dicom.series_grouping import series_rows
from ctpop.stages.dicom.series_selection import choose
from ctpop.stages.dicom.vocabulary import VOCABULARY
from ctpop.study import configuration
from ctpop.study.registry import as_truth, check_ids, read_cells

LOG = logging.getLogger(__name__)
RENAMED = {"contrast": "contrast_header", "contrast_reason": "contrast_header_reason", "syntax": "transfer_syntax"}
REPORTED = ("age_reason", "contrast_header_reason", "complete_header_reason", "patient_reason")
ENTERED_TRUTHS = ("complete", "contrast")
ENTERED_COLUMNS = (*ENTERED_TRUTHS, "known_absent")


def table_of(rows: list[dict[str, Any]], table: Table) -> pd.DataFrame:
    """Return rows of series as a checked table; absent values are missing."""
    frame = pd.DataFrame(rows, columns=list(rows[0]) if rows else []).rename(columns=RENAMED)
    frame = frame.reindex(columns=list(table.columns))
    return table.check(frame.astype(object).where(frame.notna(), None) if rows else table.empty())


def kept_entries(registry: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Return the registry with the entries of the previous registry: three optional columns and all added columns."""
    own = [name for name in before.columns if name in ENTERED_COLUMNS or name not in registry.columns]
    entered = before.set_index("scan_id")[own].reindex(registry["scan_id"]).reset_index(drop=True)
    return registry.assign(**{name: entered[name] for name in own})


def entries_of(path: Path) -> pd.DataFrame:
    """Return the cells of an existing registry, with `complete` and `contrast` converted to true and false.

    Raises
    ------
    ContractError
        If the registry cannot be read. The error protects existing entries from being overwritten.

    """
    cells = read_cells(path)
    if "scan_id" not in cells.columns:
        raise ContractError(f"{path}: the file exists and has no column scan_id; choose another file with --registry")
    check_ids(cells["scan_id"], path)
    truths = {
        name: as_truth(cells[name], cells["scan_id"], f"{path}: {name}") for name in ENTERED_TRUTHS if name in cells
    }
    return cells.assign(**truths)


def counts_of(scanned: Scanned, n_copies: int) -> pd.DataFrame:
    """Return the number of files by status."""
    counts = Counter(str(one.facts["status"]) for one in scanned.found)
    counts.update({**scanned.n_unread, "copy": n_copies, "ct_image": -n_copies})
    rows = [(status, number) for status, number in counts.items() if number]
    return contracts.FILES.check(pd.DataFrame(rows, columns=list(contracts.FILES.columns)))


@dataclass(frozen=True)
class IndexOptions:
    """Options of the command `index`; `ctpop index --help` explains them."""

    folder: Path
    registry: Path
    config: Path | None
    private: Path
    link: bool
    processes: int


def run(options: IndexOptions) -> None:
    """Read the folder, select series, and write the registry, the excluded series, and the counts of files."""
    if not options.folder.is_dir():
        raise ContractError("FOLDER: the folder does not exist; correct the first argument of `ctpop index`")
    rule = configuration.section("dicom", options.config)
    before = entries_of(options.registry) if options.registry.is_file() else None
    private = open_private(options.private)
    pseudonyms = Pseudonyms(key_of(private))
    words = digests.of_file(VOCABULARY)
    scanned = scan(options.folder, Cache(private / NAME, pseudonyms, words), options.processes)
    rows = series_rows(scanned.found, pseudonyms, rule["even_within_mm"])
    chosen, excluded = choose(rows, rule)
    if not chosen:
        raise ContractError(
            "FOLDER: the folder contains no suitable CT series; files:"
            f" {_counts_text(counts_of(scanned, _copies(rows)), 'status', 'n_files')}; excluded series:"
            f" {_reasons(excluded)}; check the folder and the setting dicom.exclude (docs/config.md)"
        )
    registry = table_of(chosen, contracts.SERIES)
    write_all(
        options.registry, kept_entries(registry, before) if before is not None else registry, excluded, scanned, rows
    )
    private_links.write_members(private, chosen)
    if options.link:
        private_links.write_links(private, options.folder, rows, scanned.found)
    LOG.info("%d series = %d selected + %d excluded (%s)", len(rows), len(chosen), len(excluded), _reasons(excluded))
    for name in REPORTED:
        LOG.info("%s of the selected series: %s", name, _counts(registry[name].fillna("unknown")))


def write_all(
    path: Path, registry: pd.DataFrame, excluded: list[dict[str, Any]], scanned: Scanned, rows: list[dict[str, Any]]
) -> None:
    """Write the registry and, next to it, the excluded series and the counts of files."""
    files = counts_of(scanned, _copies(rows))
    write_csv(contracts.SERIES.check(registry, where=path), path)
    write_csv(table_of(excluded, contracts.SERIES_EXCLUDED), path.with_name(f"{path.stem}_excluded.csv"))
    write_csv(files, path.with_name(f"{path.stem}_files.csv"))
    LOG.info(
        "%d files, %d of them read in this run: %s",
        files["n_files"].sum(),
        scanned.n_read,
        _counts_text(files, "status", "n_files"),
    )


def _copies(rows: list[dict[str, Any]]) -> int:
    return sum(int(row["n_copies"]) for row in rows)


def _counts_text(counts: pd.DataFrame, name: str, number: str) -> str:
    return ", ".join(f"{n} {word}" for word, n in zip(counts[name], counts[number], strict=True)) or "no files"


def _reasons(excluded: list[dict[str, Any]]) -> str:
    return _counts(str(row["reason"]) for row in excluded)


def _counts(reasons: Iterable[str]) -> str:
    return ", ".join(f"{number} {reason}" for reason, number in sorted(Counter(reasons).items())) or "none"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="DICOM folder, searched with all subfolders and not changed"
    )
    parser.add_argument("--registry", type=Path, required=True, help="output CSV with one row per selected CT series")
    configuration.add_config_argument(parser, "dicom")
    parser.add_argument(
        "--private",
        type=Path,
        default=Path("ctpop_private"),
        help="private folder with the key, created by the first run; do not share or delete it (default %(default)s)",
    )
    parser.add_argument(
        "--link", action="store_true", help="write the link table of scans and DICOM identifiers to the private folder"
    )
    parser.add_argument(
        "--processes",
        type=int,
        default=min(os.cpu_count() or 1, 8),
        help="number of processes that read headers (default %(default)s)",
    )

"""Write the measures of each scan as TotalSegmentator's `statistics.json`, for programs that read that.

In: `measures` and the label set. Out: a folder per scan with the file. Values equal those of TotalSegmentator on the
same label map and CT if the CT holds whole HU; docs/methods.md tells how closely, and what `--zeros` does.
"""

import argparse
import logging
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ctpop.contracts.all_tables import MEASURES_TABLE
from ctpop.foundation.errors import ContractError
from ctpop.foundation.files import write_text
from ctpop.study import configuration, label_sets
from ctpop.study.totalsegmentator_statistics import (
    BORDER_LAYERS,
    COLUMNS,
    FILE_NAME,
    StatisticsStyle,
    statistics_of,
    text_of,
)

LOG = logging.getLogger(__name__)

DECIMALS = (5, 2)  # SOURCE: round(5) in TotalSegmentator since release 2.6, round(2) before


def in_label_order(measures: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return the measures scan by scan, structures in the order of their labels.

    Raises
    ------
    ContractError
        If a structure is not in the label set.

    """
    unknown = sorted(set(measures["structure"]) - set(names))
    if unknown:
        raise ContractError(
            f"measures: column 'structure' must be a structure of the label set, found {', '.join(unknown[:3])};"
            " give the label set that the study was made with"
        )
    ordered = measures.assign(structure=pd.Categorical(measures["structure"], categories=names))
    return ordered.sort_values(["scan_id", "structure"], ignore_index=True)


def refuse_zeros_without_evidence(measures: pd.DataFrame, border_layers: int) -> None:
    """Raise a ContractError if it is not known what lies within three voxels of the border, as 0.0 needs."""
    if border_layers != BORDER_LAYERS:
        raise ContractError(
            f"--zeros: TotalSegmentator writes 0.0 for what lies within {BORDER_LAYERS} voxels of the border, found"
            f" measure.border_layers {border_layers}; measure with"
            f" {BORDER_LAYERS} and name that configuration: --config FILE"
        )
    unknown = measures["n_voxels"].ne(0).fillna(True) & measures["volume_ml"].notna() & measures["border_voxels"].isna()
    if unknown.any():
        raise ContractError(
            f"--zeros: border_voxels is missing in {int(unknown.sum())} rows with a volume, as in measures that were"
            " taken over; leave --zeros out"
        )


@dataclass(frozen=True)
class ExportStatisticsOptions:
    """Options of the command `export-statistics`; `ctpop export-statistics --help` explains them."""

    measures: Path
    structures: str
    out: Path
    decimals: int
    zeros: bool
    config: Path | None


def run(options: ExportStatisticsOptions) -> None:
    """Write a file for each scan in which something was measured."""
    layers = configuration.section("measure", options.config)["border_layers"]
    measures = in_label_order(
        MEASURES_TABLE.read(options.measures, *COLUMNS), label_sets.read(options.structures).names
    )
    if options.zeros:
        refuse_zeros_without_evidence(measures, layers)
    style = StatisticsStyle(options.decimals, options.zeros)
    n_scans, n_written = 0, 0
    for scan_id, rows in measures.groupby("scan_id", sort=False):
        n_scans += 1
        if rows["status"].eq("measured").any():
            write_text(text_of(statistics_of(rows, style)), options.out / str(scan_id) / FILE_NAME)
            n_written += 1
    LOG.info("%d scans = %d files + %d scans that were not measured", n_scans, n_written, n_scans - n_written)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--measures", type=Path, required=True, help="Parquet with the measures of a study")
    parser.add_argument("--structures", required=True, help="label set of the study: shipped name or CSV")
    parser.add_argument("--out", type=Path, required=True, help="folder to write SCAN_ID/statistics.json to")
    parser.add_argument("--decimals", type=int, choices=DECIMALS, default=DECIMALS[0], help="decimals of the HU")
    parser.add_argument("--zeros", action="store_true", help="0.0 for what is absent, or near a face of the image")
    configuration.add_config_argument(parser, "measure")

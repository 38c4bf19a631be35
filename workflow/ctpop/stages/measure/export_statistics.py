"""Export the measures of each scan in the format `statistics.json` of TotalSegmentator.

Input: `measures` and the label set. Output: one folder per scan with the file. For a CT with whole HU, the values equal
those of TotalSegmentator for the same label map and CT; docs/methods/measurement.md describes the precision and the
option `--zeros`.
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

DECIMALS = (5, 2)  # SOURCE: round(5) in TotalSegmentator since release 2.6, round(2) in earlier releases


def in_label_order(measures: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return the measures sorted by scan, with structures in the order of their labels.

    Raises
    ------
    ContractError
        If a structure is not in the label set.

    """
    unknown = sorted(set(measures["structure"]) - set(names))
    if unknown:
        raise ContractError(
            f"--measures: column structure contains names outside the label set: {', '.join(unknown[:3])}; use the"
            " label set of the study (--structures)"
        )
    ordered = measures.assign(structure=pd.Categorical(measures["structure"], categories=names))
    return ordered.sort_values(["scan_id", "structure"], ignore_index=True)


def refuse_zeros_without_evidence(measures: pd.DataFrame, border_layers: int) -> None:
    """Raise a ContractError if structures within three voxels of the border, which require 0.0, are unknown."""
    if border_layers != BORDER_LAYERS:
        raise ContractError(
            f"--zeros: requires measure.border_layers {BORDER_LAYERS}, found {border_layers}; TotalSegmentator writes"
            f" 0.0 for structures within {BORDER_LAYERS} voxels of the border. Measure with {BORDER_LAYERS}, and name"
            " the study file with --config FILE"
        )
    unknown = measures["n_voxels"].ne(0).fillna(True) & measures["volume_ml"].notna() & measures["border_voxels"].isna()
    if unknown.any():
        raise ContractError(
            "--zeros: border_voxels is missing although volume_ml is present, for example in measures of other programs"
            f" (affected rows: {int(unknown.sum())}); omit --zeros"
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
    """Write a file for each scan with at least one measured structure."""
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
    reported = "scans: %d, of which %d with a statistics file and %d without measurements"
    LOG.info(reported, n_scans, n_written, n_scans - n_written)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--measures", type=Path, required=True, help="Parquet file with the measures of a study")
    parser.add_argument(
        "--structures", required=True, help="label set of the study: name of a built-in label set, or CSV file"
    )
    parser.add_argument("--out", type=Path, required=True, help="output folder of the files SCAN_ID/statistics.json")
    parser.add_argument(
        "--decimals",
        type=int,
        choices=DECIMALS,
        default=DECIMALS[0],
        help="number of decimals of the attenuation (default %(default)s)",
    )
    parser.add_argument(
        "--zeros", action="store_true", help="write 0.0 for structures that are absent or close to a face of the image"
    )
    configuration.add_config_argument(parser, "measure")

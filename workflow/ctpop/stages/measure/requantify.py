"""Compute percentiles and statistics of attenuation windows, such as fat or bone, from the histograms of a study.

Input: the files of `results/<study.name>/histograms/`, one per shard. Output: one row per scan with a CT and structure
with voxels. Images, which can amount to terabytes, are not read.
"""

import argparse
import logging
import math
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctpop.contracts.table_files import write_csv, write_parquet
from ctpop.foundation.errors import ContractError
from ctpop.stages.measure.attenuation import percentiles
from ctpop.stages.measure.histograms import read_histograms

LOG = logging.getLogger(__name__)
WINDOW = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9_]*)=(?P<low>-?\d+)?:(?P<high>-?\d+)?")
KEY = ["scan_id", "structure"]


@dataclass(frozen=True)
class AttenuationWindow:
    """Range of attenuation from `low` to `high` (HU), including both limits; an open limit is infinite."""

    name: str
    low: float
    high: float


@dataclass(frozen=True)
class Wanted:
    """The requested percentiles and windows."""

    percents: tuple[float, ...]
    windows: tuple[AttenuationWindow, ...]

    @property
    def columns(self) -> list[str]:
        """Names of the output columns, for example hu_p05, hu_p97.5, fat_share, fat_mean."""
        places = [f"hu_p{percent:02g}" if percent.is_integer() else f"hu_p{percent:04g}" for percent in self.percents]
        return [
            "n_voxels",
            *places,
            *(f"{each.name}_{number}" for each in self.windows for number in ("share", "mean")),
        ]


def numbers_of(hu: NDArray[np.int64], counts: NDArray[np.int64], wanted: Wanted) -> list[float]:
    """Return the statistics of a structure from its sorted HU and their counts, with at least one voxel.

    Percentiles interpolate linearly, as in `measures`. The statistics of a window are the proportion of voxels in the
    window and their mean attenuation, which is missing without voxels.
    """
    n_voxels = int(counts.sum())
    found = [n_voxels, *percentiles(hu, counts, wanted.percents)]
    for window in wanted.windows:
        inside = (hu >= window.low) & (hu <= window.high)
        n_inside = int(counts[inside].sum())
        found += [n_inside / n_voxels, int((hu * counts)[inside].sum()) / n_inside if n_inside else math.nan]
    return found


def requantified(path: Path, wanted: Wanted, structures: list[str]) -> pd.DataFrame:
    """Return the statistics of each scan and structure in a histogram file; without `structures`, of all structures."""
    rows = []
    for scan_id, histogram in read_histograms(path):
        chosen = histogram[histogram["structure"].isin(structures)] if structures else histogram
        for structure, counts in chosen.groupby("structure", observed=True):
            hu, n = (counts[name].to_numpy(np.int64) for name in ("hu", "n"))
            rows.append((scan_id, str(structure), *numbers_of(hu, n, wanted)))
    return pd.DataFrame(rows, columns=[*KEY, *wanted.columns]).astype(dict.fromkeys(KEY, "category"))


def parse_windows(given: list[str]) -> tuple[AttenuationWindow, ...]:
    """Return the windows from texts of the form NAME=LOW:HIGH.

    Raises
    ------
    ContractError
        If a text does not have this form, a window is empty, or two windows have the same name.

    """
    found = []
    for text in given:
        parts = WINDOW.fullmatch(text)
        low, high = (float(parts["low"] or -math.inf), float(parts["high"] or math.inf)) if parts else (0, -1)
        if parts is None or low > high:
            raise ContractError(
                f"--window: {text!r} is not of the form NAME=LOW:HIGH with whole HU and LOW up to HIGH, for example"
                " fat=-190:-30"
            )
        found.append(AttenuationWindow(parts["name"], low, high))
    repeated = [name for name, number in Counter(window.name for window in found).items() if number > 1]
    if repeated:
        raise ContractError(f"--window: repeated name {', '.join(repeated)}; give each window a different name")
    return tuple(found)


def parse_percents(given: list[float]) -> tuple[float, ...]:
    """Return the distinct percentages.

    Raises
    ------
    ContractError
        If a percentage is outside 0 to 100.

    """
    outside = [f"{percent:g}" for percent in given if not 0 <= percent <= 100]
    if outside:
        raise ContractError(f"--percentile: percentiles must be between 0 and 100, found {', '.join(outside)}")
    return tuple(dict.fromkeys(given))


@dataclass(frozen=True)
class RequantifyOptions:
    """Options of the command `requantify`; `ctpop requantify --help` explains them."""

    histograms: list[Path]
    percentile: list[float]
    window: list[str]
    structures: list[str]
    out: Path


def run(options: RequantifyOptions) -> None:
    """Compute statistics from histograms, and write one CSV or Parquet table, sorted by scan and structure."""
    wanted = Wanted(parse_percents(options.percentile), parse_windows(options.window))
    if len(wanted.columns) == 1:
        raise ContractError("no statistic was requested; add --percentile or --window")
    found = pd.concat([requantified(path, wanted, options.structures) for path in options.histograms])
    found = found.astype(dict.fromkeys(KEY, "str")).sort_values(KEY, ignore_index=True)
    unknown = sorted(set(options.structures) - set(found["structure"]))
    if unknown:
        raise ContractError(
            f"--structures: no scan contains attenuation of {', '.join(unknown)}; correct the names of the structures"
        )
    if found.duplicated(KEY).any():
        raise ContractError(
            "--histograms: a scan occurs in several files; name each file once, and only files of one study"
        )
    if options.out.suffix == ".csv":
        write_csv(found, options.out)
    else:
        write_parquet(found, options.out)
    LOG.info("%d rows from %d files", len(found), len(options.histograms))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--histograms", type=Path, nargs="+", required=True, help="files of results/STUDY/histograms/")
    parser.add_argument("--percentile", type=float, nargs="+", default=[], help="percentiles, for example 10 97.5")
    parser.add_argument(
        "--window",
        nargs="+",
        default=[],
        metavar="NAME=LOW:HIGH",
        help="windows in HU including both limits, for example fat=-190:-30; an omitted limit is open, as in bone=150:",
    )
    parser.add_argument("--structures", nargs="+", default=[], help="structures to include (default: all structures)")
    parser.add_argument(
        "--out", type=Path, required=True, help="output table: CSV if the name ends in .csv, otherwise Parquet"
    )

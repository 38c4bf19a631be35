"""Further numbers from the histograms of a study: any percentile, and windows of attenuation such as fat or bone.

In: the files of `results/<study.name>/histograms/`, one per shard. Out: a row per scan and structure that has voxels
under a CT. No image is opened: what would take a pass over terabytes is an operation on tables.
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
    """Attenuation from `low` to `high`, both included; infinite where an end is open."""

    name: str
    low: float
    high: float


@dataclass(frozen=True)
class Wanted:
    """The numbers that are asked for."""

    percents: tuple[float, ...]
    windows: tuple[AttenuationWindow, ...]

    @property
    def columns(self) -> list[str]:
        """Names of the numbers: hu_p05, hu_p97.5, fat_share, fat_mean."""
        places = [f"hu_p{percent:02g}" if percent.is_integer() else f"hu_p{percent:04g}" for percent in self.percents]
        return [
            "n_voxels",
            *places,
            *(f"{each.name}_{number}" for each in self.windows for number in ("share", "mean")),
        ]


def numbers_of(hu: NDArray[np.int64], counts: NDArray[np.int64], wanted: Wanted) -> list[float]:
    """Return the numbers of a structure from its HU, in order, and their counts, one voxel at least.

    Percentiles interpolate linearly, as in `measures`. A window gives the share of the voxels that it holds and their
    mean attenuation, which is missing if it holds none.
    """
    n_voxels = int(counts.sum())
    found = [n_voxels, *percentiles(hu, counts, wanted.percents)]
    for window in wanted.windows:
        inside = (hu >= window.low) & (hu <= window.high)
        n_inside = int(counts[inside].sum())
        found += [n_inside / n_voxels, int((hu * counts)[inside].sum()) / n_inside if n_inside else math.nan]
    return found


def requantified(path: Path, wanted: Wanted, structures: list[str]) -> pd.DataFrame:
    """Return the numbers of each scan and structure in a file of histograms; of all structures, if none is named."""
    rows = []
    for scan_id, histogram in read_histograms(path):
        chosen = histogram[histogram["structure"].isin(structures)] if structures else histogram
        for structure, counts in chosen.groupby("structure", observed=True):
            hu, n = (counts[name].to_numpy(np.int64) for name in ("hu", "n"))
            rows.append((scan_id, str(structure), *numbers_of(hu, n, wanted)))
    return pd.DataFrame(rows, columns=[*KEY, *wanted.columns]).astype(dict.fromkeys(KEY, "category"))


def parse_windows(given: list[str]) -> tuple[AttenuationWindow, ...]:
    """Return the windows that a user wrote as NAME=LOW:HIGH.

    Raises
    ------
    ContractError
        If one is not of that form, is empty, or two have one name.

    """
    found = []
    for text in given:
        parts = WINDOW.fullmatch(text)
        low, high = (float(parts["low"] or -math.inf), float(parts["high"] or math.inf)) if parts else (0, -1)
        if parts is None or low > high:
            raise ContractError(f"--window: NAME=LOW:HIGH with whole HU is expected, as fat=-190:-30, found {text!r}")
        found.append(AttenuationWindow(parts["name"], low, high))
    repeated = [name for name, number in Counter(window.name for window in found).items() if number > 1]
    if repeated:
        raise ContractError(f"--window: each has a name of its own, found {', '.join(repeated)} repeated")
    return tuple(found)


def parse_percents(given: list[float]) -> tuple[float, ...]:
    """Return percents, each once.

    Raises
    ------
    ContractError
        If one does not lie between 0 and 100.

    """
    outside = [f"{percent:g}" for percent in given if not 0 <= percent <= 100]
    if outside:
        raise ContractError(f"--percentile: numbers from 0 to 100 are expected, found {', '.join(outside)}")
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
    """Read histograms, compute, and write one table as CSV or Parquet, sorted by scan and structure."""
    wanted = Wanted(parse_percents(options.percentile), parse_windows(options.window))
    if len(wanted.columns) == 1:
        raise ContractError("nothing is asked for; give --percentile or --window")
    found = pd.concat([requantified(path, wanted, options.structures) for path in options.histograms])
    found = found.astype(dict.fromkeys(KEY, "str")).sort_values(KEY, ignore_index=True)
    unknown = sorted(set(options.structures) - set(found["structure"]))
    if unknown:
        raise ContractError(f"--structures: no scan has voxels of {', '.join(unknown)} under a CT")
    if found.duplicated(KEY).any():
        raise ContractError("--histograms: a scan occurs in several files, or a file is named twice")
    if options.out.suffix == ".csv":
        write_csv(found, options.out)
    else:
        write_parquet(found, options.out)
    LOG.info("%d rows from %d files", len(found), len(options.histograms))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--histograms", type=Path, nargs="+", required=True, help="files of results/<study.name>/histograms/"
    )
    parser.add_argument("--percentile", type=float, nargs="+", default=[], help="percentiles, as 10 97.5")
    parser.add_argument(
        "--window",
        nargs="+",
        default=[],
        metavar="NAME=LOW:HIGH",
        help="windows of HU, both ends included; an end left out is open, as fat=-190:-30 bone=150:",
    )
    parser.add_argument("--structures", nargs="+", default=[], help="structures (default: all)")
    parser.add_argument("--out", type=Path, required=True, help="table to write: .csv, or else Parquet")

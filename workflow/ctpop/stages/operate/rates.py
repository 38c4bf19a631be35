"""Time and space per scan: measured in an earlier study, or the default rates in `resources/rates.csv`."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from ctpop.contracts import parquet_rows
from ctpop.foundation.errors import ContractError
from ctpop.foundation.resources import resource
from ctpop.stages.operate import benchmarks
from ctpop.stages.operate.configured_study import ConfiguredStudy

FILE = resource("rates.csv")
MB = 1e6


@dataclass(frozen=True)
class Rates:
    """Seconds and MB per scan or job, the source of each rate, and whether a GPU is used for segmentation."""

    segment_s: float
    measure_s: float
    review_s: float
    start_s: float
    mask_mb: float
    tables_mb: float
    ct_mb: float
    segment_mb: float
    measure_mb: float
    review_mb: float
    sources: dict[str, str] = field(default_factory=dict)
    on_gpu: bool = True


def shipped() -> Rates:
    """Return the default rates of the package."""
    with FILE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    values: dict[str, Any] = {row["rate"]: float(row["value"]) for row in rows}
    return Rates(**values, sources={row["rate"]: row["source"] for row in rows})


def measured(study: ConfiguredStudy) -> Rates:
    """Return the rates measured in a completed study, with default rates for unmeasured values.

    Raises
    ------
    ContractError
        If no job of the study produced a label map.

    """
    folder = study.results / "benchmarks"
    segment = jobs(folder / "segment")
    made = segment[segment["fresh"] > 0]
    if made.empty:
        raise ContractError(
            f"{folder}: the folder records no job that produced a label map; specify a study that has been run"
        )
    found = {
        "segment_s": made["s"].sum() / made["fresh"].sum(),
        "segment_mb": made["max_rss"].max(),
        "start_s": 0.0,
        "mask_mb": mean_mb(study.store.folder),
    }
    for stage in ("measure", "review"):
        done = jobs(folder / stage)
        scans = scans_of(study, done.index)
        if scans:
            found[f"{stage}_s"] = done["s"].sum() / scans
            found[f"{stage}_mb"] = done["max_rss"].max()
    scans = scans_of(study, segment.index)
    if scans:
        rest = sum(size_mb(study.results / name) for name in ("histograms", "shards", "tables"))
        found["tables_mb"] = rest / scans
    text = f"measured in {study.results}: {int(made['fresh'].sum())} scans"
    values: dict[str, Any] = {name: float(value) for name, value in found.items() if pd.notna(value)}
    rates = shipped()
    on_gpu = bool(benchmarks.of_scans(folder / "segment")["gpu_mb"].notna().any())
    return replace(rates, **values, sources={**rates.sources, **dict.fromkeys(values, text)}, on_gpu=on_gpu)


def scans_of(study: ConfiguredStudy, shards: Iterable[str]) -> int:
    """Return the number of scans in a set of shards."""
    tables = [study.results / "shards" / "segments" / f"{name}.parquet" for name in shards]
    return sum(len(parquet_rows.read(path, ["scan_id"])) for path in tables if path.is_file())


def jobs(folder: Path) -> pd.DataFrame:
    """Return the run time (s), memory (MB), and number of newly processed scans of each job of a stage."""
    rows = benchmarks.of_stage(folder.parent, folder.name)
    scans = benchmarks.of_scans(folder)
    fresh = scans.loc[~scans["reused"], "job"].value_counts()
    return rows.assign(fresh=fresh.reindex(rows.index, fill_value=0))


def megabytes_on_disk(study: ConfiguredStudy, scans: int) -> float:
    """Return the disk space (MB) for the results of a number of scans."""
    rates = shipped()
    masks = 0.0 if study.start_from == "measures" else rates.mask_mb
    volumes = rates.ct_mb if study.dicom else 0.0
    return scans * (masks + volumes + rates.tables_mb)


def mean_mb(folder: Path) -> float:
    """Return the mean size of a label map (MB), or NaN if there are none."""
    maps = [path.stat().st_size for path in folder.glob("[!.]*.nii.gz")]
    return sum(maps) / len(maps) / MB if maps else float("nan")


def size_mb(folder: Path) -> float:
    """Return the total size of the files in a folder and its subfolders (MB)."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / MB

"""Run time of a study: time, memory, and GPU use of each stage and of scans by size, as tables and a page.

Input: the records of Snakemake and `segment` in `benchmarks/`, the label maps (number of voxels), and the table
`segments` (models). Output: `runtime.csv`, `scan_seconds.csv`, and `runtime.html`, which opens from disk and makes no
network requests. The output is separate from the report, whose files are identical between runs.
"""

import argparse
import logging
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ctpop.contracts.all_tables import SEGMENTS
from ctpop.contracts.efficiency import RUNTIME, SCAN_SECONDS, SIDE_VOXELS, SLICES
from ctpop.contracts.table_files import write_csv
from ctpop.foundation.errors import ScanError
from ctpop.foundation.files import write_text
from ctpop.foundation.progress import Progress
from ctpop.foundation.resources import resource
from ctpop.foundation.templates import environment
from ctpop.imaging.images import read_grid
from ctpop.imaging.job_ledger import Spent, read, spent
from ctpop.imaging.label_map_store import LabelMapStore
from ctpop.stages.operate import benchmarks
from ctpop.stages.operate.benchmarks import LEDGER, STEPS
from ctpop.study import configuration

LOG = logging.getLogger(__name__)
TEMPLATES = resource("report")
MINUTE, HOUR = 60, 3600
# SOURCE: Wasserthal et al. 2023, RTX 3090: seconds per scan with 1.5-mm and 3-mm models, GPU memory (GB) at 1.5 mm
PAPER = {"small": (77, 34, 6.1), "medium": (169, 53, 8.5), "large": (212, 83, 11.4)}


def size_of(voxels: pd.Series) -> pd.Series:
    """Return the size category of `SLICES` with the nearest number of voxels; missing values remain missing.

    A number halfway between two sizes is assigned to the larger size.
    """
    # ASSUME: time depends on the number of stored voxels, by which the original study distinguishes its scans.
    slices = np.array(list(SLICES.values()))
    ends = SIDE_VOXELS**2 * (slices[1:] + slices[:-1]) / 2
    names = np.array(list(SLICES), dtype=object)[np.digitize(voxels.fillna(0).astype("int64"), ends)]
    return pd.Series(names, index=voxels.index, dtype="str").where(voxels.notna())


def scan_seconds(scans: pd.DataFrame, voxels: pd.Series, ledger: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `scan_seconds`: steps, size, and time of each scan.

    `voxels` contains the number of voxels by scan; `ledger` contains the time of the last job on each scan.
    """
    rows = scans.assign(**{name: pd.to_numeric(scans[name]) for name in (*STEPS, "gpu_mb")})
    kept = ledger.reindex(rows["scan_id"]).reset_index(drop=True)
    counted = rows["scan_id"].map(voxels).astype("Int64")
    steps = rows[list(STEPS)].sum(axis=1, min_count=len(STEPS)).mask(rows["reused"]).round(3)
    job_seconds = kept["job_seconds"].where(rows["finished"]).round(1)
    made = steps.notna() | job_seconds.notna()
    memory = kept["gpu_mb"].fillna(rows["gpu_mb"]).where(made)
    costs = {
        "voxels": counted,
        "size": size_of(counted),
        "seconds": steps,
        "job_seconds": job_seconds,
        "gpu_mb": memory,
    }
    rows = rows.assign(**costs, reused=rows["finished"] & ~made)
    return SCAN_SECONDS.check(rows[list(SCAN_SECONDS.columns)])


def runtime(jobs: pd.DataFrame, with_gpu: "pd.Series[bool]") -> pd.DataFrame:
    """Return the rows of `runtime`: time and memory of each stage; `with_gpu` marks jobs that used a GPU."""
    timed = jobs.dropna(subset=["s"])
    groups = timed.assign(gpu=timed["s"].where(with_gpu)).groupby("stage", sort=True)
    rows = pd.DataFrame(
        {
            "jobs": groups.size(),
            "seconds": groups["s"].sum(),
            "longest_seconds": groups["s"].max(),
            "cpu_seconds": groups["cpu_time"].sum(min_count=1),
            "peak_mb": groups["max_rss"].max(),
            "gpu_seconds": groups["gpu"].sum(min_count=1),
        }
    )
    return RUNTIME.check(rows.round(2).reset_index(names="stage"))  # precision of the Snakemake benchmarks


def with_repeated(jobs: pd.DataFrame, spent: dict[str, Spent]) -> pd.DataFrame:
    """Return the jobs with the run time of interrupted and repeated jobs of `segment`, from the ledgers, included."""
    all_of_them = jobs["job"].map({name: shard.seconds for name, shard in spent.items()})
    longer = jobs["stage"].eq("segment") & (all_of_them > jobs["s"])
    return jobs.assign(s=jobs["s"].mask(longer, all_of_them))


def by_size(scans: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the number of segmented scans, median times, and GPU hours per 1000 scans, by size and overall.

    GPU hours are derived from the run time of the jobs, including loading and waiting; they are missing without a GPU.
    """
    made = scans[made_here(scans)].astype({"voxels": "float64"})
    parts = {size: made[made["size"].eq(size)] for size in SLICES} | {"all": made}
    return [{"size": size, "n": len(part), **_middle(part)} for size, part in parts.items()]


def _middle(part: pd.DataFrame) -> dict[str, float]:
    on_gpu = part[part["gpu_mb"].notna()]
    return {
        **{name: float(part[name].median()) for name in (*STEPS, "seconds", "voxels")},
        "job_seconds": float(part["job_seconds"].mean()),
        "gpu_mb": float(on_gpu["gpu_mb"].max()),
        "gpu_hours_of_1000": float(on_gpu["job_seconds"].mean()) * 1000 / HOUR,
    }


def made_here(scans: pd.DataFrame) -> "pd.Series[bool]":
    """Return whether each label map was produced by a job with a recorded time."""
    return scans["seconds"].notna() | scans["job_seconds"].notna()


def counts_of(scans: pd.DataFrame) -> dict[str, int]:
    """Return the number of all scans and of newly processed, reused, and failed scans, which add up to all scans."""
    made, reused = int(made_here(scans).sum()), int(scans["reused"].sum())
    return {"all": len(scans), "made": made, "reused": reused, "failed": len(scans) - made - reused}


def voxels_of(scans: Collection[str], store: LabelMapStore) -> pd.Series:
    """Return the number of voxels of each scan with a label map, from the header."""
    found = {}
    progress = Progress(LOG, len(scans), "headers of label maps")
    for scan in scans:
        with suppress(ScanError):  # no label map: the scan failed, or the file was removed
            found[scan] = int(np.prod(read_grid(store.mask_path(scan)).shape, dtype=np.int64))
        progress.add()
    return pd.Series(found, dtype="Int64")


def ledgers(folder: Path) -> dict[str, Spent]:
    """Return the total time of all jobs on each shard, from its ledger."""
    return {path.name.removesuffix(LEDGER): spent(read(path)) for path in sorted(folder.glob(f"*{LEDGER}"))}


def models_of(segments: Path) -> list[str]:
    """Return the models that produced the label maps of a study."""
    return sorted(SEGMENTS.read(segments, "model")["model"].dropna().unique())


def lasting(seconds: float) -> str:
    """Return a duration as text: 0.8 s, 12 s, 3.4 min, or 1,234.5 h; a dash if it is missing."""
    if pd.isna(seconds):
        return "–"
    if seconds < MINUTE:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / MINUTE:.1f} min" if seconds < HOUR else f"{seconds / HOUR:,.1f} h"


def rounded(value: float, digits: int = 1) -> str:
    """Return a rounded number as text; a dash if it is missing."""
    return "–" if pd.isna(value) else f"{value:,.{digits}f}"


def page(study: dict[str, Any], models: list[str], stages: pd.DataFrame, scans: pd.DataFrame) -> str:
    """Return the page; all text is escaped."""
    templates = environment(TEMPLATES)
    templates.filters.update(lasting=lasting, rounded=rounded)
    return templates.get_template("runtime.html").render(
        study=study,
        banner=study.get("banner"),
        models=models,
        stages=stages.sort_values(["seconds", "stage"], ascending=[False, True]).to_dict("records"),
        total=stages[["jobs", "seconds", "cpu_seconds", "gpu_seconds"]].sum(min_count=1).to_dict(),
        peak_mb=stages["peak_mb"].max(),
        counts=counts_of(scans),
        sizes=by_size(scans),
        slices=SLICES,
        side=SIDE_VOXELS,
        paper=PAPER,
    )


@dataclass(frozen=True)
class RuntimeOptions:
    """Options of the command `runtime`; `ctpop runtime --help` describes them."""

    benchmarks: Path
    segments: Path | None
    masks: Path | None
    config: Path | None
    out: Path


def run(options: RuntimeOptions) -> None:
    """Read the records and write both tables and the page."""
    study = configuration.section("study", options.config)
    jobs = benchmarks.recorded(options.benchmarks)
    found = benchmarks.once(benchmarks.of_scans(options.benchmarks / "segment"))
    voxels = voxels_of(found["scan_id"], LabelMapStore(options.masks)) if options.masks else pd.Series(dtype="Int64")
    scans = scan_seconds(found, voxels, benchmarks.of_ledgers(options.benchmarks / "segment"))
    kept = ledgers(options.benchmarks / "segment")
    on_gpu = {name for name, shard in kept.items() if shard.on_gpu} | set(scans.loc[scans["gpu_mb"].notna(), "job"])
    stages = runtime(with_repeated(jobs, kept), jobs["stage"].eq("segment") & jobs["job"].isin(on_gpu))
    models = models_of(options.segments) if options.segments else []
    write_csv(stages, options.out / "runtime.csv")
    write_csv(scans, options.out / "scan_seconds.csv")
    write_text(page(study, models, stages, scans), options.out / "runtime.html")
    LOG.info("%d jobs in %d stages, %d scans", int(stages["jobs"].sum()), len(stages), len(scans))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this stage."""
    parser.add_argument("--benchmarks", type=Path, required=True, help="folder of the recorded run times")
    parser.add_argument("--segments", type=Path, help="Parquet file of the table segments (names of models)")
    parser.add_argument("--masks", type=Path, help="folder of the store of label maps (sizes of scans)")
    configuration.add_config_argument(parser, "study")
    parser.add_argument("--out", type=Path, required=True, help="output folder")

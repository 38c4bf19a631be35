"""Run times of jobs, recorded by Snakemake in `benchmarks/` of a study, and of scans, recorded by `segment`."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from ctpop.imaging import job_ledger
from ctpop.imaging.job_ledger import Line

JOB_COLUMNS = ("stage", "job", "s", "cpu_time", "max_rss")
STEPS = ("read_seconds", "predict_seconds", "write_seconds")
SCANS = "_scans.csv"
LEDGER = "_jobs.csv"


def recorded(folder: Path) -> pd.DataFrame:
    """Return the stage, name, run time (s), CPU time (s), and memory (MB) of the last run of each job.

    A stage with one job has one file; a stage with several jobs has a folder. Values that were not recorded are
    missing: Snakemake does not measure the memory and CPU time of very short jobs.
    """
    return _table([_job(path, path.stem) for path in sorted(folder.glob("*.tsv"))] + _shards(folder, "*"))


def of_stage(folder: Path, stage: str) -> pd.DataFrame:
    """Return the jobs of a stage with several jobs, as in `recorded`, indexed by shard."""
    return _table(_shards(folder, stage)).set_index("job")


def of_scans(folder: Path) -> pd.DataFrame:
    """Return the duration of the steps of each scan in the last run of each job of `segment`, in order of time."""
    files = sorted(folder.glob(f"*{SCANS}"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    # An ID such as `NA` is text; only empty cells are missing values.
    tables = (pd.read_csv(path, dtype={"scan_id": str}, keep_default_na=False, na_values=[""]) for path in files)
    parts = [table.assign(job=path.name.removesuffix(SCANS)) for table, path in zip(tables, files, strict=True)]
    filled = [part for part in parts if len(part)]
    if not filled:
        return pd.DataFrame(columns=["scan_id", *STEPS, "gpu_mb", "job"]).assign(reused=pd.Series(dtype=bool))
    rows = pd.concat(filled, ignore_index=True)
    return rows.assign(reused=rows["reused"].astype(bool))


def once(scans: pd.DataFrame) -> pd.DataFrame:
    """Return one row per scan with the steps of the last job that produced its label map.

    A scan occurs in several jobs if jobs were repeated or the number of shards changed. The column `finished` states
    whether the scan has a label map.
    """
    finished = scans["scan_id"][scans["reused"] | scans[STEPS[-1]].notna()]
    ordered = scans.assign(finished=scans["scan_id"].isin(finished)).sort_values(
        "reused", ascending=False, kind="stable"
    )
    return ordered.drop_duplicates("scan_id", keep="last").reset_index(drop=True)


def of_ledgers(folder: Path) -> pd.DataFrame:
    """Return the run time (s) and GPU memory (MB) of the last job on each scan, including interrupted jobs.

    The run time starts at the end of the previous scan; for the first scan of a job, it includes loading the models.
    """
    read = ((path.name, job_ledger.read(path)) for path in sorted(folder.glob(f"*{LEDGER}")))
    scans = [(name, *line) for name, lines in read for line in lines if line.scan_id]
    rows = pd.DataFrame(scans, columns=["shard", *Line._fields]).astype({"gpu_mb": "float64"})
    taken = rows.groupby(["shard", "job"], sort=False)["seconds"].diff().fillna(rows["seconds"])
    made = rows.assign(job_seconds=taken)[~rows["reused"].astype(bool)]
    return made.drop_duplicates("scan_id", keep="last").set_index("scan_id")[["job_seconds", "gpu_mb"]]


def _shards(folder: Path, stage: str) -> list[tuple[str, ...]]:
    return [_job(path, path.parent.name) for path in sorted(folder.glob(f"{stage}/*-of-*.tsv"))]


def _table(rows: list[tuple[str, ...]]) -> pd.DataFrame:
    jobs = pd.DataFrame([row for row in rows if row], columns=list(JOB_COLUMNS))
    return jobs.assign(**{name: pd.to_numeric(jobs[name], errors="coerce") for name in JOB_COLUMNS[2:]})


def _job(path: Path, stage: str) -> tuple[str, ...]:
    """Return the row of a job, or an empty tuple if an interrupted Snakemake left a file without a row."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return (stage, path.stem, *(_values(rows[-1]))) if rows else ()


def _values(row: dict[str, str]) -> Iterator[str]:
    return (row.get(name) or "" for name in JOB_COLUMNS[2:])

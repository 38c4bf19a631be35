"""What jobs took, as Snakemake recorded it in `benchmarks/` of a study, and scans, as `segment` did."""

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
    """Return stage, name, seconds, processor seconds and memory (MB) of each job, by its last run.

    A stage of one job has a file of its own, one of many a folder. What was not recorded is missing: Snakemake does not
    see memory and processor of a job that ends at once.
    """
    return _table([_job(path, path.stem) for path in sorted(folder.glob("*.tsv"))] + _shards(folder, "*"))


def of_stage(folder: Path, stage: str) -> pd.DataFrame:
    """Return the jobs of a stage of many, as `recorded` does, by the name of the shard."""
    return _table(_shards(folder, stage)).set_index("job")


def of_scans(folder: Path) -> pd.DataFrame:
    """Return what the steps of each scan took in each job of `segment`, by its last run; later jobs come later."""
    files = sorted(folder.glob(f"*{SCANS}"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    # An id such as `NA` is a text; only an empty cell is missing.
    tables = (pd.read_csv(path, dtype={"scan_id": str}, keep_default_na=False, na_values=[""]) for path in files)
    parts = [table.assign(job=path.name.removesuffix(SCANS)) for table, path in zip(tables, files, strict=True)]
    filled = [part for part in parts if len(part)]
    if not filled:
        return pd.DataFrame(columns=["scan_id", *STEPS, "gpu_mb", "job"]).assign(reused=pd.Series(dtype=bool))
    rows = pd.concat(filled, ignore_index=True)
    return rows.assign(reused=rows["reused"].astype(bool))


def once(scans: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each scan, with its steps as the last job took that made its label map.

    Jobs have looked at a scan several times if they were repeated, or the number of shards was another one. `finished`
    says whether it has a label map.
    """
    finished = scans["scan_id"][scans["reused"] | scans[STEPS[-1]].notna()]
    ordered = scans.assign(finished=scans["scan_id"].isin(finished)).sort_values(
        "reused", ascending=False, kind="stable"
    )
    return ordered.drop_duplicates("scan_id", keep="last").reset_index(drop=True)


def of_ledgers(folder: Path) -> pd.DataFrame:
    """Return by scan the seconds and the GPU memory (MB) of the last job that worked on it, killed ones included.

    Its seconds are those from the end of the scan before; the first scan of a job has the loading of models in them.
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
    """Return the row of a job; nothing for a file without one, as a killed Snakemake may leave it."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return (stage, path.stem, *(_values(rows[-1]))) if rows else ()


def _values(row: dict[str, str]) -> Iterator[str]:
    return (row.get(name) or "" for name in JOB_COLUMNS[2:])

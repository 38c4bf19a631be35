"""Measure the parts of the workflow for studies of up to 100,000 synthetic scans with the real Snakefile.

    python bench/scale.py --work FOLDER > bench/scale.md

The script replaces the outputs of the image stages with tables of synthetic measures, which Snakemake accepts as
finished. No image is read, segmented, or measured. All other parts are real: planning of all jobs, scheduling of the
shards (`--touch`, which runs no job), and the jobs `cohort`, `screen`, `aging`, `report`, and both `gather` jobs.
"""

import argparse
import csv
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from gather import processor_seconds, rows_of
from machine import grouped, heading, load, table
from runs import ROOT, measured

from ctpop.contracts.all_tables import MEASURES_TABLE, SEGMENTS
from ctpop.study import label_sets, shards
from ctpop.study.rules import single_jobs

ONCE = [name for name in single_jobs("segmentations") if name not in {"gather_review", "gallery", "runtime", "crate"}]
FIRST_SEED = 8
SCANS_PER_SHARD = 128
PER_YEAR = {"volume_ml": -0.004, "hu_mean": -0.5}  # simulated effect of age


@dataclass(frozen=True)
class Taken:
    """Elapsed time (s), CPU time (s), and memory (MB)."""

    seconds: float
    processor: float
    memory_mb: float

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s ({self.processor:.1f}), {self.memory_mb:.0f} MB"


def write_registry(scans: int, work: Path) -> dict[str, float]:
    """Write a registry and return the age of each scan (years)."""
    random = np.random.default_rng(FIRST_SEED)
    ages = {f"scan{number:06d}": float(age) for number, age in enumerate(random.integers(18, 95, scans))}
    with (work / "registry.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["scan_id", "patient_id", "age_years", "sex", "ct_path", "segmentation_path"])
        rows.writerows(
            [name, name, age, sex, f"{name}.nii.gz", f"{name}_labels.nii.gz"]
            for (name, age), sex in zip(ages.items(), random.choice(["female", "male"], scans), strict=True)
        )
    return ages


def write_study(scans: int, label_set: str, work: Path) -> tuple[dict[str, float], list[str]]:
    """Write the registry and the study file, and return the age of each scan and the names of the shards."""
    ages = write_registry(scans, work)
    # the cohort stage stops if none of the first files exists
    for name in ("scan000000.nii.gz", "scan000000_labels.nii.gz"):
        (work / name).touch()
    first = label_sets.read(label_set).names[0]
    config = {
        "study": {"name": "made_up", "start_from": "segmentations", "registry": "registry.csv", "banner": "synthetic"},
        "structures": label_set,
        "cohort": {"criteria": ["age_known"]},
        "segment": {"scans_per_shard": SCANS_PER_SHARD},
        "report": {"figure6": [[first, "volume_ml"]]},
    }
    (work / "study.yaml").write_text(yaml.safe_dump(config))
    return ages, shards.growing_names(max(1, -(-scans // SCANS_PER_SHARD)))


def write_shards(ages: dict[str, float], names: list[str], label_set: str, results: Path) -> None:
    """Write the tables of all shards in the format of `segment` and `measure`, with synthetic measures."""
    known = label_sets.read(label_set)
    bounds = dict(zip(known.table["structure"], known.table["lower_bound_ml"].fillna(1.0), strict=True))
    moduli = sorted({shards.parse_shard(name)[1] for name in names}, reverse=True)
    homes = pd.Series({scan: shards.home_of(scan, set(names), moduli) for scan in ages})
    (results / "histograms").mkdir(parents=True)
    for number, name in enumerate(names):
        scans = sorted(homes.index[homes == name])
        SEGMENTS.write(segments_of(scans), results / "shards" / "segments" / f"{name}.parquet")
        rows = measures_of(scans, number, ages, bounds, label_set)
        MEASURES_TABLE.write(rows, results / "shards" / "measures" / f"{name}.parquet")
        (results / "histograms" / f"{name}.parquet").touch()


def segments_of(scans: list[str]) -> pd.DataFrame:
    """Return the rows of `segments` of some scans."""
    frame = SEGMENTS.empty().reindex(range(len(scans)))
    paths = [f"masks/{scan}.nii.gz" for scan in scans]
    return frame.assign(scan_id=scans, status="existing", mask_path=paths, mask_sha256="0" * 64)


def measures_of(
    scans: list[str], seed: int, ages: dict[str, float], bounds: dict[str, float], label_set: str
) -> pd.DataFrame:
    """Return artificial measures: volumes above their bounds and attenuation, both decreasing with age."""
    random = np.random.default_rng(seed)
    rows = rows_of(scans, seed, label_set) if scans else MEASURES_TABLE.empty()
    years = rows["scan_id"].map(ages).astype(float) - 50
    volume = rows["structure"].map(bounds).astype(float) * 3 * np.exp(random.normal(0, 0.1, len(rows)))
    return rows.assign(
        n_voxels=1000,
        volume_ml=volume * np.exp(PER_YEAR["volume_ml"] * years),
        hu_mean=60 + PER_YEAR["hu_mean"] * years + random.normal(0, 20, len(rows)),
        faces=None,
    )


def snakemake(*options: str, work: Path, tree: Path = ROOT) -> list[str]:
    """Return the Snakemake command for a run with the files of a checkout."""
    place = ["-s", str(tree / "Snakefile"), "--directory", str(work), "--configfile", str(work / "study.yaml")]
    profile = ["--workflow-profile", "none", "--profile", str(tree / "profiles" / "local")]
    return [sys.executable, "-m", "snakemake", "--quiet", "all", *place, *profile, *options]


def took(command: list[str], times: int = 1) -> Taken:
    """Return the cost of a command: the run with the smallest CPU time, which depends little on other load."""
    found = []
    for _ in range(times):
        before = processor_seconds()
        cost = measured(command)
        found.append(Taken(cost.seconds, processor_seconds() - before, cost.host_mb))
    return min(found, key=lambda taken: taken.processor)


def once(scans: int, label_set: str, folder: Path) -> dict[str, Taken]:
    """Return the cost of each part for a number of scans."""
    work = folder / str(scans)
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    ages, names = write_study(scans, label_set, work)
    results = work / "results" / "made_up"
    parts = {"planning all jobs": took(snakemake("--dry-run", work=work), times=3)}
    report_progress(scans, "planned")
    write_shards(ages, names, label_set, results)
    report_progress(scans, "tables of the shards written")
    parts["scheduling shards"] = took(snakemake("--touch", "--until", "segment", "measure", work=work))
    report_progress(scans, "shards scheduled")
    whole = took(snakemake("report", "adjust", "centiles", work=work))  # the gallery reads images
    for rule in ONCE:
        row = pd.read_csv(results / "benchmarks" / f"{rule}.tsv", sep="\t", na_values="-").iloc[0]
        parts[rule] = Taken(float(row["s"]), float(row["cpu_time"]), float(row["max_rss"]))
    report_progress(scans, ", ".join(f"{part} {taken}" for part, taken in parts.items()))
    return {**parts, "all parts without images": whole}


def report_progress(scans: int, words: str) -> None:
    """Print the progress and intermediate results on the terminal."""
    sys.stderr.write(f"{scans:,} scans: {words}\n")


def growth(costs: list[dict[str, Taken]], scans: list[int]) -> list[list[str]]:
    """Return the table rows: the cost at each size and the growth of the time between the last two sizes."""
    rows = []
    for part in costs[0]:
        cells = [str(cost[part]) for cost in costs]
        rows.append([part, *cells, *[power(costs[-2:], scans[-2:], part)][: len(costs) > 1]])
    return rows


def power(costs: list[dict[str, Taken]], scans: list[int], part: str) -> str:
    """Return the exponent of the growth of the time with the number of scans; 1 is linear."""
    seconds = [max(cost[part].seconds, 0.01) for cost in costs]
    return f"{np.log(seconds[-1] / seconds[0]) / np.log(scans[-1] / scans[0]):.2f}" if len(scans) > 1 else ""


def main() -> None:
    """Measure and print the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for the studies (10 GB for 100,000 scans)")
    parser.add_argument("--scans", type=int, nargs="+", default=[1000, 10_000, 100_000], help="numbers of scans")
    parser.add_argument("--structures", default="total_117", help="label set (default: %(default)s)")
    options = parser.parse_args()
    before = load()
    costs = [once(scans, options.structures, options.work.resolve()) for scans in options.scans]
    head = ["part", *[f"{grouped(scans)} scans" for scans in options.scans], *["growth"][: len(costs) > 1]]
    note = (
        f"Synthetic tables of the shards instead of images, label set `{options.structures}`, {SCANS_PER_SHARD} scans"
        " per shard. CPU times are in parentheses. Times of planning are those of the fastest of three runs; times of"
        " jobs are those recorded by Snakemake, which are shorter. Growth is the exponent of the number of scans"
        " between the last two sizes (1 is linear)."
    )
    sys.stdout.write(f"{heading(before)}\n\n{note}\n\n{table(head, growth(costs, options.scans))}\n")


if __name__ == "__main__":
    main()

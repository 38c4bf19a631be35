"""Compare segmentation, measurement, and drawing of a scan in one job with three jobs that each read its files.

    python bench/one_or_three.py > bench/one_or_three.md

The scan has 512 × 512 × 824 voxels and 104 structures. Each stage reads the scan from the disk, because the script
removes the files from the page cache before each stage. The amount of data is that fetched from the disk by the kernel
for the process. CPU times are per scan, without the start of the program: the time of the command for four scans minus
that for one scan, divided by three. Drawing includes ten masks of a scan. Slow storage is assumed to provide 100 MB/s.
GPU times per scan are not measured; they are those reported in the paper and the target of this project.
"""

import argparse
import os
import resource
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from gallery import drawn, measured_scan
from machine import heading, load, table
from measure import shard_seconds
from measure_part import LABEL_SET
from real_size import SIZES, draw_labels, save, save_ct
from runs import Cost, measured

from ctpop.study import label_sets

MB_PER_S = 100
BLOCK = 512  # bytes; the kernel counts blocks of this size
MASKS = 10
READ_FOR_SEGMENTATION = """
import sys, time
from pathlib import Path
from ctpop.imaging.images import read_ct, sha256_of
began = time.monotonic()
sha256_of(Path(sys.argv[1])), read_ct(Path(sys.argv[1]))
Path(sys.argv[2]).write_text(str(time.monotonic() - began))
"""
GPU_SECONDS = {  # SOURCE: Wasserthal et al. 2023, large scan on an RTX 3090; the target of bench/README.md
    "1.5 mm, paper": 212.0,
    "3 mm, paper": 83.0,
    "1.5 mm, target (4004 scans in 12 h)": 12 * 3600 / 4004,
}


@dataclass(frozen=True)
class Stage:
    """Cost of a stage per scan: CPU time (s) and data read from the disk (MB)."""

    seconds: float
    read_mb: float


def from_disk(command: list[str], files: list[Path]) -> tuple[Cost, float]:
    """Return the cost of a command whose files are not in the page cache, and the data fetched from the disk (MB)."""
    for path in files:
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_inblock
    cost = measured(command)
    return cost, (resource.getrusage(resource.RUSAGE_CHILDREN).ru_inblock - before) * BLOCK / 1e6


def stages(ct: Path, labels: Path, work: Path) -> dict[str, Stage]:
    """Return the cost of reading for segmentation, of measurement, and of drawing."""
    told = work / "seconds.txt"
    _, segment_mb = from_disk([sys.executable, "-c", READ_FOR_SEGMENTATION, str(ct), str(told)], [ct])
    review = measured_scan(ct, labels, work)
    mask = work / "masks" / "s1.nii.gz"
    command = [sys.executable, "-m", "ctpop", "measure", *review[: review.index("--measures")]]
    _, measure_mb = from_disk([*command, "--out", str(work / "again.parquet")], [ct, mask])
    measure_s, _ = shard_seconds(ct, labels, work)
    empty, _, _ = drawn(review, 0, work)
    first, _, _ = drawn(review, MASKS, work)
    command = [
        sys.executable,
        "-m",
        "ctpop",
        "review",
        *review,
        "--verdicts",
        f"{work}/flagged_{MASKS}/verdicts.parquet",
    ]
    _, review_mb = from_disk([*command, "--gallery", f"{work}/review", "--out", f"{work}/cases.parquet"], [ct, mask])
    return {
        "segment (reading only)": Stage(float(told.read_text()), segment_mb),
        "measure": Stage(measure_s, measure_mb),
        f"drawing of {MASKS} masks": Stage(first.seconds - empty.seconds, review_mb),
    }


def page(found: dict[str, Stage]) -> str:
    """Return the results as tables."""
    rows = [
        [name, f"{stage.seconds:.1f}", f"{stage.read_mb:.0f}", f"{stage.read_mb / MB_PER_S:.1f}"]
        for name, stage in found.items()
    ]
    costs = table(["stage", "CPU time (s)", "read from disk (MB)", f"reading at {MB_PER_S} MB/s (s)"], rows)
    _, measure, pictures = found.values()
    idle = [
        [
            name,
            f"{seconds:.0f}",
            f"{measure.seconds / (seconds + measure.seconds):.1%}",
            f"{(measure.seconds + pictures.seconds) / (seconds + measure.seconds + pictures.seconds):.1%}",
        ]
        for name, seconds in GPU_SECONDS.items()
    ]
    idle_head = ["GPU idle time with measurement in the same job", "with measurement and drawing"]
    head = ["segmentation", "GPU time per scan (s)", *idle_head]
    return f"{costs}\n\n{table(head, idle)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="large", help="size of the scan (default: %(default)s)")
    options = parser.parse_args()
    before = load()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        drawn_labels = draw_labels(SIZES[options.size], len(label_sets.read(LABEL_SET).names))
        files = [save_ct(work / "ct.nii.gz", options.size), save(work / "labels.nii.gz", drawn_labels)]
        del drawn_labels
        sizes = pd.Series({path.name: path.stat().st_size / 1e6 for path in files})
        found = stages(*files, work)
    shape = " × ".join(map(str, SIZES[options.size]))
    held = "; ".join(f"`{name}`, {mb:.0f} MB" for name, mb in sizes.items())
    print(f"{heading(before)}\n\nOne scan of {shape} voxels ({held}).\n\n{page(found)}")


if __name__ == "__main__":
    main()

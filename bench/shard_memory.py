"""Measure the memory during segmentation of a shard as a function of the number of scans and the size of the model set.

    make images && python bench/shard_memory.py

The script runs the `segment` command twice and samples its resident memory (RSS) five times per second: for 100 scans
with the demo model (repeated images of the demo), and for a few scans of 512 × 512 × 824 voxels with the five part
models of the 1.5-mm set. These models use a thin network with the patches and classes of the real network, which is
feasible on a CPU. Without a GPU, the host memory also contains the sums of logits (0.5 GB). The script writes
`shard_memory.csv`, which contains the maximum of each second, and `shard_memory.svg`.
"""

import argparse
import io
import os
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from machine import gpu_name, heading, load, table
from real_size import ARCHITECTURES, SETS, SIZES, save_ct, write_models
from runs import ROOT, demand_labels, demand_success, segment_command, start

from ctpop.figures.export import UNDATED, with_fonts
from ctpop.figures.style import SMALL, Page, blank_page, in_house_style
from ctpop.foundation.colors import BLUE, GRAY, SOFT

SECONDS_BETWEEN_LOOKS = 0.2
ENDS = 10  # number of scans compared at the beginning and at the end of a shard
MOST_GB = 8
READABLE = 20  # number of images of the demo; the next file is unreadable
SIZE = "large"
CAPTION = (
    "Synthetic scans. Resident memory of the segment command, sampled five times per second; gray lines, end of a scan."
)


@dataclass(frozen=True)
class Run:
    """Resident memory of a shard at each sample, and the end of each scan in seconds after the start."""

    name: str
    seconds: np.ndarray
    rss_mb: np.ndarray
    finished: np.ndarray

    @property
    def peak_of_scan(self) -> np.ndarray:
        """Peak memory (MB) from the end of the preceding scan to the end of each scan."""
        edges = np.searchsorted(self.seconds, [0.0, *self.finished])
        return np.array([self.rss_mb[low : max(high, low + 1)].max() for low, high in pairwise(edges)])

    @property
    def slope(self) -> float | None:
        """Increase of the peak per scan (MB), without the first scan, which includes loading of the models."""
        number = len(self.finished)
        return float(np.polyfit(np.arange(1, number), self.peak_of_scan[1:], 1)[0]) if number >= ENDS else None


def watched(name: str, command: list[str], work: Path) -> Run:
    """Run a command and sample its memory until it ends."""
    began, seconds, rss_mb = time.time(), [], []
    with tempfile.TemporaryFile("w+") as recorded:
        process = start(command, recorded)
        seen = psutil.Process(process.pid)
        while process.poll() is None:
            seconds.append(time.time() - began)
            rss_mb.append(seen.memory_info().rss / 2**20)
            time.sleep(SECONDS_BETWEEN_LOOKS)
        recorded.seek(0)
        demand_success(process.returncode, command, recorded.read())
    demand_labels(work)
    notes = sorted(path.stat().st_mtime for path in (work / "masks").glob("*.json"))
    return Run(name, np.array(seconds), np.array(rss_mb), np.array(notes) - began)


def many_small(number: int, work: Path) -> Run:
    """Segment scans of the demo with the demo model."""
    images = sorted((ROOT / "demo" / "images").glob("demo-*.nii.gz"))[:READABLE]
    scans = {f"scan-{n:03d}": images[n % len(images)] for n in range(number)}
    settings = {"model": "demo", "cpu_threads": os.cpu_count()}
    return watched(f"{number} scans, demo model", segment_command(scans, work, "demo", settings), work)


def few_large(number: int, work: Path, kind: str) -> Run:
    """Segment whole-body scans with five part models."""
    work.mkdir()
    ct = save_ct(work / "ct.nii.gz", SIZE)
    weights = write_models(work / "weights", "1.5", ARCHITECTURES[kind])
    settings = {"model": SETS["1.5"], "weights": str(weights), "cpu_threads": os.cpu_count()}
    scans = {f"scan-{n}": ct for n in range(number)}
    return watched(f"{number} whole-body scans, five models", segment_command(scans, work, "total_117", settings), work)


def per_second(runs: list[Run]) -> pd.DataFrame:
    """Return the peak memory in each second of each run."""
    frames = [pd.DataFrame({"run": run.name, "second": run.seconds.astype(int), "rss_mb": run.rss_mb}) for run in runs]
    return pd.concat(frames).groupby(["run", "second"], sort=False).max().round(1).reset_index()


@in_house_style
def drawn(runs: list[Run]) -> bytes:
    """Return the figure as SVG."""
    page = blank_page(174, 70, "synthetic scans")
    for place, run in enumerate(runs):
        panel(page, run, left=14 + 84 * place)
    page.write(1, 66, CAPTION, fontsize=SMALL, color=SOFT)
    written = io.BytesIO()
    page.figure.savefig(written, format="svg", metadata=UNDATED["svg"])
    return with_fonts(written.getvalue())


def panel(page: Page, run: Run, left: float) -> None:
    """Draw the memory of a run over time."""
    axes = page.axes(left, 6, 72, 50)
    lines = per_second([run])
    axes.vlines(run.finished / 60, 0, 0.02, GRAY, linewidth=0.4, transform=axes.get_xaxis_transform())
    axes.plot(lines["second"] / 60, lines["rss_mb"] / 1024, color=BLUE, linewidth=0.7)
    axes.set(xlabel="minutes", ylabel="resident memory (GB)", ylim=(0, 1.15 * run.rss_mb.max() / 1024))
    axes.set_xlim(0, run.seconds[-1] / 60)
    page.write(left, 1, run.name, fontweight="bold")


def row(run: Run) -> list[str]:
    """Return the table row for a run."""
    peaks = run.peak_of_scan / 1024
    ends = min(ENDS, -(-len(peaks) // 2))
    numbers = [run.rss_mb.max() / 1024, peaks[:ends].max(), peaks[-ends:].max()]
    slope = "–" if run.slope is None else f"{run.slope:+.2f}"
    rate = f"{run.seconds[-1] / len(peaks):.1f}"
    return [run.name, *(f"{number:.2f}" for number in numbers), str(ends), slope, rate]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", type=int, default=100, help="scans of the demo (default: %(default)s)")
    parser.add_argument("--large", type=int, default=4, help="whole-body scans (default: %(default)s)")
    default = "real" if gpu_name() else "thin"
    parser.add_argument(
        "--network", choices=ARCHITECTURES, default=default, help="network of the five models (default: %(default)s)"
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder for the CSV and SVG files")
    options = parser.parse_args()
    before = load()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        runs = [many_small(options.small, work / "small"), few_large(options.large, work / "large", options.network)]
    per_second(runs).to_csv(options.out / "shard_memory.csv", index=False)
    (options.out / "shard_memory.svg").write_bytes(drawn(runs))
    print(f"{heading(before)}\n")
    shape = " × ".join(map(str, SIZES[SIZE]))
    print(f"Whole-body scans have {shape} voxels; the five models use the network `{options.network}`.\n")
    head = [
        "shard",
        "peak (GB)",
        "first scans (GB)",
        "last scans (GB)",
        "scans compared",
        "increase per scan (MB)",
        "time per scan (s)",
    ]
    print(table(head, [row(run) for run in runs]))
    growth = (
        "The increase per scan is the slope of a least-squares line through the peaks of all scans except the first"
    )
    print(f"\nTarget: less than {MOST_GB} GB, without an increase. {growth}.")
    print("\n![Resident memory over time](shard_memory.svg)")


if __name__ == "__main__":
    main()

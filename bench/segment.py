"""Compare the segment stage with the command `nnUNetv2_predict` for the same scans and the same model, on the CPU.

    make images && python bench/segment.py

The script segments the same scans of the demo in three ways: with one process of ctpop, with one `nnUNetv2_predict`
call for the folder, and with one `nnUNetv2_predict` call per scan, as in programs that process single scans. The time
includes all processes, the start of Python, and loading of the model. All calls for single scans take the same time;
the script therefore runs only a few of them and reports their mean.
"""

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
from machine import heading, load, table
from runs import BIN, ROOT, measured, segmented

MODEL = ROOT / "workflow" / "ctpop" / "resources" / "models" / "demo" / "nnUNetTrainer__nnUNetPlans__3d_fullres"
TARGETS = {"folder": 1.5, "single": 5.0}


def ours(scans: list[Path], work: Path) -> float:
    """Return the time of the segment stage for all scans (s)."""
    settings = {"model": "demo", "device": "cpu", "cpu_threads": os.cpu_count()}
    return segmented({path.name[:-7]: path for path in scans}, work, "demo", settings).seconds


def theirs(scans: list[Path], work: Path) -> float:
    """Return the time of one nnUNetv2_predict call for all scans (s)."""
    results = work / "results" / "Dataset999_CTPhantom"
    results.mkdir(parents=True)
    (results / MODEL.name).symlink_to(MODEL)
    (work / "in").mkdir()
    for path in scans:
        (work / "in" / f"{path.name[:-7]}_0000.nii.gz").symlink_to(path)
    files = ["-i", str(work / "in"), "-o", str(work / "out")]
    model = ["-d", "999", "-c", "3d_fullres", "-f", "0", "-device", "cpu", "-npp", "1", "-nps", "1"]
    folders = dict.fromkeys(("nnUNet_raw", "nnUNet_preprocessed"), str(work))
    command = [str(BIN / "nnUNetv2_predict"), *files, *model]
    return measured(command, nnUNet_results=str(results.parent), **folders).seconds


def differing_voxels(scans: list[Path], work: Path) -> list[int]:
    """Return the number of differing voxels of each label map."""
    pairs = ((work / "ours" / "masks" / path.name, work / "folder" / "out" / path.name) for path in scans)
    return [int((np.asarray(nib.load(a).dataobj) != np.asarray(nib.load(b).dataobj)).sum()) for a, b in pairs]


def once(scans: list[Path], singles: int) -> tuple[dict[str, float], list[int]]:
    """Return the time per scan of each method (s) and the number of differing voxels of each scan."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        seconds = {
            "ours": ours(scans, work / "ours") / len(scans),
            "folder": theirs(scans, work / "folder") / len(scans),
            "single": statistics.mean(theirs([path], work / path.name[:-7]) for path in scans[:singles]),
        }
        return seconds, differing_voxels(scans, work)


def row(what: str, way: str, rounds: list[dict[str, float]]) -> list[str]:
    """Return the table row for a method: the medians of the rounds and of the ratios within rounds."""
    seconds = [found[way] for found in rounds]
    ratio = statistics.median(found[way] / found["ours"] for found in rounds)
    spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
    target = f"at least {TARGETS[way]}" if way in TARGETS else ""
    return [what, f"{statistics.median(seconds):.2f}", spread, f"{ratio:.2f}", target]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scans", type=int, default=16, help="scans of the demo cohort (default: %(default)s)")
    parser.add_argument("--single", type=int, default=4, help="calls for single scans (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="rounds (default: %(default)s)")
    options = parser.parse_args()
    scans = sorted((ROOT / "demo" / "images").glob("demo-*.nii.gz"))[: options.scans]
    if len(scans) < options.scans:
        sys.exit(f"{len(scans)} of {options.scans} scans are in demo/images; run make images")
    before = load()
    found = [once(scans, options.single) for _ in range(options.repeats)]
    rounds, differing = [seconds for seconds, _ in found], found[-1][1]
    print(f"{heading(before)}\n")
    print(f"Data: {len(scans)} scans of the demo; demo model; median of {len(rounds)} rounds.\n")
    head = ["on the CPU", "time per scan (s)", "range (s)", "ratio to ctpop", "target"]
    singles = f"nnUNetv2_predict, one call per scan (mean of {options.single} calls)"
    rows = [
        row("ctpop segment, one process", "ours", rounds),
        row("nnUNetv2_predict, one call for the folder", "folder", rounds),
        row(singles, "single", rounds),
    ]
    print(table(head, rows))
    print(f"\nIdentical label maps: {differing.count(0)} of {len(scans)}; differing voxels: {sum(differing)}.")


if __name__ == "__main__":
    main()

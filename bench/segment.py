"""Compare our segment stage with the nnUNetv2_predict command: same scans, same model, same labels.

    make images && python bench/segment.py --scans 4

Runs one process of ours over all scans, one `nnUNetv2_predict` over all scans, and one `nnUNetv2_predict` per scan
(as programs that wrap it scan by scan do), counts differing voxels, and prints the ratios. Everything is timed from
start to end of the process, loading of Python and of the model included.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "workflow" / "resources" / "models" / "demo" / "nnUNetTrainer__nnUNetPlans__3d_fullres"
BIN = Path(sys.executable).parent


def timed(command: list[str], **environment: str) -> float:
    """Return the seconds that a command takes."""
    began = time.monotonic()
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **environment})
    return time.monotonic() - began


def ours(scans: list[Path], work: Path) -> float:
    """Segment with our stage, which wants a registry."""
    registry = pd.DataFrame({"scan_id": [path.name[:-7] for path in scans], "age_years": 50, "ct_path": scans})
    registry.to_csv(work / "registry.csv", index=False)
    package = {"PYTHONPATH": str(ROOT / "workflow")}
    python = [sys.executable, "-m", "ctpop"]
    places = [
        "--registry",
        str(work / "registry.csv"),
        "--masks",
        str(work / "ours"),
        "--out",
        str(work / "segments.parquet"),
    ]
    engine = ["--engine", "nnunet", "--structures", "demo", "--settings", '{"model": "demo", "device": "cpu"}']
    return timed([*python, "segment", *places, *engine], **package)


def theirs(scans: list[Path], work: Path, name: str) -> float:
    """Segment with nnUNetv2_predict, all scans in one call."""
    (work / name / "in").mkdir(parents=True)
    for path in scans:
        (work / name / "in" / f"{path.name[:-7]}_0000.nii.gz").symlink_to(path)
    results = work / name / "results" / "Dataset999_CTPhantom"
    results.mkdir(parents=True)
    (results / MODEL.name).symlink_to(MODEL)
    files = ["-i", str(work / name / "in"), "-o", str(work / name / "out")]
    model = ["-d", "999", "-c", "3d_fullres", "-f", "0", "-device", "cpu", "-npp", "1", "-nps", "1"]
    folders = dict.fromkeys(("nnUNet_raw", "nnUNet_preprocessed"), str(work))
    command = [str(BIN / "nnUNetv2_predict"), *files, *model]
    return timed(command, nnUNet_results=str(results.parent), **folders)


def differing_voxels(scans: list[Path], work: Path) -> int:
    """Return how many voxels of the label maps differ."""
    pairs = ((work / "ours" / path.name, work / "folder" / "out" / path.name) for path in scans)
    return sum(int((np.asarray(nib.load(a).dataobj) != np.asarray(nib.load(b).dataobj)).sum()) for a, b in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scans", type=int, default=4, help="scans of the demo cohort (default %(default)s)")
    number = parser.parse_args().scans
    scans = sorted((ROOT / "demo" / "images").glob("demo-*.nii.gz"))[:number]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        mine = ours(scans, work)
        whole = theirs(scans, work, "folder")
        single = sum(theirs([path], work, path.name[:-7]) for path in scans)
        print(f"| {len(scans)} scans, {os.cpu_count()} cores | s per scan | times ours |")
        print("| --- | --- | --- |")
        print(f"| ctpop segment, one process | {mine / len(scans):.2f} | 1 |")
        print(f"| nnUNetv2_predict, one call for the folder | {whole / len(scans):.2f} | {whole / mine:.2f} |")
        print(f"| nnUNetv2_predict, one call per scan | {single / len(scans):.2f} | {single / mine:.2f} |")
        print(f"\ndiffering voxels: {differing_voxels(scans, work)}")


if __name__ == "__main__":
    main()

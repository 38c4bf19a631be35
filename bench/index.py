"""Measure the indexing of 100,000 synthetic DICOM images in 250 series, first without and then with a cache.

    python bench/index.py --work FOLDER > bench/index.md
    python bench/index.py --work FOLDER --files 4000             # short test

The script writes the images (about 1 GB in total, 64 × 64 pixels each) to FOLDER. Pixels are not read. Memory is the
total of all processes.
"""

import argparse
import shutil
import sys
from pathlib import Path

from machine import grouped, heading, load, table
from runs import ROOT, measured

sys.path.insert(0, str(ROOT / "tests"))

from support import dicom_files

SLICES, SIZE = 400, (64, 64)


def write_folder(folder: Path, files: int) -> int:
    """Write series of SLICES images until the number of files is reached, and return the number of series."""
    hu = dicom_files.hounsfield(SLICES, size=SIZE)
    n_series = -(-files // SLICES)
    for number in range(n_series):
        dicom_files.write_series(folder / f"{number:04}", SLICES, hu=hu, patient=f"P{number}", SliceThickness="1.5")
    return n_series


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="working folder")
    parser.add_argument("--files", type=int, default=100_000, help="number of images (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=2, help="reading processes (default: %(default)s)")
    options = parser.parse_args()
    folder = options.work / "dicom"
    shutil.rmtree(folder, ignore_errors=True)
    n_series = write_folder(folder, options.files)
    private = options.work / "private"
    shutil.rmtree(private, ignore_errors=True)
    outputs = ["--registry", str(options.work / "registry.csv"), "--private", str(private)]
    command = [sys.executable, "-m", "ctpop", "index", str(folder), *outputs, "--processes", str(options.processes)]
    before = load()
    costs = {words: measured(command) for words in ("first run", "second run, no changes")}
    rows = [[words, f"{cost.seconds:.1f}", f"{cost.host_mb / 1000:.2f}"] for words, cost in costs.items()]
    print(heading(before), end="\n\n")
    print(f"{grouped(n_series * SLICES)} files, {n_series} series, {options.processes} processes.\n")
    print(table(["run", "time (s)", "memory (GB)"], rows))


if __name__ == "__main__":
    main()

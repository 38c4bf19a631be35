"""Compare the time of the checks of CT values with the time of measurement of the scan.

    python bench/image_checks.py > bench/image_checks.md

"Measurement" includes reading the CT and the label map and measuring all structures, as in the measure stage. The
checks determine whether the values are in HU (`hu_scale`) and whether structures are in contact with padding
(`padding`), and compute the digest that identifies copies of an image (`voxel_digest`). Each time is the smallest of
several runs in this process. The scan is generated three times: without padding, and with -1024 HU and -3024 HU outside
the reconstruction circle.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from machine import heading, load, table
from measure_part import BORDER_LAYERS, EROSION_MM, LABEL_SET
from real_size import LOWEST_HU, NOISE_HU, SIZES, draw_ct, draw_labels, save

from ctpop.imaging import hu_scale
from ctpop.imaging.images import read_ct, read_labels
from ctpop.imaging.voxel_digest import voxel_digest
from ctpop.stages.measure import padding
from ctpop.stages.measure.scan_measures import How, measure_structures
from ctpop.study import label_sets

BELOW_AIR_HU = -3024
TARGET = 0.03  # largest proportion of the measurement time for hu_scale


def drawn(size: str, outside: int | None) -> np.ndarray:
    """Return a CT (HU; x, y, z) with a given value, or air with noise, outside the reconstruction circle."""
    ct = draw_ct(SIZES[size])
    circle = ct == LOWEST_HU
    if outside is None:
        noise = np.random.default_rng(2).normal(-1000, NOISE_HU, int(circle.sum()))
        ct[circle] = np.maximum(np.rint(noise), LOWEST_HU)
    else:
        ct[circle] = outside
    return ct


def seconds_of(function: Callable[[], Any], repeats: int) -> float:
    """Return the smallest time of several calls."""
    times = []
    for _ in range(repeats):
        began = time.monotonic()
        function()
        times.append(time.monotonic() - began)
    return min(times)


def times_of(ct: Path, labels: Path, repeats: int) -> dict[str, float]:
    """Return the time of the measurement of a scan and of each check (s)."""
    label_of = label_sets.read(LABEL_SET).label_of

    def measure() -> None:
        mask, image = read_labels(labels), read_ct(ct)
        measure_structures(mask.data, image.data, mask.grid, label_of, How(BORDER_LAYERS, EROSION_MM))

    mask, image = read_labels(labels), read_ct(ct)
    numbers = list(label_of.values())
    return {
        "measuring": seconds_of(measure, repeats),
        "hu_scale": seconds_of(lambda: hu_scale.scale_of(image.data), repeats),
        "padding": seconds_of(lambda: padding.contact(mask.data, image.data, numbers, BORDER_LAYERS), repeats),
        "voxel_digest": seconds_of(lambda: voxel_digest(image, "ct"), repeats),
    }


def rows_of(size: str, repeats: int) -> list[list[str]]:
    """Return a table row for each type of padding."""
    kinds = {"none": None, f"{LOWEST_HU} HU": LOWEST_HU, f"{BELOW_AIR_HU} HU": BELOW_AIR_HU}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        mask = draw_labels(SIZES[size], len(label_sets.read(LABEL_SET).names))
        labels = save(Path(folder) / "labels.nii.gz", mask)
        for name, outside in kinds.items():
            ct = save(Path(folder) / "ct.nii.gz", drawn(size, outside))
            found = times_of(ct, labels, repeats)
            whole = found.pop("measuring")
            shares = [f"{each:.3f} ({each / whole:.1%})" for each in found.values()]
            rows.append([name, f"{whole:.2f}", *shares])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="small", help="size of the scan (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each part (default: %(default)s)")
    options = parser.parse_args()
    before = load()
    rows = rows_of(options.size, options.repeats)
    print(f"{heading(before)}\n")
    shape = " × ".join(map(str, SIZES[options.size]))
    print(f"One scan of {shape} voxels. Times are in seconds, with percentages of the measurement time in parentheses.")
    print(f"Target for `hu_scale`: at most {TARGET:.0%} of the measurement time.\n")
    print(table(["padding", "measurement", "hu_scale", "padding check", "voxel_digest"], rows))


if __name__ == "__main__":
    main()

"""Time of the checks of a CT's values beside the time of measuring the scan.

    python bench/image_checks.py > bench/image_checks.md

"Measuring" is reading CT and label map and measuring all structures, as the measure stage does. The checks are: whether
values are HU (`hu_scale`), the contact of structures with padding (`padding`), and the digest by which copies of an
image are found (`voxel_digest`). Each is the smallest of several runs in this process. The scan is drawn three times:
without padding, with -1024 HU and with -3024 HU outside the circle that the scanner reconstructs.
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
TARGET = 0.03  # of measuring, for hu_scale


def drawn(size: str, outside: int | None) -> np.ndarray:
    """Return a CT (HU; x, y, z) with a value outside the circle of reconstruction, or air with noise."""
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
    """Return seconds of measuring a scan and of each check."""
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
    """Return a row of the table for each kind of scan."""
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
    parser.add_argument("--size", choices=SIZES, default="small", help="of the scan (default %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each part (default %(default)s)")
    options = parser.parse_args()
    before = load()
    rows = rows_of(options.size, options.repeats)
    print(f"{heading(before)}\n")
    print(f"One scan of {' x '.join(map(str, SIZES[options.size]))} voxels; seconds, and shares of measuring.")
    print(f"Target for `hu_scale`: at most {TARGET:.0%} of measuring.\n")
    print(table(["padding", "measuring", "hu_scale", "padding check", "voxel_digest"], rows))


if __name__ == "__main__":
    main()

"""Run one part of `measure.py` in a separate process that loads only the required libraries.

    python bench/measure_part.py PART CT LABELS REPEATS

The script prints JSON: the smallest time in seconds, the peak memory of the process in GB, and, for the part `basic`,
the volume (mm³) and attenuation of each structure by the rules of TotalSegmentator.
"""

import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
from isal import igzip

from ctpop.imaging.images import read_ct, read_labels
from ctpop.stages.measure.extents import Extents
from ctpop.stages.measure.joint_histogram import JointHistogram
from ctpop.stages.measure.scan_measures import How, VoxelSource, described_by_counts, measure_structures, place_columns
from ctpop.stages.measure.traversal import traverse
from ctpop.study import label_sets

LABEL_SET = "paper_104"
BORDER_LAYERS = 3  # same value as in TotalSegmentator
EROSION_MM = 1.5


def inflated(ct: Path, labels: Path) -> None:
    """Decompress both files into memory."""
    for path in (ct, labels):
        image = nib.load(path)
        voxels = np.empty(image.shape, image.get_data_dtype()).reshape(-1).view(np.uint8)
        with igzip.open(path, "rb") as file:
            file.read(image.dataobj.offset)
            fill(voxels.data, file)


def fill(voxels: memoryview, file: Any) -> None:
    """Read bytes until the buffer is full."""
    filled = 0
    while filled < len(voxels):
        filled += file.readinto(voxels[filled:])


def basic(ct: Path, labels: Path) -> pd.DataFrame:
    """Read both files and return volume, attenuation, and border contact of each structure."""
    mask, image = read_labels(labels), read_ct(ct)
    label_of = label_sets.read(LABEL_SET).label_of
    walk = traverse(mask.data, image.data)
    row_of = np.full(np.iinfo(mask.data.dtype).max + 1, -1)
    row_of[list(label_of.values())] = np.arange(len(label_of))
    source, histogram = VoxelSource(walk, row_of, None), JointHistogram(len(label_of))
    extents = Extents(walk, len(label_of), BORDER_LAYERS)
    for planes in walk.slabs():
        voxels = source.voxels(planes)
        histogram.add(voxels.runs, voxels.hu, voxels.deep)
        extents.add(voxels.runs, planes)
    rows = pd.DataFrame(place_columns(extents.in_image(), mask.grid), index=list(label_of))
    return rows.assign(hu_mean=[described[0] for described in described_by_counts(histogram)])


def full(ct: Path, labels: Path) -> pd.DataFrame:
    """Read both files and return all measures of the stage."""
    mask, image = read_labels(labels), read_ct(ct)
    label_of = label_sets.read(LABEL_SET).label_of
    return measure_structures(mask.data, image.data, mask.grid, label_of, How(BORDER_LAYERS, EROSION_MM)).rows


PARTS: dict[str, Callable[[Path, Path], Any]] = {"inflate": inflated, "basic": basic, "full": full}


def timed(part: str, ct: Path, labels: Path, repeats: int) -> dict[str, Any]:
    """Return the smallest time of a part, the peak memory, and the volume (mm³) and attenuation of each structure."""
    seconds = []
    for _ in range(repeats):
        began = time.monotonic()
        found = PARTS[part](ct, labels)
        seconds.append(time.monotonic() - began)
    peak = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    cost = {"seconds": min(seconds), "peak_gb": int(peak[1]) / 2**20 if peak else None}
    return cost | ({"found": as_theirs(found)} if part == "basic" else {})


def as_theirs(rows: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return the values of ctpop by the rules of TotalSegmentator."""
    dropped = rows["n_voxels"].eq(0) | rows["border_voxels"].gt(0)
    values = pd.DataFrame({"volume": rows["volume_ml"] * 1000, "intensity": rows["hu_mean"].round(5)})
    return values.mask(dropped, 0.0).to_dict("index")


if __name__ == "__main__":
    part, ct, labels, repeats = sys.argv[1:]
    print(json.dumps(timed(part, Path(ct), Path(labels), int(repeats))))

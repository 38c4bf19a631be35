"""Drawing of a case from the images of its scan: three planes, their outlines, and the histogram of the structure."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctpop.contracts import parquet_rows
from ctpop.imaging.images import Volume
from ctpop.stages.review.case_pictures import Drawn, binned
from ctpop.stages.review.plane_pictures import outlines_of, picture_of, window_of
from ctpop.stages.review.planes import VIEWS, frame_of, plane_of

CENTROID = [f"centroid_{axis}_mm" for axis in "xyz"]
BOX = [[f"bbox_{end}_{axis}_mm" for axis in "xyz"] for end in ("min", "max")]
PLACE = (*CENTROID, *BOX[0], *BOX[1])


@dataclass(frozen=True)
class Images:
    """Label map of a scan, its CT (or None), and the label of each structure in the label map."""

    mask: Volume
    ct: Volume | None
    label_of: dict[str, int]


def drawn_case(images: Images, row: pd.Series, hu: NDArray[np.int64], n: NDArray[np.int64]) -> Drawn:
    """Return the drawn content of a case.

    Parameters
    ----------
    images
        Images of the scan.
    row
        Row of the case in `measures`; the structure must have at least one voxel.
    hu, n
        Histogram of the structure: integer HU values and their counts; empty without a CT.

    """
    label = images.label_of[row["structure"]]
    names = {number: name for name, number in images.label_of.items()}
    grid, data = images.mask.grid, images.mask.data
    box = np.array([[row[name] for name in corner] for corner in BOX])
    frame = frame_of(data, label, grid, row[CENTROID].to_numpy(dtype=float), box)
    planes = [plane_of(data, images.ct.data if images.ct else None, grid, frame, view) for view in VIEWS]
    window = window_of(row["hu_p50"], row["hu_p95"])
    outlines = [outlines_of(plane.labels, label) for plane in planes]
    others = [
        {names[other]: path for other, path in sorted(paths.items()) if other != label and other in names}
        for paths in outlines
    ]
    mine = [paths.get(label, "") for paths in outlines]
    return Drawn(picture_of(planes, window), window, frame.side_mm, mine, others, binned(hu, n))


def histogram_of(path: Path, scan_id: str) -> pd.DataFrame:
    """Return the histograms of a scan from the file of its shard (columns structure, hu, n); may be empty."""
    return parquet_rows.read(path, ["structure", "hu", "n"], [("scan_id", "==", scan_id)])

"""The album of a study: an image of each case, and one script per scan with the outlines and histograms of its cases.

The script is written after the images and contains a fingerprint of their content. Images with an unchanged fingerprint
are not drawn again after a review, a change of rules, or an interrupted job. The data are stored as a script instead of
JSON because browsers do not allow a page opened from disk to load JSON files.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctpop.foundation import digests
from ctpop.foundation.files import remove_half_written, write_atomically, write_text
from ctpop.stages.review.plane_pictures import DisplayWindow

FORMAT = 1  # increment when the format of images or scripts changes
CALL = "gallery.receive("
MOST_BINS = 60
BIN_WIDTHS_HU = (1, 2, 5, 10, 20, 50, 100, 200, 500, 2000)
TAIL = 0.005  # share of the voxels at each end of the distribution that the first and last bins include
SHOWN = ("n_voxels", "volume_ml", "hu_mean", "hu_sd", "hu_min", "hu_max", "centroid_x_mm", "centroid_y_mm")


@dataclass(frozen=True)
class Drawn:
    """Drawn content of a case: one image of three planes, and the outlines of the case and of other structures."""

    picture: bytes
    window: DisplayWindow
    side_mm: float
    outline: list[str]
    others: list[dict[str, str]]
    histogram: dict[str, Any]


@dataclass(frozen=True)
class Album:
    """The folder of the gallery: `report/review` of a study."""

    folder: Path

    def picture_path(self, scan_id: str, structure: str) -> Path:
        """Return the path of the image of a case, whether or not it exists."""
        return self.folder / "images" / scan_id / f"{structure}.webp"

    def script_path(self, scan_id: str) -> Path:
        """Return the path of the script of a scan, whether or not it exists."""
        return self.folder / "scans" / f"{scan_id}.js"

    def cases(self, scan_id: str, fingerprint: str) -> dict[str, Any]:
        """Return the drawn cases of a scan with this fingerprint, by structure; incomplete files are ignored."""
        try:
            text = self.script_path(scan_id).read_text(encoding="utf-8")
            content = json.loads(text[text.index(CALL) + len(CALL) : text.rindex(")")])
            found: dict[str, Any] = content["cases"] if content["fingerprint"] == fingerprint else {}
        except (OSError, ValueError, KeyError, TypeError):
            return {}
        return {name: case for name, case in found.items() if self.picture_path(scan_id, name).is_file()}

    def keep(self, scan_id: str, fingerprint: str, before: dict[str, Any], drawn: dict[str, Drawn]) -> None:
        """Write the images of new cases, then the script with new and earlier cases."""
        for folder in (self.folder / "images" / scan_id, self.folder / "scans"):
            remove_half_written(folder)
        for structure, case in drawn.items():
            path = self.picture_path(scan_id, structure)
            write_atomically(path, lambda part, case=case: part.write_bytes(case.picture))  # type: ignore[misc]
        cases = {**before, **{structure: _case_fields(case) for structure, case in drawn.items()}}
        content = {"scan": scan_id, "fingerprint": fingerprint, "cases": cases}
        write_text(f"{CALL}{script_json(content)});\n", self.script_path(scan_id))


def script_json(content: Any) -> str:
    """Return JSON for a script; characters that could end a script element are escaped."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def fingerprint_of(mask_sha256: str, measures: pd.DataFrame) -> str:
    """Return a digest of the content of the images of a scan: its label map and the measurements of its CT.

    Computing the checksum of the CT would require reading the CT each time. The measurements replace this checksum:
    a replaced CT is measured again and differs in the mean or an extreme value of at least one structure.
    """
    values = [[None if pd.isna(cell) else cell for cell in row] for row in measures[["structure", *SHOWN]].to_numpy()]
    text = json.dumps([FORMAT, mask_sha256, sorted(values)])
    return digests.short(digests.of_text(text))


def binned(hu: NDArray[np.int64], n: NDArray[np.int64]) -> dict[str, Any]:
    """Return a histogram of at most `MOST_BINS` bins of equal width: first HU, width (HU), and counts.

    The first and last bins include the voxels of the tails. The result is empty if there are no voxels.
    """
    if not hu.size:
        return {}
    cumulated = np.cumsum(n) / n.sum()
    low, high = (int(hu[np.searchsorted(cumulated, share)]) for share in (TAIL, 1 - TAIL))
    width = next(width for width in BIN_WIDTHS_HU if high // width - low // width < MOST_BINS)
    first, last = low // width, high // width
    bins = np.clip(hu // width, first, last) - first
    counts = np.bincount(bins, weights=n, minlength=last - first + 1).astype(int)
    return {"first": first * width, "width": width, "counts": counts.tolist()}


def _case_fields(case: Drawn) -> dict[str, Any]:
    return {
        "side_mm": round(case.side_mm, 1),
        "window": [case.window.name, case.window.low, case.window.high],
        "outline": case.outline,
        "others": case.others,
        "histogram": case.histogram,
    }

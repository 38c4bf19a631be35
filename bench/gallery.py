"""Measure the drawing and reuse of review images of one scan of 512 × 512 × 824 voxels with 104 structures.

    python bench/gallery.py > bench/gallery.md

The script runs the `review` command on a shard of one scan with some masks flagged, and repeats it when all images
exist, as after a review. Structures that the synthetic scan does not contain are not counted. Each run is a separate
process and includes loading of libraries; "nothing flagged" is the time that a shard requires before its first scan.
The last column is the total time for 4000 such scans on one core.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import pandas as pd
from machine import heading, load, table
from measure_part import LABEL_SET
from real_size import SIZES, draw_labels, save, save_ct
from runs import Cost, measured

from ctpop.contracts.all_tables import VERDICTS
from ctpop.study import label_sets
from ctpop.study.configuration import write

CTPOP = [sys.executable, "-m", "ctpop"]
SCANS = 4000
NUMBERS = (0, 1, 10, 104)


def measured_scan(ct: Path, labels: Path, work: Path) -> list[str]:
    """Measure one scan and return the options of `review` for its shard."""
    row = {"scan_id": "s1", "age_years": 50, "ct_path": ct.absolute(), "segmentation_path": labels.absolute()}
    pd.DataFrame([row]).to_csv(work / "registry.csv", index=False)
    common = ["--registry", f"{work}/registry.csv", "--masks", f"{work}/masks"]
    segments, files = ["--segments", f"{work}/segments.parquet"], ["--histograms", f"{work}/histograms.parquet"]
    named = ["--structures", LABEL_SET]
    measured([*CTPOP, "segment", "--engine", "existing", *common, *named, "--out", segments[1]])
    measured([*CTPOP, "measure", *common, *named, *segments, *files, "--out", f"{work}/measures.parquet"])
    others = ["--measures", f"{work}/measures.parquet", "--config", str(write({"review": {"sample_share": 0}}, work))]
    return [*common, *named, *segments, *files, *others]


def drawn(options: list[str], flagged: int, work: Path) -> tuple[Cost, Cost, list[int]]:
    """Return the cost of drawing a number of masks, the cost of reusing the images, and the sizes of the images."""
    names = label_sets.read(LABEL_SET).names
    verdicts = pd.DataFrame({"scan_id": "s1", "structure": names, "usable_volume": True, "usable_hu": True})
    reasons = ["truncated" if number < flagged else "ok" for number in range(len(names))]
    verdicts = verdicts.assign(reason=reasons, rule_reason=reasons, reviewer=None, review_reason=None)
    here = work / f"flagged_{flagged}"
    VERDICTS.write(verdicts.astype({"reviewer": "str", "review_reason": "str"}), here / "verdicts.parquet")
    command = [*CTPOP, "review", *options, "--verdicts", f"{here}/verdicts.parquet", "--gallery", f"{here}/review"]
    costs = [measured([*command, "--out", f"{here}/cases.parquet"]) for _ in range(2)]
    pictures = [path.stat().st_size for path in (here / "review").rglob("*.webp")]
    if bool(pictures) != bool(flagged):
        raise RuntimeError(f"{flagged} masks are flagged, but {len(pictures)} images were drawn")
    return costs[0], costs[1], pictures


def page(rows: dict[int, tuple[Cost, Cost, list[int]]]) -> str:
    """Return the results as a table."""
    start = rows[0][0].seconds
    lines = [
        [
            str(len(sizes)) if sizes else "nothing flagged",
            f"{first.seconds:.2f}",
            f"{again.seconds:.2f}",
            f"{first.host_mb / 1024:.2f}",
            f"{max(sizes) / 1000:.0f}" if sizes else "",
            f"{(first.seconds - start) * SCANS / 3600:.1f}" if number else "",
        ]
        for number, (first, again, sizes) in rows.items()
    ]
    head = [
        "masks",
        "time (s)",
        "time with existing images (s)",
        "peak memory (GB)",
        "largest image (kB)",
        f"time for {SCANS} scans (h)",
    ]
    return table(head, lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="large", help="size of the scan (default: %(default)s)")
    options = parser.parse_args()
    before = load()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        labels = draw_labels(SIZES[options.size], len(label_sets.read(LABEL_SET).names))
        files = [save_ct(work / "ct.nii.gz", options.size), save(work / "labels.nii.gz", labels)]
        del labels
        given = measured_scan(*files, work)
        rows = {number: drawn(given, number, work) for number in NUMBERS}
    shape = " × ".join(map(str, SIZES[options.size]))
    print(f"{heading(before)}\n\nOne scan of {shape} voxels, {NUMBERS[-1]} structures.\n\n{page(rows)}")


if __name__ == "__main__":
    main()

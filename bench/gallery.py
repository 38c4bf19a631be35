"""Time of the pictures for a reviewer: one scan of 512 x 512 x 824 voxels with 104 structures, drawn and found drawn.

    python bench/gallery.py > bench/gallery.md

Runs the `review` command on a shard of one scan with some of its masks flagged, and again when all is drawn, as after a
review; structures that the drawn scan does not have are not counted. Each run is a process of its own, libraries
included; "nothing flagged" is what a shard costs before its first scan. The last column says what 4,000 such scans cost
in all, on one core.
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
    """Return the options of `review` for a shard of one scan, after measuring it."""
    row = {"scan_id": "s1", "age_years": 50, "ct_path": ct.absolute(), "segmentation_path": labels.absolute()}
    pd.DataFrame([row]).to_csv(work / "registry.csv", index=False)
    common = ["--registry", f"{work}/registry.csv", "--masks", f"{work}/masks"]
    segments, files = ["--segments", f"{work}/segments.parquet"], ["--histograms", f"{work}/histograms.parquet"]
    named = ["--structures", LABEL_SET]
    measured([*CTPOP, "segment", "--engine", "existing", *common, *named, "--out", segments[1]])
    measured([*CTPOP, "measure", *common, *named, *segments, *files, "--out", f"{work}/measures.parquet"])
    told = ["--measures", f"{work}/measures.parquet", "--config", str(write({"review": {"sample_share": 0}}, work))]
    return [*common, *named, *segments, *files, *told]


def drawn(options: list[str], flagged: int, work: Path) -> tuple[Cost, Cost, list[int]]:
    """Return what drawing so many masks takes, what finding them drawn takes, and the sizes of their pictures."""
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
        raise RuntimeError(f"{flagged} masks are flagged, {len(pictures)} were drawn")
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
    head = ["masks", "seconds", "seconds when drawn", "peak GB", "largest picture (kB)", f"hours for {SCANS:,} scans"]
    return table(head, lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="large", help="of the scan (default %(default)s)")
    options = parser.parse_args()
    before = load()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        labels = draw_labels(SIZES[options.size], len(label_sets.read(LABEL_SET).names))
        files = [save_ct(work / "ct.nii.gz", options.size), save(work / "labels.nii.gz", labels)]
        del labels
        told = measured_scan(*files, work)
        rows = {number: drawn(told, number, work) for number in NUMBERS}
    shape = " x ".join(map(str, SIZES[options.size]))
    print(f"{heading(before)}\n\nOne scan of {shape} voxels, {NUMBERS[-1]} structures.\n\n{page(rows)}")


if __name__ == "__main__":
    main()

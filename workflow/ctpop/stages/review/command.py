"""Images of the masks of a shard for review.

Input: segments, measures, histograms, verdicts, the store of label maps, and the CT volumes. Output: one row per case,
and an image and a script in the album of the gallery. The selection of cases depends on the screening rules and not on
QC decisions. Existing images are not drawn again.
"""

import argparse
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from ctpop.contracts import parquet_rows
from ctpop.contracts.all_tables import EXTREMES, MEASURES_TABLE, REVIEW_CASES, SEGMENTS, VERDICTS
from ctpop.foundation.errors import ScanError, in_one_line
from ctpop.foundation.progress import Progress
from ctpop.imaging.label_map_store import LabelMapStore
from ctpop.imaging.scans import SegmentedScan, read_both, scans_of
from ctpop.stages.review.case_drawing import PLACE, Images, drawn_case, histogram_of
from ctpop.stages.review.case_pictures import SHOWN, Album, Drawn, fingerprint_of
from ctpop.stages.review.case_selection import chosen_cases
from ctpop.study import configuration, label_sets
from ctpop.study.label_sets import LabelSet
from ctpop.study.registry import add_registry_argument, read_registry
from ctpop.study.registry_options import reading_of

LOG = logging.getLogger(__name__)

READ = dict.fromkeys(["n_voxels", *SHOWN, *PLACE, "hu_p50", "hu_p95"])


@dataclass(frozen=True)
class Sources:
    """Store of label maps, label set, path of the histograms, and album for the images."""

    store: LabelMapStore
    label_set: LabelSet
    histograms: Path
    album: Album


def draw_scan(scan: SegmentedScan, cases: pd.DataFrame, measures: pd.DataFrame, sources: Sources) -> pd.DataFrame:
    """Draw the missing images of a scan and return its rows; if the scan cannot be read, the rows contain the reason.

    Parameters
    ----------
    scan
        The scan.
    cases
        Cases of the scan: columns scan_id, structure, chosen.
    measures
        Rows of the scan in `measures`.
    sources
        Input and output locations.

    """
    fingerprint = fingerprint_of(scan.mask_sha256, measures)
    there = sources.album.cases(scan.scan_id, fingerprint)
    lacking = measures[measures["structure"].isin(set(cases["structure"]) - set(there))]
    try:
        if len(lacking):
            sources.album.keep(scan.scan_id, fingerprint, there, drawn_cases(scan, lacking, sources))
    except (ScanError, MemoryError) as error:
        LOG.info("%s: no images drawn: %s", scan.scan_id, in_one_line(error))
        return cases.assign(image=None, fingerprint=None, detail=in_one_line(error))
    images = [f"images/{scan.scan_id}/{structure}.webp" for structure in cases["structure"]]
    return cases.assign(image=images, fingerprint=fingerprint, detail=None)


def drawn_cases(scan: SegmentedScan, rows: pd.DataFrame, sources: Sources) -> dict[str, Drawn]:
    """Return the drawn content of selected structures of a scan.

    Raises
    ------
    ScanError
        If the label map or the CT cannot be read.

    """
    labels = sources.store.note_of(scan.scan_id).labels
    mask, ct = read_both(scan, sources.store)
    label_sets.join(mask.data, sources.label_set.joins(labels))  # as for the measurements
    images = Images(mask, ct, labels)
    histogram = histogram_of(sources.histograms, scan.scan_id)
    drawn = {}
    for _, row in rows.iterrows():
        counts = histogram[histogram["structure"] == row["structure"]]
        hu, n = counts["hu"].to_numpy(dtype="int64"), counts["n"].to_numpy(dtype="int64")
        drawn[str(row["structure"])] = drawn_case(images, row, hu, n)
    return drawn


def draw_shard(
    scans: list[SegmentedScan], cases: pd.DataFrame, measures: pd.DataFrame, sources: Sources
) -> pd.DataFrame:
    """Draw the missing images of a shard and return the rows of all its cases."""
    parts = dict(list(cases.groupby("scan_id", sort=False)))
    rows = [REVIEW_CASES.empty()]
    progress = Progress(LOG, len(parts), "scans")
    for scan in (scan for scan in scans if scan.scan_id in parts):
        of_scan = measures[measures["scan_id"] == scan.scan_id]
        rows.append(draw_scan(scan, parts[scan.scan_id], of_scan, sources))
        progress.add()
    return pd.concat([part.astype(REVIEW_CASES.empty().dtypes.to_dict()) for part in rows], ignore_index=True)


def verdicts_of(path: Path, scan_ids: "pd.Series[str]") -> pd.DataFrame:
    """Return the result of the rules for selected scans: columns scan_id, structure, rule_reason."""
    columns: dict[str, Any] = {name: VERDICTS.columns[name] for name in (*VERDICTS.key, "rule_reason")}
    filters = [("scan_id", "in", list(scan_ids))] if len(scan_ids) else [("scan_id", "==", "")]
    return replace(VERDICTS, columns=columns).check(parquet_rows.read(path, list(columns), filters), where=path)


@dataclass(frozen=True)
class ReviewOptions:
    """Options of the command `review`; `ctpop review --help` describes them."""

    registry: Path
    segments: Path
    measures: Path
    histograms: Path
    verdicts: Path
    extremes: Path | None
    masks: Path
    structures: str
    config: Path | None
    gallery: Path
    out: Path


def run(options: ReviewOptions) -> None:
    """Select the cases of a shard, draw missing images, and write the rows."""
    share = configuration.section("review", options.config)["sample_share"]
    segments, measures = SEGMENTS.read(options.segments), MEASURES_TABLE.read(options.measures, *READ)
    extremes = EXTREMES.read(options.extremes) if options.extremes else EXTREMES.empty()
    cases = chosen_cases(verdicts_of(options.verdicts, segments["scan_id"]), measures, share, extremes)
    LOG.info("%d scans, %d cases for review", len(segments), len(cases))
    reading = reading_of(configuration.section("cohort", options.config))
    scans = scans_of(segments, read_registry(options.registry, reading), options.registry.parent)
    label_set = label_sets.read(options.structures)
    sources = Sources(LabelMapStore(options.masks), label_set, options.histograms, Album(options.gallery))
    written = REVIEW_CASES.write(draw_shard(scans, cases, measures, sources), options.out)
    LOG.info("%d cases, %d without an image", len(written), written["image"].isna().sum())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this stage."""
    add_registry_argument(parser)
    parser.add_argument("--segments", type=Path, required=True, help="Parquet file with the segments of the shard")
    parser.add_argument("--measures", type=Path, required=True, help="Parquet file with the measures of the shard")
    parser.add_argument("--histograms", type=Path, required=True, help="Parquet file with the histograms of the shard")
    parser.add_argument("--verdicts", type=Path, required=True, help="Parquet file with the verdicts of all scans")
    parser.add_argument("--extremes", type=Path, help="Parquet file with the extreme values of each structure")
    parser.add_argument("--masks", type=Path, required=True, help="folder of the store of label maps")
    parser.add_argument("--structures", required=True, help="label set: name of a built-in label set or a CSV file")
    configuration.add_config_argument(parser, "cohort", "review")
    parser.add_argument("--gallery", type=Path, required=True, help="output folder of the images (report/review)")
    parser.add_argument("--out", type=Path, required=True, help="output Parquet file with one row per case")

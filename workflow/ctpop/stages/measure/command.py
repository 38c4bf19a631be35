"""Measure the volume, attenuation, and screening evidence of every structure in every scan, without exclusions.

Input: the registry, the rows of `segments` of a shard, the store of label maps, and the CT volumes. Output: one row per
scan and structure, and the attenuation histograms. A study that starts from measures reads a table instead of images.
"""

import argparse
import logging
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ctpop.contracts.all_tables import MEASURES_TABLE, SEGMENTS, USABLE_STATUS
from ctpop.contracts.codes import SEGMENT_STATUS
from ctpop.contracts.measures import HIGHEST_MEAN_HU, LOWEST_MEAN_HU
from ctpop.foundation.errors import ContractError, ScanError, in_one_line
from ctpop.foundation.progress import Progress
from ctpop.imaging import hu_scale
from ctpop.imaging.failure_policy import failure
from ctpop.imaging.images import HOLE_HU, Volume
from ctpop.imaging.label_map_store import LabelMapNote, LabelMapStore
from ctpop.imaging.scans import SegmentedScan, read_both, scans_of, without_file_names
from ctpop.imaging.voxel_digest import voxel_digest
from ctpop.stages.measure import duplicates, padding, requested
from ctpop.stages.measure.histograms import write_histograms
from ctpop.stages.measure.scan_measures import OF_ATTENUATION, How, MeasuredScan, measure_structures
from ctpop.stages.measure.sides import compared_with_contralateral, placed_by_side
from ctpop.study import configuration, criteria, label_sets
from ctpop.study.external_measures import Recorded, read_external_measures
from ctpop.study.label_sets import LabelSet
from ctpop.study.registry import add_registry_argument, included, read_registry
from ctpop.study.registry_options import measures_reading_of, reading_of
from ctpop.study.table_units import refuse_other_units

LOG = logging.getLogger(__name__)

MEASURED, COVERED = "measured", "mask_in_others"


@dataclass(frozen=True)
class MeasuredStudy:
    """Inputs of the measurement that are common to all scans: label maps, label set, and settings."""

    store: LabelMapStore
    label_set: LabelSet
    how: How


def measure_scan(scan: SegmentedScan, study: MeasuredStudy) -> MeasuredScan:
    """Return the rows of one scan, one per structure of the study, and its histogram.

    A scan that cannot be measured has rows with the reason. CT, label map, and scans are read sequentially. A second
    thread for reading increased the run time, because numpy holds the lock of the interpreter.
    """
    if scan.status not in USABLE_STATUS:
        return unmeasured(study, scan.status, scan.detail)
    note = study.store.note_of(scan.scan_id)
    try:
        return measure_images(*read_both(scan, study.store), note, study)
    except ScanError as error:
        unnamed = without_file_names(error, {"ct_path": scan.ct_path})
        LOG.info("%s was not measured: %s", scan.scan_id, unnamed)
        return unmeasured(study, unnamed.reason, unnamed.detail)
    except MemoryError as error:
        LOG.info("%s was not measured: %s", scan.scan_id, in_one_line(error))
        return unmeasured(study, "out_of_memory", in_one_line(error))


def measure_images(mask: Volume, ct: Volume | None, note: LabelMapNote, study: MeasuredStudy) -> MeasuredScan:
    """Return the rows of a scan from its images; a structure that the label map cannot contain is `not_in_model`.

    In `mask`, structures that a composite structure includes are merged with it.
    """
    names = study.label_set.names
    digest = image_digest(mask, ct)
    label_of = {name: note.labels[name] for name in names if name in note.labels}
    if not label_of:
        return unmeasured(study, "not_in_model", "the label map contains no structure of the label set")
    label_sets.join(mask.data, study.label_set.joins(note.labels))
    hu = ct.data if ct else None
    scale = hu_scale.refuse_other_scales(ct.data).finding if ct else None
    found = measure_structures(mask.data, hu, mask.grid, label_of, study.how)
    found = without_holes(found, mask, ct, label_of)
    measured = with_padding(found.rows, mask, ct, label_of, study.how.border_layers)
    measured = without_impossible_means(measured)
    rows = placed_by_side(compared_with_contralateral(measured, study.label_set), study.label_set, hu, mask.grid)
    names_of = requested.PRODUCER if note.named else requested.LABEL_SET
    rows = rows.assign(status="measured", shared_voxels=rows["structure"].map(note.shared or {}), hu_scale=scale)
    rows = rows.assign(label_names=names_of)
    rows = rows if note.named else requested.without_unrequested(rows)
    whole = rows.set_index("structure").reindex(names).reset_index()
    covered = note.covered or {}
    reason = np.where(whole["structure"].isin(covered), COVERED, "not_in_model")
    detail = whole["structure"].map(covered).astype("str")
    whole = whole.assign(status=whole["status"].where(whole["status"].notna(), reason), detail=detail)
    return MeasuredScan(whole.assign(image_digest=digest), found.histogram)


def image_digest(mask: Volume, ct: Volume | None) -> str | None:
    """Return a digest of the CT or, without a CT, of the label map; None for an empty label map."""
    if ct is not None:
        return voxel_digest(ct, "ct")
    return voxel_digest(mask, "labels") if mask.data.any() else None


def without_holes(found: MeasuredScan, mask: Volume, ct: Volume | None, label_of: dict[str, int]) -> MeasuredScan:
    """Return the measures without the attenuation of structures that contain voxels without a finite value."""
    in_holes = mask.data[ct.data == HOLE_HU] if ct and ct.data.dtype.kind == "f" else np.zeros(0, np.uint8)
    holed = [name for name, label in label_of.items() if (in_holes == label).any()]
    if not holed:
        return found
    rows = found.rows.copy()
    rows.loc[rows["structure"].isin(holed), [*OF_ATTENUATION, "hu_clipped"]] = np.nan
    return MeasuredScan(rows, found.histogram[~found.histogram["structure"].isin(holed)])


def without_impossible_means(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows without the attenuation of structures whose mean is outside the range of tissue (metal, padding)."""
    wrong = rows["hu_mean"].notna() & ~rows["hu_mean"].between(LOWEST_MEAN_HU, HIGHEST_MEAN_HU)
    if not wrong.any():
        return rows
    LOG.warning(
        "mean attenuation of %s is outside %g to %g HU; the attenuation values are set to missing",
        ", ".join(rows.loc[wrong, "structure"]),
        LOWEST_MEAN_HU,
        HIGHEST_MEAN_HU,
    )
    return rows.assign(**{name: rows[name].mask(wrong) for name in [*OF_ATTENUATION, "hu_clipped"]})


def with_padding(
    rows: pd.DataFrame, mask: Volume, ct: Volume | None, label_of: dict[str, int], border_layers: int
) -> pd.DataFrame:
    """Return rows with the contact of structures with padding, which also counts as contact with the border."""
    if ct is None:
        return rows.assign(padding_voxels=np.nan, padding_share=np.nan)
    contact = padding.contact(mask.data, ct.data, list(label_of.values()), border_layers)
    if contact is None:
        return rows.assign(padding_voxels=0, padding_share=np.where(rows["n_voxels"] > 0, 0.0, np.nan))
    share = contact.inside / rows["n_voxels"].where(rows["n_voxels"] > 0)
    return rows.assign(
        padding_voxels=contact.touching,
        padding_share=share,
        border_voxels=rows["border_voxels"] + contact.inner,
    )


def unmeasured(study: MeasuredStudy, status: str, detail: str) -> MeasuredScan:
    """Return rows of structures that were not measured, with the status and its detail (empty: no detail)."""
    rows = {"structure": study.label_set.names, "status": status, "detail": detail or None}
    return MeasuredScan(pd.DataFrame(rows), pd.DataFrame())


def measure_shard(scans: list[SegmentedScan], study: MeasuredStudy, histograms: Path | None) -> pd.DataFrame:
    """Return the rows of all scans of a shard, and write their histograms if a path is given."""
    rows = [MEASURES_TABLE.empty()]

    def keep_rows() -> Iterator[tuple[str, pd.DataFrame]]:
        progress = Progress(LOG, len(scans), "scans")
        for scan in scans:
            found = measure_scan(scan, study)
            rows.append(typed(found.rows.assign(scan_id=scan.scan_id)))
            yield scan.scan_id, found.histogram
            progress.add()

    if histograms:
        write_histograms(keep_rows(), histograms)
    else:
        deque(keep_rows(), maxlen=0)
    return pd.concat(rows, ignore_index=True)


def ends_of(rows: pd.DataFrame, scans: list[SegmentedScan]) -> "pd.Series[str]":
    """Return the status of each scan with a label map: `measured`, or the reason for a failed measurement."""
    failed = rows[rows["status"].isin(set(SEGMENT_STATUS) - set(USABLE_STATUS))]
    reasons = dict(zip(failed["scan_id"], failed["status"], strict=True))
    usable = [scan.scan_id for scan in scans if scan.status in USABLE_STATUS]
    return pd.Series([reasons.get(scan, MEASURED) for scan in usable], dtype="str")


def typed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with all columns of `measures` in their types; absent columns are missing."""
    return rows.reindex(columns=list(MEASURES_TABLE.columns)).astype(MEASURES_TABLE.empty().dtypes.to_dict())


@dataclass(frozen=True)
class MeasureOptions:
    """Options of the command `measure`; `ctpop measure --help` explains them."""

    registry: Path
    structures: str
    segments: Path | None
    table: Path | None
    masks: Path | None
    config: Path | None
    out: Path
    histograms: Path | None
    attempts_left: int
    max_failed_share: float


def rows_of_table(options: MeasureOptions, table: Path, label_set: LabelSet) -> pd.DataFrame:
    """Return the rows of an existing table of measures for the scans of the cohort."""
    chosen, cohort_settings = (configuration.section(name, options.config) for name in ("measure", "cohort"))
    reading = reading_of(cohort_settings)
    registry = read_registry(options.registry, reading)
    cohort = included(registry, criteria.read(cohort_settings["criteria"]) if options.config else [])
    LOG.info("%d scans, measures from %s", len(cohort), table.name)
    scan_ids = list(cohort["scan_id"])
    recorded = Recorded(cohort, set(registry["scan_id"]) - set(scan_ids), reading)
    form = measures_reading_of(chosen, cohort_settings)
    rows = read_external_measures(table, scan_ids, label_set.names, form, chosen["zero_hu"], recorded)
    bounds = dict(zip(label_set.names, label_set.table["lower_bound_ml"], strict=True))
    refuse_other_units(rows, bounds, table, label_set.largest_ml, form)
    duplicates.warn_of_equal_values(rows)
    kept = duplicates.of_scans(rows[rows["status"].eq(MEASURED)])
    duplicates.warn_of_images(kept)
    return duplicates.marked(rows, kept)


def run(options: MeasureOptions) -> None:
    """Measure the scans of a shard, or read an existing table, and write the rows."""
    chosen = configuration.section("measure", options.config)
    reading = reading_of(configuration.section("cohort", options.config))
    label_set = label_sets.read(options.structures)
    if options.table:
        rows = rows_of_table(options, options.table, label_set)
    elif not options.segments or not options.masks:
        raise ContractError(
            "--masks: the option is missing; name the folder of label maps to which --segments refers, for example"
            " --masks results/STUDY/masks"
        )
    else:
        segments = SEGMENTS.read(options.segments)
        LOG.info("%d scans, %d structures", len(segments), len(label_set.names))
        study = MeasuredStudy(
            LabelMapStore(options.masks), label_set, How(chosen["border_layers"], chosen["erosion_mm"] or 0)
        )
        scans = scans_of(segments, read_registry(options.registry, reading), options.registry.parent)
        rows = measure_shard(scans, study, options.histograms)
        reason = failure(ends_of(rows, scans), {MEASURED}, options.max_failed_share, options.attempts_left)
        if reason:
            raise ContractError(f"{options.segments.stem}: {reason}")
    written = MEASURES_TABLE.write(rows, options.out)
    counts = ", ".join(f"{n} {status}" for status, n in written["status"].value_counts().sort_index().items())
    LOG.info("rows by status: %s", counts or "none")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this stage."""
    add_registry_argument(parser)
    parser.add_argument("--structures", required=True, help="name of a built-in label set, or CSV file")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--segments", type=Path, help="Parquet file with the rows of table segments of a shard")
    source.add_argument(
        "--table",
        type=Path,
        help="existing measures: text table, spreadsheet, Parquet file, or folder of statistics.json files",
    )
    parser.add_argument("--masks", type=Path, help="folder of the label maps (required with --segments)")
    configuration.add_config_argument(parser, "cohort", "measure")
    parser.add_argument("--out", type=Path, required=True, help="output Parquet file with the measures")
    parser.add_argument("--histograms", type=Path, help="output Parquet file with the attenuation histograms")
    parser.add_argument(
        "--attempts-left",
        type=int,
        default=0,
        help="number of remaining attempts for this job; with 0, a temporary failure is recorded with its reason, and"
        " otherwise the job fails and can be repeated (default %(default)s)",
    )
    parser.add_argument(
        "--max-failed-share",
        type=float,
        default=1.0,
        help="largest permitted proportion of failed label maps; above it, the job fails (default %(default)s)",
    )

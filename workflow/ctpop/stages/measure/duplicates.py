"""Scans with the same images, or with the same values, as another scan.

Equal voxels indicate the same scan. The scan with the first `scan_id` is kept, and the rows of the others have the
status `duplicate_images`, so each patient counts once. Duplicates are identified when all shards are joined; the number
of shards therefore has no influence. Equal values without images are only reported, because values are rounded and
their images are unknown.
"""

import logging
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from pyarrow import parquet

LOG = logging.getLogger(__name__)

MEASURED, DUPLICATE = "measured", "duplicate_images"
FEWEST_STRUCTURES = 2  # with equal values; a single structure can agree by chance
SHOWN = 3
Kept = dict[str, str]  # by excluded scan, the scan with the same images that is kept


def of_shards(shards: Iterable[Path]) -> Kept:
    """Return the scans of all shards that have the same images as a scan with a lower `scan_id`."""
    pairs = [_pairs_in(shard) for shard in shards]
    return of_scans(pd.concat(pairs, ignore_index=True)) if pairs else {}


def of_scans(rows: pd.DataFrame) -> Kept:
    """Return the scans that have the same `image_digest` as a scan with a lower `scan_id`."""
    scans = rows.dropna(subset=["image_digest"]).drop_duplicates(["scan_id", "image_digest"]).sort_values("scan_id")
    first = scans.groupby("image_digest")["scan_id"].transform("first")
    later = scans["scan_id"].ne(first)
    return dict(zip(scans.loc[later, "scan_id"], first[later], strict=True))


def marked(rows: pd.DataFrame, kept: Kept) -> pd.DataFrame:
    """Return measures with the status `duplicate_images` for scans of which a copy is kept; values do not change."""
    if not kept:
        return rows
    repeated = rows["scan_id"].isin(kept) & rows["status"].eq(MEASURED)
    return rows.assign(status=rows["status"].mask(repeated, DUPLICATE))


def warn_of_images(kept: Kept) -> None:
    """Log the scans with the same images as another scan."""
    if kept:
        LOG.warning(
            "scans excluded because another scan has the same images (%s): %d (%s)",
            DUPLICATE,
            len(kept),
            _listed(f"{scan}: same as {first}" for scan, first in kept.items()),
        )


def warn_of_equal_values(rows: pd.DataFrame) -> None:
    """Log the scans with the same values as another scan in all of their structures, at least two."""
    known = rows["volume_ml"].gt(0) | rows["hu_mean"].notna()
    values = rows.loc[rows["status"].eq(MEASURED) & known, ["scan_id", "structure", "volume_ml", "hu_mean"]]
    digest = pd.util.hash_pandas_object(values[["structure", "volume_ml", "hu_mean"]], index=False)
    scans = digest.groupby(values["scan_id"].to_numpy()).agg(["sum", "size"])
    scans = scans[scans["size"] >= FEWEST_STRUCTURES]
    groups = [", ".join(map(str, found)) for found in scans.groupby(["sum", "size"]).groups.values() if len(found) > 1]
    if groups:
        LOG.warning(
            "groups of scans with the same values in all structures: %d (%s); if a group is one scan with several"
            " identifiers, keep one of them in the table",
            len(groups),
            _listed(groups),
        )


def _pairs_in(shard: Path) -> pd.DataFrame:
    names = ["scan_id", "image_digest"]
    file = parquet.ParquetFile(shard, read_dictionary=names)
    pairs = [file.read_row_group(number, ["status", *names]).to_pandas() for number in range(file.num_row_groups)]
    measured = [part.loc[part["status"].eq(MEASURED), names].drop_duplicates() for part in pairs]
    return pd.concat(measured, ignore_index=True).astype("str") if measured else pd.DataFrame(columns=names)


def _listed(words: Iterable[str]) -> str:
    every = list(words)
    return "; ".join(every[:SHOWN]) + (f"; and {len(every) - SHOWN} more" if len(every) > SHOWN else "")

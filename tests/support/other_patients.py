"""A finished study with identifiers of other patients, because two studies of the same patients are not compared."""

from pathlib import Path

from ctpop.contracts.all_tables import ANALYSIS, COHORT, SEGMENTS
from ctpop.foundation.digests import of_bytes


def rename_patients(results: Path, prefix: str = "other-") -> None:
    """Change the identifiers of scans and patients and the checksums of label maps in a finished study."""
    cohort = COHORT.read(results / "tables" / "cohort.parquet")
    COHORT.write(
        cohort.assign(scan_id=prefix + cohort["scan_id"], patient_id=prefix + cohort["patient_id"]),
        results / "tables" / "cohort.parquet",
    )
    segments = SEGMENTS.read(results / "tables" / "segments.parquet")
    digests = segments["mask_sha256"].map(lambda found: of_bytes((prefix + found).encode()), na_action="ignore")
    SEGMENTS.write(
        segments.assign(scan_id=prefix + segments["scan_id"], mask_sha256=digests.astype("str")),
        results / "tables" / "segments.parquet",
    )
    analysis = ANALYSIS.read(results / "tables" / "analysis.parquet")
    ANALYSIS.write(
        analysis.assign(scan_id=prefix + analysis["scan_id"].astype(str)), results / "tables" / "analysis.parquet"
    )

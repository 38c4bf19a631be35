"""A finished study with identifiers of other patients, because two studies of the same patients are not compared."""

from pathlib import Path

from ctpop.contracts.all_tables import ANALYSIS, COHORT, SEGMENTS


def rename_patients(results: Path) -> None:
    """Change the identifiers of scans and patients and the checksums of label maps in a finished study."""
    cohort = COHORT.read(results / "tables" / "cohort.parquet")
    COHORT.write(
        cohort.assign(scan_id="other-" + cohort["scan_id"], patient_id="other-" + cohort["patient_id"]),
        results / "tables" / "cohort.parquet",
    )
    segments = SEGMENTS.read(results / "tables" / "segments.parquet")
    SEGMENTS.write(
        segments.assign(scan_id="other-" + segments["scan_id"], mask_sha256=segments["mask_sha256"].str[::-1]),
        results / "tables" / "segments.parquet",
    )
    analysis = ANALYSIS.read(results / "tables" / "analysis.parquet")
    ANALYSIS.write(
        analysis.assign(scan_id="other-" + analysis["scan_id"].astype(str)), results / "tables" / "analysis.parquet"
    )

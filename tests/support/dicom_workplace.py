"""A DICOM folder with the commands `index` and `convert` and the tables that they write."""

from pathlib import Path

import pandas as pd

from ctpop.cli import main

EVERYTHING = "dicom: {exclude: [], largest_tilt_deg: 90}"
TABLES = ("registry", "registry_excluded", "registry_files")


class Workplace:
    """A working folder for `index` and `convert`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dicom = folder / "dicom"

    def index(self, config: str = EVERYTHING) -> None:
        """Index the folder `dicom`."""
        Path("study.yaml").write_text(config)
        options = ["--registry", "registry.csv", "--config", "study.yaml", "--processes", "1", "--link"]
        assert main(["index", "dicom", *options]) == 0

    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """Return the registry, the excluded series, and the counts of files."""
        registry, excluded, files = (pd.read_csv(self.folder / f"{name}.csv") for name in TABLES)
        return registry, excluded, files

    def convert_all(self, *options: str) -> pd.DataFrame:
        """Convert the scans, and return the rows of `conversions`."""
        assert main(["convert", "--registry", "registry.csv", "--dicom", "dicom", "--out", "c.parquet", *options]) == 0
        return pd.read_parquet("c.parquet")

    def convert(self, *options: str) -> pd.DataFrame:
        """Convert the scans, and return the rows of `conversions` by PatientID."""
        rows = self.convert_all(*options)
        link = pd.read_csv("ctpop_private/link.csv", dtype=str)
        return rows.merge(link[["scan_id", "PatientID"]], on="scan_id").set_index("PatientID")

    def run(self, config: str = EVERYTHING, *options: str) -> pd.DataFrame:
        """Index and convert the folder, and return the rows of `conversions` by PatientID."""
        self.index(config)
        return self.convert(*options)

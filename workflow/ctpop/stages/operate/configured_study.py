"""A study as defined by its configuration file: settings, registry, shards, and paths of results."""

import argparse
import difflib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ctpop.foundation.errors import ContractError
from ctpop.imaging.label_map_store import LabelMapStore
from ctpop.study import configuration, configuration_file, criteria, shards
from ctpop.study.registry import included, read_registry
from ctpop.study.registry_options import Reading, reading_of


@dataclass(frozen=True)
class ConfiguredStudy:
    """A study; paths are relative to the folder in which Snakemake is run, as in the workflow."""

    config: dict[str, Any]
    places: dict[str, str] = field(default_factory=dict)  # file and line of each setting, for messages

    @property
    def name(self) -> str:
        """Return the name of the study."""
        return str(self.config["study"]["name"])

    @property
    def start_from(self) -> str:
        """Return the starting point of the study."""
        return str(self.config["study"]["start_from"])

    @property
    def dicom(self) -> Path | None:
        """Return the folder of DICOM files from which volumes are converted, or None."""
        return (
            Path(self.config["study"]["dicom"])
            if self.start_from == "images" and "dicom" in self.config["study"]
            else None
        )

    @property
    def images(self) -> bool:
        """Return whether the registry contains the paths of the images."""
        return self.start_from != "measures" and self.dicom is None

    @property
    def results(self) -> Path:
        """Return the results folder."""
        return Path("results", self.name)

    @property
    def store(self) -> LabelMapStore:
        """Return the store of label maps."""
        return LabelMapStore(self.results / "masks")

    @property
    def one_file(self) -> bool:
        """Return whether the workflow creates the registry because the table of measures describes the patients."""
        return configuration.patients_in_measures(self.config["study"])

    @property
    def registry(self) -> Path:
        """Return the path of the registry."""
        return self.results / "registry.csv" if self.one_file else Path(self.config["study"]["registry"])

    @property
    def measures(self) -> Path | None:
        """Return the table of measures or the folder of statistics if it is the starting point, or None."""
        return Path(self.config["study"]["measures"]) if self.start_from == "measures" else None

    @property
    def patients_file(self) -> Path:
        """Return the user's file that describes the patients: the registry or the table of measures."""
        return self.measures if self.one_file and self.measures else self.registry

    @property
    def reading(self) -> Reading:
        """Return the settings for reading the registry."""
        return reading_of(self.config["cohort"])

    @property
    def paths(self) -> dict[str, str]:
        """Return the path in each setting whose value is a file or folder of the user."""
        settings = {f"{section}.{name}" if name else section: (section, name) for section, name in configuration.PATHS}
        found = {
            setting: self.config.get(section, {}).get(name) if name else self.config.get(section)
            for setting, (section, name) in settings.items()
        }
        return {setting: path for setting, path in found.items() if isinstance(path, str)}

    def setting_of(self, path: str) -> str | None:
        """Return the setting whose value is a file or folder, or None."""
        return next((setting for setting, named in self.paths.items() if named.rstrip("/") == path.rstrip("/")), None)

    @cached_property
    def cohort(self) -> pd.DataFrame:
        """Return the included scans, each with the name of its shard."""
        cohort = included(read_registry(self.registry, self.reading), criteria.read(self.config["cohort"]["criteria"]))
        names = self.shards
        moduli = sorted({shards.parse_shard(name)[1] for name in names}, reverse=True)
        keys = cohort["patient_id"].fillna(cohort["scan_id"])
        return cohort.assign(shard=[shards.home_of(key, set(names), moduli) for key in keys])

    @cached_property
    def shards(self) -> list[str]:
        """Return the names of the shards."""
        segment = self.config["segment"]
        return list(shards.digests(self.registry, segment.get("shards"), segment["scans_per_shard"], self.reading))


def add_study_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument for the study file to a command."""
    parser.add_argument(
        "study",
        type=Path,
        nargs="?",
        default=Path("config.yaml"),
        metavar="STUDY",
        help="study file, as passed to Snakemake with --configfile (default: %(default)s)",
    )


def read(path: Path) -> ConfiguredStudy:
    """Read a study from its configuration file.

    Raises
    ------
    ContractError
        If the file is missing, is not YAML, or does not match the schema of the configuration.

    """
    config = configuration_file.read(path)
    if not difflib.get_close_matches("study", list(config), n=1):
        raise ContractError(
            f"{path}: line 1: the configuration of a study requires the section study, which is missing; add, as in"
            f" docs/study.yaml, {configuration_file.FIRST_LINE}"
        )
    places = configuration_file.places_of([path])
    return ConfiguredStudy(configuration.validated(config, places), places)

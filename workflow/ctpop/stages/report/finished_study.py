"""A finished study: the configuration, label set, and tables that the report reads."""

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ctpop.contracts import all_tables
from ctpop.figures.association import Conventions, Key, StructureFinding, age_ranges, age_spans, cut_points, findings_of
from ctpop.foundation.errors import ContractError
from ctpop.stats.groups import quartile_of
from ctpop.study import label_sets
from ctpop.study.patients import distinct, patient_numbers
from ctpop.study.user_tables import read_user_table

REQUIRED = (
    all_tables.COHORT,
    all_tables.EXCLUSIONS,
    all_tables.FLOW,
    all_tables.OVERLAP,
    all_tables.TABLE1,
    all_tables.MEASURES_TABLE,
    all_tables.VERDICTS,
    all_tables.GROUP_MEMBERS,
    all_tables.GROUP_VALUES,
    all_tables.ANALYSIS,
    all_tables.FAILURES,
    all_tables.STRUCTURE_FLOW,
    all_tables.EXTREMES,
    all_tables.PLAUSIBILITY,
    all_tables.IMPLAUSIBLE_VALUES,
    all_tables.CONTRAST_CHECK,
    all_tables.NORMALITY,
    all_tables.ASSOCIATIONS,
    all_tables.GROUPS,
    all_tables.POSTHOC,
    all_tables.SENSITIVITY,
    all_tables.ADJUSTED,
    all_tables.ASSOCIATIONS_BY_SEX,
    all_tables.RANK_ANCOVA,
    all_tables.AGE_CURVES,
    all_tables.AGE_EFFECTS,
    all_tables.AGE_MODELS,
    all_tables.SEX_DIFFERENCES,
    all_tables.BODY_SIZE,
    all_tables.DETECTABLE_EFFECTS,
    all_tables.WITHIN_PATIENT,
    all_tables.RETEST,
    all_tables.COMPARE_PUBLISHED,
    all_tables.MISSINGNESS,
    all_tables.MISSING_SENSITIVITY,
)
CENTILES = (  # required if aging.centiles is set
    all_tables.CENTILES,
    all_tables.CENTILE_CALIBRATION,
    all_tables.CENTILE_MODELS_TABLE,
    all_tables.CENTILE_WORMS,
)
CHANGE_POINTS = (all_tables.CHANGE_POINTS, all_tables.CHANGE_POINT_CURVES)  # required if aging.change_points is set
COLUMNS = {  # columns read from the largest tables, which have 12 million rows in a study of 100,000 scans
    "measures": ("status", "detail"),
    "verdicts": ("usable_volume", "usable_hu", "reason", "rule_reason", "reviewer"),
}


EVIDENCE = {  # columns that a table of measures can lack, by the screening rule; other rules depend on volumes only
    "padding": ("padding_share",),
    "truncated": ("border_voxels", "faces"),
    "fragmented": ("largest_share",),
    "laterality": ("side_mm",),
    "asymmetric": ("asymmetry",),
}


@dataclass(frozen=True)
class FinishedStudy:
    """Input of a report; the keys of `tables` are the table names of the contracts and `truth` (ground truth)."""

    config: dict[str, Any]
    label_set: label_sets.LabelSet
    tables: dict[str, pd.DataFrame]

    @property
    def banner(self) -> str | None:
        """Text that is printed on every page and figure, if any."""
        banner: str | None = self.config["study"].get("banner")
        return banner

    @property
    def chosen(self) -> list[Key]:
        """Structures and measures of the figure of selected structures, without duplicates."""
        return list(dict.fromkeys((name, measure) for name, measure in self.config["report"]["figure6"]))

    @property
    def left_and_right(self) -> dict[str, str]:
        """The contralateral structure of each left-sided structure that has one."""
        left = set(self.label_set.table.loc[self.label_set.table["side"] == "left", "structure"])
        return {name: contralateral for name, contralateral in self.label_set.contralateral.items() if name in left}

    @property
    def has_gallery(self) -> bool:
        """Whether the study has masks, and therefore a review gallery."""
        return "segments" in self.tables

    def case_link(self, scan_id: str, structure: str) -> str:
        """Return the link to a mask in the gallery, relative to the report folder; empty without a gallery."""
        return f"review/index.html#{scan_id}/{structure}" if self.has_gallery else ""

    def pair(self, name: str) -> list[StructureFinding]:
        """Return the findings for the volume and the attenuation of a structure or group."""
        return [self.findings[name, measure] for measure in all_tables.MEASURES]

    @property
    def analyzed(self) -> list[str]:
        """Structures in label order, followed by the groups of structures."""
        return [*self.label_set.names, *self.label_set.groups]

    @cached_property
    def n_patients(self) -> int:
        """Number of different patients in the cohort."""
        return distinct(patient_numbers(self.tables["cohort"]))

    @cached_property
    def conventions(self) -> Conventions:
        """Settings that all figures share."""
        aging = self.config["aging"]
        ages = self.tables["cohort"]["age_years"].dropna()
        low, high = (ages.min(), ages.max()) if len(ages) else (0.0, 100.0)
        return Conventions(
            banner=self.banner,
            confidence=aging["confidence"],
            alpha=aging["alpha"],
            age_limits=(math.floor((low - 1) / 10) * 10, math.ceil((high + 1) / 10) * 10),
            age_ranges=age_ranges(cut_points(self.tables["groups"]), aging["quartiles"]),
            repeated=self.n_patients < len(self.tables["cohort"]),
            age_spans=age_spans(cut_points(self.tables["groups"]), aging["quartiles"]),
            band="age group" if aging["cut_years"] else "age quartile",
        )

    @cached_property
    def findings(self) -> dict[Key, StructureFinding]:
        """Values and results of each structure and measure."""
        patients = self.tables["cohort"][["scan_id", "patient_id", "age_years", "sex"]]
        cuts = np.array(cut_points(self.tables["groups"]) or [np.nan] * 3)
        quartiles = quartile_of(patients["age_years"].to_numpy(float), cuts, self.config["aging"]["quartiles"])
        return findings_of(
            patients.assign(quartile=quartiles),
            self.tables["analysis"],
            self.tables,
            self.analyzed,
            self.config["aging"]["alpha"],
        )


def read_study(folder: Path, label_set: label_sets.LabelSet, config: dict[str, Any]) -> FinishedStudy:
    """Read the tables of a study from their folder.

    `segments` is omitted if the starting point is a table of measures, the centile tables are omitted if the
    configuration does not request them (existing files are from an earlier configuration), and the comparison with the
    ground truth is omitted if the study has none.

    Raises
    ------
    ContractError
        If a table is missing or invalid.

    """
    asked = (*REQUIRED, *(CENTILES if config["aging"]["centiles"] else ()))
    asked += CHANGE_POINTS if config["aging"]["change_points"] else ()
    columns = COLUMNS
    if config["study"]["start_from"] == "measures":
        columns = COLUMNS | {"measures": (*COLUMNS["measures"], *chain.from_iterable(EVIDENCE.values()))}
    tables = {
        table.name: table.read(_existing(folder / f"{table.name}.parquet"), *columns.get(table.name, ()))
        for table in asked
    }
    if config["study"]["start_from"] != "measures":
        tables["segments"] = all_tables.SEGMENTS.read(_existing(folder / "segments.parquet"))
    if "truth" in config["study"]:
        tables["truth"] = read_user_table(all_tables.TRUTH, _existing(Path(config["study"]["truth"])))
        tables["compare_truth"] = all_tables.COMPARE_TRUTH.read(_existing(folder / "compare_truth.parquet"))
    return FinishedStudy(config, label_set, tables)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ContractError(f"{path}: the file is required for the report but is missing; rerun the study to create it")
    return path

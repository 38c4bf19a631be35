"""Finished studies that are compared or pooled, and the correspondence of their structures."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ctpop.contracts import all_tables
from ctpop.foundation.errors import ContractError
from ctpop.stages.aging.age_series import with_ages
from ctpop.stages.aging.shared_patients import read_scans
from ctpop.stages.aging.stored_models import has_models, read_models

RESULTS = ("n", "n_patients", "rho", "ci_low", "ci_high")
SACRUM, SACRUM_V1, S1 = "sacrum", "sacrum_v1", "vertebrae_S1"
MARGIN = "equivalence_margin"


@dataclass(frozen=True)
class ComparedStudy:
    """Results of a study; `members` contains the members of each group that are in its label set.

    `scans` contains the scans of the study as returned by `shared_patients.read_scans`, `models` is the table
    `age_models`, and `values` contains the usable values with the age and the patient number of each scan, or None.
    """

    name: str
    config: dict[str, Any]
    associations: pd.DataFrame
    members: dict[str, frozenset[str]]
    scans: pd.DataFrame
    models: pd.DataFrame
    values: pd.DataFrame | None = None

    @property
    def structures(self) -> frozenset[str]:
        """Single structures of the study."""
        return frozenset(self.associations.loc[self.associations["family"].eq("structures"), "structure"])

    @property
    def confidence(self) -> float:
        """Confidence level of the intervals."""
        return float(self.config["aging"]["confidence"])


def folder_of(place: Path) -> Path:
    """Return the result folder of a study, which can be specified by its name in `results/`."""
    return place if place.is_dir() or place.parent.name else Path("results") / place


def read_study(place: Path) -> ComparedStudy:
    """Return a finished study from its result folder, or from its name in `results/`.

    Raises
    ------
    ContractError
        If the folder does not contain the results of a finished study, or an earlier version of ctpop wrote them.

    """
    folder = folder_of(place)
    files = {name: folder / name for name in ("provenance.json", "tables/associations.parquet")}
    absent = [name for name, path in files.items() if not path.is_file()]
    if absent:
        remedy = "Run the study, or enter the result folder of a finished study"
        if has_models(folder):
            remedy = (
                "For exported tables, enter both folders after `ctpop pool`, which requires only the effects of age"
            )
        raise ContractError(
            f"{folder}: this folder does not contain a finished study; missing: {', '.join(absent)}. {remedy}"
        )
    config = json.loads(files["provenance.json"].read_text(encoding="utf-8"))["config"]
    tables = folder / "tables"
    return ComparedStudy(
        name=config["study"]["name"],
        config=config,
        associations=all_tables.ASSOCIATIONS.read(files["tables/associations.parquet"], *RESULTS, "family"),
        members=members_of(tables),
        scans=read_scans(tables),
        models=read_models(folder),
        values=read_values(tables),
    )


def members_of(tables: Path) -> dict[str, frozenset[str]]:
    """Return the members of each group that are in the label set of a study."""
    groups = all_tables.GROUP_MEMBERS.read(tables / "group_members.parquet")
    present = groups[groups["in_label_set"]].groupby("group")["structure"]
    return {str(group): frozenset(names) for group, names in present}


def read_values(tables: Path) -> pd.DataFrame | None:
    """Return the usable values with the age and the patient number of each scan; None if the table is missing."""
    path = tables / "analysis.parquet"
    if not path.is_file():
        return None
    analysis = all_tables.ANALYSIS.read(path)
    observations = with_ages(analysis, all_tables.COHORT.read(tables / "cohort.parquet"))
    return observations[["structure", "measure", "value", "age_years", "patient"]]


def common_confidence(first: ComparedStudy, second: ComparedStudy) -> float:
    """Return the confidence level of both studies.

    Raises
    ------
    ContractError
        If the confidence levels of the studies differ.

    """
    if first.confidence != second.confidence:
        raise ContractError(
            f"aging.confidence: the confidence levels of the studies differ: {first.confidence:g} in {first.name} and"
            f" {second.confidence:g} in {second.name}. Rerun one of the studies with the level of the other study"
        )
    return first.confidence


def common_margin(first: ComparedStudy, second: ComparedStudy, chosen: float | None) -> float:
    """Return the margin of equivalence in residual SDs per decade: the option, or the setting of both studies.

    Raises
    ------
    ContractError
        If the option is missing and the margins of the studies differ.

    """
    if chosen is not None:
        return chosen
    margins = [float(study.config["aging"][MARGIN]) for study in (first, second)]
    if margins[0] != margins[1]:
        raise ContractError(
            f"aging.{MARGIN}: the margins of the studies differ: {margins[0]:g} in {first.name} and {margins[1]:g} in"
            f" {second.name}. Enter one margin for the comparison, for example, --margin {margins[0]:g}"
        )
    return margins[0]


def counterpart(structure: str, present: tuple[bool, bool], studies: tuple[ComparedStudy, ComparedStudy]) -> str:
    """Return the code (one of `COUNTERPARTS`) for the agreement of a structure or group between the studies."""
    if not all(present):
        return "only_in_a" if present[0] else "only_in_b"
    # ASSUME: the sacrum excludes S1 in label sets with vertebrae_S1 (TotalSegmentator v2) and includes S1 in others
    if structure == SACRUM and len({S1 in study.structures for study in studies}) > 1:
        return "other_extent"
    members = {study.members.get(structure, frozenset()) for study in studies}
    return "same" if structure == SACRUM_V1 or len(members) == 1 else "other_members"


def banner_of(studies: tuple[ComparedStudy, ...]) -> str | None:
    """Return the banners of the studies, each once; different banners are preceded by the names of their studies."""
    banners = {study.name: study.config["study"].get("banner") for study in studies}
    reported: dict[str, str] = {name: banner for name, banner in banners.items() if banner}
    if len(reported) == len(banners) and len(set(reported.values())) == 1:
        return next(iter(reported.values()))
    return "; ".join(f"{name}: {banner}" for name, banner in reported.items()) or None

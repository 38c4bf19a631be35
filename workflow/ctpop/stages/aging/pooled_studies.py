"""Studies of a meta-analysis, and the age curves of each structure in these studies."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ctpop.foundation.errors import ContractError
from ctpop.stages.aging.compared_studies import S1, SACRUM, SACRUM_V1, folder_of, members_of
from ctpop.stages.aging.shared_patients import read_scans
from ctpop.stages.aging.stored_models import CRUDE, Key, models_by_key, read_models

EXPORT = "export"
Row = dict[str, Any]


@dataclass(frozen=True)
class PooledStudy:
    """A study of a meta-analysis.

    `label_set`, `banner`, `members`, and `scans` are empty or None if the folder contains only the table `age_models`.
    """

    name: str
    models: dict[Key, Row]
    label_set: str = ""
    banner: str = ""
    members: dict[str, frozenset[str]] | None = None
    scans: pd.DataFrame | None = None

    def definition(self, structure: str) -> object:
        """Return a value that is equal for studies with the same definition of a structure; None if it is unknown."""
        if structure == SACRUM:
            return any(name == S1 for name, _, _ in self.models)
        if structure == SACRUM_V1 or self.members is None:
            return None
        return self.members.get(structure, frozenset())


@dataclass(frozen=True)
class Pool:
    """Age curves of a measure of a structure with a set of covariates: the row of each study by its name.

    `same` is whether the structure has the same definition in all studies.
    """

    structure: str
    measure: str
    adjusted_for: str
    models: dict[str, Row]
    same: bool


def read_study(place: Path) -> PooledStudy:
    """Return a study from its result folder, from its name in `results/`, or from a folder with its `age_models`.

    Raises
    ------
    ContractError
        If the folder does not exist or does not contain the table `age_models`.

    """
    folder = folder_of(place)
    if not folder.is_dir():
        raise ContractError(f"{folder}: the folder does not exist. Enter the result folder of a finished study")
    provenance, tables = folder / "provenance.json", folder / "tables"
    config = json.loads(provenance.read_text(encoding="utf-8"))["config"] if provenance.is_file() else {}
    study = config.get("study", {})
    return PooledStudy(
        name=study.get("name") or name_of(folder.resolve()),
        models=models_by_key(read_models(folder)),
        label_set=config.get("structures", ""),
        banner=study.get("banner") or "",
        members=members_of(tables) if (tables / "group_members.parquet").is_file() else None,
        scans=read_scans(tables) if (tables / "cohort.parquet").is_file() else None,
    )


def name_of(folder: Path) -> str:
    """Return the name of a study from its folder, or from the folder above `export` (from `ctpop export`)."""
    return folder.parent.name if folder.name == EXPORT else folder.name


def pools_of(studies: list[PooledStudy]) -> Iterator[Pool]:
    """Yield the age curves to pool: those without covariates, and those with covariates in at least two studies."""
    keys = sorted({key for study in studies for key in study.models})
    for key in keys:
        models = {study.name: study.models[key] for study in studies if key in study.models}
        if key[2] != CRUDE and len(models) < 2:
            continue
        definitions = {study.definition(key[0]) for study in studies if key in study.models} - {None}
        yield Pool(*key, models, len(definitions) < 2)

"""Values of new patients that `ctpop score` reads, and the label set and segmentation model that produced them."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ctpop.contracts import all_tables
from ctpop.contracts.columns import number, text
from ctpop.contracts.tables import Table
from ctpop.foundation.errors import ContractError, count
from ctpop.stages.aging.centiles import segmentation_model_of
from ctpop.study import configuration, registry
from ctpop.study.user_tables import read_user_table

LOG = logging.getLogger(__name__)
UNITS = {"volume_ml": "ml", "hu_mean": "hu"}
IN_TABLE = {  # optional columns of a table of values that replace the registry
    "age_years": number("age", "years", low=0, high=120, missing="not recorded"),
    "sex": text("sex", missing="not recorded"),
    "patient_id": text("patient", missing="not recorded"),
    "unit": text("unit of the value", missing="the unit of the measure"),
}
VALUES = Table(
    "values",
    ("scan_id", "structure", "measure"),
    "values of new patients: one row per scan, structure, and measure",
    {
        "scan_id": all_tables.SCAN,
        "structure": text("structure or group of structures"),
        "measure": all_tables.MEASURE,
        "value": number("volume (mL) or mean attenuation (HU)"),
    },
    open=True,
)


@dataclass(frozen=True)
class Origin:
    """Label set and segmentation model of the values; None if they are not known."""

    label_set: str | None
    label_set_digest: str | None
    segmentation_model: str | None


@dataclass(frozen=True)
class NewValues:
    """Values of new patients in the columns of `VALUES`, and their scans with age, sex, patient, and covariates."""

    place: Path
    values: pd.DataFrame
    scans: pd.DataFrame


@dataclass(frozen=True)
class Given:
    """A table of values or the folder of a finished study, and its registry, if any."""

    table: Path
    registry: Path | None

    @property
    def folder(self) -> Path | None:
        """Result folder of the study that contains the values, if they are those of a study."""
        folder = self.table if self.table.is_dir() else self.table.parent.parent
        return folder if (folder / "provenance.json").is_file() or self.table.is_dir() else None


def read_values(given: Given) -> NewValues:
    """Read the values and the scans of new patients.

    Raises
    ------
    ContractError
        If a file is missing or invalid, a scan is not in the registry, or the age or the sex is in no table.

    """
    table = given.table / "tables" / "analysis.parquet" if given.table.is_dir() else given.table
    if not table.is_file():
        raise ContractError(f"{table}: the file does not exist; enter a table of values or the folder of a study")
    values = _in_rows(table)
    return NewValues(table, values[list(VALUES.columns)], scans_of(given, table, values))


def scans_of(given: Given, table: Path, values: pd.DataFrame) -> pd.DataFrame:
    """Return the scans of the values with age, sex, patient, and all columns of the registry, indexed by `scan_id`."""
    path = given.registry
    if path is None and given.folder:
        path = given.folder / "tables" / "cohort.parquet"
    if path is None:
        absent = [name for name in ("age_years", "sex") if name not in values.columns]
        if absent:
            raise ContractError(
                f"{table}: column {', '.join(absent)} is missing; add the column, or the option --registry with the"
                " registry of these scans"
            )
        known = ["scan_id", *(name for name in IN_TABLE if name in values.columns and name != "unit")]
        found = values[known].drop_duplicates("scan_id").reindex(columns=["scan_id", "age_years", "sex", "patient_id"])
        return found.set_index("scan_id")
    found = _registry(path).set_index("scan_id")
    unknown = values.loc[~values["scan_id"].isin(found.index), "scan_id"].drop_duplicates()
    if len(unknown):
        raise ContractError(
            f"{path}: {count(len(unknown), 'scan')} of {table} {'is' if len(unknown) == 1 else 'are'} not in the"
            f" registry, first {unknown.iloc[0]!r}; add the rows, or enter the registry of these scans (--registry)"
        )
    return found.loc[values["scan_id"].drop_duplicates()]


def _registry(path: Path) -> pd.DataFrame:
    """Return the registry, or the cohort of a study, which is a registry with typed columns."""
    if path.name == "cohort.parquet":
        return all_tables.COHORT.read(path)
    return registry.read_registry(path)


def _in_rows(path: Path) -> pd.DataFrame:
    """Return a table of values with one row per value; a table of measures is rearranged."""
    cells = registry.read_cells(path)
    names = [name for name in all_tables.MEASURES if name in cells.columns]
    if "value" in cells.columns or not names:
        found = read_user_table(VALUES, path, IN_TABLE)
        _refuse_units(found, path)
        return found.assign(sex=_sexes(found["sex"])) if "sex" in found.columns else found
    LOG.warning("%s is a table of measures; its values have not passed segmentation screening", path)
    kept = [name for name in ("scan_id", "structure", *IN_TABLE) if name in cells.columns and name != "unit"]
    long = cells.melt(kept, names, "measure", "value")
    for name in {"value", "age_years"} & set(long.columns):
        long[name] = pd.to_numeric(long[name], errors="coerce")
    long = long.dropna(subset=["value"])
    return VALUES.check(long.assign(sex=_sexes(long["sex"])) if "sex" in long.columns else long, where=path)


def _sexes(words: pd.Series) -> pd.Series:
    """Return sexes in the words of the registry."""
    from ctpop.study.codings import sexes_of

    return sexes_of(words, "sex")[0]


def _refuse_units(values: pd.DataFrame, path: Path) -> None:
    """Reject values in other units than those of the measures."""
    if "unit" not in values.columns:
        return
    wrong = values["unit"].notna() & values["unit"].str.lower().ne(values["measure"].map(UNITS))
    if wrong.any():
        first = values.loc[wrong].iloc[0]
        raise ContractError(
            f"{path}: column 'unit' must be mL (volume_ml) or HU (hu_mean); found {first['unit']} in"
            f" {count(int(wrong.sum()), 'row')}, first {first['scan_id']} {first['structure']} {first['measure']};"
            " convert the values"
        )


def origin_of(given: Given, structures: str | None, segments: Path | None, model: str | None) -> Origin:
    """Return the label set and the segmentation model of the values from the options, or from the study folder."""
    folder = given.folder
    if folder and structures is None:
        structures = _config(folder).get("structures")
    if folder and segments is None and (folder / "tables" / "segments.parquet").is_file():
        segments = folder / "tables" / "segments.parquet"
    name = digest = None
    if structures is not None and configuration.label_set_file(structures).is_file():
        name, digest = configuration.label_set_file(structures).stem, configuration.labels_digest(structures)
    return Origin(name, digest, model or segmentation_model_of(segments))


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "provenance.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["config"] if path.is_file() else {}
    return found

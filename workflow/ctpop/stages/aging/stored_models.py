"""Age curves of the table `age_models`, which contains no data of patients."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from ctpop.contracts.effects import AGE_MODELS
from ctpop.foundation.errors import ContractError
from ctpop.stages.aging.effect_units import PER_DECADE, in_unit
from ctpop.stages.aging.stored_numbers import numbers
from ctpop.stats.equivalence import Effect, EffectLimits
from ctpop.stats.stored_curves import StoredCurve, matrix_of

FORM = "spline"  # ASSUME: the curve, not the straight line, is the basis of comparisons
CRUDE = "none"

WITHHELD = "the count is withheld in an export of de-identified tables"
EXPORTED = replace(
    AGE_MODELS,
    columns={
        name: replace(column, dtype="Int64", missing=WITHHELD) if column.dtype == "int64" else column
        for name, column in AGE_MODELS.columns.items()
    },
)

Key = tuple[str, str, str]  # structure, measure, and covariates


def places_of(folder: Path) -> list[Path]:
    """Return the possible files of the table `age_models` of a study, of its tables, or of exported tables."""
    names = (f"age_models.{suffix}" for suffix in ("parquet", "csv"))
    return [place / name for name in names for place in (folder / "tables", folder)]


def has_models(folder: Path) -> bool:
    """Return whether a folder contains the table `age_models`."""
    return any(path.is_file() for path in places_of(folder))


def read_models(folder: Path) -> pd.DataFrame:
    """Return the table `age_models` of a study from its result folder or from a folder with tables.

    Raises
    ------
    ContractError
        If the folder contains no such table.

    """
    for path in places_of(folder):
        if path.is_file():
            return AGE_MODELS.read(path) if path.suffix == ".parquet" else EXPORTED.read_csv(path)
    raise ContractError(
        f"{folder}: the table age_models is missing; an earlier version of ctpop wrote these results. Rerun the study"
        " with this version, which writes the table: `snakemake --profile profiles/local --configfile my_study.yaml`"
    )


def models_by_key(models: pd.DataFrame) -> dict[Key, dict[str, Any]]:
    """Return the rows of the age curves by structure, measure, and covariates, without straight lines."""
    rows = models[models["form"].eq(FORM)].to_dict("records")
    return {
        (row["structure"], row["measure"], row["adjusted_for"]): {str(name): value for name, value in row.items()}
        for row in rows
    }


def curve_of(row: dict[str, Any]) -> StoredCurve | None:
    """Return the age curve of a row of `age_models`, or None if no curve was fitted.

    Raises
    ------
    ContractError
        If the numbers of knots, heights, and covariances do not agree.

    """
    if row["reason"] != "ok":
        return None
    knots, heights, upper = (numbers(row[name]) for name in ("knots", "coefficients", "covariance"))
    sexes = tuple(row["sexes"].split(";"))
    size = len(knots) * len(sexes)
    if len(heights) != size or len(upper) != size * (size + 1) // 2 or len(knots) < 2:
        raise ContractError(
            f"age_models: {row['structure']} {row['measure']}: {len(knots)} knots and {len(sexes)} curves require"
            f" {size} coefficients and {size * (size + 1) // 2} covariances, found {len(heights)} and {len(upper)}."
            " Copy the table again"
        )
    return StoredCurve(sexes, knots, heights, matrix_of(upper), float(row["df"]))


def unit_of(models: list[dict[str, Any]], measure: str) -> str:
    """Return the unit of effects in the words of the age curves, or of this module without age curves."""
    return str(models[0]["unit"]) if models else PER_DECADE[measure]


def limits_in_unit(limits: EffectLimits, measure: str) -> tuple[float, float]:
    """Return limits of a slope in the unit of the tables."""
    return in_unit(limits.low, measure), in_unit(limits.high, measure)


def normal_if_one_scan_each(effect: Effect, row: dict[str, Any]) -> Effect:
    """Return an effect with the normal quantile if each patient of its model has one scan.

    The HC3 standard errors of single scans are slightly conservative. With several scans per patient, the t quantile of
    the model accounts for the number of patients. It is also used if an export withholds these numbers.
    """
    known = pd.notna(row["n"]) and pd.notna(row["n_patients"])
    return Effect(effect.value, effect.error) if known and row["n"] == row["n_patients"] else effect

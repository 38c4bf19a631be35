"""Rows of the table `centile_models`: the candidates of a fit, and the curves that a row describes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ctpop.stages.aging.stored_numbers import listed, numbers
from ctpop.stats.centile_choice import CANDIDATES, Candidate, CandidateFit
from ctpop.stats.centile_curves import Curves
from ctpop.stats.centile_levels import LevelEffects, levels_of_json
from ctpop.stats.centile_likelihood import Form

UNITS = {"volume_ml": "mL", "hu_mean": "HU"}
LISTS = ("location_knots", "location", "spread_knots", "log_spread", "skew_ages", "skew")
EFFECTS = ("location_effects", "spread_effects")


@dataclass(frozen=True)
class StoredModel:
    """A chosen model of the table `centile_models`: its code, its curves, its covariates, and its age range (years)."""

    name: str
    curves: Curves
    levels: LevelEffects
    age_min: float
    age_max: float


def candidate_row(attempt: CandidateFit) -> dict[str, Any]:
    """Return the columns of a candidate that describe its fit."""
    row: dict[str, Any] = {"model": attempt.candidate.name, "status": attempt.status, "chosen": False}
    if attempt.fit is None:
        return row
    fit = attempt.fit
    return row | {"deviance": fit.deviance, "df": fit.df, "aic": fit.aic, "bic": fit.bic}


def chosen_row(curves: Curves, levels: LevelEffects) -> dict[str, Any]:
    """Return the columns of a chosen candidate from which its curves can be computed."""
    form = curves.form
    lists = (form.location, curves.location, form.spread, curves.log_spread, form.skew, curves.skew)
    row: dict[str, Any] = {name: listed(values) or None for name, values in zip(LISTS, lists, strict=True)}
    effects = (curves.location_effects, curves.spread_effects)
    if levels.n_effects:
        row |= {name: listed(values) for name, values in zip(EFFECTS, effects, strict=True)}
        row["levels"] = levels.to_json()
    return {"chosen": True, "log_tail": curves.log_tail, **row}


def stored_model(row: Mapping[str, Any]) -> StoredModel:
    """Return the model of a row of the table `centile_models` that was chosen."""
    values = {name: numbers(row[name]) for name in (*LISTS, *EFFECTS)}
    candidate = candidate_of(row["measure"], row["model"])
    form = Form(values["location_knots"], values["spread_knots"], values["skew_ages"])
    curves = Curves(
        *(candidate.distribution, form, values["location"], values["log_spread"], values["skew"]),
        *(float(row["log_tail"]), values["location_effects"], values["spread_effects"]),
    )
    levels = LevelEffects({}) if pd.isna(row["levels"]) else levels_of_json(row["levels"])
    return StoredModel(row["model"], curves, levels, float(row["age_min"]), float(row["age_max"]))


def candidate_of(measure: str, name: str) -> Candidate:
    """Return the candidate of a measure with a name."""
    return next(candidate for candidate in CANDIDATES[measure] if candidate.name == name)

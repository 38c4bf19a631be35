"""Values of the methods section on associations with age: the analyses that were performed, and their settings."""

from typing import Any

import pandas as pd

from ctpop.figures.formatting import covariates_in_words, listed, number, percent
from ctpop.stages.report import (
    age_sentences,
    curve_sentences,
    missing_sentences,
    repeat_sentences,
    sensitivity_sentences,
)
from ctpop.stages.report.finished_study import FinishedStudy
from ctpop.stats.change_point_limits import DRAWS
from ctpop.stats.differences import COMPARABLE_SPREADS


def values(study: FinishedStudy) -> dict[str, Any]:
    """Return the values of the template; an analysis without results has an empty value."""
    aging = study.config["aging"]
    adjusted = study.tables["adjusted"].dropna(subset="rho")
    joint = age_sentences.joint_covariates(adjusted)
    return {
        "repeated": study.n_patients < len(study.tables["cohort"]),
        "groups_tested": bool(study.tables["groups"]["p"].notna().any()),
        "repeats": repeat_sentences.methods(study),
        "effects": effects(study),
        "curves": curves(study),
        "quade": quade(study),
        "power": percent(age_sentences.POWER) if age_sentences.power(study) else "",
        "primary": [age_sentences.in_a_sentence(name) for name in aging["primary"]],
        "adjusted_for": covariates_in_words(joint) if joint else "",
        "n_covariates": joint.count(" + ") + 1 if joint else 0,
        "sex_age": sex_age(study),
        "categories_combined": bool(len(adjusted)) and bool(adjusted["levels_merged"].gt(0).any()),
        "change_points": change_points(study),
        "sd_ratios": " to ".join(f"{ratio:.2f}" for ratio in COMPARABLE_SPREADS),
        "missing": missing_sentences.methods_sentences(study),
        "other_analyses": sensitivity_sentences.methods(study),
        "body_size": bool(curve_sentences.body_size(study)),
        "centile_models": {
            "chosen": bool(curve_sentences.centiles(study)),
            "covariates": covariates_in_words(" + ".join(aging["centiles_covariates"])),
        },
        "has_centiles": "centiles" in study.tables and not study.tables["centiles"].empty,
    }


def effects(study: FinishedStudy) -> dict[str, Any]:
    """Return age ranges, knots, sexes, and covariates of the differences per decade of age; empty without a result."""
    table = study.tables.get("age_effects")
    known = pd.DataFrame() if table is None else table.dropna(subset="effect")
    if known.empty:
        return {}
    covariates, used = age_sentences.joint_covariates(known), set(known.loc[known["form"].eq("spline"), "window"])
    windows = [(low, high) for low, high in study.config["aging"]["windows"] if f"{low:g}-{high:g}" in used]
    return {
        "windows": " and from ".join(f"{low:g} to {high:g} years" for low, high in windows),
        "knots": knots(study),
        "both_sexes": bool(known["sex"].eq("standardized").any()),
        "covariates": covariates_in_words(covariates) if covariates else "",
    }


def knots(study: FinishedStudy) -> str:
    """Return the knots of the natural cubic splines in words; empty if all age curves are straight lines."""
    lists = study.tables["age_models"]["knots"].dropna().unique()
    splines = [text.split(";") for text in lists if text.count(";") > 1]
    return listed([f"{knot:g}" for knot in sorted({float(knot) for found in splines for knot in found})])


def change_points(study: FinishedStudy) -> dict[str, Any]:
    """Return the covariates and the number of bootstrap samples of the change points; empty without a result."""
    if not curve_sentences.change_points(study):
        return {}
    joint = age_sentences.joint_covariates(study.tables["change_points"].dropna(subset="outcome"))
    return {"covariates": covariates_in_words(joint) if joint else "", "draws": DRAWS}


def hypotheses(tested: pd.DataFrame) -> list[str]:
    """Return the hypotheses of the tests of age curves with a result, in words."""
    terms = set(tested["term"])
    by_sex = " (in each sex)" if {"nonlinear_female", "nonlinear_male"} <= terms else ""
    words = {
        "age": "whether values depended on age",
        "nonlinear": f"whether the relation with age departed from a straight line{by_sex}",
        "interaction": "whether the relation with age differed between the sexes",
    }
    return [text for term, text in words.items() if term in terms]


def curves(study: FinishedStudy) -> dict[str, Any]:
    """Return the tested hypotheses about age curves, and the covariates of the curves other than sex."""
    tested = study.tables["age_curves"].dropna(subset="p")
    joint = age_sentences.joint_covariates(tested)
    names = [name for name in joint.split(" + ") if name not in ("", "sex")]
    return {"tested": hypotheses(tested), "covariates": covariates_in_words(" + ".join(names)) if names else ""}


def quade(study: FinishedStudy) -> str:
    """Return the covariates of the Quade test in words; an empty text without a result."""
    joint = age_sentences.joint_covariates(study.tables["rank_ancova"].dropna(subset="p"))
    return covariates_in_words(joint) if joint else ""


def sex_age(study: FinishedStudy) -> str:
    """Return the age at which men and women are compared; an empty text without a result."""
    if not curve_sentences.sex_differences(study):
        return ""
    return number(study.tables["sex_differences"]["age_years"].iloc[0])

"""Values of the methods section on associations with age: the analyses that were performed, and their settings."""

from typing import Any

from ctpop.figures.formatting import covariates_in_words, listed, number, percent
from ctpop.stages.report import age_sentences, curve_sentences, missing_sentences, phrases, sensitivity_sentences
from ctpop.stages.report.finished_study import FinishedStudy


def values(study: FinishedStudy) -> dict[str, Any]:
    """Return the values of the template; an analysis without results has an empty value."""
    aging = study.config["aging"]
    joint = age_sentences.joint_covariates(study.tables["adjusted"])
    return {
        "repeated": study.n_patients < len(study.tables["cohort"]),
        "effects": effects(study),
        "curves": curves(study),
        "quade": quade(study),
        "power": percent(age_sentences.POWER) if age_sentences.power(study) else "",
        "primary": [age_sentences.in_a_sentence(name) for name in aging["primary"]],
        "adjusted_for": covariates_in_words(joint) if joint else "",
        "n_covariates": joint.count(" + ") + 1 if joint else 0,
        "sex_age": sex_age(study),
        "change_points": bool(curve_sentences.change_points(study)),
        "missing": missing_sentences.methods_sentences(study),
        "other_analyses": sensitivity_sentences.methods(study),
        "body_size": bool(curve_sentences.body_size(study)),
        "centile_models": {
            "chosen": bool(curve_sentences.centiles(study)),
            "covariates": covariates_in_words(" + ".join(aging["centiles_covariates"])),
        },
        "has_centiles": "centiles" in study.tables and not study.tables["centiles"].empty,
    }


def effects(study: FinishedStudy) -> dict[str, str]:
    """Return age ranges, knots, and covariates of the differences per decade of age; empty without a result."""
    table, aging = study.tables.get("age_effects"), study.config["aging"]
    if table is None or table["effect"].isna().all():
        return {}
    covariates = age_sentences.joint_covariates(table)
    return {
        "windows": phrases.series([f"{low:g} to {high:g} years" for low, high in aging["windows"]]),
        "knots": listed([f"{knot:g}" for knot in aging["knots"]]),
        "covariates": covariates_in_words(covariates) if covariates else "",
    }


def curves(study: FinishedStudy) -> dict[str, Any]:
    """Return whether age curves were tested, and their covariates other than sex."""
    tested = study.tables["age_curves"].dropna(subset="p")
    joint = age_sentences.joint_covariates(tested)
    names = [name for name in joint.split(" + ") if name not in ("", "sex")]
    return {"tested": not tested.empty, "covariates": covariates_in_words(" + ".join(names)) if names else ""}


def quade(study: FinishedStudy) -> str:
    """Return the covariates of the Quade test in words; an empty text without a result."""
    joint = age_sentences.joint_covariates(study.tables["rank_ancova"].dropna(subset="p"))
    return covariates_in_words(joint) if joint else ""


def sex_age(study: FinishedStudy) -> str:
    """Return the age at which men and women are compared; an empty text without a result."""
    if not curve_sentences.sex_differences(study):
        return ""
    return number(study.tables["sex_differences"]["age_years"].iloc[0])

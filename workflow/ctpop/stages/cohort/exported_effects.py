"""De-identified tables of the effects of age and of their models, for a meta-analysis with other studies.

Counts from which the number of a few patients could be computed are withheld, and so are numbers that depend on these
counts (P values, limits, and exact degrees of freedom). Degrees of freedom are rounded down instead, so that intervals
that are computed from the models are slightly too wide and never too narrow.
"""

import numpy as np
import pandas as pd

from ctpop.contracts.effects import AGE_EFFECTS, AGE_MODELS
from ctpop.stages.cohort.suppression import BELOW, TOP_AGE

CURVE = ["structure", "measure", "form"]
MODEL = [*CURVE, "adjusted_for"]
BY_SEX = ("female", "male")
# with an estimate and its standard error, each of these numbers discloses the degrees of freedom
OF_DEGREES = ["ci_low", "ci_high", "df", "log10_p", "p", "p_bonferroni"]
ONE_SCAN = ["effect_one_scan", "ci_low_one_scan", "ci_high_one_scan"]  # with `effect`, they describe few further scans
DEGREES_STEP = 10


def shown_models(models: pd.DataFrame, associations: pd.DataFrame) -> pd.DataFrame:
    """Return the table `age_models` without small counts, and without results from few patients of a sex.

    Counts by sex are withheld, because Table 1 contains the numbers of women and men. The ages are rounded, because the
    limits of the age range can be those of individual patients.

    Parameters
    ----------
    models : pandas.DataFrame
        Table `age_models`.
    associations : pandas.DataFrame
        Exported correlations (`shown_associations`), with n as text.

    Returns
    -------
    pandas.DataFrame
        The table with missing counts (`Int64`) where they are withheld.

    """
    few, shown = few_of_a_sex(models), printable(models, associations)
    table = without_results(models.astype(dict.fromkeys(counts_of(models), "Int64")), few)
    for name in counts_of(table):
        table[name] = table[name].where(shown & ~name.endswith(BY_SEX))
    table["df"] = table["df"].where(shown, (table["df"] // DEGREES_STEP * DEGREES_STEP).clip(lower=1))
    table["log10_p_nonlinear"] = table["log10_p_nonlinear"].where(shown)
    table["age_low"] = np.ceil(table["age_low"])
    table["age_high"] = np.floor(table["age_high"].clip(upper=TOP_AGE))
    return table.assign(**{name: table[name].round(1) for name in ("age_mean", "age_sd")})


def shown_effects(effects: pd.DataFrame, models: pd.DataFrame, associations: pd.DataFrame) -> pd.DataFrame:
    """Return the table `age_effects` without small counts, and without results from few patients of a sex.

    Counts in age ranges and by sex are withheld, and so are the adjusted values q, which depend on other rows, and the
    effects with one scan per patient.

    Parameters
    ----------
    effects : pandas.DataFrame
        Table `age_effects`.
    models : pandas.DataFrame
        Table `age_models` of the same study.
    associations : pandas.DataFrame
        Exported correlations (`shown_associations`), with n as text.

    Returns
    -------
    pandas.DataFrame
        The table with missing counts (`Int64`) where they are withheld.

    """
    of_model = models[MODEL].assign(few=few_of_a_sex(models), shown=printable(models, associations))
    found = effects[MODEL].merge(of_model, on=MODEL, how="left", validate="many_to_one").set_axis(effects.index)
    few, shown = found["few"].eq(True), found["shown"].eq(True)
    table = without_results(effects.astype(dict.fromkeys(counts_of(effects), "Int64")), few)
    for name in counts_of(table):
        table[name] = table[name].where(shown & ~table["sex"].isin(BY_SEX) & ("window" not in name))
    table[OF_DEGREES] = table[OF_DEGREES].where(shown)
    return table.assign(**dict.fromkeys(["q_bh", *ONE_SCAN], np.nan))


def few_of_a_sex(models: pd.DataFrame) -> "pd.Series[bool]":
    """Return whether a model contains from 1 to 4 patients, or from 1 to 4 patients of a sex."""
    names = ["n_patients", *(f"n_patients_{sex}" for sex in BY_SEX)]
    return (models[names].gt(0) & models[names].lt(BELOW)).any(axis=1)


def printable(models: pd.DataFrame, associations: pd.DataFrame) -> "pd.Series[bool]":
    """Return whether the number of scans of each model discloses no small count.

    The number is compared with the exported number of usable values, and with the number in the model of the same
    structure without covariates. If patients have several scans, all counts are withheld, because the exported tables
    contain no patient counts of structures.
    """
    usable = associations.set_index(["structure", "measure"])["n"].astype("string").str.fullmatch("[0-9]+")
    key = pd.MultiIndex.from_frame(models[["structure", "measure"]])
    printed = pd.Series(usable.reindex(key).fillna(value=False).to_numpy(dtype=bool), index=models.index)
    crude = models[models["adjusted_for"].eq("none")].set_index(CURVE)["n_left_out"]
    fewest = pd.Series(crude.reindex(pd.MultiIndex.from_frame(models[CURVE])).to_numpy(), index=models.index)
    single = models["n"].eq(models["n_patients"]) & models["n_left_out"].eq(models["n_patients_left_out"])
    numbers = (models["n"], models["n_left_out"], (models["n_left_out"] - fewest).abs())
    safe = [number.eq(0) | number.ge(BELOW) for number in numbers]
    return printed & single & safe[0] & safe[1] & safe[2] & ~few_of_a_sex(models)


def without_results(table: pd.DataFrame, few: "pd.Series[bool]") -> pd.DataFrame:
    """Return a table without the results of some rows, with the reason `too_few`."""
    columns = (AGE_MODELS if "knots" in table else AGE_EFFECTS).columns
    results = [name for name, column in columns.items() if column.nullable and name not in counts_of(table)]
    return table.assign(
        **{name: table[name].mask(few) for name in results}, reason=table["reason"].mask(few, "too_few")
    )


def counts_of(table: pd.DataFrame) -> list[str]:
    """Return the columns with numbers of scans and patients."""
    return [name for name in table.columns if name == "n" or name.startswith("n_")]

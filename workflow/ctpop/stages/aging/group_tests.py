"""Tests of age quartiles and of pairs of age quartiles, with their effect sizes."""

import math
from collections.abc import Iterable
from dataclasses import asdict
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from ctpop.stages.aging.age_series import SIZES, Series, sizes
from ctpop.stages.aging.aging_settings import AgingSettings
from ctpop.stages.aging.associations import FEW_PATIENTS
from ctpop.stages.aging.p_values import with_significance
from ctpop.stats.correlation import rho_of_ranks
from ctpop.stats.epsilon_interval import epsilon_squared_error, epsilon_squared_interval
from ctpop.stats.groups import (
    GROUPS,
    KruskalWallis,
    discordant,
    epsilon_squared_of_trend,
    kruskal_wallis_of_ranks,
    quartile_of,
)
from ctpop.stats.patient_sums import has_repeats
from ctpop.stats.ranks import ranks_of_levels
from ctpop.stats.ranksum import RankSum, rank_sum_of_ranks
from ctpop.stats.score_test import score_test

PAIRS = tuple(combinations(GROUPS, 2))
BY_PATIENT = "score_by_patient"
H = ("h", "df", "log10_p", "epsilon_squared")
NOT_TESTED = dict.fromkeys(("q", *H, "epsilon_squared_ci_low", "epsilon_squared_ci_high"), math.nan)


def group_table(series: Iterable[Series], cuts: np.ndarray, settings: AgingSettings) -> pd.DataFrame:
    """Return the table `groups`: tests of equal distributions across the age quartiles of the cohort."""
    rows = []
    for each in series:
        quartiles = quartile_of(each.ages, cuts, settings.quartiles)
        enough = len(each.rows) >= settings.n_min
        tested = tested_groups(each, quartiles, settings) if enough else NOT_TESTED
        rho = rho_of_ranks(each.ranks, each.age_ranks) if enough else math.nan
        ages = {f"cut_{number}": float(cut) for number, cut in enumerate(cuts, start=1)}
        rows.append(
            {
                **each.name,
                "test": BY_PATIENT if each.repeats else "kruskal_wallis",
                **tested,
                "epsilon_squared_of_rho": epsilon_squared_of_trend(rho),
                "discordant": discordant(KruskalWallis(**{name: tested[name] for name in H}), rho, settings.alpha),
                **sizes_and_ages(each, quartiles),
                **ages,
                "family": each.family,
                "primary": each.structure in settings.primary,
            }
        )
    return with_group_notes(with_significance(pd.DataFrame(rows), "p", settings.alpha), "h", "n_patients")


def tested_groups(each: Series, quartiles: np.ndarray, settings: AgingSettings) -> dict[str, Any]:
    """Return the test of the quartiles, by patient if patients have several scans, and epsilon squared."""
    found = NOT_TESTED | asdict(kruskal_wallis_of_ranks(each.ranks, quartiles))
    statistic = found["h"]
    if each.repeats:
        by_patient = score_test(each.ranks, quartiles, each.patients)
        statistic = by_patient.q
        found |= {"q": by_patient.q, "log10_p": by_patient.log10_p}
    error = epsilon_squared_error(each.ranks, quartiles, each.patients if each.repeats else None)
    low, high = epsilon_squared_interval(found["epsilon_squared"], error, statistic, found["df"], settings.confidence)
    return {**found, "epsilon_squared_ci_low": low, "epsilon_squared_ci_high": high}


def sizes_of(each: Series, quartiles: np.ndarray) -> dict[int, dict[str, int]]:
    """Return the numbers of values (`n`) and of patients (`n_patients`) in each quartile."""
    return {group: sizes(each.patients[quartiles == group]) for group in GROUPS}


def sizes_and_ages(each: Series, quartiles: np.ndarray) -> dict[str, float]:
    """Return the size of each quartile with its lowest and highest age, which are missing in empty quartiles."""
    inside = {group: each.ages[quartiles == group] for group in GROUPS}
    return {
        **{f"{name}_{group}": n for group, found in sizes_of(each, quartiles).items() for name, n in found.items()},
        **{f"youngest_{group}": found.min() if len(found) else math.nan for group, found in inside.items()},
        **{f"oldest_{group}": found.max() if len(found) else math.nan for group, found in inside.items()},
    }


def posthoc_table(series: Iterable[Series], cuts: np.ndarray, settings: AgingSettings) -> pd.DataFrame:
    """Return the table `posthoc`: tests of all six pairs of age quartiles, with effect sizes and adjusted P values.

    A pair is tested if its two quartiles contain at least `n_min` values in total. The tests do not depend on the
    result of the test of all quartiles.
    """
    rows = []
    for each in series:
        quartiles = quartile_of(each.ages, cuts, settings.quartiles)
        levels = {group: each.ranks.level[quartiles == group] for group in GROUPS}
        patients = {group: each.patients[quartiles == group] for group in GROUPS}
        n_of = {group: sizes(patients[group]) for group in GROUPS}
        for younger, older in PAIRS:
            both = patients[younger], patients[older]
            repeats = each.repeats and has_repeats(np.concatenate(both))
            n = {f"{name}_{end}": n_of[group][name] for end, group in (("a", younger), ("b", older)) for name in SIZES}
            enough = n["n_a"] + n["n_b"] >= settings.n_min
            ranks = ranks_of_levels(np.concatenate([levels[younger], levels[older]]), each.ranks.distinct)
            options = (settings.continuity, settings.confidence, both if repeats else None)
            result = rank_sum_of_ranks(ranks, n["n_a"], *options) if enough else RankSum()
            rows.append(
                {
                    **{"structure": each.structure, "measure": each.measure, "group_a": younger, "group_b": older},
                    **n,
                    **asdict(result),
                    "test": BY_PATIENT if repeats else "rank_sum",
                    "n_patients": len(np.unique(np.concatenate(both))),
                    "family": each.family,
                    "primary": each.structure in settings.primary,
                }
            )
    table = with_significance(pd.DataFrame(rows), "p", settings.alpha)
    return with_group_notes(table, "u", "n_patients").drop(columns="n_patients")


def with_group_notes(table: pd.DataFrame, statistic: str, n_patients: str) -> pd.DataFrame:
    """Return the table with the column `note` on tests by patient that are approximate or not defined."""
    by_patient = table["test"].eq(BY_PATIENT) & table[statistic].notna()
    notes = pd.Series(None, index=table.index, dtype="str")
    notes = notes.mask(by_patient & table[n_patients].lt(FEW_PATIENTS), "few_patients")
    return table.assign(note=notes.mask(by_patient & table["log10_p"].isna(), "too_few_patients"))

"""Correlations with age, and the restrictions of results of small or repeatedly scanned series."""

import difflib
from collections.abc import Collection, Sequence
from dataclasses import asdict

import pandas as pd

from ctpop.foundation.corrections import in_yaml
from ctpop.foundation.errors import ContractError
from ctpop.stages.aging import intervals
from ctpop.stages.aging.age_series import Series
from ctpop.stages.aging.aging_settings import AgingSettings
from ctpop.stages.aging.p_values import with_decision
from ctpop.stats.correlation import Correlation, spearman_of_ranks

FEW_PATIENTS = 50  # ASSUME: with fewer patients with several scans, type I errors exceed the nominal level
SMALL_N = 30  # ASSUME: with fewer values, intervals can be too narrow (coverage .92 to .93 with 10 values)


def association_table(
    series: Sequence[Series], settings: AgingSettings, patients: int = 0, threads: int = 1
) -> pd.DataFrame:
    """Return the table `associations`: Spearman correlations with age, with adjusted P values.

    `patients` is the number of patients of known age, from whom the bootstrap draws, and `threads` is the number of its
    threads.
    """
    rows = [
        {
            **each.name,
            **asdict(correlation(each, settings)),
            "test": deciding_test(each),
            "family": each.family,
            "primary": each.structure in settings.primary,
        }
        for each in series
    ]
    table = pd.DataFrame(rows).assign(interval=settings.interval)
    if settings.interval == "bonett_wright":
        table = intervals.bonett_wright(table, settings.confidence)
    elif settings.interval == "bootstrap":
        draws = intervals.Draws(settings.bootstrap_iterations, settings.bootstrap_seed, threads)
        table = intervals.bootstrap(table, series, patients, draws, settings.confidence)
    return with_notes(with_decision(table, settings.alpha, "primary"))


def correlation(each: Series, settings: AgingSettings) -> Correlation:
    """Return the correlation with age; the result is missing if the series has too few values."""
    enough = len(each.rows) >= settings.n_min
    if not enough:
        return Correlation()
    patients = each.patients if each.repeats else None
    return spearman_of_ranks(each.ranks, each.age_ranks, settings.confidence, patients)


def deciding_test(each: Series) -> str:
    """Return the test whose P value decides: independence, or a rho of 0 if patients have several scans."""
    # ASSUME: the t test of the original study applies to one scan per patient
    return "rho0" if each.repeats else "independence"


def with_notes(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table of correlations with the column `note`."""
    known, repeats = table["rho"].notna(), table["test"].eq("rho0")
    notes = pd.Series(None, index=table.index, dtype="str")
    notes = notes.mask(known & table["n"].lt(SMALL_N), "small_n")
    return table.assign(note=notes.mask(known & repeats & table["n_patients"].lt(FEW_PATIENTS), "few_patients"))


def refuse_unknown_primary(primary: list[str], known: Collection[str]) -> None:
    """Reject primary outcomes that are neither structures of the label set nor groups of structures.

    Raises
    ------
    ContractError
        If a name of the setting `aging.primary` is unknown.

    """
    for name in primary:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            corrected = [*(other for other in primary if other in known), *close]
            raise ContractError(
                f"aging.primary: {name!r} is neither a structure of the label set nor a group of structures"
                f"{f'; did you mean {close[0]!r}?' if close else '.'} Set {in_yaml({'primary': corrected})}"
            )

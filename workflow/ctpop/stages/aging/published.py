"""Comparison with the published aging study: every reported number, with the outcome of the comparison.

The command reads `workflow/ctpop/resources/published_results.csv` and the tables `flow`, `cohort`, and `associations`
of a study, and writes `compare_published`. Wasserthal et al., Radiol Artif Intell 2023;5(5):e230024, report 13
correlations without confidence intervals or patient counts. The standard errors of these correlations are therefore
those of Bonett and Wright for all 4004 patients. A correlation depends on the ages of the patients. It is therefore
compared with the correlation that is expected in the ages of this study.
"""

import argparse
import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ctpop.contracts import all_tables
from ctpop.stats.differences import (
    COMPARABLE_SPREADS,
    Estimate,
    at_level,
    difference_of,
    difference_of_shares,
    from_interval,
    from_size,
    in_age_range,
)
from ctpop.stats.equivalence import EffectLimits, inner_level, outcome_of
from ctpop.stats.groups import GROUPS
from ctpop.study import configuration, label_sets
from ctpop.study.configuration import GROUPS_FILE, groups_of
from ctpop.study.label_set_check import SIDES
from ctpop.study.label_sets import LabelSet
from ctpop.study.patients import distinct, patient_numbers

LOG = logging.getLogger(__name__)
RESULTS_FILE = GROUPS_FILE.with_name("published_results.csv")
# ASSUME: each published correlation includes all analyzed patients; the article reports no number per structure
N_PUBLISHED = 4004
# ASSUME: ages of the published study are uniform from 18 to 100 years, as stated; SD in whole years
SD_PUBLISHED = math.sqrt(((100 - 18 + 1) ** 2 - 1) / 12)
ROUNDING = 0.005  # of the published correlations

Row = dict[str, Any]


@dataclass(frozen=True)
class Ours:
    """Tables, label set, and settings of this study for the comparison."""

    flow: pd.DataFrame
    cohort: pd.DataFrame
    associations: pd.DataFrame
    label_set: LabelSet
    alpha: float
    confidence: float
    margin: float

    @property
    def age_ratio(self) -> float:
        """SD of age in this study divided by that of the published study; missing if all ages are equal."""
        ratio = float(self.cohort["age_years"].astype(float).std()) / SD_PUBLISHED
        return ratio if ratio > 0 else math.nan


@dataclass(frozen=True)
class Count:
    """A number of this study.

    `whole` is the number of scans in its denominator or 0, and `patients` that of patients. If `by_patient`, the number
    is a number of patients.
    """

    number: float
    whole: int = 0
    patients: int = 0
    by_patient: bool = False

    @property
    def share(self) -> tuple[int, int]:
        """Part and whole in patients; the part is rounded if the number is a number of scans of fewer patients."""
        whole = self.patients if self.by_patient else self.whole
        return round(self.number * self.patients / whole), self.patients


def compare(published: pd.DataFrame, ours: Ours) -> pd.DataFrame:
    """Return the table `compare_published`, with one row for each published number."""
    meant = counterparts(published, ours.label_set)
    results = {(row["structure"], row["measure"]): row for row in _rows(ours.associations)}
    known = counts(ours)
    rows = []
    for printed in _rows(published):
        same: Row = {name: printed[name] for name in ("id", "statistic", "note")} | {"distinct": counted(printed)}
        if printed["quantity"] == "rho":
            name = meant.get(printed["id"])
            same |= {
                "structure": name,
                "structure_published": printed["structure_as_written"],
                "measure": printed["measure"],
            }
            same |= correlations(printed, name, results, ours)
        else:
            same |= numbers(printed, known.get(printed["quantity"]), ours.confidence)
        rows.append(same)
    whole = pd.DataFrame(rows).reindex(columns=list(all_tables.COMPARE_PUBLISHED.columns))
    return whole.astype(all_tables.COMPARE_PUBLISHED.empty().dtypes.to_dict())


def counted(printed: Row) -> bool:
    """Return whether a published number is a correlation that does not repeat another row."""
    return bool(printed["quantity"] == "rho" and pd.notna(printed["value"]) and pd.isna(printed["repeats"]))


def counterparts(published: pd.DataFrame, label_set: LabelSet) -> dict[str, str]:
    """Return the structure or group of structures that corresponds to each published correlation, by row id.

    Several published structures correspond to the group with exactly these members. Rows without a counterpart are
    absent from the result, for example, if the label set lacks a member.
    """
    by_members = {frozenset(members): group for group, members in groups_of(label_set.names).items()}
    by_members |= {frozenset([name]): name for name in label_set.names}
    reported = published.loc[published["members"].notna() & published["quantity"].eq("rho"), ["id", "members"]]
    meant = {row: frozenset(members.split(";")) for row, members in reported.itertuples(index=False)}
    names = set(label_set.names)
    return {row: by_members[members] for row, members in meant.items() if members <= names and members in by_members}


def correlations(printed: Row, name: str | None, results: dict[tuple[str, str], Row], ours: Ours) -> Row:
    """Return a published correlation and that of this study, with their difference and the outcome."""
    measure, value = str(printed["measure"]), printed["value"]
    here = results.get((name or "", measure), {})
    rho, low, high = (here.get(key, math.nan) for key in ("rho", "ci_low", "ci_high"))
    sides = {side: _rho_of_side(printed["members"], side, measure, results) for side in SIDES}
    row = {
        **{"rho_here": rho, "ci_low_here": low, "ci_high_here": high, "margin": ours.margin},
        **{name: here.get(name) for name in ("n", "n_patients")},
        **{f"rho_{side}": found for side, found in sides.items()},
    }
    if pd.isna(value):
        return row | {"outcome": "not_reported"}
    paper = from_size(value, N_PUBLISHED, ours.confidence)
    row |= {"rho_published": value, "ci_low_published": paper.low, "ci_high_published": paper.high}
    expected = paper
    if not math.isnan(ours.age_ratio):
        expected = in_age_range(paper, ours.age_ratio, ours.confidence)
        row |= {
            **{"age_sd_ratio": ours.age_ratio, "rho_expected": expected.rho},
            **{"ci_low_expected": expected.low, "ci_high_expected": expected.high},
            "approximate": abs(expected.rho - value) >= ROUNDING,
        }
    if pd.isna(rho):
        return row | {"outcome": "not_measured_here"}
    if not COMPARABLE_SPREADS[0] <= ours.age_ratio <= COMPARABLE_SPREADS[1]:  # also if the ages are unknown
        return row | {"outcome": "not_comparable"}
    return row | compared(expected, from_interval(rho, low, high, ours.confidence), ours)


def compared(expected: Estimate, here: Estimate, ours: Ours) -> Row:
    """Return the difference between two correlations with both intervals, and the outcome."""
    if math.isnan(here.error_of_z):
        return {"difference": here.rho - expected.rho, "outcome": "not_comparable"}
    outer = difference_of(expected, here)
    level = inner_level(ours.confidence)
    inner = difference_of(at_level(expected, level), at_level(here, level))
    return {
        **{"difference": outer.difference, "difference_low": outer.low, "difference_high": outer.high},
        **{"inner_low": inner.low, "inner_high": inner.high},
        "outcome": outcome_of(EffectLimits(outer.low, outer.high), EffectLimits(inner.low, inner.high), ours.margin),
    }


def numbers(printed: Row, here: Count | None, confidence: float) -> Row:
    """Return any other published number and that of this study; proportions have an interval of the difference."""
    value, whole = printed["value"], printed["out_of"]
    row = {"number_published": value, "number_here": here.number if here else math.nan}
    if pd.isna(value):
        return row | {"outcome": "not_reported"}
    if here is None or math.isnan(here.number):
        return row | {"outcome": "not_measured_here"}
    # ASSUME: numbers of the registry, the patients, and the configuration are listed without an assessment
    if pd.isna(whole):
        return row | {"difference": here.number - value, "outcome": "not_counted"}
    if not here.whole:
        return row | {"outcome": "not_measured_here"}
    gap, low, high = difference_of_shares((int(value), int(whole)), here.share, confidence)
    sizes = {"n": here.whole, "n_patients": here.patients}
    limits = {"difference": gap, "difference_low": low, "difference_high": high}
    return row | sizes | limits | {"outcome": "not_counted"}


def counts(ours: Ours) -> dict[str, Count]:
    """Return the numbers of this study other than correlations, by quantity; missing quantities are absent."""
    flow, ages = ours.flow, ours.cohort["age_years"].dropna()
    patients = patient_numbers(ours.cohort)
    known = ours.cohort["sex"].notna().to_numpy(dtype=bool)
    n_sexes, of_sexes = int(known.sum()), distinct(patients[known])
    sex_of_patient = ours.cohort["sex"][known].groupby(patients[known]).first()
    n_men, n_women = (int(sex_of_patient.eq(sex).sum()) for sex in ("male", "female"))
    n_registry = int(flow["n_before"].iloc[0]) if len(flow) else len(ours.cohort)
    of_registry = int(flow["n_patients_before"].iloc[0]) if len(flow) else distinct(patients)
    steps = zip(flow["criterion"], flow["n_removed"], strict=True)
    return {
        "registry": Count(n_registry),
        "cohort": Count(len(ours.cohort), n_registry, of_registry),
        **{f"removed_{criterion}": Count(int(removed), n_registry, of_registry) for criterion, removed in steps},
        "men": Count(n_men, n_sexes, of_sexes, by_patient=True),
        "women": Count(n_women, n_sexes, of_sexes, by_patient=True),
        "age_min": Count(float(ages.min())),
        "age_max": Count(float(ages.max())),
        "structures": Count(len(ours.label_set.names)),
        "alpha": Count(ours.alpha),
        "age_groups": Count(len(GROUPS)),
    }


def _rho_of_side(members: Any, side: str, measure: str, results: dict[tuple[str, str], Row]) -> float:
    """Return rho of the member on one side; missing unless exactly one member is on that side."""
    mine = [name for name in str(members).split(";") if side in name.split("_")]
    found: float = results.get((mine[0], measure), {}).get("rho", math.nan) if len(mine) == 1 else math.nan
    return found


def _rows(table: pd.DataFrame) -> list[Row]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


@dataclass(frozen=True)
class PublishedOptions:
    """Options of the command `published`; `ctpop published --help` explains them."""

    flow: Path
    cohort: Path
    associations: Path
    structures: str
    config: Path | None
    out: Path


def run(options: PublishedOptions) -> None:
    """Compare the published numbers with those of this study and write the table."""
    settings = configuration.section("aging", options.config)
    ours = Ours(
        flow=all_tables.FLOW.read(options.flow),
        cohort=all_tables.COHORT.read(options.cohort),
        associations=all_tables.ASSOCIATIONS.read(options.associations),
        label_set=label_sets.read(options.structures),
        alpha=settings["alpha"],
        confidence=settings["confidence"],
        margin=settings["equivalence_margin_rho"],
    )
    published = all_tables.PUBLISHED.read_csv(RESULTS_FILE)
    LOG.info("%d published numbers, %d correlations of this study", len(published), len(ours.associations))
    written = all_tables.COMPARE_PUBLISHED.write(compare(published, ours), options.out)
    outcomes = written.loc[written["distinct"], "outcome"].value_counts()
    reported = ", ".join(
        f"{number} {outcome}" for outcome in all_tables.AGREEMENTS if (number := outcomes.get(outcome))
    )
    LOG.info("%d distinct correlations = %s (margin %g)", written["distinct"].sum(), reported, ours.margin)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this stage."""
    parser.add_argument("--flow", type=Path, required=True, help="flow of scans through the study (Parquet)")
    parser.add_argument("--cohort", type=Path, required=True, help="included scans (Parquet)")
    parser.add_argument("--associations", type=Path, required=True, help="correlations with age (Parquet)")
    parser.add_argument("--structures", required=True, help="name of a built-in label set, or CSV file")
    configuration.add_config_argument(parser, "aging")
    parser.add_argument("--out", type=Path, required=True, help="comparison to write (Parquet, and a CSV copy)")

"""The command `screen`, which determines the usable values from tables without reading images.

Input: measures, the bounds of the label set, a rule set, known absences in the registry, and the QC decisions of
reviewers. Output: a result with a reason for each row of measures, the values that enter the statistics, tables of
exclusions and their reasons, and the values under other rule sets for comparison.
"""

import argparse
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctpop.contracts.all_tables import (
    ANALYSIS,
    COHORT,
    EXCLUSIONS,
    EXTREMES,
    FAILURES,
    GROUP_MEMBERS,
    GROUP_VALUES,
    IMPLAUSIBLE,
    IMPLAUSIBLE_VALUES,
    MEASURES,
    MEASURES_TABLE,
    PLAUSIBILITY,
    REASONS,
    REVIEW,
    STRUCTURE_FLOW,
    VERDICTS,
)
from ctpop.stages.screen import analysis_sets, eroded, plausibility, usable_values
from ctpop.stages.screen.attributes import ScreeningAttributes, facts_of
from ctpop.stages.screen.exclusions import failure_table, structure_flow
from ctpop.stages.screen.extremes import extreme_table
from ctpop.stages.screen.groups import NO_GROUPS, Groups, group_values, with_groups
from ctpop.stages.screen.reviewer_decisions import decision_rows, reviewed
from ctpop.stages.screen.rows import MeasureRows, numbered
from ctpop.stages.screen.verdicts import Assessment, apply_rules
from ctpop.study import configuration, label_sets, rule_sets
from ctpop.study.decisions import read_review
from ctpop.study.implausible_scans import implausible_scans
from ctpop.study.label_sets import LabelSet
from ctpop.study.rule_sets import RuleSet

LOG = logging.getLogger(__name__)

READ = (
    *("status", "detail", "n_voxels", *MEASURES, "faces", "border_voxels", "padding_share"),
    *("largest_share", "side_mm", "asymmetry"),
    *eroded.COLUMNS,
)
COMPARED = ("none", "paper", "strict")


@dataclass(frozen=True)
class Screening:
    """The rows of measures with their reasons, according to the rules and after the decisions of reviewers."""

    rows: MeasureRows
    rules: RuleSet
    by_rules: Assessment
    review: pd.DataFrame
    decided: NDArray[np.int64]
    final: Assessment


def screened(
    rows: MeasureRows, rules: RuleSet, facts: ScreeningAttributes, review: pd.DataFrame | None = None
) -> Screening:
    """Apply the rules and the decisions of reviewers to each row of measures."""
    by_rules = apply_rules(rows, rules, facts)
    decisions = REVIEW.empty() if review is None else review
    decided = decision_rows(rows, decisions)
    return Screening(rows, rules, by_rules, decisions, decided, reviewed(by_rules, decisions, decided))


def verdicts_of(found: Screening) -> pd.DataFrame:
    """Return the table `verdicts`, with one row per row of measures."""
    return usable_values.verdict_table(found.rows, found.by_rules, found.final, found.review, found.decided)


def groups_of(rows: MeasureRows, assessment: Assessment, groups: Groups) -> pd.DataFrame:
    """Return the values of all groups of structures and the numbers of usable members."""
    return group_values(rows, {measure: assessment.usable(rows, measure) for measure in MEASURES}, groups)


def analysis_of(rows: MeasureRows, assessment: Assessment, groups: Groups = NO_GROUPS) -> pd.DataFrame:
    """Return the values that enter the statistics, one per row, sorted by key."""
    single = usable_values.usable_values(rows, {measure: assessment.usable(rows, measure) for measure in MEASURES})
    return with_groups(single, groups_of(rows, assessment, groups))


def compared_sets(
    found: Screening, facts: ScreeningAttributes, groups: Groups = NO_GROUPS
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the name and the values of each rule set for comparison, and of the rule set of the study.

    If the attenuation was also measured without the surface layer of the structures, these values follow.
    """
    for name in COMPARED:
        yield name, analysis_of(found.rows, apply_rules(found.rows, rule_sets.read(name), facts), groups)
    yield "study", analysis_of(found.rows, found.final, groups)
    if np.isfinite(found.rows.numbers("hu_mean_eroded")).any():
        yield "eroded", eroded.eroded_values(found.rows, found.final.usable(found.rows, "hu_mean"), groups)


def read_rules(chosen: dict[str, Any], names: list[str]) -> RuleSet:
    """Read the rule set in the configuration.

    Raises
    ------
    ContractError
        If the rule set does not exist or contains structures that are not in the study.

    """
    rules = rule_sets.read(chosen["rules"])
    rule_sets.refuse_unknown_structures(rules, names)
    return rules.with_truncated_hu(chosen.get("use_truncated_hu"))


def decisions_of(
    chosen: dict[str, Any], rows: MeasureRows, exclusions: Path | None, names: list[str]
) -> pd.DataFrame | None:
    """Read the QC decisions for scans of the cohort; None if the study has no review."""
    if "review" not in chosen:
        return None
    excluded = EXCLUSIONS.read(exclusions) if exclusions else EXCLUSIONS.empty()
    review = read_review(Path(chosen["review"]), rows.scan_ids, excluded["scan_id"], names)
    LOG.info("QC decisions for scans of the cohort: %d", len(review))
    return review


@dataclass(frozen=True)
class ScreenOptions:
    """Options of the command `screen`, described by `ctpop screen --help`."""

    measures: Path
    structures: str
    cohort: Path | None
    exclusions: Path | None
    config: Path | None
    verdicts: Path
    analysis: Path
    group_members: Path | None
    group_values: Path | None
    failures: Path | None
    structure_flow: Path | None
    extremes: Path | None
    plausibility: Path | None
    implausible_values: Path | None
    analysis_sets: Path | None


def run(options: ScreenOptions) -> None:
    """Screen all rows of measures, and write the results, usable values, and exclusions."""
    chosen = configuration.section("screen", options.config)
    label_set = label_sets.read(options.structures)
    cohort = COHORT.read(options.cohort) if options.cohort else None
    facts = facts_of(label_set, chosen["lower_bound_ml"], cohort)
    rules = read_rules(chosen, label_set.names)
    rows = numbered(MEASURES_TABLE.read(options.measures, *READ))
    LOG.info("%d rows, rule set %s", len(rows), rules.name)
    review = decisions_of(chosen, rows, options.exclusions, label_set.names)
    found = screened(rows, rules, facts, review)
    VERDICTS.write(verdicts_of(found), options.verdicts)
    groups = Groups(label_set.groups, chosen["group_hu_share"])
    of_group = ANALYSIS.write(analysis_of(rows, found.final, groups), options.analysis)["structure"].isin(
        groups.members
    )
    if options.group_members:
        GROUP_MEMBERS.write(label_set.group_members, options.group_members)
    if options.group_values:
        GROUP_VALUES.write(groups_of(rows, found.final, groups), options.group_values)
    if options.failures:
        FAILURES.write(failure_table(rows, found.final, cohort), options.failures)
    if options.structure_flow:
        STRUCTURE_FLOW.write(
            structure_flow(rows, found.final, rules, cohort, with_review=review is not None), options.structure_flow
        )
    if options.extremes:
        EXTREMES.write(extreme_table(rows, found.by_rules, cohort, chosen["extremes"]), options.extremes)
    write_plausibility(rows, label_set, cohort, chosen["implausible_share"], options)
    if options.analysis_sets:
        analysis_sets.write_sets(compared_sets(found, facts, groups), options.analysis_sets)
    _log_counts(found, of_group, groups)


def write_plausibility(
    rows: MeasureRows, label_set: LabelSet, cohort: pd.DataFrame | None, share: float, options: ScreenOptions
) -> None:
    """Write the tables of plausibility, and log implausible structures and scans."""
    if options.plausibility:
        table = plausibility.plausibility_table(rows, label_set, share, cohort)
        _log_implausible(PLAUSIBILITY.write(table, options.plausibility))
    if options.implausible_values:
        values = IMPLAUSIBLE_VALUES.write(plausibility.implausible_values(rows, label_set), options.implausible_values)
        _log_implausible_scans(implausible_scans(values, share))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this stage."""
    parser.add_argument("--measures", type=Path, required=True, help="Parquet with the measures of all scans")
    parser.add_argument("--structures", required=True, help="label set with bounds (name, or path of a CSV)")
    parser.add_argument("--cohort", type=Path, help="Parquet with the cohort (known absences, age, and sex)")
    parser.add_argument("--exclusions", type=Path, help="Parquet with the excluded scans, whose reviews are ignored")
    configuration.add_config_argument(parser, "screen")
    parser.add_argument(
        "--verdicts", type=Path, required=True, help="output Parquet with the reason for each row of measures"
    )
    parser.add_argument("--analysis", type=Path, required=True, help="output Parquet with the usable values")
    parser.add_argument("--group-members", type=Path, help="output Parquet with the members of each group")
    parser.add_argument("--group-values", type=Path, help="output Parquet with the values of groups of structures")
    parser.add_argument("--failures", type=Path, help="output Parquet with exclusions per structure, by reason")
    parser.add_argument(
        "--structure-flow", type=Path, help="output Parquet with the steps from all scans to used values"
    )
    parser.add_argument("--extremes", type=Path, help="output Parquet with smallest and largest values per structure")
    parser.add_argument("--plausibility", type=Path, help="output Parquet with the plausibility of each structure")
    parser.add_argument("--implausible-values", type=Path, help="output Parquet with values outside plausible limits")
    parser.add_argument("--analysis-sets", type=Path, help="output Parquet with the values under each rule set")


def _log_implausible(table: pd.DataFrame) -> None:
    implausible = table[table["finding"].isin(IMPLAUSIBLE)]
    if len(implausible):
        LOG.warning(
            "structures with values implausible for their names (table plausibility): %d, first %s. Check `structures`"
            " in the configuration and the numbers or names in the label maps or the table of measures",
            len(implausible),
            ", ".join(implausible["structure"].head(3)),
        )


def _log_implausible_scans(scans: list[str]) -> None:
    if scans:
        LOG.warning(
            "scans with implausible values for many structures (table implausible_values): %d, first %s. Check that the"
            " label map matches the CT. A row in screen.review with structure * can exclude a scan",
            len(scans),
            ", ".join(scans[:3]),
        )


def _log_counts(found: Screening, of_group: "pd.Series[bool]", groups: Groups) -> None:
    for rule, rows_without in found.by_rules.unassessed.items():
        if rows_without.any():
            LOG.info("rows not assessable by rule %s because of missing evidence: %d", rule, rows_without.sum())
    if groups.members:
        LOG.info("groups of structures: %d, values of groups: %d", len(groups.members), of_group.sum())
    numbers = np.bincount(found.final.reason, minlength=len(REASONS))
    counts = ", ".join(f"{n} {reason}" for reason, n in sorted(zip(REASONS, numbers, strict=True)) if n)
    LOG.info("%d rows: %s; values of structures for the statistics: %d", len(found.rows), counts, (~of_group).sum())

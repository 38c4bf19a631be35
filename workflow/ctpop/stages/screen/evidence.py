"""Evidence for the exclusion of values by each rule. Missing evidence does not exclude a value."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctpop.stages.screen.attributes import ScreeningAttributes
from ctpop.stages.screen.rows import NOWHERE, MeasureRows
from ctpop.study.rule_sets import ScreeningRule

Truth = NDArray[np.bool_]

NORMAL_QUARTILE = 0.6744897501960817  # SOURCE: third quartile of the standard normal distribution


class Question(NamedTuple):
    """The inputs of a rule: rows, limits, attributes, and the rows without an earlier reason (`clear`)."""

    rows: MeasureRows
    rule: ScreeningRule
    facts: ScreeningAttributes
    clear: Truth


class RuleFinding(NamedTuple):
    """The result of a rule for each row: whether the rule applies, and whether its evidence is missing."""

    holds: Truth
    unassessed: Truth


def truncated(asked: Question) -> RuleFinding:
    """Return which structures reach a face of the image or padding in the image."""
    border = asked.rows.numbers("border_voxels")
    reached = asked.rows.measures["faces"].notna().to_numpy() | (border > 0)
    return RuleFinding(reached, ~reached & np.isnan(border))


def padding(asked: Question) -> RuleFinding:
    """Return which structures have too large a proportion of their voxels in padding of the image."""
    share = asked.rows.numbers("padding_share")
    return RuleFinding(share > asked.rule.limits["share_above"], np.isnan(share))


def below_bound(asked: Question) -> RuleFinding:
    """Return which volumes are below the lower bound of their structure; False without a bound."""
    bound = np.array([asked.facts.bounds.get(name, np.nan) for name in asked.rows.names])[asked.rows.structure]
    volume = asked.rows.numbers("volume_ml")
    return RuleFinding(volume < bound, np.isfinite(bound) & np.isnan(volume))


def above_bound(asked: Question) -> RuleFinding:
    """Return which volumes are above the upper limit of their structure; False without a limit."""
    bound = np.array([asked.facts.upper_bounds.get(name, np.nan) for name in asked.rows.names])[asked.rows.structure]
    volume = asked.rows.numbers("volume_ml")
    return RuleFinding(volume > bound, np.isfinite(bound) & np.isnan(volume))


def unequal_sides(asked: Question) -> RuleFinding:
    """Return both rows of each pair in which one side is several times larger than the other.

    Only pairs without an earlier reason for either row are compared. The rule requires only volumes, so it applies to
    cohorts of any size and to tables of measures without other evidence.
    """
    rows, rule, facts, clear = asked
    other = contralateral_rows(rows, facts.contralateral)
    volume = rows.numbers("volume_ml")
    whole = clear & (other != NOWHERE) & clear[other]
    ratio = np.divide(volume, volume[other], out=np.full(len(rows), np.nan), where=whole & (volume[other] > 0))
    limit = rule.limits["ratio_above"]
    return RuleFinding((ratio > limit) | (ratio < 1 / limit), rows.of_structures(facts.contralateral) & np.isnan(ratio))


def fragmented(asked: Question) -> RuleFinding:
    """Return which structures have too small a proportion of their voxels in the largest connected component."""
    share = asked.rows.numbers("largest_share")
    return RuleFinding(share < asked.rule.limits["largest_share_below"], np.isnan(share))


def laterality(asked: Question) -> RuleFinding:
    """Return which structures are on the wrong side; False for structures without a side."""
    side_mm = asked.rows.numbers("side_mm")
    sided = asked.rows.of_structures(asked.facts.sides)
    return RuleFinding(side_mm < -asked.rule.limits["wrong_side_mm_above"], sided & np.isnan(side_mm))


def asymmetric(asked: Question) -> RuleFinding:
    """Return both rows of each pair whose asymmetry is far from the median of the cohort.

    Only pairs without an earlier reason for either row are compared, so a truncated or fragmented structure does not
    exclude the contralateral structure. Each structure is compared with its own median because many structures are
    naturally asymmetric.
    """
    # ASSUME: the index does not indicate which side is wrong, so the rule applies to both sides
    rows, rule, facts, clear = asked
    contralateral = contralateral_rows(rows, facts.contralateral)
    index = rows.numbers("asymmetry")
    whole = clear & (contralateral != NOWHERE) & clear[contralateral] & ~np.isnan(index)
    z = np.full(len(rows), np.nan)
    for name, other in facts.contralateral.items():
        if name < other:  # once per pair
            one = np.flatnonzero(whole & rows.of_structures([name]))
            z[one] = robust_z(index[one], int(rule.limits["pairs_at_least"]))
            z[contralateral[one]] = z[one]
    return RuleFinding(np.abs(z) > rule.limits["robust_z_above"], rows.of_structures(facts.contralateral) & np.isnan(z))


def robust_z(values: NDArray[np.float64], at_least: int) -> NDArray[np.float64]:
    """Return the distance from the median in median absolute deviations, scaled to the SD of a normal distribution.

    With fewer than `at_least` values, or if more than half of the values are equal, all results are NaN.
    """
    if len(values) < max(at_least, 1):
        return np.full(len(values), np.nan)
    distances = values - np.median(values)
    spread = np.median(np.abs(distances)) / NORMAL_QUARTILE
    if not spread > 0:
        return np.full(len(values), np.nan)
    found: NDArray[np.float64] = distances / spread
    return found


def contralateral_rows(rows: MeasureRows, contralateral: dict[str, str]) -> NDArray[np.int32]:
    """Return the row of the contralateral structure in the same scan for each row, or `NOWHERE` without such a row."""
    other = rows.names.get_indexer(pd.Index([contralateral.get(name, "") for name in rows.names], dtype="object"))
    return rows.find(rows.scan, other[rows.structure])


EVIDENCE: dict[str, Callable[[Question], RuleFinding]] = {
    "padding": padding,
    "truncated": truncated,
    "below_bound": below_bound,
    "above_bound": above_bound,
    "fragmented": fragmented,
    "laterality": laterality,
    "unequal_sides": unequal_sides,
    "asymmetric": asymmetric,
}

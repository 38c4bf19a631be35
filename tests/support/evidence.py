"""Rows of measures with all evidence for screening: single rows, and a cohort without errors that tests can alter."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from ctpop.contracts.all_tables import MEASURES_TABLE, REVIEW, VERDICTS
from ctpop.stages.screen import command as screen
from ctpop.stages.screen.attributes import ScreeningAttributes, facts_of
from ctpop.stages.screen.rows import numbered
from ctpop.study import rule_sets
from ctpop.study.label_sets import LabelSet
from support.volumes import label_set

GOOD = {
    "status": "measured",
    "n_voxels": 90_000,
    "volume_ml": 1500.0,
    "hu_mean": 60.0,
    "faces": None,
    "border_voxels": 0,
    "padding_share": 0.0,
    "n_components": 1,
    "largest_share": 1.0,
    "side_mm": np.nan,
    "asymmetry": np.nan,
}
NOTHING = {name: None for name in GOOD if name != "status"}
PAIRED = ("kidney_left", "kidney_right", "hip_left", "hip_right")
NAMES = ("liver", *PAIRED)
ML = {"liver": 1500.0, "kidney_left": 160.0, "kidney_right": 150.0, "hip_left": 400.0, "hip_right": 400.0}
SIDE_MM = {"kidney_left": 60.0, "kidney_right": 62.0, "hip_left": 80.0, "hip_right": 80.0}
VOXEL_ML = 0.003


def measures(*rows: dict[str, Any], structure: str = "liver") -> pd.DataFrame:
    """Return rows of one structure, one per scan, with changed values."""
    scans = [{"scan_id": f"s{number}", "structure": structure, **GOOD, **row} for number, row in enumerate(rows)]
    return MEASURES_TABLE.check(pd.DataFrame(scans).reindex(columns=list(MEASURES_TABLE.columns)))


def labels(bound_ml: float = 20.0) -> LabelSet:
    """Return the label set of the cohort."""
    return label_set(*NAMES, bound_ml=bound_ml)


def intact_cohort(n: int = 40, seed: int = 1) -> pd.DataFrame:
    """Return measures of n scans without errors."""
    return _intact_cohort(n, seed).copy()


@cache
def _intact_cohort(n: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    size = np.exp(0.15 * random.standard_normal(n))
    rows = [
        {
            "scan_id": f"s{scan:03d}",
            "structure": name,
            **GOOD,
            "volume_ml": ML[name] * size[scan] * np.exp(0.03 * random.standard_normal()),
            "hu_mean": 60 + 5 * random.standard_normal(),
            "largest_share": 1 - 0.02 * random.random(),
            "side_mm": SIDE_MM.get(name, np.nan) + random.standard_normal(),
        }
        for scan in range(n)
        for name in NAMES
    ]
    return remeasured(pd.DataFrame(rows))


def remeasured(frame: pd.DataFrame) -> pd.DataFrame:
    """Recompute the voxel counts and the comparisons of both sides from the volumes."""
    frame = frame.reindex(columns=list(MEASURES_TABLE.columns))
    frame["n_voxels"] = (frame["volume_ml"] / VOXEL_ML).round().astype("Int64")
    ml = frame.pivot_table(index="scan_id", columns="structure", values="volume_ml")
    for organ in ("kidney", "hip"):
        left, right = ml[f"{organ}_left"], ml[f"{organ}_right"]
        both = (left > 0) & (right > 0)
        index = ((left - right) / (left + right)).where(both)
        for side, ratio in {"left": left / right, "right": right / left}.items():
            rows = frame["structure"].eq(f"{organ}_{side}")
            frame.loc[rows, "asymmetry"] = frame.loc[rows, "scan_id"].map(index)
            frame.loc[rows, "contralateral_ratio"] = frame.loc[rows, "scan_id"].map(ratio.where(both))
    return MEASURES_TABLE.check(frame)


def altered(frame: pd.DataFrame, scan_id: str, structure: str, **values: Any) -> pd.DataFrame:
    """Return the measures after a change of values in one row, with recomputed dependent values."""
    changed = frame.copy()
    row = changed["scan_id"].eq(scan_id) & changed["structure"].eq(structure)
    assert row.sum() == 1
    for name, value in values.items():
        changed.loc[row, name] = value
    return remeasured(changed)


def facts(cohort: pd.DataFrame | None = None, bound_ml: float = 20.0) -> ScreeningAttributes:
    """Return the attributes of the cohort for screening."""
    return facts_of(labels(bound_ml), {}, cohort)


def verdicts(
    frame: pd.DataFrame,
    rules: rule_sets.RuleSet | str,
    known: ScreeningAttributes | None = None,
    review: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the table `verdicts` under a rule set, which can be given by name."""
    chosen = rule_sets.read(rules) if isinstance(rules, str) else rules
    return VERDICTS.check(screen.verdicts_of(screen.screened(numbered(frame), chosen, known or facts(), review)))


def decisions(*rows: tuple[str, str, str]) -> pd.DataFrame:
    """Return the table of QC decisions, given as (scan, structure, decision)."""
    frame = pd.DataFrame(rows, columns=["scan_id", "structure", "decision"])
    return REVIEW.check(frame.assign(reason="reviewed", reviewer="AB", date="2024-05-31"))


def changed_rows(before: pd.DataFrame, after: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Return the reason of each changed row of `verdicts`, by scan and structure."""
    keys = ["scan_id", "structure"]
    pd.testing.assert_frame_equal(before[keys], after[keys])
    same = (before.fillna("") == after.fillna("")).all(axis="columns")
    found = after[~same]
    return dict(zip(zip(found["scan_id"], found["structure"], strict=True), found["reason"], strict=True))

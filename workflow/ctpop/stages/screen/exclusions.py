"""Excluded values: counts by structure and reason, and the age and sex of the affected patients."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctpop.contracts.all_tables import FLOW_REASONS, MEASURES, REASONS, RULES
from ctpop.contracts.reasons import ABSENT, WITHOUT_MEASUREMENT
from ctpop.stages.screen.evidence import Truth
from ctpop.stages.screen.rows import MeasureRows
from ctpop.stages.screen.sizes import count_scans, distinct_patients, numbers_of_patients
from ctpop.stages.screen.verdicts import CODE, Assessment
from ctpop.study.rule_sets import RuleSet

SHORT = {"volume_ml": "volume", "hu_mean": "hu"}
NEEDING_NO_RULE = (*WITHOUT_MEASUREMENT, *ABSENT)


def failure_table(rows: MeasureRows, final: Assessment, cohort: pd.DataFrame | None) -> pd.DataFrame:
    """Return the table `failures`, with used and excluded values per structure and the age and sex of both."""
    measured = rows.measures["status"].eq("measured").to_numpy(dtype=bool)
    usable = {short: final.usable(rows, measure) for measure, short in SHORT.items()}
    patients, numbers = _patients(rows, cohort), numbers_of_patients(rows, cohort)
    return pd.DataFrame(
        {
            "structure": rows.names,
            "n_scans": count_scans(rows, np.ones(len(rows), bool)),
            "n_measured": count_scans(rows, measured),
            **{f"n_usable_{short}": count_scans(rows, used) for short, used in usable.items()},
            "n_patients": distinct_patients(rows, np.ones(len(rows), bool), numbers),
            "n_patients_measured": distinct_patients(rows, measured, numbers),
            **{f"n_patients_usable_{short}": distinct_patients(rows, used, numbers) for short, used in usable.items()},
            **{
                f"n_patients_removed_{short}": distinct_patients(rows, ~used, numbers) for short, used in usable.items()
            },
            **{f"n_{reason}": count_scans(rows, final.reason == CODE[reason]) for reason in REASONS},
            **{
                f"n_patients_{reason}": distinct_patients(rows, final.reason == CODE[reason], numbers)
                for reason in REASONS
            },
            **{f"n_unjudged_{rule}": _unassessed(rows, final, rule) for rule in RULES},
            **{f"n_patients_unjudged_{rule}": _unassessed(rows, final, rule, numbers) for rule in RULES},
            **{
                name.format(share, short): _means(rows, members, patients[column])
                for name, column in {"age_{}_{}_years": "age", "women_{}_{}": "woman"}.items()
                for short, used in usable.items()
                for share, members in {"usable": used, "removed": ~used}.items()
            },
        }
    )


def structure_flow(
    rows: MeasureRows, final: Assessment, rules: RuleSet, cohort: pd.DataFrame | None, *, with_review: bool
) -> pd.DataFrame:
    """Return the table `structure_flow`, with the exclusions by reason from all scans to the values used."""
    excluding = [name for name, rule in rules.rules.items() if rule.drops]
    steps = [reason for reason in FLOW_REASONS if reason in (*NEEDING_NO_RULE, *excluding, "no_value")]
    if with_review:
        steps.insert(-1, "reviewer_excluded")
    numbers = numbers_of_patients(rows, cohort)
    frames = [_flow(rows, final, measure, steps, numbers) for measure in MEASURES]
    return pd.concat(frames, ignore_index=True)


def _flow(
    rows: MeasureRows, final: Assessment, measure: str, steps: list[str], numbers: NDArray[np.int32]
) -> pd.DataFrame:
    against, excluded = final.against[measure], ~final.usable(rows, measure)
    removed, left = {}, np.ones(len(rows), bool)
    patients, patients_removed = [distinct_patients(rows, left, numbers)], []
    for step in steps[:-1]:
        at_step = excluded & (against == CODE.get(step, -1))
        removed[step] = count_scans(rows, at_step)
        patients_removed.append(distinct_patients(rows, at_step, numbers))
        left = left & ~at_step
        patients.append(distinct_patients(rows, left, numbers))
    n_patients = np.column_stack([*patients, distinct_patients(rows, ~excluded, numbers)])
    n_patients_removed = np.column_stack([*patients_removed, distinct_patients(rows, left & excluded, numbers)])
    n_scans = count_scans(rows, np.ones(len(rows), bool))
    n_used = n_scans - count_scans(rows, excluded)
    n_removed = np.column_stack(list(removed.values()))
    n_removed = np.column_stack([n_removed, n_scans - n_removed.sum(axis=1) - n_used])
    n_after = n_scans[:, None] - n_removed.cumsum(axis=1)
    return pd.DataFrame(
        {
            "structure": np.repeat(rows.names.to_numpy(), len(steps)),
            "measure": measure,
            "order": np.tile(np.arange(1, len(steps) + 1), len(rows.names)),
            "reason": np.tile(np.array(steps, dtype=object), len(rows.names)),
            "n_before": (n_after + n_removed).ravel(),
            "n_patients_before": n_patients[:, :-1].ravel(),
            "n_removed": n_removed.ravel(),
            "n_patients_removed": n_patients_removed.ravel(),
            "n_after": n_after.ravel(),
            "n_patients_after": n_patients[:, 1:].ravel(),
        }
    )


def _patients(rows: MeasureRows, cohort: pd.DataFrame | None) -> dict[str, NDArray[np.float64]]:
    """Return the age and sex (1: woman, 0: man) of the patient of each row; NaN if unknown."""
    if cohort is None:
        unknown = np.full(len(rows), np.nan)
        return {"age": unknown, "woman": unknown}
    known = cohort.set_index("scan_id").reindex(rows.scan_ids)
    woman = known["sex"].map({"female": 1.0, "male": 0.0}).to_numpy(np.float64, na_value=np.nan)
    return {"age": known["age_years"].to_numpy(np.float64)[rows.scan], "woman": woman[rows.scan]}


def _means(rows: MeasureRows, members: Truth, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of the known values of members per structure; NaN without known values."""
    known = members & ~np.isnan(values)
    sums = np.bincount(rows.structure[known], weights=values[known], minlength=len(rows.names))
    n = count_scans(rows, known)
    means: NDArray[np.float64] = np.divide(sums, n, out=np.full(len(n), np.nan), where=n > 0)
    return means


def _unassessed(rows: MeasureRows, final: Assessment, rule: str, numbers: NDArray[np.int32] | None = None) -> pd.Series:
    """Return the number of scans that a rule could not assess, or of their patients if `numbers` is given."""
    if rule not in final.unassessed:
        return pd.Series(pd.NA, index=range(len(rows.names)), dtype="Int64")
    members = final.unassessed[rule]
    return pd.Series(
        count_scans(rows, members) if numbers is None else distinct_patients(rows, members, numbers), dtype="Int64"
    )

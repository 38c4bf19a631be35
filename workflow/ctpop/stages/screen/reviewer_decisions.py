"""Decisions of reviewers, which override the rules but do not create values."""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctpop.contracts.reasons import WITHOUT_MEASUREMENT
from ctpop.stages.screen.evidence import Truth
from ctpop.stages.screen.rows import NOWHERE, MeasureRows
from ctpop.stages.screen.verdicts import CODE, KEPT, Assessment, Reasons
from ctpop.study.decisions import EVERY


def decision_rows(rows: MeasureRows, review: pd.DataFrame) -> NDArray[np.int64]:
    """Return the index of the decision about each row, of the decision about its scan, or -1 without a decision."""
    scan = rows.scan_ids.get_indexer(pd.Index(review["scan_id"]))
    structure = rows.names.get_indexer(pd.Index(review["structure"]))
    numbers = np.arange(len(review))
    whole = review["structure"].eq(EVERY).to_numpy(dtype=bool) & (scan != NOWHERE)
    of_scan = np.full(len(rows.scan_ids), NOWHERE)
    of_scan[scan[whole]] = numbers[whole]
    decided = of_scan[rows.scan]
    row = rows.find(scan, structure)
    decided[row[row != NOWHERE]] = numbers[row != NOWHERE]
    return decided


def reviewed(assessment: Assessment, review: pd.DataFrame, decided: NDArray[np.int64]) -> Assessment:
    """Return the assessment after the decisions of reviewers.

    `keep` and `exclude` do not change the reason if no voxel was found, no value was measured, or the images are
    duplicates of another scan, which would be counted twice. `absent` applies only to structures that the segmentation
    could have found.
    """
    words = np.array([*review["decision"], ""], dtype=object)[decided]
    never_looked_for = [CODE[name] for name in WITHOUT_MEASUREMENT if name != "mask_in_others"]
    looked_for = ~np.isin(assessment.reason, never_looked_for)
    changes = {
        KEPT: assessment.found & (words == "keep"),
        CODE["reviewer_excluded"]: assessment.found & (words == "exclude"),
        CODE["absent_known"]: looked_for & (words == "absent"),
    }
    return replace(
        assessment,
        reason=_changed(assessment.reason, changes),
        against={measure: _changed(reason, changes) for measure, reason in assessment.against.items()},
    )


def _changed(reason: Reasons, changes: dict[int, Truth]) -> Reasons:
    changed = reason.copy()
    for code, rows in changes.items():
        changed[rows] = code
    return changed

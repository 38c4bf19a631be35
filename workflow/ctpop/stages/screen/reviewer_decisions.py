"""What reviewers decided: it overrides the rules, and never makes a value out of nothing."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctpop.contracts.all_tables import REVIEW
from ctpop.foundation.errors import ContractError
from ctpop.stages.screen.evidence import Truth
from ctpop.stages.screen.rows import NOWHERE, MeasureRows
from ctpop.stages.screen.verdicts import CODE, KEPT, Assessment, Reasons
from ctpop.study.registry import read_cells

EVERY = "*"


def read_review(path: Path, scan_ids: Iterable[str], elsewhere: Iterable[str], names: Iterable[str]) -> pd.DataFrame:
    """Return the decisions about scans of the cohort; those about scans that the study excluded are left out.

    Parameters
    ----------
    path
        CSV with the columns of `schema.REVIEW`.
    scan_ids
        Scans of the cohort.
    elsewhere
        Scans of the registry that are not in the cohort.
    names
        Structures of the label set.

    Raises
    ------
    ContractError
        If the file does not exist, a word is none of the allowed ones, a scan or structure is unknown, or rows
        contradict each other.

    """
    if not path.is_file():
        raise ContractError(f"{path}: the decisions of reviewers do not exist; set or remove screen.review")
    cells = read_cells(path)
    place = str(path)
    if {*REVIEW.key, "decision"} <= set(cells.columns):
        _refuse_contradictions(cells, place)
    review = REVIEW.check(cells, where=path)
    known = {*scan_ids, *elsewhere}
    _refuse(review, ~review["scan_id"].isin(known), f"{place}: scan_id must be a scan of the registry")
    fit = review["structure"].isin([*names, EVERY])
    _refuse(review, ~fit, f"{place}: structure must be one of the label set, or {EVERY}")
    senseless = review["decision"].eq("absent") & review["structure"].eq(EVERY)
    _refuse(review, senseless, f"{place}: decision absent must name the structure that the patient does not have")
    return review[review["scan_id"].isin(list(scan_ids))].reset_index(drop=True)


def decision_rows(rows: MeasureRows, review: pd.DataFrame) -> NDArray[np.int64]:
    """Return, for each row of measures, the number of the decision about it: its own, else that on its scan, or -1."""
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
    """Return the judgement with the decisions of reviewers in place of reasons.

    Where no voxel was found, or nothing was measured, there is nothing to keep or to exclude: the reason stays. The
    same holds for a scan with the images of another one, which would count twice. Only the absence of a structure that
    was looked for can be decided to be known.
    """
    words = np.array([*review["decision"], ""], dtype=object)[decided]
    nothing = ("not_in_model", "not_requested", "not_in_table", "not_segmented", "duplicate_images")
    never_looked_for = [CODE[name] for name in nothing]
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


def _refuse_contradictions(cells: pd.DataFrame, place: str) -> None:
    recorded = cells.groupby(list(REVIEW.key))["decision"].agg(lambda words: ", ".join(map(str, words.unique())))
    against = recorded[recorded.str.contains(", ")].reset_index()
    if len(against):
        first = "; ".join(f"{row.scan_id} {row.structure}: {row.decision}" for row in against.head(3).itertuples())
        raise ContractError(f"{place}: decisions contradict each other for {len(against)} structures, first {first}")


def _refuse(review: pd.DataFrame, wrong: "pd.Series[bool]", rule: str) -> None:
    if wrong.any():
        first = ", ".join(repr(f"{row.scan_id} {row.structure}") for row in review[wrong].head(3).itertuples())
        raise ContractError(f"{rule}; found {int(wrong.sum())} rows that are not, first {first}")

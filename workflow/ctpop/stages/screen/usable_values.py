"""The results of screening: the table `verdicts`, and the values that enter the statistics."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.extensions import ExtensionArray

from ctpop.contracts.all_tables import MEASURES, REASONS
from ctpop.stages.screen.evidence import Truth
from ctpop.stages.screen.rows import MeasureRows
from ctpop.stages.screen.verdicts import Assessment, Reasons

IN_ORDER = sorted(MEASURES)


def verdict_table(
    rows: MeasureRows, by_rules: Assessment, final: Assessment, review: pd.DataFrame, decided: NDArray[np.int64]
) -> pd.DataFrame:
    """Return the table `verdicts` with the reasons according to the rules and the final reasons.

    Parameters
    ----------
    rows
        The rows of measures.
    by_rules, final
        The assessments without and with the decisions of reviewers.
    review
        Decisions of reviewers.
    decided
        Index of the decision about each row; -1 without a decision.

    """
    unreviewed = pd.Series([None], dtype="str")
    of_reviewer = {name: pd.concat([review[name].astype("str"), unreviewed]).array for name in ("reviewer", "reason")}
    return pd.DataFrame(
        {
            "scan_id": rows.measures["scan_id"].array,
            "structure": rows.measures["structure"].array,
            "usable_volume": final.usable(rows, "volume_ml"),
            "usable_hu": final.usable(rows, "hu_mean"),
            "reason": words_of(final.reason),
            "detail": details_of(rows.measures),
            "rule_reason": words_of(by_rules.reason),
            "reviewer": of_reviewer["reviewer"].take(decided),
            "review_reason": of_reviewer["reason"].take(decided),
        }
    )


def details_of(measures: pd.DataFrame) -> "pd.Series[str]":
    """Return `status: detail` for rows that were not measured, or only the status if the detail is missing.

    Structures that are not in the model or table have no detail, because their reason is sufficient.
    """
    status, detail = measures["status"].astype("str"), measures["detail"].astype("str")
    explained = (status + ": " + detail).fillna(status)
    return explained.mask(status.isin(("measured", "not_in_model", "not_in_table")) & detail.isna())


def words_of(reason: Reasons) -> ExtensionArray:
    """Return reasons as text."""
    return pd.Series(list(REASONS), dtype="str").array.take(reason)


def usable_values(rows: MeasureRows, usable: dict[str, Truth]) -> pd.DataFrame:
    """Return the usable values, one per row, in the order of the rows and then of the measures.

    Scans, structures, and measures are categories to limit the memory of millions of rows.
    """
    free = np.column_stack([usable[measure] for measure in IN_ORDER])
    row, measure = np.nonzero(free)
    values = np.column_stack([rows.numbers(name) for name in IN_ORDER])
    return pd.DataFrame(
        {
            "scan_id": _category(rows.scan[row], rows.scan_ids),
            "structure": _category(rows.structure[row], rows.names),
            "measure": _category(measure, IN_ORDER),
            "value": values[row, measure],
        }
    )


def _category(codes: NDArray[Any], categories: Iterable[str]) -> "pd.Categorical[str]":
    words: pd.Index[str] = pd.Index(list(categories), dtype="str")
    return pd.Categorical.from_codes(codes, categories=words)

"""Data of the gallery: all cases with their values and percentile ranks in the cohort, and earlier decisions."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctpop.contracts.all_tables import CHOSEN, MEASURES, REVIEW
from ctpop.figures.formatting import REASONS, structure_text
from ctpop.stages.review.case_selection import KEY

USABLE = {"volume_ml": "usable_volume", "hu_mean": "usable_hu"}
PERCENTILES = (5, 25, 50, 75, 95)
DECIMALS = 4
WHY = {**REASONS, "extreme": "extreme value", "sample": "random sample"}


def centiles(values: NDArray[np.float64], cohort: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the percentage of cohort values below each value; equal values count half.

    The result is NaN for missing values and for an empty cohort.

    SOURCE: percentile rank by the mid-distribution (Parzen, Stat Sci 2004;19:652).
    """
    ordered = np.sort(cohort[~np.isnan(cohort)])
    if not ordered.size:
        return np.full(len(values), np.nan)
    below, up_to = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    ranks = 50 * (below + up_to) / ordered.size
    return np.where(np.isnan(values), np.nan, ranks)


def case_rows(cases: pd.DataFrame, verdicts: pd.DataFrame, measures: pd.DataFrame) -> pd.DataFrame:
    """Return the cases with reason, values, and percentile ranks (`volume_ml_centile`, `hu_mean_centile`).

    Rows are sorted by type (flagged cases first, then extreme values) and by structure, because reviewers compare
    cases of the same structure. Each value is compared with the usable values of its structure, regardless of whether
    it is usable itself.
    """
    joined = measures.merge(verdicts, on=KEY, how="inner", validate="one_to_one")
    found = cases.merge(joined, on=KEY, how="left", validate="one_to_one")
    for measure, usable in USABLE.items():
        known = joined.loc[joined[usable], ["structure", measure]]
        cohort = {name: part.to_numpy(dtype=float) for name, part in known.groupby("structure")[measure]}
        ranks = pd.Series(np.nan, index=found.index)
        for name, part in found.groupby("structure")[measure]:
            ranks[part.index] = centiles(part.to_numpy(dtype=float), cohort.get(name, np.empty(0)))
        found[f"{measure}_centile"] = ranks
    kinds = found["chosen"].map({kind: place for place, kind in enumerate(CHOSEN)})
    return (
        found.assign(kind=kinds).sort_values(["kind", "structure", "scan_id"], ignore_index=True).drop(columns="kind")
    )


def spread_of(verdicts: pd.DataFrame, measures: pd.DataFrame, names: list[str]) -> dict[str, dict[str, Any]]:
    """Return the number and percentiles of the usable values by structure and measure."""
    joined = measures.merge(verdicts, on=KEY, how="inner", validate="one_to_one")
    spread: dict[str, dict[str, Any]] = {name: {} for name in names}
    for measure, usable in USABLE.items():
        known = joined.loc[joined[usable] & joined["structure"].isin(names)].dropna(subset=[measure])
        for name, values in known.groupby("structure")[measure]:
            marks = np.percentile(values, PERCENTILES)
            spread[str(name)][measure] = {"n": len(values), "marks": [round(float(mark), DECIMALS) for mark in marks]}
    return spread


def page_data(
    study: dict[str, Any], rows: pd.DataFrame, spread: dict[str, Any], review: pd.DataFrame
) -> dict[str, Any]:
    """Return the data of the page except images and outlines.

    Parameters
    ----------
    study
        Section `study` of the configuration: name and banner.
    rows
        Result of `case_rows`.
    spread
        Result of `spread_of`.
    review
        Decisions applied in the screening of this study, as text, with all columns of their file; missing cells are "".

    """
    names = list(dict.fromkeys(rows["structure"]))
    return {
        "study": study["name"],
        "banner": study.get("banner", ""),
        "structures": {name: structure_text(name) for name in names},
        "reasons": {code: WHY[code] for code in dict.fromkeys(why_of(rows))},
        "measures": [["volume_ml", "Volume", "mL"], ["hu_mean", "Mean attenuation", "HU"]],
        "spread": spread,
        "scans": {
            str(scan): digest for scan, digest in rows.groupby("scan_id")["fingerprint"].first().items() if digest
        },
        "cases": [_case(row) for row in rows.assign(why=why_of(rows)).to_dict("records")],
        "review": {"columns": list(review.columns), "rows": review.to_numpy().tolist()},
    }


def why_of(rows: pd.DataFrame) -> "pd.Series[str]":
    """Return the reason for showing each case: the reason of the rules, `extreme`, or `sample`."""
    return rows["rule_reason"].where(rows["chosen"].eq("flagged"), rows["chosen"])


def review_cells(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the decisions of a review as text, with the standard columns first."""
    own = [name for name in REVIEW.columns if name in cells.columns]
    return cells[[*own, *(name for name in cells.columns if name not in own)]].fillna("").astype(str)


def _case(row: dict[Any, Any]) -> dict[str, Any]:
    values = {
        name: None if pd.isna(row[name]) else round(float(row[name]), DECIMALS)
        for measure in MEASURES
        for name in (measure, f"{measure}_centile")
    }
    return {
        "scan": row["scan_id"],
        "structure": row["structure"],
        "reason": row["why"],
        "image": None if pd.isna(row["image"]) else row["image"],
        "detail": None if pd.isna(row["detail"]) else row["detail"],
        **values,
    }

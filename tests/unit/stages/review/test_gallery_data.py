"""Tests of the data of the gallery: percentile ranks in the cohort and earlier decisions."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ctpop.figures.formatting import REASONS
from ctpop.stages.review.gallery_data import case_rows, centiles, page_data, review_cells, spread_of


def tables():
    """Return cases, verdicts, and measures of five livers, one of them not usable."""
    scans = list("abcde")
    verdicts = pd.DataFrame({"scan_id": scans, "structure": "liver", "rule_reason": ["ok"] * 4 + ["truncated"]})
    verdicts["usable_volume"] = verdicts["usable_hu"] = [True] * 4 + [False]
    measures = pd.DataFrame({"scan_id": scans, "structure": "liver", "volume_ml": [10.0, 20, 30, 40, 25]})
    measures["hu_mean"] = np.nan
    cases = pd.DataFrame({"scan_id": ["b", "e"], "structure": "liver", "chosen": ["sample", "flagged"]})
    return cases.assign(image="images/x.webp", fingerprint="0" * 16, detail=None), verdicts, measures


def test_centiles_are_those_of_scipy():
    cohort = np.random.default_rng(1).integers(0, 20, 200).astype(float)
    values = np.arange(-1.0, 22.0)

    expected = [stats.percentileofscore(cohort, value, kind="mean") for value in values]

    assert centiles(values, cohort) == pytest.approx(expected)


def test_a_missing_value_and_an_empty_cohort_have_no_centile():
    assert np.isnan(centiles(np.array([np.nan]), np.array([1.0]))).all()
    assert np.isnan(centiles(np.array([1.0]), np.array([]))).all()
    assert centiles(np.array([1.0]), np.array([np.nan, 0.0, 2.0])) == pytest.approx([50])


def test_a_case_is_compared_with_the_usable_values_of_its_structure_and_flagged_cases_are_first():
    rows = case_rows(*tables())

    assert rows["scan_id"].tolist() == ["e", "b"]
    assert rows["volume_ml_centile"].tolist() == pytest.approx([50, 37.5])
    assert rows["hu_mean_centile"].isna().all()


def test_flagged_cases_precede_extreme_values_and_the_sample_is_last():
    _, verdicts, measures = tables()
    cases = pd.DataFrame({"scan_id": list("abe"), "structure": "liver", "chosen": ["sample", "extreme", "flagged"]})

    rows = case_rows(cases.assign(image=None, fingerprint=None, detail=None), verdicts, measures)
    data = page_data({"name": "toy"}, rows, {}, review_cells(pd.DataFrame()))

    assert [(case["scan"], case["reason"]) for case in data["cases"]] == [
        ("e", "truncated"),
        ("b", "extreme"),
        ("a", "sample"),
    ]
    assert data["reasons"] == {
        "truncated": REASONS["truncated"],
        "extreme": "extreme value",
        "sample": "random sample",
    }


def test_the_spread_is_computed_from_usable_values():
    _, verdicts, measures = tables()

    found = spread_of(verdicts, measures, ["liver"])

    assert found["liver"]["volume_ml"]["n"] == 4
    assert found["liver"]["volume_ml"]["marks"] == pytest.approx(np.percentile([10, 20, 30, 40], [5, 25, 50, 75, 95]))
    assert "hu_mean" not in found["liver"]


def test_the_page_contains_earlier_decisions_with_all_columns_of_their_file():
    review = pd.DataFrame(
        {"room": ["3"], "scan_id": ["a"], "structure": ["*"], "decision": ["keep"], "reason": [pd.NA]}
    )
    cases, verdicts, measures = tables()

    cells = review_cells(review)
    data = page_data({"name": "toy"}, case_rows(cases, verdicts, measures), {}, cells)

    assert data["review"] == {
        "columns": ["scan_id", "structure", "decision", "reason", "room"],
        "rows": [["a", "*", "keep", "", "3"]],
    }
    assert data["cases"][0] == {
        "scan": "e",
        "structure": "liver",
        "reason": "truncated",
        "image": "images/x.webp",
        "detail": None,
        "volume_ml": 25.0,
        "volume_ml_centile": 50.0,
        "hu_mean": None,
        "hu_mean_centile": None,
    }

"""Tables and sentence of the comparison with the published study."""

import pandas as pd
import pytest

from ctpop.stages.report import published_results


def compared(**numbers):
    outcomes = [outcome for outcome, number in numbers.items() for _ in range(number)]
    table = pd.DataFrame({"outcome": outcomes, "distinct": True, "margin": 0.1})
    others = pd.DataFrame({"outcome": ["equivalent", "not_reported", "not_counted"], "distinct": False})
    return pd.concat([table, others], ignore_index=True).astype({"distinct": bool})


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ({}, ""),
        ({"not_measured_here": 13}, ""),
        (
            {"equivalent": 9, "different": 1, "inconclusive": 3},
            "Of 13 distinct correlations published in the original study, 9 were equivalent within .10, 1 differed, and"
            " 3 were inconclusive.",
        ),
        (
            {"not_comparable": 1, "not_measured_here": 12},
            "Of 13 distinct correlations published in the original study, 1 was not comparable and 12 were not measured"
            " in this study.",
        ),
        (
            {"equivalent": 1, "inconclusive": 1, "not_comparable": 10, "not_measured_here": 1},
            "Of 13 distinct correlations published in the original study, 1 was equivalent within .10, 1 was"
            " inconclusive, 10 were not comparable, and 1 was not measured in this study.",
        ),
    ],
)
def test_the_comparison_is_a_sentence_that_counts_distinct_correlations(numbers, text):
    assert published_results.sentence(compared(**numbers)) == text

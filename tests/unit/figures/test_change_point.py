"""Figure of a change of slope: numbers, text of the results, and the lines that are drawn."""

import numpy as np
import pandas as pd
import pytest

from ctpop.figures import change_point
from ctpop.figures.association import Conventions, StructureFinding

RESULT = {"structure": "bone", "measure": "hu_mean", "n": 3, "n_patients": 3, "reason": "ok"}
AGES = {"age_years": 48.0, "age_low_years": 33.0, "age_high_years": 51.5}


def a_study(**of_women):
    points = pd.DataFrame({"age_years": [30.0, 50.0, 70.0], "value": [9.0, 8.0, 2.0], "quartile": 1, "sex": "female"})
    finding = StructureFinding("bone", "hu_mean", points, {}, {}, frozenset())
    women = {**RESULT, "sex": "female", "outcome": "break", **AGES, **of_women}
    men = {
        **RESULT,
        "sex": "male",
        "outcome": None,
        **dict.fromkeys(AGES, np.nan),
        "reason": "too_few",
        "n": 0,
        "n_patients": 0,
    }
    curves = pd.DataFrame(
        {"structure": "bone", "measure": "hu_mean", "sex": "female", "age": [30, 31], "curve": [9.0, 8.9]}
    ).assign(two_lines=[np.nan, 9.5], derivative=-1.0, derivative_low=-2.0, derivative_high=0.5)
    tables = {"change_points": pd.DataFrame([women, men]), "change_point_curves": curves}
    return finding, change_point.shown_of(finding, tables)


def test_the_source_contains_points_and_curves_without_missing_values():
    _, shown = a_study()

    table = change_point.source(shown)

    expected = {"value": 3, "curve": 2, "two_lines": 1, "derivative": 2, "derivative_low": 2, "derivative_high": 2}
    assert table["series"].value_counts().to_dict() == expected
    assert table["value"].notna().all()


@pytest.mark.parametrize(
    ("of_women", "expected"),
    [
        ({}, "n = 3; slope changes at 48.0 years; 95% CI of this age: 33.0, 51.5"),
        ({"outcome": "break_or_curve"}, "n = 3; slope changes at 48.0 years, if the change is abrupt; 95% CI"),
        ({"outcome": "no_break", **dict.fromkeys(AGES, np.nan)}, "n = 3; no change point."),
        ({"n": 9}, "n = 9 scans of 3 patients; slope changes"),
    ],
)
def test_the_text_states_the_result_of_each_sex(of_women, expected):
    _, shown = a_study(**of_women)

    text = change_point.summary(shown, 0.95)

    assert text.startswith(f"Women: {expected}")
    assert text.endswith("Men: n = 0; no models (too few values)")


def test_the_interval_and_both_curves_are_drawn():
    finding, shown = a_study()
    conventions = Conventions(None, 0.95, 1e-4, (20, 80), [""] * 4, False)

    women, slopes, men, _ = change_point.draw(finding, shown, conventions).axes

    assert [len(line.get_xdata()) for line in women.lines] == [2, 2, 2]  # age of the change, curve, two lines
    assert women.patches[0].get_x() == 33.0
    assert women.patches[0].get_width() == 18.5
    assert len(slopes.collections) == 1
    assert [text.get_text() for text in men.texts] == ["No usable values"]

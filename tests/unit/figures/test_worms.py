"""Worm plots of centile curves: their table, the text of each panel, and the words of the structure page."""

import pandas as pd
import pytest

from ctpop.figures import worms
from ctpop.stages.report.structure_centiles import misfit_in_words

KEYS = {"structure": "aorta", "measure": "volume_ml", "sex": "female"}


def tables(**whole):
    row = {**KEYS, "band": "all", "n": 320, "n_patients": 320, "reason": "ok", "misfit": False} | whole
    points = {"expected": [-1.0, 0.0, 1.0], "deviation": [0.1, -0.2, 0.7], "limit": 0.3}
    worm = pd.DataFrame({**points, **KEYS, "band": "quartile_1"})
    other = worm.assign(structure="spleen")
    return {"centile_calibration": pd.DataFrame([row]), "centile_worms": pd.concat([worm, other])}


def test_the_table_of_a_worm_plot_has_the_rows_of_its_structure():
    shown = worms.source("aorta", tables())

    assert list(shown.columns) == ["measure", "sex", "band", "expected", "deviation", "limit"]
    assert shown["deviation"].tolist() == [0.1, -0.2, 0.7]


@pytest.mark.parametrize(
    ("whole", "words"),
    [
        ({}, "n = 320"),
        ({"misfit": True}, "n = 320; misfit"),
        ({"n": 9, "n_patients": 3, "reason": "too_few"}, "n = 9 scans of 3 patients; no curves (too few values)"),
        ({"reason": "at_limit", "misfit": None}, "n = 320; no curves (no model fits)"),
    ],
)
def test_each_panel_states_n_and_whether_the_curves_fit(whole, words):
    states = worms.states_of("aorta", tables(**whole))

    assert states == {("volume_ml", "female"): words}
    assert worms.summary(states) == f"Volume, women: {words}"


def test_a_figure_has_a_line_for_each_quartile_and_empty_panels_have_a_note():
    made = tables(misfit=True)
    figure = worms.draw("aorta", worms.source("aorta", made), worms.states_of("aorta", made), None)

    drawn, *empty = figure.axes
    assert [line.get_linestyle() for line in drawn.lines] == ["-", "-", ":", ":"]
    assert max(drawn.get_ylim()) > 0.7
    assert all("No curves" in [text.get_text() for text in axes.texts] for axes in empty)


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        ("below_03;quartile_4:z3", "3rd centile; age quartile 4: skewness"),
        ("below_97", "97th centile"),
        ("unstable", "cross-validation did not converge"),
    ],
)
def test_a_misfit_is_described_in_words(codes, words):
    assert misfit_in_words(codes) == words

"""Forest plot of correlations with age in each sensitivity analysis."""

import math
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ctpop.figures.association import Conventions, Key
from ctpop.figures.formatting import ANALYSES, MEASURES, percent, scans_and_patients
from ctpop.figures.spearman_overview import frame_forest, legend_row
from ctpop.figures.structure_labels import fitting_name
from ctpop.figures.structure_rows import (
    LABEL_MM,
    LEFT_MM,
    NAME_MM,
    Lanes,
    count_heading,
    count_room,
    has_repeats,
    height_of,
)
from ctpop.figures.style import COLUMN_MM, SMALL, blank_page, in_house_style
from ctpop.foundation.colors import BLUE, BROWN, CYAN, GRAY, GREEN, ORANGE, RED, SOFT, VIOLET

LEGEND_COLUMNS, LEGEND_ROW_MM = 5, 3.4
HEAD_MM, FOOT_MM, MEASURE_MM, PLOT_MM, COUNT_MM = 9.0, 9.0, 16.0, 70.0, 36.0
ANALYSIS_MM, GAP_MM = 1.3, 1.0  # height of an analysis, and of the space between structures
COLORS = {
    **{"none": GRAY, "paper": ORANGE, "strict": RED, "study": BLUE},
    **{"eroded": VIOLET, "one_scan_per_patient": GREEN, "patients_equally_weighted": CYAN, "uniform_age": BROWN},
}
MARKERS = {"eroded": "s", "one_scan_per_patient": "^", "patients_equally_weighted": "v", "uniform_age": "D"}


def source(sensitivity: pd.DataFrame, keys: list[Key]) -> pd.DataFrame:
    """Return the correlations of selected structures and measures in each analysis, in the order of the figure."""
    columns = ["n", "n_patients", "effective_n", "rho", "ci_low", "ci_high", "log10_p_rho0", "difference"]
    found = sensitivity.set_index(["structure", "measure", "analysis"])[columns]
    order = [(*key, name) for key in keys for name in ANALYSES if (*key, name) in found.index]
    return found.reindex(pd.MultiIndex.from_tuples(order, names=found.index.names)).reset_index()


@in_house_style
def draw(shown: pd.DataFrame, conventions: Conventions) -> Figure:
    """Return the forest plot of the rows of `source`, with one lane per structure and measure."""
    keys = list(dict.fromkeys(zip(shown["structure"], shown["measure"], strict=True)))
    names = [name for name in ANALYSES if shown["analysis"].eq(name).any()]
    row_mm = ANALYSIS_MM * max(len(names), 2) + GAP_MM
    height = height_of(len(keys), (row_mm, row_mm))
    legend_mm = LEGEND_ROW_MM * (len(names) // LEGEND_COLUMNS)
    page = blank_page(COLUMN_MM["double"], HEAD_MM + legend_mm + height + FOOT_MM, conventions.banner)
    top = HEAD_MM + legend_mm
    lanes = Lanes(page, [fitting_name(structure, LABEL_MM) for structure, _ in keys], top, height)
    lanes.name()
    lanes.words(0, MEASURE_MM, [MEASURES[measure] for _, measure in keys])
    rows = shown.astype({"rho": "float64", "ci_low": "float64", "ci_high": "float64"}).to_dict("records")
    both = has_repeats(shown)
    n = [_sizes(rows, key, both=both) for key in keys]
    count_mm = count_room(n, COUNT_MM, both=both)
    plot_mm = PLOT_MM + COUNT_MM - count_mm
    axes = lanes.column(MEASURE_MM + 2, plot_mm)
    frame_forest(axes, len(keys))
    places = {key: place for place, key in enumerate(keys)}
    for row in rows:
        shift = ANALYSIS_MM / row_mm * (names.index(row["analysis"]) - (len(names) - 1) / 2)
        _marker(axes, places[row["structure"], row["measure"]] + shift, row)
    left = MEASURE_MM + 2 + plot_mm
    lanes.words(left, count_mm, n)
    middle = LEFT_MM + NAME_MM + left + count_mm / 2
    heading = f"{count_heading(both=both)}, fewest to most"
    page.write(middle, top - 3.2, heading, fontsize=SMALL, color=SOFT, ha="center")
    dots = [
        Line2D([], [], marker=MARKERS.get(name, "o"), ls="", ms=3, color=COLORS[name], label=ANALYSES[name])
        for name in names
    ]
    interval = Line2D([], [], color=SOFT, linewidth=0.8, label=f"{percent(conventions.confidence)} CI")
    legend_row(page, [*dots, interval], (LEFT_MM, 0.8), columns=LEGEND_COLUMNS)
    return page.figure


def _sizes(rows: list[dict[Any, Any]], key: Key, *, both: bool) -> str:
    """Return the smallest and largest n of a structure and measure, with the number of patients if `both`."""
    of_key = [row for row in rows if (row["structure"], row["measure"]) == key]
    ends = min(of_key, key=lambda row: row["n"]), max(of_key, key=lambda row: row["n"])
    texts = [scans_and_patients(row["n"], row["n_patients"], both=both) for row in ends]
    return " – ".join(dict.fromkeys(texts))


def _marker(axes: Axes, place: float, row: dict[Any, Any]) -> None:
    if math.isnan(row["rho"]):
        return
    color, marker = COLORS[row["analysis"]], MARKERS.get(row["analysis"], "o")
    axes.plot([row["ci_low"], row["ci_high"]], [place, place], color=color, linewidth=0.8, zorder=2)
    axes.plot(row["rho"], place, marker, ms=2.4, color=color, zorder=3)

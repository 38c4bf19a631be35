"""Forest plot of correlations with age under each rule set of the screening."""

import math
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ctpop.figures.association import Conventions, Key
from ctpop.figures.formatting import MEASURES, RULE_SETS, percent, scans_and_patients
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
from ctpop.foundation.colors import BLUE, GRAY, ORANGE, RED, SOFT

HEAD_MM, FOOT_MM, MEASURE_MM, PLOT_MM, COUNT_MM = 9.0, 9.0, 16.0, 70.0, 36.0
ROW_MM = (4.2, 6.0)
COLORS = {"none": GRAY, "paper": ORANGE, "strict": RED, "study": BLUE}
SHIFT = 0.19  # vertical distance between rule sets, in rows


def source(sensitivity: pd.DataFrame, keys: list[Key]) -> pd.DataFrame:
    """Return the correlations of selected structures and measures under each rule set, in the order of the figure."""
    columns = ["n", "n_patients", "rho", "ci_low", "ci_high", "log10_p_rho0", "difference"]
    found = sensitivity.set_index(["structure", "measure", "rules"])[columns]
    rules = [name for name in RULE_SETS if sensitivity["rules"].eq(name).any()]
    order = [(*key, name) for key in keys for name in rules]
    return found.reindex(pd.MultiIndex.from_tuples(order, names=found.index.names)).reset_index()


@in_house_style
def draw(shown: pd.DataFrame, conventions: Conventions) -> Figure:
    """Return the forest plot of the rows of `source`, with one lane per structure and measure."""
    keys = list(dict.fromkeys(zip(shown["structure"], shown["measure"], strict=True)))
    rules = list(dict.fromkeys(shown["rules"]))
    height = height_of(len(keys), ROW_MM)
    page = blank_page(COLUMN_MM["double"], HEAD_MM + height + FOOT_MM, conventions.banner)
    lanes = Lanes(page, [fitting_name(structure, LABEL_MM) for structure, _ in keys], HEAD_MM, height)
    lanes.name()
    lanes.words(0, MEASURE_MM, [MEASURES[measure] for _, measure in keys])
    rows = shown.astype({"rho": "float64", "ci_low": "float64", "ci_high": "float64"}).to_dict("records")
    both = has_repeats(shown)
    n = {key: " / ".join(_sizes(rows, key, both=both)) for key in keys}
    count_mm = count_room(n.values(), COUNT_MM, both=both)
    plot_mm = PLOT_MM + COUNT_MM - count_mm
    axes = lanes.column(MEASURE_MM + 2, plot_mm)
    frame_forest(axes, len(keys))
    places = {key: place for place, key in enumerate(keys)}
    for row in rows:
        shift = SHIFT * (rules.index(row["rules"]) - (len(rules) - 1) / 2)
        _marker(axes, places[row["structure"], row["measure"]] + shift, row)
    left = MEASURE_MM + 2 + plot_mm
    lanes.words(left, count_mm, list(n.values()))
    middle = LEFT_MM + NAME_MM + left + count_mm / 2
    heading = f"{count_heading(both=both)} per rule set"
    page.write(middle, HEAD_MM - 3.2, heading, fontsize=SMALL, color=SOFT, ha="center")
    dots = [Line2D([], [], marker="o", ls="", ms=3, color=COLORS[name], label=RULE_SETS[name]) for name in rules]
    interval = Line2D([], [], color=SOFT, linewidth=0.8, label=f"{percent(conventions.confidence)} CI")
    legend_row(page, [*dots, interval], (LEFT_MM, 0.8), columns=5)
    return page.figure


def _sizes(rows: list[dict[Any, Any]], key: Key, *, both: bool) -> list[str]:
    """Return n of a structure and measure under each rule set, with the number of patients if `both`."""
    of_key = [row for row in rows if (row["structure"], row["measure"]) == key]
    return [scans_and_patients(row["n"], row["n_patients"], both=both) for row in of_key]


def _marker(axes: Axes, place: float, row: dict[Any, Any]) -> None:
    if math.isnan(row["rho"]):
        return
    color = COLORS[row["rules"]]
    axes.plot([row["ci_low"], row["ci_high"]], [place, place], color=color, linewidth=0.8, zorder=2)
    axes.plot(row["rho"], place, "o", ms=2.4, color=color, zorder=3)

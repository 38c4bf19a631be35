"""Comparison of a simulated study with its ground truth: measured and true values, and correlations with age."""

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from ctpop.figures.association import Conventions, records
from ctpop.figures.formatting import (
    AXES,
    MEASURES,
    coefficient,
    group_text,
    number,
    percent,
    scans_and_patients,
)
from ctpop.figures.scatter import dot_look, mark_empty
from ctpop.figures.spearman_overview import frame_forest
from ctpop.figures.structure_labels import fitting_name
from ctpop.figures.style import (
    COLUMN_MM,
    GROUPS,
    LARGE,
    NORMAL,
    SMALL,
    Page,
    blank_page,
    in_house_style,
    plain,
    shortened,
    width_of,
)
from ctpop.foundation.colors import BLUE, INK, RED, SOFT
from ctpop.study.label_sets import LabelSet
from ctpop.study.patients import distinct, patient_of_scan

ROWS_MM = 150.0  # height of all rows on an A4 page
ROW_MM = (2.4, 3.0)  # smallest and largest height of a row; a row is at least as high as its text
LEGEND_COLUMNS, GROUP_MM = 5, 40.0
CLOUD_MM, TOP_MM, NAME_MM = 58.0, 18.0, 40.0
FOREST_TOP_MM = TOP_MM + CLOUD_MM + 22.0
FOREST_MM, NUMBERS_MM, N_MM = 38.0, 26.5, 6.0


@in_house_style
def draw(pairs: pd.DataFrame, compared: pd.DataFrame, label_set: LabelSet, conventions: Conventions) -> Figure:
    """Return measured versus true values (A, B) and the measured and true rho of each structure (C, D)."""
    height = len(label_set.names) * min(max(ROWS_MM / len(label_set.names), ROW_MM[0]), ROW_MM[1])
    page = blank_page(COLUMN_MM["double"], FOREST_TOP_MM + height + 10, conventions.banner)
    colors = _colors(label_set)
    _group_legend(page, colors)
    for column, measure in enumerate(MEASURES):
        left = 14 + column * 87.0
        axes = page.axes(left, TOP_MM, 70, CLOUD_MM)
        shown = pairs.loc[pairs["measure"] == measure]
        _cloud(axes, shown, colors, measure)
        n = f"{len(shown):,} values"
        n = f"{n} of {distinct(shown['patient'].to_numpy()):,} patients" if conventions.repeated else n
        _heading(page, (left - 12, TOP_MM - 6), "AB"[column], f"{MEASURES[measure]}, n = {n}")
    _rho_legend(page, conventions.confidence)
    names = page.axes(2, FOREST_TOP_MM, NAME_MM, height)
    _list_names(names, label_set.names)
    n_mm = _room_of_n(compared, both=conventions.repeated)
    forest_mm = FOREST_MM + N_MM - n_mm
    for column, measure in enumerate(MEASURES):
        left = 2 + NAME_MM + column * (FOREST_MM + NUMBERS_MM + 1)
        found = records(compared.loc[compared["measure"] == measure])
        rows = [found.get(structure, {}) for structure in label_set.names]
        _heading(page, (left - 2, FOREST_TOP_MM - 8), "CD"[column], f"{MEASURES[measure]}, correlation with age")
        _forest(page.axes(left, FOREST_TOP_MM, forest_mm, height), rows)
        _numbers(
            page, (left + forest_mm, FOREST_TOP_MM), height, _cells(rows, measure, both=conventions.repeated), n_mm
        )
    return page.figure


def pairs_of(analysis: pd.DataFrame, truth: pd.DataFrame, label_set: LabelSet, cohort: pd.DataFrame) -> pd.DataFrame:
    """Return the group, measured value, true value, and patient of each usable value with a known true value."""
    true = truth.melt(["scan_id", "structure"], list(MEASURES), "measure", "true_value").dropna(subset=["true_value"])
    pairs = analysis.merge(true, on=["scan_id", "structure", "measure"], validate="one_to_one")
    pairs = pairs.merge(label_set.table[["structure", "group"]], on="structure", validate="many_to_one")
    number_of = patient_of_scan(cohort)
    pairs = pairs.assign(patient=pairs["scan_id"].map(number_of))
    columns = ["group", "structure", "measure", "true_value", "value"]
    ordered = pairs[[*columns, "patient"]].sort_values(columns, ignore_index=True)
    return ordered.rename(columns={"value": "measured_value"})


def source(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the group, structure, measure, measured value, and true value of the rows of `pairs_of`."""
    return pairs.drop(columns="patient")


def _colors(label_set: LabelSet) -> dict[str, str]:
    groups = list(dict.fromkeys(label_set.table["group"]))
    return {group: GROUPS[place % len(GROUPS)] for place, group in enumerate(groups)}


def _cloud(axes: Axes, pairs: pd.DataFrame, colors: dict[str, str], measure: str) -> None:
    axes.set(xlabel=f"True {_lower(AXES[measure])}", ylabel=f"Measured {_lower(AXES[measure])}")
    if pairs.empty:
        mark_empty(axes)
        axes.set(xticks=[])
        return
    area, opacity = dot_look(len(pairs))
    axes.scatter(
        pairs["true_value"],
        pairs["measured_value"],
        s=area * 2,
        c=pairs["group"].map(colors),
        alpha=max(opacity, 0.5),
        linewidths=0,
        rasterized=len(pairs) > 2000,
        zorder=2,
    )
    values = pairs[["true_value", "measured_value"]].to_numpy(float)
    if measure == "volume_ml" and values.min() > 0:
        low, high = values.min() / 1.2, values.max() * 1.2
        _logarithmic(axes, math.log10(high / low))
    else:
        room = 0.05 * (np.ptp(values) or 1.0)
        low, high = values.min() - room, values.max() + room
    axes.set(xlim=(low, high), ylim=(low, high))
    axes.plot([low, high], [low, high], color=SOFT, linewidth=0.6, zorder=1)


def _logarithmic(axes: Axes, decades: float) -> None:
    axes.set(xscale="log", yscale="log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 2 else (1,)))
        axis.set_major_formatter(StrMethodFormatter("{x:,g}"))
        axis.set_minor_formatter(NullFormatter())


def _list_names(axes: Axes, structures: list[str]) -> None:
    axes.set(xlim=(0, NAME_MM), ylim=(len(structures) - 0.5, -0.5))
    axes.axis("off")
    for place, structure in enumerate(structures):
        axes.text(0, place, fitting_name(structure, NAME_MM - 1), va="center_baseline", fontsize=SMALL)


def _forest(axes: Axes, rows: list[dict[str, Any]]) -> None:
    frame_forest(axes, len(rows))
    for place, row in enumerate(rows):
        if not math.isnan(row.get("rho_measured", math.nan)):
            edge = INK if row["truth_inside"] else RED
            axes.plot([row["ci_low"], row["ci_high"]], [place, place], color=BLUE, linewidth=0.9, zorder=2)
            axes.plot(row["rho_measured"], place, "o", color=BLUE, markersize=2.8, zorder=3)
            axes.plot(row["rho_true"], place, "D", mfc="none", mec=edge, mew=0.8, markersize=3.4, zorder=4)


def _room_of_n(compared: pd.DataFrame, *, both: bool) -> float:
    """Return the distance of the right edge of the column of n from the right edge of a forest plot (mm)."""
    if not both:
        return N_MM
    sizes = zip(compared["n"], compared["n_patients"], strict=True)
    return max(width_of(text, SMALL) for text in ["n (patients)", *(scans_and_patients(*n, both=True) for n in sizes)])


def _cells(rows: list[dict[str, Any]], measure: str, *, both: bool) -> dict[str, list[str]]:
    bias, unit = ("bias_percent", "%") if measure == "volume_ml" else ("bias", "HU")
    n = [scans_and_patients(row.get("n", 0), row.get("n_patients", 0), both=both) for row in rows]
    return {
        "n (patients)" if both else "n": n,
        "r": [coefficient(row.get("pearson_r", math.nan), 3) for row in rows],
        f"Bias ({unit})": [number(row.get(bias, math.nan), 1) for row in rows],
    }


def _numbers(page: Page, corner: tuple[float, float], height: float, cells: dict[str, list[str]], n_mm: float) -> None:
    left, top = corner
    more = n_mm - N_MM
    axes = page.axes(left, top, NUMBERS_MM + more, height)
    axes.set(xlim=(0, NUMBERS_MM + more), ylim=(max(map(len, cells.values())) - 0.5, -0.5))
    axes.axis("off")
    for (name, column), right in zip(cells.items(), (n_mm, 13.5 + more, 25.0 + more), strict=True):
        page.write(left + right, top - 3.4, name, fontsize=SMALL, color=SOFT, ha="right")
        for place, text in enumerate(column):
            axes.text(right, place, text, ha="right", va="center_baseline", fontsize=SMALL)


def _heading(page: Page, corner: tuple[float, float], letter: str, text: str) -> None:
    left, top = corner
    page.write(left, top, letter, fontsize=LARGE + 1, fontweight="bold")
    page.write(left + 5, top + 0.3, text, fontsize=NORMAL, fontweight="bold")


def _group_legend(page: Page, colors: dict[str, str]) -> None:
    dots = [
        Line2D(
            [], [], marker="o", ls="", ms=3.5, color=color, label=plain(shortened(group_text(group), GROUP_MM, SMALL))
        )
        for group, color in colors.items()
    ]
    _legend(page, [*dots, Line2D([], [], color=SOFT, linewidth=0.6, label="Line of identity")], 1.0)


def _rho_legend(page: Page, confidence: float) -> None:
    marks = [
        Line2D([], [], marker="o", ms=3, color=BLUE, linewidth=0.9, label=f"Measured ({percent(confidence)} CI)"),
        Line2D([], [], marker="D", ls="", ms=3.4, mfc="none", mec=INK, mew=0.8, label="True, within the CI"),
        Line2D([], [], marker="D", ls="", ms=3.4, mfc="none", mec=RED, mew=0.8, label="True, outside the CI"),
    ]
    _legend(page, marks, FOREST_TOP_MM - 12.5)


def _legend(page: Page, handles: list[Line2D], top: float) -> None:
    page.figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(2 / page.width_mm, 1 - (page.head_mm + top) / page.height_mm),
        borderaxespad=0,
        borderpad=0,
        ncols=LEGEND_COLUMNS,
        frameon=False,
        fontsize=SMALL,
        handletextpad=0.4,
        columnspacing=1.4,
        handlelength=1.4,
    )


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]

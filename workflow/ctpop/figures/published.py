"""Correlations of the original study and of this study: scatterplot with confidence intervals, and list of values."""

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ctpop.figures.association import Conventions
from ctpop.figures.formatting import (
    AGREEMENTS,
    MEASURES,
    coefficient,
    count,
    interval,
    percent,
    scans_and_patients,
    tick,
)
from ctpop.figures.label_placement import apart
from ctpop.figures.scatter import mark_empty
from ctpop.figures.spearman_overview import legend_row
from ctpop.figures.structure_labels import fitting_name
from ctpop.figures.style import COLUMN_MM, SMALL, STRIPE, Page, blank_page, in_house_style
from ctpop.foundation.colors import BROWN, GRAY, GREEN, HAIRLINE, RED, SOFT

COLUMNS = ["structure", "measure", "n", "n_patients"]
NUMBERS = [
    *("rho_published", "rho_expected", "ci_low_expected", "ci_high_expected"),
    *("rho_here", "ci_low_here", "ci_high_here", "margin"),
]
DRAWN = [name for name in NUMBERS if name not in ("rho_published", "margin")]
LOOKS = {  # color, marker, and legend text of an outcome of a correlation reported in both studies
    "equivalent": (GREEN, "o", "Equivalent"),
    "different": (RED, "D", "Different"),
    "inconclusive": (BROWN, "^", "Inconclusive"),
    "not_comparable": (GRAY, "s", "Not comparable"),
}
PLOT_MM, LEFT_MM, TOP_MM, PINS_MM, FOOT_MM = 58.0, 13.0, 16.0, 4.0, 11.0
TABLE_MM, ROW_MM = 76.0, 3.7
CELLS = {  # edge (mm) to which the text of a column is aligned, and the alignment
    "": (0.0, "left"),
    "Structure": (4.5, "left"),
    "Measure": (34.5, "left"),
    "n": (53.5, "right"),
    "Published (expected)": (76.0, "right"),
    "This study": (97.0, "right"),
}
CELLS_OF_REPEATED = {  # for patients with several scans, with the number of patients
    "": CELLS[""],
    "Structure": CELLS["Structure"],
    "Measure": (24.0, "left"),
    "Scans (patients)": (52.5, "right"),
    "Published (expected)": CELLS["Published (expected)"],
    "This study": CELLS["This study"],
}
PIN_MM = 3.3  # distance between row numbers above the plot


def source(compared: pd.DataFrame) -> pd.DataFrame:
    """Return each published correlation once, with the correlation of this study, in ascending order.

    A correlation in both the abstract and the results of the original study is included once. `number` is missing for
    correlations that are not part of this study; these rows are last. If the ages of this study are not known, the
    expected correlation is the published one, without an interval.
    """
    printed = compared.loc[compared["distinct"], ["id", *COLUMNS, *NUMBERS, "outcome"]]
    printed = printed.astype(dict.fromkeys(NUMBERS, "float64"))
    printed = printed.assign(rho_expected=printed["rho_expected"].fillna(printed["rho_published"]))
    both = printed["rho_here"].notna()
    ordered = printed[both].sort_values(["rho_published", "rho_here", "id"], ignore_index=True)
    numbers = pd.Series(range(1, len(ordered) + 1), dtype="Int64")
    whole = pd.concat([ordered, printed[~both]], ignore_index=True)
    return whole.assign(number=numbers.reindex(whole.index))


def summary(shown: pd.DataFrame) -> str:
    """Return the number of correlations with each outcome in words."""
    found = shown["outcome"].value_counts()
    return ", ".join(f"{found[outcome]} {words}" for outcome, words in AGREEMENTS.items() if outcome in found)


@in_house_style
def draw(shown: pd.DataFrame, conventions: Conventions) -> Figure:
    """Return the correlations of `source` as points with both confidence intervals (left) and as a list (right)."""
    rows = [
        {str(name): value for name, value in row.items()} for row in shown[shown["number"].notna()].to_dict("records")
    ]
    height = max(TOP_MM + PLOT_MM + FOOT_MM, TOP_MM + ROW_MM * (len(rows) + 1) + 2)
    page = blank_page(COLUMN_MM["double"], height, conventions.banner)
    axes = page.axes(LEFT_MM, TOP_MM, PLOT_MM, PLOT_MM)
    ci = f"({percent(conventions.confidence)} CI)"
    axes.set(xlabel=f"Expected ρ {ci}", ylabel=f"ρ in this study {ci}")
    if rows:
        _points(axes, rows)
        _list(page, rows, conventions)
    else:
        mark_empty(axes, "No correlation to compare")
        axes.set(xticks=[])
        page.write(TABLE_MM, TOP_MM - ROW_MM, "n = 0 correlations in both studies", fontsize=SMALL)
    absent = int(shown["number"].isna().sum())
    if absent:
        absence = f"{count(absent, 'published correlation')} not measured in this study"
        page.write(TABLE_MM, TOP_MM + ROW_MM * (len(rows) + 0.3), absence, fontsize=SMALL, color=SOFT)
    _legend(page, {row["outcome"] for row in rows}, conventions.confidence)
    return page.figure


def _points(axes: Axes, rows: list[dict[str, Any]]) -> None:
    ends = np.array([[row[name] for name in DRAWN] for row in rows], dtype=float)
    room = 0.06 * (np.nanmax(ends) - np.nanmin(ends) or 1.0)
    limits = max(-1.05, np.nanmin(ends) - room), min(1.05, np.nanmax(ends) + room)
    axes.set(xlim=limits, ylim=limits)
    ticks = ticks_within(limits)
    words = [tick(rho) for rho in ticks]
    axes.set(xticks=ticks, yticks=ticks, xticklabels=words, yticklabels=words)
    axes.plot(limits, limits, color=SOFT, linewidth=0.6, zorder=1)
    for margin in (-rows[0]["margin"], rows[0]["margin"]):
        shifted = [limit + margin for limit in limits]
        axes.plot(limits, shifted, color=SOFT, linewidth=0.5, linestyle=(0, (3, 2)), zorder=1)
    for row in rows:
        color, marker, _ = LOOKS[row["outcome"]]
        line: dict[str, Any] = {"color": color, "linewidth": 0.7, "zorder": 3}
        axes.plot([row["ci_low_expected"], row["ci_high_expected"]], [row["rho_here"]] * 2, **line)
        axes.plot([row["rho_expected"]] * 2, [row["ci_low_here"], row["ci_high_here"]], **line)
        axes.plot(row["rho_expected"], row["rho_here"], marker, ms=3, mec=color, mfc=color, zorder=4)
    _pins(axes, rows, limits)


def ticks_within(limits: tuple[float, float]) -> list[float]:
    """Return the ticks of an axis: multiples of 0.5, or of a smaller step if fewer than two are in the range."""
    for per_unit in (2, 5, 10, 20, 50, 100):
        first, last = math.ceil(limits[0] * per_unit), math.floor(limits[1] * per_unit)
        if last > first:
            break
    return [number / per_unit for number in range(first, last + 1)]


def _pins(axes: Axes, rows: list[dict[str, Any]], limits: tuple[float, float]) -> None:
    """Write the row number of each point above the plot, with a thin line to the point."""
    wide = limits[1] - limits[0]
    places = apart(np.array([row["rho_expected"] for row in rows]), wide * PIN_MM / PLOT_MM, limits)
    top = limits[1] + wide * PINS_MM / PLOT_MM
    for row, place in zip(rows, places, strict=True):
        x, y = [row["rho_expected"], place], [row["rho_here"], top - wide * 0.8 / PLOT_MM]
        axes.plot(x, y, color=HAIRLINE, linewidth=0.4, clip_on=False, zorder=0)
        axes.text(place, top, f"{row['number']}", ha="center", va="bottom", fontsize=SMALL)


def _list(page: Page, rows: list[dict[str, Any]], conventions: Conventions) -> None:
    width = page.width_mm - TABLE_MM - 1
    places = CELLS_OF_REPEATED if conventions.repeated else CELLS
    for name, (place, side) in places.items():
        page.write(
            TABLE_MM + place,
            TOP_MM - ROW_MM,
            name.replace("This study", f"This study ({percent(conventions.confidence)} CI)"),
            fontsize=SMALL,
            color=SOFT,
            ha=side,
        )
    axes = page.axes(TABLE_MM - 1, TOP_MM, width + 1, ROW_MM * len(rows))
    axes.set(xlim=(-1, width), ylim=(len(rows) - 0.5, -0.5))
    axes.axis("off")
    for place, row in enumerate(rows):
        if place % 2:
            axes.axhspan(place - 0.5, place + 0.5, color=STRIPE, linewidth=0)
        color = LOOKS[row["outcome"]][0]
        cells = [
            f"{row['number']}",
            fitting_name(row["structure"], places["Measure"][0] - 5),
            MEASURES[row["measure"]],
            scans_and_patients(row["n"], row["n_patients"], both=conventions.repeated),
            f"{coefficient(row['rho_published'])} ({coefficient(row['rho_expected'])})",
            f"{coefficient(row['rho_here'])} ({interval(row['ci_low_here'], row['ci_high_here'])})",
        ]
        for (name, (left, side)), text in zip(places.items(), cells, strict=True):
            look: dict[str, Any] = {"color": color} if name == "This study" else {}
            axes.text(left, place, text, ha=side, va="center_baseline", fontsize=SMALL, **look)


def _legend(page: Page, outcomes: set[str], confidence: float) -> None:
    marks = [
        Line2D([], [], ls="", marker=marker, ms=3, mec=color, mfc=color, label=words)
        for outcome, (color, marker, words) in LOOKS.items()
        if outcome in outcomes
    ]
    lines = [
        Line2D(
            [],
            [],
            color=SOFT,
            linewidth=0.7,
            marker="+",
            ms=6,
            mew=0.7,
            ls="",
            label=f"{percent(confidence)} CIs",
        ),
        Line2D([], [], color=SOFT, linewidth=0.6, label="Line of identity"),
        Line2D([], [], color=SOFT, linewidth=0.5, linestyle=(0, (3, 2)), label="Margins"),
    ]
    legend_row(page, [*marks, *lines], (LEFT_MM, 1.5), columns=7, spacing=1.2)

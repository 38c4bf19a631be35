"""Centile curves of women and men with the values to which the curves were fitted."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ctpop.contracts.all_tables import CENTILES_SHOWN
from ctpop.figures.age_by_sex import COLORS
from ctpop.figures.association import Conventions, StructureFinding
from ctpop.figures.formatting import NO_CURVES, SEXES, scans_of_patients
from ctpop.figures.label_placement import apart
from ctpop.figures.scatter import draw_dots, limits_of_values, mark_empty
from ctpop.figures.structure_labels import fitting_name
from ctpop.figures.style import (
    COLUMN_MM,
    LARGE,
    LINE_MM,
    NORMAL,
    POINT_MM,
    SMALL,
    Page,
    blank_page,
    in_house_style,
)
from ctpop.foundation.colors import INK, SOFT

PANELS = ("female", "male")
WIDE_MM, PLOT_MM, TOP_MM, LEFT_MM, APART_MM = 71.0, 54.0, 14.0, 16.0, 12.0
MEDIAN = 50
LOOKS = {50: (1.3, "-"), 25: (0.8, "-"), 75: (0.8, "-")}  # width and style; other centiles have thin lines
FEW = 30  # scans within 5 years of an age; curves are dotted where fewer scans are available
BAND_OPACITY = 0.14
LABEL_MM = SMALL * POINT_MM  # distance between labels of curves


def shown_of(finding: StructureFinding, tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the points (sex, age_years, value), the curves with bands, and n, n_patients, reason, and misfit."""
    key = {"structure": finding.structure, "measure": finding.measure}
    whole = tables["centile_calibration"].query("band == 'all'")
    return {
        "points": finding.points,
        "curves": _rows_of(tables["centiles"], key).drop(columns=list(key)).reset_index(drop=True),
        "outcome": _rows_of(whole, key)[["sex", "n", "n_patients", "reason", "misfit"]].reset_index(drop=True),
    }


def source(shown: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return points (series `value`), curves (series `centile_03` …), and the limits of their bands.

    The columns are sex, series, age_years, and value.
    """
    patients = shown["points"].dropna(subset=["sex"]).assign(series="value")
    names = [f"centile_{percent:02d}{end}" for percent in CENTILES_SHOWN for end in ("", "_low", "_high")]
    curves = shown["curves"].melt(["sex", "age_years"], names, "series", "value").dropna(subset=["value"])
    columns = ["sex", "series", "age_years", "value"]
    return pd.concat([patients[columns], curves[columns]], ignore_index=True).sort_values(columns, ignore_index=True)


def summary(shown: dict[str, pd.DataFrame]) -> str:
    """Return text with n of each sex and the reason for missing curves."""
    rows = {row["sex"]: row for row in shown["outcome"].to_dict("records")}
    return ". ".join(f"{SEXES[sex]}: {legend_text(rows[sex])}" for sex in PANELS if sex in rows)


def legend_text(row: dict[Any, Any]) -> str:
    """Return n, and whether the curves are a misfit or the reason for missing curves."""
    n = f"n = {scans_of_patients(row['n'], row['n_patients'])}"
    if row["reason"] != "ok":
        return f"{n}; no curves ({NO_CURVES[row['reason']]})"
    return f"{n}; misfit" if row["misfit"] is True or row["misfit"] is np.True_ else n


@in_house_style
def draw(finding: StructureFinding, shown: dict[str, pd.DataFrame], conventions: Conventions) -> Figure:
    """Return the curves of women (A) and men (B) with a common value axis."""
    page = blank_page(COLUMN_MM["double"], TOP_MM + PLOT_MM + 10, conventions.banner)
    width = page.width_mm - LEFT_MM
    page.write(LEFT_MM, 2, fitting_name(finding.structure, width, LARGE, bold=True), fontsize=LARGE, fontweight="bold")
    limits = _limits(shown)
    labeled = False  # whether a value axis already has tick labels
    for column, sex in enumerate(PANELS):
        left = LEFT_MM + column * (WIDE_MM + APART_MM)
        _heading(page, left, "AB"[column], sex, shown["outcome"])
        axes = page.axes(left, TOP_MM, WIDE_MM, PLOT_MM)
        axes.set(xlim=conventions.age_limits, xlabel="Age (y)", ylabel="" if column else finding.axis)
        points, curves = (shown[name].loc[shown[name]["sex"].eq(sex).fillna(False)] for name in ("points", "curves"))
        if limits is None or (points.empty and curves.empty):
            mark_empty(axes)
            continue
        axes.set_ylim(limits)
        axes.tick_params(axis="y", labelleft=not labeled)
        labeled = True
        _patients(axes, points, COLORS[sex])
        _curves(axes, curves)
    return page.figure


def _rows_of(table: pd.DataFrame, key: dict[str, str]) -> pd.DataFrame:
    return table.loc[np.logical_and.reduce([table[name].eq(value) for name, value in key.items()])]


def _heading(page: Page, left: float, letter: str, sex: str, outcome: pd.DataFrame) -> None:
    rows = outcome.loc[outcome["sex"] == sex].to_dict("records")
    page.write(
        left - (LEFT_MM - 2 if letter == "A" else 6), TOP_MM - 6.4, letter, fontsize=LARGE + 1, fontweight="bold"
    )
    page.write(left, TOP_MM - 6, SEXES[sex], fontsize=NORMAL, fontweight="bold")
    if rows:
        page.write(left, TOP_MM - 6 + LINE_MM, legend_text(rows[0]), fontsize=SMALL, color=SOFT)


def _limits(shown: dict[str, pd.DataFrame]) -> tuple[float, float] | None:
    curves = shown["curves"].filter(like="centile_").to_numpy(dtype=float)
    known = shown["points"].loc[shown["points"]["sex"].isin(PANELS), "value"].to_numpy(dtype=float)
    return limits_of_values(known, curves)


def _patients(axes: Axes, points: pd.DataFrame, color: str) -> None:
    if points.empty:
        return
    draw_dots(axes, points["age_years"].to_numpy(float), points["value"].to_numpy(float), color, zorder=1)


def _curves(axes: Axes, curves: pd.DataFrame) -> None:
    if curves.empty:
        return
    ages, few = curves["age_years"].to_numpy(dtype=float), (curves["n_near"] < FEW).to_numpy(dtype=bool)
    ends: dict[int, float] = {}
    shown = [percent for percent in CENTILES_SHOWN if curves[f"centile_{percent:02d}"].notna().any()]
    for percent in shown:  # without the 3rd and 97th centiles if there are too few patients
        values = curves[f"centile_{percent:02d}"].to_numpy(dtype=float)
        if percent in (shown[0], MEDIAN, shown[-1]):
            low, high = (curves[f"centile_{percent:02d}_{end}"].to_numpy(dtype=float) for end in ("low", "high"))
            axes.fill_between(ages, low, high, color=INK, alpha=BAND_OPACITY, linewidth=0, zorder=2)
        width, dashes = LOOKS.get(percent, (0.6, "-"))
        axes.plot(ages, np.where(few, np.nan, values), dashes, color=INK, linewidth=width, zorder=3)
        axes.plot(ages, values, ":", color=INK, linewidth=width, zorder=3)
        ends[percent] = values[-1]
    _label(axes, ages[-1], ends)


def _label(axes: Axes, age: float, ends: dict[int, float]) -> None:
    """Write the centile at the end of each curve; labels of close curves are moved apart."""
    low, high = axes.get_ylim()
    step = (high - low) * LABEL_MM / PLOT_MM
    places = apart(np.array([*ends.values()]), step)
    for percent, place in zip(ends, places, strict=True):
        weight = "bold" if percent == MEDIAN else "normal"
        axes.annotate(
            f"{percent}",
            (age, place),
            xytext=(2, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
            fontweight=weight,
            annotation_clip=False,
        )

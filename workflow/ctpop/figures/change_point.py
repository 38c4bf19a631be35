"""Age curves of women and men with the age at which the slope changes, and the derivative of the curves."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ctpop.figures.age_by_sex import COLORS
from ctpop.figures.association import Conventions, StructureFinding
from ctpop.figures.formatting import NO_CURVES, SEXES, number, percent, scans_of_patients
from ctpop.figures.scatter import draw_dots, limits_of_values, mark_empty
from ctpop.figures.structure_labels import fitting_name
from ctpop.figures.style import COLUMN_MM, LARGE, LINE_MM, NORMAL, SMALL, Page, blank_page, in_house_style
from ctpop.foundation.colors import HAIRLINE, INK, PALE_GRAY, RED, SOFT

PANELS = {"female": "AC", "male": "BD"}
WIDE_MM, VALUES_MM, SLOPES_MM, TOP_MM, LEFT_MM, APART_MM = 71.0, 48.0, 28.0, 20.0, 16.0, 12.0
HEADING_MM = 12.0
OUTCOMES = {
    "no_break": "no change point",
    "smooth_curve": "a smooth curve fits better than two lines",
    "break": "slope changes at {age} years",
    "break_or_curve": "slope changes at {age} years, if the change is abrupt",
}
REASONS = {
    **NO_CURVES,
    "narrow_ages": "ages cover too few years",
    "explained": "no residual variation",
}
DERIVATIVE = {"volume_ml": "Percent per decade", "hu_mean": "HU per decade"}
SERIES = ("curve", "two_lines", "derivative", "derivative_low", "derivative_high")


def shown_of(finding: StructureFinding, tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the points (sex, age_years, value), the curves, and the results of each sex."""
    parts = {"curves": tables["change_point_curves"], "results": tables["change_points"]}
    return {"points": finding.points, **{name: _rows_of(table, finding) for name, table in parts.items()}}


def source(shown: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return points (series `value`) and curves, with sex, series, age_years, and value."""
    patients = shown["points"].dropna(subset=["sex"]).assign(series="value")
    curves = shown["curves"].rename(columns={"age": "age_years"})
    long = curves.melt(["sex", "age_years"], list(SERIES), "series", "value").dropna(subset=["value"])
    columns = ["sex", "series", "age_years", "value"]
    return pd.concat([patients[columns], long[columns]], ignore_index=True).sort_values(columns, ignore_index=True)


def summary(shown: dict[str, pd.DataFrame], confidence: float) -> str:
    """Return text with n, the result, and the interval of each sex."""
    rows = {row["sex"]: row for row in shown["results"].to_dict("records")}
    return ". ".join(f"{SEXES[sex]}: {'; '.join(_lines(rows[sex], confidence))}" for sex in PANELS if sex in rows)


def outcome_text(row: dict[Any, Any]) -> str:
    """Return the result of a row of `change_points` in words, or the reason for a missing result."""
    if row["reason"] != "ok":
        return f"no models ({REASONS[row['reason']]})"
    return OUTCOMES[row["outcome"]].format(age=number(float(row["age_years"]), 1))


@in_house_style
def draw(finding: StructureFinding, shown: dict[str, pd.DataFrame], conventions: Conventions) -> Figure:
    """Return values with fitted curves (upper row) and the derivative of the smooth curve (lower row) of each sex."""
    below = TOP_MM + VALUES_MM + 6
    page = blank_page(COLUMN_MM["double"], below + SLOPES_MM + 10, conventions.banner)
    width = page.width_mm - LEFT_MM
    page.write(LEFT_MM, 2, fitting_name(finding.structure, width, LARGE, bold=True), fontsize=LARGE, fontweight="bold")
    values, slopes = _limits(shown, ("curve", "two_lines"), points=True), _limits(shown, SERIES[2:], points=False)
    for column, (sex, letters) in enumerate(PANELS.items()):
        left = LEFT_MM + column * (WIDE_MM + APART_MM)
        rows = [row for row in shown["results"].to_dict("records") if row["sex"] == sex]
        _heading(page, left, letters, sex, rows, conventions.confidence)
        upper, lower = page.axes(left, TOP_MM, WIDE_MM, VALUES_MM), page.axes(left, below, WIDE_MM, SLOPES_MM)
        upper.set(xlim=conventions.age_limits, ylabel="" if column else finding.axis)
        lower.set(xlim=conventions.age_limits, xlabel="Age (y)", ylabel="" if column else DERIVATIVE[finding.measure])
        points, curves = (shown[name].loc[shown[name]["sex"].eq(sex).fillna(False)] for name in ("points", "curves"))
        if values is None or points.empty:
            mark_empty(upper)
        else:
            upper.set_ylim(values)
            _values(upper, points, curves, rows, COLORS[sex])
        if slopes is None or curves.empty:
            mark_empty(lower, "No derivative")
        else:
            lower.set_ylim(slopes)
            _derivative(lower, curves, COLORS[sex])
    return page.figure


def _rows_of(table: pd.DataFrame, finding: StructureFinding) -> pd.DataFrame:
    inside = table["structure"].eq(finding.structure) & table["measure"].eq(finding.measure)
    return table.loc[inside].reset_index(drop=True)


def _lines(row: dict[Any, Any], confidence: float) -> list[str]:
    size = f"n = {scans_of_patients(row['n'], row['n_patients'])}"
    if pd.isna(row["age_years"]):
        return [size, outcome_text(row)]
    low, high = (number(float(row[f"age_{end}_years"]), 1) for end in ("low", "high"))
    return [size, outcome_text(row), f"{percent(confidence)} CI of this age: {low}, {high}"]


def _heading(page: Page, left: float, letters: str, sex: str, rows: list[dict[Any, Any]], confidence: float) -> None:
    edge = left - (LEFT_MM - 2 if sex == "female" else 6)
    for letter, top in zip(letters, (TOP_MM - HEADING_MM - 0.4, TOP_MM + VALUES_MM + 2.5), strict=True):
        page.write(edge, top, letter, fontsize=LARGE + 1, fontweight="bold")
    page.write(left, TOP_MM - HEADING_MM, SEXES[sex], fontsize=NORMAL, fontweight="bold")
    for line, text in enumerate(_lines(rows[0], confidence) if rows else [], start=1):
        page.write(left, TOP_MM - HEADING_MM + line * LINE_MM, text, fontsize=SMALL, color=SOFT)


def _limits(shown: dict[str, pd.DataFrame], names: tuple[str, ...], *, points: bool) -> tuple[float, float] | None:
    known = shown["points"].loc[shown["points"]["sex"].isin(list(PANELS)), "value"].to_numpy(dtype=float)
    return limits_of_values(known if points else np.zeros(1), shown["curves"][list(names)].to_numpy(dtype=float))


def _values(axes: Axes, points: pd.DataFrame, curves: pd.DataFrame, rows: list[dict[Any, Any]], color: str) -> None:
    draw_dots(axes, points["age_years"].to_numpy(float), points["value"].to_numpy(float), color, zorder=2)
    for row in rows:
        if pd.notna(row["age_years"]):
            axes.axvspan(row["age_low_years"], row["age_high_years"], color=PALE_GRAY, linewidth=0, zorder=0)
            axes.axvline(row["age_years"], color=SOFT, linewidth=0.6, zorder=1)
    axes.plot(curves["age"], curves["curve"].astype(float), color=INK, linewidth=1.1, zorder=3)
    axes.plot(curves["age"], curves["two_lines"].astype(float), "--", color=RED, linewidth=1.1, zorder=4)


def _derivative(axes: Axes, curves: pd.DataFrame, color: str) -> None:
    axes.axhline(0, color=HAIRLINE, linewidth=0.6, zorder=1)
    low, high = curves["derivative_low"], curves["derivative_high"]
    axes.fill_between(curves["age"], low, high, color=color, alpha=0.25, linewidth=0, zorder=2)
    axes.plot(curves["age"], curves["derivative"], color=INK, linewidth=1.1, zorder=3)

"""Scatterplot of the values of one structure by age, with a trend line."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ctpop.figures.association import Conventions, StructureFinding, spearman_lines
from ctpop.figures.structure_labels import fitting_name
from ctpop.figures.style import COLUMN_MM, LARGE, LINE_MM, NORMAL, Page, blank_page, in_house_style
from ctpop.figures.trend import trend_of
from ctpop.foundation.colors import BLUE, HAIRLINE, RED, SOFT

MANY = 400  # smallest number of points drawn as an image; thousands of vector dots slow down viewers


@in_house_style
def draw(finding: StructureFinding, conventions: Conventions) -> Figure:
    """Return the scatterplot of a structure, one column wide."""
    width = COLUMN_MM["single"]
    page = blank_page(width, 70 + LINE_MM * (conventions.lines_above - 2), conventions.banner)
    size = (width - 18, 45.0)
    page.write(15, 2, fitting_name(finding.structure, size[0], LARGE, bold=True), fontsize=LARGE, fontweight="bold")
    panel(page, (15, 6), size, finding, conventions)
    return page.figure


def source(finding: StructureFinding) -> pd.DataFrame:
    """Return the points."""
    return finding.points[["age_years", "value"]]


def panel(
    page: Page,
    corner: tuple[float, float],
    size: tuple[float, float],
    finding: StructureFinding,
    conventions: Conventions,
) -> None:
    """Draw test results and points at a position on a page; `size` is that of the axes, below the lines of text."""
    left, top = corner
    lines = spearman_lines(finding, conventions.confidence, repeated=conventions.repeated)
    for row, line in enumerate(lines):
        page.write(left, top + LINE_MM * row, line, fontsize=NORMAL)
    axes = page.axes(left, top + conventions.lines_above * LINE_MM + 1.5, *size)
    plot(axes, finding, conventions)
    axes.set(xlabel="Age (y)", ylabel=finding.axis)


def plot(axes: Axes, finding: StructureFinding, conventions: Conventions) -> None:
    """Draw the points, the trend, and its confidence band, or a note if there are no values."""
    axes.set_xlim(conventions.age_limits)
    if not finding.n:
        mark_empty(axes)
        return
    age, value = (finding.points[name].to_numpy(float) for name in ("age_years", "value"))
    draw_dots(axes, age, value, BLUE, zorder=2)
    trend = trend_of(age, value, conventions.confidence, finding.points["patient"].to_numpy())
    if trend is not None:
        axes.fill_between(
            trend.age_years,
            trend.low,
            trend.high,
            color=RED,
            alpha=0.18,
            linewidth=0,
            zorder=3 if finding.n >= MANY else 1,
        )
        axes.plot(trend.age_years, trend.fit, color=RED, linewidth=1.1, zorder=4)
    axes.margins(y=0.06)


def mark_empty(axes: Axes, words: str = "No usable values") -> None:
    """Write a note into axes without data."""
    axes.set(yticks=[])
    for spine in axes.spines.values():
        spine.set_color(HAIRLINE)
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color=SOFT)


def dot_look(n: int) -> tuple[float, float]:
    """Return the area (points²) and the opacity of a dot; both decrease with the number of dots."""
    return float(np.clip(90 / np.sqrt(n), 1.6, 11)), float(np.clip(9 / np.sqrt(n), 0.22, 0.8))


def draw_dots(axes: Axes, x: np.ndarray, y: np.ndarray, color: str, *, zorder: int) -> None:
    """Draw one dot per value; many dots are drawn as an image in PDF and SVG figures."""
    area, opacity = dot_look(len(x))
    axes.scatter(x, y, s=area, color=color, alpha=opacity, linewidths=0, rasterized=len(x) >= MANY, zorder=zorder)


def limits_of_values(*parts: np.ndarray) -> tuple[float, float] | None:
    """Return the limits of an axis with room beyond its finite values; None without values."""
    values = np.concatenate([part.ravel() for part in parts])
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    room = 0.04 * float(np.ptp(values) or abs(values[0]) or 1.0)
    return float(values.min()) - room, float(values.max()) + room

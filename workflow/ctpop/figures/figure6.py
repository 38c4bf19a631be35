"""Panels of Figure 6 of the original study: scatterplots and box plots by age quartile of up to three structures."""

import pandas as pd
from matplotlib.figure import Figure

from ctpop.figures import boxes, scatter
from ctpop.figures.association import Conventions, StructureFinding
from ctpop.figures.structure_labels import fitting_name
from ctpop.figures.style import COLUMN_MM, LARGE, LINE_MM, blank_page, in_house_style

PLOT_MM = 42.0
LEFT_MM, RIGHT_MM = 15.5, 3.5
PRESETS = ("single", "middle", "double")


@in_house_style
def draw(findings: list[StructureFinding], conventions: Conventions) -> Figure:
    """Return scatterplots (first row) and box plots (second row), one column of panels per finding."""
    width = COLUMN_MM[PRESETS[len(findings) - 1]]
    share = width / len(findings)
    first = 6.0
    lines = conventions.lines_above
    second = first + lines * LINE_MM + PLOT_MM + 16.0
    below = boxes.TABLE_MM + LINE_MM * (lines - 2)
    page = blank_page(width, second + lines * LINE_MM + PLOT_MM + below + 3.0, conventions.banner)
    size = (share - LEFT_MM - RIGHT_MM, PLOT_MM)
    for column, finding in enumerate(findings):
        left = column * share + LEFT_MM
        scatter.panel(page, (left, first), size, finding, conventions)
        boxes.panel(page, (left, second), size, finding, conventions)
        for top, letter in ((first, "ABC"[column]), (second, "ABCDEF"[len(findings) + column])):
            page.write(left - LEFT_MM + 1.5, top - 4.3, letter, fontsize=LARGE + 1, fontweight="bold")
            title = fitting_name(finding.structure, size[0], LARGE, bold=True)
            page.write(left, top - 4.0, title, fontsize=LARGE, fontweight="bold")
    return page.figure


def source(findings: list[StructureFinding]) -> pd.DataFrame:
    """Return the points of all panels."""
    points = [finding.points.assign(structure=finding.structure, measure=finding.measure) for finding in findings]
    return pd.concat(points, ignore_index=True)[["structure", "measure", "age_years", "quartile", "value"]]

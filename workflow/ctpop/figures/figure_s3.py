"""Scatterplots of the volume and attenuation of every structure by age, as small multiples on numbered pages."""

import math

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ctpop.figures import scatter
from ctpop.figures.association import Conventions, StructureFinding, size_text
from ctpop.figures.catalog import GRIDS
from ctpop.figures.formatting import AXES, coefficient, p_text
from ctpop.figures.structure_labels import fitting_name
from ctpop.figures.style import COLUMN_MM, LARGE, LINE_MM, NORMAL, SMALL, Page, blank_page, in_house_style
from ctpop.foundation.colors import SOFT

STRUCTURES_PER_ROW = GRIDS["figure_s3"][1]
WIDE_MM, HIGH_MM, ROW_MM, HEAD_MM = 31.0, 22.0, 39.5, 8.0


@in_house_style
def draw(findings: list[StructureFinding], place: tuple[int, int], conventions: Conventions) -> Figure:
    """Return a page of scatterplots.

    `findings` are the volume and the attenuation of each structure. `place` is the page number and the number of pages.
    """
    pairs = [findings[first : first + 2] for first in range(0, len(findings), 2)]
    rows = math.ceil(len(pairs) / STRUCTURES_PER_ROW)
    page = blank_page(COLUMN_MM["double"], HEAD_MM + ROW_MM * rows + 1, conventions.banner)
    page.write(
        2, 1.5, f"Figure S3, page {place[0]} of {place[1]}. Horizontal axes: age (y)", fontsize=NORMAL, color=SOFT
    )
    half = page.width_mm / STRUCTURES_PER_ROW
    for number, pair in enumerate(pairs):
        left = (number % STRUCTURES_PER_ROW) * half
        top = HEAD_MM + (number // STRUCTURES_PER_ROW) * ROW_MM
        page.write(
            left + 10,
            top - 1.5,
            fitting_name(pair[0].structure, half - 12, LARGE, bold=True),
            fontsize=LARGE,
            fontweight="bold",
        )
        for column, finding in enumerate(pair):
            _panel(page, (left + 10 + column * (half - 8) / 2, top + 2.2), finding, conventions)
    return page.figure


def source(findings: list[StructureFinding]) -> pd.DataFrame:
    """Return the points of a page."""
    points = [
        finding.points[["age_years", "value"]].assign(structure=finding.structure, measure=finding.measure)
        for finding in findings
    ]
    return pd.concat(points, ignore_index=True)[["structure", "measure", "age_years", "value"]]


def _panel(page: Page, corner: tuple[float, float], finding: StructureFinding, conventions: Conventions) -> None:
    left, top = corner
    page.write(left, top, AXES[finding.measure], fontsize=SMALL, color=SOFT)
    for row, line in enumerate(_statistics(finding, repeated=conventions.repeated), start=1):
        page.write(left, top + row * LINE_MM, line, fontsize=SMALL)
    lines = conventions.lines_above
    axes = page.axes(left, top + lines * LINE_MM + 1.0, WIDE_MM, HIGH_MM - LINE_MM * (lines - 2))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, min_n_ticks=2))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    scatter.plot(axes, finding, conventions)


def _statistics(finding: StructureFinding, *, repeated: bool) -> list[str]:
    rho, n = finding.association.get("rho", math.nan), size_text(finding, repeated=repeated)
    if math.isnan(rho):
        return [n]
    found = f"ρ = {coefficient(rho)}; {p_text(finding.association['p_rho0'], '$P$')}"
    return [found, n] if repeated else [f"{found}; {n}"]

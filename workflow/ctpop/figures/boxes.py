"""Box plots of the values of one structure by age quartile.

Whiskers end at the most extreme values within 1.5 times the interquartile range. As in the original study, outliers are
not drawn; their number is printed. Letters above the boxes show the significant differences of the post hoc tests.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from ctpop.figures.association import (
    QUARTILES,
    BoxSummary,
    Conventions,
    StructureFinding,
    box_table,
    boxes_of,
    kruskal_lines,
    letters_of,
    patients_of,
)
from ctpop.figures.scatter import mark_empty
from ctpop.figures.structure_labels import fitting_name
from ctpop.figures.style import (
    BLUES,
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

BOX_WIDTH = 0.56
TABLE_MM = 3 * LINE_MM + 2.5  # height of the rows below the boxes; a row with patients requires another line


@in_house_style
def draw(finding: StructureFinding, conventions: Conventions) -> Figure:
    """Return the box plots of a structure, one column wide."""
    width = COLUMN_MM["single"]
    more = LINE_MM * (conventions.lines_above - 2)  # additional height above and below the panel
    page = blank_page(width, 74 + 2 * more, conventions.banner)
    size = (width - 21, 45.0)
    page.write(18, 2, fitting_name(finding.structure, size[0], LARGE, bold=True), fontsize=LARGE, fontweight="bold")
    panel(page, (18, 6), size, finding, conventions)
    return page.figure


def source(finding: StructureFinding) -> pd.DataFrame:
    """Return the statistics of each box with n and the number of values that are not drawn."""
    return box_table(finding)


def panel(
    page: Page,
    corner: tuple[float, float],
    size: tuple[float, float],
    finding: StructureFinding,
    conventions: Conventions,
) -> None:
    """Draw the test results, the boxes, and the rows below them at a position on a page; `size` is that of the axes."""
    left, top = corner
    for row, line in enumerate(kruskal_lines(finding, repeated=conventions.repeated)):
        page.write(left, top + LINE_MM * row, line, fontsize=NORMAL)
    axes = page.axes(left, top + conventions.lines_above * LINE_MM + 1.5, *size)
    axes.set_ylabel(finding.axis)
    axes.set(xlim=(0.5, 4.5), xticks=QUARTILES, xticklabels=[])
    boxes = boxes_of(finding)
    patients = {"Patients": list(patients_of(finding).values())} if conventions.repeated else {}
    _write_rows(axes, size[1], boxes, {"Age (y)": conventions.age_ranges}, patients)
    if boxes:
        _draw_boxes(axes, finding, boxes)
    else:
        mark_empty(axes)


def _draw_boxes(axes: Axes, finding: StructureFinding, boxes: dict[int, BoxSummary]) -> None:
    letters = letters_of(finding)
    plot_boxes(axes, boxes, [BLUES[quartile - 1] for quartile in boxes])
    axes.margins(y=0.14 if letters else 0.06)
    for quartile, box in boxes.items():
        axes.annotate(
            letters.get(quartile, ""),
            (quartile, box.high),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=NORMAL,
        )


def plot_boxes(axes: Axes, boxes: dict[int, BoxSummary], fills: list[str], *, lying: bool = False) -> None:
    """Draw vertical or horizontal (`lying`) boxes at their positions, without the values beyond the whiskers."""
    drawn = axes.bxp(
        [
            {"q1": box.q1, "med": box.median, "q3": box.q3, "whislo": box.low, "whishi": box.high}
            for box in boxes.values()
        ],
        positions=list(boxes),
        orientation="horizontal" if lying else "vertical",
        widths=BOX_WIDTH,
        showfliers=False,
        patch_artist=True,
        manage_ticks=False,
        boxprops={"linewidth": 0.6, "edgecolor": INK},
        whiskerprops={"linewidth": 0.6, "color": INK},
        capprops={"linewidth": 0.6, "color": INK},
        medianprops={"linewidth": 1.2, "color": INK},
        capwidths=BOX_WIDTH / 2.5,
    )
    for fill, patch in zip(fills, drawn["boxes"], strict=True):
        patch.set_facecolor(fill)


def _write_rows(
    axes: Axes,
    height_mm: float,
    boxes: dict[int, BoxSummary],
    ranges: dict[str, list[str]],
    patients: dict[str, list[int]],
) -> None:
    below = blended_transform_factory(axes.transData, axes.transAxes)
    rows = {
        **ranges,
        "n": [f"{boxes[quartile].n:,}" if quartile in boxes else "0" for quartile in QUARTILES],
        **{name: [f"{number:,}" for number in numbers] for name, numbers in patients.items()},
        "Not drawn": [f"{boxes[quartile].hidden:,}" if quartile in boxes else "0" for quartile in QUARTILES],
    }
    for row, (name, cells) in enumerate(rows.items()):
        depth = -(2.0 + row * LINE_MM) / height_mm
        axes.annotate(
            name,
            (0, depth),
            xycoords="axes fraction",
            xytext=(-1.0 / POINT_MM, 0),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=SMALL,
            color=SOFT,
        )
        for quartile, cell in zip(QUARTILES, cells, strict=True):
            axes.text(quartile, depth, cell, transform=below, ha="center", va="top", fontsize=SMALL)

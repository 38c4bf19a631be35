"""Figure of one structure: volume (upper row) and attenuation (lower row), by age and by age quartile."""

from matplotlib.figure import Figure

from ctpop.figures import boxes, scatter
from ctpop.figures.association import Conventions, StructureFinding
from ctpop.figures.structure_labels import fitting_name
from ctpop.figures.style import COLUMN_MM, LARGE, LINE_MM, blank_page, in_house_style

PLOT_MM, HEAD_MM = 40.0, 8.0
LEFT_MM, RIGHT_MM = 19.0, 4.0
ROW_MM = 2 * LINE_MM + 1.5 + PLOT_MM + boxes.TABLE_MM + 6.0


@in_house_style
def draw(findings: list[StructureFinding], conventions: Conventions) -> Figure:
    """Return the four panels of a structure; `findings` are the volume and the attenuation."""
    width = COLUMN_MM["double"]
    row_mm = ROW_MM + 2 * LINE_MM * (conventions.lines_above - 2)  # additional height above and below each panel
    page = blank_page(width, HEAD_MM + row_mm * len(findings), conventions.banner)
    title = fitting_name(findings[0].structure, width - LEFT_MM, LARGE, bold=True)
    page.write(LEFT_MM, 2, title, fontsize=LARGE, fontweight="bold")
    half = width / 2
    size = (half - LEFT_MM - RIGHT_MM, PLOT_MM)
    for row, finding in enumerate(findings):
        top = HEAD_MM + row * row_mm
        scatter.panel(page, (LEFT_MM, top), size, finding, conventions)
        boxes.panel(page, (half + LEFT_MM, top), size, finding, conventions)
        for column in range(2):
            letter = "ABCD"[2 * row + column]
            page.write(column * half + 2, top - 0.5, letter, fontsize=LARGE + 1, fontweight="bold")
    return page.figure

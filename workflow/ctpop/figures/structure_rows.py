"""Figures with one row per structure: striped lanes with names on the left and columns of axes on the right."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes

from ctpop.figures.style import SMALL, STRIPE, Page, width_of
from ctpop.foundation.colors import SOFT

LEFT_MM, NAME_MM = 2.0, 46.0
LABEL_MM = NAME_MM - 3  # width of a name
ROWS_MM = 225.0  # height of all rows on an A4 page
ROW_MM = (2.4, 3.2)  # smallest and largest height of a row; a row is at least as high as its text
COUNT_SPACE_MM = 2.0  # gap between two columns of numbers


def height_of(n_rows: int, row_mm: tuple[float, float] = ROW_MM) -> float:
    """Return the height of a number of rows in mm."""
    return n_rows * min(max(ROWS_MM / max(1, n_rows), row_mm[0]), row_mm[1])


def has_repeats(table: pd.DataFrame, n: str = "n", n_patients: str = "n_patients") -> bool:
    """Return whether any number of scans in a table exceeds the number of patients; both are then printed."""
    return bool(table[n].gt(table[n_patients]).fillna(False).any())  # missing numbers count as equal


def count_heading(*, both: bool) -> str:
    """Return the heading of a column with numbers of scans and, if `both`, numbers of patients in parentheses."""
    return "Scans (patients)" if both else "n"


def count_room(texts: Iterable[str], least_mm: float, *, both: bool) -> float:
    """Return the width of a column of numbers in mm: `least_mm`, or more if patient counts require more space."""
    if not both:
        return least_mm
    return max(least_mm, *(width_of(text, SMALL) + COUNT_SPACE_MM for text in [count_heading(both=both), *texts]))


@dataclass(frozen=True)
class Lanes:
    """Rows of equal height, numbered from 0, from `top` (mm) with a total of `height` mm; names fit into `LABEL_MM`."""

    page: Page
    names: list[str]
    top: float
    height: float

    def name(self) -> None:
        """Write the names and draw a stripe behind every other row."""
        width = self.page.width_mm - 2 * LEFT_MM
        axes = self.page.axes(LEFT_MM, self.top, width, self.height)
        axes.set(xlim=(0, width), ylim=self.limits)
        axes.axis("off")
        for place, text in enumerate(self.names):
            if place % 2:
                axes.axhspan(place - 0.5, place + 0.5, color=STRIPE, linewidth=0)
            axes.text(0, place, text, va="center_baseline", fontsize=SMALL)

    def column(self, left: float, width: float) -> Axes:
        """Return axes that span all rows, `left` mm to the right of the names."""
        axes = self.page.axes(LEFT_MM + NAME_MM + left, self.top, width, self.height)
        axes.set(ylim=self.limits, yticks=[])
        axes.spines["left"].set_visible(False)
        axes.patch.set_visible(False)
        return axes

    def words(self, left: float, width: float, texts: list[str]) -> None:
        """Write a text into each row, centered in a column."""
        axes = self.column(left, width)
        axes.set(xlim=(0, 1))
        axes.axis("off")
        for place, text in enumerate(texts):
            axes.text(0.5, place, text, va="center_baseline", ha="center", fontsize=SMALL, color=SOFT)

    @property
    def limits(self) -> tuple[float, float]:
        """Limits of the downward axis of row numbers."""
        return len(self.names) - 0.5, -0.5

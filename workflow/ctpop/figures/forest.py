"""Forest plots for the comparison of two studies: effects of age or correlations with age, and their differences."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ctpop.figures.association import records
from ctpop.figures.formatting import AGREEMENTS, MEASURES, MINUS, MISSING, group_text, percent, scans_and_patients
from ctpop.figures.spearman_overview import dot, frame_forest, legend_row, mark
from ctpop.figures.structure_labels import fitting_name
from ctpop.figures.structure_rows import count_heading, count_room, has_repeats
from ctpop.figures.style import COLUMN_MM, NORMAL, SMALL, STRIPE, Page, blank_page, in_house_style, plain, shortened
from ctpop.foundation.colors import BLUE, GREEN, INK, ORANGE, PALE_GRAY, PAPER, RED, SOFT

Block = tuple[str, list[str]]
Present = list[tuple[int, dict[str, Any]]]  # row number and row of the table
Rows = list[tuple[str, bool]]  # name, and whether it is the name of a structure (otherwise a heading)

ROWS_PER_PAGE = 58
ROW_MM, HEAD_MM, FOOT_MM, LEFT_MM = 3.8, 13.0, 9.0, 2.0
NAME_MM, RHO_MM, COUNT_MM, DIFFERENCE_MM = 42.0, 62.0, 24.0, 40.0
SHIFT = {"a": -0.19, "b": 0.19}  # in rows; markers of the first study are above those of the second
COLORS = {"a": BLUE, "b": ORANGE}
OUTCOMES = {  # color and fill of the marker of a difference
    "equivalent": (GREEN, GREEN),
    "different": (RED, RED),
    "inconclusive": (INK, PAPER),
}
MARGIN_HEIGHT = 0.7  # of the band between the margins, in rows
ROOM = 0.04  # of the range of an axis, beyond the outermost limits
TICKS = 4


@dataclass(frozen=True)
class Quantity:
    """Columns of `comparison` that a figure shows, and the titles of its axes by measure.

    `estimate`, `low`, and `high` are the columns without the letter of the study, and `n` and `n_patients` those of the
    counts. `difference` is the column of the difference; its limits have the endings `_low` and `_high`. With
    `assessed`, the markers have the color of the outcome, and bands show the margins.
    """

    estimate: str
    low: str
    high: str
    n: str
    n_patients: str
    difference: str
    axis: dict[str, str]
    difference_axis: dict[str, str]
    assessed: bool


EFFECT = Quantity(
    *("effect", "effect_low", "effect_high", "n", "n_patients", "difference"),
    axis={"hu_mean": "Difference per decade (HU)", "volume_ml": "Difference per decade (%)"},
    difference_axis={
        "hu_mean": f"Second {MINUS} first (HU per decade)",
        "volume_ml": f"Second {MINUS} first (% per decade)",
    },
    assessed=True,
)
RHO = Quantity(
    *("rho", "rho_low", "rho_high", "n_rho", "n_patients_rho", "rho_difference"),
    axis=dict.fromkeys(MEASURES, "Spearman ρ with age"),
    difference_axis=dict.fromkeys(MEASURES, f"Difference in ρ (second {MINUS} first)"),
    assessed=False,
)


@dataclass(frozen=True)
class ForestStyle:
    """Settings that the figures of a comparison share: names of the studies, confidence level, and banner."""

    names: tuple[str, str]
    confidence: float
    banner: str | None


def pages_of(blocks: list[Block]) -> list[list[Block]]:
    """Return the headings and their structures divided into pages; a block on several pages repeats its heading."""
    pages: list[list[Block]] = []
    used, last = ROWS_PER_PAGE, ""
    for heading, name in ((heading, name) for heading, names in blocks for name in names):
        if used + 1 + (heading != last) > ROWS_PER_PAGE:
            pages.append([])
            used, last = 0, ""
        if heading != last:
            pages[-1].append((heading, []))
        pages[-1][-1][1].append(name)
        used, last = used + 1 + (heading != last), heading
    return pages


def source(table: pd.DataFrame, blocks: list[Block], measure: str) -> pd.DataFrame:
    """Return the rows of the table `comparison` without covariates on a page, in the order of the page."""
    order = [name for _, names in blocks for name in names]
    shown = table[table["measure"].eq(measure) & table["adjusted_for"].eq("none")].set_index("structure").reindex(order)
    return shown[shown["measure"].notna()].reset_index()


@in_house_style
def draw(shown: pd.DataFrame, blocks: list[Block], measure: str, quantity: Quantity, style: ForestStyle) -> Figure:
    """Return one page: both estimates with their confidence intervals, n, and the difference (second − first)."""
    rows: Rows = [row for heading, names in blocks for row in [(heading, False), *((name, True) for name in names)]]
    found = records(shown)
    height = len(rows) * ROW_MM
    page = blank_page(COLUMN_MM["double"], HEAD_MM + height + FOOT_MM, style.banner)
    write_names(page, rows, height)
    sizes = [(f"{quantity.n}_{study}", f"{quantity.n_patients}_{study}") for study in SHIFT]
    both = any(has_repeats(shown, *names) for names in sizes)
    counts = {place: _counts(row, sizes, both=both) for place, row in _present(rows, found)}
    count_mm = count_room(counts.values(), COUNT_MM, both=both)
    first_mm = RHO_MM + COUNT_MM - count_mm
    places = {"estimates": LEFT_MM + NAME_MM, "n": LEFT_MM + NAME_MM + first_mm}
    places["difference"] = places["n"] + count_mm
    page.write(places["estimates"], 5.8, MEASURES[measure], fontsize=NORMAL, fontweight="bold")
    middle = places["n"] + count_mm / 2
    page.write(middle, HEAD_MM - 3.2, count_heading(both=both), fontsize=SMALL, color=SOFT, ha="center")
    page.write(places["difference"], 5.8, "Difference", fontsize=NORMAL, fontweight="bold")
    present = _present(rows, found)
    left = _framed(page, (places["estimates"], first_mm), len(rows), quantity.axis[measure])
    _estimates(left, present, quantity)
    _write_counts(page.axes(places["n"], HEAD_MM, count_mm, height), len(rows), counts)
    right = _framed(page, (places["difference"], DIFFERENCE_MM), len(rows), quantity.difference_axis[measure])
    _differences(right, present, quantity)
    _legend(page, style, [str(row["outcome"]) for _, row in present] if quantity.assessed else [])
    return page.figure


def _framed(page: Page, span: tuple[float, float], n_rows: int, label: str) -> Axes:
    """Return axes that begin at a position and have a width (mm), with one row per structure."""
    axes = page.axes(span[0], HEAD_MM, span[1], n_rows * ROW_MM)
    frame_forest(axes, n_rows)
    axes.set_xlabel(label)
    return axes


def write_names(page: Page, rows: Rows, height: float) -> None:
    """Write the headings and the names of the structures, with a stripe behind every other row."""
    axes = page.axes(LEFT_MM, HEAD_MM, page.width_mm - 2 * LEFT_MM, height)
    axes.set(xlim=(0, page.width_mm - 2 * LEFT_MM), ylim=(len(rows) - 0.5, -0.5))
    axes.axis("off")
    for place, (name, is_structure) in enumerate(rows):
        if is_structure and place % 2:
            axes.axhspan(place - 0.5, place + 0.5, color=STRIPE, linewidth=0)
        heading = plain(shortened(group_text(name), NAME_MM - 3, SMALL, bold=True))
        short = fitting_name(name, NAME_MM - 3) if is_structure else heading
        weight = "normal" if is_structure else "bold"
        axes.text(2 if is_structure else 0, place, short, va="center_baseline", fontsize=SMALL, fontweight=weight)


def _estimates(axes: Axes, present: Present, quantity: Quantity) -> None:
    """Draw the estimates of both studies; correlations have the axis from −1 to 1."""
    ends = []
    for place, row in present:
        for study, shift in SHIFT.items():
            low, value, high = (row[f"{name}_{study}"] for name in (quantity.low, quantity.estimate, quantity.high))
            _marker(axes, place + shift, (low, value, high), COLORS[study], COLORS[study])
            ends += [low, value, high]
    if quantity.assessed:
        scale(axes, ends)


def _differences(axes: Axes, present: Present, quantity: Quantity) -> None:
    """Draw the differences, with bands between the margins if the differences are assessed."""
    ends = []
    for place, row in present:
        shown = [row[f"{quantity.difference}{ending}"] for ending in ("_low", "", "_high")]
        color, fill = OUTCOMES.get(row["outcome"], (INK, INK)) if quantity.assessed else (INK, INK)
        if quantity.assessed and not math.isnan(row["margin_low"]):
            _band(axes, place, (row["margin_low"], row["margin_high"]))
            ends += [row["margin_low"], row["margin_high"]]
        _marker(axes, place, (shown[0], shown[1], shown[2]), color, fill)
        ends += shown
    scale(axes, ends)


def _band(axes: Axes, place: float, margins: tuple[float, float]) -> None:
    width = margins[1] - margins[0]
    axes.barh(place, width, left=margins[0], height=MARGIN_HEIGHT, color=PALE_GRAY, linewidth=0, zorder=0.5)


def scale(axes: Axes, ends: Iterable[float], *, with_zero: bool = True) -> None:
    """Set the limits of an axis so that it contains all values and, `with_zero`, 0."""
    known = [end for end in ends if not math.isnan(end)]
    known = [*known, 0.0] if with_zero or not known else known
    room = ROOM * (max(known) - min(known)) or 1.0
    limits = min(known) - room, max(known) + room
    ticks = [tick for tick in MaxNLocator(TICKS).tick_values(*limits) if limits[0] <= tick <= limits[1]]
    axes.set(xlim=limits, xticks=ticks)
    axes.set_xticklabels([f"{tick:g}".replace("-", MINUS) for tick in ticks])


def _marker(axes: Axes, place: float, ends: tuple[float, float, float], color: str, fill: str) -> None:
    if not math.isnan(ends[1]):
        mark(axes, place, ends, color, fill)


def _counts(row: dict[str, Any], sizes: list[tuple[str, str]], *, both: bool) -> str:
    """Return n of both studies, with the numbers of patients if `both`; a dash if a study lacks the structure."""
    numbers = [(row[n], row[n_patients]) for n, n_patients in sizes]
    return " / ".join(MISSING if pd.isna(size[0]) else scans_and_patients(*size, both=both) for size in numbers)


def _write_counts(axes: Axes, n_rows: int, texts: dict[int, str]) -> None:
    axes.set(xlim=(0, 1), ylim=(n_rows - 0.5, -0.5))
    axes.axis("off")
    for place, text in texts.items():
        axes.text(0.5, place, text, va="center_baseline", ha="center", fontsize=SMALL, color=SOFT)


def _present(rows: Rows, found: dict[str, dict[str, Any]]) -> Present:
    return [(place, found[name]) for place, (name, is_structure) in enumerate(rows) if is_structure and name in found]


def _legend(page: Page, style: ForestStyle, outcomes: list[str]) -> None:
    names = [plain(shortened(name, NAME_MM, SMALL)) for name in style.names]
    studies = [dot(name, color, color) for name, color in zip(names, COLORS.values(), strict=True)]
    marks = [dot(AGREEMENTS[name].capitalize(), *look) for name, look in OUTCOMES.items() if name in outcomes]
    interval = Line2D([], [], color=SOFT, linewidth=0.8, label=f"{percent(style.confidence)} CI")
    band = Line2D([], [], color=PALE_GRAY, linewidth=5, label="Margins")
    legend_row(page, [*studies, *marks, interval, *([band] if marks else [])], (LEFT_MM, 0.6), columns=7)

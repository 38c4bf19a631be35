"""Forest plots for the comparison of two studies: correlations with age and their differences."""

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ctpop.figures.association import records
from ctpop.figures.formatting import MEASURES, MINUS, MISSING, group_text, level, scans_and_patients
from ctpop.figures.spearman_overview import dot, frame_forest, legend_above, mark
from ctpop.figures.structure_labels import fitting_name
from ctpop.figures.structure_rows import count_heading, count_room, has_repeats
from ctpop.figures.style import COLUMN_MM, NORMAL, SMALL, STRIPE, Page, blank_page, in_house_style, plain, shortened
from ctpop.foundation.colors import BLUE, INK, ORANGE, PAPER, SOFT

Block = tuple[str, list[str]]
Rows = list[tuple[str, bool]]  # name, and whether it is the name of a structure (otherwise a heading)

ROWS_PER_PAGE = 58
ROW_MM, HEAD_MM, FOOT_MM, LEFT_MM = 3.8, 13.0, 9.0, 2.0
NAME_MM, RHO_MM, COUNT_MM, DIFFERENCE_MM = 42.0, 62.0, 24.0, 40.0
SHIFT = {"a": -0.19, "b": 0.19}  # in rows; markers of the first study are above those of the second
COLORS = {"a": BLUE, "b": ORANGE}
LEAST_REACH = 0.2  # smallest upper limit of the axis of differences
TICKS = (0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True)
class ForestStyle:
    """Settings that the figures of a comparison share: names of the studies, levels, and banner."""

    names: tuple[str, str]
    confidence: float
    alpha: float
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
    """Return the rows of the table `comparison` on a page, in the order of the page."""
    order = [name for _, names in blocks for name in names]
    shown = table[table["measure"].eq(measure)].set_index("structure").reindex(order)
    return shown[shown["measure"].notna()].reset_index()


@in_house_style
def draw(shown: pd.DataFrame, blocks: list[Block], measure: str, style: ForestStyle) -> Figure:
    """Return one page: both correlations with their confidence intervals, n, and the difference (second − first)."""
    rows: Rows = [row for heading, names in blocks for row in [(heading, False), *((name, True) for name in names)]]
    found = records(shown)
    height = len(rows) * ROW_MM
    page = blank_page(COLUMN_MM["double"], HEAD_MM + height + FOOT_MM, style.banner)
    _names(page, rows, height)
    both = any(has_repeats(shown, f"n_{study}", f"n_patients_{study}") for study in SHIFT)
    counts = {place: _counts(row, both=both) for place, row in _present(rows, found)}
    count_mm = count_room(counts.values(), COUNT_MM, both=both)
    rho_mm = RHO_MM + COUNT_MM - count_mm
    places = {"rho": LEFT_MM + NAME_MM, "n": LEFT_MM + NAME_MM + rho_mm}
    places["difference"] = places["n"] + count_mm
    page.write(places["rho"], 5.8, MEASURES[measure], fontsize=NORMAL, fontweight="bold")
    middle = places["n"] + count_mm / 2
    page.write(middle, HEAD_MM - 3.2, count_heading(both=both), fontsize=SMALL, color=SOFT, ha="center")
    page.write(places["difference"], 5.8, "Difference", fontsize=NORMAL, fontweight="bold")
    _correlations(page.axes(places["rho"], HEAD_MM, rho_mm, height), rows, found)
    _write_counts(page.axes(places["n"], HEAD_MM, count_mm, height), len(rows), counts)
    _differences(page.axes(places["difference"], HEAD_MM, DIFFERENCE_MM, height), rows, found, style.alpha)
    _legend(page, style)
    return page.figure


def _names(page: Page, rows: Rows, height: float) -> None:
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


def _correlations(axes: Axes, rows: Rows, found: dict[str, dict[str, Any]]) -> None:
    frame_forest(axes, len(rows))
    for place, row in _present(rows, found):
        for study, shift in SHIFT.items():
            low, rho, high = (row[f"{name}_{study}"] for name in ("ci_low", "rho", "ci_high"))
            _marker(axes, place + shift, (low, rho, high), COLORS[study], COLORS[study])


def _differences(axes: Axes, rows: Rows, found: dict[str, dict[str, Any]], alpha: float) -> None:
    frame_forest(axes, len(rows))
    present = list(_present(rows, found))
    ends = [abs(row[name]) for _, row in present for name in ("difference_low", "difference_high")]
    reach = max([LEAST_REACH, *(1.05 * end for end in ends if not math.isnan(end))])
    tick = next(step for step in reversed(TICKS) if step <= reach)
    axes.set(xlim=(-reach, reach), xticks=[-tick, 0, tick])
    axes.set_xticklabels([f"{MINUS}{tick:g}".replace("0.", "."), "0", f"{tick:g}".replace("0.", ".")])
    axes.set_xlabel(f"Difference in ρ (second {MINUS} first)")
    for place, row in present:
        fill = INK if row["p"] < alpha else PAPER
        _marker(axes, place, (row["difference_low"], row["difference"], row["difference_high"]), INK, fill)


def _marker(axes: Axes, place: float, ends: tuple[float, float, float], color: str, fill: str) -> None:
    if not math.isnan(ends[1]):
        mark(axes, place, ends, color, fill)


def _counts(row: dict[str, Any], *, both: bool) -> str:
    """Return n of both studies, with the numbers of patients if `both`; a dash if a study lacks the structure."""
    sizes = [(row[f"n_{study}"], row[f"n_patients_{study}"]) for study in SHIFT]
    return " / ".join(MISSING if pd.isna(size[0]) else scans_and_patients(*size, both=both) for size in sizes)


def _write_counts(axes: Axes, n_rows: int, texts: dict[int, str]) -> None:
    axes.set(xlim=(0, 1), ylim=(n_rows - 0.5, -0.5))
    axes.axis("off")
    for place, text in texts.items():
        axes.text(0.5, place, text, va="center_baseline", ha="center", fontsize=SMALL, color=SOFT)


def _present(rows: Rows, found: dict[str, dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    return [(place, found[name]) for place, (name, is_structure) in enumerate(rows) if is_structure and name in found]


def _legend(page: Page, style: ForestStyle) -> None:
    names = [plain(shortened(name, NAME_MM, SMALL)) for name in style.names]
    studies = [dot(name, color, color) for name, color in zip(names, COLORS.values(), strict=True)]
    levels = [dot(f"$P$ < {level(style.alpha)}", INK, INK), dot(f"$P$ ≥ {level(style.alpha)}", INK, PAPER)]
    legend_above(page, [*studies, *levels], style.confidence)

"""Heat map of all correlations with age on one page: all patients, women, men, and adjusted, by organ group.

The figure has a row per structure rather than a schematic body because most of the 104 structures would be hidden
behind others in any projection.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ctpop.figures.association import Conventions
from ctpop.figures.formatting import (
    MEASURES,
    MISSING,
    coefficient,
    covariates_in_words,
    group_text,
    level,
    tick,
)
from ctpop.figures.structure_labels import fitting_name
from ctpop.figures.structure_rows import has_repeats
from ctpop.figures.style import (
    COLUMN_MM,
    LINE_MM,
    NORMAL,
    SMALL,
    Page,
    blank_page,
    in_house_style,
    plain,
    shortened,
    width_of,
    wrapped,
)
from ctpop.foundation.colors import HAIRLINE, INK, PAPER, SOFT
from ctpop.study.deciding_tests import deciding
from ctpop.study.label_sets import LabelSet

STRATA = {"all": "All", "female": "W", "male": "M", "adjusted": "Adj."}
COLUMNS = [(measure, stratum) for measure, stratum in product(MEASURES, STRATA)]
NUMBERS = ["n", "n_patients", "rho", "ci_low", "ci_high", "p"]
RHO = LinearSegmentedColormap.from_list("rho", ["#1f4e79", "#7aa8c8", PAPER, "#e6ac63", "#8a4b08"])
DARK = 0.62  # fraction of the scale above which numbers are white
LEAST_REACH = 0.5  # smallest upper limit of the scale
ROWS_MM, ROW_MM = 225.0, (2.7, 3.8)
NAME_MM, CELL_MM = {1: 54.0, 2: 34.2}, {1: 7.4, 2: 6.2}  # with one block, and with two adjacent blocks
SPACE_MM = 0.8  # gap between two numbers
LEFT_MM, GAP_MM, FOOT_MM, SCALE_MM = 2.0, 1.0, 2.0, 40.0

Key = tuple[str, str, str]  # structure, measure, stratum


@dataclass(frozen=True)
class HeatmapRow:
    """A structure, or the heading of a group."""

    heading: str = ""
    structure: str = ""

    @property
    def indent(self) -> float:
        """Indentation of the text (mm)."""
        return 1.0 if self.structure else 0.0


@dataclass(frozen=True)
class Block:
    """Rows on a page: upper left corner, widths of names and cells, and height of a row (mm)."""

    page: Page
    corner: tuple[float, float]
    name_mm: float
    cell_mm: float
    row_mm: float

    def edge(self, number: int) -> float:
        """Return the distance of a column of cells from the left edge of the block (mm)."""
        return self.name_mm + self.cell_mm * number + GAP_MM * (number >= len(STRATA))


@dataclass(frozen=True)
class Scale:
    """Scale of colors and numbers: absolute rho at both ends, alpha, and font size of the numbers (points)."""

    reach: float
    alpha: float
    size: float


def source(tables: dict[str, pd.DataFrame], label_set: LabelSet) -> pd.DataFrame:
    """Return group, structure, measure, stratum, adjusted_for, and the correlation, in label order.

    The stratum `adjusted` contains the correlations adjusted for the largest set of covariates.
    """
    adjusted = tables["adjusted"]
    most = max(adjusted["adjusted_for"].unique(), key=lambda names: (names.count(" + "), names), default="")
    parts = {
        "all": tables["associations"],
        **dict(iter(tables["associations_by_sex"].groupby("sex"))),
        "adjusted": adjusted[adjusted["adjusted_for"] == most],
    }
    columns = ["structure", "measure", *NUMBERS]
    found = pd.concat(
        [
            part.assign(p=deciding(part))[columns].assign(stratum=name, adjusted_for=most if name == "adjusted" else "")
            for name, part in parts.items()
        ]
    )
    keys = label_set.table[["group", "structure"]].merge(
        pd.DataFrame(COLUMNS, columns=["measure", "stratum"]), how="cross"
    )
    return keys.merge(found, on=["structure", "measure", "stratum"], how="left", validate="one_to_one")


@in_house_style
def draw(cells: pd.DataFrame, label_set: LabelSet, conventions: Conventions) -> Figure:
    """Return the heat map of the rows of `source`, in one block or, with many structures, in two adjacent blocks."""
    blocks = blocks_of(label_set)
    longest = max(map(len, blocks))
    row_mm = min(max(ROWS_MM / longest, ROW_MM[0]), ROW_MM[1])
    width = COLUMN_MM["middle" if len(blocks) == 1 else "double"]
    scale = Scale(_reach(cells["rho"]), conventions.alpha, _size(cells["rho"], CELL_MM[len(blocks)]))
    lines = [line for text in _legend_lines(cells, scale) for line in wrapped(text, width - SCALE_MM - 14, SMALL)]
    head = 2 + LINE_MM * len(lines) + 11
    page = blank_page(width, head + row_mm * longest + FOOT_MM, conventions.banner)
    for row, line in enumerate(lines):
        page.write(LEFT_MM, 2 + row * LINE_MM, plain(line), fontsize=SMALL)
    _draw_scale(page, scale)
    by_key = {
        (row["structure"], row["measure"], row["stratum"]): row
        for row in cells.astype(dict.fromkeys(("rho", "p"), "float64")).to_dict("records")
    }
    for number, rows in enumerate(blocks):
        corner = LEFT_MM + number * (width / 2 - 0.5), head
        block = Block(page, corner, NAME_MM[len(blocks)], CELL_MM[len(blocks)], row_mm)
        _draw_block(block, rows, by_key, scale)
    return page.figure


def blocks_of(label_set: LabelSet) -> list[list[HeatmapRow]]:
    """Return headings and structures in one or two blocks of similar length; a split group has two headings."""
    rows = list(_rows(label_set))
    if len(rows) < ROWS_MM / ROW_MM[1]:
        return [rows]
    half = math.ceil(len(rows) / 2)
    half -= not rows[half - 1].structure  # no heading at the bottom of a block
    heading = next(row.heading for row in reversed(rows[: half + 1]) if not row.structure)
    again = [HeatmapRow(f"{heading}, continued")] if rows[half].structure else []
    return [rows[:half], again + rows[half:]]


def _rows(label_set: LabelSet) -> Iterator[HeatmapRow]:
    for group, members in label_set.table.groupby("group", sort=False):
        yield HeatmapRow(group_text(str(group)))
        yield from (HeatmapRow(structure=structure) for structure in members["structure"])


def _reach(rho: pd.Series) -> float:
    most = rho.astype("float64").abs().max()
    return LEAST_REACH if math.isnan(most) else max(LEAST_REACH, math.ceil(10 * most) / 10)


def _size(rho: pd.Series, cell_mm: float) -> float:
    """Return the font size at which every number fits a cell; zeros before the decimal point need more width."""
    numbers = rho.dropna().astype("float64").map(coefficient).unique()
    widest = max((width_of(text, SMALL, bold=True) for text in numbers), default=0.0)
    return min(SMALL, SMALL * (cell_mm - SPACE_MM) / widest) if widest else SMALL


def _draw_block(block: Block, rows: list[HeatmapRow], by_key: dict[Key, dict[Any, Any]], scale: Scale) -> None:
    left, top = block.corner
    axes = block.page.axes(left, top, block.edge(len(COLUMNS)), block.row_mm * len(rows))
    axes.set(xlim=(0, block.edge(len(COLUMNS))), ylim=(len(rows) - 0.5, -0.5))
    axes.axis("off")
    for place, row in enumerate(rows):
        weight = "normal" if row.structure else "bold"
        axes.text(row.indent, place, _fitted(row, block), va="center_baseline", fontsize=SMALL, fontweight=weight)
        for number, (measure, stratum) in enumerate(COLUMNS if row.structure else []):
            _cell(axes, (block.edge(number), place, block.cell_mm), by_key[row.structure, measure, stratum], scale)
    for number, (measure, stratum) in enumerate(COLUMNS):
        edge = left + block.edge(number)
        block.page.write(edge + block.cell_mm / 2, top - 3.8, STRATA[stratum], fontsize=SMALL, color=SOFT, ha="center")
        if number % len(STRATA) == 0:
            block.page.write(edge, top - 7.2, MEASURES[measure], fontsize=SMALL, fontweight="bold")


def _fitted(row: HeatmapRow, block: Block) -> str:
    """Return the text of a row, shortened to fit; a heading may extend over the cells."""
    if not row.structure:
        return plain(shortened(row.heading, block.edge(len(COLUMNS)), SMALL, bold=True))
    return fitting_name(row.structure, block.name_mm - row.indent - 0.5)


def _cell(axes: Axes, place: tuple[float, float, float], row: dict[Any, Any], scale: Scale) -> None:
    left, middle, width = place
    rho = row["rho"]
    frame = (left, middle - 0.5), width, 1.0
    if math.isnan(rho):
        axes.add_patch(Rectangle(*frame, facecolor=PAPER, edgecolor=HAIRLINE, hatch="/////", linewidth=0))
        return
    share = rho / scale.reach
    axes.add_patch(Rectangle(*frame, facecolor=RHO((1 + share) / 2), edgecolor=PAPER, linewidth=0.4))
    axes.text(
        left + width / 2,
        middle,
        coefficient(rho),
        ha="center",
        va="center_baseline",
        fontsize=scale.size,
        color=PAPER if abs(share) > DARK else INK,
        fontweight="bold" if row["p"] < scale.alpha else "normal",
    )


def _legend_lines(cells: pd.DataFrame, scale: Scale) -> list[str]:
    adjusted_for = next((covariates_in_words(names) for names in cells["adjusted_for"].dropna() if names), MISSING)
    everything = cells.loc[cells["stratum"] == "all"].dropna(subset=["n"])
    n = f"{_range(everything['n'])} usable values"
    if has_repeats(everything):
        n = f"{_range(everything['n'])} usable values of {_range(everything['n_patients'])} patients"
    return [
        "Spearman ρ with age.",
        f"All: n = {n} per structure. W: women. M: men. Adj.: adjusted for {adjusted_for}.",
        f"Bold: P < {level(scale.alpha)}. Hatched: no result.",
    ]


def _draw_scale(page: Page, scale: Scale) -> None:
    axes = page.axes(page.width_mm - SCALE_MM - 4, 2.0, SCALE_MM, 3.0)
    edges = np.linspace(-scale.reach, scale.reach, 65)
    axes.pcolormesh(edges, [0, 1], (edges[:-1] + edges[1:])[np.newaxis] / 2, cmap=RHO, vmin=edges[0], vmax=edges[-1])
    axes.set(yticks=[], xticks=[edges[0], 0, edges[-1]])
    axes.set_xticklabels([tick(rho) for rho in (-scale.reach, 0, scale.reach)])
    axes.spines[:].set_visible(False)
    page.write(page.width_mm - SCALE_MM - 5.5, 2.2, "ρ", fontsize=NORMAL, ha="right")


def _range(n: pd.Series) -> str:
    if n.empty:
        return "0"
    least, most = int(n.min()), int(n.max())
    return f"{most:,}" if least == most else f"{least:,} to {most:,}"

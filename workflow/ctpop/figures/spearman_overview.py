"""Forest plot of all correlations with age on one page: rho with confidence interval, for volume and attenuation.

The left and right structures of a pair share a row.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ctpop.figures.association import Conventions, records
from ctpop.figures.formatting import (
    MEASURES,
    group_text,
    level,
    pair_text,
    percent,
    scans_and_patients,
    structure_text,
    tick,
)
from ctpop.figures.structure_labels import fitting_name
from ctpop.figures.structure_rows import LABEL_MM, LEFT_MM, NAME_MM, count_heading, count_room, has_repeats, height_of
from ctpop.figures.style import COLUMN_MM, NORMAL, SMALL, STRIPE, Page, blank_page, in_house_style, plain, shortened
from ctpop.foundation.colors import BLUE, HAIRLINE, INK, ORANGE, PAPER, SOFT
from ctpop.study.deciding_tests import deciding
from ctpop.study.display_names import without_side, words_of
from ctpop.study.label_sets import LabelSet

COUNT_MM, PLOT_MM = 16.0, 46.0
HEAD_MM, FOOT_MM = 12.0, 9.0
COLORS = {"left": BLUE, "right": ORANGE, "": INK}
SHIFT = {"left": -0.17, "right": 0.17, "": 0.0}  # in rows; the left structure is above the right one


@dataclass(frozen=True)
class ForestRow:
    """A row of the forest plot: the heading of a group, or the structures with the same name and their sides."""

    text: str
    members: tuple[tuple[str, str], ...] = ()


@in_house_style
def draw(
    associations: pd.DataFrame, label_set: LabelSet, conventions: Conventions, without_side: str = "Unpaired"
) -> Figure:
    """Return the forest plot of all structures; filled markers are significant.

    `without_side` is the legend text of the black markers.
    """
    rows = list(rows_of(label_set))
    height = height_of(len(rows))
    page = blank_page(COLUMN_MM["double"], HEAD_MM + height + FOOT_MM, conventions.banner)
    names = page.axes(LEFT_MM, HEAD_MM, page.width_mm - 2 * LEFT_MM, height)
    names.set(xlim=(0, page.width_mm - 2 * LEFT_MM), ylim=(len(rows) - 0.5, -0.5))
    names.axis("off")
    for place, row in enumerate(rows):
        if row.members and place % 2:
            names.axhspan(place - 0.5, place + 0.5, color=STRIPE, linewidth=0)
        weight = "normal" if row.members else "bold"
        names.text(2 if row.members else 0, place, row.text, va="center_baseline", fontsize=SMALL, fontweight=weight)
    both = has_repeats(associations)
    found_of = {measure: records(associations.loc[associations["measure"] == measure]) for measure in MEASURES}
    counts = {measure: _counts(rows, found, both=both) for measure, found in found_of.items()}
    count_mm = count_room((text for texts in counts.values() for text in texts), COUNT_MM, both=both)
    plot_mm = PLOT_MM + COUNT_MM - count_mm
    for column, (measure, found) in enumerate(found_of.items()):
        left = LEFT_MM + NAME_MM + column * (PLOT_MM + COUNT_MM + 1)
        page.write(left, 5.5, MEASURES[measure], fontsize=NORMAL, fontweight="bold")
        middle = left + plot_mm + count_mm / 2
        page.write(middle, HEAD_MM - 3.2, count_heading(both=both), fontsize=SMALL, color=SOFT, ha="center")
        _forest(page.axes(left, HEAD_MM, plot_mm, height), rows, found)
        _write_counts(page.axes(left + plot_mm, HEAD_MM, count_mm, height), counts[measure])
    sides = any(side for row in rows for _, side in row.members)
    _legend(page, conventions, without_side if sides else "")
    return page.figure


def source(associations: pd.DataFrame, label_set: LabelSet) -> pd.DataFrame:
    """Return the correlations with the group and the side of each structure, in the order of the figure."""
    shown = label_set.table[["structure", "side", "group"]]
    columns = [
        "structure",
        "measure",
        "n",
        "n_patients",
        "rho",
        "ci_low",
        "ci_high",
        "log10_p",
        "significant",
    ]
    order = [structure for row in rows_of(label_set) for structure, _ in row.members]
    joined = shown.merge(
        associations.assign(log10_p=deciding(associations, "log10_p"))[columns], on="structure", validate="one_to_many"
    )
    places = joined["structure"].map({name: place for place, name in enumerate(order)})
    return joined.assign(place=places).sort_values(["measure", "place"], ascending=[False, True]).drop(columns="place")


def rows_of(label_set: LabelSet) -> Iterator[ForestRow]:
    """Yield headings and rows in the order of the label set, with both sides of a structure in one row."""
    table = label_set.table.assign(side=label_set.table["side"].fillna(""))
    for group, members in table.groupby("group", sort=False):
        yield ForestRow(plain(shortened(group_text(str(group)), NAME_MM, SMALL, bold=True)))
        sided = members["side"].ne("")
        whole = {structure_text(name) for name in members.loc[~sided, "structure"]}
        for _, same in members.groupby([members.apply(_row_name, axis=1), sided], sort=False):
            pairs = sorted(zip(same["structure"], same["side"], strict=True), key=lambda pair: pair[1])
            yield ForestRow(_row_text(pairs, whole), tuple(pairs))


def _row_name(structure: pd.Series) -> str:
    return without_side(words_of(structure["structure"])) if structure["side"] else str(structure["structure"])


def _row_text(pairs: list[tuple[str, str]], whole: set[str]) -> str:
    """Return the name of a structure, or that of both sides; `whole` are the names of structures without a side."""
    if len(pairs) == 1:
        return fitting_name(pairs[0][0], LABEL_MM)
    text = pair_text(pairs[0][0])
    return plain(shortened(f"{text} by side" if text in whole else text, LABEL_MM, SMALL))


def frame_forest(axes: Axes, n_rows: int) -> None:
    """Prepare axes for correlations from −1 to 1, with rows from top to bottom."""
    axes.set(xlim=(-1, 1), ylim=(n_rows - 0.5, -0.5), yticks=[], xticks=[-1, -0.5, 0, 0.5, 1])
    axes.set_xticklabels([tick(rho) for rho in (-1, -0.5, 0, 0.5, 1)])
    axes.set_xlabel("Spearman ρ with age")
    axes.spines["left"].set_visible(False)
    axes.patch.set_visible(False)
    axes.grid(axis="x", color=HAIRLINE, linewidth=0.4)
    axes.axvline(0, color=SOFT, linewidth=0.6, zorder=1)


def _forest(axes: Axes, rows: list[ForestRow], found: dict[str, dict[str, Any]]) -> None:
    frame_forest(axes, len(rows))
    dots = [(place, len(row.members) > 1, *member) for place, row in enumerate(rows) for member in row.members]
    for place, shared, structure, side in dots:
        if structure in found and not math.isnan(found[structure]["rho"]):
            row, color = found[structure], COLORS[side]
            fill = color if row["significant"] else PAPER
            mark(axes, place + SHIFT[side] * shared, (row["ci_low"], row["rho"], row["ci_high"]), color, fill)


def mark(axes: Axes, place: float, ends: tuple[float, float, float], color: str, fill: str) -> None:
    """Draw an estimate with its confidence interval in a row; `ends` are lower limit, estimate, and upper limit."""
    low, middle, high = ends
    axes.plot([low, high], [place, place], color=color, linewidth=0.8, zorder=2)
    axes.plot(
        middle,
        place,
        marker="o",
        markersize=2.6,
        markerfacecolor=fill,
        markeredgecolor=color,
        markeredgewidth=0.6,
        zorder=3,
    )


def _counts(rows: list[ForestRow], found: dict[str, dict[str, Any]], *, both: bool) -> list[str]:
    """Return n of each row: one number if both sides have the same n, otherwise one number per side.

    With `both`, each number is followed by the number of patients.
    """
    nothing = {"n": 0, "n_patients": 0}
    texts = []
    for row in rows:
        sizes = [found.get(structure, nothing) for structure, _ in row.members]
        n = [scans_and_patients(size["n"], size["n_patients"], both=both) for size in sizes]
        texts.append(n[0] if len(set(n)) == 1 else " / ".join(n))
    return texts


def _write_counts(axes: Axes, texts: list[str]) -> None:
    axes.set(xlim=(0, 1), ylim=(len(texts) - 0.5, -0.5))
    axes.axis("off")
    for place, text in enumerate(texts):
        axes.text(0.5, place, text, va="center_baseline", ha="center", fontsize=SMALL, color=SOFT)


def _legend(page: Page, conventions: Conventions, without_side: str) -> None:
    colors = {"Left": BLUE, "Right": ORANGE, without_side: INK} if without_side else {}
    sides = [dot(text, color, color) for text, color in colors.items()]
    levels = [
        dot(f"$P$ < {level(conventions.alpha)}", SOFT, SOFT),
        dot(f"$P$ ≥ {level(conventions.alpha)}", SOFT, PAPER),
    ]
    legend_above(page, [*sides, *levels], conventions.confidence)


def dot(text: str, color: str, fill: str) -> Line2D:
    """Return a legend entry for a type of marker."""
    return Line2D([], [], marker="o", ls="", ms=3, mfc=fill, mec=color, mew=0.6, label=text)


def legend_above(page: Page, dots: list[Line2D], confidence: float) -> None:
    """Write a one-row legend of the markers and the confidence interval above a forest plot."""
    interval = Line2D([], [], color=SOFT, linewidth=0.8, label=f"{percent(confidence)} CI")
    legend_row(page, [*dots, interval], (LEFT_MM, 0.6), columns=6)


def legend_row(
    page: Page, handles: list[Line2D], at_mm: tuple[float, float], columns: int, spacing: float = 1.6
) -> None:
    """Write a legend at a position (mm) from the left edge and below the banner, with `columns` entries per row."""
    left, below = at_mm
    page.figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(left / page.width_mm, 1 - (page.head_mm + below) / page.height_mm),
        borderaxespad=0,
        borderpad=0,
        ncols=columns,
        frameon=False,
        fontsize=SMALL,
        handletextpad=0.4,
        columnspacing=spacing,
        handlelength=1.2,
    )

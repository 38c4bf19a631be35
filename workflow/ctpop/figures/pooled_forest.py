"""Forest plots of a meta-analysis: effects of all studies, pooled effects, and pooled effects without each study."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ctpop.figures import forest
from ctpop.figures.forest import HEAD_MM, LEFT_MM, NAME_MM, ROW_MM, Block, Rows
from ctpop.figures.formatting import MEASURES, MISSING, number, percent
from ctpop.figures.spearman_overview import frame_forest, legend_row
from ctpop.figures.style import COLUMN_MM, NORMAL, SMALL, Page, blank_page, in_house_style
from ctpop.foundation.colors import BLUE, GRAY, INK, ORANGE, PALE_BLUE, SOFT

FOOT_MM, PLOT_MM, WORDS_MM, WITHOUT_MM = 9.0, 70.0, 20.0, 36.0
AXIS = {"hu_mean": "Difference per decade (HU)", "volume_ml": "Difference per decade (%)"}
PREDICTION_HEIGHT, SITE_SHIFT = 0.5, 0.24  # in rows


@dataclass(frozen=True)
class PoolStyle:
    """Settings that the figures of a meta-analysis share: names of the studies, confidence level, and banner."""

    names: tuple[str, ...]
    confidence: float
    banner: str | None


def source(rows: pd.DataFrame, blocks: list[Block]) -> pd.DataFrame:
    """Return the rows of the table `pooled` for the structures on a page, in the order of the page."""
    order = {name: place for place, name in enumerate(name for _, names in blocks for name in names)}
    shown = rows[rows["structure"].isin(order) & rows["kind"].ne("difference")]
    return shown.sort_values("structure", key=lambda names: names.map(order), kind="stable").reset_index(drop=True)


@in_house_style
def draw(shown: pd.DataFrame, blocks: list[Block], measure: str, style: PoolStyle) -> Figure:
    """Return one page: effects of the studies with the pooled effect, k and I², and effects without each study."""
    rows: Rows = [row for heading, names in blocks for row in [(heading, False), *((name, True) for name in names)]]
    height = len(rows) * ROW_MM
    page = blank_page(COLUMN_MM["double"], HEAD_MM + height + FOOT_MM, style.banner)
    forest.write_names(page, rows, height)
    page.write(LEFT_MM + NAME_MM, 5.8, MEASURES[measure], fontsize=NORMAL, fontweight="bold")
    places = {name: place for place, (name, is_structure) in enumerate(rows) if is_structure}
    records = [{str(key): value for key, value in row.items()} for row in shown.to_dict("records")]
    left = _framed(page, LEFT_MM + NAME_MM, PLOT_MM, len(rows), AXIS[measure])
    _effects(left, places, records)
    at = LEFT_MM + NAME_MM + PLOT_MM
    page.write(at + WORDS_MM / 2, HEAD_MM - 3.2, "k   I²", fontsize=SMALL, color=SOFT, ha="center")
    words = page.axes(at, HEAD_MM, WORDS_MM, height)
    _words(words, places, records, len(rows))
    page.write(at + WORDS_MM, 5.8, "Without one study", fontsize=NORMAL, fontweight="bold")
    right = _framed(page, at + WORDS_MM, WITHOUT_MM, len(rows), AXIS[measure])
    _without(right, places, records)
    _legend(page, style.confidence)
    return page.figure


def _framed(page: Page, left: float, width: float, n_rows: int, label: str) -> Axes:
    axes = page.axes(left, HEAD_MM, width, n_rows * ROW_MM)
    frame_forest(axes, n_rows)
    axes.set_xlabel(label)
    return axes


def _effects(axes: Axes, places: dict[str, int], records: list[dict[str, Any]]) -> None:
    """Draw the effects of the studies as dots, the pooled effects as diamonds, and the prediction intervals."""
    ends = []
    for row in records:
        place, limits = places[row["structure"]], (row["ci_low"], row["ci_high"])
        if row["kind"] == "study":
            axes.plot(row["effect"], place + SITE_SHIFT, "o", ms=1.8, mfc=GRAY, mec="none", zorder=2)
            ends.append(row["effect"])
        if row["kind"] == "pooled":
            prediction = (row["prediction_low"], row["prediction_high"])
            axes.plot(prediction, [place - SITE_SHIFT] * 2, color=PALE_BLUE, linewidth=3, zorder=1)
            axes.plot(limits, [place - SITE_SHIFT] * 2, color=BLUE, linewidth=0.9, zorder=3)
            axes.plot(row["effect"], place - SITE_SHIFT, "D", ms=2.6, mfc=BLUE, mec=BLUE, zorder=4)
            ends += [*limits, *prediction]
    forest.scale(axes, ends)


def _without(axes: Axes, places: dict[str, int], records: list[dict[str, Any]]) -> None:
    """Draw the pooled effects without each study, and a line at the pooled effect of all studies."""
    ends = []
    for row in records:
        place = places[row["structure"]]
        if row["kind"] == "without":
            axes.plot(row["effect"], place, "o", ms=2.0, mfc="none", mec=ORANGE, mew=0.6, zorder=2)
        if row["kind"] == "pooled":
            axes.plot([row["effect"]] * 2, [place - 0.4, place + 0.4], color=BLUE, linewidth=0.9, zorder=3)
        if row["kind"] != "study":
            ends.append(row["effect"])
    forest.scale(axes, ends, with_zero=False)


def _words(axes: Axes, places: dict[str, int], records: list[dict[str, Any]], n_rows: int) -> None:
    """Write the number of studies and I² of each structure."""
    axes.set(xlim=(0, 1), ylim=(n_rows - 0.5, -0.5))
    axes.axis("off")
    studies = pd.Series([row["structure"] for row in records if row["kind"] == "study"], dtype="str").value_counts()
    shares = {row["structure"]: f"{number(row['i_squared'], 0)}%" for row in records if row["kind"] == "pooled"}
    for name, place in places.items():
        text = f"{studies.get(name, 0)}   {shares.get(name, MISSING)}"
        axes.text(0.5, place, text, va="center_baseline", ha="center", fontsize=SMALL, color=SOFT)


def _legend(page: Page, confidence: float) -> None:
    level = percent(confidence)
    marks = [
        Line2D([], [], color=GRAY, marker="o", ms=1.8, ls="", label="Studies"),
        Line2D([], [], color=BLUE, marker="D", ms=2.6, linewidth=0.9, label=f"Pooled ({level} CI)"),
        Line2D([], [], color=PALE_BLUE, linewidth=3, label=f"{level} prediction interval"),
        Line2D([], [], color=INK, marker="o", ms=2.0, mfc="none", mec=ORANGE, ls="", label="Without one study"),
    ]
    legend_row(page, marks, (LEFT_MM, 0.6), columns=4)

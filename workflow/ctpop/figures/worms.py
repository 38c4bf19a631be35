"""Worm plots of the centile curves of one structure: deviations of the z scores from the normal distribution."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ctpop.figures.centiles import legend_text
from ctpop.figures.formatting import MEASURES, SEXES
from ctpop.figures.scatter import mark_empty
from ctpop.figures.structure_labels import fitting_name
from ctpop.figures.style import BLUES, COLUMN_MM, LARGE, LINE_MM, NORMAL, SMALL, blank_page, in_house_style
from ctpop.foundation.colors import HAIRLINE, ORANGE, SOFT

COLUMNS = ["measure", "sex", "band", "expected", "deviation", "limit"]
PANELS = [(measure, sex) for measure in ("volume_ml", "hu_mean") for sex in ("female", "male")]
WIDE_MM, PLOT_MM, TOP_MM, LEFT_MM, APART_MM, DOWN_MM = 71.0, 34.0, 15.0, 16.0, 12.0, 22.0
LEAST = 0.5  # smallest range of the deviations above and below 0
YOUNGEST_TO_OLDEST = "Lines: age quartiles, from the youngest (light) to the oldest (dark)."
MISFIT = "misfit"  # last word of the text of such a panel


def source(structure: str, tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the deviations of one structure by measure, sex, and age quartile (`band`)."""
    worms = tables["centile_worms"]
    return worms.loc[worms["structure"].eq(structure), COLUMNS].reset_index(drop=True)


def states_of(structure: str, tables: dict[str, pd.DataFrame]) -> dict[tuple[str, str], str]:
    """Return the words below the heading of each panel: n with `misfit`, or with the reason for missing curves."""
    table = tables["centile_calibration"]
    rows = table[table["structure"].eq(structure) & table["band"].eq("all")].to_dict("records")
    return {(row["measure"], row["sex"]): legend_text(row) for row in rows}


def summary(states: dict[tuple[str, str], str]) -> str:
    """Return text with the state of each panel."""
    titles = {(measure, sex): f"{MEASURES[measure]}, {SEXES[sex].lower()}" for measure, sex in PANELS}
    return ". ".join(f"{title}: {states[panel]}" for panel, title in titles.items() if panel in states)


@in_house_style
def draw(structure: str, shown: pd.DataFrame, states: dict[tuple[str, str], str], banner: str | None) -> Figure:
    """Return worm plots of volume (A, B) and attenuation (C, D) for women and men."""
    page = blank_page(COLUMN_MM["double"], TOP_MM + 2 * PLOT_MM + DOWN_MM + 10, banner)
    width = page.width_mm - LEFT_MM
    page.write(LEFT_MM, 2, fitting_name(structure, width, LARGE, bold=True), fontsize=LARGE, fontweight="bold")
    page.write(LEFT_MM, 2 + 1.4 * LINE_MM, YOUNGEST_TO_OLDEST, fontsize=SMALL, color=SOFT)
    largest = max(LEAST, 1.05 * float(shown["deviation"].abs().max())) if len(shown) else LEAST
    for number, (measure, sex) in enumerate(PANELS):
        row, column = divmod(number, 2)
        left, top = LEFT_MM + column * (WIDE_MM + APART_MM), TOP_MM + 4 + row * (PLOT_MM + DOWN_MM - 4)
        state = states.get((measure, sex), "")
        letter = left - (LEFT_MM - 2 if column == 0 else 6)
        page.write(letter, top - 6.4, "ABCD"[number], fontsize=LARGE + 1, fontweight="bold")
        heading = f"{MEASURES[measure]}, {SEXES[sex].lower()}"
        page.write(left, top - 6, heading, fontsize=NORMAL, fontweight="bold")
        page.write(left, top - 6 + LINE_MM, state, fontsize=SMALL, color=ORANGE if state.endswith(MISFIT) else SOFT)
        axes = page.axes(left, top, WIDE_MM, PLOT_MM)
        part = shown[shown["measure"].eq(measure) & shown["sex"].eq(sex)]
        label = "" if column else "Deviation"
        axes.set(xlim=(-3, 3), ylim=(-largest, largest), xlabel="Expected z score" if row else "", ylabel=label)
        if part.empty:
            mark_empty(axes, "No curves")
            continue
        _worms(axes, part)
    return page.figure


def _worms(axes: Axes, part: pd.DataFrame) -> None:
    axes.axhline(0, color=HAIRLINE, linewidth=0.6, zorder=1)
    for color, (_, line) in zip(BLUES, part.groupby("band"), strict=False):
        x, limit = line["expected"].to_numpy(dtype=float), line["limit"].to_numpy(dtype=float)
        axes.plot(x, line["deviation"], color=color, linewidth=1.1, zorder=3)
        for side in (-limit, limit):
            axes.plot(x, side, ":", color=color, linewidth=0.5, zorder=2)

"""Histograms of age by sex: women on the left, men on the right, and a separate panel for unrecorded sex."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ctpop.figures.formatting import SEXES, count
from ctpop.figures.style import COLUMN_MM, LINE_MM, NORMAL, blank_page, in_house_style
from ctpop.foundation.colors import BLUE, GRAY, INK, ORANGE, SOFT
from ctpop.study.patients import distinct, patient_numbers

FINE_FROM = 200  # scans of known age from which bins are 5 years wide; with fewer scans, bins are 10 years wide
COLORS = {"female": ORANGE, "male": BLUE, "": GRAY}
TOP_MM, PLOT_MM, LEFT_MM, RIGHT_MM = 11.5, 52.0, 12.0, 3.0
APART_MM = 4.0  # gap before the panel for unrecorded sex


@in_house_style
def draw(cohort: pd.DataFrame, banner: str | None) -> Figure:
    """Return the histograms of age_years by sex; the number of scans of unknown age is printed as text."""
    counts = source(cohort)
    both = distinct(patient_numbers(cohort)) < len(cohort)
    top_mm = TOP_MM + LINE_MM * both
    sexes = list(dict.fromkeys(counts["sex"]))
    page = blank_page(COLUMN_MM["single" if len(sexes) == 2 else "middle"], top_mm + PLOT_MM + 10, banner)
    share = (page.width_mm - LEFT_MM - RIGHT_MM - APART_MM * (len(sexes) - 2)) / len(sexes)
    limit = 1.08 * max(1, counts["n"].max())
    for place, sex in enumerate(sexes):
        left = LEFT_MM + share * place + APART_MM * (place > 1)
        axes = page.axes(left, top_mm, share, PLOT_MM)
        _bars(axes, counts.loc[counts["sex"] == sex], COLORS[sex])
        axes.set(xlim=(limit, 0) if place == 0 else (0, limit))
        _frame(axes, _edges(cohort["age_years"]), first=place == 0)
        x, side = (left + share - 2, "right") if place == 0 else (left + 2, "left")
        for row, line in enumerate(_label(cohort, sex, both=both)):
            look = {"fontweight": "bold"} if row == 0 else {"color": SOFT}
            page.write(x, 1.5 + row * LINE_MM, line, ha=side, fontsize=NORMAL, **look)
    page.write((LEFT_MM + page.width_mm - RIGHT_MM) / 2, top_mm + PLOT_MM + 5.5, "No. of scans", ha="center")
    return page.figure


def source(cohort: pd.DataFrame) -> pd.DataFrame:
    """Return sex (empty if not recorded), age_from, age_to (exclusive), n, and n_patients of each bar.

    A patient whose scans are in several bars is counted in each of these bars.
    """
    edges = _edges(cohort["age_years"])
    sexes = [sex for sex in SEXES if sex or cohort["sex"].isna().any()]
    first = cohort.assign(patient=patient_numbers(cohort), bar=_bar_of(cohort["age_years"], edges))
    once = first.drop_duplicates(["patient", "bar"])
    counted = [
        pd.DataFrame(
            {
                **{"sex": sex, "age_from": edges[:-1], "age_to": edges[1:]},
                **{"n": _counts(first, sex, edges), "n_patients": _counts(once, sex, edges)},
            }
        )
        for sex in sexes
    ]
    return pd.concat(counted, ignore_index=True)


def _edges(ages: pd.Series) -> np.ndarray:
    known = ages.dropna()
    step = 5 if len(known) >= FINE_FROM else 10
    if known.empty:
        return np.array([0, 100])
    first, last = (math.floor(age / step) * step for age in (known.min(), known.max()))
    return np.arange(first, last + step + 1, step)


def _bar_of(ages: pd.Series, edges: np.ndarray) -> np.ndarray:
    """Return the index of the bar of each age; -1 for a missing age."""
    bars: np.ndarray = np.where(ages.isna(), -1, np.digitize(ages, edges) - 1)
    return bars


def _counts(rows: pd.DataFrame, sex: str, edges: np.ndarray) -> np.ndarray:
    bars = rows.loc[(rows["sex"].fillna("") == sex) & (rows["bar"] >= 0), "bar"]
    return np.bincount(bars, minlength=len(edges))[: len(edges) - 1]


def _bars(axes: Axes, counts: pd.DataFrame, color: str) -> None:
    heights = counts["age_to"] - counts["age_from"]
    axes.barh(counts["age_from"], counts["n"], heights, align="edge", color=color, edgecolor="white", linewidth=0.7)


def _frame(axes: Axes, edges: np.ndarray, *, first: bool) -> None:
    axes.set(yticks=np.arange(math.ceil(edges[0] / 10) * 10, edges[-1] + 1, 10), ylim=(edges[0], edges[-1]))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True, min_n_ticks=2))
    axes.spines["left"].set_visible(first)
    axes.tick_params(axis="y", left=first, labelleft=first)
    axes.set_ylabel("Age (y)" if first else "")
    axes.axvline(0, color=INK, linewidth=0.5)
    axes.xaxis.set_major_formatter(lambda n, _: "" if first and n == 0 else f"{n:,.0f}")


def _label(cohort: pd.DataFrame, sex: str, *, both: bool) -> list[str]:
    rows = cohort.loc[cohort["sex"].fillna("") == sex]
    ages = rows["age_years"]
    known = ages.dropna()
    lines = [SEXES[sex], f"n = {_size(rows)}"] if both else [f"{SEXES[sex]} (n = {len(ages):,})"]
    if len(known):
        low, middle, high = np.percentile(known, [25, 50, 75])
        lines.append(f"Median, {middle:.0f} y (IQR, {low:.0f}–{high:.0f} y)")
    if len(known) < len(ages):
        lines.append(f"Age unknown: {_size(rows[ages.isna()]) if both else f'{len(ages) - len(known):,}'}")
    return lines


def _size(rows: pd.DataFrame) -> str:
    """Return the number of scans with the number of patients: `320 (80 patients)`."""
    return f"{len(rows):,} ({count(distinct(patient_numbers(rows)), 'patient')})"

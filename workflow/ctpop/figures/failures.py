"""Excluded volumes of each structure by reason, with age and sex of patients with usable and excluded volumes."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ctpop.contracts.all_tables import FLOW_REASONS
from ctpop.contracts.reasons import EXCLUSION_REASONS
from ctpop.figures.formatting import EXCLUSIONS, group_text, scans_and_patients
from ctpop.figures.structure_labels import fitting_name
from ctpop.figures.structure_rows import (
    LABEL_MM,
    LEFT_MM,
    NAME_MM,
    Lanes,
    count_heading,
    count_room,
    has_repeats,
    height_of,
)
from ctpop.figures.style import COLUMN_MM, NORMAL, SMALL, Page, blank_page, in_house_style
from ctpop.foundation.colors import BLUE, HAIRLINE, PAPER, SOFT

HEAD_MM, FOOT_MM, LEGEND_ROW_MM = 15.0, 9.0, 3.2
BARS_MM, COUNT_MM, AGE_MM, WOMEN_MM, GAP_MM = 50.0, 12.0, 28.0, 26.0, 3.0
COLORS = {reason.name: reason.color for reason in EXCLUSION_REASONS}
LEAST_SPAN = 8.0  # smallest range of an axis of dots, in years or percentage points
CHARACTERISTICS = {"age": "Mean age (y)", "women": "Women (%)"}


def source(failures: pd.DataFrame, structure_flow: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return one row per structure, in label order: scans, excluded volumes by reason, age, and percentage of women.

    Age and percentage of women are given for usable and for excluded volumes. Columns of `n_patients` contain the
    number of different patients of these scans.
    """
    excluded = structure_flow.loc[structure_flow["measure"] == "volume_ml"]
    patients = failures.set_index("structure")
    counts = _by_reason(excluded, "n_removed", names).add_prefix("n_")
    counts_of_patients = _by_reason(excluded, "n_patients_removed", names).add_prefix("n_patients_")
    return (
        pd.DataFrame(
            {
                "n_scans": patients["n_scans"].reindex(names),
                "n_patients": patients["n_patients"].reindex(names),
                "n_removed": counts.sum(axis=1),
                "n_patients_removed": patients["n_patients_removed_volume"].reindex(names),
                **counts,
                **counts_of_patients,
                "age_used": patients["age_usable_volume_years"].reindex(names).astype("float64"),
                "age_removed": patients["age_removed_volume_years"].reindex(names).astype("float64"),
                "women_used": 100 * patients["women_usable_volume"].reindex(names).astype("float64"),
                "women_removed": 100 * patients["women_removed_volume"].reindex(names).astype("float64"),
            }
        )
        .rename_axis("structure")
        .reset_index()
    )


def _by_reason(excluded: pd.DataFrame, column: str, names: list[str]) -> pd.DataFrame:
    table = excluded.pivot_table(index="structure", columns="reason", values=column, aggfunc="sum", observed=True)
    return table.reindex(names, fill_value=0)[[code for code in FLOW_REASONS if code in table.columns]]


@in_house_style
def draw(shown: pd.DataFrame, banner: str | None) -> Figure:
    """Return a page; `shown` contains the rows of `source` on this page."""
    reasons = [code for code in FLOW_REASONS if f"n_{code}" in shown and shown[f"n_{code}"].any()]
    height = height_of(len(shown))
    page = blank_page(COLUMN_MM["double"], HEAD_MM + height + FOOT_MM, banner)
    lanes = Lanes(page, [fitting_name(name, LABEL_MM) for name in shown["structure"]], HEAD_MM, height)
    lanes.name()
    both = has_repeats(shown, "n_scans", "n_patients")
    sizes = zip(shown["n_removed"], shown["n_patients_removed"], strict=True)
    counts = [scans_and_patients(*size, both=both) for size in sizes]
    count_mm = count_room(counts, COUNT_MM, both=both)
    bars_mm = BARS_MM + COUNT_MM - count_mm
    _bars(lanes.column(0, bars_mm), shown, reasons)
    lanes.words(bars_mm, count_mm, counts)
    left = BARS_MM + COUNT_MM + GAP_MM
    for (column, label), width in zip(CHARACTERISTICS.items(), (AGE_MM, WOMEN_MM), strict=True):
        _dots(lanes.column(left, width), shown[f"{column}_used"], shown[f"{column}_removed"], label)
        left += width + GAP_MM
    middle = LEFT_MM + NAME_MM + bars_mm + count_mm / 2
    page.write(middle, HEAD_MM - 3.2, count_heading(both=both), fontsize=SMALL, color=SOFT, ha="center")
    _legend(page, reasons)
    return page.figure


def _bars(axes: Axes, shown: pd.DataFrame, reasons: list[str]) -> None:
    places, left = np.arange(len(shown)), np.zeros(len(shown))
    for code in reasons:
        share = 100 * (shown[f"n_{code}"] / shown["n_scans"]).to_numpy(dtype=float)
        axes.barh(places, share, left=left, height=0.66, color=COLORS[code], linewidth=0)
        left += share
    axes.set(xlim=(0, max(1.0, 1.05 * left.max(initial=0.0))), xlabel="Excluded volumes (% of scans)")
    axes.grid(axis="x", color=HAIRLINE, linewidth=0.4)


def _dots(axes: Axes, used: pd.Series, removed: pd.Series, label: str) -> None:
    places = np.arange(len(used))
    axes.hlines(places, used, removed, color=HAIRLINE, linewidth=1.2, zorder=1)
    axes.plot(used, places, "o", ms=2.6, mfc=BLUE, mec=BLUE, mew=0.6, zorder=3)
    axes.plot(removed, places, "o", ms=2.6, mfc=PAPER, mec=BLUE, mew=0.6, zorder=2)
    known = pd.concat([used, removed]).dropna()
    axes.set_xlabel(label)
    low, high = (0.0, 100.0) if known.empty else (float(known.min()), float(known.max()))
    room = max(0.12 * (high - low), (LEAST_SPAN - high + low) / 2)
    axes.set_xlim(low - room, high + room)
    ticks = MaxNLocator(nbins=4, integer=True).tick_values(low - room, high + room)
    axes.set_xticks([tick for tick in ticks if max(0, low - room) <= tick <= high + room])
    axes.grid(axis="x", color=HAIRLINE, linewidth=0.4)


def _legend(page: Page, reasons: list[str]) -> None:
    bars = [Patch(color=COLORS[code], label=group_text(EXCLUSIONS[code])) for code in reasons]
    dots = [
        Line2D([], [], marker="o", ls="", ms=3, mfc=fill, mec=BLUE, mew=0.6, label=text)
        for text, fill in (("Usable volume", BLUE), ("Excluded volume", PAPER))
    ]
    page.write(LEFT_MM, 0.8, "Excluded volumes and characteristics of the affected patients", fontsize=NORMAL)
    page.figure.legend(
        handles=[*bars, *dots],
        loc="upper left",
        bbox_to_anchor=(LEFT_MM / page.width_mm, 1 - (page.head_mm + 4.6) / page.height_mm),
        borderaxespad=0,
        borderpad=0,
        ncols=6,
        frameon=False,
        fontsize=SMALL,
        handlelength=0.9,
        handleheight=0.9,
        handletextpad=0.4,
        columnspacing=1.2,
        labelspacing=0.25,
    )

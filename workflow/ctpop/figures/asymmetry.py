"""Box plots of the asymmetry index of each pair of left and right structures in the cohort."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ctpop.figures.association import BoxSummary, box_of
from ctpop.figures.boxes import plot_boxes
from ctpop.figures.formatting import MINUS, pair_text, scans_and_patients
from ctpop.figures.scatter import mark_empty
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
from ctpop.figures.style import BLUES, COLUMN_MM, NORMAL, SMALL, blank_page, in_house_style, plain, shortened
from ctpop.foundation.colors import BLUE, HAIRLINE, ORANGE, SOFT
from ctpop.study.patients import distinct, patient_of_scan

HEAD_MM, FOOT_MM, PLOT_MM, COUNT_MM = 10.0, 9.0, 96.0, 13.0
ROW_MM = (3.0, 4.6)
EMPTY = BoxSummary(0, np.nan, np.nan, np.nan, np.nan, np.nan, 0)


def source(analysis: pd.DataFrame, pairs: dict[str, str], cohort: pd.DataFrame) -> pd.DataFrame:
    """Return n, patients, and the box of (left - right) / (left + right) for each pair.

    `pairs` maps each left structure to its right counterpart. Only scans with two usable volumes are included.
    """
    volumes = analysis.loc[analysis["measure"] == "volume_ml"]
    by_name = {name: values.set_index("scan_id")["value"] for name, values in volumes.groupby("structure")}
    nothing = pd.Series(dtype="float64")
    number_of = patient_of_scan(cohort)
    rows = []
    for left, right in pairs.items():
        pair = pd.concat([by_name.get(left, nothing), by_name.get(right, nothing)], axis=1, join="inner")
        one, other = (pair.iloc[:, side].to_numpy(dtype=float) for side in (0, 1))
        box = box_of((one - other) / (one + other)) if len(one) else EMPTY
        n_patients = distinct(number_of.reindex(pair.index).to_numpy())
        rows.append({"left": left, "right": right, "n": box.n, "n_patients": n_patients, **vars(box)})
    numbers = ["n", "n_patients", *[name for name in vars(EMPTY) if name != "n"]]
    return pd.DataFrame(rows, columns=["left", "right", *numbers])


@in_house_style
def draw(shown: pd.DataFrame, banner: str | None) -> Figure:
    """Return the box plots of the rows of `source`."""
    height = height_of(max(1, len(shown)), ROW_MM)
    page = blank_page(COLUMN_MM["double"], HEAD_MM + height + FOOT_MM, banner)
    names = [plain(shortened(pair_text(name), LABEL_MM, SMALL)) for name in shown["left"]]
    lanes = Lanes(page, names or [""], HEAD_MM, height)
    lanes.name()
    both = has_repeats(shown)
    sizes = zip(shown["n"], shown["n_patients"], strict=True)
    counts = [scans_and_patients(*size, both=both) for size in sizes]
    count_mm = count_room(counts, COUNT_MM, both=both)
    plot_mm = PLOT_MM + COUNT_MM - count_mm
    axes = lanes.column(0, plot_mm)
    if shown["n"].sum():
        _boxes(axes, shown)
    else:
        mark_empty(axes)
        axes.set(xticks=[])
    hidden = [f"{count:,}" for count in shown["hidden"]]
    for left, width, heading, texts in (
        (plot_mm, count_mm, count_heading(both=both), counts),
        (plot_mm + count_mm, COUNT_MM, "Not drawn", hidden),
    ):
        lanes.words(left, width, texts)
        place = LEFT_MM + NAME_MM + left + width / 2
        page.write(place, HEAD_MM - 3.2, heading, fontsize=SMALL, color=SOFT, ha="center")
    middle = LEFT_MM + NAME_MM + plot_mm / 2
    page.write(middle - 3, 2, "← Right larger", fontsize=NORMAL, color=ORANGE, ha="right")
    page.write(middle + 3, 2, "Left larger →", fontsize=NORMAL, color=BLUE)
    return page.figure


def _boxes(axes: Axes, shown: pd.DataFrame) -> None:
    present = shown.loc[shown["n"] > 0]
    boxes = {int(place): BoxSummary(**row) for place, row in zip(present.index, _rows(present), strict=True)}
    plot_boxes(axes, boxes, [BLUES[1]] * len(boxes), lying=True)
    reach = max(0.05, 1.08 * float(np.nanmax(np.abs(present[["low", "high"]].to_numpy(dtype=float)))))
    axes.set(xlim=(-reach, reach), xlabel=f"Asymmetry index of volume, (left {MINUS} right)/(left + right)")
    axes.axvline(0, color=SOFT, linewidth=0.6, zorder=0)
    axes.grid(axis="x", color=HAIRLINE, linewidth=0.4)


def _rows(shown: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in shown[list(vars(EMPTY))].to_dict("records")]

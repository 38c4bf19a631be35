"""Box plots of the volume and attenuation of every structure by sex, on numbered pages."""

import math
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ctpop.contracts.all_tables import MEASURES
from ctpop.figures.age_by_sex import COLORS
from ctpop.figures.association import BoxSummary, box_of
from ctpop.figures.boxes import plot_boxes
from ctpop.figures.catalog import GRIDS
from ctpop.figures.formatting import AXES, SEXES
from ctpop.figures.scatter import mark_empty
from ctpop.figures.structure_labels import fitting_name
from ctpop.figures.structure_rows import has_repeats
from ctpop.figures.style import COLUMN_MM, LINE_MM, NORMAL, SMALL, Page, blank_page, in_house_style
from ctpop.foundation.colors import SOFT
from ctpop.study.patients import distinct, patient_numbers

PER_ROW = GRIDS["by_sex"][1]
WIDE_MM, HIGH_MM, ROW_MM, HEAD_MM, INDENT_MM = 17.5, 22.0, 40.5, 9.0, 9.5
EMPTY = BoxSummary(0, np.nan, np.nan, np.nan, np.nan, np.nan, 0)


def source(analysis: pd.DataFrame, cohort: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return one row per box: structure, measure, sex (empty if not recorded), n, patients, quartiles, and whiskers."""
    patients = cohort.set_index("scan_id")["sex"].fillna("")
    number_of = pd.Series(patient_numbers(cohort), index=patients.index)
    sexes = [sex for sex in SEXES if sex or patients.eq("").any()]
    scans = analysis["scan_id"]
    values = analysis.assign(sex=scans.map(patients).astype("str"), patient=scans.map(number_of))
    boxed = values.groupby(["structure", "measure", "sex"])
    found, n_patients = dict(iter(boxed["value"])), boxed["patient"].agg(distinct).to_dict()
    boxes = {key: box_of(known.to_numpy(dtype=float)) for key, known in found.items()}
    keys = product(names, MEASURES, sexes)
    return pd.DataFrame(
        [
            {
                **dict(zip(("structure", "measure", "sex"), key, strict=True)),
                "n": boxes.get(key, EMPTY).n,
                "n_patients": n_patients.get(key, 0),
                **vars(boxes.get(key, EMPTY)),
            }
            for key in keys
        ]
    )


@in_house_style
def draw(shown: pd.DataFrame, place: tuple[int, int], banner: str | None) -> Figure:
    """Return a page with the rows of `source`; `place` is the page number and the number of pages."""
    names = list(dict.fromkeys(shown["structure"]))
    by_panel = dict(iter(shown.groupby(["structure", "measure"])))
    page = blank_page(COLUMN_MM["double"], HEAD_MM + ROW_MM * math.ceil(len(names) / PER_ROW) + 1, banner)
    both = has_repeats(shown)
    n = "n, no. of patients" if both else "n"
    below = f"Below each box: sex (W, women; M, men), {n}, and no. of values not drawn (in parentheses)"
    text = f"Page {place[0]} of {place[1]}. {below}"
    page.write(2, 1.5, text, fontsize=NORMAL, color=SOFT)
    third = page.width_mm / PER_ROW
    for number, name in enumerate(names):
        left, top = (number % PER_ROW) * third, HEAD_MM + (number // PER_ROW) * ROW_MM
        title = fitting_name(name, third - INDENT_MM - 2, NORMAL, bold=True)
        page.write(left + INDENT_MM, top - 1.5, title, fontsize=NORMAL, fontweight="bold")
        for column, measure in enumerate(MEASURES):
            corner = (left + INDENT_MM + column * (third - 1) / 2, top + 1.8)
            _panel(page, corner, by_panel[name, measure], both=both)
    return page.figure


def _below(row: dict[Any, Any], *, both: bool) -> str:
    """Return the lines below a box: sex, n, patients if `both`, and the number of values not drawn in parentheses."""
    patients = [f"{row['n_patients']:,}"] if both else []
    return "\n".join([SEXES[str(row["sex"])][0], f"{row['n']:,}", *patients, f"({row['hidden']:,})"])


def _panel(page: Page, corner: tuple[float, float], rows: pd.DataFrame, *, both: bool) -> None:
    left, top = corner
    page.write(left, top, AXES[rows["measure"].iloc[0]].replace("Mean attenuation", "Attenuation"), fontsize=SMALL)
    axes = page.axes(left, top + 4.2, WIDE_MM, HIGH_MM - LINE_MM * both)
    places = list(range(1, len(rows) + 1))
    axes.set(xlim=(0.4, len(rows) + 0.6), xticks=places)
    axes.set_xticklabels([_below(row, both=both) for row in rows.to_dict("records")])
    if not rows["n"].sum():
        mark_empty(axes, "No usable\nvalues")
        return
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, min_n_ticks=2))
    drawn = {place: row for place, row in zip(places, rows.to_dict("records"), strict=True) if row["n"]}
    boxes = {place: BoxSummary(**{name: row[name] for name in vars(EMPTY)}) for place, row in drawn.items()}
    plot_boxes(axes, boxes, [COLORS[str(row["sex"])] for row in drawn.values()])
    axes.margins(y=0.08)

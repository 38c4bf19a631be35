"""Every structure: volume and attenuation of women and men as box plots, on numbered pages."""

import math
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ctpop.contracts.all_tables import MEASURES
from ctpop.figures.age_by_sex import COLOURS
from ctpop.figures.association import BoxSummary, box_of
from ctpop.figures.boxes import plot_boxes
from ctpop.figures.catalogue import GRIDS
from ctpop.figures.formatting import AXES, SEXES, structure_text
from ctpop.figures.scatter import mark_empty
from ctpop.figures.style import COLUMN_MM, NORMAL, SMALL, Page, blank_page, in_house_style, shortened
from ctpop.foundation.colours import SOFT

PER_ROW = GRIDS["by_sex"][1]
WIDE_MM, HIGH_MM, ROW_MM, HEAD_MM, INDENT_MM = 17.5, 22.0, 40.5, 9.0, 9.5
EMPTY = BoxSummary(0, np.nan, np.nan, np.nan, np.nan, np.nan, 0)


def source(analysis: pd.DataFrame, cohort: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return what each box shows: structure, measure, sex (empty where not recorded), n, quartiles, whiskers."""
    patients = cohort.set_index("scan_id")["sex"].fillna("")
    sexes = [sex for sex in SEXES if sex or patients.eq("").any()]
    values = analysis.assign(sex=analysis["scan_id"].map(patients).astype("str"))
    found = dict(iter(values.groupby(["structure", "measure", "sex"])["value"]))
    boxes = {key: box_of(known.to_numpy(dtype=float)) for key, known in found.items()}
    keys = product(names, MEASURES, sexes)
    return pd.DataFrame(
        [
            {"structure": name, "measure": measure, "sex": sex, **vars(boxes.get((name, measure, sex), EMPTY))}
            for name, measure, sex in keys
        ]
    )


@in_house_style
def draw(shown: pd.DataFrame, place: tuple[int, int], banner: str | None) -> Figure:
    """Return a page of the rows of `source`; `place` is its number and of how many."""
    names = list(dict.fromkeys(shown["structure"]))
    by_panel = dict(iter(shown.groupby(["structure", "measure"])))
    page = blank_page(COLUMN_MM["double"], HEAD_MM + ROW_MM * math.ceil(len(names) / PER_ROW) + 1, banner)
    below = "Below each box: sex (women, men), n, and how many values are not drawn"
    text = f"Volume and attenuation by sex, page {place[0]} of {place[1]}. {below}"
    page.write(2, 1.5, text, fontsize=NORMAL, color=SOFT)
    third = page.width_mm / PER_ROW
    for number, name in enumerate(names):
        left, top = (number % PER_ROW) * third, HEAD_MM + (number // PER_ROW) * ROW_MM
        title = shortened(structure_text(name), third - INDENT_MM - 2, NORMAL, bold=True)
        page.write(left + INDENT_MM, top - 1.5, title, fontsize=NORMAL, fontweight="bold")
        for column, measure in enumerate(MEASURES):
            corner = (left + INDENT_MM + column * (third - 1) / 2, top + 1.8)
            _panel(page, corner, by_panel[name, measure])
    return page.figure


def _panel(page: Page, corner: tuple[float, float], rows: pd.DataFrame) -> None:
    left, top = corner
    page.write(left, top, AXES[rows["measure"].iloc[0]].replace("Mean attenuation", "Attenuation"), fontsize=SMALL)
    axes = page.axes(left, top + 4.2, WIDE_MM, HIGH_MM)
    places = list(range(1, len(rows) + 1))
    axes.set(xlim=(0.4, len(rows) + 0.6), xticks=places)
    axes.set_xticklabels([f"{SEXES[str(row.sex)][0]}\n{row.n:,}\n({row.hidden:,})" for row in rows.itertuples()])
    if not rows["n"].sum():
        mark_empty(axes, "no usable\nvalues")
        return
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, min_n_ticks=2))
    drawn = {place: row for place, row in zip(places, rows.to_dict("records"), strict=True) if row["n"]}
    boxes = {place: BoxSummary(**{name: row[name] for name in vars(EMPTY)}) for place, row in drawn.items()}
    plot_boxes(axes, boxes, [COLOURS[str(row["sex"])] for row in drawn.values()])
    axes.margins(y=0.08)

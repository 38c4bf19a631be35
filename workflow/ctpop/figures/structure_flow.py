"""Flow of each structure: number of scans with a value in the statistics, and number of other scans by reason."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ctpop.contracts.reasons import EXCLUSION_REASONS, Bar
from ctpop.figures.formatting import MEASURES, group_text, scans_and_patients
from ctpop.figures.structure_labels import fitting_name
from ctpop.figures.structure_rows import count_heading, count_room, has_repeats
from ctpop.figures.style import COLUMN_MM, NORMAL, SMALL, Page, blank_page, in_house_style
from ctpop.foundation.colors import PAPER, SOFT

ROW_MM, BAR = 3.4, 0.74
NAME_MM, PLOT_MM, COUNT_MM = 44.0, 50.0, 12.0
HEAD_MM, FOOT_MM, LEFT_MM = 9.0, 22.0, 2.0
USED = Bar.used.name
SHARES = {bar.name: (bar.color, bar.label) for bar in Bar}
SHARE_OF = {reason.name: reason.bar.name for reason in EXCLUSION_REASONS if reason.bar}


def source(structure_flow: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return structure, measure, part of the bar (share), n, and n_patients, in the order of the figure.

    The numbers n of a bar add up to all scans. n_patients is missing if a part combines several reasons because numbers
    of patients cannot be added.
    """
    last = structure_flow.sort_values("order").drop_duplicates(["structure", "measure"], keep="last")
    used = last.assign(share=USED, n=last["n_after"], n_patients=last["n_patients_after"])
    excluded = structure_flow.assign(
        share=structure_flow["reason"].map(lambda reason: SHARE_OF.get(reason, reason)),
        n=structure_flow["n_removed"],
        n_patients=structure_flow["n_patients_removed"],
    )
    columns = ["structure", "measure", "share"]
    parts = pd.concat([used, excluded]).assign(n_reasons=lambda part: part["n"].gt(0).astype(int))
    rows = parts.groupby(columns, as_index=False, sort=False)[["n", "n_patients", "n_reasons"]].sum()
    several = rows.pop("n_reasons") > 1
    rows["n_patients"] = rows["n_patients"].astype("Int64").mask(several)
    place = {name: place for place, name in enumerate(names)}
    order = {share: place for place, share in enumerate(SHARES)}
    kept = rows[rows["structure"].isin(names)]
    keys = pd.DataFrame(
        {
            "p": kept["structure"].map(place),
            "m": kept["measure"].map({"volume_ml": 0, "hu_mean": 1}),
            "s": kept["share"].map(order),
        }
    )
    shown: pd.DataFrame = kept.loc[keys.sort_values(["p", "m", "s"]).index].reset_index(drop=True)
    return shown


@in_house_style
def draw(shown: pd.DataFrame, names: list[str], banner: str | None) -> Figure:
    """Return one page of the figure; `shown` contains the rows of `source` for these structures."""
    height = ROW_MM * len(names)
    page = blank_page(COLUMN_MM["double"], HEAD_MM + height + FOOT_MM, banner)
    sheet = page.axes(LEFT_MM, HEAD_MM, NAME_MM, height)
    sheet.set(xlim=(0, NAME_MM), ylim=(len(names) - 0.5, -0.5))
    sheet.axis("off")
    for place, name in enumerate(names):
        sheet.text(0, place, fitting_name(name, NAME_MM - 2), va="center_baseline", fontsize=SMALL)
    used = shown.loc[shown["share"] == USED]
    both = has_repeats(used)
    texts = {
        (row["structure"], row["measure"]): scans_and_patients(row["n"], row["n_patients"], both=both)
        for row in used.to_dict("records")
    }
    count_mm = count_room(texts.values(), COUNT_MM, both=both)
    plot_mm = PLOT_MM + COUNT_MM - count_mm
    heading = count_heading(both=both)
    for column, (measure, words) in enumerate(MEASURES.items()):
        left = LEFT_MM + NAME_MM + column * (PLOT_MM + COUNT_MM + 1)
        page.write(left, 2.0, words, fontsize=NORMAL, fontweight="bold")
        page.write(left + PLOT_MM + COUNT_MM - 1, HEAD_MM - 3.4, heading, fontsize=SMALL, color=SOFT, ha="right")
        _bars(page.axes(left, HEAD_MM, plot_mm, height), shown.loc[shown["measure"] == measure], names)
        counts = [texts.get((name, measure), scans_and_patients(0, 0, both=both)) for name in names]
        _counts(page.axes(left + plot_mm, HEAD_MM, count_mm, height), counts)
    _legend(page, shown)
    return page.figure


def _bars(axes: Axes, rows: pd.DataFrame, names: list[str]) -> None:
    table = rows.pivot_table(index="structure", columns="share", values="n", fill_value=0).reindex(names, fill_value=0)
    left = pd.Series(0.0, index=table.index)
    for share, (color, _) in SHARES.items():
        n = table[share] if share in table else 0 * left
        axes.barh(range(len(names)), n, BAR, left=left, color=color, edgecolor=PAPER, linewidth=0.2)
        left += n
    axes.set(xlim=(0, max(1, left.max())), ylim=(len(names) - 0.5, -0.5), yticks=[])
    axes.set_xlabel("No. of scans in the study")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.spines["left"].set_visible(False)


def _counts(axes: Axes, texts: list[str]) -> None:
    axes.set(xlim=(0, 1), ylim=(len(texts) - 0.5, -0.5))
    axes.axis("off")
    for place, text in enumerate(texts):
        axes.text(0.92, place, text, ha="right", va="center_baseline", fontsize=SMALL)


def _legend(page: Page, shown: pd.DataFrame) -> None:
    present = set(shown.loc[shown["n"] > 0, "share"])
    named = {share: (color, group_text(words)) for share, (color, words) in SHARES.items() if share in present}
    handles = [Patch(color=color, label=words) for color, words in named.values()]
    sheet = page.sheet()
    sheet.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(LEFT_MM / page.width_mm, 0.5 / (page.height_mm - page.head_mm)),
        ncols=3,
        fontsize=SMALL,
        frameon=False,
        handlelength=1.2,
        handleheight=0.8,
        borderaxespad=0,
    )

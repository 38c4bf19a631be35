"""Participant flow: who was in the registry, who was left out and why, who was measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ctpop.figures.formatting import LEFT_OUT_BY_REVIEWER, MEASURES, NOT_MEASURED, REVIEWED, SEX_WORDS, count, listed
from ctpop.figures.style import COLUMN_MM, LINE_MM, NORMAL, STRIPE, blank_page, in_house_style, plain, wrapped
from ctpop.foundation.colours import INK, PAPER, SOFT
from ctpop.study.unmeasured_scans import unmeasured_scans

MAIN_MM, SIDE_MM = 59.0, 52.0  # widths of the boxes
MARGIN_MM, PADDING_MM, GAP_MM = 2.0, 2.0, 4.0
NOTHING_THERE = (
    *("not_in_model", "not_requested", "not_in_table", "not_segmented", "duplicate_images"),
    *("absent", "absent_known"),
)


@dataclass(frozen=True)
class FlowBox:
    """A box of the diagram: what happened to how many scans, and more about them. A side box tells who left."""

    heading: str
    lines: list[str]
    side: bool


@in_house_style
def draw(steps: pd.DataFrame, banner: str | None) -> Figure:
    """Return the diagram of the table that `source` gives."""
    boxes = boxes_of(steps)
    texts = [_lines(box) for box in boxes]
    heights = [2 * PADDING_MM + LINE_MM * len(text) for text in texts]
    width = COLUMN_MM["middle"]
    page = blank_page(width, 2 * MARGIN_MM + sum(heights) + GAP_MM * (len(boxes) - 1), banner)
    axes = page.sheet()
    tops = [MARGIN_MM + sum(heights[:row]) + GAP_MM * row for row in range(len(boxes))]
    mains = [row for row, box in enumerate(boxes) if not box.side]
    for above, below in pairwise(mains):
        _arrow(axes, (_middle(), tops[above] + heights[above]), (_middle(), tops[below]))
    for box, text, top, height in zip(boxes, texts, tops, heights, strict=True):
        _draw_box(axes, box, text, top, height)
        if box.side:
            _arrow(axes, (_middle(), top + height / 2), (_left(box), top + height / 2))
    return page.figure


def cohort_source(flow: pd.DataFrame, exclusions: pd.DataFrame, cohort: pd.DataFrame) -> pd.DataFrame:
    """Return the steps from the registry to the cohort.

    Columns: step, code, n, n_not_recorded (scans whose registry says nothing on a criterion), and its sentence.
    """
    registry = int(flow["n_before"].iloc[0]) if len(flow) else len(cohort)
    first = exclusions.sort_values("order").drop_duplicates("scan_id")
    # Who fails `known` is never recorded, which need not be told.
    silent = first.loc[first["found"].isna() & first["limit"].ne("known"), "criterion"]
    removed = [
        ("excluded", code, int(n), int(silent.eq(code).sum()), sentence)
        for code, n, sentence in zip(flow["criterion"], flow["n_removed"], flow["sentence"], strict=True)
    ]
    sexes = [("sex", code, int(cohort["sex"].fillna("").eq(code).sum())) for code in SEX_WORDS]
    return _steps(
        [
            ("registry", "", registry),
            *removed,
            ("included", "", len(cohort)),
            *[row for row in sexes if row[2]],
        ]
    )


def source(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the steps from the registry to the values in the statistics; columns as `cohort_source`.

    A scan is measured if one of its structures was; otherwise its status in `unmeasured_scans` counts. Steps of a
    review are there if reviewers decided about a scan of the cohort. The last steps give, for each measure, the
    smallest, middle and largest number of scans whose value of a structure is used (code: measure and `least`,
    `median` or `most`).
    """
    measures = tables["measures"]
    failed = _failures(measures)
    excluded = [("not_measured", code, int(n)) for code, n in failed.items()]
    measured = measures["scan_id"].nunique() - int(failed.sum())
    rows = [
        *(excluded or [("not_measured", "", 0)]),
        ("measured", "", measured),
        *_review(tables["verdicts"], measured, set(tables["structure_flow"]["reason"])),
        *_used(tables["structure_flow"]),
    ]
    before = cohort_source(tables["flow"], tables["exclusions"], tables["cohort"])
    return pd.concat([before, _steps(rows)], ignore_index=True)


def _steps(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    columns = ["step", "code", "n", "n_not_recorded", "sentence"]
    return pd.DataFrame([(*row, 0, "")[:5] if len(row) < len(columns) else row for row in rows], columns=columns)


def _used(structure_flow: pd.DataFrame) -> list[tuple[str, str, int]]:
    last = structure_flow.sort_values("order").drop_duplicates(["structure", "measure"], keep="last")
    used = {measure: last.loc[last["measure"] == measure, "n_after"] for measure in MEASURES}
    shares = {"least": 0.0, "median": 0.5, "most": 1.0}
    return [
        ("structures", "", int(last["structure"].nunique())),
        *[
            ("used", f"{measure} {name}", int(n.quantile(share, interpolation="lower")))
            for measure, n in used.items()
            if len(n)
            for name, share in shares.items()
        ],
    ]


def boxes_of(steps: pd.DataFrame) -> list[FlowBox]:
    """Return the boxes from top to bottom."""
    rows = [{str(name): value for name, value in row.items()} for row in steps.to_dict("records")]
    by_step = {step: [row for row in rows if row["step"] == step] for step in steps["step"]}
    n_of = {step: f"(n = {sum(row['n'] for row in found):,})" for step, found in by_step.items()}
    sexes = [count(row["n"], *SEX_WORDS[row["code"]]) for row in by_step.get("sex", [])]
    excluded = [row for row in by_step.get("not_measured", []) if row["code"]]
    reasons = [f"{NOT_MEASURED[row['code']]} (n = {row['n']:,})" for row in excluded]
    cohort = [
        FlowBox(f"Scans in the registry {n_of['registry']}", [], side=False),
        *[_excluded(row) for row in by_step.get("excluded", [])],
        FlowBox(f"Scans in the study {n_of['included']}", [listed(sexes)], side=False),
    ]
    if "measured" not in by_step:
        return cohort
    return [
        *cohort,
        FlowBox(f"Not measured {n_of['not_measured']}", reasons, side=True),
        FlowBox(f"Scans measured {n_of['measured']}", [], side=False),
        *(_review_boxes(by_step) if "reviewed" in by_step else []),
        *_used_boxes(by_step),
    ]


def summary(steps: pd.DataFrame) -> str:
    """Return the diagram in words, for readers who do not see it."""
    return "; ".join(". ".join([box.heading, *box.lines]) for box in boxes_of(steps)).replace(". ;", ";")


def _excluded(row: dict[str, Any]) -> FlowBox:
    of_these = [f"of these, not recorded: {row['n_not_recorded']:,}"] if row["n_not_recorded"] else []
    return FlowBox(f"{row['sentence']} (n = {row['n']:,})", of_these, side=True)


def _review_boxes(by_step: dict[str, list[dict[str, Any]]]) -> list[FlowBox]:
    [excluded], [left] = by_step["excluded_by_reviewer"], by_step["reviewed"]
    single = [f"{REVIEWED[row['code']]}: {row['n']:,}" for row in by_step.get("single_structures", [])]
    content = ["in other scans", *single] if single else []
    return [
        FlowBox(f"{LEFT_OUT_BY_REVIEWER} (n = {excluded['n']:,})", content, side=True),
        FlowBox(f"Scans after review (n = {left['n']:,})", [], side=False),
    ]


def _used_boxes(by_step: dict[str, list[dict[str, Any]]]) -> list[FlowBox]:
    """Return the box of what entered the statistics: `Volume: n = 27 to 35 (median 33)` over the structures."""
    n = {row["code"]: f"{row['n']:,}" for row in by_step.get("used", [])}
    lines = []
    for measure, words in MEASURES.items():
        least, median, most = (n.get(f"{measure} {name}") for name in ("least", "median", "most"))
        content = f"{least} each" if least == most else f"{least} to {most} (median {median})"
        lines += [f"{words}: n = {content}"] if least else []
    structures = count(by_step["structures"][0]["n"], "structure")
    return [FlowBox(f"Scans in the statistics, per structure ({structures})", lines, side=False)] if lines else []


def _review(verdicts: pd.DataFrame, measured: int, excluding: set[str]) -> list[tuple[str, str, int, int]]:
    """Return the steps of a review: whole scans that are excluded, and decisions about single structures.

    A scan is excluded as a whole if a reviewer excluded all of it that has a voxel. To keep what no rule excludes
    (`excluding` are the reasons that exclude values) changes nothing.
    """
    reviewed = verdicts[verdicts["reviewer"].notna()]
    if reviewed.empty:
        return []
    present = verdicts[~verdicts["reason"].isin(NOTHING_THERE)]
    left_out = present["reason"].eq("reviewer_excluded").groupby(present["scan_id"]).all()
    whole = left_out.index[left_out]
    confirmed = reviewed["reason"].eq("reviewer_kept") & ~reviewed["rule_reason"].isin(excluding)
    changed = reviewed["reason"].ne(reviewed["rule_reason"]) & ~confirmed & ~reviewed["scan_id"].isin(whole)
    n_changed = reviewed.loc[changed, "reason"].value_counts()
    return [
        ("excluded_by_reviewer", "", len(whole), 0),
        *[("single_structures", code, int(n_changed[code]), 0) for code in REVIEWED if code in n_changed],
        ("reviewed", "", measured - len(whole), 0),
    ]


def _failures(measures: pd.DataFrame) -> pd.Series:
    status = unmeasured_scans(measures).groupby("status").size()
    return status.sort_values(ascending=False, kind="stable")


def _lines(box: FlowBox) -> list[tuple[str, bool]]:
    room = (SIDE_MM if box.side else MAIN_MM) - 2 * PADDING_MM
    heading = [(line, not box.side) for line in wrapped(box.heading, room, NORMAL, bold=not box.side)]
    return heading + [(line, False) for text in box.lines for line in wrapped(text, room, NORMAL)]


def _left(box: FlowBox) -> float:
    return COLUMN_MM["middle"] - MARGIN_MM - SIDE_MM if box.side else MARGIN_MM


def _middle() -> float:
    return MARGIN_MM + MAIN_MM / 2


def _draw_box(axes: Axes, box: FlowBox, text: list[tuple[str, bool]], top: float, height: float) -> None:
    left, width = _left(box), SIDE_MM if box.side else MAIN_MM
    x, y = [left, left + width, left + width, left], [top, top, top + height, top + height]
    fill, edge, line_width = (PAPER, SOFT, 0.5) if box.side else (STRIPE, INK, 0.7)
    axes.fill(x, y, facecolor=fill, edgecolor=edge, linewidth=line_width, zorder=2)
    for row, (line, bold) in enumerate(text):
        axes.text(
            left + PADDING_MM,
            top + PADDING_MM + LINE_MM * (row + 0.5),
            plain(line),
            va="center",
            fontsize=NORMAL,
            fontweight="bold" if bold else "normal",
            zorder=3,
        )


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    look = {"arrowstyle": "-|>,head_width=0.13,head_length=0.28", "linewidth": 0.6, "color": SOFT}
    axes.annotate("", xy=end, xytext=start, arrowprops={**look, "shrinkA": 0, "shrinkB": 0}, zorder=1)

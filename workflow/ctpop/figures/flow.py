"""Participant flow diagram: scans in the registry, exclusions with reasons, and measured scans."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ctpop.contracts.reasons import ABSENT, WITHOUT_MEASUREMENT
from ctpop.figures.formatting import (
    LEFT_OUT_BY_REVIEWER,
    MEASURES,
    NOT_MEASURED,
    REVIEWED,
    SEX_WORDS,
    count,
    group_text,
    listed,
    scans_and_patients,
    scans_of_patients,
)
from ctpop.figures.style import COLUMN_MM, LINE_MM, NORMAL, STRIPE, blank_page, in_house_style, plain, wrapped
from ctpop.foundation.colors import INK, PAPER, SOFT
from ctpop.study.patients import distinct, patient_numbers, patient_of_scan
from ctpop.study.unmeasured_scans import unmeasured_scans

MAIN_MM, SIDE_MM = 59.0, 52.0  # widths of the boxes
MARGIN_MM, PADDING_MM, GAP_MM = 2.0, 2.0, 4.0
WHOLE = ("registry", "included", "unmeasured", "measured")  # steps that consist of one row
NOTHING_MORE = {"n_not_recorded": 0, "n_patients_not_recorded": 0, "sentence": ""}

Step = dict[str, Any]


@dataclass(frozen=True)
class FlowBox:
    """A box of the diagram: heading with the number of scans, and further lines. A side box contains exclusions."""

    heading: str
    lines: list[str]
    side: bool


@in_house_style
def draw(steps: pd.DataFrame, banner: str | None) -> Figure:
    """Return the flow diagram of the table from `source`."""
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

    The columns are step, code, n, n_not_recorded (scans with a missing value for a criterion), and the sentence of the
    criterion. The columns n_patients and n_patients_not_recorded contain the number of different patients.
    """
    patients = patient_numbers(cohort)
    included = _step("included", "", len(cohort), distinct(patients))
    before = tuple(flow[["n_before", "n_patients_before"]].iloc[0]) if len(flow) else (len(cohort), distinct(patients))
    sex = cohort["sex"].fillna("")
    sexes = [_step("sex", code, int(sex.eq(code).sum()), distinct(patients[sex.eq(code)])) for code in SEX_WORDS]
    return _steps(
        [
            _step("registry", "", *before),
            *_removed(flow, exclusions),
            included,
            *[row for row in sexes if row["n"]],
        ]
    )


def source(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the steps from the registry to the values in the statistics, with the columns of `cohort_source`.

    A scan is measured if at least one of its structures is measured; otherwise, `unmeasured_scans` contains its status.
    Steps of a review are included if reviewers rated a scan of the cohort. For individual structures, n is the number
    of pairs of scan and structure, and the number of patients is missing. For each measure, the last steps contain the
    smallest, median, and largest number of scans with a usable value of a structure (code: measure and `least`,
    `median`, or `most`) and the number of patients for that structure.
    """
    measures, cohort = tables["measures"], tables["cohort"]
    patient_of = patient_of_scan(cohort)
    failed = unmeasured_scans(measures)
    measured = patient_of.reindex(pd.Index(measures["scan_id"].unique()).difference(failed["scan_id"], sort=False))
    rows = [
        *_not_measured(failed, patient_of),
        _step("measured", "", *_sizes(measured)),
        *_review(tables["verdicts"], measured, set(tables["structure_flow"]["reason"])),
        *_used(tables["structure_flow"]),
    ]
    before = cohort_source(tables["flow"], tables["exclusions"], cohort)
    return pd.concat([before, _steps(rows)], ignore_index=True)


def _step(step: str, code: str, n: int, n_patients: int | None, **others: Any) -> Step:
    return {"step": step, "code": code, "n": int(n), "n_patients": n_patients, **NOTHING_MORE, **others}


def _steps(rows: list[Step]) -> pd.DataFrame:
    return pd.DataFrame(rows).astype({"n_patients": "Int64"})


def _sizes(patients: pd.Series) -> tuple[int, int]:
    """Return the number of scans and the number of different patients; `patients` contains the patient of each scan."""
    return len(patients), distinct(patients.to_numpy())


def _removed(flow: pd.DataFrame, exclusions: pd.DataFrame) -> list[Step]:
    """Return one step per criterion, in order: excluded scans, and how many of them have a missing value."""
    first = exclusions.sort_values("order").drop_duplicates("scan_id")
    first = first.assign(patient=patient_numbers(first))
    # The rule `known` excludes only missing values; their number would repeat the number of excluded scans.
    silent = first[first["found"].isna() & first["limit"].ne("known")]
    patients_of = {code: silent.loc[silent["criterion"].eq(code), "patient"] for code in flow["criterion"]}
    return [
        _step(
            "excluded",
            row["criterion"],
            row["n_removed"],
            row["n_patients_removed"],
            sentence=row["sentence"],
            **dict(
                zip(("n_not_recorded", "n_patients_not_recorded"), _sizes(patients_of[row["criterion"]]), strict=True)
            ),
        )
        for row in flow.to_dict("records")
    ]


def _not_measured(failed: pd.DataFrame, patient_of: pd.Series) -> list[Step]:
    """Return the numbers of scans that were not measured: by status, most frequent first, and in total (`unmeasured`).

    A patient with scans of different statuses is counted once per status and once in the total.
    """
    scans = dict(iter(failed.groupby("status")["scan_id"]))
    order = failed.groupby("status").size().sort_values(ascending=False, kind="stable").index
    rows = [_step("not_measured", status, *_sizes(patient_of.reindex(scans[status]))) for status in order]
    whole = _sizes(patient_of.reindex(failed["scan_id"]))
    return [*(rows or [_step("not_measured", "", 0, 0)]), _step("unmeasured", "", *whole)]


def _used(structure_flow: pd.DataFrame) -> list[Step]:
    last = structure_flow.sort_values("order").drop_duplicates(["structure", "measure"], keep="last")
    used = {measure: last[last["measure"] == measure].sort_values("n_after", kind="stable") for measure in MEASURES}
    shares = {"least": 0.0, "median": 0.5, "most": 1.0}
    return [
        _step("structures", "", last["structure"].nunique(), None),
        *[
            _step(
                "used", f"{measure} {name}", *rows[["n_after", "n_patients_after"]].iloc[int(share * (len(rows) - 1))]
            )
            for measure, rows in used.items()
            if len(rows)
            for name, share in shares.items()
        ],
    ]


def boxes_of(steps: pd.DataFrame) -> list[FlowBox]:
    """Return the boxes of the diagram from top to bottom."""
    rows = [{str(name): value for name, value in row.items()} for row in steps.to_dict("records")]
    by_step = {step: [row for row in rows if row["step"] == step] for step in steps["step"]}
    both = _repeated(steps)
    n_of = {step: _size(by_step[step][0], both) for step in WHOLE if step in by_step}
    sexes = [_of_sex(row, both) for row in by_step.get("sex", [])]
    excluded = [row for row in by_step.get("not_measured", []) if row["code"]]
    reasons = [f"{group_text(NOT_MEASURED[row['code']])} {_size(row, both)}" for row in excluded]
    cohort = [
        FlowBox(f"Scans in the registry {n_of['registry']}", [], side=False),
        *[_excluded(row, both) for row in by_step.get("excluded", [])],
        FlowBox(f"Scans in the study {n_of['included']}", [listed(sexes)], side=False),
    ]
    if "measured" not in by_step:
        return cohort
    return [
        *cohort,
        FlowBox(f"Not measured {n_of['unmeasured']}", reasons, side=True),
        FlowBox(f"Scans measured {n_of['measured']}", [], side=False),
        *(_review_boxes(by_step, both) if "reviewed" in by_step else []),
        *_used_boxes(by_step, both),
    ]


def summary(steps: pd.DataFrame) -> str:
    """Return the alternative text of the diagram."""
    return (
        "; ".join(". ".join([box.heading, *box.lines]) for box in boxes_of(steps))
        .replace(". ;", ";")
        .replace(":.", ":")
    )


def _repeated(steps: pd.DataFrame) -> bool:
    """Return whether a patient in the registry or in the study has several scans."""
    return bool(steps["n"].ne(steps["n_patients"]).fillna(False).any())


def _size(row: Step, both: bool) -> str:
    """Return `(n = 320 scans of 80 patients)`, or `(n = 320)` if each scan of the study is of a different patient."""
    return f"(n = {scans_of_patients(row['n'], row['n_patients'], both=both)})"


def _of_sex(row: Step, both: bool) -> str:
    """Return `80 women`, or `320 scans of 80 women`."""
    one, many = SEX_WORDS[row["code"]]
    if not both:
        return count(row["n"], one, many)
    patients = count(row["n_patients"], one, many) if row["code"] else f"{count(row['n_patients'], 'patient')} {many}"
    return f"{count(row['n'], 'scan')} of {patients}"


def _excluded(row: Step, both: bool) -> FlowBox:
    n = scans_of_patients(row["n_not_recorded"], row["n_patients_not_recorded"], both=both)
    of_these = [f"Not recorded: {n}"] if row["n_not_recorded"] else []
    return FlowBox(f"{row['sentence']} {_size(row, both)}", of_these, side=True)


def _review_boxes(by_step: dict[str, list[Step]], both: bool) -> list[FlowBox]:
    [excluded], [left] = by_step["excluded_by_reviewer"], by_step["reviewed"]
    single = [f"{group_text(REVIEWED[row['code']])}: {row['n']:,}" for row in by_step.get("single_structures", [])]
    content = ["In other scans:", *single] if single else []
    return [
        FlowBox(f"{LEFT_OUT_BY_REVIEWER} {_size(excluded, both)}", content, side=True),
        FlowBox(f"Scans after review {_size(left, both)}", [], side=False),
    ]


def _used_boxes(by_step: dict[str, list[Step]], both: bool) -> list[FlowBox]:
    """Return the box of the values in the statistics, with a line per measure: `Volume: n = 27 to 35 (median, 33)`."""
    used = by_step.get("used", [])
    n = {row["code"]: scans_and_patients(row["n"], row["n_patients"], both=both) for row in used}
    lines = []
    for measure, words in MEASURES.items():
        least, median, most = (n.get(f"{measure} {name}") for name in ("least", "median", "most"))
        content = f"{least} each" if least == most else f"{least} to {most} (median, {median})"
        lines += [f"{words}: n = {content}"] if least else []
    structures = count(by_step["structures"][0]["n"], "structure")
    scans = "Scans (patients)" if both else "Scans"
    return [FlowBox(f"{scans} analyzed per structure ({structures})", lines, side=False)] if lines else []


def _review(verdicts: pd.DataFrame, measured: pd.Series, excluding: set[str]) -> list[Step]:
    """Return the steps of a review: excluded scans, and decisions on individual structures.

    `measured` contains the number of the patient of each measured scan. A whole scan is excluded if reviewers excluded
    every structure with voxels. A decision to keep a value that no rule excludes has no effect and is not counted;
    `excluding` contains the reasons that exclude values.
    """
    reviewed = verdicts[verdicts["reviewer"].notna()]
    if reviewed.empty:
        return []
    present = verdicts[~verdicts["reason"].isin((*WITHOUT_MEASUREMENT, *ABSENT))]
    left_out = present["reason"].eq("reviewer_excluded").groupby(present["scan_id"]).all()
    whole = left_out.index[left_out]
    confirmed = reviewed["reason"].eq("reviewer_kept") & ~reviewed["rule_reason"].isin(excluding)
    changed = reviewed["reason"].ne(reviewed["rule_reason"]) & ~confirmed & ~reviewed["scan_id"].isin(whole)
    n_changed = reviewed.loc[changed, "reason"].value_counts()
    return [
        _step("excluded_by_reviewer", "", *_sizes(measured[measured.index.isin(whole)])),
        *[_step("single_structures", code, n_changed[code], None) for code in REVIEWED if code in n_changed],
        _step("reviewed", "", *_sizes(measured[~measured.index.isin(whole)])),
    ]


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

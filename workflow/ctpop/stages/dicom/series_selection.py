"""Selection of one series per examination and one examination per patient for the registry.

The rule consists of two ordered lists from the settings: reasons for exclusion and preferences. Every series has a row,
and every excluded series has a reason.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import Any

Row = dict[str, Any]
MISSING_LAST = float("inf")

# A series is excluded if the condition is known to apply; the settings contain the limits.
EXCLUDES: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], bool]] = {
    "no_geometry": lambda row, _: row.get("plane") is None,
    "localizer": lambda row, _: row["image_kind"] == "localizer",
    "derived": lambda row, _: row["image_kind"] == "derived",
    "not_axial": lambda row, _: row.get("plane") in ("sagittal", "coronal"),
    "no_hu": lambda row, _: row["hu_lowest"] is None,
    "gantry_tilt": lambda row, rule: (row.get("gantry_tilt_deg") or 0.0) > rule["largest_tilt_deg"],
    "repeated_positions": lambda row, _: (row.get("n_repeated_positions") or 0) > 0 or _has_fault(row, "interleaved"),
    "gaps": lambda row, _: (row.get("n_gaps") or 0) > 0,
    "uneven_spacing": lambda row, _: _has_fault(row, "uneven_spacing"),
    "too_few_slices": lambda row, rule: row["n_slices"] < rule["fewest_slices"],
    "too_thick": lambda row, rule: (row["slice_thickness_mm"] or 0.0) > rule["largest_thickness_mm"],
    "not_soft": lambda row, _: row["kernel_class"] != "soft",
}

# Preferred series have smaller numbers. Unknown values rank between yes and no, and last among lengths.
PREFERS: dict[str, Callable[[Mapping[str, Any]], float]] = {
    "complete": lambda row: _rank(row.get("complete_header")),
    "contrast": lambda row: _rank(row["contrast"]),
    "no_contrast": lambda row: -_rank(row["contrast"]),
    "soft_kernel": lambda row: _rank({"soft": True, "sharp": False}.get(row["kernel_class"])),
    "thinnest": lambda row: _or_last(row["slice_thickness_mm"]),
    "longest": lambda row: -(row.get("z_extent_mm") or 0.0),
}


def choose(rows: Iterable[Row], rule: Mapping[str, Any]) -> tuple[list[Row], list[Row]]:
    """Return the selected rows, and the others with `reason`, `also`, `decided_by`, and `chosen_scan_id`."""
    chosen: list[Row] = []
    rows, excluded = without_duplicates(list(rows))
    in_order = sorted(rows, key=lambda row: (row["patient_id"], _when(row), row["exam_id"], row["scan_id"]))
    for _, of_patient in groupby(in_order, key=lambda row: row["patient_id"]):
        winners = []
        for _, of_exam in groupby(of_patient, key=lambda row: row["exam_id"]):
            winner, losers = best_series(list(of_exam), rule)
            winners += winner
            excluded += losers
        kept, others = best_examination(winners, rule["examination"])
        chosen += kept
        excluded += others
    return _by_scan(chosen), _by_scan(excluded)


def without_duplicates(rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """Return the rows without series whose images occur under another patient, and those series with their reason.

    The series with the first `patient_id` is kept. Images are equal if their identifiers and positions are equal.
    """
    kept: dict[str, Row] = {}
    unique, repeated = [], []
    for row in sorted(rows, key=lambda row: (row["patient_id"], row["scan_id"])):
        images = row.get("images_digest")
        first = kept.setdefault(images, row) if images else row
        if first["patient_id"] == row["patient_id"]:
            unique.append(row)
        else:
            repeated.append(_excluded(row, "duplicate_images", best=first))
    return unique, repeated


def best_series(rows: list[Row], rule: Mapping[str, Any]) -> tuple[list[Row], list[Row]]:
    """Return the best series of an examination, if any is suitable, and the others with their reasons."""
    failed = {row["scan_id"]: [name for name in rule["exclude"] if EXCLUDES[name](row, rule)] for row in rows}
    _exclude_monoenergetic(rows, failed, rule)
    excluded = [_excluded(row, *failed[row["scan_id"]]) for row in rows if failed[row["scan_id"]]]
    fit = sorted((row for row in rows if not failed[row["scan_id"]]), key=lambda row: _preference(row, rule))
    excluded += [
        _excluded(row, "other_series", decided_by=decided_by(fit[0], row, rule), best=fit[0]) for row in fit[1:]
    ]
    return fit[:1], excluded


def _exclude_monoenergetic(rows: list[Row], failed: Mapping[str, list[str]], rule: Mapping[str, Any]) -> None:
    """Exclude monoenergetic series as derived, in place, if another series of the examination is suitable."""
    fit = [row for row in rows if not failed[row["scan_id"]]]
    monoenergetic = [row for row in fit if row["image_kind"] == "monoenergetic"]
    for row in monoenergetic if "derived" in rule["exclude"] and len(monoenergetic) < len(fit) else ():
        failed[row["scan_id"]].append("derived")


def best_examination(winners: list[Row], which: str) -> tuple[list[Row], list[Row]]:
    """Return the first or last examination of a patient, or all examinations, and the others with their reason."""
    if which == "all" or not winners:
        return winners, []
    best = winners[0] if which == "first" else winners[-1]
    others = [row for row in winners if row is not best]
    return [best], [_excluded(row, "other_examination", decided_by=which, best=best) for row in others]


def decided_by(best: Mapping[str, Any], other: Mapping[str, Any], rule: Mapping[str, Any]) -> str:
    """Return the first preference in which two series differ, or `id` if they do not differ."""
    return next((name for name in rule["prefer"] if PREFERS[name](best) < PREFERS[name](other)), "id")


def _preference(row: Row, rule: Mapping[str, Any]) -> tuple[Any, ...]:
    return (*(PREFERS[name](row) for name in rule["prefer"]), row["scan_id"])


def _when(row: Row) -> tuple[float, float]:
    return _or_last(row["day"]), _or_last(row["second"])


def _excluded(row: Row, reason: str, *also: str, decided_by: str | None = None, best: Row | None = None) -> Row:
    instead = best["scan_id"] if best else None
    return {
        **row,
        "reason": reason,
        "also": ";".join(also) or None,
        "decided_by": decided_by,
        "chosen_scan_id": instead,
    }


def _by_scan(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: str(row["scan_id"]))


def _has_fault(row: Mapping[str, Any], fault: str) -> bool:
    return fault in (row.get("complete_header_reason") or "").split(";")


def _rank(known: bool | None) -> int:
    return {True: 0, None: 1, False: 2}[known]


def _or_last(value: float | None) -> float:
    return MISSING_LAST if value is None else value

"""Grouping of files into one row per CT series.

Images of a series that do not fit on one grid, such as a localizer among axial slices, have separate rows. Copies of an
image count once.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ctpop.stages.dicom.folder_scan import ScannedFile
from ctpop.stages.dicom.geometry import Stack, faults_of, stack_of
from ctpop.stages.dicom.pseudonyms import Pseudonyms
from ctpop.stages.dicom.series_identity import identification_of
from ctpop.study.patient_consistency import ages_contradict

ORIENTATION_DECIMALS = 2
EDGE_DECIMALS = 3
ONCE_PER_SERIES = (  # facts of a series: the value of the first image that contains the fact is used
    *("age_years", "age_source", "age_reason", "sex", "patient_source", "series_source", "day", "second", "year"),
    *("height_cm", "weight_kg", "kvp", "kernel", "kernel_class", "manufacturer", "scanner", "body_part"),
    *("patient_position", "contrast", "contrast_reason", "contrast_hint", "syntax", "rows", "columns"),
)
ALIKE = (  # facts that should be equal for all images of a series
    *("age_years", "sex", "height_cm", "weight_kg", "kvp", "kernel", "manufacturer", "scanner", "body_part"),
    *("patient_position", "contrast", "contrast_reason", "thickness_mm", "slope", "intercept"),
)
# Facts that are missing if the images contradict each other, with the column of the reason
NEVER_CHOSEN = {"sex": None, "age_years": "age_reason", "contrast": "contrast_reason"}
DECIMALS = 4
SPLIT_BY = ("acquisition", "series_number", "kernel", "folder")


def series_rows(found: Iterable[ScannedFile], pseudonyms: Pseudonyms, even_within_mm: float) -> list[dict[str, Any]]:
    """Return one row per CT series, with its files in `files`, in the order of `scan_id`."""
    found = list(found)
    stacks: dict[tuple[str, ...], list[ScannedFile]] = {}
    patients: dict[str, set[tuple[str | None, str | None]]] = {}
    images = [one for one in found if one.facts["status"] == "ct_image"]
    identification = identification_of(images, pseudonyms)
    for one in identification.applied_to(images):
        stacks.setdefault(signature_of(one.facts), []).append(one)
        patients.setdefault(one.facts["patient"], set()).add((one.facts.get("birth"), one.facts.get("sex")))
    parts = [part for signature, images in stacks.items() for part in volumes_of(signature, images)]
    rows = [row_of(signature, images, pseudonyms, even_within_mm) for signature, images in parts]
    at: dict[str, list[tuple[float | None, int | None]]] = {}
    of_exam: dict[str, set[str]] = {}
    for row in rows:
        at.setdefault(row["patient"], []).append((row["age_years"], row["day"]))
        of_exam.setdefault(row["exam_id"], set()).add(row["patient"])
    for row in rows:
        patient = row["patient"]
        reason = patient_reason_of(row["patient_source"], patients[patient], at[patient])
        is_shared = reason == "ok" and len(of_exam[row["exam_id"]]) > 1
        row["patient_reason"] = "study_of_several_patients" if is_shared else reason
    mark_truncated(rows, identification.applied_to(one for one in found if one.facts["status"] == "truncated"))
    return sorted(rows, key=lambda row: str(row["scan_id"]))


def mark_truncated(rows: Iterable[dict[str, Any]], truncated: Iterable[ScannedFile]) -> None:
    """Mark series as incomplete, in place, if a file ends before the last pixel of one of their images.

    A truncated image is assigned to a series by the identifiers of the series and by its grid and, if the series UID is
    missing or a placeholder, also by its folder. The series remains complete if it contains a complete copy of the
    image.
    """
    missing: dict[tuple[str, ...], list[ScannedFile]] = {}
    for one in truncated:
        missing.setdefault(signature_of(one.facts), []).append(one)
    for row in rows:
        images = [one.facts for one in row["files"]]
        lacking = missing.get(signature_of(images[0]), ())
        if any(_is_missing_from(images, one.facts) for one in lacking):
            faults = [row.get("complete_header_reason"), "truncated_images"]
            row["complete_header_reason"] = ";".join(fault for fault in faults if fault not in (None, "ok"))
            row["complete_header"] = False


def _is_missing_from(images: Sequence[Mapping[str, Any]], truncated: Mapping[str, Any]) -> bool:
    """Return whether a truncated image of the series belongs to a volume that has no image at this position."""
    by = SPLIT_BY if truncated["series_source"] == "geometry" else SPLIT_BY[:-1]
    is_of_volume = all(truncated.get(name) in {one.get(name) for one in images} for name in by)
    return is_of_volume and str(truncated.get("positions")) not in {str(one.get("positions")) for one in images}


def signature_of(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the attributes that images of one row share: patient, study, series, direction, grid, and kind."""
    direction = " ".join(f"{part + 0.0:.{ORIENTATION_DECIMALS}f}" for part in facts.get("orientation", []))
    edges = " ".join(f"{edge:.{EDGE_DECIMALS}f}" for edge in facts.get("edges", []))
    grid = f"{facts['rows']} {facts['columns']} {edges}"
    return facts["patient"], facts["exam"], facts["series"], direction.replace("-0.00", "0.00"), grid, facts["kind"]


def volumes_of(
    signature: tuple[str, ...], images: list[ScannedFile], by: tuple[str, ...] = SPLIT_BY
) -> list[tuple[tuple[str, ...], list[ScannedFile]]]:
    """Return the volumes of a series: one volume per acquisition if acquisitions overlap, otherwise one volume.

    Overlapping acquisitions are, for example, two phases in one series; consecutive acquisitions along the body are one
    volume. The same rule separates images with one series UID and several series numbers or kernels, as of two
    reconstructions, and images without a series UID in several folders.
    """
    if not by:
        return [(signature, images)]
    name, others = by[0], by[1:]
    groups: dict[Any, list[ScannedFile]] = {}
    for one in images:
        groups.setdefault(one.facts.get(name), []).append(one)
    if len(groups) == 1 or not _overlap([_extent(part) for part in groups.values()]):
        return volumes_of(signature, images, others)
    return [
        volume
        for value, part in groups.items()
        for volume in volumes_of((*signature[:-1], f"{name} {value}", signature[-1]), part, others)
    ]


def _extent(images: list[ScannedFile]) -> tuple[float, float, float] | None:
    """Return the first and last position along the normal and the smallest distance; None for a single position."""
    stack = [(one.facts.get("positions"), one.facts.get("orientation")) for one in images]
    if not all(positions and orientation for positions, orientation in stack):
        return None
    normal = np.cross(*np.array(stack[0][1], dtype=float).reshape(2, 3))
    places = np.unique(np.round([np.dot(place, normal) for positions, _ in stack for place in positions or []], 3))
    return (float(places[0]), float(places[-1]), float(np.diff(places).min())) if len(places) > 1 else None


def _overlap(extents: list[tuple[float, float, float] | None]) -> bool:
    """Return whether two groups of images overlap by more than one slice."""
    known = [extent for extent in extents if extent is not None]
    return any(
        min(one[1], other[1]) - max(one[0], other[0]) > max(one[2], other[2])
        for one, other in itertools.combinations(known, 2)
    )


def differing(facts: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the names of the facts in which the images of a series differ, separated by semicolons."""
    found = [name for name in ALIKE if len({one.get(name) for one in facts if one.get(name) is not None}) > 1]
    return ";".join(found) or None


def facts_of_series(facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the facts of a series; each fact has the value of the first image that contains it.

    Sex, age, and contrast administration are missing if images contradict each other (reason `images_differ`).
    """
    first = {name: next((one[name] for one in facts if one.get(name) is not None), None) for name in ONCE_PER_SERIES}
    contradicted = [name for name in NEVER_CHOSEN if len({one.get(name) for one in facts} - {None}) > 1]
    reasons = {reason: "images_differ" for name in contradicted if (reason := NEVER_CHOSEN[name])}
    sources = {"age_source": None} if "age_years" in contradicted else {}
    return {**first, **dict.fromkeys(contradicted), **reasons, **sources}


def row_of(
    signature: tuple[str, ...], images: list[ScannedFile], pseudonyms: Pseudonyms, even_within_mm: float
) -> dict[str, Any]:
    """Return the row of a series."""
    single = without_copies(images)
    facts = [one.facts for one in single]
    scan_id = pseudonyms.name("scan", "|".join(signature))
    return {
        "scan_id": scan_id,
        "patient": signature[0],
        "patient_id": pseudonyms.name("patient", signature[0]),
        "exam_id": pseudonyms.name("exam", images[0].facts.get("examination", signature[1])),
        "ct_path": f"images/{scan_id}.nii.gz",
        "image_kind": signature[-1],
        **facts_of_series(facts),
        "differing_facts": differing(facts),
        **attenuation_of(facts),
        **geometry_of(facts, even_within_mm),
        "n_copies": len(images) - len(single),
        "files_digest": digest_of(single, pseudonyms),
        "images_digest": images_digest(single, pseudonyms),
        "files": single,
    }


def without_copies(images: list[ScannedFile]) -> list[ScannedFile]:
    """Return images without copies, which are the same image at the same position in another file.

    The position is compared as well, because images without a UID are identified by their pixels, and slices that
    contain only air can have equal pixels.
    """
    first: dict[tuple[str, str], ScannedFile] = {}
    for one in sorted(images, key=lambda image: (image.facts["image"], image.pseudonym)):
        first.setdefault((one.facts["image"], str(one.facts.get("positions"))), one)
    return list(first.values())


def digest_of(images: list[ScannedFile], pseudonyms: Pseudonyms) -> str:
    """Return a digest that changes when an image is added, removed, or replaced by an image of another size.

    The UID has priority over pixels. `convert` reads only the files of one scan and therefore cannot determine whether
    a UID is a placeholder.
    """
    parts = sorted(
        f"{one.facts.get('instance') or one.facts.get('pixels')} {one.facts.get('positions')} {one.file.size}"
        for one in images
    )
    return pseudonyms.digest("files", *parts)[:16]


def images_digest(images: list[ScannedFile], pseudonyms: Pseudonyms) -> str:
    """Return a digest of the identifiers and positions of images, which is equal for copies of a series."""
    return pseudonyms.digest("images", *sorted(f"{one.facts['image']} {one.facts.get('positions')}" for one in images))


def attenuation_of(facts: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Return the range of HU that the images can represent; missing if HU are undefined for one of the images."""
    if any(one.get("slope") is None for one in facts):
        return {"hu_lowest": None, "hu_highest": None}
    return {
        "hu_lowest": min(one["hu_lowest"] for one in facts),
        "hu_highest": max(one["hu_highest"] for one in facts),
    }


def geometry_of(facts: Sequence[Mapping[str, Any]], even_within_mm: float) -> dict[str, Any]:
    """Return the columns of the slice geometry; most columns are missing if an image has no position."""
    thickness = Counter(one["thickness_mm"] for one in facts if one.get("thickness_mm") is not None).most_common(1)
    columns: dict[str, Any] = {
        "n_slices": sum(max(len(one.get("positions", [])), 1) for one in facts),
        "slice_thickness_mm": thickness[0][0] if thickness else None,
    }
    stack = stack_of_facts(facts)
    if stack is None:
        return columns
    complete, reason = completeness_of(stack, facts, even_within_mm)
    return {
        **columns,
        "complete_header": complete,
        "complete_header_reason": reason,
        "pixel_spacing_mm": facts[0]["edges"][0],
        "slice_spacing_mm": _rounded(stack.spacing),
        "n_gaps": stack.n_gaps,
        "n_missing_slices": stack.n_missing,
        "n_repeated_positions": stack.n_repeated,
        "spacing_deviation_mm": _rounded(stack.deviation),
        "gantry_tilt_deg": _rounded(stack.shear_deg),
        "z_extent_mm": _rounded(stack.z_extent(columns["slice_thickness_mm"])),
        "plane": stack.plane,
    }


def stack_of_facts(facts: Sequence[Mapping[str, Any]]) -> Stack | None:
    """Return the geometry of the slices of images, or None if an image has no position."""
    if not all(one.get("positions") for one in facts):
        return None
    positions = np.array([position for one in facts for position in one["positions"]])
    return stack_of(positions, np.array(facts[0]["orientation"]))


def completeness_of(stack: Stack, facts: Sequence[Mapping[str, Any]], even_within_mm: float) -> tuple[bool | None, str]:
    """Return whether slices form one evenly spaced volume, and the reasons as codes."""
    if stack.spacing is None and not stack.n_repeated:
        return None, "single_slice"
    reasons = faults_of(stack, numbers_of(facts), even_within_mm)
    return not reasons, ";".join(reasons) or "ok"


def numbers_of(facts: Sequence[Mapping[str, Any]]) -> list[int | None]:
    """Return the image number of each slice; all frames of an image have the same number."""
    return [one.get("number") for one in facts for _ in one["positions"]]


def patient_reason_of(
    source: str, patients: set[tuple[str | None, str | None]], at: Sequence[tuple[float | None, int | None]]
) -> str:
    """Return the consistency of a patient identifier with one patient (dates of birth, sexes, ages), as a code."""
    if source != "patient_id":
        return "no_patient_id" if source == "examination" else "no_patient_id_no_study"
    births, sexes = ({person[part] for person in patients} - {None} for part in (0, 1))
    if len(births) > 1:
        return "several_birth_dates"
    if len(sexes) > 1:
        return "several_sexes"
    return "ages_contradict" if ages_contradict([age for age, _ in at], [day for _, day in at]) else "ok"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DECIMALS)

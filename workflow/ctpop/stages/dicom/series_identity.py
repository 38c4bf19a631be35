"""Which patient, examination and series images belong to whose UIDs an anonymiser removed.

Such images are grouped by what is left in their headers: PatientID, date and time of the study, numbers and (as
digests) descriptions of series. Where even these are missing, the folder of the files counts. All of it is in the files
or relative to the folder that is indexed, so that the groups are the same on every machine.
"""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from ctpop.stages.dicom.folder_scan import ScannedFile
from ctpop.stages.dicom.pseudonyms import Pseudonyms

Facts = Mapping[str, Any]
OF_A_STUDY = ("day", "birth", "sex")
MIDNIGHT = (None, 0)  # no time, or one that anonymisers write


def identified(images: Iterable[ScannedFile], pseudonyms: Pseudonyms) -> list[ScannedFile]:
    """Return CT images with patient, examination and series, and `image`, which is the same for copies of an image.

    An image is recognised by its UID, or by its pixels where that is missing or a placeholder. `series_source` says
    what the series was recognised by.
    """
    images = with_one_patient(list(images), pseudonyms)
    shared = studies_of_several_patients(one.facts for one in images)
    repeated = placeholders(one.facts for one in images)
    return [replace(one, facts=_facts(one, shared, repeated, pseudonyms)) for one in images]


def with_one_patient(images: list[ScannedFile], pseudonyms: Pseudonyms) -> list[ScannedFile]:
    """Return images of which those of a PatientID with and without issuer are of one patient, if they share a study.

    A PatientID of several issuers stays that of several patients.
    """
    patients_of: dict[str, set[str]] = {}
    for one in images:
        patients_of.setdefault(one.facts["exam"], set()).add(one.facts["patient"])
    same: dict[str, set[str]] = {}
    for one in images:
        plain = one.facts.get("without_issuer")
        if plain and plain in patients_of[one.facts["exam"]]:
            same.setdefault(plain, set()).add(one.facts["patient"])
    plain_of = {issued.pop(): plain for plain, issued in same.items() if len(issued) == 1}
    return [_of_patient(one, plain_of.get(one.facts["patient"]), pseudonyms) for one in images]


def _of_patient(one: ScannedFile, patient: str | None, pseudonyms: Pseudonyms) -> ScannedFile:
    """Return an image of another patient, whose days are shifted otherwise."""
    if patient is None:
        return one
    facts = {**one.facts, "patient": patient}
    if facts.get("day") is not None:
        facts["day"] += pseudonyms.shift_days(patient) - pseudonyms.shift_days(one.facts["patient"])
    return replace(one, facts=facts)


def placeholders(facts: Iterable[Facts]) -> set[str]:
    """Return UIDs of images with several places, or with several pixels that are stored in one way."""
    found: dict[str, dict[str, set[tuple[str, str]]]] = {}
    for one in facts:
        if one.get("instance"):
            of_syntax = found.setdefault(one["instance"], {}).setdefault(one.get("syntax", ""), set())
            of_syntax.add((str(one.get("positions")), one.get("pixels", "")))
    return {
        uid
        for uid, syntaxes in found.items()
        if len({place for images in syntaxes.values() for place, _ in images}) > 1
        or any(len(images) > 1 for images in syntaxes.values())
    }


def studies_of_several_patients(facts: Iterable[Facts]) -> set[str]:
    """Return examinations without PatientID that have several days, dates of birth or sexes: one UID for everybody."""
    known: dict[tuple[str, str], set[Any]] = {}
    without_patient = (one for one in facts if one["patient_source"] == "examination")
    for one, name in itertools.product(without_patient, OF_A_STUDY):
        if name in one:
            known.setdefault((one["exam"], name), set()).add(one[name])
    return {exam for (exam, _), found in known.items() if len(found) > 1}


def _facts(one: ScannedFile, shared: set[str], repeated: set[str], pseudonyms: Pseudonyms) -> dict[str, Any]:
    has_placeholder = one.facts.get("instance") in repeated
    image = one.facts.get("instance") if not has_placeholder else None
    facts = {**one.facts, "image": image or one.facts.get("pixels", "")}
    lacks = set(facts.get("lacks", ()))
    if facts["patient_source"] == "examination" and (facts["exam"] in shared or has_placeholder):
        lacks |= {"study", "series"}
    if not lacks & {"study", "series"}:
        return {**facts, "series_source": "series_uid"}
    folder = pseudonyms.digest("folder", str(PurePosixPath(one.file.path).parent))
    found = {**facts, "folder": folder, "series_source": "series_uid"}
    if "study" in lacks:
        found.update(_examination(facts, folder, pseudonyms))
    if "series" in lacks:
        found["series"] = pseudonyms.digest("series without uid", *_texts(facts, "series_number", "series_mark"))
        found["series_source"] = "geometry"
    return found


def _examination(facts: Facts, folder: str, pseudonyms: Pseudonyms) -> dict[str, Any]:
    """Return patient and examination of an image without a study UID.

    Without PatientID, images of one day and second of study, date of birth and sex are those of one patient; where the
    header has no time, those of one folder are (ASSUME: nobody keeps two patients in one folder then).
    """
    when = _texts(facts, "day", "second", "study_mark")
    if facts["patient_source"] == "patient_id":
        return {"exam": pseudonyms.digest("exam without uid", facts["patient"], *when)}
    timed = facts.get("day") is not None and facts.get("second") not in MIDNIGHT
    who = _texts(facts, "day", "second", "birth", "sex", "study_mark") if timed else [folder]
    patient = pseudonyms.digest("no patient, no study uid", *who)
    source = "examination" if timed else "folder"
    return {
        "patient": patient,
        "patient_source": source,
        "exam": pseudonyms.digest("exam without uid", patient, *when),
    }


def _texts(facts: Facts, *names: str) -> list[str]:
    return [str(facts.get(name)) for name in names]

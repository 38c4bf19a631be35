"""Which patient, examination and series images belong to whose UIDs an anonymiser removed.

Such images are grouped by what is left in their headers: PatientID, date and time of the study, numbers and (as
digests) descriptions of series. Where even these are missing, the folder of the files counts. All of it is in the files
or relative to the folder that is indexed, so that the groups are the same on every machine.
"""

import functools
import itertools
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from ctpop.stages.dicom.folder_scan import ScannedFile
from ctpop.stages.dicom.pseudonyms import Pseudonyms

Facts = Mapping[str, Any]
OF_A_STUDY = ("day", "birth", "sex")
MIDNIGHT = (None, 0)  # no time, or one that anonymisers write


@dataclass(frozen=True)
class Identification:
    """What the CT images of a folder show of its identifiers, by which images get their patient and their groups.

    `plain_of` has, by patient with issuer, the same patient without issuer; `shared` the examinations and `repeated`
    the images whose UID is a placeholder; `mixed` the examinations whose UID is a placeholder of several patients.
    """

    plain_of: Mapping[str, str]
    shared: Set[str]
    repeated: Set[str]
    mixed: Set[str]
    pseudonyms: Pseudonyms

    def applied_to(self, images: Iterable[ScannedFile]) -> list[ScannedFile]:
        """Return images with patient, examination and series, and `image`, which is the same for copies of an image.

        An image is recognised by its UID, or by its pixels where that is missing or a placeholder. `series_source`
        says what the series was recognised by. These images change nothing of what is a placeholder.
        """
        found = [_of_patient(one, self.plain_of.get(one.facts["patient"]), self.pseudonyms) for one in images]
        return [replace(one, facts=self._facts(one)) for one in found]

    def _facts(self, one: ScannedFile) -> dict[str, Any]:
        has_placeholder = one.facts.get("instance") in self.repeated
        image = one.facts.get("instance") if not has_placeholder else None
        facts = {**one.facts, "image": image or one.facts.get("pixels", ""), "series_source": "series_uid"}
        lacks = set(facts.get("lacks", ()))
        if facts["patient_source"] == "examination" and (facts["exam"] in self.shared or has_placeholder):
            lacks |= {"study", "series"}
        if facts["patient_source"] == "patient_id" and facts["exam"] in self.mixed:
            facts["examination"] = _examination(facts, "", self.pseudonyms)["exam"]
        if not lacks & {"study", "series"}:
            return facts
        folder = self.pseudonyms.digest("folder", str(PurePosixPath(one.file.path).parent))
        facts["folder"] = folder
        if "study" in lacks:
            facts.update(_examination(facts, folder, self.pseudonyms))
        if "series" in lacks:
            marks = _texts(one.facts, "series_number", "series_mark")
            facts["series"] = self.pseudonyms.digest("series without uid", *marks)
            facts["series_source"] = "geometry"
        return facts


def identification_of(images: Iterable[ScannedFile], pseudonyms: Pseudonyms) -> Identification:
    """Return what CT images show of the identifiers of a folder."""
    images = list(images)
    plain_of = one_patient_of(one.facts for one in images)
    facts = [_of_patient(one, plain_of.get(one.facts["patient"]), pseudonyms).facts for one in images]
    mixed = studies_of_unlike_patients(facts, pseudonyms)
    shared = studies_of_several_patients(facts) | mixed
    return Identification(plain_of, shared, placeholders(facts), mixed, pseudonyms)


def one_patient_of(facts: Iterable[Facts]) -> dict[str, str]:
    """Return, by patient with an issuer of the PatientID, the one without issuer, if they share a study.

    A PatientID of several issuers stays that of several patients.
    """
    facts = list(facts)
    patients_of: dict[str, set[str]] = {}
    for one in facts:
        patients_of.setdefault(one["exam"], set()).add(one["patient"])
    same: dict[str, set[str]] = {}
    for one in facts:
        plain = one.get("without_issuer")
        if plain and plain in patients_of[one["exam"]]:
            same.setdefault(plain, set()).add(one["patient"])
    return {issued.pop(): plain for plain, issued in same.items() if len(issued) == 1}


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


def studies_of_unlike_patients(facts: Iterable[Facts], pseudonyms: Pseudonyms) -> set[str]:
    """Return examinations of several PatientIDs that are not one patient with two: one UID for everybody.

    These have several days, dates of birth or sexes, or more than two PatientIDs (whatever the issuer).
    """
    patients: dict[str, set[str]] = {}
    known: dict[tuple[str, str], set[Any]] = {}
    shift_of = functools.cache(pseudonyms.shift_days)
    for one in (one for one in facts if one["patient_source"] == "patient_id" and "study" not in one.get("lacks", ())):
        exam, day = one["exam"], one.get("day")
        patients.setdefault(exam, set()).add(one["patient"])
        own = {**one, "day": None if day is None else day - shift_of(one["patient"])}
        for name in OF_A_STUDY:
            known.setdefault((exam, name), set()).add(own.get(name))
        known.setdefault((exam, "id"), set()).add(one.get("without_issuer") or one["patient"])
    differing = {exam for (exam, name), found in known.items() if len(found - {None}) > (2 if name == "id" else 1)}
    return {exam for exam in differing if len(patients[exam]) > 1}


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

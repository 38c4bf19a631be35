"""Assignment of images to patients, examinations, and series if de-identification software removed the UIDs.

The images are grouped by the remaining elements of their headers: PatientID, date and time of the study, and the series
numbers and digests of series descriptions. If these are missing as well, images are grouped by folder. The groups
depend only on the files and on paths relative to the indexed folder and are therefore the same on every machine.
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
MIDNIGHT = (None, 0)  # no time, or the time that de-identification software writes


@dataclass(frozen=True)
class Identification:
    """Findings about the identifiers in a folder, which determine the patients and groups of the CT images.

    `plain_of` maps a patient with an issuer to the same patient without an issuer. `shared` and `repeated` contain the
    examinations and images whose UID is a placeholder. `mixed` contains the examinations whose UID is a placeholder
    that several patients share.
    """

    plain_of: Mapping[str, str]
    shared: Set[str]
    repeated: Set[str]
    mixed: Set[str]
    pseudonyms: Pseudonyms

    def applied_to(self, images: Iterable[ScannedFile]) -> list[ScannedFile]:
        """Return images with patient, examination, and series, and with `image`, which is equal for copies of an image.

        An image is identified by its UID, or by its pixels if the UID is missing or a placeholder. `series_source` is
        the information that identifies the series. The images do not change the set of placeholders.
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
    """Return the findings about the identifiers of the CT images in a folder."""
    images = list(images)
    plain_of = one_patient_of(one.facts for one in images)
    facts = [_of_patient(one, plain_of.get(one.facts["patient"]), pseudonyms).facts for one in images]
    mixed = studies_of_unlike_patients(facts, pseudonyms)
    shared = studies_of_several_patients(facts) | mixed
    return Identification(plain_of, shared, placeholders(facts), mixed, pseudonyms)


def one_patient_of(facts: Iterable[Facts]) -> dict[str, str]:
    """Map patients with an issuer of the PatientID to the patient without an issuer if both occur in one study.

    A PatientID with several issuers continues to denote several patients.
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
    """Return an image assigned to another patient, with its date shifted by the days of that patient."""
    if patient is None:
        return one
    facts = {**one.facts, "patient": patient}
    if facts.get("day") is not None:
        facts["day"] += pseudonyms.shift_days(patient) - pseudonyms.shift_days(one.facts["patient"])
    return replace(one, facts=facts)


def placeholders(facts: Iterable[Facts]) -> set[str]:
    """Return image UIDs that occur at several positions, or with different pixels in one transfer syntax."""
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
    """Return examinations without PatientID whose UID is a placeholder: several days, dates of birth, or sexes."""
    known: dict[tuple[str, str], set[Any]] = {}
    without_patient = (one for one in facts if one["patient_source"] == "examination")
    for one, name in itertools.product(without_patient, OF_A_STUDY):
        if name in one:
            known.setdefault((one["exam"], name), set()).add(one[name])
    return {exam for (exam, _), found in known.items() if len(found) > 1}


def studies_of_unlike_patients(facts: Iterable[Facts], pseudonyms: Pseudonyms) -> set[str]:
    """Return examinations with several PatientIDs whose UID is a placeholder rather than that of one patient.

    These examinations have several days, dates of birth, or sexes, or more than two PatientIDs (regardless of issuer).
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
    """Return the patient and examination of an image without a study UID.

    Without PatientID, images with the same day and time of the study, date of birth, and sex are assigned to one
    patient. If the header contains no time, images in one folder are assigned to one patient (ASSUME: such folders
    contain a single patient).
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

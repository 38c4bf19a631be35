"""Patient, study, series, and image of a file as pseudonyms.

UIDs that de-identification software removed, or replaced by a word or by one value for all levels, identify nothing.
The fact `lacks` lists these levels. Digests of other elements (marks) distinguish studies and series in this case, and
`series_identity` groups images by these marks.
"""

import re
from typing import Any

from pydicom.dataset import Dataset

from ctpop.stages.dicom import ages, vocabulary
from ctpop.stages.dicom.elements import text_of
from ctpop.stages.dicom.pseudonyms import Pseudonyms

UIDS = {"study": "StudyInstanceUID", "series": "SeriesInstanceUID", "image": "SOPInstanceUID"}
STUDY_MARKS = ("StudyID", "AccessionNumber")
DATES = ("StudyDate", "SeriesDate", "AcquisitionDate")
SERIES_MARKS = ("FrameOfReferenceUID", "SeriesDescription", "ProtocolName")


def identity_of(dataset: Dataset, pseudonyms: Pseudonyms) -> dict[str, Any]:
    """Return the facts that identify the patient, study, series, and image."""
    uids = {level: text_of(dataset, name) for level, name in UIDS.items()}
    lacks = unusable(uids)
    patient_id = text_of(dataset, "PatientID")
    known = vocabulary.names_a_patient(patient_id)
    issuer = text_of(dataset, "IssuerOfPatientID")
    patient = (
        pseudonyms.digest("patient", patient_id, issuer) if known else pseudonyms.digest("no patient", uids["study"])
    )
    days = [ages.parse_date(text_of(dataset, name)) for name in DATES]
    day = next((found for found in days if found), None)
    birth = ages.parse_date(text_of(dataset, "PatientBirthDate"))
    unclear = lacks or not known
    return {
        "patient": patient,
        "patient_source": "patient_id" if known else "examination",
        "without_issuer": pseudonyms.digest("patient", patient_id, "") if known and issuer else "",
        "exam": pseudonyms.digest("exam", uids["study"]),
        "series": pseudonyms.digest("series", uids["study"], uids["series"]),
        "instance": "" if "image" in lacks else pseudonyms.digest("instance", uids["image"]),
        "lacks": lacks,
        "study_mark": _mark(dataset, "study", STUDY_MARKS, pseudonyms) if unclear else "",
        "series_mark": _mark(dataset, "series", SERIES_MARKS, pseudonyms) if unclear else "",
        "series_number": _whole(text_of(dataset, "SeriesNumber")),
        "acquisition": _whole(text_of(dataset, "AcquisitionNumber")),
        "number": _whole(text_of(dataset, "InstanceNumber")),
        "birth": pseudonyms.digest("birth", birth.isoformat()) if birth else None,
        "day": day.toordinal() + pseudonyms.shift_days(patient) if day else None,
        "second": _second(text_of(dataset, "StudyTime")),
        "year": day.year if day else None,
    }


def unusable(uids: dict[str, str]) -> list[str]:
    """Return the levels whose UID is empty, consists of zeros, is a placeholder word, or equals that of another level.

    A word without a digit, such as `NA`, is not a UID.

    Examples
    --------
    >>> unusable({"study": "1.2.3", "series": "", "image": "ANONYMOUS"})
    ['series', 'image']
    >>> unusable({"study": "1.2.3", "series": "1.2.3", "image": "1.2.3.1"})
    ['study', 'series']

    """
    values = list(uids.values())
    return [
        level
        for level, uid in uids.items()
        if not vocabulary.names_a_patient(uid.strip("0. ")) or not re.search("[0-9]", uid) or values.count(uid) > 1
    ]


def _mark(dataset: Dataset, level: str, names: tuple[str, ...], pseudonyms: Pseudonyms) -> str:
    texts = [text_of(dataset, name) for name in names]
    return pseudonyms.digest(f"{level} mark", *texts) if any(texts) else ""


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[+-]?[0-9]{1,9}", text) else None


def _second(time: str) -> int | None:
    digits = time.replace(":", "")[:6].ljust(6, "0")
    if not (time and digits.isdecimal() and digits.isascii()):
        return None
    return int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:])

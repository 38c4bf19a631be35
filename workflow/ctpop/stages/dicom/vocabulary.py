"""What may be told of a header's texts: words out of closed lists, and nothing that was typed in.

A text of DICOM can hold anything, the name of a patient included. Only words of `resources/dicom/vocabulary.yaml`, and
kernels of a known form, are passed on; what does not fit is `other` or missing.
"""

import functools
import re
from typing import Any

import yaml

from ctpop.foundation.resources import resource

VOCABULARY = resource("dicom", "vocabulary.yaml")
OTHER = "other"
SEXES = {"M": "male", "F": "female", "MALE": "male", "FEMALE": "female", "W": "female", "WEIBLICH": "female"}
NON_IONIC = re.compile(r"\bnon[\s-]?ionic\b")
SIGNS = re.compile(r"[^\w./]+|/(?![ov]\b)|_")
SIGNS_AND_DIGITS = re.compile(r"[^\w./]+|/(?![ov]\b)|[0-9_]+")
INTRA = re.compile(r"\bintra[\s-]+")
NO_AMOUNT = re.compile(r"(?<![\d.,])0+([.,]0+)?\s*((ml|cc|g|mg)\b|$)")
DOUBT_SIGNS = re.compile(r"\?|\S\s*[-–]$|^[-–]|[+]\s*/?\s*[-–]|±|\bo\s+km\b")  # KM? and KM: - and -KM and +/- and o KM
NO_LETTERS = re.compile(r"[0\W_]*|[0x\W_]*xx[0x\W_]*")  # of a PatientID; a single x is a pseudonym
BETWEEN_WORDS = re.compile(r"[\s_,;:()\[\]^+-]+")
LOCALIZERS = {"LOCALIZER", "SCOUT", "TOPOGRAM", "SURVIEW"}
NOT_ORIGINAL = {
    "DERIVED",
    "SECONDARY",
    "REFORMATTED",
    "MPR",
    "MIP",
    "MINIP",
    "AVERAGE",
    "PROJECTION IMAGE",
    "SCREEN SAVE",
    "MIXED",
    # SOURCE: DICOM PS3.3, C.8.16.1.4, Derived Pixel Contrast, and C.8.15.2, multi-energy CT
    *("ADDITION", "DIVISION", "MAXIMUM", "MEAN", "MINIMUM", "MULTIPLICATION", "RESAMPLED", "STD_DEVIATION"),
    *("SUBTRACTION", "QUANTITY", "VMI", "MAT_SPECIFIC", "MAT_REMOVED", "MAT_FRACTIONAL", "MAT_MODIFIED"),
    *("MAT_VALUE_BASED", "EFF_ATOMIC_NUM", "ELECTRON_DENSITY"),
    *("VNC", "IODINE", "MONOENERGETIC"),  # words that scanners write for the same
}


@functools.cache
def vocabulary() -> dict[str, Any]:
    """Return the shipped lists of words."""
    lists: dict[str, Any] = yaml.safe_load(VOCABULARY.read_text(encoding="utf-8"))
    return lists


def sex_of(text: str) -> str | None:
    """Return `male` or `female`, also by words that are not of the standard, or nothing for O and anything else."""
    return SEXES.get(text.upper())


def manufacturer_of(text: str) -> str | None:
    """Return a known manufacturer, `other`, or nothing where none is named."""
    lower = text.lower()
    names = vocabulary()["manufacturers"].items()
    return next((name for name, starts in names if lower.startswith(tuple(starts))), OTHER) if text else None


def scanner_of(text: str) -> str | None:
    """Return a known model, `other`, or nothing where none is named."""
    known = {name.lower(): str(name) for name in vocabulary()["scanners"]}
    return known.get(text.lower(), OTHER) if text else None


def kernel_of(text: str) -> tuple[str | None, str | None]:
    """Return a convolution kernel of a known form, and whether it is `soft` or `sharp`; else `other` and nothing."""
    if not text:
        return None, None
    for kind, patterns in vocabulary()["kernels"].items():
        if any(re.fullmatch(pattern, text.upper()) for pattern in patterns):
            return text, str(kind)
    return OTHER, None


def body_part_of(text: str) -> str | None:
    """Return a body part of the list, `other`, or nothing."""
    upper = text.upper().replace(" ", "")
    return (upper if upper in vocabulary()["body_parts"] else OTHER) if text else None


def patient_position_of(text: str) -> str | None:
    """Return how the patient lay, as HFS (head first, supine), or nothing."""
    return text.upper() if text.upper() in vocabulary()["patient_positions"] else None


def names_a_patient(patient_id: str) -> bool:
    """Return whether a PatientID can belong to one person: ANON and the like stand for everybody."""
    lower = patient_id.strip().lower()
    if NO_LETTERS.fullmatch(lower) or lower in vocabulary()["no_patient"]:
        return False
    rest = _no_patient_phrases().sub(" ", lower)
    return not set(re.findall(r"[^\W_]+", rest)) <= set(vocabulary()["no_patient_words"])


@functools.cache
def _no_patient_phrases() -> re.Pattern[str]:
    phrases = sorted(vocabulary()["no_patient_phrases"], key=len, reverse=True)
    found = "|".join(phrase.replace(" ", r"[\W_]*") for phrase in phrases)
    return re.compile(rf"(?<![^\W_])(?:{found})(?![^\W_])")


def kind_of(image_type: list[str]) -> str:
    """Return `localizer`, `derived` or `original`, by the values of ImageType."""
    values = {value.strip().upper() for value in image_type}
    if values & LOCALIZERS:
        return "localizer"
    return "derived" if values & NOT_ORIGINAL else "original"


def agent_kind(agent: str) -> str:
    """Return what ContrastBolusAgent names by the words of the lists.

    Returns
    -------
    str
        `agent` for injection, `enteral` agent, `none` (it says that no agent was given), `flush` (a fluid without
        agent), `empty`, or `unknown`, also where it says two of these things.

    """
    lists, text = vocabulary(), agent.strip().lower()
    if not text or text in lists["not_stated"]:
        return "empty"
    if text in lists["no_agent"]:
        return "none"
    words = _words_of_agent(text)
    named, fluids = _has(words, "agents"), _has(words, "enteral_agents")
    injected = _has(words, "contrast_agent_words", "intravenous_words")
    elsewhere = _has(words, "enteral_routes", "other_routes")
    if _is_in_doubt(text, words):
        return "unknown"
    if _has(words, "negations") or NO_AMOUNT.search(text):
        return "unknown" if named or fluids or elsewhere else "none"
    if _has(words, "unenhanced_words"):
        return "unknown" if named or fluids or injected else "none"
    if elsewhere and way_of(words) != "vein":
        return "enteral" if way_of(words) == "enteral" and not named else "unknown"
    if named or (injected and not _is_flush(words)):
        return "agent"
    return "flush" if _is_flush(words) else "enteral" if fluids else "unknown"


def _is_in_doubt(text: str, words: set[str]) -> bool:
    """Return whether a text neither says that an agent was given nor that none was, or says both."""
    says_both = _has(words, "negations") and _has(words, "with_words")
    return says_both or _has(words, "doubts") or DOUBT_SIGNS.search(text) is not None


def _is_flush(words: set[str]) -> bool:
    return _has(words, "flushes") and not _has(words, "contrast_agent_words")


def route_of(route: str) -> str:
    """Return the way that ContrastBolusRoute names, as `way_of`, `unclear` (negated, an artery), or an empty text."""
    words = _words_of_agent(route.strip().lower())
    if _has(words, "negations", "doubts"):
        return "unclear"
    return "vein" if _has(words, "veins") else way_of(words)


def way_of(words: set[str]) -> str:
    """Return `vein` (also beside another way), `enteral`, `other` (organs look as without agent), or an empty text.

    Examples
    --------
    >>> way_of({"oral", "iv"}), way_of({"rectal"}), way_of({"intrathecal", "injection"}), way_of({"catheter"})
    ('vein', 'enteral', 'other', '')

    """
    lists = {"vein": "intravenous_words", "other": "other_routes", "enteral": "enteral_routes"}
    return next((way for way, name in lists.items() if _has(words, name)), "")


def _has(words: set[str], *names: str) -> bool:
    return any(words & set(vocabulary()[name]) for name in names)


def _words_of_agent(text: str) -> set[str]:
    """Return the words of a text in lower case: between blanks, and between other signs and digits."""
    text = INTRA.sub("intra", NON_IONIC.sub("nonionic", text))
    return {*text.split(), *SIGNS.split(text), *SIGNS_AND_DIGITS.split(text)}


def contrast_hint_of(*descriptions: str) -> bool | None:
    """Return what the words of the descriptions hint at, or nothing where none does or they contradict each other."""
    words = {word for text in descriptions for word in BETWEEN_WORDS.split(text.lower())}
    listed = vocabulary()["contrast_words"]
    positive = words & set(listed["with"])
    if words & set(listed["without"]):
        return None if positive - set(vocabulary()["contrast_nouns"]) else False  # `without contrast` has both
    return True if positive else None

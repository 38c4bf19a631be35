"""Conversion of the texts of a header to words of closed lists, without free text.

A DICOM text can contain anything, including the name of a patient. Only words of `resources/dicom/vocabulary.yaml` and
kernels of a known form are passed on; all other texts become `other` or missing.
"""

import functools
import itertools
import re
from collections.abc import Mapping
from typing import Any

import yaml

from ctpop.foundation.resources import resource
from ctpop.study.codings import SEXES

VOCABULARY = resource("dicom", "vocabulary.yaml")
OTHER = "other"
NON_IONIC = re.compile(r"\bnon[\s-]?ionic\b")
SIGNS = re.compile(r"[^\w./]+|/(?!(?:[ov]|out)\b)|_")
SIGNS_AND_DIGITS = re.compile(r"[^\w./]+|/(?!(?:[ov]|out)\b)|[0-9_]+")
SHORT_SANS = re.compile(r"(?<!\S)s/(?=\w\w)")  # s/contraste
SHORT_WITH = re.compile(r"(?<!\S)(wo?/)(?!(?:o|out)(?!\S))(?=\S)")  # w/con and wo/con, but not w/o
INTRA = re.compile(r"\bintra[\s-]+")
NO_AMOUNT = re.compile(r"(?<![\d.,])0+([.,]0+)?\s*((ml|cc|g|mg)\b|$)")
DOUBT_SIGNS = re.compile(r"\?|\S\s*[-–]$|^[-–]|[+]\s*/?\s*[-–]|±|\bo\s+km\b")  # KM? and KM: - and -KM and +/- and o KM
NO_LETTERS = re.compile(r"[0\W_]*|[0x\W_]*xx[0x\W_]*")  # PatientIDs that are placeholders; a single x is a pseudonym
BETWEEN_WORDS = re.compile(r"[\s_,;:()\[\]^+&-]+")
BETWEEN_TEXTS = " | "
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
    *("SUBTRACTION", "QUANTITY", "MAT_SPECIFIC", "MAT_REMOVED", "MAT_FRACTIONAL", "MAT_MODIFIED"),
    *("MAT_VALUE_BASED", "EFF_ATOMIC_NUM", "ELECTRON_DENSITY"),
    *("VNC", "IODINE"),  # terms of scanners for the same types of images
}
MONOENERGETIC = {"VMI", "MONOENERGETIC"}
KEV = re.compile(r"(?<![0-9])([0-9]{2,3}) ?KEV\b")
# ASSUME: attenuation at 70 keV is similar to attenuation at 120 kVp, and photon-counting scanners routinely write
# images at this energy
ROUTINE_KEV = range(65, 76)


@functools.cache
def vocabulary() -> dict[str, Any]:
    """Return the word lists of the package."""
    lists: dict[str, Any] = yaml.safe_load(VOCABULARY.read_text(encoding="utf-8"))
    return lists


def sex_of(text: str) -> str | None:
    """Return `male` or `female`, also from words outside the standard, or None for O and all other texts."""
    return SEXES.get(_as_utf8(text).lower())


def _as_utf8(text: str) -> str:
    """Return a UTF-8 text that pydicom read as Latin-1, which it does for code strings (CS), as UTF-8."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def manufacturer_of(text: str) -> str | None:
    """Return a known manufacturer, `other`, or None for an empty text."""
    lower = text.lower()
    names = vocabulary()["manufacturers"].items()
    return next((name for name, starts in names if lower.startswith(tuple(starts))), OTHER) if text else None


def scanner_of(text: str) -> str | None:
    """Return a known scanner model, `other`, or None for an empty text."""
    known = {name.lower(): str(name) for name in vocabulary()["scanners"]}
    return known.get(text.lower(), OTHER) if text else None


def kernel_of(text: str) -> tuple[str | None, str | None]:
    """Return a convolution kernel of a known form and its class, `soft` or `sharp`; otherwise `other` and None."""
    if not text:
        return None, None
    for kind, patterns in vocabulary()["kernels"].items():
        if any(re.fullmatch(pattern, text.upper()) for pattern in patterns):
            return text, str(kind)
    return OTHER, None


def body_part_of(text: str) -> str | None:
    """Return a body part of the list, `other`, or None for an empty text."""
    upper = text.upper().replace(" ", "")
    return (upper if upper in vocabulary()["body_parts"] else OTHER) if text else None


def patient_position_of(text: str) -> str | None:
    """Return the position of the patient, such as HFS (head first, supine), or None."""
    return text.upper() if text.upper() in vocabulary()["patient_positions"] else None


def names_a_patient(patient_id: str) -> bool:
    """Return whether a PatientID can identify one patient, which excludes placeholders such as ANON."""
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


def kind_of(image_type: list[str], description: str = "") -> str:
    """Return `localizer`, `derived`, `monoenergetic`, or `original` according to the values of ImageType.

    Virtual monoenergetic images are `derived` if ImageType or the description states an energy outside 65 to 75 keV,
    because their attenuation differs from that at 120 kVp.

    Examples
    --------
    >>> axial = ["ORIGINAL", "PRIMARY", "AXIAL"]
    >>> kind_of(axial), kind_of([*axial, "VMI"]), kind_of([*axial, "VMI"], "Abdomen 40 keV")
    ('original', 'monoenergetic', 'derived')

    """
    values = {value.strip().upper() for value in image_type}
    if values & LOCALIZERS:
        return "localizer"
    if values & NOT_ORIGINAL:
        return "derived"
    if not values & MONOENERGETIC:
        return "original"
    energies = {
        int(energy) for energy in KEV.findall(" ".join((*sorted(values), description.upper())).replace("_", " "))
    }
    return "monoenergetic" if energies <= set(ROUTINE_KEV) else "derived"


def agent_kind(agent: str) -> str:
    """Classify the text of ContrastBolusAgent by the words of the lists.

    Returns
    -------
    str
        `agent` (for injection), `enteral` (agent for the intestine), `none` (statement that no agent was administered),
        `flush` (a fluid without agent), `empty`, or `unknown`, which includes contradictory texts.

    """
    lists, text = vocabulary(), agent.strip().lower()
    if not text or text in lists["not_stated"]:
        return "empty"
    if text in lists["no_agent"]:
        return "none"
    words = _words_of_agent(text)
    named, fluids = _has(words, "agents"), _has(words, "enteral_agents")
    injected = _has(words, "contrast_agent_words", "intravenous_words", "given_words")
    elsewhere = _has(words, "enteral_routes", "other_routes")
    if _is_in_doubt(text, words):
        return "unknown"
    if _has(words, "negations") or NO_AMOUNT.search(text):
        return "unknown" if named or fluids or elsewhere else "none"
    if _has(words, "unenhanced_words"):
        return "unknown" if named or fluids or injected else "none"
    if elsewhere and way_of(words) != "vein":
        return "enteral" if way_of(words) == "enteral" and not named else "unknown"
    return _kind_that_was_given(words)


def _kind_that_was_given(words: set[str]) -> str:
    """Return the kind of an agent in a text without negation; names have priority over words for administration."""
    kinds = {
        "agent": ("agents", "contrast_agent_words"),
        "flush": ("flushes",),
        "agent by its way": ("intravenous_words",),
        "enteral": ("enteral_agents",),
        "agent by a word": ("given_words",),
    }
    found = next((kind for kind, names in kinds.items() if _has(words, *names)), "unknown")
    return found.split()[0]


def _is_in_doubt(text: str, words: set[str]) -> bool:
    """Return whether a text contains no clear statement, or contradictory statements, about the administration."""
    says_both = _has(words, "negations") and _has(words, "with_words")
    return says_both or _has(words, "doubts") or DOUBT_SIGNS.search(text) is not None


def route_of(route: str) -> str:
    """Return the route in ContrastBolusRoute as in `way_of`, or `unclear` for negated, doubtful, or arterial routes."""
    words = _words_of_agent(route.strip().lower())
    if _has(words, "negations", "doubts"):
        return "unclear"
    return "vein" if _has(words, "veins") else way_of(words)


def way_of(words: set[str]) -> str:
    """Return `vein` (alone or with another route), `enteral`, `other` (no enhancement of organs), or an empty text.

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
    """Return the words of a lowercase text, split at blanks, at other characters, and at digits."""
    text = SHORT_SANS.sub("s/ ", INTRA.sub("intra", NON_IONIC.sub("nonionic", text)))
    return {*text.split(), *SIGNS.split(text), *SIGNS_AND_DIGITS.split(text)}


def contrast_hint_of(*descriptions: str) -> bool | None:
    """Return whether the descriptions suggest contrast administration; None without or with contradictory words.

    Any negation negates a noun, such as `contrast`. A preposition, such as `with`, counts only before a noun or next to
    a negation. Oral agents are not evaluated.

    Examples
    --------
    >>> contrast_hint_of("Chest W/O con"), contrast_hint_of("Chest w/ con"), contrast_hint_of("Chest with recon")
    (False, True, None)

    """
    listed = {name: set(words) for name, words in vocabulary()["contrast_words"].items()}
    text = BETWEEN_WORDS.sub(" ", BETWEEN_TEXTS.join(descriptions).lower())
    words = SHORT_WITH.sub(r"\1 ", text).split()
    found = set(words)
    is_intravenous = not found & listed["enteral"] or bool(found & listed["intravenous"])
    negated = _negates(words, listed)
    without = bool(found & listed["without"]) or (negated and is_intravenous)
    noun = bool(found & listed["nouns"]) and is_intravenous and not without
    both = without and _has_preposition(words, listed)
    given = bool(found & listed["with"]) or noun or both
    return given if given != without else None


def _negates(words: list[str], listed: Mapping[str, set[str]]) -> bool:
    return bool(listed["negations"] & set(words)) or any(
        one in listed["negations_of_nouns"] and other in listed["nouns"] for one, other in itertools.pairwise(words)
    )


def _has_preposition(words: list[str], listed: Mapping[str, set[str]]) -> bool:
    """Return whether a preposition precedes a noun or is next to a negation; `con` can be a preposition or a noun."""
    negations = listed["negations"] | listed["negations_of_nouns"]
    for place in (place for place, word in enumerate(words) if word in listed["prepositions"]):
        after = [word for word in words[place + 1 :] if word not in listed["joints"]][:2]
        before = [word for word in words[:place] if word not in listed["joints"]][-1:]
        joined = {*after[:1]} if words[place] in listed["nouns"] else {*after[:1], *before}
        if joined & negations or listed["nouns"] & set(after):
            return True
    return False

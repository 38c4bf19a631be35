"""Whether a contrast agent was given into a vein, as far as the elements of the header say so."""

from collections.abc import Mapping
from dataclasses import dataclass

from ctpop.stages.dicom import vocabulary

TAGS = (
    "ContrastBolusAgent",
    "ContrastBolusRoute",
    "ContrastBolusVolume",
    "ContrastBolusTotalDose",
    "ContrastFlowRate",
    "ContrastBolusStartTime",
    "ContrastBolusIngredient",
    "ContrastBolusIngredientConcentration",
)
AMOUNTS = ("ContrastBolusVolume", "ContrastBolusTotalDose", "ContrastFlowRate")
INTO_A_VEIN = {"IV", "I.V.", "INTRAVENOUS", "INTRAVENÖS", "INTRAVENOES", "VENOUS", "INTRAVENOUS ROUTE"}
NOT_INTO_A_VEIN = {"ORAL", "PO", "P.O.", "PER OS", "RECTAL", "ENTERAL", "ORAL ROUTE", "RECTAL ROUTE", "NASOGASTRIC"}
OTHER_ROUTES = {  # after which vessels and organs look as without contrast agent
    *("INTRATHECAL", "IT", "I.T.", "INTRAARTICULAR", "INTRA-ARTICULAR", "INTRAVESICAL", "INTRAUTERINE", "VAGINAL"),
    *("INTRADISCAL", "SUBCUTANEOUS", "INTRAPERITONEAL", "INTRATHECAL ROUTE", "INTRACAVITARY"),
}


@dataclass(frozen=True)
class Contrast:
    """Whether contrast agent was given (None: the header does not say), and by what (a code of `CONTRAST_REASONS`)."""

    given: bool | None
    reason: str


def contrast_of(elements: Mapping[str, str]) -> Contrast:
    """Return what the contrast elements say; an agent that is not recorded may have been given all the same.

    A text that names no known agent is no evidence of an injection: amounts count for it only with an intravenous
    route.
    """
    kind = vocabulary.agent_kind(elements["ContrastBolusAgent"])
    route = elements["ContrastBolusRoute"].strip().upper()
    if kind == "none":
        return Contrast(False, "agent_says_none")
    if kind == "enteral" or route in NOT_INTO_A_VEIN:
        return Contrast(False, "oral_only") if route not in INTO_A_VEIN else Contrast(None, "agent_unknown")
    if route in OTHER_ROUTES:
        return Contrast(False, "other_route")
    if kind == "agent":
        return Contrast(True, "agent")
    has_bolus = any(_is_positive(elements[name]) for name in AMOUNTS) or bool(elements["ContrastBolusStartTime"])
    if has_bolus and (kind == "empty" or route in INTO_A_VEIN):
        return Contrast(True, "bolus")
    return Contrast(None, "not_recorded" if kind == "empty" else "agent_unknown")


def _is_positive(text: str) -> bool:
    try:
        return float(text.split("\\")[0]) > 0
    except ValueError:
        return False

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
NOT_INTO_A_VEIN = {"ORAL", "PO", "P.O.", "PER OS", "RECTAL", "ENTERAL"}


@dataclass(frozen=True)
class Contrast:
    """Whether contrast agent was given (None: the header does not say), and by what (a code of `CONTRAST_REASONS`)."""

    given: bool | None
    reason: str


def contrast_of(elements: Mapping[str, str]) -> Contrast:
    """Return what the contrast elements say; an agent that is not recorded may have been given all the same."""
    agent, route = elements["ContrastBolusAgent"], elements["ContrastBolusRoute"]
    if vocabulary.denies_contrast(agent):
        return Contrast(False, "agent_says_none")
    if route.upper() in NOT_INTO_A_VEIN or agent.upper() in NOT_INTO_A_VEIN:
        return Contrast(False, "oral_only")
    if agent:
        return Contrast(True, "agent")
    if any(_is_positive(elements[name]) for name in AMOUNTS) or elements["ContrastBolusStartTime"]:
        return Contrast(True, "bolus")
    return Contrast(None, "not_recorded")


def _is_positive(text: str) -> bool:
    try:
        return float(text.split("\\")[0]) > 0
    except ValueError:
        return False

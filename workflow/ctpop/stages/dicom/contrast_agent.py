"""Intravenous contrast administration according to the elements of the header."""

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


@dataclass(frozen=True)
class Contrast:
    """Recorded contrast administration (None: not recorded or unclear) and its reason, a code of `CONTRAST_REASONS`."""

    given: bool | None
    reason: str


def contrast_of(elements: Mapping[str, str]) -> Contrast:
    """Return the contrast administration that the contrast elements record; missing elements do not exclude it.

    If ContrastBolusAgent contains text without a known agent, a volume, dose, flow rate, or start time indicates an
    injection only together with an intravenous route.
    """
    kind = vocabulary.agent_kind(elements["ContrastBolusAgent"])
    route = vocabulary.route_of(elements["ContrastBolusRoute"])
    if kind == "none":
        return Contrast(False, "agent_says_none")
    if kind == "enteral" or route == "enteral":
        return Contrast(False, "oral_only") if route in ("", "enteral") else Contrast(None, "agent_unknown")
    if route == "other":
        return Contrast(False, "other_route")
    if kind == "flush" or (route == "unclear" and kind != "empty"):
        return Contrast(None, "agent_unknown")
    if kind == "agent":
        return Contrast(True, "agent")
    has_bolus = any(_is_positive(elements[name]) for name in AMOUNTS) or bool(elements["ContrastBolusStartTime"])
    if has_bolus and route == "unclear":
        return Contrast(None, "agent_unknown")
    if has_bolus and (kind == "empty" or route == "vein"):
        return Contrast(True, "bolus")
    return Contrast(None, "not_recorded" if kind == "empty" else "agent_unknown")


def beside_description(contrast: Contrast, hint: bool | None) -> Contrast:
    """Return the finding, with the reason `description_differs` if the series description suggests the opposite.

    Scanners copy the agent into every series of an examination, including series acquired before the injection.

    Examples
    --------
    >>> beside_description(Contrast(True, "agent"), False)
    Contrast(given=True, reason='description_differs')
    >>> beside_description(Contrast(True, "agent"), None)
    Contrast(given=True, reason='agent')

    """
    contradicted = hint is not None and contrast.given is not None and hint != contrast.given
    return Contrast(contrast.given, "description_differs") if contradicted else contrast


def _is_positive(text: str) -> bool:
    try:
        return float(text.split("\\")[0]) > 0
    except ValueError:
        return False

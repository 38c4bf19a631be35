"""Names of structures in figures, abbreviated where space is limited."""

from ctpop.figures.formatting import structure_abbreviation, structure_text
from ctpop.figures.style import SMALL, plain, shortened, width_of
from ctpop.study.display_names import without_side

WIDER_SIDE = "Right"


def fitting_name(structure: str, width_mm: float, size: float = SMALL, *, bold: bool = False) -> str:
    """Return the name of a structure, or its abbreviation if the name is wider than `width_mm` on the right side.

    Both sides of a structure therefore have names of the same form.
    """
    name = structure_text(structure)
    words = without_side(name)
    widest = name if words == name else f"{WIDER_SIDE} {words}"
    fits = width_of(widest, size, bold=bold) <= width_mm
    return plain(shortened(name if fits else structure_abbreviation(structure), width_mm, size, bold=bold))

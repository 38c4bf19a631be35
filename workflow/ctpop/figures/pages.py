"""Figures that show every structure on numbered pages: which stand on which, known before anything is drawn."""

import math

GRIDS = {  # rows, and structures in a row, that a page of A4 has room for
    "structure_flow": (60, 1),
    "failures": (60, 1),
    "by_sex": (6, 3),
    "figure_s3": (6, 2),
}


def pages_of(kind: str, structures: list[str]) -> dict[str, list[str]]:
    """Return the structures of each page of a kind of figure, by the name of its files; pages are filled evenly.

    Without any structure there is one page, an empty one.
    """
    most, columns = GRIDS[kind]
    rows = max(1, math.ceil(len(structures) / columns))
    pages = math.ceil(rows / most)
    size = math.ceil(rows / pages) * columns
    return {f"{kind}_p{page + 1:02d}": structures[page * size : (page + 1) * size] for page in range(pages)}

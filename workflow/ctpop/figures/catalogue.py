"""The figures of a study, each kind declared once: name, title, place in Snakemake's report, and which files it has.

The rules declare their outputs, the report plans its figures and removes those of an earlier configuration, and
Snakemake's report groups figures by this list. No drawing library is imported, since the Snakefile reads it whenever it
is parsed.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Repeat(Enum):
    """How many figures of a kind there are."""

    once = "one"
    pages_of_structures = "numbered pages that show every structure"
    pages_of_all = "numbered pages that show every structure and group"
    panels = "one for each panel of Figure 6"
    all = "one for each structure and group"


@dataclass(frozen=True)
class FigureKind:
    """A kind of figure.

    `section` and `title` are those of Snakemake's report, whose caption is `workflow/captions/<caption>.rst`, by
    default that of its name. `needs` is what a study must have for such a figure, a field of `Contents`. `grid` is the
    number of rows, and of structures in a row, for which a page of A4 has room, where the figure has numbered pages.
    """

    name: str
    title: str
    section: str
    repeat: Repeat = Repeat.once
    needs: str = ""
    grid: tuple[int, int] | None = None
    caption: str = ""
    of_report: bool = True

    @property
    def pattern(self) -> str:
        """Return a pattern of the names of its figures."""
        if self.repeat is Repeat.once:
            return self.name
        return f"{self.name}_p[0-9]*" if self.grid else f"{self.name}_*"

    @property
    def varies(self) -> bool:
        """Return whether the number or the names of its figures follow from the configuration."""
        return bool(self.needs) or self.repeat is not Repeat.once


@dataclass(frozen=True)
class Contents:
    """What decides which figures a study has: its structures and groups, the panels of Figure 6, and optional parts."""

    structures: list[str]
    groups: list[str]
    panels: list[tuple[str, str]]
    pairs: bool
    centiles: bool
    truth: bool


KINDS = (
    FigureKind("cohort_flow", "Flow to the cohort", "People", caption="flow", of_report=False),
    FigureKind("flow", "Participant flow", "People"),
    FigureKind("age_by_sex", "Age by sex", "People"),
    FigureKind("structure_flow", "Flow of every structure", "Screening", Repeat.pages_of_structures, grid=(60, 1)),
    FigureKind("figure6", "Selected structures", "Age"),
    FigureKind("scatter", "Values over age", "Age", Repeat.panels),
    FigureKind("boxes", "Values by age quartile", "Age", Repeat.panels),
    FigureKind("centiles", "Centile curves", "Age", Repeat.panels, needs="centiles", caption="centile_curves"),
    FigureKind("spearman_overview", "All correlations", "Age"),
    FigureKind("spearman_groups", "Groups of structures", "Age", needs="groups"),
    FigureKind("heatmap", "Heat map of all correlations", "Age"),
    FigureKind("sensitivity", "Sensitivity to screening", "Screening"),
    FigureKind("failures", "Volumes that are not used", "Screening", Repeat.pages_of_structures, grid=(60, 1)),
    FigureKind("by_sex", "Values by sex", "Age", Repeat.pages_of_all, grid=(6, 3)),
    FigureKind("asymmetry", "Left and right", "Age", needs="pairs"),
    FigureKind("figure_s3", "Every structure", "Age", Repeat.pages_of_all, grid=(6, 2)),
    FigureKind("structure", "Volume and attenuation", "Structures", Repeat.all),
    FigureKind("published", "Published and here", "Comparison"),
    FigureKind("truth", "Measured and true", "Comparison", needs="truth"),
)
BY_NAME = {kind.name: kind for kind in KINDS}
GRIDS = {kind.name: kind.grid for kind in KINDS if kind.grid}


def names_of_report(contents: Contents) -> list[str]:
    """Return the names of all figures of a report, without suffix."""
    return [name for kind in KINDS if kind.of_report for name in _names(kind, contents)]


def kind_of(name: str) -> FigureKind:
    """Return the kind of a figure: the longest whose name its own begins with."""
    return max((kind for kind in KINDS if name.startswith(kind.name)), key=lambda kind: len(kind.name))


def patterns_that_vary() -> list[str]:
    """Return patterns of the figures whose number or names follow from the configuration."""
    return [kind.pattern for kind in KINDS if kind.varies]


def pages_of(kind: str, structures: list[str]) -> dict[str, list[str]]:
    """Return the structures of each page of a kind of figure, by the name of its files; pages are filled evenly.

    Without any structure there is one page, an empty one.
    """
    most, columns = GRIDS[kind]
    rows = max(1, math.ceil(len(structures) / columns))
    pages = math.ceil(rows / most)
    size = math.ceil(rows / pages) * columns
    return {f"{kind}_p{page + 1:02d}": structures[page * size : (page + 1) * size] for page in range(pages)}


def _names(kind: FigureKind, contents: Contents) -> Iterable[str]:
    if kind.needs and not getattr(contents, kind.needs):
        return []
    everything = [*contents.structures, *contents.groups]
    match kind.repeat:
        case Repeat.pages_of_structures:
            return pages_of(kind.name, contents.structures)
        case Repeat.pages_of_all:
            return pages_of(kind.name, everything)
        case Repeat.panels:
            return [f"{kind.name}_{structure}_{measure}" for structure, measure in contents.panels]
        case Repeat.all:
            return [f"{kind.name}_{name}" for name in everything]
        case Repeat.once:
            return [kind.name]

"""The figures of a study, each kind declared once: name, title, section, caption, and which files it has.

A new kind of figure needs an entry here, a module of this package that draws it, and a plan in
`ctpop.stages.report.figure_plans`. The rules declare their outputs, the report plans its figures and removes those of
an earlier configuration, captions are made, and Snakemake's report groups figures by this list. No drawing library is
imported, since the Snakefile reads it whenever it is parsed.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

SPLINE_FROM = 30  # values from which a trend is a spline; with fewer, it is a straight line


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

    `section` is that of Snakemake's report; `ctpop.figures.captions` has the marks that `caption` may contain. `needs`
    is what a study must have for such a figure, a field of `Contents`. `grid` is the number of rows, and of structures
    in a row, for which a page of A4 has room, where the figure has numbered pages.
    """

    name: str
    title: str
    section: str
    caption: str
    repeat: Repeat = Repeat.once
    needs: str = ""
    grid: tuple[int, int] | None = None
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
    FigureKind(
        "cohort_flow",
        "Flow to the cohort",
        "Participants",
        "A scan that fails several criteria is counted at the first of them.",
        of_report=False,
    ),
    FigureKind(
        "flow",
        "Participant flow",
        "Participants",
        "A scan that fails several criteria is counted at the first of them. The last box gives smallest, largest and"
        " median n over the structures.",
    ),
    FigureKind(
        "age_by_sex",
        "Age by sex",
        "Participants",
        "Ages of the {scans} in the study, with median and interquartile range.",
    ),
    FigureKind(
        "structure_flow",
        "Flow of every structure",
        "Screening",
        "Of all scans in the study, those whose value entered the statistics (n), and what took the others; the table"
        " structure_flow has every step.",
        Repeat.pages_of_structures,
        grid=(60, 1),
    ),
    FigureKind(
        "figure6",
        "Age and selected structures",
        "Age",
        "Upper row: values over age with Spearman correlation (*r*~s~), two-sided *P* and {ci} confidence interval."
        " {trend} Lower row: {boxes} n is the number of values that passed the screening.",
    ),
    FigureKind("scatter", "Values over age", "Age", "{trend}", Repeat.panels),
    FigureKind("boxes", "Values by age quartile", "Age", "{boxes}", Repeat.panels),
    FigureKind(
        "centiles",
        "Centile curves",
        "Age",
        "Women and men: values that 3, 10, 25, 50, 75, 90 and 97 of 100 people of an age are below, and the people"
        " that the curves were fitted to; n is the number of values that passed the screening. Dotted: fewer than 30"
        " people are within five years of that age.",
        Repeat.panels,
        needs="centiles",
    ),
    FigureKind(
        "spearman_overview",
        "All correlations with age",
        "Age",
        "Spearman correlation with {ci} confidence interval of every structure; both sides of a pair share a row."
        " Filled: *P* < {alpha}. n is the number of values that passed the screening (left / right where they differ);"
        " without a dot there were too few.",
    ),
    FigureKind(
        "spearman_groups",
        "Groups of structures",
        "Age",
        "Spearman correlation with age of groups of structures, such as both sides, with {ci} confidence interval."
        " Filled: *P* < {alpha}.",
        needs="groups",
    ),
    FigureKind(
        "heatmap",
        "All correlations as a heat map",
        "Age",
        "Spearman correlation with age: of all, of women, of men, and adjusted for the covariates (docs/methods.md,"
        " 5.7). Bold: *P* < {alpha}. Hatched: no result; the tables adjusted and associations_by_sex say why.",
    ),
    FigureKind(
        "sensitivity",
        "Sensitivity to screening",
        "Screening",
        "Spearman correlation with {ci} confidence interval under each rule set: the selected structures, and those"
        " whose correlation changes most.",
    ),
    FigureKind(
        "failures",
        "Volumes that are not used",
        "Screening",
        "Bars: share of scans by the reason that takes the volume away; n is their number. Dots: mean age, and share"
        " of women, of the people whose volume is used (filled) and not used (open); where nothing was removed there"
        " is one dot.",
        Repeat.pages_of_structures,
        grid=(60, 1),
    ),
    FigureKind(
        "by_sex",
        "Volume and attenuation by sex",
        "Age",
        "Quartiles and median; whiskers end at the last value within 1.5 times the interquartile range, values beyond"
        " them are not drawn. W: women, M: men, with the number of values that passed the screening, and in brackets"
        " that of those not drawn.",
        Repeat.pages_of_all,
        grid=(6, 3),
    ),
    FigureKind(
        "asymmetry",
        "Left and right",
        "Age",
        "Asymmetry index, (left − right) / (left + right), of the volumes of each pair, over the scans in which both"
        " passed the screening (n). Quartiles and median; whiskers end at the last value within 1.5 times the"
        " interquartile range; the number of values beyond them is printed.",
        needs="pairs",
    ),
    FigureKind(
        "figure_s3",
        "Every structure",
        "Age",
        "Volume and mean attenuation over age; n is the number of values that passed the screening. {trend}",
        Repeat.pages_of_all,
        grid=(6, 2),
    ),
    FigureKind(
        "structure",
        "Volume and attenuation",
        "Structures",
        "A, C: values over age with Spearman correlation (*r*~s~), two-sided *P* and {ci} confidence interval. {trend}"
        " B, D: {boxes} n is the number of values that passed the screening.",
        Repeat.all,
    ),
    FigureKind(
        "published",
        "Published and here",
        "Comparison",
        "Correlations with age that the paper prints, and those of this study, with {ci} confidence intervals;"
        " numbers are those of the list. Consistent: the difference is within the error of both (*z* test at the level"
        " of the interval).",
    ),
    FigureKind(
        "truth",
        "Measured against true values",
        "Comparison",
        "A, B: usable values of all scans and structures. C, D: correlation with age of the measured values ({ci}"
        " confidence interval) and of the true values of the same scans; r is the Pearson correlation of measured and"
        " true values, bias the mean of measured minus true.",
        needs="truth",
    ),
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

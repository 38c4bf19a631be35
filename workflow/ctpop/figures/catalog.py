"""Catalog of the figures of a study: name, title, section, caption, and files of each kind.

A new kind of figure requires an entry in `KINDS`, a module of this package that draws it, and a plan in
`ctpop.stages.report.figure_plans`. This list determines the outputs of the rules, the figures of the report (and the
outdated figures that the report removes), the captions, and the grouping in Snakemake's report. The module imports no
plotting library because Snakemake imports it whenever it parses the Snakefile.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from ctpop.contracts.codes import MEASURES

SPLINE_FROM = 30  # smallest number of values for a spline; with fewer values, the trend is a straight line


class Repeat(Enum):
    """Number of figures of a kind."""

    once = "one"
    pages_of_structures = "numbered pages that show every structure"
    pages_of_all = "numbered pages that show every structure and group"
    panels = "one for each panel of Figure 6"
    all = "one for each structure and group"
    changes = "one for each measure of each structure in `aging.change_points`"


@dataclass(frozen=True)
class FigureKind:
    """A kind of figure.

    `section` is the section of Snakemake's report. `ctpop.figures.captions` documents the markup of `caption`. `needs`
    names the field of `Contents` that a study must have for this kind of figure. For figures with numbered pages,
    `grid` is the number of rows on an A4 page and the number of structures in a row.
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
        """Return a glob pattern of the names of the figures of this kind."""
        if self.repeat is Repeat.once:
            return self.name
        return f"{self.name}_p[0-9]*" if self.grid else f"{self.name}_*"

    @property
    def varies(self) -> bool:
        """Return whether the number or the names of the figures depend on the configuration."""
        return bool(self.needs) or self.repeat is not Repeat.once


@dataclass(frozen=True)
class Contents:
    """Contents of a study that determine its figures: structures, groups, panels of Figure 6, and optional parts."""

    structures: list[str]
    groups: list[str]
    panels: list[tuple[str, str]]
    pairs: bool
    centiles: bool
    truth: bool
    change_points: tuple[str, ...] = ()


KINDS = (
    FigureKind(
        "cohort_flow",
        "Flow from registry to cohort",
        "Participants",
        "Flow diagram shows the inclusion and exclusion of scans. A scan that met more than one exclusion criterion was"
        " counted under the first criterion met.",
        of_report=False,
    ),
    FigureKind(
        "flow",
        "Participant flow",
        "Participants",
        "Flow diagram shows the inclusion, exclusion, and measurement of scans. A scan that met more than one exclusion"
        " criterion was counted under the first criterion met. The last box shows the smallest, largest, and median"
        " number of usable values (n) among the structures.",
    ),
    FigureKind(
        "age_by_sex",
        "Age by sex",
        "Participants",
        "Histograms show the age distribution of the {scans} in the study by sex, with medians and interquartile ranges"
        " (IQRs).",
    ),
    FigureKind(
        "structure_flow",
        "Flow of each structure",
        "Screening",
        "Stacked bars show, for each structure, the number of scans with a value in the statistical analysis (n) and"
        " the number of other scans by reason. The table structure_flow contains every step.",
        Repeat.pages_of_structures,
        grid=(60, 1),
    ),
    FigureKind(
        "figure6",
        "Selected structures and age",
        "Age",
        "Scatterplots in the upper row show volume or attenuation by age with the Spearman rank correlation coefficient"
        " (ρ), two-sided *P* value (test of a ρ of 0), and {ci} confidence interval (CI). {trend} Box plots in the"
        " lower row show the same values by {band} with the {groups_test} and epsilon squared (ε²). {boxes} n is the"
        " number of values that passed segmentation screening.",
    ),
    FigureKind(
        "scatter",
        "Values by age",
        "Age",
        "Scatterplot shows volume or attenuation by age with the Spearman rank correlation coefficient (ρ), two-sided"
        " *P* value (test of a ρ of 0), and {ci} confidence interval (CI). {trend} n is the number of values that"
        " passed segmentation screening.",
        Repeat.panels,
    ),
    FigureKind(
        "boxes",
        "Values by age group",
        "Age",
        "Box plots show volume or attenuation by {band} with the {groups_test} and epsilon squared (ε²). {boxes} n is"
        " the number of values that passed segmentation screening.",
        Repeat.panels,
    ),
    FigureKind(
        "centiles",
        "Centile curves",
        "Age",
        "Curves show the 3rd, 10th, 25th, 50th, 75th, 90th, and 97th centiles by age for women (A) and men (B); dots"
        " are the usable values. Shaded areas are pointwise {ci} confidence intervals of the outermost curves and of"
        " the median. Curves are dotted where fewer than 30 values are available within 5 years of an age. The 3rd and"
        " 97th centiles are shown if there are enough patients of the sex. Curves that do not fit in the"
        " cross-validation are marked as misfit. n is the number of values that passed segmentation screening.",
        Repeat.panels,
        needs="centiles",
    ),
    FigureKind(
        "change_point",
        "Change of slope",
        "Age",
        "Scatterplots show volume or attenuation by age for women (A) and men (B) with a natural cubic spline of age"
        " (solid line) and, if a change of slope is reported, two straight lines that meet (dashed line), the age at"
        " which they meet (vertical line), and its {ci} confidence interval (shaded area). All lines are at the mean of"
        " the covariates. The plots below show the derivative of the spline with pointwise {ci} confidence limits (C,"
        " D). n is the number of scans in the models.",
        Repeat.changes,
        needs="change_points",
    ),
    FigureKind(
        "worms",
        "Worm plots of centile curves",
        "Age",
        "Worm plots show the quantiles of the cross-validated *z* scores minus the corresponding quantiles of the"
        " standard normal distribution for volume in women (A) and men (B) and attenuation in women (C) and men (D)."
        " Lines are age quartiles, from the youngest (light) to the oldest (dark). Dotted lines are the pointwise 95%"
        " limits if the curves are correct. n is the number of values that passed segmentation screening.",
        Repeat.all,
        needs="centiles",
    ),
    FigureKind(
        "spearman_overview",
        "Correlations with age",
        "Age",
        "Forest plot shows the Spearman rank correlation coefficient (ρ) with age and its {ci} confidence interval (CI)"
        " for every structure; left and right structures of a pair share a row. Filled markers indicate *P* < {alpha}."
        " n is the number of values that passed segmentation screening (left / right if they differ). Structures with"
        " too few values have no marker.",
    ),
    FigureKind(
        "spearman_groups",
        "Correlations of groups of structures with age",
        "Age",
        "Forest plot shows the Spearman rank correlation coefficient (ρ) with age and its {ci} confidence interval (CI)"
        " for groups of structures, such as left and right combined. Filled markers indicate *P* < {alpha}. n is the"
        " number of usable values.",
        needs="groups",
    ),
    FigureKind(
        "heatmap",
        "Heat map of correlations with age",
        "Age",
        "Heat map shows the Spearman rank correlation coefficient (ρ) with age for all patients, for women (W), for men"
        " (M), and after adjustment for the covariates (Adj.). Bold numbers indicate *P* < {alpha}. Hatched cells have"
        " no result; the tables adjusted and associations_by_sex contain the reasons.",
    ),
    FigureKind(
        "sensitivity",
        "Sensitivity analyses",
        "Screening",
        "Forest plot shows the Spearman rank correlation coefficient (ρ) with age and its {ci} confidence interval (CI)"
        " under each rule set of segmentation screening and in other sensitivity analyses, for the selected structures"
        " and for the structures with the largest changes. n is the number of values in an analysis.",
    ),
    FigureKind(
        "failures",
        "Excluded volumes",
        "Screening",
        "Bars show the percentage of scans with an excluded volume by reason; n is the number of these scans. Dots show"
        " the mean age and the percentage of women for scans with a usable volume (filled) and scans with an excluded"
        " volume (open). Structures without exclusions have one dot.",
        Repeat.pages_of_structures,
        grid=(60, 1),
    ),
    FigureKind(
        "by_sex",
        "Volume and attenuation by sex",
        "Age",
        "Box plots show the volume and attenuation of women (W) and men (M). Boxes show the median and quartiles;"
        " whiskers end at the most extreme values within 1.5 times the interquartile range. The numbers below each box"
        " are the number of values that passed segmentation screening and, in parentheses, the number of values beyond"
        " the whiskers, which are not drawn.",
        Repeat.pages_of_all,
        grid=(6, 3),
    ),
    FigureKind(
        "asymmetry",
        "Left-right asymmetry",
        "Age",
        "Box plots show the asymmetry index of volume, (left − right)/(left + right), of each pair of structures in the"
        " scans in which both volumes passed segmentation screening (n). Boxes show the median and quartiles; whiskers"
        " end at the most extreme values within 1.5 times the interquartile range. Values beyond the whiskers are not"
        " drawn, and their number is printed.",
        needs="pairs",
    ),
    FigureKind(
        "figure_s3",
        "All structures and age",
        "Age",
        "Scatterplots show volume and mean attenuation by age with the Spearman rank correlation coefficient (ρ) and"
        " two-sided *P* value (test of a ρ of 0). {trend} CI = confidence interval, n = number of values that passed"
        " segmentation screening.",
        Repeat.pages_of_all,
        grid=(6, 2),
    ),
    FigureKind(
        "structure",
        "Volume and attenuation by age",
        "Structures",
        "Scatterplots show volume (A) and attenuation (C) by age with the Spearman rank correlation coefficient (ρ),"
        " two-sided *P* value (test of a ρ of 0), and {ci} confidence interval (CI). {trend} Box plots show volume (B)"
        " and attenuation (D) by {band} with the {groups_test} and epsilon squared (ε²). {boxes} n is the number of"
        " values that passed segmentation screening.",
        Repeat.all,
    ),
    FigureKind(
        "published",
        "Comparison with the original study",
        "Comparison",
        "Plot and list show the Spearman rank correlation coefficients (ρ) with age in the original study (published)"
        " and in this study, with {ci} confidence intervals (CIs). The plot shows the published coefficients converted"
        " to the standard deviation of age in this study (expected). Numbers in the plot are the row numbers of the"
        " list. Dashed lines are the margins of equivalence.",
    ),
    FigureKind(
        "truth",
        "Measured and true values",
        "Comparison",
        "Scatterplots (A, B) show measured and true values of all scans and structures with usable values. Forest plots"
        " (C, D) show the Spearman rank correlation coefficient (ρ) with age of the measured values, with its {ci}"
        " confidence interval (CI), and of the true values of the same scans. *r* is the Pearson correlation"
        " coefficient of measured and true values; bias is the mean of measured minus true values.",
        needs="truth",
    ),
)
BY_NAME = {kind.name: kind for kind in KINDS}
GRIDS = {kind.name: kind.grid for kind in KINDS if kind.grid}


def names_of_report(contents: Contents) -> list[str]:
    """Return the names of all figures of a report, without file extension."""
    return [name for kind in KINDS if kind.of_report for name in _names(kind, contents)]


def kind_of(name: str) -> FigureKind:
    """Return the kind of a figure: the kind with the longest name that is a prefix of the name of the figure."""
    return max((kind for kind in KINDS if name.startswith(kind.name)), key=lambda kind: len(kind.name))


def patterns_that_vary() -> list[str]:
    """Return glob patterns of the figures whose number or names depend on the configuration."""
    return [kind.pattern for kind in KINDS if kind.varies]


def pages_of(kind: str, structures: list[str]) -> dict[str, list[str]]:
    """Return the structures on each page of a kind of figure, by file name without extension.

    Structures are distributed evenly over the pages. Without structures, there is one empty page.
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
        case Repeat.changes:
            return [f"{kind.name}_{name}_{measure}" for name in contents.change_points for measure in MEASURES]
        case Repeat.once:
            return [kind.name]

"""Captions of the figures: HTML for the report of a study and reStructuredText for Snakemake's report.

The catalog contains the caption of each kind of figure. In a caption, `*x*` is italic and `~x~` is a subscript. The
following words in braces are replaced: `ci` (confidence level), `alpha` (significance level), `scans` (number of scans
in the study), and `trend` and `boxes` (constants of this module).
"""

import re
from dataclasses import dataclass
from html import escape

from ctpop.figures.catalog import SPLINE_FROM, FigureKind
from ctpop.figures.formatting import level, percent, scans_in_words

TREND = (
    "Lines are restricted cubic splines with four knots (least squares) or, with fewer than"
    f" {SPLINE_FROM} values, straight lines; bands are pointwise {{ci}} CIs (HC3 covariance)."
)
BOXES = (
    "Boxes show the median and quartiles; whiskers end at the most extreme values within 1.5 times the interquartile"
    " range. Values beyond the whiskers are not drawn, and their number is printed. Age quartiles without a common"
    " letter differ significantly (Wilcoxon rank-sum test, *P* < {alpha}); if no letters are shown, no differences are"
    " significant."
)
REPEATED = " Because patients had more than one scan, numbers of patients are also shown."
# Snakemake evaluates these expressions with the configuration of the study.
CI_OF_CONFIG = '{{ "%.4g%%" | format(100 * snakemake.config["aging"]["confidence"]) }}'
ALPHA_OF_CONFIG = '{{ ("%.12f" | format(snakemake.config["aging"]["alpha"])).strip("0") }}'


@dataclass(frozen=True)
class CaptionValues:
    """Values of a study in its captions: confidence level and significance level (both 0 to 1), and number of scans.

    `patients` is the number of patients, or None if each scan is of a different patient.
    """

    confidence: float
    alpha: float
    scans: int
    patients: int | None = None


def html(kind: FigureKind, values: CaptionValues, *, continued: bool = False) -> str:
    """Return the caption of a figure as HTML.

    Parameters
    ----------
    kind : FigureKind
        Kind of the figure.
    values : CaptionValues
        Values of the study.
    continued : bool
        Whether the complete caption is that of an earlier figure of the same kind.

    Returns
    -------
    str
        HTML without an enclosing element.

    """
    title = f"<b>{escape(kind.title)}.</b>"
    if continued:
        return f"<b>{escape(kind.title)},</b> continued." if kind.grid else title
    patients = values.scans if values.patients is None else values.patients
    scans = scans_in_words(values.scans, patients)
    text = _filled(kind.caption, percent(values.confidence), level(values.alpha), scans)
    text += REPEATED if patients != values.scans else ""
    return f"{title} {_html(text)}"


def restructured_text(kind: FigureKind) -> str:
    """Return the caption of a kind of figure as reStructuredText with Jinja expressions for Snakemake's report."""
    text = _filled(kind.caption, CI_OF_CONFIG, ALPHA_OF_CONFIG, "scans")
    return re.sub(r"~(.+?)~", r"\\ :sub:`\1`", f"**{kind.title}.** {text}") + "\n"


def _filled(text: str, ci: str, alpha: str, scans: str) -> str:
    whole = text.replace("{trend}", TREND).replace("{boxes}", BOXES)
    return whole.replace("{ci}", ci).replace("{alpha}", alpha).replace("{scans}", scans)


def _html(text: str) -> str:
    return re.sub(r"~(.+?)~", r"<sub>\1</sub>", re.sub(r"\*(.+?)\*", r"<i>\1</i>", escape(text)))

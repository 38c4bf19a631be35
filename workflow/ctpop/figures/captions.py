"""Captions of the figures, as HTML for the report of a study and as reStructuredText for Snakemake's report.

The text of a caption is that of its kind in the catalogue. In it, `*x*` is italic and `~x~` is a subscript, and these
words in braces are replaced: `ci` (confidence level), `alpha` (level of significance), `scans` (number of scans in the
study), `trend` and `boxes` (texts of this module).
"""

import re
from dataclasses import dataclass
from html import escape

from ctpop.figures.catalogue import SPLINE_FROM, FigureKind
from ctpop.figures.formatting import level, percent, scans_in_words

TREND = (
    f"Line: restricted cubic spline with four knots by least squares, a straight line where there are fewer than"
    f" {SPLINE_FROM} values; band: pointwise {{ci}} confidence interval (HC3)."
)
BOXES = (
    "Box plots by age quartile of the study: quartiles and median; whiskers end at the last value within 1.5 times"
    " the interquartile range. Values beyond them are not drawn, and their number is printed. Quartiles that share no"
    " letter differ (Wilcoxon rank-sum test, *P* < {alpha}); without letters, no two differ."
)
REPEATED = " Patients have several scans: numbers of patients stand beside those of scans."
# Snakemake fills in captions from the configuration of the study.
CI_OF_CONFIG = '{{ "%.4g%%" | format(100 * snakemake.config["aging"]["confidence"]) }}'
ALPHA_OF_CONFIG = '{{ ("%.12f" | format(snakemake.config["aging"]["alpha"])).strip("0") }}'


@dataclass(frozen=True)
class CaptionValues:
    """What captions say of a study: confidence level and level of significance (both 0 to 1), and number of scans.

    `patients` is their number, or None where each scan is of another patient.
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
        Whether a figure of the same kind with the whole caption stands before.

    Returns
    -------
    str
        HTML without a surrounding element.

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
    """Return the caption of a kind of figure for Snakemake's report: reStructuredText with Jinja expressions."""
    text = _filled(kind.caption, CI_OF_CONFIG, ALPHA_OF_CONFIG, "scans")
    return re.sub(r"~(.+?)~", r"\\ :sub:`\1`", f"**{kind.title}.** {text}") + "\n"


def _filled(text: str, ci: str, alpha: str, scans: str) -> str:
    whole = text.replace("{trend}", TREND).replace("{boxes}", BOXES)
    return whole.replace("{ci}", ci).replace("{alpha}", alpha).replace("{scans}", scans)


def _html(text: str) -> str:
    return re.sub(r"~(.+?)~", r"<sub>\1</sub>", re.sub(r"\*(.+?)\*", r"<i>\1</i>", escape(text)))

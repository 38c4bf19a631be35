"""Captions of the figures: HTML for the report of a study and reStructuredText for Snakemake's report.

The catalog contains the caption of each kind of figure. In a caption, `*x*` is italic and `~x~` is a subscript. The
following words in braces are replaced: `ci` (confidence level), `alpha` (significance level), `scans` (number of scans
in the study), `band` (`age quartile`, or `age group` with other cut points), `groups_test`, `pairs_test`, and
`covariance` (methods, which differ if patients have several scans), and `trend` and `boxes` (constants of this module).
"""

import re
from dataclasses import dataclass
from html import escape

from ctpop.figures.catalog import SPLINE_FROM, FigureKind
from ctpop.figures.formatting import level, percent, scans_in_words

TREND = (
    "Lines are restricted cubic splines with four knots (least squares) or, with fewer than"
    f" {SPLINE_FROM} values, straight lines; bands are pointwise {{ci}} CIs ({{covariance}} covariance)."
)
BOXES = (
    "Boxes show the median and quartiles; whiskers end at the most extreme values within 1.5 times the interquartile"
    " range. Values beyond the whiskers are not drawn, and their number is printed. Boxes without a common letter"
    " differ significantly ({pairs_test}, *P* < {alpha}); if no letters are shown, no differences are significant."
)
REPEATED = " Because patients had more than one scan, numbers of patients are also shown."
# Snakemake evaluates these expressions with the configuration of the study.
CI_OF_CONFIG = '{{ "%.4g%%" | format(100 * snakemake.config["aging"]["confidence"]) }}'
ALPHA_OF_CONFIG = '{{ ("%.12f" | format(snakemake.config["aging"]["alpha"])).strip("0") }}'
BAND_OF_CONFIG = '{{ "age group" if snakemake.config["aging"].get("cut_years") else "age quartile" }}'
ONE_SCAN = {  # methods if each patient has one scan
    "groups_test": "Kruskal-Wallis test (*H*)",
    "pairs_test": "Wilcoxon rank-sum test",
    "covariance": "HC3",
}
SEVERAL_SCANS = {  # methods if patients have several scans
    "groups_test": "score test by patient (*Q*)",
    "pairs_test": "score test by patient",
    "covariance": "cluster-robust CR2",
}
EITHER = {name: f"{one} or, if patients have several scans, {SEVERAL_SCANS[name]}" for name, one in ONE_SCAN.items()}


@dataclass(frozen=True)
class CaptionValues:
    """Values of a study in its captions: confidence level and significance level (both 0 to 1), and number of scans.

    `patients` is the number of patients, or None if each scan is of a different patient. `band` is the name of an age
    quartile, or of an age group with other cut points.
    """

    confidence: float
    alpha: float
    scans: int
    patients: int | None = None
    band: str = "age quartile"


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
    repeated = patients != values.scans
    words = {
        "ci": percent(values.confidence),
        "alpha": level(values.alpha),
        "scans": scans,
        "band": values.band,
        **(SEVERAL_SCANS if repeated else ONE_SCAN),
    }
    text = _filled(kind.caption, words)
    text += REPEATED if repeated else ""
    return f"{title} {_html(text)}"


def restructured_text(kind: FigureKind) -> str:
    """Return the caption of a kind of figure as reStructuredText with Jinja expressions for Snakemake's report."""
    words = {"ci": CI_OF_CONFIG, "alpha": ALPHA_OF_CONFIG, "scans": "scans", "band": BAND_OF_CONFIG, **EITHER}
    text = _filled(kind.caption, words)
    return re.sub(r"~(.+?)~", r"\\ :sub:`\1`", f"**{kind.title}.** {text}") + "\n"


def _filled(text: str, words: dict[str, str]) -> str:
    for name, replacement in {"trend": TREND, "boxes": BOXES, **words}.items():
        text = text.replace(f"{{{name}}}", replacement)
    return text


def _html(text: str) -> str:
    return re.sub(r"~(.+?)~", r"<sub>\1</sub>", re.sub(r"\*(.+?)\*", r"<i>\1</i>", escape(text)))

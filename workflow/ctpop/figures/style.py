"""House style of the figures: print sizes, colors that color-blind readers can distinguish, and pages in millimeters.

The font is Arimo, which has the metrics of Arial. The repository contains the font files, so figures look the same on
every machine.
"""

from dataclasses import dataclass
from typing import Any

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager, get_font, ttfFontProperty
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text
from matplotlib.textpath import text_to_path

from ctpop.foundation.colors import INK, PAPER
from ctpop.foundation.resources import resource

FONTS = resource("fonts")
FONT_FILES = {style: FONTS / f"Arimo-{style}.ttf" for style in ("Regular", "Bold", "Italic")}
FAMILY = ["Arimo", "DejaVu Sans"]
MM_PER_INCH = 25.4
POINT_MM = MM_PER_INCH / 72
COLUMN_MM = {"single": 84.0, "middle": 120.0, "double": 174.0}  # width of 1, 1.5, and 2 columns

SMALL, NORMAL, LARGE = 6.5, 7.0, 8.0  # points
LINE_MM = 2.9  # line spacing
BLUES = ("#d5e4ef", "#a9c8de", "#7aa8c8", "#4a84ae")  # age quartiles from youngest to oldest
GROUPS = ("#2b6a99", "#d98a29", "#4c9a79", "#b2402f", "#8c74b4", "#5b6570", "#c7a93b", "#5bb0c4", "#c586a5")
STRIPE = "#f3f6f8"  # behind every other row
BANNER_FILL, BANNER_INK = "#fbe9d0", "#7a4608"

HOUSE: dict[str, Any] = {
    "font.family": FAMILY,
    "font.size": NORMAL,
    "mathtext.fontset": "custom",
    "mathtext.rm": "Arimo",
    "mathtext.it": "Arimo:italic",
    "mathtext.bf": "Arimo:bold",
    "mathtext.bfit": "Arimo:bold",
    "mathtext.cal": "Arimo",
    "mathtext.sf": "Arimo",
    "mathtext.tt": "Arimo",
    "mathtext.default": "it",
    "text.color": INK,
    "text.hinting": "none",
    "axes.unicode_minus": True,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.labelsize": NORMAL,
    "axes.labelpad": 2.5,
    "axes.linewidth": 0.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "axes.formatter.limits": (-6, 6),
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.major.size": 2.2,
    "ytick.major.size": 2.2,
    "xtick.major.pad": 2.0,
    "ytick.major.pad": 2.0,
    "lines.linewidth": 1.0,
    "lines.solid_capstyle": "butt",
    "figure.facecolor": PAPER,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "ctpop",
}

# These files precede the fonts of the system, which may include another version of Arimo.
fontManager.ttflist[:0] = [ttfFontProperty(get_font(str(path))) for path in FONT_FILES.values()]

in_house_style = matplotlib.style.context(["default", HOUSE])


@dataclass(frozen=True)
class Page:
    """A figure with its print size; positions are millimeters from the left edge and from the bottom of the banner."""

    figure: Figure
    width_mm: float
    height_mm: float
    head_mm: float

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Return axes with a frame of this position and size."""
        bottom = self.height_mm - self.head_mm - top - height
        return self.figure.add_axes(
            (left / self.width_mm, bottom / self.height_mm, width / self.width_mm, height / self.height_mm)
        )

    def write(self, x: float, y: float, text: str, **look: Any) -> Text:
        """Write text at a position, which is its upper left corner unless `ha` and `va` specify another alignment."""
        look = {"va": "top", "ha": "left", **look}
        return self.figure.text(x / self.width_mm, 1 - (self.head_mm + y) / self.height_mm, text, **look)

    def sheet(self) -> Axes:
        """Return axes for boxes and arrows on the whole page below the banner, in millimeters with y downward."""
        height = self.height_mm - self.head_mm
        axes = self.axes(0, 0, self.width_mm, height)
        axes.set(xlim=(0, self.width_mm), ylim=(height, 0))
        axes.axis("off")
        return axes


def blank_page(width_mm: float, height_mm: float, banner: str | None) -> Page:
    """Return an empty page with additional space at the top for a banner, such as `synthetic`."""
    lines = wrapped(banner, width_mm - 6, SMALL, bold=True) if banner else []
    head = 1.2 + 2.2 + LINE_MM * len(lines) if lines else 0.0
    whole = height_mm + head
    page = Page(Figure(figsize=(width_mm / MM_PER_INCH, whole / MM_PER_INCH)), width_mm, whole, head)
    if lines:
        _write_banner(page, lines)
    return page


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """Return the printed width of a line of text in mm."""
    font = FontProperties(family=FAMILY, size=size, weight="bold" if bold else "normal")
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width) * POINT_MM


def wrapped(text: str, width_mm: float, size: float, *, bold: bool = False) -> list[str]:
    """Return text as lines that fit a width; words longer than a line are broken."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if width_of(longer, size, bold=bold) <= width_mm:
            lines[-1] = longer
        else:
            lines += _broken(word, width_mm, size, bold=bold)
    return [line for line in lines if line]


def shortened(text: str, width_mm: float, size: float, *, bold: bool = False) -> str:
    """Return one line of text, shortened with an ellipsis if it does not fit a width."""
    if width_of(text, size, bold=bold) <= width_mm:
        return text
    return _broken(text, width_mm - width_of("…", size, bold=bold), size, bold=bold)[0].rstrip() + "…"


def plain(text: str) -> str:
    """Return text with escaped dollar signs, which would otherwise begin a formula."""
    return text.replace("$", r"\$")


def _broken(word: str, width_mm: float, size: float, *, bold: bool) -> list[str]:
    lines = [""]
    for letter in word:
        if width_of(lines[-1] + letter, size, bold=bold) <= width_mm:
            lines[-1] += letter
        else:
            lines.append(letter)
    return lines


def _write_banner(page: Page, lines: list[str]) -> None:
    width = max(width_of(line, SMALL, bold=True) for line in lines) + 4
    height = LINE_MM * len(lines) + 1.2
    room = page.head_mm / page.height_mm
    axes = page.figure.add_axes((0, 1 - room, 1, room), zorder=-1)
    axes.set(xlim=(0, page.width_mm), ylim=(page.head_mm, 0))
    axes.axis("off")
    right = page.width_mm - 1
    axes.add_patch(
        FancyBboxPatch(
            (right - width, 0.6),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.8",
            facecolor=BANNER_FILL,
            edgecolor=BANNER_INK,
            linewidth=0.5,
        )
    )
    for row, line in enumerate(lines):
        axes.text(
            right - width / 2,
            0.6 + height / 2 + LINE_MM * (row - (len(lines) - 1) / 2),
            plain(line),
            ha="center",
            va="center",
            fontsize=SMALL,
            fontweight="bold",
            color=BANNER_INK,
        )

"""Files of a figure: PDF, SVG, PNG, and the source data as CSV; equal figures produce identical bytes."""

import base64
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
from fontTools import subset
from fontTools.ttLib import TTFont
from matplotlib.figure import Figure

from ctpop.contracts.table_files import write_csv
from ctpop.figures.formats import FORMATS
from ctpop.figures.style import FONT_FILES, in_house_style
from ctpop.foundation.files import write_atomically

SVG_FAMILY = "Arimo, Arial, 'Liberation Sans', Helvetica, 'DejaVu Sans', sans-serif"
Draw = Callable[..., Figure]
UNDATED = {
    "pdf": {"CreationDate": None},
    "svg": {"Date": None},
    "png": {"Software": None},
}
FACES = {  # text in an SVG file that requires a font face, and the CSS description of the face
    "Regular": ("<text", "font-style:normal;font-weight:normal"),
    "Bold": ("font-weight: 700", "font-style:normal;font-weight:bold"),
    "Italic": ("font-style: italic", "font-style:italic;font-weight:normal"),
}


@dataclass(frozen=True)
class Picture:
    """Data of a figure for a page: file name, kind (which determines the caption), alternative text, and size."""

    name: str
    kind: str
    alt: str
    size_px: tuple[int, int]


@dataclass(frozen=True)
class Drawing:
    """A figure with its file name, kind (which determines the caption), alternative text, and source data."""

    name: str
    kind: str
    alt: str
    figure: Figure
    source: pd.DataFrame

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height on a screen in pixels."""
        width, height = self.figure.get_size_inches()
        return round(96 * width), round(96 * height)

    @property
    def picture(self) -> Picture:
        """Data of the figure that pages need after the figure was saved."""
        return Picture(self.name, self.kind, self.alt, self.size_px)


@dataclass(frozen=True)
class Plan:
    """A planned figure: functions that return the figure and its source data; another process can call both."""

    name: str
    kind: str
    alt: str
    draw: Callable[[], Figure]
    tell: Callable[[], pd.DataFrame]

    @property
    def drawing(self) -> Drawing:
        """The drawn figure."""
        return Drawing(self.name, self.kind, self.alt, self.draw(), self.tell())


@in_house_style
def save(drawing: Drawing, folder: Path, dpi: int, formats: Sequence[str] = FORMATS) -> None:
    """Write `<name>.csv` and the figure in each format (`pdf`, `svg`, `png`) to a folder.

    Files of the figure in other formats, which an earlier configuration wrote, are removed.
    """
    for kind in formats:
        written = io.BytesIO()
        drawing.figure.savefig(written, format=kind, dpi=dpi, metadata=UNDATED[kind])
        content = with_fonts(written.getvalue()) if kind == "svg" else written.getvalue()
        write_atomically(folder / f"{drawing.name}.{kind}", partial(_fill, content=content))
    for kind in set(FORMATS) - set(formats):
        (folder / f"{drawing.name}.{kind}").unlink(missing_ok=True)
    write_csv(drawing.source, folder / f"{drawing.name}.csv")


def with_fonts(svg: bytes) -> bytes:
    """Return an SVG file with embedded glyphs of the house font and with similar fonts as fallbacks."""
    text = svg.decode("utf-8")
    written = (element for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("}text"))
    letters = "".join(sorted({letter for element in written for letter in "".join(element.itertext())}))
    faces = "".join(_face(style, letters) for style, (mark, _) in FACES.items() if mark in text)
    text = re.sub(r"'Arimo'(?:, 'DejaVu Sans')?", SVG_FAMILY, text)
    return text.replace("<defs>", f'<defs>\n  <style type="text/css">{faces}</style>', 1).encode("utf-8")


def _fill(part: Path, content: bytes) -> None:
    part.write_bytes(content)


def _face(style: str, letters: str) -> str:
    font = TTFont(FONT_FILES[style], recalcTimestamp=False)
    options = subset.Options(layout_features=["kern"], notdef_outline=True, flavor="woff")
    cutter = subset.Subsetter(options)
    cutter.populate(text=letters)
    cutter.subset(font)
    font.flavor = "woff"
    packed = io.BytesIO()
    font.save(packed)
    data = base64.b64encode(packed.getvalue()).decode("ascii")
    return f"@font-face{{font-family:Arimo;{FACES[style][1]};src:url(data:font/woff;base64,{data})}}"

"""A table for a manuscript as CSV, HTML and DOCX (Word); equal tables give equal bytes."""

import io
import zipfile
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path

import docx
import pandas as pd
from docx.enum.section import WD_ORIENT
from docx.shared import Mm, Pt

from ctpop.tables import write_atomically, write_csv, write_text

LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest date that a ZIP can hold
STYLE = (
    "body{font:10pt/1.4 Arial,sans-serif;color:#1c2126;background:#fff;margin:2em}table{border-collapse:collapse}"
    "caption{text-align:left;font-weight:bold;padding:.4em 0}th,td{padding:.2em .7em;text-align:right}"
    "th:first-child,td:first-child{text-align:left}thead th{border-bottom:1px solid;border-top:2px solid}"
    "tbody tr:last-child>*{border-bottom:2px solid}"
)


@dataclass(frozen=True)
class Document:
    """A table of printed cells with a title and a note below it; `banner` are words that must stand on it, if any."""

    title: str
    cells: pd.DataFrame
    note: str
    banner: str | None = None


def write(document: Document, folder: Path, name: str) -> None:
    """Write `<name>.csv`, `.html` and `.docx` into a folder."""
    write_csv(document.cells, folder / f"{name}.csv")
    write_text(as_html(document), folder / f"{name}.html")
    write_atomically(folder / f"{name}.docx", partial(_fill, content=as_docx(document)))


def as_html(document: Document) -> str:
    """Return a page that needs nothing else; all text is escaped."""
    head = "".join(f'<th scope="col">{escape(str(name))}</th>' for name in document.cells.columns)
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>"
        for row in document.cells.itertuples(index=False)
    )
    banner = f'<p role="note"><strong>{escape(document.banner)}</strong></p>\n' if document.banner else ""
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(document.title)}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n{banner}<table>\n<caption>{escape(document.title)}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n<p>{escape(document.note)}</p>\n"
        "</body>\n</html>\n"
    )


def as_docx(document: Document) -> bytes:
    """Return a Word document in landscape A4."""
    word = docx.Document()
    section = word.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = Mm(297), Mm(210)
    word.styles["Normal"].font.name = "Arial"
    word.styles["Normal"].font.size = Pt(8)
    if document.banner:
        word.add_paragraph().add_run(document.banner).bold = True
    word.add_paragraph().add_run(document.title).bold = True
    table = word.add_table(rows=1, cols=len(document.cells.columns), style="Light List")
    for cell, name in zip(table.rows[0].cells, document.cells.columns, strict=True):
        cell.text = str(name)
    grid = table._tbl  # a row at a time through `add_row` takes minutes for some hundred rows
    for row in document.cells.itertuples(index=False):
        added = grid.add_tr()
        for width, text in zip(grid.tblGrid.gridCol_lst, row, strict=True):
            added.add_tc().width = width.w
            added.tc_lst[-1].p_lst[0].add_r().text = str(text)
    word.add_paragraph(document.note)
    packed = io.BytesIO()
    word.save(packed)
    return _undated(packed.getvalue())


def _undated(content: bytes) -> bytes:
    """Return a ZIP whose members have no date of today."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as after:
        for member in before.infolist():
            after.writestr(zipfile.ZipInfo(member.filename, LONG_AGO), before.read(member), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _fill(part: Path, content: bytes) -> None:
    part.write_bytes(content)

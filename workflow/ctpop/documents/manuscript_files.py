"""Tables and text of a manuscript as CSV, HTML, and DOCX (Word) files; equal content produces identical bytes."""

import io
import re
import zipfile
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path

import docx
import pandas as pd
from docx.enum.section import WD_ORIENT
from docx.shared import Mm, Pt
from docx.text.paragraph import Paragraph

from ctpop.contracts.table_files import write_csv
from ctpop.foundation.files import write_atomically, write_text

LONG_AGO = (1980, 1, 1, 0, 0, 0)  # earliest date that a ZIP file can contain
HEADING = re.compile(r"(#+) (.*)")
SYMBOL = re.compile(r"\bP(?= (?:[<=>]|values?\b))")  # AMA Manual of Style: italic P
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
STYLE = (
    'body{font:10pt/1.4 Arial,"Liberation Sans",Helvetica,sans-serif;color:#1c2126;background:#fff;margin:2em}'
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
    "caption{text-align:left;font-weight:bold;padding:.4em 0}"
    "th,td{padding:.2em .7em;text-align:right;vertical-align:bottom}td{white-space:nowrap}"
    "th:first-child{text-align:left}tbody th{font-weight:normal}"
    "thead th{border-bottom:1px solid;border-top:2px solid}tbody tr:last-child>*{border-bottom:2px solid}"
    ".banner{display:inline-block;background:#fbe9d0;color:#6b3d06;border:1px solid #7a4608;padding:.1em .6em}"
    ".note{max-width:60em}@media print{@page{size:landscape}body{margin:0;font-size:8pt}th,td{padding:.15em .3em}}"
)


@dataclass(frozen=True)
class Document:
    """A table of printed cells with a title, notes below the table, and an optional banner.

    The first column contains the names of the rows.
    """

    title: str
    cells: pd.DataFrame
    notes: tuple[str, ...]
    banner: str | None = None


def write(document: Document, folder: Path, name: str) -> None:
    """Write `<name>.csv`, `<name>.html`, and `<name>.docx` to a folder."""
    write_csv(document.cells, folder / f"{name}.csv")
    write_text(as_html(document), folder / f"{name}.html")
    write_atomically(folder / f"{name}.docx", partial(_fill, content=as_docx(document)))


def write_prose(markdown: str, folder: Path, name: str) -> None:
    """Write a text of headings and paragraphs as `<name>.md` and `<name>.docx` to a folder."""
    write_text(markdown, folder / f"{name}.md")
    write_atomically(folder / f"{name}.docx", partial(_fill, content=prose_as_docx(markdown)))


def as_html(document: Document) -> str:
    """Return a self-contained HTML page; all text is escaped."""
    head = "".join(f'<th scope="col">{escape(str(name))}</th>' for name in document.cells.columns)
    rows = "\n".join(
        f'<tr><th scope="row">{escape(str(first))}</th>'
        + "".join(f"<td>{escape(str(cell))}</td>" for cell in others)
        + "</tr>"
        for first, *others in document.cells.itertuples(index=False, name=None)
    )
    banner = f'<p class="banner" role="note"><b>{escape(document.banner)}</b></p>\n' if document.banner else ""
    notes = "".join(f'<p class="note">{escape(note)}</p>\n' for note in document.notes)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f"<title>{escape(document.title)}</title>\n"
        f"<style>{STYLE}</style>\n</head>\n<body>\n{banner}<table>\n<caption>{escape(document.title)}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n{notes}</body>\n</html>\n"
    )


def as_docx(document: Document) -> bytes:
    """Return a Word document in A4 landscape format."""
    word = _blank(size=8)
    section = word.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = Mm(297), Mm(210)
    if document.banner:
        word.add_paragraph().add_run(document.banner).bold = True
    word.add_paragraph().add_run(document.title).bold = True
    table = word.add_table(rows=1, cols=len(document.cells.columns), style="Light List")
    for cell, name in zip(table.rows[0].cells, document.cells.columns, strict=True):
        cell.text = str(name)
    grid = table._tbl  # `add_row` would need minutes for several hundred rows
    for row in document.cells.itertuples(index=False, name=None):
        added = grid.add_tr()
        for width, text in zip(grid.tblGrid.gridCol_lst, row, strict=True):
            added.add_tc().width = width.w
            added.tc_lst[-1].p_lst[0].add_r().text = str(text)
    for note in document.notes:
        word.add_paragraph(note)
    return _saved(word)


def prose_as_docx(markdown: str) -> bytes:
    """Return a Word document in A4 portrait format; each line of the text is a heading or a paragraph."""
    word = _blank(size=11)
    section = word.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    for line in filter(None, map(str.strip, markdown.splitlines())):
        heading = HEADING.fullmatch(line)
        if heading:
            word.add_heading(heading[2], level=len(heading[1]) - 1)
        else:
            _add_text(word.add_paragraph(), line)
    return _saved(word)


def _add_text(paragraph: Paragraph, line: str) -> None:
    place = 0
    for symbol in SYMBOL.finditer(line):
        paragraph.add_run(line[place : symbol.start()])
        paragraph.add_run(symbol[0]).italic = True
        place = symbol.end()
    paragraph.add_run(line[place:])


def _blank(size: int) -> docx.document.Document:
    word = docx.Document()
    word.styles["Normal"].font.name = "Arial"
    word.styles["Normal"].font.size = Pt(size)
    return word


def _saved(word: docx.document.Document) -> bytes:
    """Return the bytes of the file, a ZIP archive in which all members have a fixed date."""
    saved, packed = io.BytesIO(), io.BytesIO()
    word.save(saved)
    with zipfile.ZipFile(saved) as before, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as after:
        for member in before.infolist():
            after.writestr(zipfile.ZipInfo(member.filename, LONG_AGO), before.read(member), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _fill(part: Path, content: bytes) -> None:
    part.write_bytes(content)

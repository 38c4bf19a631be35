"""Table 1 as CSV, HTML, and DOCX files."""

from pathlib import Path

from ctpop.documents import manuscript_files
from ctpop.documents.manuscript_files import Document
from ctpop.documents.table1_text import Printed

TITLE = "Table 1. Characteristics of the cohort by sex and age quartile"
NOTE = (
    "Note.—Percentages are based on the scans with nonmissing values in each column. IQR = interquartile range (25th"
    " and 75th percentiles), SD = standard deviation. No hypothesis tests were performed because age differs among age"
    " quartiles by definition."
)


def write_table1(table: Printed, folder: Path, banner: str | None, notes: tuple[str, ...] = ()) -> None:
    """Write `table1.csv`, `table1.html`, and `table1.docx` to a folder."""
    manuscript_files.write(Document(TITLE, table.frame, (NOTE, *notes), banner), folder, "table1")

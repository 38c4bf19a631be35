"""Table 1 as files for people: CSV, an HTML page that opens from disk, and DOCX."""

from pathlib import Path

from ctpop.documents import manuscript_files
from ctpop.documents.manuscript_files import Document
from ctpop.documents.table1_text import Printed

TITLE = "Table 1. Scans in the study, by sex and by age quartile"
NOTE = (
    "Percentages are of the scans of a column whose value is known. IQR: interquartile range (25th and 75th"
    " percentile). SD: standard deviation. Nothing was tested: age differs between age quartiles by construction."
)


def write_table1(table: Printed, folder: Path, banner: str | None, notes: tuple[str, ...] = ()) -> None:
    """Write `table1.csv`, `table1.html` and `table1.docx` into a folder."""
    manuscript_files.write(Document(TITLE, table.frame, (NOTE, *notes), banner), folder, "table1")

"""Table 1 as files for people: a CSV, and an HTML page that opens from disk and prints on one sheet."""

from pathlib import Path

import jinja2

from ctpop.describing.printed import Printed
from ctpop.tables import write_csv, write_text

TEMPLATES = Path(__file__).parents[2] / "report"


def write_table1(table: Printed, folder: Path, banner: str | None, notes: tuple[str, ...] = ()) -> None:
    """Write `table1.csv` and `table1.html` into a folder."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    page = environment.get_template("table1.html").render(table=table, banner=banner, notes=notes)
    write_csv(table.frame, folder / "table1.csv")
    write_text(page, folder / "table1.html")

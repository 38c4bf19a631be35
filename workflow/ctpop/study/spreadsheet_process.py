"""Script that reads the sheets of a spreadsheet in a separate process with limited memory.

The spreadsheet library allocates memory for every cell up to the last cell, and ends the process if the allocation
fails. Called with the path of a file, the script prints a JSON object: `names` lists the sheets, `sheets` contains the
rows of each sheet as text, `merged` contains the ranges of merged cells (first row, first column, last row, last
column, counted from 0), and `error` contains the error of the library. The script imports no other module of this
package.
"""

import datetime
import json
import resource
import sys
from typing import Any

MEMORY_BYTES = 4 * 2**30
ROUNDED_FROM = 1e15  # spreadsheet programs store 15 digits of a number and therefore change longer identifiers


def cell_text(cell: Any) -> str:
    """Return the text of a spreadsheet cell as in a CSV file: 61 instead of 61.0, true instead of True, and 2024-05-31.

    Parameters
    ----------
    cell : Any
        Text, Boolean value, number, date, or time.

    Returns
    -------
    str
        Text of the cell.

    Examples
    --------
    >>> cell_text(61.0), cell_text(True), cell_text(datetime.datetime(2024, 5, 31))
    ('61', 'true', '2024-05-31')

    """
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell)) if abs(cell) < ROUNDED_FROM else f"{cell:.14E}"
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        return cell.date().isoformat()
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return str(cell)


def _main() -> None:
    """Print the rows of all sheets, or of the sheet named in the arguments."""
    from python_calamine import CalamineError, CalamineWorkbook

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    path, *names = sys.argv[1:]
    try:
        with CalamineWorkbook.from_path(path) as book:
            chosen = [name for name in book.sheet_names if name in names] or book.sheet_names
            opened = {name: book.get_sheet_by_name(name) for name in chosen}
            sheets = {
                name: [[cell_text(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
                for name, sheet in opened.items()
            }
            merged = {
                name: [(*first, *last) for first, last in sheet.merged_cell_ranges or []]
                for name, sheet in opened.items()
            }
            found: dict[str, Any] = {"names": book.sheet_names, "sheets": sheets, "merged": merged}
    except (CalamineError, OSError) as error:
        found = {"error": str(error)}
    except MemoryError:
        found = {"error": "memory"}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    _main()

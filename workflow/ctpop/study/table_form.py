"""Format of a user's table: file type, encoding, separator, and line of the header.

Properties that are not in the settings are inferred from the whole file, and each inference is described in a sentence
for the log. An ambiguous format is an error, and the message contains the YAML line that resolves the ambiguity. This
module imports only the standard library because it runs each time Snakemake parses the Snakefile.
"""

import csv
import io
import itertools
import re
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ctpop.foundation.errors import ContractError
from ctpop.study.registry_options import Reading

SPREADSHEETS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
TABBED = (".tsv", ".tab")
SEPARATORS = (",", ";", "\t", "|")
BLANK = " "  # separator of write.table in R; used only if no other separator fits
SEPARATOR_NAMES = {BLANK: "space", ",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
SAMPLE_ROWS = 1000  # number of rows from which the separator is inferred
SHARE_OF_ZEROS = (
    0.2  # proportion of bytes; in Latin text, half of the bytes are zero in UTF-16 and none in other encodings
)
HEADER_WITHIN = 10  # number of nonempty rows that are searched for the header
LONGEST_CELL = 2**31 - 1  # the default limit of the library is 131,072 characters
BOMS = (  # SOURCE: Unicode Standard, section 23.8; longer marks precede shorter marks with the same first bytes
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
BLANK_BYTE = 0x20
SHARE_OF_CONTROLS = 0.05  # proportion of bytes; 28 of 256 in compressed or random data
ZIP, OLE, PARQUET = b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"PAR1"
PACKED = {b"\x1f\x8b": ("gzip", "gunzip"), b"BZh": ("bzip2", "bunzip2"), b"\xfd7zXZ": ("xz", "unxz")}
PACKED |= {b"7z\xbc\xaf": ("7-Zip", "7z x"), b"\x28\xb5\x2f\xfd": ("zstd", "unzstd"), b"Rar!": ("RAR", "unrar x")}
OF_PROGRAMS = {  # SOURCE: specifications of the formats, and PRONOM for SAS
    **dict.fromkeys((b"$FL2", b"$FL3"), "SPSS"),
    b"<stata_dta>": "Stata",
    b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc2\xea\x81\x60": "SAS",
    b"HEADER RECORD*******": "SAS",
    **dict.fromkeys((b"RDX2", b"RDX3", b"RDA2", b"RDX1"), "R"),
    b"ARROW1": "Arrow or Feather",
    b"\x89HDF": "HDF5",
    b"SQLite format 3": "SQLite",
    b"%PDF": "PDF",
}
OF_NUMBERS = (".iwa", "Index.zip")  # SOURCE: the archive that Apple Numbers writes
IN_WORKBOOKS = ("[Content_Types].xml", "xl/", "mimetype", "content.xml")


@dataclass(frozen=True)
class TableForm:
    """Format of a table.

    Attributes
    ----------
    kind : str
        `text`, `spreadsheet`, or `parquet`.
    encoding : str
        Encoding of a text file.
    separator : str
        Separator of the cells of a text file.
    text : str
        Content of a text file, without a byte order mark.
    notes : tuple of str
        One note per inference.

    """

    kind: str
    encoding: str = "utf-8-sig"
    separator: str = ","
    text: str = field(default="", repr=False)
    notes: tuple[str, ...] = field(default=())

    @property
    def is_quoted(self) -> bool:
        r"""Whether each line of a text file begins with a quotation mark, as in text files written by R.

        Returns
        -------
        bool
            False if the file contains no text.

        Examples
        --------
        >>> TableForm("text", text='"scan_id"\n"s1"\n').is_quoted
        True

        """
        lines = [line for line in self.text.splitlines() if line.strip()]
        return bool(lines) and all(line.startswith('"') for line in lines)


def form_of(path: Path, reading: Reading) -> TableForm:
    r"""Return the format of a table from the settings, or else from its content.

    Parameters
    ----------
    path : Path
        Path of the table.
    reading : Reading
        Settings for reading the table.

    Returns
    -------
    TableForm
        Format of the table.

    Raises
    ------
    ContractError
        If the file is compressed, its encoding is unknown, or its separator is ambiguous.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "registry.csv")
    ...     _ = path.write_text("scan_id;age_years\ns1;61\n", encoding="utf-16")
    ...     form = form_of(path, Reading())
    >>> form.encoding, form.separator, form.notes
    ('utf-16', ';', ('the encoding is UTF-16', 'the separator is a semicolon'))

    """
    content = path.read_bytes()
    if content.startswith(PARQUET):
        return TableForm("parquet")
    _refuse_other_formats(content, path)
    if content.startswith((ZIP, OLE)):
        return TableForm("spreadsheet")
    encoding, notes = _encoding(content, reading)
    text = _decoded(content, encoding, path, reading).removeprefix("\ufeff")
    _refuse_other_kinds(text, path)
    if path.suffix.lower() in SPREADSHEETS:
        notes.append(f"the file is text, although its name ends with {path.suffix}")
    separator = reading.separator or _separator(text, path, reading)
    if separator != ("\t" if path.suffix.lower() in TABBED else ",") and not reading.separator:
        notes.append(f"the separator is a {SEPARATOR_NAMES[separator]}")
    return TableForm("text", encoding, separator, text, tuple(notes))


def text_rows(path: Path, form: TableForm) -> list[list[str]]:
    r"""Return the unchanged rows of a text file.

    Parameters
    ----------
    path : Path
        Path of the table, for messages.
    form : TableForm
        Format of the table, of kind `text`, including the text.

    Returns
    -------
    list of list of str
        Cells of each row; an empty line is an empty list.

    Raises
    ------
    ContractError
        If a quoted cell is not closed.

    Examples
    --------
    >>> text_rows(Path("registry.csv"), TableForm("text", text="scan_id,age_years\ns1,61\n"))
    [['scan_id', 'age_years'], ['s1', '61']]

    """
    reader = _reader(io.StringIO(form.text, newline=""), form.separator)
    rows: list[list[str]] = []
    begin = 1  # first line of the current row, which contains the quotation mark that is not closed
    try:
        for row in reader:
            rows.append(row)
            begin = reader.line_num + 1
    except csv.Error as error:
        raise ContractError(f"{path}: line {begin}: {error}; correct the quotation marks") from None
    return [[], *rows[1:]] if rows and _states_separator(rows[0]) else rows


def header_row(rows: list[list[str]]) -> int:
    """Return the number of the header row: the first row with content, or a row below titles and column groups.

    A row above the header has a single cell (a title), begins with `#`, or has empty cells while the row below it names
    every column (merged cells).

    Parameters
    ----------
    rows : list of list of str
        First rows of a table, with cells without surrounding white space.

    Returns
    -------
    int
        Number of the row, counted from 0; 0 if no row has content.

    Examples
    --------
    >>> header_row([["CT cohort 2024", ""], ["scan_id", "age_years"], ["s1", "61"]])
    1
    >>> header_row([["Patient", "", "Volume (ml)", ""], ["scan_id", "age", "liver", "spleen"], ["a", "1", "2", "3"]])
    1
    >>> header_row([["scan_id", "age_years"], ["s1", ""]])
    0

    """
    filled = [(number, row) for number, row in enumerate(rows) if any(row)][:HEADER_WITHIN]
    if not filled:
        return 0
    widest = max(sum(map(bool, row)) for _, row in filled)
    for (number, row), (_, below) in itertools.pairwise(filled):
        if not _is_above_header(row, below, widest):
            return number
    return filled[0][0]


def _is_above_header(row: list[str], below: list[str], widest: int) -> bool:
    n_filled, n_below = sum(map(bool, row)), sum(map(bool, below))
    if row[0].startswith("#"):
        return True
    if n_filled == 1 and widest > 2:
        return True
    return not all(row) and n_filled < n_below == widest and _names_columns(below)


def _names_columns(row: list[str]) -> bool:
    cells = [cell for cell in row if cell]
    return len(set(cells)) == len(cells) and not any(_is_number(cell) for cell in cells)


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True


def _refuse_other_formats(content: bytes, path: Path) -> None:
    """Reject compressed files and files of programs that are not supported."""
    packed = next((found for begin, found in PACKED.items() if content.startswith(begin)), None)
    names = _names_in_zip(content) if content.startswith(ZIP) else []
    if any(name.endswith(OF_NUMBERS) for name in names):
        raise ContractError(
            f"{path}: Apple Numbers files are not supported; export the table as CSV (File > Export To > CSV), and set"
            " the path of the CSV file"
        )
    if names and not any(name.startswith(IN_WORKBOOKS) for name in names):
        packed = ("ZIP", "unzip")
    if packed:
        raise ContractError(f"{path}: the file is compressed ({packed[0]}); decompress it: {packed[1]} {path.name}")
    program = next((found for begin, found in OF_PROGRAMS.items() if content.startswith(begin)), None)
    if program:
        raise ContractError(
            f"{path}: {program} files are not supported; export the table as CSV, and set the path of the CSV file"
        )


def _names_in_zip(content: bytes) -> list[str]:
    """Return the names of the files in a ZIP file; empty if it is damaged, which the workbook reader reports."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            return file.namelist()
    except (zipfile.BadZipFile, NotImplementedError, EOFError):
        return []


def _refuse_other_kinds(text: str, path: Path) -> None:
    begin = text[:200].lstrip().lower()
    is_json = re.match(r"\{|\[\s*[\[{\"]", begin)
    kind = "a web page or XML" if re.match(r"<[!?a-z]", begin) else "JSON" if is_json else ""
    if kind:
        raise ContractError(
            f"{path}: the file contains {kind} instead of a table; open the file in a spreadsheet program and save it"
            " as CSV"
        )


def _encoding(content: bytes, reading: Reading) -> tuple[str, list[str]]:
    """Return the encoding of a text file and one note per inference."""
    if reading.encoding:
        return reading.encoding, []
    marked = next((name for mark, name in BOMS if content.startswith(mark)), None)
    if marked:
        return marked, [] if marked == "utf-8-sig" else [f"the encoding is {marked.upper()}"]
    zeros = content[:4096].count(0)
    if zeros > SHARE_OF_ZEROS * len(content[:4096]):
        odd = content[1:4096:2].count(0)
        name = "utf-16-le" if odd > zeros / 2 else "utf-16-be"
        return name, [f"the encoding is {name.upper()}, without a byte order mark"]
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        return "cp1252", [f"the encoding is Windows-1252 (byte {error.start} is not valid UTF-8)"]
    return "utf-8", []


def _decoded(content: bytes, encoding: str, path: Path, reading: Reading) -> str:
    try:
        return content.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        if not reading.encoding and _is_binary(content[:4096]):
            raise ContractError(
                f"{path}: the file is not a text table, a spreadsheet, or a Parquet file, or it is damaged; save the"
                " file again, or set the path of another file"
            ) from None
        line = content[: error.start].count(b"\n") + 1 if isinstance(error, UnicodeDecodeError) else 1
        other = "cp1252" if encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else "utf-8"
        raise ContractError(
            f"{path}: line {line}: the encoding of the text is not {encoding} ({error});"
            f" {reading.remedy('encoding', other, 'set the correct encoding', 'save the file as UTF-8')}"
        ) from None


def _is_binary(content: bytes) -> bool:
    """Return whether the proportion of control characters is too large for text."""
    return sum(byte < BLANK_BYTE and byte not in b"\t\n\r\f" for byte in content) > SHARE_OF_CONTROLS * len(content)


def _reader(file: io.TextIOBase, separator: str) -> "csv._reader":  # type: ignore[name-defined]
    csv.field_size_limit(LONGEST_CELL)
    return csv.reader(file, delimiter=separator, skipinitialspace=separator not in ("\t", BLANK), strict=True)


def _states_separator(row: list[str]) -> bool:
    """Return whether the first row declares the separator in the form of Excel, such as `sep=;`."""
    return len(row) <= 2 and row[:1] != [] and row[0].lower().startswith("sep=")


def _separator(text: str, path: Path, reading: Reading) -> str:
    """Return the separator that divides all rows of a text into the same number of cells."""
    first_line = text.partition("\n")[0].strip()
    if first_line.lower().startswith("sep=") and len(first_line) == len("sep=;"):
        return first_line[-1]
    own = "\t" if path.suffix.lower() in TABBED else ","
    widths = {separator: _widths(text, separator) for separator in SEPARATORS}
    fitting = {separator: found for separator, found in widths.items() if found and max(found) > 1}
    if not fitting:
        return BLANK if _is_separated_by_blanks(text) else own
    regular = [separator for separator, found in fitting.items() if len(found) == 1]
    if len(regular) == 1 or (own == "\t" and own in regular):
        return own if own in regular else regular[0]
    if len(regular) > 1:
        names = " and ".join(SEPARATOR_NAMES[separator] for separator in regular)
        raise ContractError(
            f"{path}: the separator is ambiguous, because {names} each divide every row into as many cells as the"
            f" header; {reading.remedy('separator', regular[0], 'set the separator', 'save the table with tabs')}"
        )
    return max(fitting, key=lambda separator: (_share_of_common_width(fitting[separator]), separator == own))


def _widths(text: str, separator: str) -> Counter[int]:
    """Return the frequency of each number of cells in the first rows; empty if the separator does not apply."""
    rows = _reader(io.StringIO(text, newline=""), separator)
    try:
        found = Counter(len(row) for row in itertools.islice(rows, SAMPLE_ROWS) if any(cell.strip() for cell in row))
    except csv.Error:
        return Counter()
    return found


def _is_separated_by_blanks(text: str) -> bool:
    """Return whether a text begins with a quotation mark and spaces divide its rows into similar numbers of cells."""
    widths = _widths(text, BLANK)
    return text.startswith('"') and max(widths, default=0) > 1 and max(widths) - min(widths) <= 1


def _share_of_common_width(widths: Counter[int]) -> tuple[float, int]:
    width, rows = max(widths.items(), key=lambda item: (item[0] > 1, item[1]))
    return rows / widths.total(), width

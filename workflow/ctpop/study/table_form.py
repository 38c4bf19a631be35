"""The form of a table that a user brings: kind of file, encoding, separator, and the line of its header.

What the settings do not state is inferred from the whole file, and each inference is a sentence that can be logged. A
form that can be read in two ways is an error with the line of the configuration that decides it. This module imports
only the standard library, because the Snakefile calls it whenever it is parsed.
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
BLANK = " "  # of R's write.table; it separates cells where nothing else does
SEPARATOR_NAMES = {BLANK: "blank", ",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
SAMPLE_ROWS = 1000  # from which separator and header are inferred
SHARE_OF_ZEROS = 0.2  # of the bytes: half of those of Latin text in UTF-16 are zero, and none in other encodings
HEADER_WITHIN = 10  # rows with any content among which the header is looked for
LONGEST_CELL = 2**31 - 1  # the limit of the library is 131,072 characters otherwise
BOMS = (  # SOURCE: Unicode Standard, section 23.8; the longer of two that begin alike stands first
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
BLANK_BYTE = 0x20
SHARE_OF_CONTROLS = 0.05  # of packed or random bytes, 28 of 256 are
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
    """The form of a table.

    Attributes
    ----------
    kind : str
        `text`, `spreadsheet` or `parquet`.
    encoding : str
        Encoding of a text file.
    separator : str
        Separator of the cells of a text file.
    text : str
        Text of a text file, without a byte order mark.
    notes : tuple of str
        A sentence for each inference.

    """

    kind: str
    encoding: str = "utf-8-sig"
    separator: str = ","
    text: str = field(default="", repr=False)
    notes: tuple[str, ...] = field(default=())

    @property
    def is_quoted(self) -> bool:
        r"""Whether each line of a text file begins with a quotation mark, as R writes text.

        Returns
        -------
        bool
            False if the file has no text.

        Examples
        --------
        >>> TableForm("text", text='"scan_id"\n"s1"\n').is_quoted
        True

        """
        lines = [line for line in self.text.splitlines() if line.strip()]
        return bool(lines) and all(line.startswith('"') for line in lines)


def form_of(path: Path, reading: Reading) -> TableForm:
    r"""Return the form of a table: as set, else as inferred from its content.

    Parameters
    ----------
    path : Path
        File of the table.
    reading : Reading
        Settings for reading the table.

    Returns
    -------
    TableForm
        Form of the table.

    Raises
    ------
    ContractError
        If the file is compressed, its encoding is unknown, or two separators fit it.
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
    r"""Return the rows of a text file as they are written.

    Parameters
    ----------
    path : Path
        File of the table, for messages.
    form : TableForm
        Form of the table, of kind `text`, with its text.

    Returns
    -------
    list of list of str
        Cells of each row; a line without content is an empty list.

    Raises
    ------
    ContractError
        If a quoted cell does not end.

    Examples
    --------
    >>> text_rows(Path("registry.csv"), TableForm("text", text="scan_id,age_years\ns1,61\n"))
    [['scan_id', 'age_years'], ['s1', '61']]

    """
    reader = _reader(io.StringIO(form.text, newline=""), form.separator)
    try:
        rows = list(reader)
    except csv.Error as error:
        raise ContractError(f"{path}: line {reader.line_num}: {error}; correct the quotation marks") from None
    return [[], *rows[1:]] if rows and _states_separator(rows[0]) else rows


def header_row(rows: list[list[str]]) -> int:
    """Return the number of the row that is the header: the first with content, or one below titles and groups.

    A row above the header has a single cell (a title), begins with `#`, or has gaps where the row below it names every
    column (cells that were merged).

    Parameters
    ----------
    rows : list of list of str
        The first rows of a table, without blanks around their cells.

    Returns
    -------
    int
        Number of the row, counted from 0; 0 if there is no row with content.

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
    """Refuse packed files, and those of programs that no reader of this package has."""
    packed = next((found for begin, found in PACKED.items() if content.startswith(begin)), None)
    names = _names_in_zip(content) if content.startswith(ZIP) else []
    if any(name.endswith(OF_NUMBERS) for name in names):
        raise ContractError(
            f"{path}: a text table, a spreadsheet or Parquet is expected, found a file of Apple Numbers; export the"
            " table as CSV from Numbers (File, Export To, CSV), and name the CSV"
        )
    if names and not any(name.startswith(IN_WORKBOOKS) for name in names):
        packed = ("ZIP", "unzip")
    if packed:
        raise ContractError(f"{path}: the file is compressed ({packed[0]}); unpack it first: {packed[1]} {path.name}")
    program = next((found for begin, found in OF_PROGRAMS.items() if content.startswith(begin)), None)
    if program:
        raise ContractError(
            f"{path}: a text table, a spreadsheet or Parquet is expected, found a file of {program}; export the table"
            " as CSV from that program, and name the CSV"
        )


def _names_in_zip(content: bytes) -> list[str]:
    """Return the names of the files in a ZIP file; none if it is damaged, which the reader of workbooks reports."""
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
        raise ContractError(f"{path}: a table is expected, found {kind}; open it in a spreadsheet and save it as CSV")


def _encoding(content: bytes, reading: Reading) -> tuple[str, list[str]]:
    """Return the encoding of a text, and sentences about what was inferred."""
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
        return "cp1252", [f"the encoding is Windows-1252 (byte {error.start} is not UTF-8)"]
    return "utf-8", []


def _decoded(content: bytes, encoding: str, path: Path, reading: Reading) -> str:
    try:
        return content.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        if not reading.encoding and _is_binary(content[:4096]):
            raise ContractError(
                f"{path}: a text table, a spreadsheet or Parquet is expected, found content that is none of them;"
                " the file is damaged or of another kind: save it again, or name another file"
            ) from None
        raise ContractError(
            f"{path}: the text is not {encoding} ({error});"
            f" {reading.remedy('encoding', 'utf-8', 'state its encoding', 'save the file as UTF-8')}"
        ) from None


def _is_binary(content: bytes) -> bool:
    """Return whether more bytes are signs that control a terminal than there are in a text."""
    return sum(byte < BLANK_BYTE and byte not in b"\t\n\r\f" for byte in content) > SHARE_OF_CONTROLS * len(content)


def _reader(file: io.TextIOBase, separator: str) -> "csv._reader":  # type: ignore[name-defined]
    csv.field_size_limit(LONGEST_CELL)
    return csv.reader(file, delimiter=separator, skipinitialspace=separator not in ("\t", BLANK), strict=True)


def _states_separator(row: list[str]) -> bool:
    """Return whether a first row is `sep=;`, which Excel writes and reads."""
    return len(row) <= 2 and row[:1] != [] and row[0].lower().startswith("sep=")


def _separator(text: str, path: Path, reading: Reading) -> str:
    """Return the separator that divides the rows of a text into the same number of cells."""
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
            f"{path}: {names} both divide every row into as many cells as the header;"
            f" {reading.remedy('separator', regular[0], 'state which one separates cells', 'save it with tabs')}"
        )
    return max(fitting, key=lambda separator: (_share_of_common_width(fitting[separator]), separator == own))


def _widths(text: str, separator: str) -> Counter[int]:
    """Return how many rows of the first ones have how many cells; nothing if the text cannot be divided so."""
    rows = _reader(io.StringIO(text, newline=""), separator)
    try:
        found = Counter(len(row) for row in itertools.islice(rows, SAMPLE_ROWS) if any(cell.strip() for cell in row))
    except csv.Error:
        return Counter()
    return found


def _is_separated_by_blanks(text: str) -> bool:
    """Return whether a text begins with a quotation mark and blanks divide its rows into as many cells each."""
    widths = _widths(text, BLANK)
    return text.startswith('"') and max(widths, default=0) > 1 and max(widths) - min(widths) <= 1


def _share_of_common_width(widths: Counter[int]) -> tuple[float, int]:
    width, rows = max(widths.items(), key=lambda item: (item[0] > 1, item[1]))
    return rows / widths.total(), width

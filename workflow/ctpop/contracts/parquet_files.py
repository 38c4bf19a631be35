"""Parquet files with damage detection: checksums of the pages and a digest of the footer.

Without these checks, a changed bit in a page is read as another value, and a changed bit in the footer as another type,
column, or number of rows. Pages have the CRC-32 checksums of the Parquet format. The footer, which the format does not
protect, contains its SHA-256 digest as an entry of its metadata, computed with zeros in place of the entry. Files of
other programs do not contain the entry and are read with the checksums that they contain.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as arrow
from pyarrow import parquet

from ctpop.contracts.study_tables import BY_NAME
from ctpop.foundation import digests
from ctpop.foundation.errors import ContractError, in_one_line

COMPRESSION = "zstd"
MAGIC = b"PAR1"  # SOURCE: Parquet format: a file ends with the footer, its length in 4 bytes, and these bytes
TAIL = 8
DIGEST = "ctpop.footer_sha256"
DIGITS = 64
HEADER = 2  # bytes between the key and the value of an entry (type and length in the Thrift compact protocol)
RULES = {"histograms": "measure"}  # rules that write files not listed in `study_tables`


@contextmanager
def writing(path: str | Path, schema: arrow.Schema) -> Iterator[parquet.ParquetWriter]:
    """Open a Parquet file for writing with checksums and without timestamp; equal rows give equal bytes.

    Parameters
    ----------
    path : str or Path
        File to write.
    schema : pyarrow.Schema
        Schema of the tables to write.

    Yields
    ------
    pyarrow.parquet.ParquetWriter
        Writer, which is closed at the end of the context.

    Raises
    ------
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> table = arrow.table({"ml": [1.5, 2.5]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with writing(Path(folder, "table.parquet"), table.schema) as writer:
    ...         writer.write_table(table)
    ...     with opened(Path(folder, "table.parquet")) as file:
    ...         file.read()["ml"].to_pylist()
    [1.5, 2.5]

    """
    with parquet.ParquetWriter(path, schema, compression=COMPRESSION, write_page_checksum=True) as writer:
        yield writer
        writer.add_key_value_metadata({DIGEST: "0" * DIGITS})
    with Path(path).open("r+b") as file:
        footer = _footer_of(Path(path))
        start = footer.rfind(DIGEST.encode()) + len(DIGEST) + HEADER
        file.seek(start - len(footer) - TAIL, 2)
        file.write(_digest_of(footer, start).encode())


@contextmanager
def opened(path: str | Path, remedy: str = "", **options: Any) -> Iterator[parquet.ParquetFile]:
    """Open a Parquet file for reading in parts.

    Parameters
    ----------
    path : str or Path
        Parquet file.
    remedy : str
        Remedy in the error message (see `damage_refused`).
    **options
        Further options of `pyarrow.parquet.ParquetFile`.

    Yields
    ------
    pyarrow.parquet.ParquetFile
        The file; errors in reading a part are also raised as `ContractError`.

    Raises
    ------
    ContractError
        If the file is damaged or not a Parquet file.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     parquet.write_table(arrow.table({"scan_id": ["a", "b"]}), Path(folder, "scans.parquet"))
    ...     with opened(Path(folder, "scans.parquet")) as file:
    ...         print(file.metadata.num_rows)
    2

    """
    with damage_refused(path, remedy), parquet.ParquetFile(path, page_checksum_verification=True, **options) as file:
        yield file


@contextmanager
def damage_refused(path: str | Path, remedy: str = "") -> Iterator[None]:
    """Check the footer of a Parquet file, and convert errors in reading its content to `ContractError`.

    Parameters
    ----------
    path : str or Path
        Parquet file.
    remedy : str
        Remedy for a damaged file in the error message; if empty, the remedy for result files.

    Yields
    ------
    Nothing; the body of the `with` statement reads the file.

    Raises
    ------
    ContractError
        If the file is damaged or not a Parquet file.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "measures.parquet")
    ...     _ = path.write_bytes(b"scan_id")
    ...     try:
    ...         with damage_refused(path):
    ...             _ = parquet.read_table(path)
    ...     except ContractError as error:
    ...         print(str(error).partition("; ")[2])
    delete the file and rerun the study, which writes it again (rule measure)

    """
    place = Path(path)
    try:
        footer = _footer_of(place)
        key = footer.rfind(DIGEST.encode())
        start = key + len(DIGEST) + HEADER
        if key >= 0 and footer[start : start + DIGITS] != _digest_of(footer, start).encode():
            raise arrow.ArrowInvalid("the checksum of the footer does not match")
        yield
    except (arrow.ArrowException, OSError) as error:
        if (
            isinstance(error, OSError) and error.errno
        ):  # a disk or permission error; pyarrow sets no error number for damage
            raise
        raise ContractError(
            f"{path}: the file is damaged or not a Parquet file ({in_one_line(error)}); {remedy or _remedy_of(place)}"
        ) from None


def _remedy_of(path: Path) -> str:
    folder = path.parent.name
    table = BY_NAME.get(path.stem) or BY_NAME.get(folder)
    rule = table.rule if table else RULES.get(folder, "")
    return f"delete the file and rerun the study, which writes it again{f' (rule {rule})' if rule else ''}"


def _footer_of(path: Path) -> bytes:
    """Return the footer of a file; empty if the file does not end like a Parquet file, which pyarrow reports."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - TAIL))
        tail = file.read()
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != MAGIC or length > size - TAIL:
            return b""
        file.seek(size - TAIL - length)
        return file.read(length)


def _digest_of(footer: bytes, start: int) -> str:
    """Compute the digest of a footer with zeros in place of the digest that begins at `start`."""
    return digests.of_bytes(footer[:start] + b"0" * DIGITS + footer[start + DIGITS :])

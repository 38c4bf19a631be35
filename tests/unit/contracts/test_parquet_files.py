"""Damaged Parquet files are rejected, so a changed bit is never read as another value."""

import numpy as np
import pandas as pd
import pyarrow as arrow
import pytest
from pyarrow import parquet

from ctpop.contracts import parquet_files, parquet_rows
from ctpop.contracts.all_tables import HISTOGRAMS, SEGMENTS
from ctpop.contracts.table_files import write_parquet
from ctpop.foundation.errors import ContractError
from ctpop.stages.measure.histograms import read_histograms, write_histograms
from ctpop.study.registry import read_cells

ROWS = pd.DataFrame(
    {
        "scan_id": [f"s{number:02d}" for number in range(40)],
        "status": pd.array(["measured", "not_hu"] * 20, dtype="str"),
        "volume_ml": np.where(np.arange(40) % 7, np.arange(40) * 1.5, np.nan),
        "n_voxels": pd.array([None, *range(39)], dtype="Int64"),
        "usable": pd.array([True, None, False, True] * 10, dtype="boolean"),
    }
)


def flipped(content, position, bit):
    changed = bytearray(content)
    changed[position] ^= 1 << bit
    return bytes(changed)


def flips(content):
    """Yield one bit of every byte, and every bit of the last bytes, which contain the length of the footer."""
    yield from ((position, position % 8) for position in range(len(content) - 8))
    yield from ((position, bit) for position in range(len(content) - 8, len(content)) for bit in range(8))


def differing(path, read, expected):
    """Return the flipped bits with which a file is read with different rows, and the number of rejected files."""
    content = path.read_bytes()
    wrong, refused = [], []
    for position, bit in flips(content):
        path.write_bytes(flipped(content, position, bit))
        try:
            rows = read(path)
        except ContractError as error:
            refused.append(str(error))
            continue
        if not rows.equals(expected):
            wrong.append((position, bit))
    path.write_bytes(content)
    assert all(str(path) in message for message in refused)
    return wrong, len(refused)


def test_a_file_with_a_flipped_bit_is_rejected_or_unchanged(tmp_path):
    path = tmp_path / "measures.parquet"
    write_parquet(ROWS, path)

    wrong, refused = differing(path, parquet_rows.read, parquet_rows.read(path))

    assert wrong == []
    assert refused > 0.9 * path.stat().st_size


@pytest.mark.exhaustive
def test_a_file_with_any_flipped_bit_is_rejected_or_unchanged(tmp_path, monkeypatch):
    path = tmp_path / "measures.parquet"
    write_parquet(ROWS, path)
    monkeypatch.setitem(globals(), "flips", lambda content: np.ndindex(len(content), 8))

    assert differing(path, parquet_rows.read, parquet_rows.read(path))[0] == []


def test_histograms_with_a_flipped_bit_are_rejected_or_unchanged(tmp_path):
    path = tmp_path / "1-of-1.parquet"
    of_scan = pd.DataFrame({"structure": "liver", "hu": np.arange(30), "n": np.arange(1, 31)})
    write_histograms([("a", of_scan), ("b", of_scan)], path)

    def read(file):
        return pd.concat([rows.assign(scan_id=scan) for scan, rows in read_histograms(file)]).astype(
            {"structure": "str"}
        )

    wrong, refused = differing(path, read, read(path))

    assert wrong == []
    assert refused > 0.9 * path.stat().st_size


def test_filtered_rows_of_a_file_with_a_flipped_bit_are_rejected_or_unchanged(tmp_path):
    path = tmp_path / "1-of-1.parquet"
    write_parquet(ROWS, path)

    def read(file):
        return parquet_rows.read(file, ["scan_id", "volume_ml"], [("status", "==", "not_hu")])

    wrong, refused = differing(path, read, read(path))

    assert len(read(path)) == 20
    assert wrong == []
    assert refused


def test_a_users_parquet_file_with_checksums_is_verified(tmp_path):
    path = tmp_path / "registry.parquet"
    parquet.write_table(arrow.table({"scan_id": ["a", "b"] * 50}), path, write_page_checksum=True, use_dictionary=False)
    content = path.read_bytes()
    data = parquet.read_metadata(path).row_group(0).column(0)
    path.write_bytes(flipped(content, data.data_page_offset + data.total_compressed_size - 3, 0))

    with pytest.raises(ContractError, match=r"registry\.parquet: the file is damaged.*write or copy it again"):
        read_cells(path)


def test_a_file_of_an_earlier_version_without_checksums_is_read(tmp_path):
    ROWS.to_parquet(tmp_path / "measures.parquet", index=False)

    assert parquet_rows.read(tmp_path / "measures.parquet").equals(ROWS)


def test_equal_rows_give_equal_bytes(tmp_path):
    for name in ("a", "b"):
        write_parquet(ROWS, tmp_path / name)

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("place", "rule"),
    [
        ("tables/measures.parquet", "measure"),
        ("tables/associations.parquet", "aging"),
        ("shards/segments/1-of-2.parquet", "segment"),
        ("histograms/1-of-2.parquet", "measure"),
    ],
)
def test_a_damaged_file_is_reported_with_the_rule_that_writes_it(tmp_path, place, rule):
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PAR1 cut short")

    with pytest.raises(ContractError, match=rf"delete the file and rerun the study, .* \(rule {rule}\)"):
        parquet_rows.read(path)


def test_an_equals_sign_in_a_folder_name_adds_no_column(tmp_path):
    path = tmp_path / "study=a" / "table.parquet"
    write_parquet(ROWS, path)

    assert list(parquet_rows.read(path).columns) == list(ROWS.columns)


def test_a_missing_file_is_not_a_damaged_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        SEGMENTS.read(tmp_path / "segments.parquet")


def test_an_empty_package_file_has_a_checksum(tmp_path):
    HISTOGRAMS.write(HISTOGRAMS.empty(), tmp_path / "none.parquet")

    assert parquet_files.DIGEST.encode() in parquet.read_metadata(tmp_path / "none.parquet").metadata
    assert HISTOGRAMS.read(tmp_path / "none.parquet").empty

"""Tests of histogram files: equal histograms result in identical files, and reading returns the written values."""

import pandas as pd
import pytest
from pyarrow import parquet

from ctpop.contracts.all_tables import HISTOGRAMS, VERDICTS
from ctpop.foundation.errors import ContractError
from ctpop.stages.measure.histograms import read_histograms, write_histograms


def histogram(*rows):
    return pd.DataFrame(rows, columns=["structure", "hu", "n"]).astype({"hu": "int16"})


ONE = histogram(("aorta", -5, 2), ("aorta", 300, 1), ("liver", -5, 7))
OTHER = histogram(("liver", 60, 3))


def test_written_histograms_are_read_for_each_scan(tmp_path):
    write_histograms([("a", ONE), ("b", OTHER)], tmp_path / "x.parquet")

    found = dict(read_histograms(tmp_path / "x.parquet"))

    assert list(found) == ["a", "b"]
    assert found["a"].to_numpy().tolist() == ONE.to_numpy().tolist()
    assert found["b"].to_numpy().tolist() == OTHER.to_numpy().tolist()


def test_the_file_meets_the_contract_of_the_table(tmp_path):
    write_histograms([("a", ONE), ("b", OTHER)], tmp_path / "x.parquet")

    table = HISTOGRAMS.read(tmp_path / "x.parquet")

    assert len(table) == 4
    assert str(table["hu"].dtype) == "int16"
    assert parquet.ParquetFile(tmp_path / "x.parquet").num_row_groups == 2


def test_scans_without_rows_are_omitted(tmp_path):
    write_histograms([("a", pd.DataFrame()), ("b", OTHER), ("c", histogram())], tmp_path / "x.parquet")
    write_histograms([], tmp_path / "none.parquet")

    assert [scan for scan, _ in read_histograms(tmp_path / "x.parquet")] == ["b"]
    assert len(HISTOGRAMS.read(tmp_path / "none.parquet")) == 0


def test_equal_histograms_result_in_identical_files(tmp_path):
    for name in ("x", "y"):
        write_histograms([("a", ONE), ("b", OTHER)], tmp_path / f"{name}.parquet")

    assert (tmp_path / "x.parquet").read_bytes() == (tmp_path / "y.parquet").read_bytes()


def test_a_scan_that_fails_leaves_no_file(tmp_path):
    def scans():
        yield "a", ONE
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        write_histograms(scans(), tmp_path / "x.parquet")

    assert list(tmp_path.iterdir()) == []


def test_another_table_is_rejected(tmp_path):
    VERDICTS.empty().to_parquet(tmp_path / "x.parquet")

    with pytest.raises(
        ContractError, match="the columns must be scan_id, structure, hu, n, found scan_id, structure, "
    ):
        list(read_histograms(tmp_path / "x.parquet"))


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(ContractError, match=r"x\.parquet: the file does not exist; name a file of results/STUDY/"):
        list(read_histograms(tmp_path / "x.parquet"))


@pytest.mark.parametrize("content", [b"", b"PAR1 but not really"])
def test_an_invalid_parquet_file_is_rejected(tmp_path, content):
    (tmp_path / "x.parquet").write_bytes(content)

    with pytest.raises(ContractError, match=r"x\.parquet: the file is damaged or not a Parquet file"):
        list(read_histograms(tmp_path / "x.parquet"))

"""Shards are joined into one table that does not show how many they were."""

import pandas as pd
import pytest

from ctpop.__main__ import main
from ctpop.schema import VERDICTS


def verdicts(*scans):
    rows = [(scan, structure) for scan in scans for structure in ("liver", "spleen")]
    frame = pd.DataFrame(rows, columns=["scan_id", "structure"])
    return frame.assign(usable_volume=True, usable_hu=False, reason="ok")


def gather(folder, name, *shards):
    paths = [folder / f"{name}-{number}.parquet" for number in range(len(shards))]
    for path, shard in zip(paths, shards, strict=True):
        VERDICTS.write(shard, path)
    out = folder / f"{name}.parquet"
    code = main(["gather", "--table", "verdicts", "--shards", *map(str, paths), "--out", str(out)])
    return code, out


def test_the_number_and_order_of_shards_does_not_change_a_byte(tmp_path):
    _, whole = gather(tmp_path, "whole", verdicts("a", "b", "c", "d"))
    _, parts = gather(tmp_path, "parts", verdicts("d", "b"), VERDICTS.empty(), verdicts("c"), verdicts("a"))

    assert whole.read_bytes() == parts.read_bytes()
    assert whole.with_suffix(".csv").read_bytes() == parts.with_suffix(".csv").read_bytes()
    assert len(VERDICTS.read(whole)) == 8


def test_shards_without_rows_give_a_table_without_rows(tmp_path):
    code, out = gather(tmp_path, "empty", VERDICTS.empty(), VERDICTS.empty())

    assert code == 0
    assert list(VERDICTS.read(out).columns) == list(VERDICTS.columns)
    assert len(VERDICTS.read(out)) == 0


def test_a_scan_in_two_shards_is_refused(tmp_path, capsys):
    code, out = gather(tmp_path, "twice", verdicts("a"), verdicts("a", "b"))

    assert code == 1
    assert "scan_id and structure must identify one row, found repeated in 4 rows" in capsys.readouterr().err
    assert not out.exists()


def test_a_broken_shard_is_named(tmp_path, capsys):
    path = tmp_path / "broken.parquet"
    verdicts("a").assign(reason="because").to_parquet(path)

    code = main(["gather", "--table", "verdicts", "--shards", str(path), "--out", str(tmp_path / "out.parquet")])

    assert code == 1
    message = capsys.readouterr().err
    assert f"{path}: column 'reason' must be one of ok, " in message
    assert "found because in 2 rows, first scan_id and structure: 'a liver', 'a spleen'" in message


def test_an_unknown_table_is_a_wrong_option(tmp_path):
    with pytest.raises(SystemExit) as stopped:
        main(["gather", "--table", "chairs", "--shards", "x.parquet", "--out", str(tmp_path / "out.parquet")])

    assert stopped.value.code == 2

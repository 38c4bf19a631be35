"""Tests of `gather`: shards are joined into one table that does not depend on their number."""

import platform
import subprocess

import numpy as np
import pandas as pd
import pyarrow as arrow
import pytest
from pyarrow import parquet

from ctpop.cli import main
from ctpop.contracts import parquet_files
from ctpop.contracts.all_tables import VERDICTS
from ctpop.contracts.columns import count, number, text, truth
from ctpop.contracts.tables import Table
from ctpop.foundation.errors import ContractError
from ctpop.stages.measure import gather as gathering


def verdicts(*scans):
    rows = [(scan, structure) for scan in scans for structure in ("liver", "spleen")]
    frame = pd.DataFrame(rows, columns=["scan_id", "structure"])
    found = frame.assign(usable_volume=True, usable_hu=False, reason="ok", rule_reason="ok")
    return VERDICTS.check(found.reindex(columns=list(VERDICTS.columns)))


def gather(folder, name, *shards):
    paths = [folder / f"{name}-{number}.parquet" for number in range(len(shards))]
    for path, shard in zip(paths, shards, strict=True):
        VERDICTS.write(shard, path)
    out = folder / f"{name}.parquet"
    code = main(["gather", "--table", "verdicts", "--shards", *map(str, paths), "--out", str(out)])
    return code, out


def test_the_table_does_not_depend_on_the_shards(tmp_path):
    _, whole = gather(tmp_path, "whole", verdicts("a", "b", "c", "d"))
    _, parts = gather(tmp_path, "parts", verdicts("d", "b"), VERDICTS.empty(), verdicts("c"), verdicts("a"))

    assert whole.read_bytes() == parts.read_bytes()
    assert whole.with_suffix(".csv").read_bytes() == parts.with_suffix(".csv").read_bytes()
    assert len(VERDICTS.read(whole)) == 8


def test_empty_shards_result_in_an_empty_table(tmp_path):
    code, out = gather(tmp_path, "empty", VERDICTS.empty(), VERDICTS.empty())

    assert code == 0
    assert list(VERDICTS.read(out).columns) == list(VERDICTS.columns)
    assert len(VERDICTS.read(out)) == 0


def test_a_scan_in_two_shards_is_rejected(tmp_path, capsys):
    code, out = gather(tmp_path, "twice", verdicts("a"), verdicts("a", "b"))

    assert code == 1
    assert "scan_id and structure must identify one row; found repeated values in 4 rows" in capsys.readouterr().err
    assert not out.exists()


def test_an_invalid_shard_is_named(tmp_path, capsys):
    path = tmp_path / "broken.parquet"
    verdicts("a").assign(reason="because").to_parquet(path)

    code = main(["gather", "--table", "verdicts", "--shards", str(path), "--out", str(tmp_path / "out.parquet")])

    assert code == 1
    message = capsys.readouterr().err
    assert f"{path}: column 'reason' must be one of not_in_model, " in message
    assert "found because in 2 rows, first scan_id and structure: 'a liver', 'a spleen'" in message


# More rows than can be joined in memory

FEW = Table(
    "few",
    ("scan_id", "structure"),
    "a table with every type of column, in which all columns can be missing",
    {
        "scan_id": text("scan", pattern="[a-z0-9]+"),
        "structure": text("structure"),
        "share": number("share", low=0, high=1, missing="not known"),
        "n": count("count"),
        "n_known": count("count", missing="not known"),
        "remark": text("remark", missing="none"),
        "true": truth("truth"),
        "known": truth("truth", missing="not known"),
    },
)


def few(scans, seed=1, n_structures=7):
    random = np.random.default_rng(seed)
    keys = [(scan, f"structure_{number}") for scan in scans for number in range(n_structures)]
    n = len(keys)
    gaps = random.random(n) < 0.3
    return pd.DataFrame(
        {
            **{name: [key[place] for key in keys] for place, name in enumerate(FEW.key)},
            "share": np.where(gaps, np.nan, random.random(n)),
            "n": random.integers(0, 100, n),
            "n_known": pd.array(random.integers(0, 100, n), dtype="Int64"),
            "remark": pd.Series(np.where(np.arange(n) < n // 2, None, "long"), dtype="str"),
            "true": random.random(n) < 0.5,
            "known": pd.array(random.random(n) < 0.5, dtype="boolean"),
        }
    ).mask(pd.DataFrame({"n_known": gaps, "known": gaps}).reindex(columns=[*FEW.columns], fill_value=False))


def shards_of(frame, folder, n_shards, seed=2):
    """Write the rows of a frame to shards with random assignment of scans; the last shard is empty."""
    folder.mkdir()
    scans = frame["scan_id"].unique()
    shard = pd.Series(np.random.default_rng(seed).integers(0, n_shards - 1, len(scans)), index=scans)
    paths = [folder / f"{number}.parquet" for number in range(n_shards)]
    for place, path in enumerate(paths):
        FEW.write(frame[frame["scan_id"].map(shard).eq(place)], path)
    return paths


@pytest.mark.parametrize("most", [1, 3, 50, 349])
@pytest.mark.parametrize("row_group", [1, 64, 1000])
def test_division_into_parts_results_in_an_identical_file(tmp_path, monkeypatch, most, row_group):
    frame = FEW.check(few([f"scan{number}" for number in range(50)]))
    shards = shards_of(frame, tmp_path / "shards", 6)
    monkeypatch.setattr(gathering, "ROW_GROUP", row_group)
    whole = arrow.Table.from_pandas(frame, preserve_index=False)
    with parquet_files.writing(tmp_path / "expected.parquet", whole.schema) as writer:
        writer.write_table(whole, row_group_size=row_group)

    assert gathering.gather(FEW, shards, tmp_path / "out.parquet", most) == 350

    assert (tmp_path / "out.parquet").read_bytes() == (tmp_path / "expected.parquet").read_bytes()
    pd.testing.assert_frame_equal(FEW.read(tmp_path / "out.parquet"), frame)


def test_small_tables_are_joined_in_memory(tmp_path):
    frame = FEW.check(few([f"scan{number}" for number in range(50)]))
    shards = shards_of(frame, tmp_path / "shards", 3)

    gathering.gather(FEW, shards, tmp_path / "dealt.parquet", 349)
    gathering.gather(FEW, shards, tmp_path / "joined.parquet", 350)

    assert (tmp_path / "dealt.parquet").read_bytes() == (tmp_path / "joined.parquet").read_bytes()
    assert len(pd.read_csv(tmp_path / "joined.csv")) == 350
    [note] = pd.read_csv(tmp_path / "dealt.csv")["note"]
    assert note.startswith("350 rows exceed the row limit of spreadsheets; read dealt.parquet")


def test_row_groups_have_the_default_size_of_pyarrow(tmp_path):
    n = gathering.ROW_GROUP + 1
    parquet.write_table(arrow.table({"n": np.zeros(n)}), tmp_path / "one.parquet")

    assert parquet.read_metadata(tmp_path / "one.parquet").row_group(0).num_rows == gathering.ROW_GROUP


def test_parts_of_this_and_earlier_runs_are_removed(tmp_path):
    frame = few([f"scan{number}" for number in range(20)])
    shards = shards_of(frame, tmp_path / "shards", 3)
    ended = subprocess.Popen(["true"])
    ended.wait()
    left = tmp_path / f".out.parquet-0.{platform.node()}.{ended.pid}.part"
    left.write_bytes(b"half")

    gathering.gather(FEW, shards, tmp_path / "out.parquet", 30)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "out.parquet", "shards"]


def test_a_scan_in_two_shards_is_rejected_after_division(tmp_path):
    folder = tmp_path / "shards"
    folder.mkdir()
    paths = [folder / f"{name}.parquet" for name in ("one", "two")]
    for path, scans in zip(paths, (["a", "b"], ["b", "c"]), strict=True):
        FEW.write(few(scans), path)

    with pytest.raises(
        ContractError, match=r"must identify one row; found repeated values in 14 rows, first 'b structure_0'"
    ):
        gathering.gather(FEW, paths, tmp_path / "out.parquet", 5)

    assert list(tmp_path.iterdir()) == [folder]


def test_an_invalid_shard_is_named_after_division(tmp_path):
    shards = shards_of(few(["a", "b", "c"]), tmp_path / "shards", 3)
    few(["d"]).assign(share=2.0).to_parquet(shards[1])

    with pytest.raises(
        ContractError, match=r"shards/1\.parquet: column 'share' must be at most 1; found 2\.0 in 7 rows"
    ):
        gathering.gather(FEW, shards, tmp_path / "out.parquet", 5)

    assert [path.name for path in tmp_path.iterdir()] == ["shards"]


def test_an_unknown_table_is_rejected(tmp_path):
    with pytest.raises(SystemExit) as stopped:
        main(["gather", "--table", "chairs", "--shards", "x.parquet", "--out", str(tmp_path / "out.parquet")])

    assert stopped.value.code == 2

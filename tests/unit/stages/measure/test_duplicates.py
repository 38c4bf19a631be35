"""Tests of duplicates: one of several scans with equal images is kept, and scans with equal values are reported."""

import logging

import numpy as np
import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.contracts.all_tables import MEASURES_TABLE
from ctpop.stages.measure import duplicates, gather


def measures(digests, status="measured"):
    rows = [
        {"scan_id": scan, "structure": structure, "status": status, "volume_ml": 1.5, "image_digest": digest}
        for scan, digest in digests.items()
        for structure in ("liver", "spleen")
    ]
    frame = pd.DataFrame(rows).reindex(columns=list(MEASURES_TABLE.columns))
    return MEASURES_TABLE.check(frame.astype(MEASURES_TABLE.empty().dtypes.to_dict()))


A, B = "a" * 16, "b" * 16


def gathered(folder, *shards, most=gather.CSV_ROWS):
    paths = [folder / f"{number}.parquet" for number in range(len(shards))]
    for path, shard in zip(paths, shards, strict=True):
        MEASURES_TABLE.write(shard, path)
    amend = gather.amendment(MEASURES_TABLE, paths)
    gather.gather(MEASURES_TABLE, paths, folder / "measures.parquet", most, amend)
    return MEASURES_TABLE.read(folder / "measures.parquet")


@pytest.mark.parametrize("most", [gather.CSV_ROWS, 2])
@pytest.mark.parametrize(
    "shards",
    [
        [{"s1": A, "s2": B, "s3": A, "s4": None, "s5": A, "s6": None}],
        [{"s3": A, "s4": None}, {"s1": A, "s6": None}, {"s5": A, "s2": B}],
    ],
)
def test_the_first_scan_is_kept_for_any_division_into_shards(tmp_path, caplog, shards, most):
    found = gathered(tmp_path, *map(measures, shards), most=most)

    repeated = found["scan_id"].isin(["s3", "s5"])
    assert set(found.loc[repeated, "status"]) == {"duplicate_images"}
    assert set(found.loc[~repeated, "status"]) == {"measured"}
    assert found["volume_ml"].eq(1.5).all()
    assert "scans excluded because another scan has the same images (duplicate_images): 2" in caplog.text
    assert "(s3: same as s1; s5: same as s1)" in caplog.text


def test_unmeasured_scans_are_neither_kept_nor_duplicates(tmp_path):
    found = gathered(tmp_path, measures({"s1": A}, "unreadable"), measures({"s2": A}), measures({"s3": A}))

    assert found.drop_duplicates("scan_id")["status"].to_list() == ["unreadable", "measured", "duplicate_images"]


def test_the_warning_names_three_duplicates(caplog):
    duplicates.warn_of_images({f"s{number}": "s0" for number in range(1, 6)})

    assert "same images (duplicate_images): 5 (" in caplog.text
    assert caplog.text.count("same as s0") == 3
    assert "and 2 more" in caplog.text


def table_of(**scans):
    rows = [(scan, *row) for scan, values in scans.items() for row in values]
    return pd.DataFrame(rows, columns=["scan_id", "structure", "volume_ml", "hu_mean"])


SAME = [("liver", 1500.25, 55.5), ("spleen", 200.125, np.nan)]


@pytest.mark.parametrize(
    ("others", "is_reported"),
    [
        (SAME, True),
        (SAME[::-1], True),
        ([*SAME, ("aorta", 0.0, np.nan)], True),  # an absent structure has no value
        ([("liver", 1500.25, 55.5), ("spleen", 200.126, np.nan)], False),
        ([*SAME, ("aorta", 120.5, 200.0)], False),
        ([("spleen", 1500.25, 55.5), ("liver", 200.125, np.nan)], False),
        (SAME[:1], False),
    ],
)
def test_equal_values_of_two_structures_are_reported(tmp_path, caplog, others, is_reported):
    table_of(s1=SAME, s2=others, s3=[("liver", 1.5, 2.5)], s4=[("liver", 1.5, 2.5)]).to_csv(
        tmp_path / "measures.csv", index=False
    )
    pd.DataFrame({"scan_id": ["s1", "s2", "s3", "s4"], "age_years": 50}).to_csv(tmp_path / "registry.csv", index=False)
    options = ["--registry", "registry.csv", "--table", "measures.csv", "--out", "out.parquet"]

    with caplog.at_level(logging.WARNING):
        assert main(["measure", *paths_in(tmp_path, options), "--structures", "total_117"]) == 0

    assert ("groups of scans with the same values in all structures: 1 (" in caplog.text) == is_reported
    assert ("s1, s2" in caplog.text) == is_reported
    assert "duplicate_images" not in set(MEASURES_TABLE.read(tmp_path / "out.parquet")["status"])


def test_digests_in_a_table_of_measures_are_compared(tmp_path):
    measures({"s1": A, "s2": A, "s3": B}).to_parquet(tmp_path / "measures.parquet")
    pd.DataFrame({"scan_id": ["s1", "s2", "s3"], "age_years": 50}).to_csv(tmp_path / "registry.csv", index=False)
    options = ["--registry", "registry.csv", "--table", "measures.parquet", "--out", "out.parquet"]

    assert main(["measure", *paths_in(tmp_path, options), "--structures", "total_117"]) == 0

    found = MEASURES_TABLE.read(tmp_path / "out.parquet").set_index(["scan_id", "structure"])["status"]
    assert found[:, "liver"].to_dict() == {"s1": "measured", "s2": "duplicate_images", "s3": "measured"}


def paths_in(folder, options):
    return [word if word.startswith("--") else str(folder / word) for word in options]

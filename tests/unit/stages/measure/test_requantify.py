"""Tests of `requantify`: statistics from histograms equal those from the voxels."""

import numpy as np
import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.imaging.images import Grid
from ctpop.stages.measure.histograms import write_histograms
from ctpop.stages.measure.scan_measures import How, measure_structures
from support.volumes import affine, hu, labels

SHAPE = (12, 11, 10)
NAMES = {"spleen": 1, "kidney_left": 2, "liver": 3}


def voxels(seed):
    return labels(SHAPE, seed=seed), hu(SHAPE, seed=seed + 100)


@pytest.fixture
def shards(tmp_path):
    """Return the histogram files of two shards, with scans c and a, and b; c has no liver."""

    def histogram(seed, without=0):
        numbers, image = voxels(seed)
        numbers[numbers == without] = 0
        return measure_structures(numbers, image, Grid(SHAPE, affine()), NAMES, How(1, 0)).histogram

    write_histograms([("c", histogram(3, without=3)), ("a", histogram(1))], tmp_path / "1.parquet")
    write_histograms([("b", histogram(2))], tmp_path / "2.parquet")
    return [tmp_path / "1.parquet", tmp_path / "2.parquet"]


def requantify(shards, *options, out="out.parquet"):
    path = shards[0].parent / out
    code = main(["requantify", "--histograms", *map(str, shards), *options, "--out", str(path)])
    read = {".csv": pd.read_csv, ".parquet": pd.read_parquet}[path.suffix]
    return code, read(path).set_index(["scan_id", "structure"]) if path.exists() else None


def error_of(capsys, shards, *options):
    code, table = requantify(shards, *options)
    assert (code, table) == (1, None)
    return capsys.readouterr().err


def test_percentiles_and_windows_agree_with_the_voxels(shards):
    options = ["--percentile", "5", "33.3", "97.5", "--window", "fat=-190:-30", "bone=150:", "air=:-900"]

    code, table = requantify(shards, *options)

    numbers, image = voxels(2)
    values = image[numbers == 3].astype(float)
    row = table.loc[("b", "liver")]
    assert code == 0
    assert row["n_voxels"] == len(values)
    assert row[["hu_p05", "hu_p33.3", "hu_p97.5"]].to_list() == list(np.percentile(values, [5, 33.3, 97.5]))
    for name, (low, high) in {"fat": (-190, -30), "bone": (150, 2000), "air": (-2000, -900)}.items():
        inside = values[(values >= low) & (values <= high)]
        assert row[f"{name}_share"] == len(inside) / len(values)
        assert row[f"{name}_mean"] == pytest.approx(inside.mean(), rel=1e-12)


def test_rows_are_sorted_for_any_order_of_files(shards):
    _, table = requantify(shards, "--percentile", "50")
    first = (shards[0].parent / "out.parquet").read_bytes()
    requantify(shards[::-1], "--percentile", "50")

    assert (shards[0].parent / "out.parquet").read_bytes() == first
    structures = sorted(NAMES)
    assert list(table.index) == [
        *[("a", name) for name in structures],
        *[("b", name) for name in structures],
        ("c", "kidney_left"),
        ("c", "spleen"),
    ]


def test_a_structure_without_voxels_has_no_row(shards):
    _, table = requantify(shards, "--percentile", "50")

    assert ("c", "liver") not in table.index


def test_an_empty_window_has_no_mean(shards):
    _, table = requantify(shards, "--window", "metal=3000:")

    assert (table["metal_share"] == 0).all()
    assert table["metal_mean"].isna().all()


def test_a_window_includes_both_limits(shards):
    write_histograms([("x", pd.DataFrame({"structure": "liver", "hu": [-30, 0, 10], "n": [1, 2, 1]}))], shards[0])

    _, table = requantify(shards[:1], "--window", "w=-30:0", "one=10:10")

    assert table.loc[("x", "liver"), ["w_share", "w_mean", "one_share", "one_mean"]].to_list() == [0.75, -10, 0.25, 10]


def test_structures_can_be_selected(shards):
    _, table = requantify(shards, "--percentile", "50", "--structures", "liver", "spleen")

    assert set(table.index.get_level_values("structure")) == {"liver", "spleen"}


def test_csv_and_parquet_are_equal(shards):
    options = ["--percentile", "1", "99", "--window", "fat=-190:-30"]

    _, table = requantify(shards, *options)
    _, as_csv = requantify(shards, *options, out="out.csv")

    pd.testing.assert_frame_equal(as_csv, table)


def test_a_repeated_percentile_is_one_column(shards):
    _, table = requantify(shards, "--percentile", "5", "5.0")

    assert list(table.columns) == ["n_voxels", "hu_p05"]


@pytest.mark.parametrize("text", ["fat", "fat=-190", "fat=-30:-190", "=1:2", "fat=a:b", "2x=1:2", "fat=1.5:2"])
def test_an_invalid_window_is_rejected(shards, capsys, text):
    expected = f"--window: {text!r} is not of the form NAME=LOW:HIGH with whole HU and LOW up to HIGH, for example fat"

    assert expected in error_of(capsys, shards, "--window", text)


def test_repeated_window_names_are_rejected(shards, capsys):
    message = error_of(capsys, shards, "--window", "a=1:2", "a=3:4")

    assert "--window: repeated name a; give each window a different name" in message


def test_percentiles_outside_0_to_100_are_rejected(shards, capsys):
    message = error_of(capsys, shards, "--percentile", "50", "101", "-1")

    assert "--percentile: percentiles must be between 0 and 100, found 101, -1" in message


def test_an_unknown_structure_is_reported(shards, capsys):
    message = error_of(capsys, shards, "--percentile", "50", "--structures", "liver", "livre")

    assert "--structures: no scan contains attenuation of livre; correct the names of the structures" in message


def test_a_scan_in_two_files_is_rejected(shards, capsys):
    message = error_of(capsys, [*shards, shards[0]], "--percentile", "50")

    assert "--histograms: a scan occurs in several files; name each file once" in message


def test_a_request_without_statistics_is_rejected(shards, capsys):
    assert "no statistic was requested; add --percentile or --window" in error_of(capsys, shards)


def test_shards_without_a_ct_result_in_an_empty_table(tmp_path):
    write_histograms([], tmp_path / "1.parquet")

    code, table = requantify([tmp_path / "1.parquet"], "--percentile", "50")

    assert code == 0
    assert len(table) == 0

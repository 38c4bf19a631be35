"""What a histogram holds can be asked for later, and is what the voxels themselves would say."""

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
    """Files of two shards with scans c and a, and b; c has no liver."""

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


def refusal(capsys, shards, *options):
    code, table = requantify(shards, *options)
    assert (code, table) == (1, None)
    return capsys.readouterr().err


def test_percentiles_and_windows_are_those_of_the_voxels(shards):
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


def test_rows_are_sorted_by_scan_and_structure_whatever_the_order_of_files(shards):
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


def test_a_structure_without_a_voxel_has_no_row_rather_than_zero(shards):
    _, table = requantify(shards, "--percentile", "50")

    assert ("c", "liver") not in table.index


def test_an_empty_window_has_a_share_of_zero_and_no_mean(shards):
    _, table = requantify(shards, "--window", "metal=3000:")

    assert (table["metal_share"] == 0).all()
    assert table["metal_mean"].isna().all()


def test_both_ends_of_a_window_belong_to_it(shards):
    write_histograms([("x", pd.DataFrame({"structure": "liver", "hu": [-30, 0, 10], "n": [1, 2, 1]}))], shards[0])

    _, table = requantify(shards[:1], "--window", "w=-30:0", "one=10:10")

    assert table.loc[("x", "liver"), ["w_share", "w_mean", "one_share", "one_mean"]].to_list() == [0.75, -10, 0.25, 10]


def test_structures_can_be_chosen(shards):
    _, table = requantify(shards, "--percentile", "50", "--structures", "liver", "spleen")

    assert set(table.index.get_level_values("structure")) == {"liver", "spleen"}


def test_csv_and_parquet_hold_the_same(shards):
    options = ["--percentile", "1", "99", "--window", "fat=-190:-30"]

    _, table = requantify(shards, *options)
    _, as_csv = requantify(shards, *options, out="out.csv")

    pd.testing.assert_frame_equal(as_csv, table)


def test_the_same_percentile_asked_for_twice_is_one_column(shards):
    _, table = requantify(shards, "--percentile", "5", "5.0")

    assert list(table.columns) == ["n_voxels", "hu_p05"]


@pytest.mark.parametrize("text", ["fat", "fat=-190", "fat=-30:-190", "=1:2", "fat=a:b", "2x=1:2", "fat=1.5:2"])
def test_a_window_of_another_form_is_refused(shards, capsys, text):
    expected = "--window: NAME=LOW:HIGH with whole HU is expected, as fat=-190:-30, found "

    assert expected in refusal(capsys, shards, "--window", text)


def test_two_windows_of_one_name_are_refused(shards, capsys):
    assert "each has a name of its own, found a repeated" in refusal(capsys, shards, "--window", "a=1:2", "a=3:4")


def test_a_percentile_beyond_100_is_refused(shards, capsys):
    message = refusal(capsys, shards, "--percentile", "50", "101", "-1")

    assert "--percentile: numbers from 0 to 100 are expected, found 101, -1" in message


def test_a_misspelt_structure_is_told_and_not_left_out(shards, capsys):
    message = refusal(capsys, shards, "--percentile", "50", "--structures", "liver", "livre")

    assert "--structures: no scan has voxels of livre under a CT" in message


def test_a_scan_in_two_files_is_refused(shards, capsys):
    message = refusal(capsys, [*shards, shards[0]], "--percentile", "50")

    assert "--histograms: a scan occurs in several files, or a file is named twice" in message


def test_asking_for_nothing_is_told(shards, capsys):
    assert "nothing is asked for; give --percentile or --window" in refusal(capsys, shards)


def test_shards_without_a_ct_give_a_table_without_rows(tmp_path):
    write_histograms([], tmp_path / "1.parquet")

    code, table = requantify([tmp_path / "1.parquet"], "--percentile", "50")

    assert code == 0
    assert len(table) == 0

"""Tests of the benchmarks: the scripts start, and their synthetic models and images have realistic sizes."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from ctpop.models import model_folder, model_set

BENCH = Path(__file__).parents[2] / "bench"
sys.path.append(str(BENCH))
import paper_table  # noqa: E402
import real_size  # noqa: E402
import runs  # noqa: E402
import scenarios  # noqa: E402
import shard_memory  # noqa: E402
import validity  # noqa: E402

SCRIPTS = sorted(path.name for path in BENCH.glob("*.py") if "\ndef main(" in path.read_text(encoding="utf-8"))
NARROW = real_size.Architecture(first=2, most=2, convolutions=1)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_has_help_and_an_entry_in_the_readme(script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [script, "--help"])
    with pytest.raises(SystemExit, match="0"):
        runpy.run_path(str(BENCH / script), run_name="__main__")
    printed = capsys.readouterr().out

    assert f"usage: {script}" in printed
    assert f"`{script}`" in (BENCH / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("scenario", validity.scenarios(), ids=lambda scenario: scenario.title)
def test_each_scenario_returns_a_result_per_column(scenario):
    row = scenarios.row_of(scenario, scenario.cases[0], 1)

    assert len(row) == len(scenario.head)
    assert row[: len(scenario.labels)] == list(scenario.cases[0].labels)


@pytest.mark.parametrize(("spacing", "classes"), [("1.5", [24, 26, 18, 23, 26]), ("3", [117])])
def test_models_have_the_folders_and_classes_of_the_public_weights(tmp_path, spacing, classes):
    weights = real_size.write_models(tmp_path, spacing, NARROW)

    found = model_set.read({"model": real_size.SETS[spacing], "weights": str(weights)})

    model_set.check(found)
    assert [len(part.labels) for part in found.parts] == classes


@pytest.mark.parametrize("spacing", ["1.5", "3"])
def test_the_real_architecture_has_six_stages_of_32_to_320_channels(spacing):
    plans = real_size.plans_of(spacing, real_size.ARCHITECTURES["real"])

    network = real_size.network_arguments(plans)

    assert network["features_per_stage"] == [32, 64, 128, 256, 320, 320]
    assert network["n_conv_per_stage"] == [2] * 6
    steps = np.prod(network["strides"], axis=0)
    assert steps.tolist() == {"1.5": [32, 32, 32], "3": [16, 16, 32]}[spacing]


def test_the_peers_checkpoint_names_a_trainer_that_its_commands_find(tmp_path):
    import torch

    weights = real_size.write_models(tmp_path, "3", NARROW, real_size.PEERS_TRAINER)

    [checkpoint] = weights.rglob(model_folder.FILES[2])
    assert torch.load(checkpoint, weights_only=True)["trainer_name"] == "nnUNetTrainer"


def test_a_scan_is_drawn_with_air_around_a_body_and_the_same_each_time():
    ct = real_size.draw_ct((64, 64, 20))

    assert ct.dtype == np.int16
    assert ct[0, 0, 10] == real_size.LOWEST_HU  # outside the reconstruction circle
    assert -200 < np.median(ct[24:40, 24:40]) < 300
    np.testing.assert_array_equal(ct, real_size.draw_ct((64, 64, 20)))


def test_labels_are_drawn_for_the_same_body_in_at_most_the_given_number():
    shape = (400, 320, 12)  # the middle of the body
    labels, ct = real_size.draw_labels(shape, 12), real_size.draw_ct(shape)

    assert {0} < set(np.unique(labels)) <= set(range(13))
    assert np.median(ct[labels > 0]) > np.median(ct[labels == 0])
    np.testing.assert_array_equal(labels, real_size.draw_labels(shape, 12))


def test_the_cost_of_a_command_includes_the_memory_of_its_child_processes():
    held = f"{sys.executable} -c \"block = b'x' * (200 << 20); import time; time.sleep(2)\""

    cost = runs.measured(["sh", "-c", f"{held} & {held} & wait"])

    assert 2 < cost.seconds < 30
    assert 400 < cost.host_mb < 600


def test_the_error_of_a_failed_command_contains_the_end_of_its_output():
    with pytest.raises(RuntimeError, match="failed with 3:\nno GPU"):
        runs.measured(["sh", "-c", "echo no GPU >&2; exit 3"])


def test_gpu_memory_is_relative_to_the_state_before_the_command_and_load_is_the_mean_between_first_and_last_kernel():
    samples = ["500, 0", "700, 0", "2500, 100", "2500, 80", "2500, 0", "1500, 100", "700, 0"]

    assert runs.gpu_cost(samples) == (2000, pytest.approx(0.7))
    assert runs.gpu_cost(["500, 0", "500, 0"]) == (0, 0)
    assert runs.gpu_cost([]) == (None, None)


def test_the_time_of_a_further_scan_is_computed_from_shards_of_different_size():
    case = paper_table.Case("3", "small", runs.Cost(20, 1), runs.Cost(44, 1), 5, None, None)

    assert case.further == 6
    assert paper_table.study_hours([case], "3")[2] == f"{6 * 4004 / 3600:.1f}"


def test_agreement_counts_voxels_whose_labels_differ(tmp_path):
    import nibabel as nib

    labels = np.zeros((4, 4, 4), np.uint8)
    labels[:2] = 7
    nib.save(nib.Nifti1Image(labels, np.eye(4)), tmp_path / "first.nii.gz")
    labels[0, 0, 0] = 8
    nib.save(nib.Nifti1Image(labels[::-1], np.diag([-1, 1, 1, 1])), tmp_path / "second.nii.gz")

    assert paper_table.agreement(tmp_path / "first.nii.gz", tmp_path / "second.nii.gz") == (62 / 64, 1)


def test_growth_of_a_shard_is_the_slope_over_the_peaks_of_its_scans():
    seconds = np.arange(0, 40, 0.5)
    finished = np.arange(4.0, 41, 4)
    flat = shard_memory.Run("flat", seconds, np.where(seconds % 4 == 2, 900.0, 500.0), finished)
    growing = shard_memory.Run("growing", seconds, 500 + 10 * np.floor(seconds / 4), finished)

    assert flat.peak_of_scan.tolist() == [900.0] * 10
    assert flat.slope == pytest.approx(0, abs=1e-9)
    assert growing.slope == pytest.approx(10)


def test_a_scan_that_was_not_segmented_is_not_measured(tmp_path):
    nothing = tmp_path / "nothing.nii.gz"
    nothing.write_bytes(b"")

    with pytest.raises(RuntimeError, match=r"(?s)1 of 1 scans were not segmented:.*unreadable"):
        runs.segmented({"scan": nothing}, tmp_path / "work", "demo", {"model": "demo", "device": "cpu"})

"""Model sets of the original study: folders of converted models, labels of v1, and averaging as in v1."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from ctpop.cli import main
from ctpop.foundation.errors import ContractError
from ctpop.models import model_folder, model_set, set_file
from ctpop.stages.segment.nnunet import sliding_window
from ctpop.stages.segment.nnunet.sliding_window import Windows, logits_by_rows
from ctpop.study import label_sets
from reference.v1_cases import CASES, PARTS
from support.tiny_model import describe_set
from support.v1_model import save_v1

CPU = torch.device("cpu")
# SOURCE: TotalSegmentator v1, map_to_binary.py, class_map_5_parts: first and last structure of each part with their
# labels in the merged label map, and structures of parts 3 and 4 whose labels are not consecutive.
ENDS = {
    "Dataset251_TotalSegmentator_part1_organs_1139subj": {1: ("spleen", 1), 17: ("lung_lower_lobe_right", 17)},
    "Dataset252_TotalSegmentator_part2_vertebrae_1139subj": {1: ("vertebrae_L5", 18), 24: ("vertebrae_C1", 41)},
    "Dataset253_TotalSegmentator_part3_cardiac_1139subj": {
        1: ("esophagus", 42),
        3: ("heart_myocardium", 44),
        16: ("colon", 57),
        17: ("urinary_bladder", 104),
        18: ("face", 93),
    },
    "Dataset254_TotalSegmentator_part4_muscles_1139subj": {
        1: ("humerus_left", 82),
        11: ("sacrum", 92),
        12: ("gluteus_maximus_left", 94),
        21: ("iliopsoas_right", 103),
    },
    "Dataset255_TotalSegmentator_part5_ribs_1139subj": {
        1: ("rib_left_1", 58),
        13: ("rib_right_1", 70),
        24: ("rib_right_12", 81),
    },
}


def message_of(call, *arguments, **options):
    with pytest.raises(ContractError) as refused:
        call(*arguments, **options)
    return str(refused.value)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Converted small models in the folders of the public archives, with the same structure counts."""
    folder = tmp_path_factory.mktemp("v1")
    for dataset, part in zip(ENDS, PARTS, strict=True):
        save_v1(folder, part, task=dataset.replace("Dataset", "Task"))
    coarse = {"current_spacing": np.array([3.0, 3.0, 3.0])}
    save_v1(
        folder, "whole", "nnUNetTrainerV2_ep8000_nomirror", task="Task256_TotalSegmentator_3mm_1139subj", stage=coarse
    )
    for task in sorted(folder.glob("Task*")):
        assert main(["convert-v1", str(task), str(folder / "weights")]) == 0
    return folder / "weights"


@pytest.mark.parametrize(("name", "mm"), [("paper_104_1.5mm", 1.5), ("paper_104_3mm", 3.0)])
def test_a_set_of_the_paper_uses_converted_folders_and_covers_all_104_structures(name, mm, weights, caplog):
    found = model_set.read({"model": name, "weights": str(weights)})

    model_set.check(found)
    assert found.labels == label_sets.read("paper_104").label_of
    assert sum(len(part.labels) for part in found.parts) == len(found.labels) == 104
    assert (found.step_size, found.averaging) == (0.5, "probabilities")
    assert found.resampling == model_set.Resampling(mm, 3)
    assert caplog.records == []  # the converted models have the names of the model set


def test_the_five_parts_have_the_labels_of_totalsegmentator_v1(weights):
    found = model_set.read({"model": "paper_104_1.5mm", "weights": str(weights)})

    assert [part.folder.parent.name for part in found.parts] == list(ENDS)
    for part, ends in zip(found.parts, ENDS.values(), strict=True):
        names = {number: name for name, number in part.labels.items()}
        assert len(names) == max(ends)
        assert {number: (names[number], found.labels[names[number]]) for number in ends} == ends


def test_the_single_model_has_the_labels_of_the_label_set(weights):
    [part] = model_set.read({"model": "paper_104_3mm", "weights": str(weights)}).parts

    assert part.labels == label_sets.read("paper_104").label_of
    assert CASES["whole"].structures == 104


def test_missing_weights_of_a_set_of_the_paper_are_reported_with_their_source_and_the_remedy(tmp_path):
    message = message_of(model_set.read, {"model": "paper_104_1.5mm", "weights": str(tmp_path)})

    assert "https://zenodo.org/records/6802342 (Task251)" in message
    assert "ctpop convert-v1 writes these folders (docs/reproduce.md)" in message


# Averaging


def test_the_averaging_is_part_of_the_digest_only_if_it_is_not_the_default(tmp_path):
    plain = model_set.read({"model": str(describe_set(tmp_path / "a"))})
    named = model_set.read({"model": str(describe_set(tmp_path / "b", averaging="logits"))})
    other = model_set.read({"model": str(describe_set(tmp_path / "c", averaging="probabilities"))})

    assert plain.averaging == "logits"
    assert model_set.digest_of(plain) == model_set.digest_of(named) != model_set.digest_of(other)


def test_probabilities_cannot_be_averaged_with_the_resampling_of_nnunet(tmp_path):
    path = describe_set(tmp_path, averaging="probabilities", resampling=None)

    assert "'resampling' is a dependency of 'averaging'" in message_of(set_file.read, path)


def test_windows_are_averaged_after_the_softmax_in_single_precision():
    logits = torch.tensor([[0.0, 0.0, 3.0, 0.0], [1.0, 1.0, 0.0, 1.0]])  # of two classes, along the first axis

    def network(patches):
        return logits[None, :, :, None, None] * patches[:, :, :, :1, :1].new_ones(patches.shape)

    patch, image = (4, 2, 2), torch.zeros((6, 2, 2))
    windows = Windows(0.5, 1, CPU, CPU, probabilities=True)

    found = torch.cat([slab.clone() for slab in logits_by_rows(network, 2, patch, image, windows)], dim=1)

    weight = sliding_window.compute_gaussian(patch, 1 / 8, 1, torch.float32, CPU)[:, 0, 0].double()
    shares = torch.softmax(logits.double(), dim=0)
    sums, weights = torch.zeros((2, 6)).double(), torch.zeros(6).double()
    for start in (0, 2):
        sums[:, start : start + 4] += shares * weight
        weights[start : start + 4] += weight
    assert found.dtype == torch.float32
    torch.testing.assert_close(found[:, :, 0, 0].double(), sums / weights, atol=1e-6, rtol=0)
    assert torch.equal(found.sum(dim=0).round(decimals=5), torch.ones((6, 2, 2)))


def test_the_converted_models_of_the_paper_are_used_without_mirroring(weights):
    for path in sorted(weights.glob("*/*/fold_0/checkpoint_final.pth")):
        held = torch.load(path, weights_only=True)
        assert held["inference_allowed_mirroring_axes"] is None
        assert held["trainer_name"] == "nnUNetTrainer"
    names = {Path(part["folder"]).parts[0] for part in content("paper_104_1.5mm") + content("paper_104_3mm")}
    assert names == {path.name for path in weights.iterdir()}


def content(name):
    return yaml.safe_load((model_folder.SHIPPED / f"{name}.yaml").read_text())["parts"]

"""Tests of the tiny models for tests: they have the format of real models and segment all structures."""

import ast
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from ctpop.models import model_set
from support.tiny_model import (
    PARTS,
    SET_FEATURES,
    architecture,
    network_of,
    part_checkpoint,
    part_plans,
    save_set,
)


def keys_that_nnunet_saves():
    """Return the keys of a checkpoint from the source code of nnU-Net, because its trainer requires torchvision."""
    found = importlib.util.find_spec("nnunetv2")
    assert found is not None
    source = Path(found.origin).parent / "training" / "nnUNetTrainer" / "nnUNetTrainer.py"
    tree = ast.parse(source.read_text(encoding="utf-8"))
    [saving] = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "save_checkpoint"]
    [saved] = [node for node in ast.walk(saving) if isinstance(node, ast.Dict)]
    return [key.value for key in saved.keys]


def test_a_checkpoint_has_the_keys_of_the_nnunet_trainer():
    content = part_checkpoint(PARTS[0], 0, part_plans(PARTS[0], 0, 3.0), "nnUNetTrainerNoMirroring")

    assert list(content) == keys_that_nnunet_saves()
    assert len(content) == 9
    assert "decoder.seg_layers.1.weight" in content["network_weights"]  # deep supervision: more than one head
    assert content["optimizer_state"]["state"][0]["momentum_buffer"] is not None


@pytest.mark.parametrize("parts", [5, 1])
def test_every_structure_of_a_tiny_set_is_segmented(tmp_path, parts):
    found = model_set.read({"model": str(save_set(tmp_path, parts))})
    image = gaussian_filter(np.random.default_rng(0).normal(size=(24, 32, 28)), 1.5)
    image = torch.from_numpy((image / image.std()).astype(np.float32))[None, None]

    assert len(found.parts) == parts
    for part in found.parts:
        network = network_of(architecture(SET_FEATURES), len(part.labels), seed=1).eval()
        network.load_state_dict(torch.load(part.checkpoint, weights_only=False)["network_weights"])
        with torch.no_grad():
            labels = network(image)[0].argmax(1).unique()
        assert labels.tolist() == [0, *part.labels.values()]


def test_weights_depend_on_the_seed():
    described = part_plans(PARTS[0], 0, 3.0)
    first, again, other = (part_checkpoint(PARTS[0], 0, described, "nnUNetTrainer", seed) for seed in (1, 1, 2))

    name = "decoder.seg_layers.0.weight"
    assert torch.equal(first["network_weights"][name], again["network_weights"][name])
    assert not torch.equal(first["network_weights"][name], other["network_weights"][name])

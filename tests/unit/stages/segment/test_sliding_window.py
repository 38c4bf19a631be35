"""Tests of streamed logits, which are bitwise identical to those of the nnU-Net predictor for all slab sizes."""

import numpy as np
import pytest
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from scipy import ndimage

from ctpop.foundation.errors import ScanError
from ctpop.stages.segment.nnunet import sliding_window
from ctpop.stages.segment.nnunet.resampling import by_edges, linear_taps
from ctpop.stages.segment.nnunet.sliding_window import Windows, argmax_between, logits_by_rows
from support.tiny_model import CONFIGURATION, PATCH, STRUCTURES, checkpoint, dataset, plans

CPU = torch.device("cpu")
HEADS = len(STRUCTURES) + 1
SHAPES = [(21, 30, 47), (16, 12, 20), (7, 5, 60), (40, 11, 20), (1, 1, 1)]


@pytest.fixture(scope="module")
def predictor():
    """Return the nnU-Net predictor with a network of random weights."""
    manager = PlansManager(plans())
    found = nnUNetPredictor(use_mirroring=False, perform_everything_on_device=False, device=CPU, allow_tqdm=False)
    configuration = manager.get_configuration(CONFIGURATION)
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    network = get_network_from_plans(
        configuration.network_arch_class_name,
        configuration.network_arch_init_kwargs,
        configuration.network_arch_init_kwargs_req_import,
        1,
        HEADS,
        deep_supervision=False,
    )
    network.load_state_dict(checkpoint()["network_weights"])
    found.manual_initialization(network.eval(), manager, configuration, None, dataset(), "nnUNetTrainer", None)
    return found


def image(shape, seed=0):
    values = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1)
    return torch.from_numpy(values.astype(np.float32))


def windows(step_size=0.5, batch_size=1):
    return Windows(step_size, batch_size, CPU, CPU)


def slabs(predictor, shape, **changed):
    found = logits_by_rows(predictor.network, HEADS, PATCH, image(shape), windows(**changed))
    return [slab.clone() for slab in found]


def by_nnunet(predictor, shape, step_size=0.5):
    predictor.tile_step_size = step_size
    return predictor.predict_sliding_window_return_logits(image(shape)[None])


@pytest.mark.parametrize("step_size", [0.5, 0.8, 1.0, 0.3])
@pytest.mark.parametrize("shape", SHAPES)
def test_logits_are_bitwise_identical_to_nnunet(predictor, shape, step_size):
    found = torch.cat(slabs(predictor, shape, step_size=step_size), dim=1)

    assert found.dtype == torch.half
    assert torch.equal(found, by_nnunet(predictor, shape, step_size))


def test_slabs_are_not_larger_than_a_patch(predictor):
    heights = [slab.shape[1] for slab in slabs(predictor, (90, 13, 20))]

    assert sum(heights) == 90
    assert max(heights) <= PATCH[0]


@pytest.mark.parametrize("batch_size", [2, 3, 100])
def test_logits_of_batches_are_equal_within_rounding(predictor, batch_size):
    found = torch.cat(slabs(predictor, (21, 30, 47), batch_size=batch_size), dim=1)

    torch.testing.assert_close(found, by_nnunet(predictor, (21, 30, 47)), atol=2e-3, rtol=2**-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_class_with_the_largest_logit_is_selected(predictor, shape):
    found = argmax_between(slabs(predictor, shape), None)

    np.testing.assert_array_equal(found, by_nnunet(predictor, shape).numpy().argmax(0))


def test_the_first_of_equal_logits_is_selected():
    logits = torch.tensor([[0.0, 1, 2], [3, 1, 2], [3, 0, 2]]).half().view(3, 3, 1, 1)

    assert argmax_between([logits], None).flatten().tolist() == [1, 0, 0]


def test_more_than_256_classes_are_supported():
    logits = torch.zeros((300, 1, 1, 1)).half()
    logits[299] = 1

    assert argmax_between([logits], None).item() == 299


@pytest.mark.parametrize("new_shape", [(43, 30, 60), (9, 35, 20), (21, 30, 47)])
@pytest.mark.parametrize("chunk", [1, 1 << 24])
def test_interpolated_logits_do_not_depend_on_the_chunk_size(predictor, monkeypatch, new_shape, chunk):
    old = (21, 30, 47)
    taps = tuple(linear_taps(by_edges(n, m), n) for n, m in zip(old, new_shape, strict=True))
    whole = argmax_between([by_nnunet(predictor, old)], taps)
    monkeypatch.setattr(sliding_window, "CHUNK_VOXELS", chunk)

    found = argmax_between(slabs(predictor, old), taps)

    assert found.shape == new_shape
    assert torch.equal(found, whole)
    assert len(found.unique()) == HEADS


def test_a_logit_that_is_not_finite_is_a_scan_error(predictor):
    broken = image((21, 30, 47))
    broken[3, 4, 5] = torch.inf

    with pytest.raises(ScanError, match="the output of the network is not finite"):
        list(logits_by_rows(predictor.network, HEADS, PATCH, broken, windows()))

"""An nnU-Net v2 model in memory, with its network and the preprocessing that its plans specify.

The network is built only from the plans. The loading function of nnU-Net searches for the class of the trainer. For
`nnUNetTrainerNoMirroring` of the public weights, it imports torchvision, which a CPU build of torch cannot load.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager, PlansManager
from torch import Tensor

from ctpop.foundation.errors import ContractError, in_one_line
from ctpop.models.model_folder import read_json
from ctpop.models.model_set import ModelPart, ModelSet
from ctpop.stages.segment.nnunet.checkpoint import load_checkpoint

SMALLEST_SD = 1e-8
RESAMPLING = "resample_data_or_seg_to_shape"


@dataclass(frozen=True)
class Intensity:
    """Attenuation (HU) of the training data: limits of clipping, mean, and standard deviation."""

    low: float
    high: float
    mean: float
    sd: float

    def normalize(self, hu: Tensor) -> Tensor:
        """Return clipped and standardized attenuation in float32 (CTNormalization of nnU-Net)."""
        clipped = hu.to(torch.float32, copy=True).clamp_(self.low, self.high)
        return clipped.sub_(self.mean).div_(max(self.sd, SMALLEST_SD))


@dataclass(frozen=True)
class Network:
    """A model on its device. Triples are in the axis order of the network, the permutation `turn` of (z, y, x)."""

    module: Callable[[Tensor], Tensor]
    heads: int
    patch: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    turn: tuple[int, int, int]
    intensity: Intensity
    resample_image: Callable[..., Any]
    resample_logits: dict[str, Any]
    merged_number: Tensor

    def number_in_set(self, labels: Tensor) -> Tensor:
        """Convert labels of this model to labels of the model set."""
        return self.merged_number.to(labels.device)[labels.int()]


def load_network(part: ModelPart, model_set: ModelSet, device: torch.device, compiled: bool = False) -> Network:
    """Load a part of a model set on a device.

    Raises
    ------
    ContractError
        If the checkpoint is rejected, has another configuration, or does not match the network of the plans, or if the
        network cannot be compiled.

    """
    checkpoint = load_checkpoint(part.checkpoint)
    trained = checkpoint["init_args"].get("configuration")
    if trained != part.configuration:
        raise ContractError(f"{part.checkpoint}: configuration must be {part.configuration}, found {trained}")
    try:
        plans, configuration = _read_plans(part)
        heads = plans.get_label_manager(read_json(part.folder / "dataset.json")).num_segmentation_heads
        module = get_network_from_plans(
            configuration.network_arch_class_name.replace(".residual_unet.", ".unet."),  # module name in old plans
            configuration.network_arch_init_kwargs,
            configuration.network_arch_init_kwargs_req_import,
            1,
            heads,
            deep_supervision=False,
        )
        module.load_state_dict(checkpoint["network_weights"])
        module.eval().to(device)
        if device.type == "cuda":
            halve_convolutions(module)
    except (RuntimeError, KeyError, TypeError) as error:
        raise ContractError(f"{part.folder}: the plans do not match the checkpoint: {in_one_line(error)}") from None
    return Network(
        compile_network(module, _triple(configuration.patch_size), device) if compiled else module,
        heads,
        _triple(configuration.patch_size),
        _triple(configuration.spacing),
        _triple(plans.transpose_forward),
        _intensity(plans),
        configuration.resampling_fn_data,
        _logits_resampling(configuration, part),
        _numbers(part, model_set, heads),
    )


def halve_convolutions(module: torch.nn.Module) -> None:
    """Store weights of convolutions in float16, which autocast would otherwise compute for each window."""
    for part in module.modules():
        if isinstance(part, torch.nn.modules.conv._ConvNd):
            part.half()


def compile_network(
    module: torch.nn.Module, patch: tuple[int, int, int], device: torch.device
) -> Callable[[Tensor], Tensor]:
    """Compile a network for its patch size, which takes about half a minute.

    Raises
    ------
    ContractError
        If torch cannot compile the network.

    """
    compiled: Callable[[Tensor], Tensor] = torch.compile(module)
    try:
        with torch.inference_mode(), torch.autocast(device.type, enabled=device.type == "cuda"):
            compiled(torch.zeros((1, 1, *patch), device=device))
    except Exception as error:  # noqa: BLE001  the compiler raises many types of errors
        raise ContractError(f"segment.compile: torch cannot compile the network: {in_one_line(error)}") from None
    return compiled


def _read_plans(part: ModelPart) -> tuple[PlansManager, ConfigurationManager]:
    plans = PlansManager(read_json(part.folder / "plans.json"))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Detected old nnU-Net plans")  # the plans of the public weights are old
        return plans, plans.get_configuration(part.configuration)


def _intensity(plans: PlansManager) -> Intensity:
    known = plans.foreground_intensity_properties_per_channel["0"]
    return Intensity(known["percentile_00_5"], known["percentile_99_5"], known["mean"], known["std"])


def _logits_resampling(configuration: ConfigurationManager, part: ModelPart) -> dict[str, Any]:
    named = configuration.configuration["resampling_fn_probabilities"]
    known: dict[str, Any] = configuration.configuration["resampling_fn_probabilities_kwargs"]
    if named != RESAMPLING or known.get("order", 3) != 1 or known.get("order_z", 0) != 0:
        raise ContractError(
            f"{part.folder}/plans.json: the resampling function of logits must be {RESAMPLING} with order 1 and"
            f" order_z 0, found {named} with {known}"
        )
    return known


def _numbers(part: ModelPart, model_set: ModelSet, heads: int) -> Tensor:
    numbers = np.zeros(heads, np.uint8 if max(model_set.labels.values()) <= np.iinfo(np.uint8).max else np.int32)
    for structure, number in part.labels.items():
        numbers[number] = model_set.labels[structure]
    return torch.from_numpy(numbers)


def _triple(values: Any) -> tuple[Any, Any, Any]:
    first, second, third = values
    return first, second, third
